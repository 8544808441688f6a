// Package mirror keeps a decoded copy of everything below a prefix of a store in memory,
// current by a watch: for data that is read on every request.
package mirror

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Mirror is a copy of the records below a prefix. Create one with Open.
type Mirror[T any] struct {
	store  store.Store
	prefix string
	decode func(store.Record) (T, error)
	log    *slog.Logger

	mu      sync.Mutex
	entries map[string]Entry[T] // immutable
	at      int64
	changed chan struct{}
}

// Entry is one record.
type Entry[T any] struct {
	Value T
	// Revision is when it was last written.
	Revision int64
}

// Open reads all records below the prefix. Those that cannot be decoded are skipped and
// logged: one damaged record must not stop the server.
func Open[T any](ctx context.Context, st store.Store, prefix string, log *slog.Logger, decode func(store.Record) (T, error)) (*Mirror[T], error) {
	m := &Mirror[T]{store: st, prefix: prefix, decode: decode, log: log, changed: make(chan struct{})}
	return m, m.Sync(ctx)
}

// Sync reads everything again, so that all earlier writes are seen.
func (m *Mirror[T]) Sync(ctx context.Context) error {
	records, at, err := m.store.List(ctx, m.prefix, "")
	if err != nil {
		return err
	}
	known, _ := m.All()
	entries := make(map[string]Entry[T], len(records))
	for _, r := range records {
		name := strings.TrimPrefix(r.Key, m.prefix)
		if e, ok := known[name]; ok && e.Revision == r.Revision { // decoded before
			entries[name] = e
			continue
		}
		m.put(entries, r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at > m.at {
		m.install(entries, at)
	}
	return nil
}

// put decodes a record; the name is its key without the prefix.
func (m *Mirror[T]) put(entries map[string]Entry[T], r store.Record) {
	name := strings.TrimPrefix(r.Key, m.prefix)
	v, err := m.decode(r)
	if err != nil {
		m.log.Error("a stored record is left out", "key", r.Key, "error", err)
		delete(entries, name)
		return
	}
	entries[name] = Entry[T]{Value: v, Revision: r.Revision}
}

// install replaces the entries. The caller holds mu.
func (m *Mirror[T]) install(entries map[string]Entry[T], at int64) {
	same := maps.EqualFunc(m.entries, entries, func(a, b Entry[T]) bool { return a.Revision == b.Revision })
	m.entries, m.at = entries, at
	if !same {
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

// Get returns the entry of a name.
func (m *Mirror[T]) Get(name string) (Entry[T], bool) {
	all, _ := m.All()
	e, ok := all[name]
	return e, ok
}

// Names returns all names, sorted.
func (m *Mirror[T]) Names() []string {
	all, _ := m.All()
	return slices.Sorted(maps.Keys(all))
}

// All returns all entries by name, not to be changed, and a channel that is closed as soon
// as they are no longer current.
func (m *Mirror[T]) All() (map[string]Entry[T], <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries, m.changed
}

// Run follows the store until ctx ends. A watch that fails is restarted.
func (m *Mirror[T]) Run(ctx context.Context) {
	const least, most = 100 * time.Millisecond, 5 * time.Second
	wait := least
	for ctx.Err() == nil {
		began := time.Now()
		if err := m.follow(ctx); err != nil && ctx.Err() == nil {
			m.log.Debug("watching the store again", "prefix", m.prefix, "error", err)
		}
		if time.Since(began) > time.Minute {
			wait = least
		}
		sleep.Context(ctx, wait)
		wait = min(2*wait, most)
	}
}

func (m *Mirror[T]) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := m.Sync(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	at := m.at
	m.mu.Unlock()
	for b := range m.store.Watch(ctx, m.prefix, at) {
		if b.Err != nil {
			return b.Err
		}
		m.apply(b)
	}
	return nil
}

// apply applies a batch of a watch.
func (m *Mirror[T]) apply(b store.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Revision <= m.at {
		return
	}
	entries := maps.Clone(m.entries)
	for _, e := range b.Events {
		if e.Deleted {
			delete(entries, strings.TrimPrefix(e.Key, m.prefix))
		} else {
			m.put(entries, e.Record)
		}
	}
	m.install(entries, b.Revision)
}
