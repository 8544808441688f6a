package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (h *Handler) version(*request) (any, error) {
	return api.Version{Version: h.Version, API: 1, LabCommand: h.LabCommand}, nil
}

func (h *Handler) status(r *request) (any, error) {
	s, err := h.wholeStatus(r)
	if err != nil {
		return nil, err
	}
	if h.Warnings != nil && h.may(r.caller, right{"/", sysRead}) {
		for _, m := range h.Warnings() {
			s.Warnings = append(s.Warnings, m.Text)
		}
	}
	if !r.caller.admin {
		h.notice(r, model.KindNode)
		s.NodesHidden = !h.may(r.caller, right{pathNodes, sysRead})
		v, _ := h.Config.Latest()
		_, s.PendingHidden = h.shownOf(r.caller, v.Changes(), guarded{v.Running, v.Live}, guarded{v.Pending, v.Live})
	}
	s.Nodes = slices.DeleteFunc(s.Nodes, func(n api.NodeStatus) bool {
		return !h.may(r.caller, right{below(pathNodes, n.Name), sysRead})
	})
	s.Problems = health.Problems(s.Nodes)
	switch facts := r.URL.Query().Get("facts"); facts {
	case "":
	case "all":
		for _, n := range s.Nodes {
			if whole, ok := h.Fleet.Facts(n.Name); ok && n.Report != nil {
				n.Report.Facts = whole
			}
		}
	default:
		return nil, problem.Invalid("facts %q: must be all, or left out", facts)
	}
	return s, nil
}

func (h *Handler) wholeStatus(r *request) (*api.Status, error) {
	after := r.URL.Query().Get("after")
	if after == "" {
		// Ask the store first: pending edits of other servers count here.
		if _, err := h.Config.View(r.Context()); err != nil {
			return nil, err
		}
		return h.Fleet.Status()
	}
	return h.Fleet.AwaitStatus(r.Context(), after, h.MaxPoll, h.Stop)
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
	// A half-done operation is worse than an answer that nobody waits for any more.
	err := h.Fleet.Forget(context.WithoutCancel(r.Context()), h.Authority, name)
	if e := problem.From(err); err != nil && e.Type == api.TypeForbidden { // no such member
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "%s", err)
	}
	if err == nil {
		h.Log.Info("a node was removed", "node", name, "author", r.caller.name)
	}
	return nil, err
}

func (h *Handler) createToken(r *request) (any, error) {
	var req api.TokenRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	switch {
	case req.Node == "" && !req.AnyName:
		return nil, problem.Invalid("node: name the node that shall join (viaduct node token NODE); anyName (--any-name) makes a token for a node of any name")
	case req.Node != "" && req.AnyName:
		return nil, problem.Invalid("node %q with anyName: a token is for that name or for any, not both", req.Node)
	}
	r.objects = []string{"node/" + cmp.Or(req.Node, "*")}
	token, expires, err := h.Authority.CreateToken(r.Context(), req.Node, req.TTL)
	if err != nil {
		return nil, err
	}
	h.Log.Info("a join token was made", "node", req.Node, "expires", expires, "author", r.caller.name)
	t := api.Token{Token: token, Node: req.Node, Expires: expires}
	if h.Servers != nil {
		t.Servers = h.Servers()
	}
	return t, nil
}

func (h *Handler) administrators(r *request) (any, error) {
	all, err := h.Administrators.List(r.Context())
	if err != nil {
		return nil, err
	}
	return convert(all, func(a pki.Administrator) api.Administrator {
		return api.Administrator{Name: a.Name, Serial: a.Serial, Host: a.Host, Issued: a.Issued, Expires: a.Expires, Revoked: a.Revoked, RevokedBy: a.RevokedBy}
	}), nil
}

func (h *Handler) revokeAdministrator(r *request) (any, error) {
	serial := r.PathValue("serial")
	// It may be the one that the request came with.
	err := h.Administrators.Revoke(context.WithoutCancel(r.Context()), serial, r.caller.name)
	if err == nil {
		h.noted(r, "an administrator's certificate was revoked", "serial", serial)
	}
	return nil, err
}
