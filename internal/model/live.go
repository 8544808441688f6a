package model

import (
	"fmt"
	"slices"
)

// liveChecker checks edits of live objects. The checker's cfg is the configuration that they
// refer to or that refers to them.
type liveChecker struct {
	*checker
	// live holds the live objects after the edits.
	live *Config
	// guests are the guests to check, in the order of the edits.
	guests []string
}

// ValidateLive checks edits of live objects: live holds the objects after them, cfg is the
// configuration that they refer to or that refers to them, and known are the nodes that have
// joined. The result is in the order of the edits, except for guests, which come last, sorted
// by ID.
func ValidateLive(edits []Edit, live, cfg *Config, known []string) Problems {
	c := &liveChecker{checker: bareChecker(cfg, known), live: live}
	for _, e := range edits {
		if e.Put == nil {
			c.checkDeletion(e)
			continue
		}
		d := byKind[e.Put.ObjectKind()]
		if d == nil || !d.Live {
			continue
		}
		c.properties(e.Put)
		if d.checkLive != nil {
			d.checkLive(c, e)
		}
	}
	if len(c.guests) == 0 {
		return c.out
	}
	return append(c.out, ValidateGuestsIn(c.guests, live.Guests, cfg, known)...)
}

// refused reports whether an object already has an error.
func (c *liveChecker) refused(o Object) bool {
	return slices.ContainsFunc(c.out, func(p Problem) bool {
		return p.Severity == Error && p.Kind == o.ObjectKind() && p.ID == o.ObjectID()
	})
}

// checkingLive returns the check of an edit that puts an object.
func checkingLive[P interface {
	Object
	checkLive(c *liveChecker, e Edit)
}](c *liveChecker, e Edit) {
	e.Put.(P).checkLive(c, e)
}

// checkDeletion checks the deletion of a live object: nothing may refer to it.
func (c *liveChecker) checkDeletion(e Edit) {
	r := report{out: &c.out, kind: e.Kind, id: e.ID}
	if e.Kind == KindIPAM && e.ID == IPAMBuiltin {
		r.error("", "", msgIPAMBuiltinDelete)
		return
	}
	for _, user := range users(c.cfg, e.Kind, e.ID, false, -1) {
		o := user.object
		r.about(Ref(o.ObjectKind(), o.ObjectID())).lax("", "", msgLiveReferenceInUse, user.ref.Field, o.ObjectKind(), o.ObjectID())
	}
	for _, user := range users(c.live, e.Kind, e.ID, true, 1) {
		o := user.object
		r.about(Ref(o.ObjectKind(), o.ObjectID())).error("", "", msgObjectInUse, o.ObjectKind(), o.ObjectID())
	}
}

// CheckLiveReferences finds references from a revisioned object to missing live objects.
func CheckLiveReferences(o Object, live *Config) Problems {
	if !slices.ContainsFunc(byKind[o.ObjectKind()].refersTo, func(k Kind) bool { return byKind[k].Live }) {
		return nil
	}
	c := bareChecker(live, nil)
	r := c.report(o)
	for _, ref := range References(o) {
		to := byKind[ref.Kind]
		if !to.Live || to.slot.get(live, ref.ID) != nil {
			continue
		}
		otherwise := fmt.Sprintf("declare the %s first", ref.Kind)
		if ref.Kind == KindIPAM {
			otherwise += ", or use " + IPAMBuiltin
		}
		r.lax(ref.Field, ref.ID, msgLiveReferenceMissing, c.nearID(to, ref.ID, otherwise))
	}
	return c.out
}
