package backup

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Bounds of one transaction of a restore: an external etcd accepts 128 operations and 1.5
// MiB by default.
const (
	maxOps   = 100
	maxBytes = 1 << 20
)

// keyRestoring is in the store during a restore. A server does not start on such a store.
const keyRestoring = "restoring"

// ErrNotEmpty is the error of a store that is not empty.
var ErrNotEmpty = errors.New("the store is not empty")

// Restore puts the records of a backup into an empty store. The file is read twice: it has
// to be complete before anything is written. A store with an interrupted restore is
// emptied first.
func Restore(ctx context.Context, st store.Store, file io.ReadSeeker) (*Info, error) {
	info, err := Read(file, nil)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, st, info.SHA256); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	b := &batch{ctx: ctx, store: st}
	again, err := Read(file, b.put)
	if err != nil {
		return nil, err
	}
	if again.SHA256 != info.SHA256 {
		return nil, fmt.Errorf("%w: it changed while it was read", ErrDamaged)
	}
	if err := b.flush(); err != nil {
		return nil, err
	}
	_, err = st.Txn(ctx, nil, []store.Op{store.Delete(keyRestoring)})
	return info, err
}

// prepare makes sure that the store is empty, and marks it.
func prepare(ctx context.Context, st store.Store, sum string) error {
	records, _, err := st.List(ctx, "", "")
	if err != nil {
		return err
	}
	unfinished := false
	for _, r := range records {
		unfinished = unfinished || r.Key == keyRestoring
	}
	switch {
	case len(records) > 0 && !unfinished:
		return fmt.Errorf("%w: it has %d keys", ErrNotEmpty, len(records))
	case unfinished:
		for _, r := range records {
			if r.Key == keyRestoring {
				continue // removed last, below
			}
			if _, err := st.Txn(ctx, nil, []store.Op{store.Delete(r.Key)}); err != nil {
				return err
			}
		}
	}
	_, err = st.Txn(ctx, nil, []store.Op{store.Put(keyRestoring, []byte(sum))})
	return err
}

// Unfinished returns an error if a restore into the store was interrupted.
func Unfinished(ctx context.Context, st store.Store) error {
	_, err := st.Get(ctx, keyRestoring)
	switch {
	case err == nil:
		return errors.New("a restore into this store was cut short, so it is not whole: run viaduct restore again, which begins anew")
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

// batch collects records for a transaction.
type batch struct {
	ctx   context.Context // of the one call that it lives for
	store store.Store
	conds []store.Cond
	ops   []store.Op
	bytes int
}

func (b *batch) put(key string, value []byte) error {
	if len(b.ops) == maxOps || len(b.ops) > 0 && b.bytes+len(value) > maxBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if key == keyRestoring {
		return nil
	}
	b.conds = append(b.conds, store.Cond{Key: key})
	b.ops = append(b.ops, store.Put(key, value))
	b.bytes += len(key) + len(value)
	return nil
}

// flush stores the collected records, on condition that nobody else writes there.
func (b *batch) flush() error {
	if len(b.ops) == 0 {
		return nil
	}
	_, err := b.store.Txn(b.ctx, b.conds, b.ops)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: somebody else writes to it while it is restored: stop every server that uses it", ErrNotEmpty)
	}
	b.conds, b.ops, b.bytes = nil, nil, 0
	return err
}
