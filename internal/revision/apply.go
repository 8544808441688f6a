package revision

import (
	"context"
	"errors"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// ApplyResult is the result of an apply or a rollback.
type ApplyResult struct {
	// Revision is the number of the running revision now.
	Revision int64
	// Changed is false when there was nothing to do and no revision was made.
	Changed bool
	Changes []diff.Change
}

// Apply makes a revision of the pending configuration and makes it the running one. With a
// token, that of a Plan, it does so only if the plan still holds, and returns ErrStalePlan
// otherwise.
func (s *Service) Apply(ctx context.Context, author, message, token string) (*ApplyResult, error) {
	return s.ApplyIf(ctx, author, message, token, nil)
}

// ApplyIf is Apply if the function, unless it is nil, returns no error for exactly the
// state that is applied.
func (s *Service) ApplyIf(ctx context.Context, author, message, token string, allow func(*View) error) (*ApplyResult, error) {
	var out *ApplyResult
	err := s.retry(ctx, func(v *View) error {
		if token != "" && token != v.token(v.Pending) {
			return fmt.Errorf("%w: the configuration was changed after the plan was made; nothing was applied: look at the new plan and apply that", ErrStalePlan)
		}
		var err error
		if allow != nil {
			if err = allow(v); err != nil {
				return err
			}
		}
		out, err = s.advance(ctx, v, v.Pending, author, message)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Rollback makes a new revision with the content of revision n and makes it the running
// one. It returns ErrPendingEdits rather than drop pending edits. With a token, that of a
// PlanRevision, it does so only if that plan still holds, and returns ErrStalePlan
// otherwise.
func (s *Service) Rollback(ctx context.Context, author, message string, n int64, token string) (*ApplyResult, error) {
	var out *ApplyResult
	err := s.retry(ctx, func(v *View) error {
		target, err := s.Revision(ctx, n)
		if err != nil {
			return err
		}
		if pending := v.Changes(); len(pending) > 0 {
			return fmt.Errorf("%w: a rollback to revision %d would drop %d changed objects; nothing was changed: "+
				"apply them first (viaduct apply) or discard them (viaduct discard)", ErrPendingEdits, n, len(pending))
		}
		if token != "" && token != v.token(target.Config) {
			return fmt.Errorf("%w: the running configuration was changed after the plan was made; nothing was rolled back: "+
				"look at the new plan and decide anew", ErrStalePlan)
		}
		if message == "" {
			message = fmt.Sprintf("roll back to revision %d", n)
		}
		out, err = s.advance(ctx, v, target.Config, author, message)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// advance makes a configuration the next revision, in one transaction that also
// clears the pending log.
func (s *Service) advance(ctx context.Context, v *View, to *model.Config, author, message string) (*ApplyResult, error) {
	changes := diff.Objects(v.Running, to)
	if len(changes) == 0 {
		// Edits that cancel each other out make no revision, but are removed from the log.
		if err := s.clear(ctx, v); err != nil {
			return nil, err
		}
		return &ApplyResult{Revision: v.Revision}, nil
	}
	// It was valid when it was edited, but nodes may have left since.
	touched := make(map[string]bool)
	for _, c := range changes {
		touched[model.Ref(model.Kind(c.Type), c.Name)] = true
	}
	known := s.known()
	before := func() model.Problems { return model.Validate(v.Running, known) }
	if _, err := newProblems(model.Validate(to, known), before, touched, true); err != nil {
		return nil, err
	}
	info := Info{Number: v.Revision + 1, Time: s.now().UTC(), Author: author, Message: message, Count: len(changes)}
	if err := s.commit(ctx, v, &Revision{Format: format, Info: info, Config: to, Changes: changes}); err != nil {
		return nil, err
	}
	return &ApplyResult{Revision: info.Number, Changed: true, Changes: changes}, nil
}

// commit stores a revision and makes it the running one.
func (s *Service) commit(ctx context.Context, v *View, r *Revision) error {
	doc, err := encode(r)
	if err != nil {
		return err
	}
	info, err := encode(Past{Info: r.Info, Bytes: int64(len(doc))})
	if err != nil {
		return err
	}
	err = s.switchRunning(ctx, v, core{Revision: r.Number, Running: r.Config},
		store.Put(numbered(prefixRevision, r.Number), doc), store.Put(numbered(prefixHistory, r.Number), info))
	if err == nil {
		s.pruned(context.WithoutCancel(ctx))
	}
	return err
}

// switchRunning makes a revision the running one and clears the pending log, on condition
// that the view is current.
func (s *Service) switchRunning(ctx context.Context, v *View, to core, ops ...store.Op) error {
	running, err := encode(runningDoc{Revision: to.Revision, Seq: v.seq})
	if err != nil {
		return err
	}
	conds := []store.Cond{{Key: keyRunning, Revision: v.mark}, {Key: numbered(prefixPending, v.seq+1)}}
	ops = append(ops, store.Put(keyRunning, running), store.DeletePrefix(prefixPending))
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.store.Txn(ctx, conds, ops)
	if err != nil {
		return err
	}
	to.Pending, to.seq, to.mark, to.at = to.Running, v.seq, at, at
	s.install(to, s.current.Load().view.live)
	return nil
}

// clear empties the pending log, unless it is empty.
func (s *Service) clear(ctx context.Context, v *View) error {
	if v.newest == nil {
		return nil
	}
	return s.switchRunning(ctx, v, core{Revision: v.Revision, Running: v.Running})
}

// Discard drops every pending edit. With a token, the Pending of a Plan, it does
// so only if these edits are still what is pending, and returns ErrStalePlan
// otherwise.
func (s *Service) Discard(ctx context.Context, pending string) (*EditResult, error) {
	var out *EditResult
	err := s.retry(ctx, func(v *View) error {
		if err := v.stillPending(pending); err != nil {
			return err
		}
		out = &EditResult{Changes: diff.Objects(v.Pending, v.Running)}
		return s.clear(ctx, v)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Revision returns a revision, or ErrNotFound.
func (s *Service) Revision(ctx context.Context, n int64) (*Revision, error) {
	key := numbered(prefixRevision, n)
	r, err := s.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("revision %d: %w: see which there are with: viaduct history", n, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return decodeRevision(key, r.Value)
}

// HasRevision reports whether a revision exists: it was made, by this or another server,
// and is kept.
func (s *Service) HasRevision(ctx context.Context, n int64) (bool, error) {
	if n <= 0 {
		return false, nil
	}
	_, err := s.store.Get(ctx, numbered(prefixHistory, n))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// History describes every revision, newest first.
func (s *Service) History(ctx context.Context) ([]Past, error) {
	all, err := s.history(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Past, len(all))
	for i, h := range all {
		out[i] = h.Past
	}
	return out, nil
}
