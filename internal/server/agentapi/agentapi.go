// Package agentapi serves the requests of agents to a server: to join, to renew their
// certificate, to get their desired document, and to report. Package protocol
// describes it.
package agentapi

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Limits of requests' bodies, in bytes. A joining node is not authenticated yet and
// gets little; a report lists the problems of a node's objects, and its facts; an
// answer goes through the store.
const (
	maxJoin   = 64 << 10
	maxReport = 8 << 20
	maxAnswer = 1 << 20
)

// Handler serves the agents. All fields but Stop are required.
type Handler struct {
	Authority *pki.Authority
	Fleet     *fleet.Fleet
	Addresses *ipam.Service
	// Servers returns the URLs of all servers of the cluster; nil reports none.
	Servers func() []string
	// MaxPoll limits long polls, which Stop, when closed, ends at once.
	MaxPoll time.Duration
	Stop    <-chan struct{}
	Log     *slog.Logger

	failures throttle
}

// Routes returns the interface as one handler, for paths below /agent/v1/.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /agent/v1/join", h.answer(h.join))
	mux.HandleFunc("POST /agent/v1/renew", h.answer(h.renew))
	mux.HandleFunc("GET /agent/v1/desired", h.answer(h.desired))
	mux.HandleFunc("POST /agent/v1/status", h.answer(h.status))
	mux.HandleFunc("GET /agent/v1/bindings", h.answer(h.bindings))
	mux.HandleFunc("GET /agent/v1/questions", h.answer(h.questions))
	mux.HandleFunc("POST /agent/v1/answers/{id}", h.answer(h.answers))
	return mux
}

func (h *Handler) answer(serve func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := certificate(r); err == nil && h.Servers != nil {
			w.Header().Set(api.ServersHeader, strings.Join(h.Servers(), ","))
		}
		if err := serve(w, r); err != nil {
			if errors.Is(err, pki.ErrNotMember) {
				// The connection is bound to the certificate: an agent with a newer one
				// presents it on the next connection.
				w.Header().Set("Connection", "close")
			}
			problem.Write(w, r, h.Log, err)
		}
	}
}

// certificate returns the certificate of the requesting node.
func certificate(r *http.Request) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, problem.New(http.StatusUnauthorized, api.TypeForbidden, "only nodes that have joined may do this: show the node's certificate")
	}
	cert := r.TLS.PeerCertificates[0]
	if pki.Unit(cert) != pki.UnitNode {
		return nil, problem.New(http.StatusForbidden, api.TypeForbidden, "the certificate of %s is not a node's", cert.Subject.CommonName)
	}
	return cert, nil
}

func (h *Handler) join(w http.ResponseWriter, r *http.Request) error {
	if wait := h.failures.wait(r.RemoteAddr); wait > 0 {
		return problem.New(http.StatusTooManyRequests, api.TypeForbidden, "too many joins from this address have failed: try again in %s", wait.Round(time.Second))
	}
	var req protocol.JoinRequest
	if err := problem.Decode(w, r, maxJoin, &req); err != nil {
		h.failures.count(r.RemoteAddr)
		return err
	}
	resp, err := h.Authority.Join(r.Context(), req)
	if err != nil {
		h.failures.count(r.RemoteAddr)
		h.Log.Warn("a node could not join", "node", req.Node, "address", r.RemoteAddr, "error", err)
		return err
	}
	h.Log.Info("a node has joined", "node", req.Node, "address", r.RemoteAddr)
	if err := h.Fleet.SyncMembers(r.Context()); err != nil {
		h.Log.Debug("the new member is seen later", "node", req.Node, "error", err)
	}
	return problem.Reply(w, resp)
}

func (h *Handler) renew(w http.ResponseWriter, r *http.Request) error {
	cert, err := certificate(r)
	if err != nil {
		return err
	}
	if !h.Fleet.MayRenew(cert.Subject.CommonName) {
		return problem.New(http.StatusTooManyRequests, api.TypeUnavailable, "node %s had several certificates a moment ago: use the last one, and try again later", cert.Subject.CommonName)
	}
	var req protocol.RenewRequest
	if err := problem.Decode(w, r, maxJoin, &req); err != nil {
		return err
	}
	resp, err := h.Authority.Renew(r.Context(), cert, req)
	if err != nil {
		return err
	}
	h.Log.Info("a node's certificate was renewed", "node", cert.Subject.CommonName)
	return problem.Reply(w, resp)
}

