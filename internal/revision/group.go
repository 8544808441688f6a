package revision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// Edit calls that arrive while others are being stored wait, and are then stored together:
// computed one on top of the other, each with its record and its outcome, in one
// transaction. It succeeds or fails as a whole, and after a failure they are computed
// again.
//
// They are computed from the newest view in memory. The transaction proves that it is
// current: its conditions are those of each record alone. Only a decision without a
// transaction, for example a rejection, needs a read of the store.

// Limits of what is stored together: an external etcd accepts 128 operations and 1.5 MiB
// by default. A single call may be larger.
const (
	maxGroup      = 64
	maxGroupOps   = 100
	maxGroupBytes = 512 << 10
)

// call is an edit call that waits for its outcome.
type call struct {
	groupcommit.Outcome
	ctx     context.Context
	author  string
	edits   func(*View) ([]model.Edit, error)
	options EditOptions
	// allocations are what was prepared for the edits.
	allocations *allocations

	result *EditResult
	// live are the remaining edits of live objects, record is what was stored.
	live   []model.Edit
	record []model.Edit
	// panicked is the value of a panic in the call's function.
	panicked any
}

// end makes the outcome final.
func (c *call) end(err error) {
	if err != nil {
		c.result, c.live = nil, nil
	}
	c.End(err)
}

// writers are the edit calls in progress.
type writers struct {
	calls *groupcommit.Queue[*call]

	// draft is changed by the leader. base is its last committed configuration, if there
	// is a view of that. Both are under Service.viewMu.
	draft *draft
	base  *model.Config
}

// submit waits until a call is carried out, or does it.
func (s *Service) submit(c *call) error {
	err := s.writers.calls.Do(c.ctx, c)
	if c.panicked != nil {
		panic(c.panicked)
	}
	return err
}

// lead carries out calls, all of which have an outcome when it returns. It does not use a
// caller's context, which would end the calls of others; the store bounds each request.
func (s *Service) lead(ctx context.Context, calls []*call) {
	limit := maxGroup
	v := s.current.Load().view // perhaps without its pending configuration
	for i := range maxTries {
		if i > 0 {
			var err error
			if v, err = s.View(ctx); err != nil {
				endAll(calls, err)
				return
			}
		}
		g := s.compute(v, calls, i > 0, limit)
		err := s.flush(ctx, g)
		if calls = waiting(calls); len(calls) == 0 {
			return
		}
		switch {
		case errors.Is(err, store.ErrTooLarge):
			limit = 1
		case err != nil: // writers that failed together should not come back together
			sleep.Context(ctx, rand.N(time.Duration(min(i, 20)+1)*time.Millisecond))
		}
	}
	endAll(calls, fmt.Errorf("%w: others changed the configuration %d times meanwhile; try again", ErrBusy, maxTries))
}

// waiting returns those of the calls without an outcome; calls with a caller that has
// stopped waiting get one.
func waiting(calls []*call) []*call {
	return slices.DeleteFunc(calls, func(c *call) bool {
		if !c.Ended() && c.ctx.Err() != nil {
			c.end(c.ctx.Err())
		}
		return c.Ended()
	})
}

func endAll(calls []*call, err error) {
	for _, c := range calls {
		c.end(err)
	}
}

// group are calls that were computed together.
type group struct {
	draft *draft
	// core is that of the view and the records so far.
	core core
	// stored are the calls that have a record, to be stored with ops under conds.
	stored []*call
	ops    []store.Op
	conds  []store.Cond
	bytes  int
	// finished are calls that have an outcome without a record.
	finished map[*call]error
}

// compute computes calls on top of each other. current is true if the view has just been
// read, so that a rejection based on it is final.
func (s *Service) compute(v *View, calls []*call, current bool, limit int) *group {
	g := &group{draft: s.draftOf(v), core: v.core, conds: []store.Cond{{Key: keyRunning, Revision: v.mark}}, finished: make(map[*call]error)}
	for _, c := range calls {
		if len(g.stored) == limit || g.bytes >= maxGroupBytes {
			break
		}
		if c.ctx.Err() != nil || !g.accepts(c) {
			continue
		}
		finished, err := s.computeOne(v, c, g, current)
		if c.panicked != nil {
			// The draft may be in any state: start again without the call.
			s.dropDraft(true)
			c.end(nil)
			return nil
		}
		// That edits need an allocator does not depend on how current the view is.
		unprepared := c.allocations == nil && errors.Is(err, errUnprepared)
		if finished && (current || unprepared) {
			g.finished[c] = err
		}
	}
	return g
}

// draftOf returns the draft to work on: the existing one if it matches the view, which is
// true for a view without a pending configuration.
func (s *Service) draftOf(v *View) *draft {
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	w := &s.writers
	if v.Pending == nil || w.draft != nil && w.base == v.Pending {
		return w.draft
	}
	d := newDraft(v.Pending, &s.viewMu)
	if old := w.draft; old != nil && old.found != nil {
		d.found = old.found
		d.found.Follow(old.config, d.config)
	}
	w.draft, w.base = d, v.Pending
	return d
}

// dropDraft discards the draft with all edits that were not committed, and with its index
// if that may be in any state.
func (s *Service) dropDraft(index bool) {
	s.latest() // the view must not need it any more
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	if s.writers.base = nil; index {
		s.writers.draft = nil
	}
}

