// Package mem keeps a store in memory, for tests: it behaves like the etcd one (both pass
// store/conformance) and starts at once.
package mem

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// MaxBytes bounds the keys and values of one transaction, in bytes, and MaxOps
// the number of its writes, as in the embedded etcd.
const (
	MaxBytes = 8 << 20
	MaxOps   = 1024
)

// keep is how many transactions a watch can be behind before it is compacted.
const keep = 10_000

// Store is a store in memory. Create one with New.
type Store struct {
	mu       sync.Mutex
	closed   bool
	revision int64
	records  map[string]store.Record
	log      []store.Batch // newest last, at most keep
	dropped  int64         // revision of the newest batch no longer in log
	changed  chan struct{} // closed and replaced whenever log grows or the store closes
}

var _ store.Store = (*Store)(nil)

// New returns an empty store. Its first transaction has revision 2, as etcd's.
func New() *Store {
	return &Store{revision: 1, records: make(map[string]store.Record), changed: make(chan struct{})}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Record{}, err
	}
	r, ok := s.records[key]
	if !ok {
		return store.Record{}, fmt.Errorf("%s: %w", key, store.ErrNotFound)
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix, from string) ([]store.Record, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	var out []store.Record
	for key, r := range s.records {
		if strings.HasPrefix(key, prefix) && key >= from {
			r.Value = slices.Clone(r.Value)
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
	return out, s.revision, nil
}

// Txn implements store.Store.
func (s *Store) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if err := check(ops); err != nil {
		return 0, err
	}
	for _, c := range conds {
		if s.records[c.Key].Revision != c.Revision {
			return 0, fmt.Errorf("%s: %w", c.Key, store.ErrConflict)
		}
	}
	events := s.apply(ops, s.revision+1)
	if len(events) > 0 {
		s.revision++
		s.publish(store.Batch{Events: events, Revision: s.revision})
	}
	return s.revision, nil
}

// check rejects what etcd rejects: large transactions, empty keys, and two writes of one
// key.
func check(ops []store.Op) error {
	if len(ops) > MaxOps {
		return fmt.Errorf("%d writes in one transaction: %w", len(ops), store.ErrTooLarge)
	}
	size := 0
	for i, op := range ops {
		size += len(op.Key) + len(op.Value)
		if op.Key == "" {
			return fmt.Errorf("a write of the empty key")
		}
		for _, other := range ops[:i] {
			if op.Key == other.Key || op.Prefix && strings.HasPrefix(other.Key, op.Key) || other.Prefix && strings.HasPrefix(op.Key, other.Key) {
				return fmt.Errorf("two writes of %s in one transaction", op.Key)
			}
		}
	}
	if size > MaxBytes {
		return fmt.Errorf("%d bytes in one transaction: %w", size, store.ErrTooLarge)
	}
	return nil
}

func (s *Store) apply(ops []store.Op, revision int64) []store.Event {
	var events []store.Event
	remove := func(key string) {
		delete(s.records, key)
		events = append(events, store.Event{Record: store.Record{Key: key, Revision: revision}, Deleted: true})
	}
	for _, op := range ops {
		switch {
		case !op.Delete:
			r := store.Record{Key: op.Key, Value: slices.Clone(op.Value), Revision: revision}
			s.records[op.Key] = r
			events = append(events, store.Event{Record: r})
		case op.Prefix:
			var keys []string
			for key := range s.records {
				if strings.HasPrefix(key, op.Key) {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			for _, key := range keys {
				remove(key)
			}
		default:
			if _, ok := s.records[op.Key]; ok {
				remove(op.Key)
			}
		}
	}
	return events
}

func (s *Store) publish(b store.Batch) {
	s.log = append(s.log, b)
	if len(s.log) > keep {
		s.dropped = s.log[0].Revision
		s.log = slices.Delete(s.log, 0, 1)
	}
	s.wake()
}

func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Compact drops the transactions up to the newest: an older watch fails with
// store.ErrCompacted.
func (s *Store) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped, s.log = s.revision, nil
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, prefix string, after int64) <-chan store.Batch {
	out := make(chan store.Batch)
	go func() {
		defer close(out)
		for {
			batches, next, changed, err := s.after(ctx, prefix, after)
			if err != nil {
				batches = append(batches, store.Batch{Err: err})
			}
			for _, b := range batches {
				select {
				case out <- b:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
			after = next
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// after returns what a watch at a revision has to send, the revision it has reached then,
// and a channel that signals more.
func (s *Store) after(ctx context.Context, prefix string, at int64) ([]store.Batch, int64, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, nil, err
	}
	if at < s.dropped {
		return nil, 0, nil, fmt.Errorf("watching %s from revision %d: %w", prefix, at, store.ErrCompacted)
	}
	i, found := slices.BinarySearchFunc(s.log, at, func(b store.Batch, at int64) int { return int(b.Revision - at) })
	if found {
		i++
	}
	var out []store.Batch
	for _, b := range s.log[i:] {
		var events []store.Event
		for _, e := range b.Events {
			if strings.HasPrefix(e.Key, prefix) {
				e.Value = slices.Clone(e.Value)
				events = append(events, e)
			}
		}
		if len(events) > 0 {
			out = append(out, store.Batch{Events: events, Revision: b.Revision})
		}
	}
	return out, max(at, s.revision), s.changed, nil
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return fmt.Errorf("the store was closed: %w", store.ErrUnavailable)
	}
	return ctx.Err()
}

// Close implements store.Store. The content of the store is lost.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.wake()
	}
	return nil
}