func (h *Handler) desired(w http.ResponseWriter, r *http.Request) error {
	node, ctx, done, err := h.guard(r)
	if err != nil {
		return err
	}
	defer done()
	d, ok, err := h.Fleet.Await(ctx, node, r.URL.Query().Get("have"), h.MaxPoll, h.Stop)
	switch {
	case err != nil:
		return err
	case !ok:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"`+d.Hash+`"`)
	_, _ = w.Write(d.JSON) // the node is disconnected if this fails
	return nil
}

// bindings returns the changes of the NICs in the zones that run on the node.
func (h *Handler) bindings(w http.ResponseWriter, r *http.Request) error {
	node, ctx, done, err := h.guard(r)
	if err != nil {
		return err
	}
	defer done()
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return problem.Invalid("since %q: must be a number", r.URL.Query().Get("since"))
	}
	defer h.Fleet.TrackPoll(node)()
	news, err := h.Addresses.AwaitBindings(ctx, zonesOn(node), r.URL.Query().Get("epoch"), since, h.MaxPoll, h.Stop)
	switch {
	case err != nil:
		return err
	case news == nil:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return problem.Reply(w, news)
}

// zonesOn returns the zones that run on a node, sorted.
func zonesOn(node string) func(*revision.View) []string {
	return func(v *revision.View) []string {
		var out []string
		for id, z := range v.Running.Zones {
			if z.OnNode(node) {
				out = append(out, id)
			}
		}
		slices.Sort(out)
		return out
	}
}

func (h *Handler) questions(w http.ResponseWriter, r *http.Request) error {
	node, ctx, done, err := h.guard(r)
	if err != nil {
		return err
	}
	defer done()
	q, ok, err := h.Fleet.AwaitQuery(ctx, node, h.MaxPoll, h.Stop)
	switch {
	case err != nil:
		return err
	case !ok:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return problem.Reply(w, q)
}

func (h *Handler) answers(w http.ResponseWriter, r *http.Request) error {
	node, err := h.node(r)
	if err != nil {
		return err
	}
	b, err := h.body(w, r, maxAnswer)
	if err != nil {
		return err
	}
	if err := h.listen(w, node, len(b)); err != nil {
		return err
	}
	answer := &protocol.Answer{}
	if err := lenient(b, answer); err != nil {
		return err
	}
	if err := h.Fleet.Answer(r.Context(), node, r.PathValue("id"), answer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listen refuses a request that exceeds the node's limit.
func (h *Handler) listen(w http.ResponseWriter, node string, bytes int) error {
	if h.Fleet.Listen(node, bytes) {
		return nil
	}
	w.Header().Set("Retry-After", limit.RetryAfter)
	return problem.New(http.StatusTooManyRequests, api.TypeUnavailable, "node %s says more than this server listens to: report less often", node)
}

// node returns the name of the requesting member.
func (h *Handler) node(r *http.Request) (string, error) {
	cert, err := certificate(r)
	if err != nil {
		return "", err
	}
	name, err := h.Fleet.Admit(r.Context(), cert)
	if err == nil {
		limit.Own(r, "node "+name)
	}
	return name, err
}

// body reads a member's request. Because that can take long, it then checks again that the
// node is still a member.
func (h *Handler) body(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	b, err := problem.Body(w, r, most)
	if err != nil {
		return nil, err
	}
	_, err = h.node(r)
	return b, err
}

// guard is node for a request that waits; the context ends with the node's certificate.
func (h *Handler) guard(r *http.Request) (name string, ctx context.Context, done func(), err error) {
	cert, err := certificate(r)
	if err != nil {
		return "", nil, nil, err
	}
	name, ctx, done, err = h.Fleet.Guard(r.Context(), cert)
	if err == nil {
		limit.Own(r, "node "+name)
	}
	return name, ctx, done, err
}

func (h *Handler) status(w http.ResponseWriter, r *http.Request) error {
	node, err := h.node(r)
	if err != nil {
		return err
	}
	b, err := h.body(w, r, maxReport)
	if err != nil {
		return err
	}
	if err := h.listen(w, node, len(b)); err != nil {
		return err
	}
	report := &protocol.Status{}
	if err := lenient(b, report); err != nil {
		return err
	}
	if err := h.Fleet.Report(r.Context(), node, report); err != nil {
		switch {
		case errors.Is(err, pki.ErrNotMember):
			return err
		case errors.Is(err, fleet.ErrTooMuch):
			return problem.New(http.StatusRequestEntityTooLarge, api.TypeTooLarge, "%s", err)
		}
		// This server uses the report; only its record is missing.
		h.Log.Warn("a node's report could not be stored", "node", node, "error", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
