package revision

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// EditOptions change how Edit works.
type EditOptions struct {
	// DryRun checks everything and writes nothing.
	DryRun bool
	// IfMatch requires, by reference ("zone/z"), that an object has this ETag, or with
	// Absent that it does not exist, or with Present that it does.
	IfMatch map[string]string
	// Pending, if not empty, requires that the pending configuration is still the one of
	// the plan with this Pending; otherwise Edit returns ErrStalePlan.
	Pending string
	// Lax accepts what the Proxmox API accepts, as warnings.
	Lax bool
	// Guard are further conditions under which the edits are stored; if one does not hold
	// Edit returns ErrGuard.
	Guard []store.Cond
	// Uncounted leaves EditResult.Pending at 0: the first count after an apply compares
	// all objects.
	Uncounted bool

	// Deferred makes allocators notify external systems of the edits later: these are not
	// contacted, and cannot reject them.
	Deferred bool
	// Brief means that the function of a Change does not keep its view, which then costs
	// nothing: it changes once the function has returned.
	Brief bool

	// Exact means that the objects are complete: missing properties are removed. Without
	// it an object that is replaced keeps its secrets and its owner set unless the new one
	// has others: those who edit it need not know them.
	Exact bool
	// KeepWritten keeps how a client of the Proxmox API wrote the properties of objects
	// when an edit that does not specify it replaces them.
	KeepWritten bool

	// planned validates live objects only against the next revision.
	planned bool
	// undoes points to the number of the record that the edits undo; nil for others. The
	// function of a Change sets it.
	undoes *int64
}

// Values of EditOptions.IfMatch that are not ETags.
const (
	Absent  = ""
	Present = "*"
)

// EditResult is the result of an edit.
type EditResult struct {
	// Changes are the changed objects.
	Changes []diff.Change
	// Warnings are problems that did not prevent the edit.
	Warnings model.Problems
	// Pending counts the objects that differ from the running revision now.
	Pending int
}

// Edit makes all edits or none. Their order does not matter: the result is checked, so a
// tag can move from one VNet to another in one call. Edits of live objects are checked
// together with the others, and take effect at once after these were stored.
func (s *Service) Edit(ctx context.Context, author string, edits []model.Edit, o EditOptions) (*EditResult, error) {
	o.Brief = true
	return s.Change(ctx, author, func(*View) ([]model.Edit, error) { return edits, nil }, o)
}

// storeCall stores the edits of a call.
func (s *Service) storeCall(ctx context.Context, c *call) (*EditResult, error) {
	if err := s.submit(c); err != nil {
		return nil, err
	}
	recorded := len(c.record) > 0
	if len(c.live) == 0 {
		if !recorded {
			if err := s.storeAlone(ctx, c.allocations, c.options.Guard); err != nil {
				return nil, err
			}
		}
		return c.result, nil
	}
	// Live objects are not in the pending log; a conflict here must not append the record
	// again, hence a separate loop.
	stored, err := s.storeLive(ctx, c, !recorded)
	switch {
	case err == nil:
		return c.result, nil
	case recorded && stored == 0:
		return nil, fmt.Errorf("the edits of the configuration were stored, those of live objects were not: %w", err)
	case recorded:
		return nil, fmt.Errorf("the edits of the configuration were stored, and %d of %d live objects were stored: %w", stored, len(c.live), err)
	case stored > 0:
		return nil, fmt.Errorf("%d of %d live objects were stored: %w", stored, len(c.live), err)
	}
	return nil, err
}

// tryOut computes what a Change would do. It stores nothing, so no writer waits for it.
func (s *Service) tryOut(ctx context.Context, work func(*View) ([]model.Edit, error), o EditOptions) (*EditResult, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.stillPending(o.Pending); err != nil {
		return nil, err
	}
	edits, err := work(v)
	if err != nil {
		return nil, err
	}
	a, err := s.allocate(ctx, v, edits, o)
	if err != nil {
		return nil, err
	}
	if a != nil {
		edits = a.edits
	}
	d := newDraft(v.Pending, nil)
	p, err := s.prepare(v, d, edits, o)
	if err != nil {
		return nil, err
	}
	out := &EditResult{Changes: p.changes(v), Warnings: p.warnings}
	if !o.Uncounted {
		out.Pending = d.pending(v.Running)
	}
	return out, nil
}

// prepared is an edit call after all checks.
type prepared struct {
	// edits are the remaining edits of the call: copies, complete, in dependency order,
	// without those that change nothing and without live objects. They are made in the
	// draft, and undo undoes them.
	edits, undo []model.Edit
	// config is the pending configuration after them: the draft's.
	config *model.Config
	// live are the call's edits of live objects that change something.
	live []model.Edit
	// touched holds the references of the edits so far, edited of those in edits.
	touched, edited map[string]bool
	warnings        model.Problems
	// wide means that the call is validated against everything.
	wide bool
}

