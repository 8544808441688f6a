// Package problem is how both of a server's HTTP interfaces read requests and
// tell errors: strict JSON in, RFC 9457 problem documents out.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/ipam/plugin"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// readTimeout bounds the time in which a request's body has to arrive.
const readTimeout = 30 * time.Second

// New makes an error with a given answer.
func New(status int, typ, format string, args ...any) *api.Error {
	return &api.Error{Type: typ, Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// Invalid makes the error of a request that makes no sense.
func Invalid(format string, args ...any) *api.Error {
	return New(http.StatusBadRequest, api.TypeInvalid, format, args...)
}

// kinds says how errors are answered; the first that matches counts.
var kinds = []struct {
	err    error
	status int
	typ    string
}{
	{revision.ErrNotFound, http.StatusNotFound, api.TypeNotFound},
	{revision.ErrPrecondition, http.StatusPreconditionFailed, api.TypeConflict},
	{revision.ErrStalePlan, http.StatusConflict, api.TypeStalePlan},
	{revision.ErrPendingEdits, http.StatusConflict, api.TypeConflict},
	{revision.ErrBusy, http.StatusConflict, api.TypeConflict},
	{plugin.ErrTaken, http.StatusConflict, api.TypeConflict},
	{plugin.ErrNone, http.StatusConflict, api.TypeConflict},
	{plugin.ErrNotEmpty, http.StatusConflict, api.TypeConflict},
	{plugin.ErrUnreachable, http.StatusBadGateway, api.TypeUnavailable},
	{ipam.ErrNotAssigned, http.StatusNotFound, api.TypeNotFound},
	{pki.ErrRequest, http.StatusBadRequest, api.TypeInvalid},
	{pki.ErrToken, http.StatusForbidden, api.TypeForbidden},
	{pki.ErrNameTaken, http.StatusConflict, api.TypeConflict},
	{pki.ErrNotMember, http.StatusForbidden, api.TypeForbidden},
	{access.ErrNotFound, http.StatusNotFound, api.TypeNotFound},
	{access.ErrExists, http.StatusConflict, api.TypeConflict},
	{access.ErrInUse, http.StatusConflict, api.TypeConflict},
	{access.ErrChanged, http.StatusPreconditionFailed, api.TypeConflict},
	{access.ErrInvalid, http.StatusBadRequest, api.TypeInvalid},
	{access.ErrThrottled, http.StatusTooManyRequests, api.TypeUnavailable},
	{access.ErrAuthentication, http.StatusUnauthorized, api.TypeForbidden},
	{store.ErrNoSpace, http.StatusInsufficientStorage, api.TypeNoSpace},
	{store.ErrTooLarge, http.StatusRequestEntityTooLarge, api.TypeTooLarge},
	{store.ErrConflict, http.StatusConflict, api.TypeConflict},
	{store.ErrUnavailable, http.StatusServiceUnavailable, api.TypeUnavailable},
	{context.Canceled, http.StatusServiceUnavailable, api.TypeUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, api.TypeUnavailable},
}

// From makes the problem document of an error.
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
	if e.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		log.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	b, err := json.Marshal(e)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(append(b, '\n')) // whoever asked is gone if this fails
}

// Reply answers with a value as JSON.
func Reply(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // whoever asked is gone if this fails
	return nil
}

// Body reads a request's body of at most limit bytes. It has to arrive in time,
// so that nobody can hold connections open by sending slowly.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	// Not every writer can set deadlines (those of tests cannot): then there is none.
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(readTimeout))
	b, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, New(http.StatusRequestEntityTooLarge, api.TypeTooLarge, "the request is larger than %d bytes: split it into several", limit)
	}
	if err != nil {
		return nil, Invalid("the request's body did not arrive: %s", err)
	}
	_ = rc.SetReadDeadline(time.Time{})
	return b, nil
}

// readAll is io.ReadAll, without memory to spare for what is known to be short.
func readAll(r io.Reader, length int64) ([]byte, error) {
	const short = 4096
	if length < 0 || length > short {
		return io.ReadAll(r)
	}
	b := make([]byte, length)
	_, err := io.ReadFull(r, b)
	return b, err
}

// Decode reads a request's body as JSON. Unknown fields are refused, and so is
// anything behind the value. An empty body leaves into as it is.
func Decode(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	b, err := Body(w, r, limit)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	return Strict(b, into)
}
