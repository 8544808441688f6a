package server_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// breakable is a store that can be made to fail, as one whose cluster is gone.
type breakable struct {
	store.Store
	broken atomic.Bool
}

func (b *breakable) Get(ctx context.Context, key string) (store.Record, error) {
	if b.broken.Load() {
		return store.Record{}, errors.New("secret-host:2379 is down")
	}
	return b.Store.Get(ctx, key)
}

// ask asks for a path without a login.
func ask(t *testing.T, s *running, path, accept string) (int, string) {
	t.Helper()
	cl := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} // whose server it is does not matter here
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := cl.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A server tells without login that it lives and whether it is ready, which of its checks
// fails, and nothing of what it holds.
func TestHealth(t *testing.T) {
	st := &breakable{Store: mem.New()}
	s := start(t, st, t.TempDir())
	if _, err := s.local.Edit(t.Context(), []api.Edit{{Put: &model.Zone{ID: "tenant", Type: model.ZoneSimple}}}, false); err != nil {
		t.Fatal(err)
	}
	if code, text := ask(t, s, "/healthz", ""); code != 200 || text != "ok\n" {
		t.Errorf("%d %q", code, text)
	}
	if code, text := ask(t, s, "/readyz", ""); code != 200 || text != "ok\nlisteners: ok\nstore: ok\nconfiguration: ok\n" {
		t.Errorf("%d %q", code, text)
	}
	st.broken.Store(true)
	until := time.Now().Add(patience)
	code, text := ask(t, s, "/readyz", "application/json")
	for code == 200 && time.Now().Before(until) { // what was found out a moment ago counts for as long
		code, text = ask(t, s, "/readyz", "application/json")
	}
	var got struct {
		Ready  bool
		Checks []struct {
			Name string
			OK   bool
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 503 || got.Ready || len(got.Checks) != 3 {
		t.Fatalf("%d %q, %v", code, text, err)
	}
	for _, c := range got.Checks {
		if c.OK != (c.Name == "listeners") {
			t.Errorf("check %s: %v", c.Name, c.OK)
		}
	}
	if strings.Contains(text, "secret-host") || strings.Contains(text, "tenant") {
		t.Errorf("the answer tells too much: %s", text)
	}
	if code, _ := ask(t, s, "/healthz", ""); code != 200 {
		t.Errorf("a server whose store is gone does not live: %d", code)
	}
	st.broken.Store(false)
	if code, text := ask(t, s, "/readyz", ""); code != 200 {
		t.Errorf("the store is back, but %d %q", code, text)
	}
}
