package server_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
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
