package ipam

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// maxTogether is how many writes go together: an external etcd takes 128 operations by
// default.
const maxTogether = 100

// group lets changes that come while others are being stored wait, and stores them
// together then, in one transaction. If that does not hold, each is tried alone.
type group struct {
	mu    sync.Mutex
	queue []*queued
	// lead is full while one of those who wait stores changes, for all.
	lead chan struct{}
	// all is told when as many wait as there were lately.
	all chan struct{}
	// crowd is how many were there lately: while they may be on their way, whoever leads
	// waits a moment for them. It is the most of some transactions, of which there were
	// so many, and most at once in them.
	crowd, count, most int
}

// lately is of how many transactions the crowd is the most that were there.
const lately = 16

// linger is how long others are waited for.
const linger = 2 * time.Millisecond

// queued is a change that waits.
type queued struct {
	change *change
	done   chan struct{} // closed when err is final
	err    error
}

func newGroup() *group { return &group{lead: make(chan struct{}, 1), all: make(chan struct{}, 1)} }

// commit waits until a change is stored, or stores it together with those that wait.
func (g *group) commit(ctx context.Context, b *Book, c *change) error {
	q := &queued{change: c, done: make(chan struct{})}
	g.mu.Lock()
	g.queue = append(g.queue, q)
	if len(g.queue) >= g.crowd {
		select {
		case g.all <- struct{}{}:
		default:
		}
	}
	g.mu.Unlock()
	for {
		select {
		case <-q.done:
			return q.err
		case g.lead <- struct{}{}:
			select {
			case <-q.done:
			default:
				g.gather(ctx)
				// Nobody's context ends the others' changes; the store bounds each request.
				g.carryOut(context.WithoutCancel(ctx), b)
			}
			<-g.lead
		}
	}
}

// gather waits a moment for as many changes as there were lately.
func (g *group) gather(ctx context.Context) {
	over := time.NewTimer(linger)
	defer over.Stop()
	for {
		g.mu.Lock()
		complete := len(g.queue) >= g.crowd
		g.mu.Unlock()
		if complete {
			return
		}
		select {
		case <-g.all:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// take removes the changes that are next from the queue: those that fit in one
// transaction and write no key twice.
func (g *group) take() []*queued {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out, rest []*queued
	keys := make(map[string]bool)
	for _, q := range g.queue {
		ops := append(q.change.writes[:len(q.change.writes):len(q.change.writes)], q.change.ops...)
		fits := len(out) == 0 || len(keys)+len(ops) <= maxTogether
		for _, op := range ops {
			fits = fits && !keys[op.Key]
		}
		if !fits {
			rest = append(rest, q)
			continue
		}
		for _, op := range ops {
			keys[op.Key] = true
		}
		out = append(out, q)
	}
	g.queue = rest
	g.count++
	g.most = max(g.most, len(out)+len(rest))
	if g.most >= g.crowd || g.count == lately {
		g.crowd, g.count, g.most = g.most, 0, 0
	}
	return out
}

// carryOut stores what waits.
func (g *group) carryOut(ctx context.Context, b *Book) {
	all := g.take()
	changes := make([]*change, len(all))
	for i, q := range all {
		changes[i] = q.change
	}
	err := b.storeAll(ctx, changes)
	together := len(all) > 1 && (errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTooLarge))
	for _, q := range all {
		if q.err = err; together {
			q.err = b.storeAll(ctx, []*change{q.change})
		}
		close(q.done)
	}
}
