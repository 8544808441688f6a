package api

import (
	"encoding/json"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (h *Handler) edits(r *request) (any, error) {
	edits, err := readEdits(r)
	if err != nil {
		return nil, err
	}
	o := revision.EditOptions{Pending: r.URL.Query().Get("pending")}
	for name, set := range map[string]*bool{"dry-run": &o.DryRun, "lax": &o.Lax} {
		if s := r.URL.Query().Get(name); s != "" {
			if *set, err = strconv.ParseBool(s); err != nil {
				return nil, problem.Invalid("%s %q: must be true or false", name, s)
			}
		}
	}
	return editResult(h.Config.Edit(r.Context(), r.author, edits, o))
}

// readEdits reads a batch of edits.
func readEdits(r *request) ([]model.Edit, error) {
	b, err := problem.Body(r.w, r.Request, maxBody)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if err := problem.Strict(b, &raw); err != nil {
		return nil, err
	}
	edits := make([]model.Edit, len(raw))
	for i, e := range raw {
		if err := edits[i].UnmarshalJSON(e); err != nil {
			return nil, problem.Invalid("edit %d of the request: %s", i+1, err)
		}
	}
	return edits, nil
}

func (h *Handler) plan(r *request) (any, error) {
	to := r.URL.Query().Get("to")
	if to == "" {
		return h.planned(h.Config.Plan(r.Context(), nil))
	}
	n, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return nil, problem.Invalid("to %q: must be the number of a revision", to)
	}
	return h.planned(h.Config.PlanRevision(r.Context(), n))
}

func (h *Handler) planEdits(r *request) (any, error) {
	edits, err := readEdits(r)
	if err != nil {
		return nil, err
	}
	return h.planned(h.Config.Plan(r.Context(), edits))
}

// planned is the answer to a request for a plan, with what it means for each
// node.
func (h *Handler) planned(p *revision.Plan, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := api.Plan{Base: p.Base, Token: p.Token, Pending: p.Pending, Objects: list(p.Changes), Nodes: h.Fleet.Plan(p), Warnings: p.Warnings}
	for _, rec := range p.Records {
		e := api.PendingEdit{Time: rec.Time, Author: rec.Author, Objects: []string{}}
		for _, edit := range rec.Edits {
			kind, id := edit.Kind, edit.ID
			if edit.Put != nil {
				kind, id = edit.Put.ObjectKind(), edit.Put.ObjectID()
			}
			e.Objects = append(e.Objects, model.Ref(kind, id))
		}
		out.Edits = append(out.Edits, e)
	}
	return out, nil
}

func (h *Handler) apply(r *request) (any, error) {
	var req api.ApplyRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	return h.applied(r, "applied")(h.Config.Apply(r.Context(), r.author, req.Message, req.Plan))
}

func (h *Handler) rollback(r *request) (any, error) {
	var req api.RollbackRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	return h.applied(r, "rolled back")(h.Config.Rollback(r.Context(), r.author, req.Message, req.Revision, req.Plan))
}

// applied is the answer to an apply or rollback.
func (h *Handler) applied(r *request, what string) func(*revision.ApplyResult, error) (any, error) {
	return func(a *revision.ApplyResult, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		if a.Changed {
			h.Log.Info("the configuration was "+what, "revision", a.Revision, "objects", len(a.Changes), "author", r.author)
		}
		return api.ApplyResult{Revision: a.Revision, Changed: a.Changed, Objects: list(a.Changes)}, nil
	}
}

func (h *Handler) discard(r *request) (any, error) {
	var req api.DiscardRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	out, err := h.Config.Discard(r.Context(), req.Plan)
	if err == nil && len(out.Changes) > 0 {
		h.Log.Info("pending edits were discarded", "objects", len(out.Changes), "author", r.author)
	}
	return editResult(out, err)
}
