package server_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"

	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// TestAdminIsRenewedWhileRunning takes the administrator's certificate away, as
// good as one that ends: the server makes another without a restart.
func TestAdminIsRenewedWhileRunning(t *testing.T) {
	r := start(t, mem.New(), t.TempDir(), server.RefreshEvery(10*time.Millisecond))
	crt := filepath.Join(r.data, "admin.crt")
	if err := os.WriteFile(crt, []byte("not good any more"), 0o600); err != nil {
		t.Fatal(err)
	}
	tick, timeout := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		if b, err := os.ReadFile(crt); err == nil && string(b) != "not good any more" {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("the certificate was not replaced")
		}
	}
}

// admin is a client with the administrator's certificate of a server as it is now.
func (r *running) admin(t *testing.T, url string) *client.Client {
	t.Helper()
	file := func(name string) string { return filepath.Join(r.data, name) }
	c, err := client.New(url, client.WithTLS(file("admin.crt"), file("admin.key"), file("ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Version(t.Context()); err != nil { // with what is in the files now
		t.Fatal(err)
	}
	return c
}

// A revoked certificate counts at no server, what waits or streams with it ends, the server
// that has it makes another, and the audit says who revoked it.
func TestRevokedAdministrator(t *testing.T) {
	st := mem.New()
	a := start(t, st, t.TempDir(), func(c *server.Config) { c.MaxPoll = 2 * patience })
	b := start(t, st, t.TempDir())
	c, there := a.admin(t, a.url), a.admin(t, b.url)
	all, err := b.local.Administrators(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	file, err := os.ReadFile(filepath.Join(a.data, "admin.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	serial := pki.Serial(cert)
	for _, one := range all {
		if one.Name != "admin" || one.Host == "" || !one.Revoked.IsZero() || time.Until(one.Expires) < 24*time.Hour {
			t.Errorf("%+v", one)
		}
	}
	status, err := c.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() {
		_, err := c.Status(context.Background(), status.Version)
		ended <- err
	}()
	ready := make(chan struct{}, 1)
	go func() {
		var last error
		for _, err := range c.Events(context.Background(), "") {
			if last = err; err == nil {
				ready <- struct{}{}
			}
		}
		ended <- last
	}()
	<-ready
	if err := b.local.RevokeAdministrator(t.Context(), serial); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("what waited was answered")
			}
		case <-time.After(patience):
			t.Fatal("what waits with a revoked certificate goes on")
		}
	}
	for where, c := range map[string]*client.Client{"its own server": c, "another": there} {
		if _, err := c.Members(t.Context()); !api.IsType(err, api.TypeForbidden) || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("at %s: %v", where, err)
		}
	}
	if err := b.local.RevokeAdministrator(t.Context(), "0f"); !api.IsType(err, api.TypeNotFound) || !strings.Contains(err.Error(), "viaduct admin list") {
		t.Errorf("one that there is not: %v", err)
	}
	tick, timeout := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for renewed := file; string(renewed) == string(file) || err != nil; renewed, err = os.ReadFile(filepath.Join(a.data, "admin.crt")) {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("the server made no other certificate")
		}
	}
	if _, err := a.admin(t, b.url).Members(t.Context()); err != nil {
		t.Errorf("the new one: %v", err)
	}
	entries, err := b.local.Audit(t.Context(), clientAll)
	if err != nil || entries[1].Operation != "revokeAdministrator" || !strings.HasSuffix(entries[1].Target, serial) {
		t.Errorf("%+v, %v", entries, err)
	}
	all, err = b.local.Administrators(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, one := range all {
		if revoked := !one.Revoked.IsZero(); revoked != (one.Serial == serial) || revoked && !strings.HasSuffix(one.RevokedBy, "@local") {
			t.Errorf("%+v", one)
		}
	}
}
