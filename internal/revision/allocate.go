package revision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// Allocator assigns to edits, before they are stored, values that only one object may have
// at a time: the addresses of a guest's NICs, the tag of a VNet. It releases what edits no
// longer need once they are stored, and what it assigned if they are not.
type Allocator interface {
	// Concerns reports whether edits need the allocator. Other writers wait for the
	// answer: it must be quick and must not use the network.
	Concerns(edits []model.Edit, o EditOptions) bool
	// Prepare does the work that precedes storing the edits. It may be slow and use
	// external systems: no writer waits. With o.DryRun it only checks. If it returns an
	// error the edits are rejected, and nothing remains of what it did.
	Prepare(ctx context.Context, v *View, edits []model.Edit, o EditOptions) (*Allocation, error)
}

// Deriver is an Allocator whose further edits belong to a plan as well: the values that it
// chooses are those that an edit right after would get.
type Deriver interface {
	Allocator
	// Derive returns the further edits, as in Allocation.Edits, and assigns nothing.
	Derive(ctx context.Context, v *View, edits []model.Edit) ([]model.Edit, error)
}

// derive adds the further edits of all derivers to those of a plan, and returns which objects
// only these are about.
func (s *Service) derive(ctx context.Context, v *View, edits []model.Edit) (with []model.Edit, derived []string, err error) {
	all := &allocations{edits: slices.Clone(edits)}
	for _, a := range s.allocators {
		d, ok := a.(Deriver)
		if !ok || !d.Concerns(all.edits, EditOptions{}) {
			continue
		}
		further, err := d.Derive(ctx, v, all.edits)
		if err != nil {
			return nil, nil, err
		}
		all.add(&Allocation{Edits: further})
	}
	for _, e := range all.edits[len(edits):] { // add appends those of other objects
		derived = append(derived, model.Ref(e.Target()))
	}
	return all.edits, derived, nil
}

// Allocation is what an Allocator prepared for edits.
type Allocation struct {
	// Edits are made together with those that they were prepared for. An edit of the same
	// object replaces the original one.
	Edits []model.Edit
	// Ops are stored together with the edits, if Conds hold. If they do not, another
	// writer was faster, and the edits are prepared again.
	Conds []store.Cond
	Ops   []store.Op
	// Commit ends the allocation once the edits are stored or turned out to change
	// nothing, Abort if they are not stored, or if it is unknown whether they are
	// (store.ErrUnavailable). Both may be nil. Neither is guaranteed to run, since the
	// process may end before: the allocator must find later what they leave undone.
	Commit, Abort func(ctx context.Context)
}

// Use adds allocators, which run in this order: each sees the further edits of those
// before it. Call it before the first edit.
func (s *Service) Use(a ...Allocator) { s.allocators = append(s.allocators, a...) }

// errUnprepared ends a call with edits that need an allocator which has not prepared them,
// or has prepared others.
var errUnprepared = errors.New("the edits have to be prepared")

// allocations are what all allocators prepared for the edits of a call. Nil means that
// none has run.
type allocations struct {
	// given identifies the edits of the call, edits are these and the further ones.
	given string
	edits []model.Edit
	list  []*Allocation
}

// needed reports whether an allocator has to prepare edits.
func (s *Service) needed(edits []model.Edit, o EditOptions) bool {
	return slices.ContainsFunc(s.allocators, func(a Allocator) bool { return a.Concerns(edits, o) })
}

// allocate runs the allocators for edits. A nil result means that none is needed.
func (s *Service) allocate(ctx context.Context, v *View, edits []model.Edit, o EditOptions) (*allocations, error) {
	if !s.needed(edits, o) {
		return nil, nil
	}
	given, err := identity(edits)
	if err != nil {
		return nil, err
	}
	out := &allocations{given: given, edits: slices.Clone(edits)}
	for _, a := range s.allocators {
		if !a.Concerns(out.edits, o) {
			continue
		}
		one, err := a.Prepare(ctx, v, out.edits, o)
		if err != nil {
			out.finish(ctx, false)
			return nil, err
		}
		out.add(one)
	}
	return out, nil
}

