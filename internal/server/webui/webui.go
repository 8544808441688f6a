// Package webui serves the web interface: the files that are built from web/src, to anybody,
// since they show nothing of the network. Everything that the pages show they ask of the
// native API, with the session of the user.
package webui

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/server/manual"
)

// policy is the Content-Security-Policy of the pages: scripts, styles and requests of this
// server only, nothing inline, and no page of another site around them. The one inline
// style, by its hash, is "display: contents;" of bits-ui's lists.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"style-src-attr 'unsafe-hashes' 'sha256-iaOezIDcQIoxCULa6FBKKuLUu09R7kG+Mlu+JVfU3Rw='; img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// assets is the folder of files with a hash of their content in their names: those never
// change.
const assets = "assets/"

// index is the page that shows all addresses of the interface.
const index = "index.html"

// file is a file of the bundle.
type file struct {
	plain []byte
	// zipped returns the compressed content, empty if that is no shorter. It is compressed
	// for the first browser that asks: a server starts without this work.
	zipped      func() []byte
	contentType string
	etag        string
}

// Handler serves the bundle. New makes one.
type Handler struct {
	files map[string]*file
	// docs are the pages of the documentation, made when they are first asked for.
	docs map[string]func() *file
}

// docsAt is the folder of the documentation.
const docsAt = "docs/"

// New reads a bundle and the documentation. It fails if there is no index.html in the bundle.
func New(bundle, documentation fs.FS) (*Handler, error) {
	h := &Handler{files: make(map[string]*file), docs: make(map[string]func() *file)}
	err := fs.WalkDir(bundle, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(bundle, name)
		if err != nil {
			return err
		}
		h.files[name] = newFile(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the web interface: %w", err)
	}
	if h.files[index] == nil {
		return nil, fmt.Errorf("reading the web interface: it has no %s; make web builds it", index)
	}
	pages, err := manual.Pages(documentation)
	for name, content := range pages {
		h.docs[name] = sync.OnceValue(func() *file { return newFile(name, content()) })
	}
	return h, err
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	return &file{
		plain: content, zipped: sync.OnceValue(func() []byte { return compress(content) }),
		contentType: contentType(name),
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
	}
}

func contentType(name string) string {
	if path.Ext(name) == ".md" { // rendered
		return mime.TypeByExtension(".html")
	}
	return cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
}

// compress returns the content in the format gzip, or nothing if that is no shorter.
func compress(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
		err = errors.Join(err, w.Close())
	}
	if err != nil || b.Len() >= len(content) { // writing to memory does not fail
		return nil
	}
	return b.Bytes()
}

// Serves reports whether a request is for the web interface: a file of the bundle, or an
// address that the page itself shows. Everything else below the root belongs to the APIs.
func (h *Handler) Serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "api", "api2", "agent", "healthz", "readyz":
		return false
	}
	return true
}

// ServeHTTP sends a file, or for any other address the page, which shows what the address
// names.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	f := h.files[name]
	header := w.Header()
	used := policy
	switch {
	case name == "docs" || name == docsAt:
		http.Redirect(w, r, "/"+docsAt+manual.Index, http.StatusFound)
		return
	case strings.HasPrefix(name, docsAt):
		render := h.docs[strings.TrimPrefix(name, docsAt)]
		if render == nil {
			http.Error(w, "there is no such page of the documentation: begin at /"+docsAt, http.StatusNotFound)
			return
		}
		header.Set("Cache-Control", "no-cache")
		f, used = render(), manual.Policy
	case f != nil && strings.HasPrefix(name, assets):
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	case strings.HasPrefix(name, assets):
		// A page of an earlier release asks for its files; the new page has others.
		http.Error(w, "there is no such file: reload the page", http.StatusNotFound)
		return
	default:
		header.Set("Cache-Control", "no-cache")
		if f == nil {
			f = h.files[index]
		}
	}
	header.Set("Content-Security-Policy", used)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Vary", "Accept-Encoding")
	header.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", f.contentType)
	content := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if zipped := f.zipped(); zipped != nil {
			header.Set("Content-Encoding", "gzip")
			content = zipped
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // fails only if the client has disconnected
	}
}
