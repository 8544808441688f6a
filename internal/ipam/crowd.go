package ipam

import (
	"math/rand/v2"
	"sync"
	"time"
)

// crowd keeps servers that give addresses of the same subnets at the same time out of
// each other's way. Alone, a server gives the first free address. After it has met
// another one it takes any of the first few for a while, and of more the more often
// they meet: which leaves gaps that are filled later.
type crowd struct {
	mu    sync.Mutex
	width int
	until time.Time
}

const (
	leastCrowd = 16
	mostCrowd  = 512
	// crowdTime is how long others are expected to be around.
	crowdTime = time.Second
)

// met notes that another server was faster.
func (c *crowd) met(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.until) {
		c.width = 0
	}
	c.width = min(max(2*c.width, leastCrowd), mostCrowd)
	c.until = now.Add(crowdTime)
}

// pass is how many free addresses to pass over.
func (c *crowd) pass(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.width == 0 || now.After(c.until) {
		return 0
	}
	return rand.N(c.width)
}