// wide is the number of edits from which it costs less to validate everything than to find
// what they affect.
const wide = 64

// MaxEdits is the maximum of edits in a call. Other writers wait while a call that is
// stored is computed.
const MaxEdits = 100_000

// prepare checks an edit call against a view, and makes its edits in a draft of the view's
// pending configuration; a rejected call leaves the draft unchanged.
func (s *Service) prepare(v *View, d *draft, edits []model.Edit, o EditOptions) (_ *prepared, err error) {
	if len(edits) > MaxEdits {
		return nil, fmt.Errorf("%w: %d edits in one request, and %d are taken at once: split them into several requests", ErrTooMany, len(edits), MaxEdits)
	}
	if edits, err = inOrder(edits); err != nil {
		return nil, err
	}
	p := &prepared{config: d.config, touched: make(map[string]bool), edited: make(map[string]bool), wide: len(edits) > wide}
	if p.wide {
		d.found = nil // rebuilt on demand, at less cost than following these edits
	}
	err = p.makeEdits(v, d, edits, o)
	slices.Reverse(p.undo)
	defer func() {
		if err != nil {
			d.swap(p.undo)
		}
	}()
	if err != nil {
		return nil, err
	}
	if len(p.edits) > 0 {
		found, err := s.validateEdits(d, p, o.Lax)
		if err != nil {
			return nil, err
		}
		p.warnings = append(append(p.warnings, found...), inUse(p.edits, func() *model.Config { return liveAfter(v.Live, p.live) })...)
	}
	if err = p.validateLive(v, s.known(), o.Lax, o.planned); err != nil {
		return nil, err
	}
	return p, nil
}

// makeEdits makes the edits, those of objects that are not live in a draft. Afterwards
// p.undo has what undoes them, in the order of the edits, also if it fails.
func (p *prepared) makeEdits(v *View, d *draft, edits []model.Edit, o EditOptions) (err error) {
	for _, e := range edits {
		if !e.Kind.Revisioned() {
			err = p.editLive(v, e, o)
		} else {
			err = p.edit(d, &e, o)
		}
		if err != nil {
			return err
		}
		p.touched[model.Ref(e.Kind, e.ID)] = true
	}
	return nil
}

// inOrder copies edits and sorts them: puts by kind so that references resolve, then
// deletions in reverse order.
func inOrder(edits []model.Edit) ([]model.Edit, error) {
	kinds := model.Kinds()
	out := make([]model.Edit, len(edits))
	for i, e := range edits {
		if e.Put != nil {
			o, err := clone(e.Put)
			if err != nil {
				return nil, err
			}
			e = model.Edit{Put: o, Kind: o.ObjectKind(), ID: o.ObjectID()}
		}
		if !slices.Contains(kinds, e.Kind) {
			return nil, fmt.Errorf("unknown kind %q", e.Kind)
		}
		out[i] = e
	}
	slices.SortStableFunc(out, func(a, b model.Edit) int { return rank(kinds, a) - rank(kinds, b) })
	return out, nil
}

// rank is the place of an edit in dependency order.
func rank(kinds []model.Kind, e model.Edit) int {
	if i := slices.Index(kinds, e.Kind); e.Put != nil {
		return i
	} else {
		return 2*len(kinds) - i
	}
}

// clone copies an object: Config.Put completes it, and must not change the caller's
// object.
func clone(o model.Object) (model.Object, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return model.Decode(o.ObjectKind(), b)
}

// edit makes one edit of the batch in the draft, and sets its final ID.
func (p *prepared) edit(d *draft, e *model.Edit, o EditOptions) error {
	asked := model.Ref(e.Kind, e.ID)
	if e.Put != nil {
		if err := d.config.Complete(e.Put); err != nil {
			return err
		}
		e.ID = e.Put.ObjectID()
	} else if d.config.Get(e.Kind, e.ID) == nil {
		return notFound(e.Kind, e.ID)
	}
	ref := model.Ref(e.Kind, e.ID)
	if p.edited[ref] {
		return model.Problems{{Severity: model.Error, Kind: e.Kind, ID: e.ID,
			Message: "stands twice in one request; leave one of them out"}}
	}
	old := d.config.Get(e.Kind, e.ID)
	if err := match(o.IfMatch, asked, ref, old); err != nil {
		return err
	}
	if e.Put != nil {
		e.Put = inherit(e.Put, old, o)
		if err := p.checkObject(e.Put, o.Lax); err != nil {
			return err
		}
	}
	if diff.Object(old, e.Put) != nil {
		p.edits = append(p.edits, *e)
		p.undo = append(p.undo, d.set(*e))
		p.edited[ref] = true
	}
	return nil
}

