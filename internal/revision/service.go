package revision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// Options are what a Service needs in addition to a store.
type Options struct {
	// Known returns the names of the nodes that have joined; nil means none.
	Known func() []string
	// Pending and OwnPending bound what is pending, in total and of one user; their zero
	// values mean DefaultPending and DefaultOwnPending.
	Pending, OwnPending Pending
	// Live bounds the live objects; the zero value means DefaultLive.
	Live Live
	// Kept bounds the history; the zero value means DefaultKept.
	Kept Kept
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Service keeps the configuration in a store. Any number of Services, in any number of
// processes, may work on one store. Create one with Open.
type Service struct {
	store store.Store
	known func() []string
	now   func() time.Time
	log   *slog.Logger

	pending, ownPending Pending
	kept                Kept
	liveMost            Live
	liveSize            liveSize

	// mu is held while the view is replaced, including reads of the store.
	mu sync.Mutex
	// viewMu is held for moments, with or without mu: while current is replaced, and while
	// the draft is changed or read.
	viewMu  sync.Mutex
	current atomic.Pointer[snapshot]
	// requested counts the calls of View, served those that were answered by a read of the
	// store which began after them.
	requested atomic.Int64
	served    int64 // under mu

	writers    writers
	allocators []Allocator
}

// snapshot is a view, and a channel that is closed when there is a newer one. A view that
// was written here and not requested since has no pending configuration yet: it is the
// last committed one of the draft.
type snapshot struct {
	view     *View
	replaced chan struct{}
}

// Open reads the configuration from the store. Run has to be running to follow the writes
// of other servers.
func Open(ctx context.Context, st store.Store, o Options) (*Service, error) {
	s := &Service{store: st, known: o.Known, now: o.Now, log: o.Logger, pending: cmp.Or(o.Pending, DefaultPending), ownPending: cmp.Or(o.OwnPending, DefaultOwnPending), kept: cmp.Or(o.Kept, DefaultKept), liveMost: cmp.Or(o.Live, DefaultLive)}
	if s.known == nil {
		s.known = func() []string { return nil }
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.writers.calls = groupcommit.New(groupcommit.First[*call](maxGroup), s.lead, 0)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	empty := &View{core: core{Running: &model.Config{}, Pending: &model.Config{}, mark: -1}, live: live{Live: &model.Config{}, liveMark: -1}}
	s.current.Store(&snapshot{empty, make(chan struct{})})
	if _, err := s.View(ctx); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return s, nil
}

// Latest returns the newest view in memory without reading the store, and a channel that
// is closed as soon as there is a newer one.
func (s *Service) Latest() (*View, <-chan struct{}) {
	c := s.latest()
	return c.view, c.replaced
}

// LatestApplied is Latest for readers of running and live objects only: the view's pending
// configuration may be missing, so that it need not be built for them at every edit.
func (s *Service) LatestApplied() (*View, <-chan struct{}) {
	c := s.current.Load()
	return c.view, c.replaced
}

// latest returns the current snapshot with its pending configuration.
func (s *Service) latest() *snapshot {
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	c := s.current.Load()
	if c.view.Pending != nil {
		return c
	}
	v := *c.view
	cfg, now := s.writers.draft.committed()
	v.Pending = cfg
	if now {
		s.writers.base = cfg
	}
	c = &snapshot{&v, c.replaced}
	s.current.Store(c)
	return c
}

// View reads changes from the store and returns the current view. Callers that arrive
// while the store is being read share the next read.
func (s *Service) View(ctx context.Context) (*View, error) {
	ticket := s.requested.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served >= ticket {
		return s.latest().view, nil
	}
	served := s.requested.Load()
	v, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	s.served = served
	return v, nil
}

// read reads changes from the store and makes them the current view. The caller holds mu.
func (s *Service) read(ctx context.Context) (*View, error) {
	v := s.latest().view
	c, err := s.readCore(ctx, &v.core)
	if err != nil {
		return nil, err
	}
	l, err := s.readLive(ctx, &v.live)
	if err != nil {
		return nil, err
	}
	return s.install(c, l), nil
}

// install makes the parts the current view if they differ from it. The caller
// holds mu.
func (s *Service) install(c core, l live) *View {
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	return s.replace(c, l)
}

// replace is install for a caller who holds viewMu too.
func (s *Service) replace(c core, l live) *View {
	old := s.current.Load()
	v := &View{core: c, live: l}
	if c.mark == old.view.mark && c.seq == old.view.seq && l.liveMark == old.view.liveMark {
		// Nothing differs except how recent it is.
		s.current.Store(&snapshot{v, old.replaced})
		return v
	}
	s.current.Store(&snapshot{v, make(chan struct{})})
	close(old.replaced)
	return v
}

// get reads a key that may be missing.
func (s *Service) get(ctx context.Context, key string) (store.Record, error) {
	r, err := s.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, nil
	}
	return r, err
}

// maxTries bounds how often a write, or a read of several keys, is tried again because of
// concurrent writes.
const maxTries = 100

// readCore brings the core up to date with as little reading as possible.
func (s *Service) readCore(ctx context.Context, old *core) (core, error) {
	for range maxTries {
		// After any number of applies, the log had all numbers that old knows.
		records, at, err := s.store.List(ctx, prefixPending, numbered(prefixPending, old.seq+1))
		if err != nil {
			return core{}, err
		}
		running, err := s.get(ctx, keyRunning)
		if err != nil {
			return core{}, err
		}
		if running.Revision > at {
			continue // it was written after the log was read
		}
		c := *old
		if running.Revision != old.mark {
			if c, err = s.readRunning(ctx, old, running); err != nil {
				return core{}, err
			}
		}
		log := make([]Record, len(records))
		for i, r := range records {
			if log[i], err = decodeRecord(r); err != nil {
				return core{}, err
			}
		}
		return c.next(log, at), nil
	}
	return core{}, ErrBusy
}

// readRunning starts a core from the value of running.
func (s *Service) readRunning(ctx context.Context, old *core, r store.Record) (core, error) {
	var doc runningDoc
	if r.Revision != 0 {
		if err := decode(r.Key, r.Value, &doc); err != nil {
			return core{}, err
		}
	}
	cfg := old.Running
	switch doc.Revision {
	case old.Revision:
	case 0:
		cfg = &model.Config{}
	default:
		rev, err := s.Revision(ctx, doc.Revision)
		if err != nil {
			return core{}, err
		}
		cfg = rev.Config
	}
	return core{Revision: doc.Revision, Running: cfg, Pending: cfg, seq: doc.Seq, mark: r.Revision}, nil
}

// readLive brings the live objects up to date.
func (s *Service) readLive(ctx context.Context, old *live) (live, error) {
	for range maxTries {
		before, err := s.get(ctx, keyLive)
		if err != nil {
			return live{}, err
		}
		if before.Revision == old.liveMark {
			return *old, nil
		}
		records, at, err := s.store.List(ctx, prefixLive, "")
		if err != nil {
			return live{}, err
		}
		after, err := s.get(ctx, keyLive)
		if err != nil {
			return live{}, err
		}
		if after.Revision != before.Revision {
			continue
		}
		cfg := &model.Config{}
		for _, r := range records {
			o := model.New(liveKind(r.Key))
			if o == nil {
				return live{}, fmt.Errorf("stored value %s is of an unknown kind (written by a newer release?)", r.Key)
			}
			if err := decode(r.Key, r.Value, o); err != nil {
				return live{}, err
			}
			cfg.Set(o)
		}
		return live{addBuiltin(cfg), before.Revision, at}, nil
	}
	return live{}, ErrBusy
}

// Run keeps Latest current with the writes of other servers, until ctx ends. It returns
// only then: it retries a store that fails.
func (s *Service) Run(ctx context.Context) {
	wait := time.Duration(0)
	for ctx.Err() == nil {
		began := time.Now()
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("lost sight of the store, trying again", "error", err, "in", wait)
		}
		if !sleep.Context(ctx, wait) {
			return
		}
		if time.Since(began) > time.Minute { // it worked for a while: a new failure
			wait = 0
		}
		wait = min(max(2*wait, 100*time.Millisecond), 5*time.Second)
	}
}

