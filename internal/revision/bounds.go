package revision

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// ErrPendingFull means that the limit of pending edits is reached.
var ErrPendingFull = errors.New("too much is pending")

// Pending is how much may be pending at once: edits, and bytes of their JSON form. Each
// server has all of it in memory, and reads it at its start.
type Pending struct {
	Edits int
	Bytes int64
}

// DefaultPending and DefaultOwnPending bound what is pending in total, and of one user
// with all of their tokens.
var (
	DefaultPending    = Pending{Edits: 250_000, Bytes: 160 << 20}
	DefaultOwnPending = Pending{Edits: 100_000, Bytes: 64 << 20}
)

func (p Pending) and(o Pending) Pending { return Pending{p.Edits + o.Edits, p.Bytes + o.Bytes} }

// fits reports whether it is within a bound; beyond it only deletions are accepted, and of
// those a tenth more.
func (p Pending) fits(bound Pending, deletions bool) bool {
	if deletions {
		bound = Pending{bound.Edits + bound.Edits/10, bound.Bytes + bound.Bytes/10}
	}
	return p.Edits <= bound.Edits && p.Bytes <= bound.Bytes
}

// userOf is the user that an author is or has a token of: "bob@pve" of "bob@pve!ci".
func userOf(author string) string {
	user, _, _ := strings.Cut(author, "!")
	return user
}

// load is how much is pending, in total and by user. It is immutable.
type load struct {
	all Pending
	by  map[string]Pending // by user
}

// with returns the load together with a record.
func (l load) with(r Record) load {
	own := Pending{Edits: len(r.Edits), Bytes: r.bytes}
	by := maps.Clone(l.by)
	if by == nil {
		by = make(map[string]Pending)
	}
	who := userOf(r.Author)
	by[who] = by[who].and(own)
	return load{l.all.and(own), by}
}

// admit rejects a record that would exceed the bounds.
func (s *Service) admit(l load, r Record) error {
	deletions := true
	for _, e := range r.Edits {
		deletions = deletions && e.Put == nil
	}
	next, who := l.with(r), userOf(r.Author)
	const todo = "apply what is pending (viaduct apply) or drop it (viaduct discard), or ask somebody to who may"
	if own := next.by[who]; !own.fits(s.ownPending, deletions) {
		return fmt.Errorf("%w: with this request %s would have %d pending edits of %d KiB, and at most %d of %d KiB may be of one user; nothing was changed: %s",
			ErrPendingFull, who, own.Edits, own.Bytes>>10, s.ownPending.Edits, s.ownPending.Bytes>>10, todo)
	}
	if !next.all.fits(s.pending, deletions) {
		return fmt.Errorf("%w: with this request there would be %d pending edits of %d KiB, and at most %d of %d KiB may be; nothing was changed: %s",
			ErrPendingFull, next.all.Edits, next.all.Bytes>>10, s.pending.Edits, s.pending.Bytes>>10, todo)
	}
	return nil
}
