package client_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// The path of a socket may have any letter that a path may have.
func TestPathOfASocket(t *testing.T) {
	asked := 0
	for _, dir := range []string{"plain", "a,_b", "50%20", "what?", "x#y", "a b"} {
		// Not in t.TempDir: the kernel accepts 107 bytes, and the test's name is part of
		// that path.
		base, err := os.MkdirTemp("", "s")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(base) })
		path := filepath.Join(base, dir, "api.sock")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{}"))
		})}
		go func() { _ = srv.Serve(l) }()
		t.Cleanup(func() { _ = srv.Close() })
		c, err := client.New("unix://" + path)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		before := asked
		if _, err := c.Version(t.Context()); err != nil || asked != before+1 {
			t.Errorf("%s: asked %d times: %v", dir, asked-before, err)
		}
	}
}

func TestTargets(t *testing.T) {
	for targets, want := range map[string][]string{
		"https://a:8006":                 {"https://a:8006"},
		"https://a:8006, https://b:8006": {"https://a:8006", "https://b:8006"},
		"unix:///a,b/api.sock":           {"unix:///a,b/api.sock"},
		"unix:///a, b,https://c:1":       {"unix:///a, b", "https://c:1"},
		"unix:///a,/b":                   {"unix:///a", "/b"},
		"unix:///a,unix:///b,c":          {"unix:///a", "unix:///b,c"},
		"https://a:8006,b:8006":          {"https://a:8006", "b:8006"},
		"unix:///a,,unix:///b,":          {"unix:///a", "", "unix:///b", ""},
	} {
		if d := cmp.Diff(want, client.Targets(targets)); d != "" {
			t.Errorf("%s: %s", targets, d)
		}
	}
}
