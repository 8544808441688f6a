package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/message"
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
	if o.DryRun, err = r.flag("dry-run"); err != nil {
		return nil, err
	}
	if o.Lax, err = r.flag("lax"); err != nil {
		return nil, err
	}
	if o.IfMatch, err = r.newObjects(edits); err != nil {
		return nil, err
	}
	r.dry = o.DryRun
	for _, e := range edits {
		r.objects = append(r.objects, model.Ref(e.Target()))
	}
	return h.change(r, edits, o)
}

// existing are the problems of objects that shall be created and exist already, as far as
// the caller may see them.
func (h *Handler) existing(c caller, edits []model.Edit) []api.Problem {
	v, _ := h.Config.Latest()
	out := []api.Problem{}
	for _, e := range edits {
		k, id := e.Target()
		if o := stored(v, v.Pending, k, id); o != nil && h.canRead(c, o, zonesOf(v.Pending)) {
			out = append(out, model.NewProblem(model.Error, k, id, "id", id, msgExists.Of()))
		}
	}
	return out
}

// flag is a boolean parameter of the query; false if it is missing.
func (r *request) flag(name string) (bool, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return false, nil
	}
	set, err := strconv.ParseBool(s)
	if err != nil {
		return false, problem.Invalid("%s %q: must be true or false", name, s)
	}
	return set, nil
}

// newObjects are the conditions of a request to create: none of the objects exists.
func (r *request) newObjects(edits []model.Edit) (map[string]string, error) {
	create, err := r.flag("create")
	if err != nil || !create {
		return nil, err
	}
	out := make(map[string]string, len(edits))
	for _, e := range edits {
		if e.Put == nil {
			return nil, problem.Invalid("%s is deleted by a request to create objects: leave it out, or leave out create", model.Ref(e.Target()))
		}
		out[model.Ref(e.Target())] = revision.Absent
	}
	return out, nil
}

// check validates edits and stores nothing. Unlike a dry run it answers what is wrong
// instead of refusing it: a form asks at every key.
func (h *Handler) check(r *request) (any, error) {
	out := api.CheckResult{Problems: []api.Problem{}}
	edits, err := readEdits(r)
	if err != nil {
		refused := problem.From(err)
		if refused.Type != api.TypeInvalid {
			return nil, err
		}
		out.Detail = refused.Detail
		return out, nil
	}
	r.typing = true
	absent, err := r.newObjects(edits)
	if err != nil {
		return nil, err
	}
	answer, err := h.change(r, edits, revision.EditOptions{DryRun: true, IfMatch: absent})
	if absent != nil && errors.Is(err, revision.ErrPrecondition) {
		if out.Problems = h.existing(r.caller, edits); len(out.Problems) == 0 {
			out.Detail = err.Error()
		}
		return out, nil
	}
	if err != nil {
		found := problem.From(err).Problems
		if len(found) == 0 {
			return nil, err
		}
		out.Problems = found
		return out, nil
	}
	out.Problems = append(out.Problems, answer.(api.EditResult).Warnings...)
	return out, nil
}

// readEdits reads a batch of edits.
func readEdits(r *request) ([]model.Edit, error) {
	b, err := problem.Body(r.w, r.Request, maxBody)
	if err != nil {
		return nil, err
	}
	return decodeEdits(b)
}

