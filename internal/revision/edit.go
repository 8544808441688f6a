package revision

import (
	"context"
	"encoding/json"
	"errors"
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
	// IfMatch demands, by reference ("zone/z"), that an object has this ETag, or
	// with Absent that it does not exist, or with Present that it does.
	IfMatch map[string]string
	// Pending, if not empty, demands that the pending configuration is still the
	// one of the plan with this Pending; otherwise Edit returns ErrStalePlan.
	Pending string
	// Lax lets pass what the Proxmox API lets pass, as warnings.
	Lax bool
	// Guard are further conditions under which the edits are stored; if one does
	// not hold Edit returns ErrGuard.
	Guard []store.Cond
	// Uncounted leaves EditResult.Pending at 0: to count takes longer the more
	// edits are pending.
	Uncounted bool

	// planned judges guests by what is about to run only.
	planned bool
}

// Values of EditOptions.IfMatch that are no ETags.
const (
	Absent  = ""
	Present = "*"
)

// EditResult is what an edit did.
type EditResult struct {
	// Changes are the objects that it changed.
	Changes []diff.Change
	// Warnings were found on the way.
	Warnings model.Problems
	// Pending counts the objects that differ from the running revision now.
	Pending int
}

// Edit makes all edits or none. Their order does not matter: the outcome is what
// is checked, so a tag can move from one VNet to another in one call. Edits of
// guests are checked together with the others, and take effect at once after
// these were stored.
func (s *Service) Edit(ctx context.Context, author string, edits []model.Edit, o EditOptions) (*EditResult, error) {
	return s.Change(ctx, author, func(*View) ([]model.Edit, error) { return edits, nil }, o)
}

// Change is Edit with edits that are worked out from the state on which they are
// made: what edits decides on still holds when they are stored. It may be called
// more than once, and what it returns as an error is returned.
func (s *Service) Change(ctx context.Context, author string, edits func(*View) ([]model.Edit, error), o EditOptions) (*EditResult, error) {
	var out *EditResult
	var guests []model.Edit
	recorded := false // whether a record was appended to the pending log
	err := s.retry(ctx, func(v *View) error {
		if err := v.stillPending(o.Pending); err != nil {
			return err
		}
		edits, err := edits(v)
		if err != nil {
			return err
		}
		p, err := s.prepare(v, edits, o)
		if err != nil {
			return err
		}
		guests, recorded = p.guests, len(p.edits) > 0
		out = &EditResult{Changes: p.changes(v), Warnings: p.warnings}
		if !o.Uncounted {
			out.Pending = len(diff.Objects(v.Running, p.config))
		}
		if o.DryRun {
			return nil
		}
		return s.appendRecord(ctx, v, author, p.edits, o.Guard)
	})
	if err != nil {
		return nil, err
	}
	if len(guests) == 0 || o.DryRun {
		return out, nil
	}
	// Guests are no part of the pending log; a conflict here must not append the
	// record again, hence a loop of their own.
	stored, err := s.editGuests(ctx, author, guests, o, !recorded)
	switch {
	case err == nil:
		return out, nil
	case recorded && stored == 0:
		return nil, fmt.Errorf("the edits of the configuration were stored, those of guests were not: %w", err)
	case recorded:
		return nil, fmt.Errorf("the edits of the configuration were stored, and %d of %d guests were stored: %w", stored, len(guests), err)
	case stored > 0:
		return nil, fmt.Errorf("%d of %d guests were stored: %w", stored, len(guests), err)
	}
	return nil, err
}

// prepared is an edit call after all checks.
type prepared struct {
	// edits are what is left of the call's: copies, complete, in dependency
	// order, without those that change nothing and without guests.
	edits []model.Edit
	// config is the pending configuration after them.
	config *model.Config
	// guests are the call's edits of guests that change something.
	guests []model.Edit
	// touched holds the references of the edits so far.
	touched  map[string]bool
	warnings model.Problems
}

