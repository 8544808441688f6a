package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// Options change how Open creates a service. The zero value is valid.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger gets failed logins and required actions of an operator; nil drops them.
	Logger *slog.Logger

	cost cost // of hashing; zero means recommended
}

// Service checks and changes permissions. Create one with Open. It is safe for concurrent
// use.
type Service struct {
	store    store.Store
	now      func() time.Time
	log      *slog.Logger
	mirror   *mirror.Mirror[any]
	keys     keys
	hasher   *hasher
	throttle *throttle
	writing  chan struct{} // holds a value while a change is being made

	compiling sync.Mutex
	compiled  atomic.Pointer[view]
}

// Open reads the data in the store. At the first start of the first server it makes
// root@pam, without a password, and the key that tickets are signed with.
func Open(ctx context.Context, st store.Store, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.cost == (cost{}) {
		o.cost = recommended
	}
	secret, err := ensureSecret(ctx, st)
	if err != nil {
		return nil, fmt.Errorf("opening the user management: %w", err)
	}
	s := &Service{
		store: st, now: o.Now, log: o.Logger, keys: deriveKeys(secret), hasher: newHasher(o.cost),
		throttle: newThrottle(), writing: make(chan struct{}, 1),
	}
	if s.mirror, err = mirror.Open(ctx, st, prefix, o.Logger, decode); err != nil {
		return nil, fmt.Errorf("reading users and permissions: %w", err)
	}
	if s.view().users[RootUser].Password == "" {
		s.log.Warn("nobody can log in as " + RootUser + " yet: it has no password; set one with: viaduct user passwd " + RootUser)
	}
	return s, nil
}

// ensureSecret returns the secret of the cluster, and makes it, together with root@pam, if
// there is none.
func ensureSecret(ctx context.Context, st store.Store) ([]byte, error) {
	for range 3 {
		r, err := st.Get(ctx, keySecret)
		if err == nil {
			var doc secretDoc
			if err := json.Unmarshal(r.Value, &doc); err != nil || len(doc.Secret) != keySize {
				return nil, fmt.Errorf("stored value %s is damaged: it holds no key; delete it to have another one made, which ends all tickets", keySecret)
			}
			return doc.Secret, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		conds, ops, err := initialRecords(ctx, st)
		if err != nil {
			return nil, err
		}
		// If another server was faster, its secret is valid.
		if _, err := st.Txn(ctx, conds, ops); err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
	}
	return nil, store.ErrConflict
}

// initialRecords makes the first records. A deleted secret is made again; an existing user
// stays unchanged.
func initialRecords(ctx context.Context, st store.Store) ([]store.Cond, []store.Op, error) {
	secret, err := newSecret()
	if err != nil {
		return nil, nil, err
	}
	op, err := put(keySecret, secretDoc{secret})
	if err != nil {
		return nil, nil, err
	}
	conds, ops := []store.Cond{{Key: keySecret}}, []store.Op{op}
	key := prefixUser + RootUser
	if _, err := st.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
		return conds, ops, err
	}
	if op, err = put(key, userDoc{Enable: true, Epoch: newUUID()}); err != nil {
		return nil, nil, err
	}
	changed, err := put(keyEveryTime, changedDoc{})
	return append(conds, store.Cond{Key: key}), append(ops, op, changed), err
}

// Run follows the store until ctx ends, so that changes by other servers are
// seen.
func (s *Service) Run(ctx context.Context) { s.mirror.Run(ctx) }

// view returns the present state. It costs next to nothing unless something changed.
func (s *Service) view() *view {
	if _, stale := s.mirror.All(); s.compiled.Load().at(stale) {
		return s.compiled.Load()
	}
	s.compiling.Lock()
	defer s.compiling.Unlock()
	entries, stale := s.mirror.All()
	if v := s.compiled.Load(); v.at(stale) {
		return v
	}
	v := compile(entries, stale)
	s.compiled.Store(v)
	return v
}

// Changed returns a channel that is closed as soon as users and permissions of now are no longer
// current.
func (s *Service) Changed() <-chan struct{} {
	_, stale := s.mirror.All()
	return stale
}

// at reports whether the view is the one that becomes stale with this channel.
func (v *view) at(stale <-chan struct{}) bool { return v != nil && v.stale == stale }

// change makes a change: f reads the view, and returns what to write. It is called again
// if the view has changed before the write. When change returns, the view has it.
func (s *Service) change(ctx context.Context, f func(v *view) ([]store.Op, error)) error {
	select { // one at a time: servers conflict rarely enough
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := store.Retry(ctx, func() error {
		if err := s.mirror.Sync(ctx); err != nil {
			return fmt.Errorf("reading users and permissions: %w", err)
		}
		v := s.view()
		ops, err := f(v)
		if err != nil || len(ops) == 0 {
			return err
		}
		op, err := put(keyEveryTime, changedDoc{})
		if err != nil {
			return err
		}
		_, err = s.store.Txn(ctx, []store.Cond{{Key: keyEveryTime, Revision: v.changed}}, append(ops, op))
		if err != nil {
			return fmt.Errorf("changing users and permissions: %w", err)
		}
		// Even if the caller does not wait any more: the next check must see it.
		if err := s.mirror.Sync(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("the change was made, but cannot be read back yet: %w", err)
		}
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("other servers change users and permissions all the time: %w", err)
	}
	return err
}
