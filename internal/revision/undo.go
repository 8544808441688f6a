package revision

import (
	"context"
	"errors"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// DiscardSome drops the pending changes of the objects that the function chooses from all
// of them, by edits that restore the running objects: so it returns model.Problems for
// what would not be valid together with the edits that stay. The token is as for Discard.
func (s *Service) DiscardSome(ctx context.Context, author, pending string, choose func(*View, []diff.Change) ([]diff.Change, error)) (*EditResult, error) {
	return s.restore(ctx, author, func(v *View) ([]model.Edit, error) {
		chosen, err := choose(v, diff.Objects(v.Pending, v.Running))
		if err != nil {
			return nil, err
		}
		var edits []model.Edit
		for _, c := range chosen {
			k := model.Kind(c.Type)
			edits = append(edits, model.Edit{Kind: k, ID: c.Name, Put: v.Running.Get(k, c.Name)})
		}
		return edits, nil
	}, EditOptions{Pending: pending})
}

// Undo reverts an edit call of an author that is pending and not undone yet: the objects
// that it changed become what they were before it. seq is its number, and 0 means the last
// one. It returns ErrNotFound if there is none, ErrPrecondition if one of the objects was
// changed since, and model.Problems for what would not be valid together with the other
// edits. allow may refuse the edits that restore the objects.
func (s *Service) Undo(ctx context.Context, author string, seq int64, allow func(*View, []model.Edit) error) (*EditResult, error) {
	var undoes int64
	return s.restore(ctx, author, func(v *View) ([]model.Edit, error) {
		e := v.editBy(author, seq)
		if e == nil {
			what := "last edit"
			if seq != 0 {
				what = fmt.Sprintf("edit %d", seq)
			}
			return nil, fmt.Errorf("%s by %s: %w: it is not pending any more, or never was; what is applied is taken back with viaduct rollback", what, author, ErrNotFound)
		}
		undoes = e.Seq
		edits := v.before(e)
		if err := allow(v, edits); err != nil {
			return nil, err
		}
		return edits, v.unchangedSince(e)
	}, EditOptions{undoes: &undoes})
}

// restore makes edits that restore complete objects. If nothing is pending afterwards it
// clears the log.
func (s *Service) restore(ctx context.Context, author string, edits func(*View) ([]model.Edit, error), o EditOptions) (*EditResult, error) {
	o.Exact = true
	out, err := s.Change(ctx, author, edits, o)
	if err != nil || out.Pending > 0 {
		return out, err
	}
	v, err := s.View(ctx)
	if err != nil {
		return out, nil //nolint:nilerr // the edits were stored
	}
	if len(v.Changes()) == 0 {
		_, err = s.Discard(ctx, v.pendingToken())
	}
	if err != nil && !errors.Is(err, ErrStalePlan) {
		return nil, err
	}
	return out, nil
}

// editBy is the record of an author with a number, or their last one for 0, that neither
// undoes another one nor is undone; nil if there is none.
func (c *core) editBy(author string, seq int64) *entry {
	undone := make(map[int64]bool)
	for e := c.newest; e != nil; e = e.before {
		switch {
		case e.Undoes != 0:
			undone[e.Undoes] = true
		case e.Author == author && !undone[e.Seq] && (seq == 0 || seq == e.Seq):
			return e
		}
	}
	return nil
}

// withoutUndone are the records without those that are undone, and those that undo them.
func withoutUndone(records []Record) []Record {
	undone := make(map[int64]bool)
	for _, r := range records {
		undone[r.Undoes] = true
	}
	var out []Record
	for _, r := range records {
		if r.Undoes == 0 && !undone[r.Seq] {
			out = append(out, r)
		}
	}
	return out
}

// before are the edits that make the objects of a record what they were before it.
func (c *core) before(e *entry) []model.Edit {
	type key struct {
		kind model.Kind
		id   string
	}
	missing := make(map[key]int)
	out := make([]model.Edit, len(e.Edits))
	for i, edit := range e.Edits {
		out[i] = model.Edit{Kind: edit.Kind, ID: edit.ID, Put: c.Running.Get(edit.Kind, edit.ID)}
		missing[key{edit.Kind, edit.ID}] = i
	}
	for p := e.before; p != nil && len(missing) > 0; p = p.before {
		for _, edit := range p.Edits {
			k := key{edit.Kind, edit.ID}
			if i, ok := missing[k]; ok {
				out[i].Put = edit.Put
				delete(missing, k)
			}
		}
	}
	return out
}

// unchangedSince returns ErrPrecondition unless the objects of a record are still as it
// left them.
func (c *core) unchangedSince(e *entry) error {
	for _, edit := range e.Edits {
		if diff.Object(edit.Put, c.Pending.Get(edit.Kind, edit.ID)) == nil {
			continue
		}
		ref, who := model.Ref(edit.Kind, edit.ID), "somebody"
		for n := c.newest; n != nil && n.Seq > e.Seq; n = n.before {
			if n.touches(edit.Kind, edit.ID) {
				who = n.Author
				break
			}
		}
		return fmt.Errorf("%s: %w: it was changed again by %s after the edit; nothing was undone: change it back by an edit, or discard all that is pending of it (viaduct discard %s %s)",
			ref, ErrPrecondition, who, edit.Kind, edit.ID)
	}
	return nil
}

// touches reports whether a record has an edit of an object.
func (r *Record) touches(k model.Kind, id string) bool {
	for _, e := range r.Edits {
		if e.Kind == k && e.ID == id {
			return true
		}
	}
	return false
}
