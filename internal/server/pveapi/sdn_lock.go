package pveapi

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// keyLock holds the token of the global lock for as long as it is held.
const keyLock = "sdn/lock"

// globalLock prevents edits by all but its holder. It does not expire and has no owner:
// the holder is any caller with the token.
type globalLock struct {
	store store.Store
	// last is the record as last read.
	last atomic.Pointer[store.Record]
}

const (
	errLocked = schema.Refusal("invalid lock token provided! The SDN configuration is locked: give its lock-token, or release the lock")
	errHeld   = schema.Refusal("SDN configuration is already locked by someone else: wait until it is released, or release it with force")
)

// held returns the record of the lock; one without a revision if nobody holds it.
func (l *globalLock) held(ctx context.Context) (store.Record, error) {
	r, err := l.store.Get(ctx, keyLock)
	if errors.Is(err, store.ErrNotFound) {
		r, err = store.Record{Key: keyLock}, nil
	}
	if err == nil {
		l.last.Store(&r)
	}
	return r, err
}

// cachedGuard returns what guard would return if the lock is as last read. ok is false
// if it has not been read yet, or if the token was wrong then.
func (l *globalLock) cachedGuard(token string) (conds []store.Cond, ok bool) {
	r := l.last.Load()
	if r == nil || r.Revision != 0 && string(r.Value) != token {
		return nil, false
	}
	return condition(*r), true
}

func condition(r store.Record) []store.Cond {
	return []store.Cond{{Key: keyLock, Revision: r.Revision}}
}

// guard checks the token of a call, and returns the condition under which it stays
// valid. Without a lock any token is accepted.
func (l *globalLock) guard(ctx context.Context, token string) ([]store.Cond, error) {
	r, err := l.held(ctx)
	if err != nil {
		return nil, err
	}
	if r.Revision != 0 && string(r.Value) != token {
		return nil, errLocked
	}
	return condition(r), nil
}

// acquire acquires the lock and returns its token.
func (l *globalLock) acquire(ctx context.Context) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	_, err = l.store.Txn(ctx, []store.Cond{{Key: keyLock}}, []store.Op{store.Put(keyLock, []byte(id.String()))})
	if errors.Is(err, store.ErrConflict) {
		return "", errHeld
	}
	return id.String(), err
}

// release releases the lock of the token or, with force, of any holder.
func (l *globalLock) release(ctx context.Context, token string, force bool) error {
	r, err := l.held(ctx)
	if err != nil || r.Revision == 0 {
		return err
	}
	if !force && string(r.Value) != token {
		return errLocked
	}
	_, err = l.store.Txn(ctx, []store.Cond{{Key: keyLock, Revision: r.Revision}}, []store.Op{store.Delete(keyLock)})
	if errors.Is(err, store.ErrConflict) {
		return errLocked
	}
	return err
}
