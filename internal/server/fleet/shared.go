package fleet

import (
	"context"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// sharedKey names a query whose answer is shared.
type sharedKey struct {
	node    string
	subject livequery.Subject
	of      string
}

// sharedAnswer is the answer of a node, or its error, once done is closed.
type sharedAnswer struct {
	asked time.Time
	done  chan struct{}
	value []byte
	err   error
}

// SharedQuery is Query for queries that many readers send: those who ask while a query runs, or
// within livequery.ShareFor of when it was sent, get the same answer. So a node answers each
// at most once in that time on each server, however many browsers are open.
func (f *Fleet) SharedQuery(ctx context.Context, node string, q protocol.LiveQuery, out any) (omitted int, err error) {
	a := f.shared(ctx, node, q)
	select {
	case <-a.done:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if a.err != nil {
		return 0, a.err
	}
	return read(node, a.value, out)
}

// shared returns the answer to share, and sends the query if there is none. The query goes on
// when its first reader has left.
func (f *Fleet) shared(ctx context.Context, node string, q protocol.LiveQuery) *sharedAnswer {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for key, a := range f.sharedAnswers {
		select {
		case <-a.done:
			if now.Sub(a.asked) >= livequery.ShareFor {
				delete(f.sharedAnswers, key)
			}
		default:
		}
	}
	key := sharedKey{node, q.Subject, q.Of}
	a := f.sharedAnswers[key]
	if a == nil {
		a = &sharedAnswer{asked: now, done: make(chan struct{})}
		f.sharedAnswers[key] = a
		go func() {
			defer close(a.done)
			a.value, a.err = f.ask(context.WithoutCancel(ctx), node, q)
		}()
	}
	return a
}
