package ipam

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// crowd keeps servers that give addresses of the same subnets at the same time out of
// each other's way. Alone, a server gives the first free address. After it has met
// another one it goes on a little further for a while, and the further the more often
// they meet: which leaves gaps that are filled later.
type crowd struct {
	width int
	until time.Time
	// from is where it goes on.
	from netip.Addr
}

const (
	leastCrowd = 64
	mostCrowd  = 1 << 16
	// crowdTime is how long others are expected to be around.
	crowdTime = 30 * time.Second
)

// met notes that another server was faster in giving an address of a range.
func (c *crowd) met(r span, ip netip.Addr, now time.Time) {
	if now.After(c.until) {
		c.width = 0
	}
	c.width = min(max(2*c.width, leastCrowd), mostCrowd)
	c.until = now.Add(crowdTime)
	c.from = r.after(ip, 1+rand.Uint64N(uint64(c.width)))
}

// start is where in some ranges to look for a free address first; ok is false if that is
// their beginning.
func (c *crowd) start(ranges []span, now time.Time) (_ netip.Addr, ok bool) {
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
