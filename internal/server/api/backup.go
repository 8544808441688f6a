package api

import (
	"io"
	"net/http"

	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// backup sends everything that the store holds, including secrets and the authority's
// key. So it is only for those who could read it from the server's directory, or have an
// administrator's certificate.
func (h *Handler) backup(r *request) (any, error) {
	if !r.caller.admin {
		return nil, problem.New(http.StatusForbidden, api.TypeForbidden,
			"a backup holds the key of the cluster's authority, so no user may take one: ask at the server's own socket, or with an administrator's certificate (admin.crt)")
	}
	w := &countingWriter{w: r.w}
	r.w.Header().Set("Content-Type", "application/octet-stream")
	err := h.Backup(r.Context(), w)
	if err != nil && w.n == 0 {
		r.w.Header().Del("Content-Type")
		return nil, err
	}
	if err != nil {
		h.Log.Error("a backup could not be sent as a whole", "error", err, "author", r.caller.name)
		panic(http.ErrAbortHandler) // the client must not regard it as complete
	}
	h.Log.Info("a backup was taken", "bytes", w.n, "author", r.caller.name)
	return written{}, nil
}

// countingWriter counts the bytes written.
type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