// checkObject validates an object without the other objects. Problems that a lax edit
// accepts become warnings.
func (p *prepared) checkObject(o model.Object, lax bool) error {
	problems := append(model.CheckSet(o), model.CheckText(o)...)
	if errs := problems.Errors(lax); len(errs) > 0 {
		return errs
	}
	p.warnings = append(p.warnings, problems...)
	return nil
}

// inherit copies to an object what it keeps of the one that it replaces. The object is the
// service's own copy.
func inherit(put, old model.Object, o EditOptions) model.Object {
	if old == nil {
		return put
	}
	if !o.Exact {
		put = model.KeepSecrets(put, old)
		if model.SetOf(put) == "" {
			model.SetSet(put, model.SetOf(old))
		}
	}
	if o.KeepWritten && model.ClientSpellingOf(put) == nil {
		model.SetClientSpelling(put, model.ClientSpellingOf(old))
	}
	return put
}

// match checks the condition on an object, under the reference from the caller or the
// final one.
func match(conds map[string]string, asked, ref string, old model.Object) error {
	want, ok := conds[asked]
	if !ok {
		want, ok = conds[ref]
	}
	switch {
	case !ok:
		return nil
	case want == Absent && old != nil:
		return fmt.Errorf("%s: %w: it exists already", ref, ErrPrecondition)
	case want == Absent:
		return nil
	case old == nil:
		return fmt.Errorf("%s: %w: it does not exist any more", ref, ErrPrecondition)
	case want != Present && want != ETag(old):
		return fmt.Errorf("%s: %w: somebody changed it meanwhile; look at it again and repeat the change", ref, ErrPrecondition)
	}
	return nil
}

// validateEdits validates the draft after the edits of a call against the draft before
// them. If they are all local, it validates only what they affect.
func (s *Service) validateEdits(d *draft, p *prepared, lax bool) (warnings model.Problems, err error) {
	known := s.known()
	validate := func() model.Problems { return model.Validate(d.config, known) }
	if !p.wide && !slices.ContainsFunc(p.edits, func(e model.Edit) bool { return !e.Kind.Local() }) {
		x := d.index()
		d.swap(p.undo)
		scope := x.Affected(d.config, p.edits, nil)
		d.swap(p.edits)
		scope = x.Affected(d.config, p.edits, scope)
		validate = func() model.Problems { return x.Validate(d.config, known, scope) }
	}
	before := func() model.Problems {
		d.swap(p.undo)
		defer d.swap(p.edits)
		return validate()
	}
	return newProblems(validate(), before, p.touched, lax)
}

// newProblems selects the problems to report. An error that existed before and is not in a
// touched object prevents nothing: it is shown, but one bad object must not block the
// others.
func newProblems(problems model.Problems, before func() model.Problems, touched map[string]bool, lax bool) (warnings model.Problems, err error) {
	if len(problems) == 0 {
		return nil, nil
	}
	type key struct{ ref, field, value, message string }
	keyOf := func(p model.Problem) key { return key{model.Ref(p.Kind, p.ID), p.Field, p.Value, p.Message} }
	old := make(map[key]bool)
	for _, p := range before() {
		old[keyOf(p)] = true
	}
	var errs model.Problems
	for _, p := range problems {
		fresh := touched[model.Ref(p.Kind, p.ID)] || !old[keyOf(p)]
		switch {
		case len(model.Problems{p}.Errors(lax)) > 0 && fresh:
			errs = append(errs, p)
		case fresh:
			warnings = append(warnings, p)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return warnings, nil
}

// guarded returns ErrGuard unless the conditions hold.
func (s *Service) guarded(ctx context.Context, guard []store.Cond) error {
	for _, c := range guard {
		r, err := s.get(ctx, c.Key)
		if err != nil {
			return err
		}
		if r.Revision != c.Revision {
			return ErrGuard
		}
	}
	return nil
}

// changes are the differences that the call makes.
func (p *prepared) changes(v *View) []diff.Change {
	return append(changesOf(p.edits, p.undo), p.liveChanges(v)...)
}

// liveChanges are those of live objects.
func (p *prepared) liveChanges(v *View) []diff.Change {
	var out []diff.Change
	for _, e := range p.live {
		if c := diff.Object(v.Live.Get(e.Kind, e.ID), e.Put); c != nil {
			out = append(out, *c)
		}
	}
	return out
}
