// Package problem has what both of a server's HTTP interfaces use to read requests and
// to report errors: strict JSON in, RFC 9457 problem documents out.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// New returns an error with a given answer.
func New(status int, typ, format string, args ...any) *api.Error {
	return &api.Error{Type: typ, Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// Invalid returns the error for an invalid request.
func Invalid(format string, args ...any) *api.Error {
	return New(http.StatusBadRequest, api.TypeInvalid, format, args...)
}

// kinds maps errors to answers; the first match counts.
var kinds = []struct {
	err    error
	status int
	typ    string
}{
	{revision.ErrNotFound, http.StatusNotFound, api.TypeNotFound},
	{revision.ErrPrecondition, http.StatusPreconditionFailed, api.TypeConflict},
	{revision.ErrStalePlan, http.StatusConflict, api.TypeStalePlan},
	{revision.ErrPendingFull, http.StatusConflict, api.TypeConflict},
	{revision.ErrLiveFull, http.StatusConflict, api.TypeConflict},
	{revision.ErrPendingEdits, http.StatusConflict, api.TypeConflict},
	{revision.ErrTooMany, http.StatusRequestEntityTooLarge, api.TypeTooLarge},
	{revision.ErrBusy, http.StatusConflict, api.TypeConflict},
	{external.ErrTaken, http.StatusConflict, api.TypeConflict},
	{external.ErrNone, http.StatusConflict, api.TypeConflict},
	{external.ErrNotEmpty, http.StatusConflict, api.TypeConflict},
	{external.ErrUnreachable, http.StatusBadGateway, api.TypeUnavailable},
	{ipam.ErrNotAssigned, http.StatusNotFound, api.TypeNotFound},
	{pki.ErrRequest, http.StatusBadRequest, api.TypeInvalid},
	{pki.ErrToken, http.StatusForbidden, api.TypeForbidden},
	{pki.ErrNameTaken, http.StatusConflict, api.TypeConflict},
	{pki.ErrNotMember, http.StatusForbidden, api.TypeForbidden},
	{pki.ErrRevoked, http.StatusForbidden, api.TypeForbidden},
	{pki.ErrNoCertificate, http.StatusNotFound, api.TypeNotFound},
	{access.ErrNotFound, http.StatusNotFound, api.TypeNotFound},
	{access.ErrExists, http.StatusConflict, api.TypeConflict},
	{access.ErrInUse, http.StatusConflict, api.TypeConflict},
	{access.ErrChanged, http.StatusPreconditionFailed, api.TypeConflict},
	{access.ErrInvalid, http.StatusBadRequest, api.TypeInvalid},
	{access.ErrThrottled, http.StatusTooManyRequests, api.TypeUnavailable},
	{access.ErrAuthentication, http.StatusUnauthorized, api.TypeForbidden},
	{limit.ErrBusy, http.StatusServiceUnavailable, api.TypeUnavailable},
	{store.ErrNoSpace, http.StatusInsufficientStorage, api.TypeNoSpace},
	{store.ErrTooLarge, http.StatusRequestEntityTooLarge, api.TypeTooLarge},
	{store.ErrConflict, http.StatusConflict, api.TypeConflict},
	{store.ErrUnavailable, http.StatusServiceUnavailable, api.TypeUnavailable},
	{context.Canceled, http.StatusServiceUnavailable, api.TypeUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, api.TypeUnavailable},
}

// From returns the problem document of an error.
func From(err error) *api.Error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	var problems model.Problems
	if errors.As(err, &problems) {
		e := New(http.StatusUnprocessableEntity, api.TypeInvalid, "%s", err)
		e.Problems = problems
		return e
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return New(k.status, k.typ, "%s", err)
		}
	}
	return New(http.StatusInternalServerError, api.TypeInternal, "%s; this is a fault of the server, see its log", err)
}

// Write answers with the problem document of an error. Faults of the server
// are logged.
func Write(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	e := From(err)
	if errors.Is(err, limit.ErrBusy) { // which is logged at intervals
		w.Header().Set("Retry-After", limit.RetryAfter)
	} else if e.Status >= http.StatusInternalServerError && e.Type != api.TypeNodeSilent && r.Context().Err() == nil {
		log.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	answer(w, e)
}

// Recover must be deferred in a handler: it answers 500 if that panics, and logs the
// panic with its stack, once.
func Recover(w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // a value that is thrown, never wrapped
		panic(p)
	}
	log.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	answer(w, New(http.StatusInternalServerError, api.TypeInternal, "this is a fault of the server, which its log describes; please report it"))
}

func answer(w http.ResponseWriter, e *api.Error) {
	b, err := json.Marshal(e)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(append(b, '\n')) // the client is disconnected if this fails
}

// Reply answers with a value as JSON.
func Reply(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // the client is disconnected if this fails
	return nil
}

// Body reads a request's body of at most most bytes. It refuses one with a larger
// declared length unread.
func Body(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	tooLarge := New(http.StatusRequestEntityTooLarge, api.TypeTooLarge, "the request is larger than %d bytes: split it into several", most)
	if r.ContentLength > most {
		return nil, tooLarge
	}
	b, err := readAll(http.MaxBytesReader(w, r.Body, most), r.ContentLength)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge
	case errors.Is(err, limit.ErrBusy):
		return nil, err
	case err != nil:
		return nil, Invalid("the request's body did not arrive: %s", err)
	}
	return b, nil
}

// readAll is io.ReadAll with a buffer of the declared length.
func readAll(r io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(r)
	}
	// The whole buffer is allocated once there is room for it: when the first read has
	// returned (package limit).
	begin := make([]byte, min(length, 4096))
	if _, err := io.ReadFull(r, begin); err != nil || length == int64(len(begin)) {
		return begin, err
	}
	b := make([]byte, length)
	n := copy(b, begin)
	_, err := io.ReadFull(r, b[n:])
	return b, err
}

// Decode reads a request's body as JSON. It refuses unknown fields and anything after the
// value. An empty body leaves into unchanged.
func Decode(w http.ResponseWriter, r *http.Request, most int64, into any) error {
	b, err := Body(w, r, most)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	return Strict(b, into)
}
