// Package api serves Viaduct's native HTTP interface, which pkg/api describes: it turns
// requests into calls of the configuration, the fleet, the authority and the user
// management, and their results into JSON.
//
// All of it follows from one table of routes (see table): the operations, their
// permissions, their audit entries and the OpenAPI document.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/event"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/positions"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxBody bounds a request's body, in bytes: enough for tens of thousands of
// objects.
const maxBody = 16 << 20

// Handler serves the interface. All fields but External, Ping and Stop are required.
type Handler struct {
	Config    *revision.Service
	Addresses *ipam.Service
	// External limits where external systems may be.
	External systems.Clients
	// Ping checks that the external system that an object describes is reachable; if
	// nil, none is checked.
	Ping      func(ctx context.Context, o model.Object) error
	Fleet     *fleet.Fleet
	Authority *pki.Authority
	Access    *access.Service
	Events    *event.Hub
	Positions *positions.Service
	Audit     audit.Trail
	// Warnings returns problems of the server itself; if nil, there are none.
	Warnings func() []message.Message
	// Servers returns the URLs of all servers of the cluster; if nil, clients are not
	// given any.
	Servers func() []string
	// Backup writes everything that the store holds.
	Backup func(ctx context.Context, w io.Writer) error
	// Administrator returns the name of an administrator who needs no user because of
	// how they connected, empty if it is somebody else, or an error if that way is
	// closed to them.
	Administrator func(r *http.Request) (string, error)
	// Administrators returns the certificates of such administrators.
	Administrators *pki.Administrators
	// Version is the server's release.
	Version string
	// LabCommand is the command that controls the lab of this server; empty outside of labs.
	LabCommand string
	// MaxPoll bounds long polls, which Stop, when closed, ends at once.
	MaxPoll time.Duration
	Stop    <-chan struct{}
	Log     *slog.Logger

	streams  streams
	pictures pictures
	// strangers limits how often the refusal of an unknown caller is logged.
	strangers rate.Sometimes
	document  func() []byte // made on first use
}

// request is a request with a known caller.
type request struct {
	*http.Request
	w      http.ResponseWriter
	caller caller
	// objects are the objects of a batch, for the audit; dry is set if the batch changes
	// nothing.
	objects []string
	dry     bool
	// typing is set for edits that a form checks at every key: no external system is asked.
	typing bool
}

// written is the result of an operation that has written its answer itself.
type written struct{}

// Routes returns the interface as one handler, for paths below /api/v1/.
func (h *Handler) Routes() http.Handler {
	h.document = sync.OnceValue(document)
	h.strangers = rate.Sometimes{First: 100, Interval: time.Second} // so that nobody can flood the log
	mux := http.NewServeMux()
	for _, rt := range table() {
		mux.Handle(rt.method+" "+root+rt.path, h.handle(&rt))
	}
	mux.HandleFunc(noRoute, func(w http.ResponseWriter, r *http.Request) { h.unknown(w, r, mux) })
	return mux
}

// noRoute is the pattern of all paths without a route.
const noRoute = "/"

// handle does around an operation what every request needs.
func (h *Handler) handle(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{Request: r, w: w}
		// The answer depends on the caller.
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		out, err := h.answer(rt, req)
		status := http.StatusOK
		if err == nil && out == nil {
			status = http.StatusNoContent
		}
		if err != nil {
			status = problem.From(err).Status
		}
		if rt.writes() && !req.dry {
			h.record(rt, req, status, err)
		}
		switch {
		case err != nil:
		case out == nil:
			w.WriteHeader(http.StatusNoContent)
			return
		case out == written{}:
			return
		default:
			err = problem.Reply(w, out)
		}
		if err != nil {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="viaduct"`)
			}
			problem.Write(w, r, h.Log, err)
		}
	})
}

// answer identifies the caller, checks their permissions and serves the request.
func (h *Handler) answer(rt *route, r *request) (any, error) {
	if !rt.needs.public {
		c, err := h.identify(r.Request)
		if err != nil {
			return nil, err
		}
		r.caller = c
		if h.Servers != nil {
			r.w.Header().Set(api.ServersHeader, strings.Join(h.Servers(), ","))
		}
		limit.Own(r.Request, c.name)
		if err := h.genuine(r.Request, c); err != nil {
			return nil, err
		}
		if err := rt.needs.check(h, r); err != nil {
			return nil, err
		}
	}
	return rt.serve(h, r)
}

// unknown answers a request with an unknown path or method.
func (h *Handler) unknown(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	var allow []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut} {
		other := *r
		if other.Method = method; method == r.Method {
			continue
		}
		if _, pattern := mux.Handler(&other); pattern != noRoute {
			allow = append(allow, method)
		}
	}
	if len(allow) > 0 {
		list := strings.Join(allow, ", ")
		w.Header().Set("Allow", list)
		problem.Write(w, r, h.Log, problem.New(http.StatusMethodNotAllowed, api.TypeInvalid, "%s does not take %s, only %s", r.URL.Path, r.Method, list))
		return
	}
	problem.Write(w, r, h.Log, problem.New(http.StatusNotFound, api.TypeNotFound, "there is no %s in this server's interface", r.URL.Path))
}
