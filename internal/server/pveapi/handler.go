package pveapi

import (
	"cmp"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	trail "github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Handler serves the API. The fields up to Log are required, except External.
type Handler struct {
	Config    *revision.Service
	Addresses *ipam.Service
	Fleet     *fleet.Fleet
	Access    *access.Service
	Tasks     *task.Service
	// Audit records changes and their authors.
	Audit trail.Trail
	// Store holds the lock of the networks and the external systems.
	Store store.Store
	// External has the clients of external systems, with the addresses that they may use.
	External systems.Clients
	// Version is the release of Viaduct.
	Version string
	// Node is the name of the host that the server runs on.
	Node string
	Log  *slog.Logger
	// Local reports whether a request came through the socket of administrators,
	// who need no password; nil means that none does.
	Local func(*http.Request) bool
	// Certificate is the certificate of the server's port; nil if it has none.
	Certificate func() (*x509.Certificate, error)
	// Stop, when closed, ends all waits.
	Stop <-chan struct{}
}

// The two forms of the API. They differ in the envelope of an answer.
const (
	prefixJSON  = "/api2/json"
	prefixExtJS = "/api2/extjs"
)

// Prefix is the start of all paths.
const Prefix = "/api2/"

// maxPath limits how much of a path a message shows, in bytes.
const maxPath = 200

// server is a Handler with its table of operations.
type server struct {
	*Handler
	table *router
}

// Routes returns the API as one handler, for paths below Prefix.
func (h *Handler) Routes() http.Handler {
	return &server{h, newRouter(h.Operations())}
}

// exchange is one request and the answer to it.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	extjs  bool
	path   string // below the prefix
	op     *Operation
	caller string // for the log
	login  string // the user of a login, if it was one
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // a value that is thrown, never wrapped
			panic(p)
		}
		s.Log.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		x.fail(&Failure{http.StatusInternalServerError, internalError}, nil)
	}()
	data, err := s.serve(x)
	var body []byte
	if err == nil {
		body, err = encode(data)
	}
	s.record(x, err)
	if err != nil {
		s.answerError(x, err)
		return
	}
	x.succeed(body, data)
}

// record writes a change, its author and its result to the audit trail. Requests
// without a known caller are in the log only.
func (s *server) record(x *exchange, err error) {
	author := cmp.Or(x.caller, x.login)
	if author == "" || x.op == nil || x.r.Method == http.MethodGet {
		return
	}
	e := trail.Entry{Author: author, Claimed: x.login != "" && err != nil, From: remote(x.r), Operation: x.op.Method + " " + x.op.Path, Target: x.path, Status: http.StatusOK}
	if err != nil {
		f, _ := failureOf(err)
		e.Status = f.Code
		e.Error, _, _ = strings.Cut(f.Text, "\n")
	}
	s.Audit.Record(e)
}

// answerError answers with an error, and logs it if it is a fault of the server.
func (s *server) answerError(x *exchange, err error) {
	f, known := failureOf(err)
	if gone := x.r.Context().Err() != nil; !gone && (!known || f.Code == http.StatusServiceUnavailable || f.Code == http.StatusInsufficientStorage) {
		s.Log.Error("a request failed", "method", x.r.Method, "path", x.r.URL.Path, "caller", x.caller, "error", err)
	}
	var faults Params
	_ = errors.As(err, &faults) // nil if it is another error
	x.fail(f, faults)
}

// serve finds the operation, and runs it if the caller has the permission.
func (s *server) serve(x *exchange) (any, error) {
	r := x.r
	segments, err := x.split()
	if err != nil {
		return nil, err
	}
	x.op = s.table.find(r.Method, segments)
	c := &Call{Context: r.Context(), Op: x.op, From: remote(r), Local: s.local(r), access: s.Access, log: s.Log}
	open := x.op != nil && x.op.open()
	if !open {
		if c.Who, err = s.authenticate(r); err != nil {
			return nil, err
		}
		x.caller = c.Who.String()
		limit.Own(r, x.caller)
	}
	if x.op == nil {
		return nil, Unimplemented(r.Method, x.path)
	}
	most := int64(maxBody)
	if open {
		most = maxOpenBody
	}
	given, err := x.read(most)
	if err != nil {
		return nil, err
	}
	if c.Params, err = x.op.check(segments, given); err != nil {
		return nil, err
	}
	if err := s.resolveNode(c); err != nil {
		return nil, err
	}
	if x.op.Allow.Check != nil {
		if err := x.op.Allow.Check(c); err != nil {
			return nil, err
		}
	}
	out, err := x.op.Handle(c)
	x.login = c.login
	return out, err
}

// split returns the decoded segments of the request's path below the prefix.
func (x *exchange) split() ([]string, error) {
	path := x.r.URL.EscapedPath()
	rest, ok := below(path, prefixJSON)
	if !ok {
		if rest, ok = below(path, prefixExtJS); !ok {
			return nil, Unimplemented(x.r.Method, short(x.r.URL.Path, maxPath))
		}
		x.extjs = true
	}
	parts, err := segments(rest)
	if err != nil {
		return nil, err
	}
	x.path = short("/"+strings.Join(parts, "/"), maxPath)
	return parts, nil
}

// below cuts a prefix of whole segments off a path.
func below(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// remote returns the address of the client without the port, or "local" for the socket
// of administrators, which has none.
func remote(r *http.Request) string {
	if r.RemoteAddr == "" || r.RemoteAddr == "@" {
		return "local"
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
