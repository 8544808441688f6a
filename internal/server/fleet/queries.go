package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Prefixes of the store: question/<node>/<id> and answer/<id>. Both exist for seconds
// only; through the store a query reaches the node at any server that the node polls.
const (
	prefixQuestion = "question/"
	prefixAnswer   = "answer/"
)

// DefaultPatience is how long Ask waits for an answer.
const DefaultPatience = 10 * time.Second

// Errors of queries, for errors.Is.
var (
	// ErrSilent: the node did not answer in time.
	ErrSilent = errors.New("the node does not answer")
	// ErrCannotTell: the node answered that it cannot answer the query.
	ErrCannotTell = errors.New("the node cannot tell")
)

// Query sends a live query to a node, and decodes the answer into out. omitted is how many
// items the answer lacks because of its bounds.
func (f *Fleet) Query(ctx context.Context, node string, q protocol.LiveQuery, out any) (omitted int, err error) {
	value, err := f.ask(ctx, node, q)
	if err != nil {
		return 0, err
	}
	return read(node, value, out)
}

// ask sends a live query to a node and returns the answer's JSON form.
func (f *Fleet) ask(ctx context.Context, node string, q protocol.LiveQuery) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	q.ID = hex.EncodeToString(id[:])
	value, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	key, answer := prefixQuestion+node+"/"+q.ID, prefixAnswer+q.ID
	at, err := f.store.Txn(ctx, []store.Cond{{Key: key}}, []store.Op{store.Put(key, value)})
	if err != nil {
		return nil, err
	}
	defer f.tidyUp(ctx, key, answer)
	for b := range f.store.Watch(ctx, answer, at) {
		if b.Err != nil {
			return nil, b.Err
		}
		for _, e := range b.Events {
			if e.Key == answer && !e.Deleted {
				return e.Value, nil
			}
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %s did not within %s; is its agent running?", ErrSilent, node, f.patience)
	}
	return nil, context.Cause(ctx)
}

// tidyUp removes a query and its answer, even if no caller waits any longer.
func (f *Fleet) tidyUp(ctx context.Context, keys ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var ops []store.Op
	for _, k := range keys {
		ops = append(ops, store.Delete(k))
	}
	if _, err := f.store.Txn(ctx, nil, ops); err != nil {
		f.log.Warn("a question to a node stays in the store", "keys", keys, "error", err)
	}
}

func read(node string, value []byte, out any) (omitted int, err error) {
	var a protocol.Answer
	if err := json.Unmarshal(value, &a); err != nil {
		return 0, fmt.Errorf("the answer of node %s is damaged: %w", node, err)
	}
	if a.Error != "" {
		return 0, fmt.Errorf("%w: %s: %s", ErrCannotTell, node, a.Error)
	}
	return a.Omitted, json.Unmarshal(a.Data, out)
}

// AwaitQuery waits for a query to a node; ok is false if there is none before the
// timeout, or if stop is closed.
func (f *Fleet) AwaitQuery(ctx context.Context, node string, atMost time.Duration, stop <-chan struct{}) (q protocol.LiveQuery, ok bool, err error) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	defer f.TrackPoll(node)()
	for {
		all, changed := f.questions.All()
		for key, e := range all {
			if strings.HasPrefix(key, node+"/") && f.handOut(key) {
				return *e.Value, true, nil
			}
		}
		select {
		case <-changed:
		case <-over.C:
			return q, false, nil
		case <-stop:
			return q, false, nil
		case <-ctx.Done():
			return q, false, context.Cause(ctx)
		}
	}
}

// handOut marks a query as handed out and returns true the first time.
func (f *Fleet) handOut(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for old := range f.handed {
		if _, there := f.questions.Get(old); !there {
			delete(f.handed, old)
		}
	}
	if f.handed[key] {
		return false
	}
	f.handed[key] = true
	return true
}

// Answer stores a node's answer to a query that still exists; others are dropped.
func (f *Fleet) Answer(ctx context.Context, node, id string, a *protocol.Answer) error {
	value, err := json.Marshal(a)
	if err != nil {
		return err
	}
	key := prefixQuestion + node + "/" + id
	r, err := f.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil // the caller no longer waits
	}
	if err != nil {
		return err
	}
	_, err = f.store.Txn(ctx, []store.Cond{{Key: key, Revision: r.Revision}}, []store.Op{store.Delete(key), store.Put(prefixAnswer+id, value)})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
