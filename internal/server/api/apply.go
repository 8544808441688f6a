package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// applyTries is how often an apply without a plan is repeated because of an edit that
// was made while its own plan was computed.
const applyTries = 5

func (h *Handler) apply(r *request) (any, error) {
	var req api.ApplyRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	if err := checkMessage(req.Message); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		out, err := h.applyOnce(r, req)
		if try < applyTries && req.Plan == "" && errors.Is(err, revision.ErrStalePlan) {
			continue
		}
		return h.applied(r, "applied", out, err)
	}
}

// applyOnce applies the pending configuration as it was validated.
func (h *Handler) applyOnce(r *request, req api.ApplyRequest) (*revision.ApplyResult, error) {
	if !req.AllowErrors {
		token, err := h.refuseErrors(r, req.Plan)
		if err != nil {
			return nil, err
		}
		req.Plan = token
	}
	var validated *revision.View
	out, err := h.Config.ApplyIf(r.Context(), r.caller.name, req.Message, req.Plan, func(v *revision.View) error {
		validated = v
		return h.mayApply(r.caller, v)
	})
	var problems model.Problems
	if errors.As(err, &problems) {
		if shown := h.redact(r.caller, validated, problems); len(shown) > 0 {
			return nil, shown
		}
	}
	return out, err
}

// refuseErrors refuses an apply with errors on nodes, and returns the plan that it
// checked. The apply itself reports all other errors.
func (h *Handler) refuseErrors(r *request, token string) (string, error) {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return "", err
	}
	if err := h.mayApply(r.caller, v); err != nil {
		return "", err
	}
	p, err := h.Config.Plan(r.Context(), nil)
	var problems model.Problems
	switch {
	case errors.As(err, &problems):
		return token, nil
	case err != nil:
		return "", err
	case token != "" && token != p.Token, len(p.Changes) == 0:
		return token, nil
	}
	old, new := guarded{p.Old, p.OldLive}, guarded{p.New, p.NewLive}
	failing := (&api.Plan{Nodes: h.Fleet.Plan(p)}).Refusals()
	if len(failing) == 0 {
		return p.Token, nil
	}
	return "", planErrors(len(failing), h.shownNodes(r.caller, failing, old, new))
}

// planErrors is the refusal of a plan with errors on some nodes; shown are those that
// the caller may see.
func planErrors(nodes int, shown []api.NodePlan) error {
	var texts []string
	e := problem.New(http.StatusConflict, api.TypePlanErrors, "")
	for _, n := range shown {
		for _, note := range n.Notes {
			kind, id, _ := strings.Cut(note.Object, "/")
			p := model.Problem{Severity: model.Error, Kind: model.Kind(kind), ID: id, Message: note.Message, Details: note.Details}
			p.Message = "on node " + n.Node + ": " + p.Message
			e.Problems = append(e.Problems, p)
			texts = append(texts, fmt.Sprintf("%s: %s: %s", n.Node, note.Object, note.Message))
		}
	}
	const most = 5
	if more := len(texts) - most; more > 0 {
		texts = append(texts[:most], fmt.Sprintf("and %d more", more))
	}
	if len(texts) == 0 {
		texts = []string{"of objects that you may not see"}
	}
	e.Detail = fmt.Sprintf("%d of the nodes cannot have what this asks for (%s); nothing was applied: correct it, or leave it out there and apply the rest with allowErrors (viaduct apply --allow-errors)",
		nodes, strings.Join(texts, "; "))
	return e
}
