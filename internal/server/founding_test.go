package server_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// refusesToStart demands that a server does not start, for a reason, and writes nothing.
func refusesToStart(t *testing.T, st store.Store, data string, says ...string) {
	t.Helper()
	before, _, err := st.List(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Data: data, Store: st, Version: "1.0", Listeners: []net.Listener{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = s.Run(ctx)
	if err == nil {
		t.Fatal("it started")
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v\ndoes not say %q", err, text)
		}
	}
	if after, _, err := st.List(t.Context(), "", ""); err != nil || len(after) != len(before) {
		t.Errorf("%d records after %d, %v", len(after), len(before), err)
	}
}

// A store that is lost is not founded anew behind its cluster's back.
func TestLostStore(t *testing.T) {
	data, st := t.TempDir(), mem.New()
	r := start(t, st, data)
	r.join(t, "n1")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(data, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, mem.New(), data, data, "--new-cluster", "copies")
	other := mem.New()
	if err := start(t, other, t.TempDir()).stop(); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, other, data, "another certificate authority", "--new-cluster")
	if now, err := os.ReadFile(filepath.Join(data, "ca.crt")); err != nil || string(now) != string(old) {
		t.Errorf("the directory was changed, %v", err)
	}
	// The other way round: the directory is lost, and follows from the store.
	if err := start(t, st, t.TempDir()).stop(); err != nil {
		t.Error(err)
	}
	if _, err := st.Txn(t.Context(), nil, []store.Op{store.Delete("pki/ca")}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{data, t.TempDir()} {
		refusesToStart(t, st, dir, "no certificate authority", "restore")
	}
	if err := start(t, mem.New(), data, func(c *server.Config) { c.NewCluster = true }).stop(); err != nil {
		t.Error(err)
	}
}

// A store of a newer release is left alone by an older one.
func TestStoreOfANewerRelease(t *testing.T) {
	data, st := t.TempDir(), mem.New()
	if err := start(t, st, data).stop(); err != nil {
		t.Fatal(err)
	}
	rec, err := st.Get(t.Context(), "format")
	if err != nil || !strings.Contains(string(rec.Value), `"format":1`) {
		t.Fatalf("%s, %v", rec.Value, err)
	}
	for value, says := range map[string]string{`{"format":2,"release":"9.9"}`: "9.9", `{}`: "damaged", `x`: "damaged"} {
		if _, err := st.Txn(t.Context(), nil, []store.Op{store.Put("format", []byte(value))}); err != nil {
			t.Fatal(err)
		}
		refusesToStart(t, st, data, says)
	}
	// One from before there were numbers is taken, and gets one.
	if _, err := st.Txn(t.Context(), nil, []store.Op{store.Delete("format")}); err != nil {
		t.Fatal(err)
	}
	if err := start(t, st, data).stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Get(t.Context(), "format"); err != nil {
		t.Error(err)
	}
}