// follow refreshes the view whenever something is written, until the watch ends.
func (s *Service) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v, err := s.View(ctx)
	if err != nil {
		return err
	}
	for b := range s.store.Watch(ctx, prefixState, v.at) {
		if b.Err != nil {
			return b.Err
		}
		if err := s.applyBatch(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// applyBatch brings the view up to date unless a transaction contains nothing new.
func (s *Service) applyBatch(ctx context.Context, b store.Batch) error {
	if !s.isNew(b) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isNew(b) { // a write of this process in progress
		return nil
	}
	_, err := s.read(ctx)
	return err
}

// isNew reports whether a transaction contains anything unknown: it is not a write of this
// process.
func (s *Service) isNew(b store.Batch) bool {
	v := s.current.Load().view
	for _, e := range b.Events {
		switch {
		case e.Key == keyRunning, strings.HasPrefix(e.Key, prefixPending):
			if b.Revision > v.at {
				return true
			}
		case e.Key == keyLive:
			if b.Revision > v.liveAt {
				return true
			}
		}
	}
	return false
}

// retry calls try with the current view until it does not conflict with another writer.
func (s *Service) retry(ctx context.Context, try func(v *View) error) error {
	var guard error // a conflict that a retry does not resolve
	err := store.Retry(ctx, func() error {
		v, err := s.View(ctx)
		if err != nil {
			return err
		}
		if err = try(v); errors.Is(err, ErrGuard) {
			guard = err
			return nil
		}
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: others changed the configuration all the time; try again", ErrBusy)
	}
	return cmp.Or(guard, err)
}
