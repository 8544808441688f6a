package agent

import (
	"slices"
	"sync"
)

// ring holds the newest of what is added to it, up to a bound.
type ring[T any] struct {
	mu    sync.Mutex
	most  int
	items []T
	next  int // the place of the next item, once it is full
}

// add adds an item in place of the oldest one.
func (r *ring[T]) add(item T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.items) < r.most {
		r.items = append(r.items, item)
		return
	}
	r.items[r.next] = item
	r.next = (r.next + 1) % r.most
}

// newest returns the items, newest first.
func (r *ring[T]) newest() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Concat(r.items[r.next:], r.items[:r.next])
	slices.Reverse(out)
	return out
}