func decodeEdits(b []byte) ([]model.Edit, error) {
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

// change makes edits that the caller may make. Permissions are checked against the very
// state on which the edits are stored.
func (h *Handler) change(r *request, edits []model.Edit, o revision.EditOptions) (any, error) {
	given := o.IfMatch
	o.IfMatch, o.KeepWritten = make(map[string]string), true
	o.Deferred = o.Lax // objects imported from Proxmox VE are registered already
	var validated *revision.View
	out, err := h.Config.Change(r.Context(), r.caller.name, func(v *revision.View) ([]model.Edit, error) {
		validated = v
		clear(o.IfMatch)
		maps.Copy(o.IfMatch, given)
		if !r.caller.admin {
			pin(v, edits, o.IfMatch)
			if err := h.permit(r.caller, v, edits); err != nil {
				return edits, err
			}
		}
		if err := h.checkTargets(edits); err != nil {
			return edits, err
		}
		return edits, checkWritten(v, edits, o.Lax)
	}, o)
	var problems model.Problems
	switch {
	case err == nil:
		out.Warnings = h.redact(r.caller, validated, out.Warnings)
		if !r.typing {
			out.Warnings = append(out.Warnings, h.unreachableSystems(r.Context(), edits)...)
		}
		return editResult(out), nil
	case errors.As(err, &problems):
		if shown := h.redact(r.caller, validated, problems); len(shown) > 0 {
			return nil, shown
		}
	}
	return nil, h.veil(r.caller, validated, err)
}

// checkTargets refuses objects with an external system at an address that is not
// allowed.
func (h *Handler) checkTargets(edits []model.Edit) error {
	var out model.Problems
	for _, e := range edits {
		if e.Put == nil {
			continue
		}
		if err := h.External.Check(e.Put); err != nil {
			out = append(out, model.NewProblem(model.Error, e.Put.ObjectKind(), e.Put.ObjectID(), "url", "", message.FromError(err, msgExternalRefused)))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// pingTimeout bounds the check that an external system is reachable.
const pingTimeout = 5 * time.Second

// unreachableSystems warns of external systems in the edits that cannot be reached or
// refuse access. They may be set up later.
func (h *Handler) unreachableSystems(ctx context.Context, edits []model.Edit) model.Problems {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var out model.Problems
	for _, e := range edits {
		if e.Put == nil || h.Ping == nil {
			continue
		}
		if err := h.Ping(ctx, e.Put); err != nil {
			out = append(out, model.NewProblem(model.Warning, e.Put.ObjectKind(), e.Put.ObjectID(), "url", "", msgExternalUnreachable.Of(err)))
		}
	}
	return out
}

// pin demands that guests, which are stored after the edits were checked, are unchanged:
// a caller's permissions on a guest depend on its content.
func pin(v *revision.View, edits []model.Edit, conds map[string]string) {
	for _, e := range edits {
		g, ok := e.Put.(*model.Guest)
		if !ok {
			continue
		}
		ref := model.Ref(model.KindGuest, g.ID)
		old := v.Live.Guests[g.ID]
		switch want, given := conds[ref]; {
		case given && want != revision.Present:
		case old == nil:
			if !given {
				conds[ref] = revision.Absent
			}
		default:
			conds[ref] = revision.ETag(old)
		}
	}
}

func (h *Handler) plan(r *request) (any, error) {
	to := r.URL.Query().Get("to")
	if to == "" {
		p, err := h.Config.Plan(r.Context(), nil)
		return h.planned(r, p, err)
	}
	n, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return nil, problem.Invalid("to %q: must be the number of a revision", to)
	}
	p, err := h.Config.PlanRevision(r.Context(), n)
	if err != nil && !h.may(r.caller, right{"/sdn", []access.Privilege{access.SDNAudit}}) {
		return nil, h.demand(r.caller, right{"/sdn", []access.Privilege{access.SDNAudit}})
	}
	return h.planned(r, p, err)
}

func (h *Handler) planEdits(r *request) (any, error) {
	edits, err := readEdits(r)
	if err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	if !h.may(r.caller, right{"/sdn", []access.Privilege{access.SDNAudit}}) {
		// Only those who may make the edits see their results.
		if err := h.permit(r.caller, v, edits); err != nil {
			return nil, err
		}
		if err := checkWritten(v, edits, false); err != nil {
			return nil, err
		}
	}
	p, err := h.Config.Plan(r.Context(), edits)
	var problems model.Problems
	if errors.As(err, &problems) {
		v, _ := h.Config.Latest()
		if shown := h.redact(r.caller, v, problems); len(shown) > 0 {
			return nil, shown
		}
	}
	return h.planned(r, p, err)
}

// planned is the answer to a request for a plan, with its effects on each node. A plan
// is complete or refused: one that omits something could not be trusted.
func (h *Handler) planned(r *request, p *revision.Plan, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	old, new := guarded{p.Old, p.OldLive}, guarded{p.New, p.NewLive}
	if err := h.demandAll(r.caller, pendingWords, p.Changes, old, new); err != nil {
		return nil, err
	}
	v, _ := h.Config.Latest()
	nodes, err := h.withFiles(r, p, h.shownNodes(r.caller, h.Fleet.Plan(p), old, new))
	if err != nil {
		return nil, err
	}
	return api.Plan{
		Base: p.Base, Token: p.Token, Pending: p.Pending, Objects: list(p.Changes), Derived: p.Derived, Warnings: h.redact(r.caller, v, p.Warnings),
		Nodes: nodes, Edits: h.shownEdits(r.caller, p, old, new),
	}, nil
}

// compare answers what differs between two configurations to callers who may read both
// whole.
func (h *Handler) compare(r *request) (any, error) {
	names := [2]string{r.URL.Query().Get("from"), cmp.Or(r.URL.Query().Get("to"), api.NameRunning)}
	var sides [2]int64
	for i, name := range names {
		var err error
		if sides[i], err = side(name); err != nil {
			return nil, err
		}
	}
	p, err := h.Config.Compare(r.Context(), sides[0], sides[1])
	if err != nil {
		return nil, err
	}
	for i, cfg := range []*model.Config{p.Old, p.New} {
		what := "the " + names[i] + " configuration"
		if sides[i] >= 0 {
			what = "revision " + names[i]
		}
		if err := h.demandAll(r.caller, what, diff.Objects(&model.Config{}, cfg), guarded{Config: cfg}); err != nil {
			return nil, err
		}
	}
	nodes, err := h.withFiles(r, p, h.shownNodes(r.caller, h.Fleet.Plan(p), guarded{p.Old, p.OldLive}, guarded{p.New, p.NewLive}))
	if err != nil {
		return nil, err
	}
	return api.Comparison{From: names[0], To: names[1], Objects: list(p.Changes), Nodes: nodes}, nil
}

// side is a configuration by its name in a comparison.
func side(name string) (int64, error) {
	switch name {
	case api.NameRunning:
		return revision.SideRunning, nil
	case api.NamePending:
		return revision.SidePending, nil
	}
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil || n < 0 {
		return 0, problem.Invalid("configuration %q: must be the number of a revision, %s or %s", name, api.NameRunning, api.NamePending)
	}
	return n, nil
}

// checkMessage refuses a message of a revision that the history could not show on one
// line.
func checkMessage(message string) error {
	if !line.Is(message) {
		return problem.Invalid("message %q: must be one line of printable characters; remove line breaks and other control characters", message)
	}
	return nil
}

func (h *Handler) rollback(r *request) (any, error) {
	var req api.RollbackRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	r.objects = append(r.objects, "revision/"+strconv.FormatInt(req.Revision, 10))
	if err := checkMessage(req.Message); err != nil {
		return nil, err
	}
	out, err := h.Config.Rollback(r.Context(), r.caller.name, req.Message, req.Revision, req.Plan)
	return h.applied(r, "rolled back", out, err)
}

// applied is the answer to an apply or rollback.
func (h *Handler) applied(r *request, what string, a *revision.ApplyResult, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if a.Changed {
		h.Log.Info("the configuration was "+what, "revision", a.Revision, "objects", len(a.Changes), "author", r.caller.name)
	}
	return api.ApplyResult{Revision: a.Revision, Changed: a.Changed, Objects: list(h.shown(r, a.Changes))}, nil
}

// shown returns the changes of objects that the caller may see in their current state.
func (h *Handler) shown(r *request, changes []diff.Change) []diff.Change {
	v, _ := h.Config.Latest()
	out, _ := h.shownOf(r.caller, changes, guarded{v.Running, v.Live}, guarded{v.Pending, v.Live})
	return out
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
	return convert(history, func(p revision.Past) api.Revision {
		out := describe(p.Info, v)
		out.Pinned = p.Pinned
		return out
	}), nil
}

func (h *Handler) pin(r *request) (any, error)   { return h.setPinned(r, true) }
func (h *Handler) unpin(r *request) (any, error) { return h.setPinned(r, false) }

// setPinned sets whether a revision is kept regardless of its age.
func (h *Handler) setPinned(r *request, pinned bool) (any, error) {
	n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
	if err != nil {
		return nil, problem.Invalid("revision %q: must be a number", r.PathValue("n"))
	}
	r.objects = append(r.objects, "revision/"+strconv.FormatInt(n, 10))
	return nil, h.Config.Pin(r.Context(), n, pinned)
}

func (h *Handler) prune(r *request) (any, error) {
	var req api.PruneRequest
	if err := problem.Decode(r.w, r.Request, maxOwn, &req); err != nil {
		return nil, err
	}
	if req.Keep < 1 {
		return nil, problem.Invalid("keep %d: must be how many of the newest revisions to keep, 1 at least", req.Keep)
	}
	n, err := h.Config.Prune(r.Context(), revision.Kept{Revisions: req.Keep, Bytes: math.MaxInt64})
	if err != nil {
		return nil, err
	}
	return api.PruneResult{Removed: n}, nil
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
	all := diff.Objects(&model.Config{}, rev.Config)
	what := fmt.Sprintf("revision %d", n)
	if err := h.demandAll(r.caller, what, all, guarded{Config: rev.Config}); err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	if n > 1 && !r.caller.admin { // what it deleted was in the previous revision
		before, err := h.Config.Revision(r.Context(), n-1)
		if err != nil {
			return nil, err
		}
		if err := h.demandAll(r.caller, what, rev.Changes, guarded{Config: before.Config}); err != nil {
			return nil, err
		}
	}
	nodes, err := h.Fleet.Results(r.Context(), n)
	if err != nil {
		return nil, err
	}
	nodes = slices.DeleteFunc(nodes, func(n api.NodeResult) bool { return !h.may(r.caller, right{below(pathNodes, n.Node), sysRead}) })
	return api.RevisionDetail{Revision: describe(rev.Info, v), Config: rev.Config, Objects: list(rev.Changes), Nodes: nodes}, nil
}

// list makes nil an empty list, as JSON would show nil as null.
func list(changes []diff.Change) []diff.Change {
	if changes == nil {
		return []diff.Change{}
	}
	return changes
}

// editResult is the answer to an edit.
func editResult(r *revision.EditResult) api.EditResult {
	return api.EditResult{Changes: list(r.Changes), Warnings: r.Warnings, Pending: r.Pending}
}