// prepare checks an edit call against a view.
func (s *Service) prepare(v *View, edits []model.Edit, o EditOptions) (*prepared, error) {
	edits, err := inOrder(edits)
	if err != nil {
		return nil, err
	}
	p := &prepared{config: v.Pending.Clone(), touched: make(map[string]bool)}
	for _, e := range edits {
		if e.Kind == model.KindGuest {
			err = p.guest(v, e, o)
		} else {
			err = p.edit(v, &e, o)
		}
		if err != nil {
			return nil, err
		}
		p.touched[model.Ref(e.Kind, e.ID)] = true
	}
	if len(p.edits) > 0 {
		p.warnings, err = s.judge(v.Pending, p.config, p.touched, o.Lax)
		if err != nil {
			return nil, err
		}
		p.warnings = append(p.warnings, inUse(p.edits, guestsAfter(v.Guests, p.guests))...)
	}
	if err := p.judgeGuests(v, s.known(), o.Lax, o.planned); err != nil {
		return nil, err
	}
	return p, nil
}

// inOrder copies edits and sorts them: puts by kind so that what an object
// refers to is there, then deletions the other way round.
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
	rank := func(e model.Edit) int {
		if i := slices.Index(kinds, e.Kind); e.Put != nil {
			return i
		} else {
			return 2*len(kinds) - i
		}
	}
	slices.SortStableFunc(out, func(a, b model.Edit) int { return rank(a) - rank(b) })
	return out, nil
}

// clone copies an object: Config.Put completes it, and it must not be the
// caller's then.
func clone(o model.Object) (model.Object, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return model.Decode(o.ObjectKind(), b)
}

// edit makes one edit of the batch in p.config, and sets its final ID.
func (p *prepared) edit(v *View, e *model.Edit, o EditOptions) error {
	asked := model.Ref(e.Kind, e.ID)
	if e.Put != nil {
		if err := p.config.Put(e.Put); err != nil {
			return err
		}
		e.ID = e.Put.ObjectID()
	} else if !p.config.Delete(e.Kind, e.ID) {
		return notFound(e.Kind, e.ID)
	}
	if slices.ContainsFunc(p.edits, func(x model.Edit) bool { return x.Kind == e.Kind && x.ID == e.ID }) {
		return model.Problems{{Severity: model.Error, Kind: e.Kind, ID: e.ID,
			Message: "stands twice in one request; leave one of them out"}}
	}
	old := v.Pending.Get(e.Kind, e.ID)
	if err := match(o.IfMatch, asked, model.Ref(e.Kind, e.ID), old); err != nil {
		return err
	}
	if diff.Object(old, e.Put) != nil {
		p.edits = append(p.edits, *e)
	}
	return nil
}

// match checks the condition on an object, under the reference the caller gave
// or the final one.
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

// judge validates a configuration that is about to take the place of another.
// A fault that was there before and is not in a touched object holds nothing
// up: it is shown, but one bad object must not block the others.
func (s *Service) judge(old, new *model.Config, touched map[string]bool, lax bool) (warnings model.Problems, err error) {
	known := s.known()
	problems := model.Validate(new, known)
	if len(problems) == 0 {
		return nil, nil
	}
	before := make(map[model.Problem]bool)
	for _, p := range model.Validate(old, known) {
		before[p] = true
	}
	var errs model.Problems
	for _, p := range problems {
		news := touched[model.Ref(p.Kind, p.ID)] || !before[p]
		switch {
		case len(model.Problems{p}.Errors(lax)) > 0 && news:
			errs = append(errs, p)
		case news:
			warnings = append(warnings, p)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return warnings, nil
}

// appendRecord stores the edits as the next record of the pending log.
func (s *Service) appendRecord(ctx context.Context, v *View, author string, edits []model.Edit, guard []store.Cond) error {
	if len(edits) == 0 {
		return nil
	}
	r := Record{Seq: v.seq + 1, Time: s.now().UTC(), Author: author, Edits: edits}
	value, err := encode(r)
	if err != nil {
		return err
	}
	key := numbered(prefixPending, r.Seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	conds := append([]store.Cond{{Key: keyRunning, Revision: v.mark}, {Key: key}}, guard...)
	at, err := s.store.Txn(ctx, conds, []store.Op{store.Put(key, value)})
	if errors.Is(err, store.ErrConflict) {
		return errors.Join(err, s.guarded(ctx, guard))
	}
	if err != nil {
		return err
	}
	// The conditions held: so nothing else of the core has changed since v.
	c, err := v.next(r, at)
	if err != nil {
		return err
	}
	s.install(c, s.current.Load().view.live)
	return nil
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
	out := diff.Objects(v.Pending, p.config)
	for _, e := range p.guests {
		var old model.Object
		if g := v.Guests[e.ID]; g != nil {
			old = g
		}
		if c := diff.Object(old, e.Put); c != nil {
			out = append(out, *c)
		}
	}
	return out
}
