// Package limit prevents single clients from exhausting what a server's clients share:
// its connections and file descriptors, and the memory of requests' bodies.
//
// Refusals are counted and logged once a minute, so that clients cannot fill the log
// either.
package limit

import (
	"log/slog"
	"sync"
	"time"
)

// logEvery is the interval of log messages about refusals of one kind.
const logEvery = time.Minute

// counter logs events of a kind with their number since the last message.
type counter struct {
	log   *slog.Logger
	now   func() time.Time
	mu    sync.Mutex
	kinds map[string]*eventCount
}

type eventCount struct {
	last  time.Time
	count int
}

func newCounter(log *slog.Logger) *counter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &counter{log: log, now: time.Now, kinds: make(map[string]*eventCount)}
}

// note counts one event of a kind, which is also the log message. There are few kinds:
// they are constants of this package.
func (c *counter) note(kind string, attrs ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.kinds[kind]
	if h == nil {
		h = &eventCount{}
		c.kinds[kind] = h
	}
	h.count++
	if now := c.now(); now.Sub(h.last) >= logEvery {
		c.log.Warn(kind, append([]any{"times", h.count}, attrs...)...)
		h.last, h.count = now, 0
	}
}
