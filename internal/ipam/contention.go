package ipam

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// contention keeps servers that assign addresses of the same subnets at the same time out
// of each other's way. Alone, a server assigns the first free address. After a conflict it
// skips a random number of addresses for a while, and the more the more often conflicts
// occur: this leaves gaps that are filled later.
type contention struct {
	width int
	until time.Time
	// from is where the search continues.
	from netip.Addr
}

const (
	minWindow = 64
	maxWindow = 1 << 16
	// contentionTime is how long other servers are expected to remain active.
	contentionTime = 30 * time.Second
)

// recordConflict notes that another server was faster in assigning an address of a range.
func (c *contention) recordConflict(r span, ip netip.Addr, now time.Time) {
	if now.After(c.until) {
		c.width = 0
	}
	c.width = min(max(2*c.width, minWindow), maxWindow)
	c.until = now.Add(contentionTime)
	c.from = r.after(ip, 1+rand.Uint64N(uint64(c.width)))
}

// start is where in some ranges to search for a free address first; ok is false if that is
// their beginning.
func (c *contention) start(ranges []span, now time.Time) (_ netip.Addr, ok bool) {
	if !c.from.IsValid() || now.After(c.until) {
		return netip.Addr{}, false
	}
	for _, r := range ranges {
		if r.contains(c.from) {
			return c.from, true
		}
	}
	return netip.Addr{}, false
}
