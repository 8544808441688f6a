// Package api serves Viaduct's native HTTP interface, which pkg/api describes:
// it turns requests into calls of the configuration, the fleet, the authority
// and the user management, and their results into JSON.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxBody bounds a request's body, in bytes: enough for tens of thousands of
// objects.
const maxBody = 16 << 20

// Handler serves the interface. All fields but Stop are required.
type Handler struct {
	Config    *revision.Service
	Fleet     *fleet.Fleet
	Authority *pki.Authority
	Access    *access.Service
	// Author returns who makes a request, or an error if they may not make it.
	Author func(r *http.Request) (string, error)
	// Version is the server's release.
	Version string
	// MaxPoll bounds long polls, which Stop, when closed, ends at once.
	MaxPoll time.Duration
	Stop    <-chan struct{}
	Log     *slog.Logger
}

// request is a request whose author is known.
type request struct {
	*http.Request
	w      http.ResponseWriter
	author string
}

// Routes returns the interface as one handler, for paths below /api/v1/.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(r *request) (any, error){
		"GET /api/v1/version":           h.version,
		"POST /api/v1/edits":            h.edits,
		"GET /api/v1/plan":              h.plan,
		"POST /api/v1/plan":             h.planEdits,
		"POST /api/v1/apply":            h.apply,
		"POST /api/v1/discard":          h.discard,
		"POST /api/v1/rollback":         h.rollback,
		"GET /api/v1/revisions":         h.revisions,
		"GET /api/v1/revisions/{n}":     h.revision,
		"GET /api/v1/status":            h.status,
		"GET /api/v1/members":           h.members,
		"DELETE /api/v1/members/{name}": h.deleteMember,
		"POST /api/v1/tokens":           h.createToken,
	} {
		mux.Handle(pattern, h.handle(serve))
	}
	for pattern, serve := range h.accessRoutes() {
		mux.Handle(pattern, h.handle(serve))
	}
	for _, kind := range model.Kinds() {
		path := "/api/v1/" + kind.Plural()
		for pattern, serve := range map[string]func(r *request, k model.Kind) (any, error){
			"GET " + path:              h.list,
			"GET " + path + "/{id}":    h.get,
			"PUT " + path + "/{id}":    h.put,
			"PATCH " + path + "/{id}":  h.patch,
			"DELETE " + path + "/{id}": h.delete,
		} {
			mux.Handle(pattern, h.handle(func(r *request) (any, error) { return serve(r, kind) }))
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if next, pattern := mux.Handler(r); pattern == "" {
			h.unknown(w, r, next)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// handle wraps what every request needs around one operation.
func (h *Handler) handle(serve func(r *request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		author, err := h.Author(r)
		var out any
		if err == nil {
			out, err = serve(&request{Request: r, w: w, author: author})
		}
		if err == nil && out == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err == nil {
			err = problem.Reply(w, out)
		}
		if err != nil {
			problem.Write(w, r, h.Log, err)
		}
	})
}

// unknown answers for a path or method that there is not; next is what the mux
// would do, which knows which of the two it is.
func (h *Handler) unknown(w http.ResponseWriter, r *http.Request, next http.Handler) {
	probe := httptest.NewRecorder()
	next.ServeHTTP(probe, r)
	if allow := probe.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		problem.Write(w, r, h.Log, problem.New(http.StatusMethodNotAllowed, api.TypeInvalid, "%s does not take %s, only %s", r.URL.Path, r.Method, allow))
		return
	}
	problem.Write(w, r, h.Log, problem.New(http.StatusNotFound, api.TypeNotFound, "there is no %s in this server's interface", r.URL.Path))
}

func (h *Handler) version(*request) (any, error) {
	return api.Version{Version: h.Version, API: 1}, nil
}

func (h *Handler) status(r *request) (any, error) {
	after := r.FormValue("after")
	if after == "" {
		// Ask the store first: pending edits of other servers count here.
		if _, err := h.Config.View(r.Context()); err != nil {
			return nil, err
		}
		return h.Fleet.Status()
	}
	return h.Fleet.AwaitStatus(r.Context(), after, h.MaxPoll, h.Stop)
}

func (h *Handler) revisions(r *request) (any, error) {
	history, err := h.Config.History(r.Context())
	if err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Revision, len(history))
	for i, info := range history {
		out[i] = describe(info, v)
	}
	return out, nil
}

func describe(i revision.Info, v *revision.View) api.Revision {
	return api.Revision{
		Number: i.Number, Time: i.Time, Author: i.Author, Message: i.Message,
		Changes: i.Count, Running: i.Number == v.Revision,
	}
}

func (h *Handler) revision(r *request) (any, error) {
	n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
	if err != nil {
		return nil, problem.Invalid("revision %q: must be a number", r.PathValue("n"))
	}
	rev, err := h.Config.Revision(r.Context(), n)
	if err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	return api.RevisionDetail{Revision: describe(rev.Info, v), Config: rev.Config, Objects: list(rev.Changes)}, nil
}

func (h *Handler) members(r *request) (any, error) {
	members, err := h.Authority.Members(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Member, len(members))
	for i, m := range members {
		out[i] = api.Member{Name: m.Name, Joined: m.Joined, Serial: m.Serial, Expires: m.Expires}
	}
	return out, nil
}

func (h *Handler) deleteMember(r *request) (any, error) {
	name := r.PathValue("name")
	// Half of it done is worse than an answer that nobody waits for any more.
	err := h.Fleet.Forget(context.WithoutCancel(r.Context()), h.Authority, name)
	if e := problem.From(err); err != nil && e.Type == api.TypeForbidden { // there is no such member
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "%s", err)
	}
	if err == nil {
		h.Log.Info("a node was removed", "node", name, "author", r.author)
	}
	return nil, err
}

func (h *Handler) createToken(r *request) (any, error) {
	var req api.TokenRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	token, expires, err := h.Authority.CreateToken(r.Context(), req.Node, req.TTL)
	if err != nil {
		return nil, err
	}
	h.Log.Info("a join token was made", "node", req.Node, "expires", expires, "author", r.author)
	return api.Token{Token: token, Node: req.Node, Expires: expires}, nil
}

// list makes an empty list of none, which JSON would show as null.
func list(changes []diff.Change) []diff.Change {
	if changes == nil {
		return []diff.Change{}
	}
	return changes
}
