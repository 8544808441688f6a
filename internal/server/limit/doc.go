// Package limit keeps any client from using up what a server's clients share:
// its connections and file descriptors, and the memory of requests' bodies.
//
// What is refused is counted and logged once a minute, so that whoever causes it
// cannot fill the log either.
package limit

import (
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often refusals of one kind are logged.
const logEvery = time.Minute

// counter logs that something happened, and how often since the last time it said so.
type counter struct {
	log   *slog.Logger
	now   func() time.Time
	mu    sync.Mutex
	kinds map[string]*happened
}

type happened struct {
	last  time.Time
	count int
}

func newCounter(log *slog.Logger) *counter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &counter{log: log, now: time.Now, kinds: make(map[string]*happened)}
}

// note counts one event of a kind, which is the message it is logged with. Kinds are
// few: they are constants of this package.
func (c *counter) note(kind string, attrs ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.kinds[kind]
	if h == nil {
		h = &happened{}
		c.kinds[kind] = h
	}
	h.count++
	if now := c.now(); now.Sub(h.last) >= logEvery {
		c.log.Warn(kind, append([]any{"times", h.count}, attrs...)...)
		h.last, h.count = now, 0
	}
}
