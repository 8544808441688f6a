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
}

// New reads a bundle. It fails if there is no index.html in it.
func New(bundle fs.FS) (*Handler, error) {
	h := &Handler{files: make(map[string]*file)}
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
	return h, nil
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	return &file{
		plain: content, zipped: sync.OnceValue(func() []byte { return compress(content) }),
		contentType: cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"),
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
	}
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
	switch {
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
	header.Set("Content-Security-Policy", policy)
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
