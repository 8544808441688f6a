package fleet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// Limits of what one node may report: a certificate is no more trustworthy than its
// node, and all nodes share the store. An agent sends a few KiB every 30 seconds, and
// more during changes; a node of ten thousand VNets sends a MiB at once.
const (
	// maxFacts and maxReport limit what is stored of a node, in bytes.
	maxFacts  = 2 << 20
	maxReport = 4 << 20
	// storeRate limits how many bytes per second are stored of a node's reports in the
	// long run, and storeBurst how many at once.
	storeRate  = 32 << 10
	storeBurst = 2 * (maxFacts + maxReport)
	// hearRate and hearBurst limit what is read of a node in the same way. Each report
	// counts as at least leastHeard.
	hearRate   = 1 << 20
	hearBurst  = 32 << 20
	leastHeard = 16 << 10
	// renewEvery and renewBurst limit how many certificates a node gets; a certificate
	// is valid for months.
	renewEvery = time.Minute
	renewBurst = 10
	// warnEvery is the interval between log messages about a node that exceeds its limits.
	warnEvery = time.Minute
)

// ErrTooMuch is the error for a node that reports more than its limits allow.
var ErrTooMuch = errors.New("the node reports too much")

// allowance is the rest of a node's limits. Its limiters have locks of their own.
type allowance struct {
	hear, store, renew *rate.Limiter
	say, invented      rate.Sometimes
}

// allowance returns the allowance of a node.
func (f *Fleet) allowance(node string) *allowance {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.allowances[node]
	if a == nil {
		a = &allowance{
			hear: rate.NewLimiter(hearRate, hearBurst), store: rate.NewLimiter(storeRate, storeBurst), renew: rate.NewLimiter(rate.Every(renewEvery), renewBurst),
			say: rate.Sometimes{First: 1, Interval: warnEvery}, invented: rate.Sometimes{First: 1, Interval: warnEvery},
		}
		f.allowances[node] = a
	}
	return a
}

// Listen reports whether a node may send this many bytes now.
func (f *Fleet) Listen(node string, bytes int) bool {
	a := f.allowance(node)
	if a.hear.AllowN(f.now(), max(bytes, leastHeard)) {
		return true
	}
	a.say.Do(func() {
		f.log.Warn("a node reports more than this server listens to; look at its agent, or remove the node", "node", node, "bytes-per-second", hearRate)
	})
	return false
}

// MayRenew reports whether a node may get another certificate now.
func (f *Fleet) MayRenew(node string) bool { return f.allowance(node).renew.AllowN(f.now(), 1) }

// mayStore reports whether a value of a node may be stored now. A refused value is
// stored with a later report, if it still differs then.
func (f *Fleet) mayStore(node, what string, bytes, most int) (bool, error) {
	if bytes > most {
		return false, fmt.Errorf("%w: its %s has %d bytes, and %d are taken", ErrTooMuch, what, bytes, most)
	}
	a := f.allowance(node)
	if a.store.AllowN(f.now(), bytes) {
		return true, nil
	}
	a.say.Do(func() {
		f.log.Warn("a node reports changes faster than they are stored: what other servers know of it is late; look at its agent, or remove the node",
			"node", node, "bytes-per-second", storeRate)
	})
	return false, nil
}
