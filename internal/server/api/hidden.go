package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// guarded is a configuration with objects that are not visible to everybody.
type guarded struct {
	*model.Config
	live *model.Config
}

func (g guarded) find(ref diff.Change) model.Object {
	if k := model.Kind(ref.Type); k.Revisioned() {
		return g.Get(k, ref.Name)
	} else if g.live != nil {
		return g.live.Get(k, ref.Name)
	}
	return nil
}

// canReadChange reports whether the caller may see a changed object on all sides of the
// change. The configuration of nodes is visible to callers who may see the rest.
func (h *Handler) canReadChange(c caller, change diff.Change, sides ...guarded) bool {
	for _, side := range sides {
		o := side.find(change)
		if o == nil || o.ObjectKind() == model.KindNode {
			continue
		}
		// Only the first: the node of a fabric node is merely its place.
		if !h.may(c, rights(o, zonesOf(side.Config), false)[0]) {
			return false
		}
	}
	return true
}

// shownOf returns the changes that the caller may see, and the number of the others.
func (h *Handler) shownOf(c caller, changes []diff.Change, sides ...guarded) (shown []diff.Change, hidden int) {
	if c.admin {
		return changes, 0
	}
	for _, change := range changes {
		if h.canReadChange(c, change, sides...) {
			shown = append(shown, change)
		} else {
			hidden++
		}
	}
	return shown, hidden
}

// demandAll refuses a caller who may not see all changes. It reveals how many are
// hidden, and nothing else of them.
func (h *Handler) demandAll(c caller, what string, changes []diff.Change, sides ...guarded) error {
	if _, hidden := h.shownOf(c, changes, sides...); hidden > 0 {
		return problem.New(http.StatusForbidden, api.TypeForbidden,
			"%s has %s that you may not see, and is shown whole or not at all: ask somebody with SDN.Audit on /sdn, or wait until that is applied or discarded", what, counted(hidden))
	}
	return nil
}

// pendingWords name the pending configuration in refusals.
const pendingWords = "the pending configuration also"

// counted phrases the number of changes of others.
func counted(n int) string {
	if n == 1 {
		return "1 change of others"
	}
	return fmt.Sprintf("%d changes of others", n)
}

// mayApply refuses a caller who may not modify every object that an apply of the pending
// configuration would change.
func (h *Handler) mayApply(c caller, v *revision.View) error {
	if h.may(c, right{"/sdn", sdnWrite}) {
		return nil
	}
	old, new := guarded{v.Running, v.Live}, guarded{v.Pending, v.Live}
	changes := v.Changes()
	if _, hidden := h.shownOf(c, changes, old, new); hidden > 0 {
		return problem.New(http.StatusForbidden, api.TypeForbidden,
			"%s has %s that you may not see, and an apply would make them run, too; nothing was applied: wait until they are applied or discarded, or ask somebody with SDN.Allocate on /sdn to apply everything",
			pendingWords, counted(hidden))
	}
	for _, change := range changes {
		if missing, ok := h.lackingFor(c, change, old, new); !ok {
			known := problem.From(h.forbidden(c, missing))
			known.Detail = fmt.Sprintf("%s %s is pending, too, and you may not modify it; nothing was applied: %s", change.Type, change.Name, known.Detail)
			return known
		}
	}
	return nil
}

// lackingFor is what the caller lacks to modify an object that changes.
func (h *Handler) lackingFor(c caller, change diff.Change, sides ...guarded) (missing right, ok bool) {
	for _, side := range sides {
		if o := side.find(change); o != nil {
			if missing, ok := h.lacking(c, rights(o, zonesOf(side.Config), true)); !ok {
				return missing, false
			}
		}
	}
	return right{}, true
}

// mayDiscard reports whether the caller may drop the pending change of an object.
func (h *Handler) mayDiscard(c caller, v *revision.View, change diff.Change) bool {
	_, ok := h.lackingFor(c, change, guarded{v.Running, v.Live}, guarded{v.Pending, v.Live})
	return ok
}

