package pveapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const contentType = "application/json;charset=UTF-8"

// internalError is the whole answer to an error that is a fault of the server.
const internalError = "internal error: the server's log says more"

// Paged is a result that is one part of a longer list.
type Paged struct {
	Data  any
	Total int
}

// failureOf returns the answer to an error. known is false for an error that is a
// fault of the server, which the answer does not describe.
func failureOf(err error) (f *Failure, known bool) {
	var (
		denied  *Denied
		params  Params
		refusal schema.Refusal
	)
	switch {
	case errors.As(err, &f):
		return f, true
	case errors.As(err, &denied):
		return &Failure{http.StatusForbidden, denied.Error()}, true
	case errors.As(err, &refusal):
		return Failf("%s", refusal), true
	case errors.As(err, &params):
		// Proxmox ends this text with a newline.
		return &Failure{http.StatusBadRequest, params.Error() + "\n"}, true
	case errors.Is(err, access.ErrAuthentication):
		return &Failure{http.StatusUnauthorized, err.Error()}, true
	case errors.Is(err, access.ErrThrottled):
		return &Failure{http.StatusTooManyRequests, err.Error()}, true
	case errors.Is(err, access.ErrInvalid):
		return &Failure{http.StatusBadRequest, err.Error()}, true
	}
	for _, ours := range []error{
		access.ErrNotFound, access.ErrExists, access.ErrInUse, access.ErrChanged,
		task.ErrUnknown, task.ErrBusy, task.ErrStopped,
	} {
		if errors.Is(err, ours) {
			return Failf("%s", err), true
		}
	}
	switch p := problem.From(err); p.Type {
	case api.TypeInternal:
		return &Failure{http.StatusInternalServerError, internalError}, false
	case api.TypeUnavailable, api.TypeNoSpace:
		return &Failure{p.Status, p.Detail}, true
	default: // an invalid configuration has status 500 in Proxmox
		return Failf("%s", err), true
	}
}

// Text returns an error's text for operations that include it in a text of their own,
// with faults of parameters on lines below it. An error that is a fault of the server
// is logged only by the caller that answers with the error itself.
func Text(err error) string {
	var faults Params
	if !errors.As(err, &faults) {
		f, _ := failureOf(err)
		return f.Text
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", http.StatusBadRequest, faults.Error())
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		fmt.Fprintf(&b, "%s: %s\n", name, faults[name])
	}
	return b.String()
}

// wrap returns the envelope of an answer that is not a success.
func (x *exchange) wrap(f *Failure, faults Params) []byte {
	type answer struct {
		Success *int              `json:"success,omitempty"`
		Status  int               `json:"status,omitempty"`
		Data    any               `json:"data"`
		Message string            `json:"message"`
		Errors  map[string]string `json:"errors,omitempty"`
	}
	a := answer{Message: f.Text, Errors: faults}
	if x.extjs {
		a.Success, a.Status = new(int), f.Code
	}
	b, err := json.Marshal(a)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return b
}

// succeed answers with an encoded result.
func (x *exchange) succeed(body []byte, data any) {
	end := ""
	if p, ok := data.(Paged); ok {
		end = fmt.Sprintf(`,"total":%d`, p.Total)
	}
	if x.extjs {
		end += `,"success":1`
	}
	end += "}"
	const begin = `{"data":`
	x.header(x.w.Header(), http.StatusOK)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(begin)+len(body)+len(end)))
	for _, part := range [][]byte{[]byte(begin), body, []byte(end)} {
		if _, err := x.w.Write(part); err != nil {
			return // the client is disconnected
		}
	}
}

func (x *exchange) header(h http.Header, code int) {
	if code == http.StatusServiceUnavailable {
		h.Set("Retry-After", limit.RetryAfter)
	}
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
}

// fail answers with an error. The form for browsers has status 200 and has the error
// in its body, except for 401, which makes browsers ask for the password.
func (x *exchange) fail(f *Failure, faults Params) {
	body := x.wrap(f, faults)
	code := f.Code
	if x.extjs && code != http.StatusUnauthorized {
		code = http.StatusOK
	}
	if code != http.StatusOK && x.hijack(code, reason(code, f.Text), body) {
		return
	}
	x.header(x.w.Header(), f.Code)
	x.w.WriteHeader(code)
	_, _ = x.w.Write(body) // a failure means that the client is disconnected
}

// maxReason bounds the reason of a status line, in bytes.
const maxReason = 512

// reason returns the first line of a text in a form that a status line can carry.
func reason(code int, text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	if len(line) > maxReason {
		line = strings.ToValidUTF8(line[:maxReason], "")
	}
	if line = strings.TrimSpace(line); line == "" {
		return http.StatusText(code)
	}
	return line
}

// Time limits for the client to read an answer, and for the rest of a request to
// arrive before the connection is closed.
const (
	answerTimeout = 10 * time.Second
	linger        = time.Second
)

// hijack answers past net/http, which has a fixed reason for each status: clients
// of Proxmox read the error there. It closes the connection. It returns false
// if the protocol has no reason; then nothing was written.
func (x *exchange) hijack(code int, reason string, body []byte) bool {
	if x.r.ProtoMajor != 1 {
		return false
	}
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	h := http.Header{}
	x.header(h, code)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.%d %03d %s\r\n", x.r.ProtoMinor, code, reason)
	_ = h.Write(&b) // to memory
	b.WriteString("\r\n")
	if x.r.Method != http.MethodHead {
		b.Write(body)
	}
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := io.WriteString(conn, b.String()); err == nil {
		drain(conn)
	}
	return true
}

// drain reads the rest of a request that was answered early: closing the connection
// before that could destroy the answer in transit.
func drain(conn net.Conn) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.CopyN(io.Discard, conn, maxBody) // more is not waited for
}
