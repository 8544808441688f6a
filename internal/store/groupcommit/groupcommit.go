// Package groupcommit stores concurrent writes together (group commit, as databases do
// with their logs): those that arrive while others are being stored wait, and one of their
// callers then stores all of them in one transaction.
//
// It is below the packages with many writers of one store, revision and ipam, and is
// independent of the content of the writes.
package groupcommit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Outcome is the result of a write. Types of writes embed one, made by NewOutcome.
type Outcome struct {
	done chan struct{}
	err  error
}

// NewOutcome returns the outcome of a write that is not stored yet.
func NewOutcome() Outcome { return Outcome{done: make(chan struct{})} }

// End makes the outcome final. It is called once.
func (o *Outcome) End(err error) {
	o.err = err
	close(o.done)
}

// Ended reports whether the outcome is final.
func (o *Outcome) Ended() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// outcome allows the queue to find the outcome of a write.
func (o *Outcome) outcome() *Outcome { return o }

// Write is a write that waits: a pointer to a struct which embeds an Outcome.
type Write interface {
	comparable
	outcome() *Outcome
}

// Queue is the waiting writes. Create one with New.
type Queue[W Write] struct {
	take   func(waiting []W) (now, later []W)
	store  func(ctx context.Context, now []W)
	window time.Duration

	mu      sync.Mutex
	waiting []W
	// lead is full while one of the callers stores writes, for all.
	lead chan struct{}
	// complete is notified when the expected number of writes waits.
	complete chan struct{}
	// expected is how many writers were active in recent transactions, the maximum of
	// which is being counted: transactions so far, and the peak in them.
	expected, count, peak int
}

// recent is the number of transactions with a peak that determines the expected writers.
const recent = 16

// New returns a queue. Of the waiting writes, oldest first, take chooses those to store
// now, at least one; store stores them and ends all of them. Its context is that of the
// caller who does it for all, but does not end with it. If window is not 0, that caller
// waits at most that long for as many writes as there were recently.
func New[W Write](take func(waiting []W) (now, later []W), store func(ctx context.Context, now []W), window time.Duration) *Queue[W] {
	return &Queue[W]{take: take, store: store, window: window, lead: make(chan struct{}, 1), complete: make(chan struct{}, 1)}
}

// First is a function for New that chooses the first n writes.
func First[W Write](n int) func([]W) (now, later []W) {
	return func(waiting []W) (now, later []W) {
		n := min(n, len(waiting))
		return slices.Clone(waiting[:n]), waiting[n:]
	}
}

// Do waits until a write has an outcome, or stores it together with those that wait. If
// ctx ends before a caller began to store the write, it is withdrawn.
func (q *Queue[W]) Do(ctx context.Context, w W) error {
	q.add(w)
	o := w.outcome()
	for {
		select {
		case <-o.done:
			return o.err
		case <-ctx.Done():
			if q.withdraw(w) {
				return ctx.Err()
			}
			<-o.done // the caller that stores it sets the outcome
		case q.lead <- struct{}{}:
			if !o.Ended() {
				q.gather(ctx)
				q.store(context.WithoutCancel(ctx), q.next())
			}
			<-q.lead
		}
	}
}

func (q *Queue[W]) add(w W) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	if len(q.waiting) >= q.expected {
		select {
		case q.complete <- struct{}{}:
		default:
		}
	}
}

// withdraw removes a waiting write, and returns false if it is being stored.
func (q *Queue[W]) withdraw(w W) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// gather waits for a moment for as many writes as are expected.
func (q *Queue[W]) gather(ctx context.Context) {
	if q.window == 0 {
		return
	}
	over := time.NewTimer(q.window)
	defer over.Stop()
	for {
		q.mu.Lock()
		complete := len(q.waiting) >= q.expected
		q.mu.Unlock()
		if complete {
			return
		}
		select {
		case <-q.complete:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// next removes the writes to store now from those that wait.
func (q *Queue[W]) next() []W {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count++
	q.peak = max(q.peak, len(q.waiting))
	if q.peak >= q.expected || q.count == recent {
		q.expected, q.count, q.peak = q.peak, 0, 0
	}
	var now []W
	now, q.waiting = q.take(q.waiting)
	return now
}
