package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Failed logins are counted for the user and for the address they come from.
// Beyond so many, each one more doubles the wait until the next attempt. A count
// is forgotten after a while without failures.
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

	mu              sync.Mutex
	users, networks []gauge
}

func newThrottle() *throttle {
	return &throttle{seed: maphash.MakeSeed(), users: make([]gauge, gauges), networks: make([]gauge, gauges)}
}

func (t *throttle) at(list []gauge, name string) *gauge {
	return &list[maphash.String(t.seed, name)%gauges]
}

// wait is how long it takes until the user may try again from the address.
func (t *throttle) wait(user, from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.at(t.users, user).wait(freeUser, mostUser, now),
		t.at(t.networks, network(from)).wait(freeAddress, mostAddress, now))
}

// fail notes a failure.
func (t *throttle) fail(user, from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at(t.users, user).fail(now)
	t.at(t.networks, network(from)).fail(now)
}

// succeed forgets the failures of the user. Those of the address stay: whoever
// has a password of their own must not use it to go on guessing others'.
func (t *throttle) succeed(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.at(t.users, user) = gauge{}
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