// accepts reports whether a call can be stored together with those of the group.
func (g *group) accepts(c *call) bool {
	ops := c.allocations.ops()
	if len(g.stored) > 0 && len(g.ops)+len(ops) >= maxGroupOps {
		return false
	}
	twice := slices.ContainsFunc(ops, func(op store.Op) bool {
		return slices.ContainsFunc(g.ops, func(o store.Op) bool { return o.Key == op.Key })
	})
	return !twice && compatible(g.conds, c.options.Guard) && compatible(g.conds, c.allocations.conds())
}

// compatible reports whether conditions can hold together with others.
func compatible(with, conds []store.Cond) bool {
	return !slices.ContainsFunc(conds, func(c store.Cond) bool {
		return slices.ContainsFunc(with, func(o store.Cond) bool { return o.Key == c.Key && o.Revision != c.Revision })
	})
}

// computeOne computes a call on top of a group and adds it if there is anything to store;
// otherwise it has its outcome: finished is set.
func (s *Service) computeOne(v *View, c *call, g *group, current bool) (finished bool, err error) {
	defer func() { c.panicked = recover() }()
	d := g.draft
	shown := &View{core: g.core, live: v.live}
	if c.options.Brief {
		shown.Pending, shown.drafted = d.current(), d.index
	} else {
		shown.Pending = d.snapshot()
	}
	if err := shown.stillPending(c.options.Pending); err != nil {
		return true, err
	}
	edits, err := c.edits(shown)
	if err == nil {
		edits, err = s.withAllocations(edits, c)
	}
	if err != nil {
		return true, err
	}
	p, err := s.prepare(shown, d, edits, c.options)
	if err != nil {
		return true, err
	}
	c.live, c.record = p.live, p.edits
	c.result = &EditResult{Changes: p.changes(shown), Warnings: p.warnings}
	if !c.options.Uncounted {
		c.result.Pending = d.pending(v.Running)
	}
	if len(p.edits) == 0 || !current && p.dependsOnLive() {
		d.swap(p.undo)
		return true, nil
	}
	if err := s.add(c, p, g); err != nil {
		d.swap(p.undo)
		return true, err
	}
	return false, nil
}

// dependsOnLive reports whether live objects matter to the call, since the transaction
// does not prove that they are current.
func (p *prepared) dependsOnLive() bool {
	return len(p.live) > 0 || slices.ContainsFunc(p.edits, func(e model.Edit) bool { return e.Kind == model.KindVNet && e.Put == nil })
}

// add adds a call's record to a group.
func (s *Service) add(c *call, p *prepared, g *group) error {
	r := Record{Seq: g.core.seq + 1, Time: s.now().UTC(), Author: c.author, Edits: p.edits}
	if c.options.undoes != nil {
		r.Undoes = *c.options.undoes
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	r.bytes = int64(len(text))
	if err := s.admit(g.core.load, r); err != nil {
		return err
	}
	value, err := pack(text)
	if err != nil {
		return err
	}
	key := numbered(prefixPending, r.Seq)
	for _, cond := range slices.Concat([]store.Cond{{Key: key}}, c.options.Guard, c.allocations.conds()) {
		if !slices.Contains(g.conds, cond) {
			g.conds = append(g.conds, cond)
		}
	}
	g.ops = append(append(g.ops, store.Put(key, value)), c.allocations.ops()...)
	g.bytes += len(value)
	g.stored = append(g.stored, c)
	g.core = g.core.after([]Record{r}, g.core.Pending, g.core.at)
	return nil
}

// flush stores the records of a group, and ends the calls with a final outcome. An error
// means that some have to be computed again.
func (s *Service) flush(ctx context.Context, g *group) error {
	if g == nil {
		return nil
	}
	if len(g.stored) > 0 {
		if err := s.append(ctx, g); err != nil {
			// The computed result is void, and the outcomes that are based on it.
			s.dropDraft(false)
			return s.endFailed(ctx, g, err)
		}
		endAll(g.stored, nil)
	} else {
		s.viewMu.Lock()
		g.draft.commit() // as it was before
		s.viewMu.Unlock()
	}
	for c, err := range g.finished {
		c.end(s.rejected(ctx, c.allocations, err))
	}
	return nil
}

// append stores the records of a group in one transaction.
func (s *Service) append(ctx context.Context, g *group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.store.Txn(ctx, g.conds, g.ops)
	if err != nil {
		return err
	}
	// The conditions held: so nothing else of the core has changed since the view. Its
	// pending configuration is that of the draft, on demand.
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	g.draft.commit()
	s.writers.base = nil
	g.core.Pending, g.core.at = nil, at
	s.replace(g.core, s.current.Load().view.live)
	return nil
}

// endFailed ends the calls of a group that could not be stored for reasons of their own,
// and returns why the others have to be tried again.
func (s *Service) endFailed(ctx context.Context, g *group, err error) error {
	switch {
	case errors.Is(err, store.ErrTooLarge) && len(g.stored) > 1:
	case errors.Is(err, store.ErrConflict):
		for _, c := range g.stored {
			if held := s.guarded(ctx, c.options.Guard); held != nil {
				c.end(errors.Join(err, held))
			} else if s.stale(ctx, c.allocations) {
				c.end(errUnprepared)
			}
		}
	default:
		endAll(g.stored, err)
	}
	return err
}
