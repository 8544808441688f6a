package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

const patience = time.Minute

// tempData is a directory whose path is short enough for sockets.
func tempData(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "d")
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// serve runs a server as `viaduct server` does, until what it returns is called.
func serve(t *testing.T, f *serverFlags) (c *client.Client, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- runServer(ctx, "test", f, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("the server did not start: %v", err)
	case <-time.After(patience):
		t.Fatal("the server did not become ready")
	}
	c, err := client.New("unix://" + filepath.Join(f.data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	}
	t.Cleanup(stop)
	return c, stop
}

// externalEtcd is an etcd of its own, and its URL.
func externalEtcd(t *testing.T) string {
	t.Helper()
	loopback := func() []url.URL { return []url.URL{{Scheme: "http", Host: freeAddress(t)}} }
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.ListenClientUrls = loopback()
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.ListenPeerUrls = loopback()
	cfg.AdvertisePeerUrls = cfg.ListenPeerUrls
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(patience):
		t.Fatal("etcd did not become ready")
	}
	return cfg.ListenClientUrls[0].String()
}

// joined is a node's connection with the certificate that it got.
func joined(t *testing.T, c *client.Client, address, name string) func() int {
	t.Helper()
	token, err := c.CreateToken(t.Context(), api.TokenRequest{Node: name})
	if err != nil {
		t.Fatal(err)
	}
	cert, key, ca, err := pki.Join(t.Context(), "https://"+address, token.Token, name)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pki.AgentTLS(cert, key, ca)
	if err != nil {
		t.Fatal(err)
	}
	node := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, Protocols: pki.OnlyHTTP2(), DisableKeepAlives: true}, Timeout: patience}
	return func() int {
		resp, err := node.Get("https://" + address + "/agent/v1/desired?have=")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
}

// A backup of a running server, embedded store or external etcd, brings back everything
// into an empty place: the configuration, users, and the authority, so that a node goes
// on with its certificate.
func TestBackupAndRestore(t *testing.T) {
	for name, from := range map[string]func(t *testing.T, f *serverFlags){
		"embedded": func(*testing.T, *serverFlags) {},
		"external": func(t *testing.T, f *serverFlags) { t.Helper(); f.etcd = []string{externalEtcd(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			f := &serverFlags{data: tempData(t), listen: []string{address}}
			from(t, f)
			c, stop := serve(t, f)
			if _, err := c.Edit(t.Context(), []api.Edit{{Put: &model.Zone{ID: "za", Type: model.ZoneSimple}}}, false); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Apply(t.Context(), api.ApplyRequest{Message: "first"}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.PutUser(t.Context(), api.User{ID: "bob@pve"}, ""); err != nil {
				t.Fatal(err)
			}
			poll := joined(t, c, address, "node1")
			if code := poll(); code != http.StatusOK {
				t.Fatalf("the node is answered %d", code)
			}
			file := filepath.Join(t.TempDir(), "backup")
			if out, code := run(t, "--server", "unix://"+filepath.Join(f.data, "api.sock"), "backup", file); code != 0 {
				t.Fatalf("backup: %d\n%s", code, out)
			}
			if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", fi.Mode(), err)
			}
			stop()
			to := &serverFlags{data: tempData(t), listen: []string{address}}
			from(t, to)
			restoring := []string{"restore", file, "--data", to.data}
			for _, e := range to.etcd {
				restoring = append(restoring, "--etcd", e)
			}
			if out, code := run(t, restoring...); code != 0 {
				t.Fatalf("restore: %d\n%s", code, out)
			}
			if out, code := run(t, restoring...); code == 0 || !strings.Contains(out, "not empty") {
				t.Errorf("a second restore: %d\n%s", code, out)
			}
			c, _ = serve(t, to)
			if o, _, err := c.Get(t.Context(), model.KindZone, "za", "running"); err != nil || o == nil {
				t.Errorf("%v, %v", o, err)
			}
			if h, err := c.Revisions(t.Context()); err != nil || len(h) != 1 || h[0].Message != "first" {
				t.Errorf("%+v, %v", h, err)
			}
			if u, _, err := c.User(t.Context(), "bob@pve"); err != nil || u == nil {
				t.Errorf("%v", err)
			}
			if code := poll(); code != http.StatusOK {
				t.Errorf("the node is answered %d by the restored server", code)
			}
		})
	}
}

// A restore refuses a damaged file, a directory in use and one that is not empty, before
// it touches anything, and says what to do.
func TestRestoreRefuses(t *testing.T) {
	f := &serverFlags{data: tempData(t), listen: []string{freeAddress(t)}}
	_, stop := serve(t, f)
	file := filepath.Join(t.TempDir(), "backup")
	if out, code := run(t, "--server", "unix://"+filepath.Join(f.data, "api.sock"), "backup", file); code != 0 {
		t.Fatalf("backup: %d\n%s", code, out)
	}
	if out, code := run(t, "restore", file, "--data", f.data); code == 0 || !strings.Contains(out, "move the directory away") {
		t.Errorf("a running server's directory: %d\n%s", code, out)
	}
	stop()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, b[:len(b)-30], 0o600); err != nil {
		t.Fatal(err)
	}
	to := tempData(t)
	if out, code := run(t, "restore", cut, "--data", to); code == 0 || !strings.Contains(out, "nothing was changed") {
		t.Errorf("a damaged file: %d\n%s", code, out)
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("a damaged file made the directory: %v", err)
	}
	// What a restore that was killed left behind is no obstacle, and nothing that a
	// server would start on.
	if err := os.MkdirAll(filepath.Join(to, restoring, "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, "restore", file, "--data", to); code != 0 {
		t.Errorf("after a restore that was killed: %d\n%s", code, out)
	}
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) != 1 || entries[0].Name() != "store" {
		t.Errorf("%v, %v", entries, err)
	}
}
