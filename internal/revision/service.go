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

// Options are what a Service needs besides a store.
type Options struct {
	// Known returns the names of the nodes that have joined; nil means none.
	Known func() []string
	// Pending and OwnPending bound what is pending, altogether and of one user; their
	// zero values mean DefaultPending and DefaultOwnPending.
	Pending, OwnPending Pending
	// Live bounds what takes effect at once; the zero value means DefaultLive.
	Live Live
	// Kept bounds the history; the zero value means DefaultKept.
	Kept Kept
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Service keeps the configuration in a store. Any number of Services, in any
// number of processes, may work on one store. Make one with Open.
type Service struct {
	store store.Store
	known func() []string
	now   func() time.Time
	log   *slog.Logger

	pending, ownPending Pending
	kept                Kept
	liveMost            Live
	liveSize            liveSize

	// mu is held while the view is replaced, reads of the store included.
	mu sync.Mutex
	// look is held for moments, under mu or without: while current is replaced, and
	// while the draft is changed or looked at.
	look    sync.Mutex
	current atomic.Pointer[snapshot]
	// asked counts the calls of View, answered those that a read of the store has
	// served which began after them.
	asked    atomic.Int64
	answered int64 // under mu

	writers    writers
	allocators []Allocator
}

// snapshot is a view, and what is closed when there is a newer one. A view that nobody
// has asked for since it was written here has no pending configuration yet: it is what
// the draft was when its edits were last kept.
type snapshot struct {
	view     *View
	replaced chan struct{}
}

// Open reads the configuration from the store. To be told of what other servers
// write, Run has to be running.
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

// Latest returns the newest view at hand without asking the store, and a channel
// that is closed as soon as there is a newer one.
func (s *Service) Latest() (*View, <-chan struct{}) {
	c := s.seen()
	return c.view, c.replaced
}

// Standing is Latest for those who look at what runs and what is live only: the view's
// pending configuration may be missing, so that nobody has to make it for them at every
// edit.
func (s *Service) Standing() (*View, <-chan struct{}) {
	c := s.current.Load()
	return c.view, c.replaced
}

// seen returns the current snapshot with its pending configuration.
func (s *Service) seen() *snapshot {
	s.look.Lock()
	defer s.look.Unlock()
	c := s.current.Load()
	if c.view.Pending != nil {
		return c
	}
	v := *c.view
	cfg, now := s.writers.draft.kept()
	v.Pending = cfg
	if now {
		s.writers.base = cfg
	}
	c = &snapshot{&v, c.replaced}
	s.current.Store(c)
	return c
}

// View asks the store for news and returns the current view. Callers who come while
// the store is being read share the next reading.
func (s *Service) View(ctx context.Context) (*View, error) {
	ticket := s.asked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered >= ticket {
		return s.seen().view, nil
	}
	served := s.asked.Load()
	v, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	s.answered = served
	return v, nil
}

// read reads what is new in the store and makes it the current view. The caller
// holds mu.
func (s *Service) read(ctx context.Context) (*View, error) {
	v := s.seen().view
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
	s.look.Lock()
	defer s.look.Unlock()
	return s.replace(c, l)
}

// replace is install for a caller who holds look too.
func (s *Service) replace(c core, l live) *View {
	old := s.current.Load()
	v := &View{core: c, live: l}
	if c.mark == old.view.mark && c.seq == old.view.seq && l.liveMark == old.view.liveMark {
		// Nothing differs but how recently that was known.
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

// maxTries bounds how often a write, or a read of several keys, is tried again
// because others wrote meanwhile.
const maxTries = 100

// readCore brings the core up to date with as little reading as possible.
func (s *Service) readCore(ctx context.Context, old *core) (core, error) {
	for range maxTries {
		// Whatever was applied since, its log had all numbers that old knows.
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

// Run keeps Latest current with what other servers write, until ctx ends. It
// returns only then: a store that fails is asked again.
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
		if time.Since(began) > time.Minute { // it worked for a while: a new trouble
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
		if err := s.learn(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// learn brings the view up to date unless a transaction brings nothing new.
func (s *Service) learn(ctx context.Context, b store.Batch) error {
	if !s.concerns(b) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.concerns(b) { // one of our own that was on its way
		return nil
	}
	_, err := s.read(ctx)
	return err
}

// concerns reports whether a transaction brings anything that is not known yet:
// not one of our own.
func (s *Service) concerns(b store.Batch) bool {
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

// retry calls try with the current view until it does not meet another writer.
func (s *Service) retry(ctx context.Context, try func(v *View) error) error {
	var guard error // a conflict that trying again does not end
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
