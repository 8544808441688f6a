package ipam

import (
	"context"
	"errors"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// maxBatch is the maximum of writes in one transaction: an external etcd accepts 128
// operations by default.
const maxBatch = 100

// gatherWindow is how long the queue waits for further changes before it stores some.
const gatherWindow = 2 * time.Millisecond

// queued is a change that waits to be stored.
type queued struct {
	groupcommit.Outcome
	change *change
}

// selectBatch chooses changes that fit in one transaction and write no key twice.
func selectBatch(waiting []*queued) (now, later []*queued) {
	keys := make(map[string]bool)
	for _, q := range waiting {
		ops := append(q.change.writes[:len(q.change.writes):len(q.change.writes)], q.change.ops...)
		fits := len(now) == 0 || len(keys)+len(ops) <= maxBatch
		for _, op := range ops {
			fits = fits && !keys[op.Key]
		}
		if !fits {
			later = append(later, q)
			continue
		}
		for _, op := range ops {
			keys[op.Key] = true
		}
		now = append(now, q)
	}
	return now, later
}

// storeBatch stores changes in one transaction. If that fails, it tries each alone.
func (b *Book) storeBatch(ctx context.Context, all []*queued) {
	changes := make([]*change, len(all))
	for i, q := range all {
		changes[i] = q.change
	}
	err := b.storeAll(ctx, changes)
	alone := len(all) > 1 && (errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTooLarge))
	for _, q := range all {
		if alone {
			err = b.storeAll(ctx, []*change{q.change})
		}
		q.End(err)
	}
}