// identity identifies edits by their content.
func identity(edits []model.Edit) (string, error) {
	b, err := json.Marshal(edits)
	return string(b), err
}

func (a *allocations) add(one *Allocation) {
	a.list = append(a.list, one)
	for _, e := range one.Edits {
		i := slices.IndexFunc(a.edits, func(old model.Edit) bool { return model.Ref(old.Target()) == model.Ref(e.Target()) })
		if i < 0 {
			a.edits = append(a.edits, e)
		} else {
			a.edits[i] = e
		}
	}
}

// withAllocations returns the edits to make for those of a call, or errUnprepared.
func (s *Service) withAllocations(edits []model.Edit, c *call) ([]model.Edit, error) {
	a := c.allocations
	if a == nil {
		if s.needed(edits, c.options) {
			return nil, errUnprepared
		}
		return edits, nil
	}
	given, err := identity(edits)
	if err == nil && given != a.given {
		err = errUnprepared
	}
	return a.edits, err
}

func (a *allocations) conds() []store.Cond {
	var out []store.Cond
	if a != nil {
		for _, one := range a.list {
			out = append(out, one.Conds...)
		}
	}
	return out
}

func (a *allocations) ops() []store.Op {
	var out []store.Op
	if a != nil {
		for _, one := range a.list {
			out = append(out, one.Ops...)
		}
	}
	return out
}

// finish ends all allocations, whether or not the caller still waits: the last one first.
func (a *allocations) finish(ctx context.Context, stored bool) {
	if a == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, one := range slices.Backward(a.list) {
		end := one.Abort
		if stored {
			end = one.Commit
		}
		if end != nil {
			end(ctx)
		}
	}
}

// stale reports whether a condition of the allocations does not hold any more.
func (s *Service) stale(ctx context.Context, a *allocations) bool {
	return errors.Is(s.guarded(ctx, a.conds()), ErrGuard)
}

// rejected returns why edits are rejected: if another owner has by now what was allocated
// for them, they have to be prepared again, since that may be the cause.
func (s *Service) rejected(ctx context.Context, a *allocations, err error) error {
	if err != nil && s.stale(ctx, a) {
		return errUnprepared
	}
	return err
}

// storeAlone stores what belongs to edits that change nothing.
func (s *Service) storeAlone(ctx context.Context, a *allocations, guard []store.Cond) error {
	if len(a.ops()) == 0 {
		return nil
	}
	_, err := s.store.Txn(ctx, append(a.conds(), guard...), a.ops())
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	if held := s.guarded(ctx, guard); held != nil {
		return errors.Join(err, held)
	}
	return errUnprepared
}

// Change is Edit with edits that are computed from the state on which they are made: the
// basis of the decision still holds when they are stored. edits may be called more than
// once, by any goroutine, and its error is returned. It must not call Edit: other writers
// wait.
func (s *Service) Change(ctx context.Context, author string, edits func(*View) ([]model.Edit, error), o EditOptions) (*EditResult, error) {
	if o.DryRun {
		return s.tryOut(ctx, edits, o)
	}
	var a *allocations // most edits need none
	for range maxTries {
		result, err := s.storeCall(ctx, &call{Outcome: groupcommit.NewOutcome(), ctx: ctx, author: author, edits: edits, options: o, allocations: a})
		a.finish(ctx, err == nil)
		if !errors.Is(err, errUnprepared) {
			return result, err
		}
		v, err := s.View(ctx)
		if err != nil {
			return nil, err
		}
		list, err := edits(v)
		if err != nil {
			return nil, err
		}
		if a, err = s.allocate(ctx, v, list, o); err != nil {
			return nil, err
		}
	}
	a.finish(ctx, false)
	return nil, fmt.Errorf("%w: others changed the same objects %d times meanwhile; try again", ErrBusy, maxTries)
}