// shownEdits returns the pending edits with objects that still differ from the running
// ones and that the caller may see.
func (h *Handler) shownEdits(c caller, p *revision.Plan, sides ...guarded) []api.PendingEdit {
	differ := make(map[string]bool, len(p.Changes))
	for _, change := range p.Changes {
		differ[change.Type+"/"+change.Name] = true
	}
	var out []api.PendingEdit
	for _, rec := range p.Records {
		e := api.PendingEdit{Number: rec.Seq, Time: rec.Time, Author: rec.Author, Objects: []string{}}
		for _, edit := range rec.Edits {
			kind, id := edit.Target()
			ref := diff.Change{Type: string(kind), Name: id}
			if differ[model.Ref(kind, id)] && (c.admin || h.canReadChange(c, ref, append([]guarded{of1(edit.Put)}, sides...)...)) {
				e.Objects = append(e.Objects, model.Ref(kind, id))
			}
		}
		if len(e.Objects) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// of1 is a configuration of the object of an edit, which may be deleted since.
func of1(o model.Object) guarded {
	g := guarded{Config: &model.Config{}}
	if o != nil {
		g.Set(o)
	}
	return g
}

// shownNodes are the plans of nodes without remarks on objects that the caller may not
// see, and without nodes that have nothing left to report.
func (h *Handler) shownNodes(c caller, nodes []api.NodePlan, sides ...guarded) []api.NodePlan {
	if c.admin || h.may(c, right{"/sdn", sdnRead}) {
		return nodes
	}
	out := []api.NodePlan{}
	for _, n := range nodes {
		n.Notes = slices.DeleteFunc(slices.Clone(n.Notes), func(note api.Note) bool {
			kind, id, _ := strings.Cut(note.Object, "/")
			ref := diff.Change{Type: kind, Name: id}
			known := slices.ContainsFunc(sides, func(g guarded) bool { return g.find(ref) != nil })
			return !known || !h.canReadChange(c, ref, sides...)
		})
		if len(n.Changes) > 0 || len(n.Notes) > 0 || n.Unknown && h.may(c, right{below(pathNodes, n.Node), sysRead}) {
			out = append(out, n)
		}
	}
	return out
}

// placeOf returns the path of the permissions to see objects of a kind, and the
// privileges needed.
func placeOf(k model.Kind) right {
	return rights(nameOnly(k, ""), noZone, false)[0]
}

// maxPlaces bounds how many paths a notice names.
const maxPlaces = 8

// notice informs a caller who may only see some objects of a kind that others may be
// hidden. It follows from the caller's permissions alone: it does not reveal whether
// there are others.
func (h *Handler) notice(r *request, k model.Kind) {
	if r.caller.admin {
		return
	}
	place := placeOf(k)
	whole := h.may(r.caller, place)
	var places []string
	for _, e := range h.Access.ACL() {
		inside := strings.HasPrefix(e.Path, strings.TrimSuffix(place.path, "/")+"/")
		if !inside || slices.Contains(places, e.Path) || !h.concerns(r.caller, e) {
			continue
		}
		may := h.may(r.caller, right{e.Path, place.anyOf})
		switch {
		case may && !slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(e.Path, p+"/") }):
			places = append(places, e.Path)
		case !may && whole: // denied again somewhere below
			whole = false
			places = append(places, place.path+" as far as it is permitted")
		}
	}
	if whole {
		return
	}
	text := fmt.Sprintf("some %s may be hidden: you may see ", k.Plural())
	switch {
	case len(places) == 0:
		text += "none of them, which takes " + privilegeNames(place.anyOf) + " on " + place.path
	case len(places) > maxPlaces:
		text += "those at " + strings.Join(places[:maxPlaces], ", ") + " and in more places"
	default:
		text += "those at " + strings.Join(places, ", ")
	}
	addNotice(r, text)
}

// somewhere refuses a caller who has none of the privileges at or below a path.
func (h *Handler) somewhere(c caller, r right) error {
	if h.may(c, r) {
		return nil
	}
	for _, e := range h.Access.ACL() {
		if strings.HasPrefix(e.Path, r.path+"/") && h.concerns(c, e) && h.may(c, right{e.Path, r.anyOf}) {
			return nil
		}
	}
	return h.forbidden(c, r)
}

// concerns reports whether an entry of the ACL applies to the caller.
func (h *Handler) concerns(c caller, e access.ACLEntry) bool {
	switch e.Type {
	case access.SubjectUser:
		return e.Subject == c.id.User
	case access.SubjectToken:
		return e.Subject == c.id.String()
	case access.SubjectGroup: // the group's permissions are checked next
	}
	return true
}

func privilegeNames(list []access.Privilege) string {
	return strings.Join(convert(list, func(p access.Privilege) string { return string(p) }), " or ")
}

// addNotice sends a remark along with the answer.
func addNotice(r *request, text string) { r.w.Header().Add(api.NoticeHeader, text) }
