package api

import (
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
)

// Has reports whether a caller has one of the privileges on a path.
type Has func(path string, anyOf ...access.Privilege) bool

// has returns the privilege check for a caller of this interface.
func (h *Handler) has(c caller) Has {
	return func(path string, anyOf ...access.Privilege) bool { return h.may(c, right{path, anyOf}) }
}

// Hides reports whether one of the objects, given as references separated by blanks, is
// in the view and may not be read. One that exists nowhere is from the caller's own
// request.
func (has Has) Hides(v *revision.View, refs string) bool {
	for ref := range strings.FieldsSeq(refs) {
		kind, id, _ := strings.Cut(ref, "/")
		k := model.Kind(kind)
		if k == model.KindNode && !has.reads(nameOnly(k, id), noZone) {
			return true // a node that has joined need not be declared
		}
		for _, cfg := range []*model.Config{v.Pending, v.Running, v.Live} {
			if o := cfg.Get(k, id); o != nil && !has.reads(o, either(zonesOf(v.Pending), zonesOf(v.Running))) {
				return true
			}
		}
	}
	return false
}

func (has Has) reads(o model.Object, zoneOf zones) bool {
	for _, r := range rights(o, zoneOf, false) {
		if !has(r.path, r.anyOf...) {
			return false
		}
	}
	return true
}

// Redact omits problems of objects that may not be read, and masks what others reveal of
// them.
func (has Has) Redact(v *revision.View, problems model.Problems) model.Problems {
	var out model.Problems
	var hidden *model.Problem
	for _, p := range problems {
		if has.Hides(v, model.Ref(p.Kind, p.ID)) {
			if p.Severity == model.Error {
				hidden = new(model.Problem)
				*hidden = model.NewProblem(p.Severity, p.Kind, "(hidden)", "", "", msgHiddenInvalid.Of())
			}
			continue
		}
		if has.Hides(v, p.About) {
			p = p.Veiled()
		}
		out = append(out, p)
	}
	if hidden != nil {
		out = append(out, *hidden)
	}
	return out
}

// redact is Redact for the caller.
func (h *Handler) redact(c caller, v *revision.View, problems model.Problems) model.Problems {
	if c.admin || v == nil {
		return problems
	}
	return h.has(c).Redact(v, problems)
}

// veil returns an error without what it reveals of objects that the caller may not see.
func (h *Handler) veil(c caller, v *revision.View, err error) error {
	refs := model.ReferencesIn(err)
	if c.admin || refs == "" || !h.has(c).Hides(v, refs) {
		return err
	}
	known := problem.From(err)
	return problem.New(known.Status, known.Type, "the request %s", model.Veiled().Text)
}
