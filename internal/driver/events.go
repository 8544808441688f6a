package driver

import (
	"context"
	"sync"
)

// Eventful is a Driver that detects changes of its own state.
type Eventful interface {
	// Events returns a channel that receives a value after a change, whatever its
	// cause. It holds at most one, and is closed when ctx ends.
	Events(ctx context.Context) (<-chan struct{}, error)
}

// Events merges the events of several sources. Create it with NewEvents.
type Events struct {
	out chan struct{}

	mu   sync.Mutex
	open int // the sources that are not closed, and 1 until End
}

// NewEvents returns events without sources.
func NewEvents() *Events { return &Events{out: make(chan struct{}, 1), open: 1} }

// C returns a channel that receives a value after any source did. It holds at most one,
// and is closed after End when all sources are.
func (e *Events) C() <-chan struct{} { return e.out }

// Add adds a source. It has no effect once C is closed.
func (e *Events) Add(source <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == 0 {
		return
	}
	e.open++
	go func() {
		defer e.End()
		for range source {
			select {
			case e.out <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
}

// End says that C may be closed when the present sources are. Call it once.
func (e *Events) End() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open--; e.open == 0 {
		close(e.out)
	}
}
