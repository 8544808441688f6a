package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Failed logins are counted for the address they come from, and for the user together with
// the address: strangers elsewhere never make a user wait. Beyond the limit, each further
// one doubles the wait until the next attempt. A count is dropped after a while without
// failures.
const (
	freeUser    = 5
	freeAddress = 20 // several people may be behind one address
	mostUser    = time.Minute
	mostAddress = 10 * time.Minute
	forgetAfter = 30 * time.Minute
)

// counters is the number of counters of either kind. The memory is fixed, so that nobody
// can exhaust it: names and addresses that share a counter only wait longer. The seed is
// secret, so nobody can choose with whom to share one.
const counters = 1 << 13

// counter counts failures.
type counter struct {
	failures int
	last     time.Time
}

// throttle slows down guessing. Create one with newThrottle.
type throttle struct {
	seed maphash.Seed

	mu sync.Mutex
	// pairs are of a user and a network, networks of one for all users.
	pairs, networks []counter
}

func newThrottle() *throttle {
	return &throttle{seed: maphash.MakeSeed(), pairs: make([]counter, counters), networks: make([]counter, counters)}
}

func (t *throttle) pair(user, from string) *counter {
	return &t.pairs[maphash.Comparable(t.seed, [2]string{user, network(from)})%counters]
}

func (t *throttle) network(from string) *counter {
	return &t.networks[maphash.String(t.seed, network(from))%counters]
}

// wait is the time until the user may try again from the address.
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

// succeed resets the failures of the user at the address. Those of the address with other
// users stay: nobody may use their own valid password to continue to guess those of
// others.
func (t *throttle) succeed(user, from string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.pair(user, from) = counter{}
}

func (c *counter) fail(now time.Time) {
	if now.Sub(c.last) > forgetAfter {
		c.failures = 0
	}
	c.failures++
	c.last = now
}

func (c *counter) wait(free int, most time.Duration, now time.Time) time.Duration {
	passed := now.Sub(c.last)
	if c.failures < free || passed > forgetAfter {
		return 0
	}
	delay := most
	if doublings := c.failures - free; doublings < 20 {
		delay = min(most, time.Second<<doublings)
	}
	// A clock that was set back must not prolong the wait.
	return min(delay, max(0, delay-passed))
}

// network is the unit of counting for an address: one host gets a whole /64 of IPv6.
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
