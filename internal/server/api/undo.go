package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (h *Handler) discard(r *request) (any, error) {
	var req api.DiscardRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	if len(req.Objects) > 0 {
		return h.discardObjects(r, req)
	}
	if !h.may(r.caller, right{"/sdn", sdnWrite}) {
		return h.discardOwn(r, req)
	}
	out, err := h.Config.Discard(r.Context(), req.Plan)
	if err != nil {
		return nil, err
	}
	if len(out.Changes) > 0 {
		h.Log.Info("pending edits were discarded", "objects", len(out.Changes), "author", r.caller.name)
	}
	out.Changes = h.shown(r, out.Changes)
	return editResult(out), nil
}

// discardOwn drops the pending changes of objects that the caller may modify, and keeps
// the others.
func (h *Handler) discardOwn(r *request, req api.DiscardRequest) (any, error) {
	return h.restored(r, "pending edits were discarded in part", func(note func(*revision.View)) (*revision.EditResult, error) {
		return h.Config.DiscardSome(r.Context(), r.caller.name, req.Plan, func(v *revision.View, all []diff.Change) ([]diff.Change, error) {
			note(v)
			return slices.DeleteFunc(all, func(c diff.Change) bool { return !h.mayDiscard(r.caller, v, c) }), nil
		})
	})
}

// discardObjects drops the pending changes of the objects that the request names.
func (h *Handler) discardObjects(r *request, req api.DiscardRequest) (any, error) {
	wanted := make(map[string]bool, len(req.Objects))
	for _, ref := range req.Objects {
		if kind, id, ok := strings.Cut(ref, "/"); !ok || id == "" || !slices.Contains(model.Kinds(), model.Kind(kind)) {
			return nil, problem.Invalid("objects: %q is not the reference of an object, like vnet/red", ref)
		} else if !model.Kind(kind).Revisioned() {
			return nil, problem.Invalid("objects: %s takes effect at once and is never pending; change it back by an edit", ref)
		}
		wanted[ref] = true
	}
	r.objects = append(r.objects, req.Objects...)
	return h.restored(r, "pending edits of some objects were discarded", func(note func(*revision.View)) (*revision.EditResult, error) {
		return h.Config.DiscardSome(r.Context(), r.caller.name, req.Plan, func(v *revision.View, all []diff.Change) ([]diff.Change, error) {
			note(v)
			chosen := slices.DeleteFunc(all, func(c diff.Change) bool { return !wanted[c.Type+"/"+c.Name] })
			return chosen, h.mayDiscardAll(r.caller, v, req.Objects, chosen)
		})
	})
}

// mayDiscardAll refuses a caller who names an object that has no pending change, or one
// that they may not modify. Who may not see an object does not learn which it is.
func (h *Handler) mayDiscardAll(c caller, v *revision.View, refs []string, changes []diff.Change) error {
	sides := []guarded{{v.Running, v.Live}, {v.Pending, v.Live}}
	for _, ref := range refs {
		kind, id, _ := strings.Cut(ref, "/")
		i := slices.IndexFunc(changes, func(c diff.Change) bool { return c.Type == kind && c.Name == id })
		if i < 0 {
			if err := h.absent(c, model.Kind(kind), id, true); err != nil {
				return err
			}
			return problem.New(http.StatusNotFound, api.TypeNotFound, "%s has no pending change that could be discarded; see what is pending with: viaduct plan", ref)
		}
		missing, ok := h.lackingFor(c, changes[i], sides...)
		switch {
		case ok:
		case h.canReadChange(c, changes[i], sides...):
			return h.forbidden(c, missing)
		default:
			return h.demandName(c, model.Kind(kind), id, missing)
		}
	}
	return nil
}

func (h *Handler) undo(r *request) (any, error) {
	var req api.UndoRequest
	if err := problem.Decode(r.w, r.Request, maxOwn, &req); err != nil {
		return nil, err
	}
	return h.restored(r, "an edit was undone", func(note func(*revision.View)) (*revision.EditResult, error) {
		return h.Config.Undo(r.Context(), r.caller.name, req.Edit, func(v *revision.View, edits []model.Edit) error {
			note(v)
			r.objects = r.objects[:0]
			for _, e := range edits {
				r.objects = append(r.objects, model.Ref(e.Target()))
			}
			return h.permit(r.caller, v, edits)
		})
	})
}

// restored is the answer to what takes pending edits back. restore calls note with the
// state that it starts from. A refusal says that the objects that need the old ones are
// why nothing was taken back.
func (h *Handler) restored(r *request, what string, restore func(note func(*revision.View)) (*revision.EditResult, error)) (any, error) {
	var validated *revision.View
	out, err := restore(func(v *revision.View) { validated = v })
	var problems model.Problems
	switch {
	case errors.As(err, &problems):
		shown := h.redact(r.caller, validated, problems)
		return nil, fmt.Errorf("nothing was taken back, because what stays pending needs it: %w", shown)
	case err != nil:
		return nil, err
	}
	if len(out.Changes) > 0 {
		h.Log.Info(what, "objects", len(out.Changes), "author", r.caller.name)
	}
	return editResult(out), nil
}
