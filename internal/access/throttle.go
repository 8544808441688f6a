package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Failed logins are counted for the address they come from, and for the user together
// with the address: strangers elsewhere never make a user wait. Beyond so many, each one
// more doubles the wait until the next attempt. A count is forgotten after a while
// without failures.
const (
	freeUser    = 5
	freeAddress = 20 // several people may be behind one address
	mostUser    = time.Minute
	mostAddress = 10 * time.Minute
	forgetAfter = 30 * time.Minute
)

// gauges is how many counts there are of either kind. The memory is fixed, so
// that nobody can fill it: names and addresses that share a count only wait
// longer. The seed is secret, so nobody can choose whom to share one with.
const gauges = 1 << 13

// gauge counts failures.
type gauge struct {
	failures int
	last     time.Time
}

// throttle slows down guessing. Make one with newThrottle.
type throttle struct {
	seed maphash.Seed

	mu sync.Mutex
	// pairs are of a user and a network, networks of one for all users.
	pairs, networks []gauge
}

func newThrottle() *throttle {
	return &throttle{seed: maphash.MakeSeed(), pairs: make([]gauge, gauges), networks: make([]gauge, gauges)}
}

func (t *throttle) pair(user, from string) *gauge {
	return &t.pairs[maphash.Comparable(t.seed, [2]string{user, network(from)})%gauges]
}

func (t *throttle) network(from string) *gauge {
	return &t.networks[maphash.String(t.seed, network(from))%gauges]
}

// wait is how long it takes until the user may try again from the address.
func (t *throttle) wait(user, from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.pair(user, from).wait(freeUser, mostUser, now), t.network(from).wait(freeAddress, mostAddress, now))
}

// fail notes a failure.
func (t *throttle) fail(user, from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pair(user, from).fail(now)
	t.network(from).fail(now)
}

// succeed forgets the failures of the user at the address. Those of the address with
// other users stay: whoever has a password of their own must not use it to go on
// guessing others'.
func (t *throttle) succeed(user, from string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.pair(user, from) = gauge{}
}

func (g *gauge) fail(now time.Time) {
	if now.Sub(g.last) > forgetAfter {
		g.failures = 0
	}
	g.failures++
	g.last = now
}

func (g *gauge) wait(free int, most time.Duration, now time.Time) time.Duration {
	passed := now.Sub(g.last)
	if g.failures < free || passed > forgetAfter {
		return 0
	}
	delay := most
	if doublings := g.failures - free; doublings < 20 {
		delay = min(most, time.Second<<doublings)
	}
	// A clock that was set back must not keep anybody out for longer.
	return min(delay, max(0, delay-passed))
}

// network is what an address is counted as: one host gets a whole /64 of IPv6.
func network(from string) string {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		ap, err := netip.ParseAddrPort(from)
		if err != nil {
			return from
		}
		addr = ap.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
