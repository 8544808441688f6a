package revision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Kept is how much of the history is kept: so many of the newest revisions, and of these
// as many as fit into the bytes in the store. The running revision and pinned ones are
// always kept.
type Kept struct {
	Revisions int
	Bytes     int64
}

// DefaultKept leaves most of a store to the running and the pending configuration.
var DefaultKept = Kept{Revisions: 500, Bytes: 128 << 20}

// maxPinned bounds how many revisions may be pinned.
const maxPinned = 100

// pruneAtOnce is how many revisions are removed in one transaction: an external etcd
// accepts 128 operations.
const pruneAtOnce = 50

// kept is an entry of the history, and when it was last written.
type kept struct {
	Past
	key string
	at  int64
}

// history reads the history, newest first.
func (s *Service) history(ctx context.Context) ([]kept, error) {
	records, _, err := s.store.List(ctx, prefixHistory, "")
	if err != nil {
		return nil, err
	}
	out := make([]kept, len(records))
	for i, r := range records {
		out[i] = kept{key: r.Key, at: r.Revision}
		if err := decode(r.Key, r.Value, &out[i].Past); err != nil {
			return nil, err
		}
	}
	slices.Reverse(out)
	return out, nil
}

// Prune removes the oldest revisions beyond a bound and returns how many those were.
func (s *Service) Prune(ctx context.Context, bound Kept) (int, error) {
	all, err := s.history(ctx)
	if err != nil {
		return 0, err
	}
	running := s.current.Load().view.Revision
	var old []kept
	newest, size := 0, int64(0)
	for _, h := range all {
		newest++
		size += h.Bytes
		if beyond := newest > bound.Revisions || size > bound.Bytes; beyond && !h.Pinned && h.Number < running {
			old = append(old, h)
		}
	}
	removed := 0
	for some := range slices.Chunk(old, pruneAtOnce) {
		var conds []store.Cond
		var ops []store.Op
		for _, h := range some {
			conds = append(conds, store.Cond{Key: h.key, Revision: h.at}) // it may just have been pinned
			ops = append(ops, store.Delete(h.key), store.Delete(numbered(prefixRevision, h.Number)))
		}
		if _, err := s.store.Txn(ctx, conds, ops); err != nil {
			return removed, err
		}
		removed += len(some)
	}
	return removed, nil
}

// pruned prunes after a revision was made. Its errors do not concern the caller.
func (s *Service) pruned(ctx context.Context) {
	n, err := s.Prune(ctx, s.kept)
	switch {
	case err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrConflict):
		s.log.Warn("old revisions could not be removed, trying again after the next apply", "error", err)
	case n > 0:
		s.log.Info("old revisions were removed; pin those that shall stay: viaduct history pin", "revisions", n)
	}
}

// Pin keeps a revision regardless of its age, or stops that.
func (s *Service) Pin(ctx context.Context, n int64, pinned bool) error {
	err := store.Retry(ctx, func() error {
		all, err := s.history(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(h kept) bool { return h.Number == n })
		count := 0
		for _, h := range all {
			if h.Pinned {
				count++
			}
		}
		switch {
		case i < 0:
			return fmt.Errorf("revision %d: %w: see which there are with: viaduct history", n, ErrNotFound)
		case all[i].Pinned == pinned:
			return nil
		case pinned && count >= maxPinned:
			return fmt.Errorf("%w: %d revisions are pinned, and at most so many may be: unpin one first (viaduct history unpin)", ErrTooMany, count)
		}
		all[i].Pinned = pinned
		value, err := encode(all[i].Past)
		if err != nil {
			return err
		}
		_, err = s.store.Txn(ctx, []store.Cond{{Key: all[i].key, Revision: all[i].at}}, []store.Op{store.Put(all[i].key, value)})
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return ErrBusy
	}
	return err
}
