package webui

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/viaduct-sdn/viaduct/docs"
	"github.com/viaduct-sdn/viaduct/internal/server/manual"
	"github.com/viaduct-sdn/viaduct/web"
)

func get(t *testing.T, h *Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every address shows the page; files with a hash in their names may be kept forever, the
// page itself is asked for each time.
func TestFiles(t *testing.T) {
	const script = "console.log('hello, hello, hello, hello, hello, hello, hello, hello, hello')"
	h, err := New(fstest.MapFS{"index.html": {Data: []byte("<html>page</html>")}, "assets/a-1.js": {Data: []byte(script)}}, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/zones", "/zones/prod", "/subnets/prod-10.0.0.0-24", "/index.html"} {
		r := get(t, h, path)
		if r.StatusCode != http.StatusOK || body(t, r) != "<html>page</html>" || r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
		for _, forbidden := range []string{"unsafe-inline", "unsafe-eval", "*", "data:"} {
			if p := r.Header.Get("Content-Security-Policy"); p == "" || strings.Contains(p, forbidden) {
				t.Errorf("%s: policy %q", path, p)
			}
		}
		if again := get(t, h, path, "If-None-Match", r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
	r := get(t, h, "/assets/a-1.js")
	if body(t, r) != script || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("script: %v", r.Header)
	}
	r = get(t, h, "/assets/a-1.js", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != script || r.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("compressed script: %q %v", b, err)
	}
	if r := get(t, h, "/assets/of-an-earlier-release.js"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a missing file answers %d", r.StatusCode)
	}
}

// What belongs to the APIs is not answered with the page, and nothing is written here.
func TestAddressesOfTheAPIs(t *testing.T) {
	h := &Handler{}
	for request, want := range map[string]bool{
		"GET /": true, "GET /zones/prod": true, "HEAD /": true, "GET /apis": true,
		"GET /api/v1/nothing": false, "GET /api": false, "GET /api2/json/version": false, "GET /agent/v1/join": false, "GET /healthz": false, "POST /zones": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := h.Serves(httptest.NewRequest(method, path, nil)); got != want {
			t.Errorf("%s: %v", request, got)
		}
	}
}

func TestWithoutAPage(t *testing.T) {
	if _, err := New(fstest.MapFS{"a.js": {}}, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "make web") {
		t.Errorf("error %v", err)
	}
}

// The bundle that is committed is complete, has nothing that the policy forbids, and its
// first page is small: 250 KB at most, compressed.
func TestBundle(t *testing.T) {
	h, err := New(web.Bundle(), docs.Files)
	if err != nil {
		t.Fatal(err)
	}
	page := string(h.files[index].plain)
	if inline := regexp.MustCompile(`<script[^>]*>\s*[^<\s]|<style|style=|\son\w+=`).FindString(page); inline != "" {
		t.Errorf("the page has something inline: %s", inline)
	}
	first := len(h.files[index].zipped())
	named := regexp.MustCompile(`(?:src|href)="/([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 3 { // icon, script, style
		t.Errorf("the page names %v", named)
	}
	for _, m := range named {
		f := h.files[m[1]]
		if f == nil {
			t.Errorf("the page names %s, which the bundle does not have", m[1])
			continue
		}
		first += len(f.zipped())
	}
	if first > 250<<10 {
		t.Errorf("the first page takes %d bytes", first)
	}
}

// The documentation is pages of their own, under a policy of their own; what it has not got is
// said to be missing.
func TestDocumentation(t *testing.T) {
	h, err := New(web.Bundle(), docs.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs", "/docs/"} {
		if r := get(t, h, path); r.StatusCode != http.StatusFound || r.Header.Get("Location") != "/docs/index.md" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
	r := get(t, h, "/docs/how-to/vlan.md")
	if text := body(t, r); r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(text, "<h1 id=") || r.Header.Get("Content-Security-Policy") != manual.Policy {
		t.Errorf("a page: %d %v", r.StatusCode, r.Header)
	}
	for path, want := range map[string]string{"/docs/style.css": "text/css; charset=utf-8", "/docs/images/web-panel.png": "image/png"} {
		if r := get(t, h, path); r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
	if r := get(t, h, "/docs/how-to/fly.md"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a page that is missing: %d", r.StatusCode)
	}
	// Every page that the interface leads to exists.
	sources := regexp.MustCompile(`(?:docs\('|page: ')([^'#]+)`)
	err = filepath.WalkDir("../../../web/src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range sources.FindAllStringSubmatch(string(source), -1) {
			if r := get(t, h, "/docs/"+m[1]); strings.HasSuffix(m[1], ".md") && r.StatusCode != http.StatusOK {
				t.Errorf("%s leads to %s, which does not exist", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
