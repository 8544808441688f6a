package fleet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// What one node may say of itself: its certificate is as good as the node is, and the
// store is everybody's. An agent sends a few KiB every 30 seconds, and more while
// something changes; a node of ten thousand VNets sends a MiB at once.
const (
	// maxFacts and maxReport bound what is stored of a node, in bytes.
	maxFacts  = 2 << 20
	maxReport = 4 << 20
	// storeRate is how many bytes in a second are stored of a node's news in the long
	// run, and storeBurst how many at once.
	storeRate  = 32 << 10
	storeBurst = 2 * (maxFacts + maxReport)
	// hearRate and hearBurst bound the same way what is listened to. Each report counts
	// as leastHeard at least.
	hearRate   = 1 << 20
	hearBurst  = 32 << 20
	leastHeard = 16 << 10
	// renewRate and renewBurst bound how many certificates a node gets, which last for
	// months.
	renewEvery = time.Minute
	renewBurst = 10
	// sayEvery is how often it is logged that a node says too much.
	sayEvery = time.Minute
)

// ErrTooMuch tells that a node reports more than is taken of one.
var ErrTooMuch = errors.New("the node reports too much")

// allowance is what a node may still say. Its limiters have locks of their own.
type allowance struct {
	hear, store, renew *rate.Limiter
	say, invented      rate.Sometimes
}

// allowance is that of a node.
func (f *Fleet) allowance(node string) *allowance {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.allowances[node]
	if a == nil {
		a = &allowance{
			hear: rate.NewLimiter(hearRate, hearBurst), store: rate.NewLimiter(storeRate, storeBurst), renew: rate.NewLimiter(rate.Every(renewEvery), renewBurst),
			say: rate.Sometimes{First: 1, Interval: sayEvery}, invented: rate.Sometimes{First: 1, Interval: sayEvery},
		}
		f.allowances[node] = a
	}
	return a
}

// Listen reports whether a node may say something of so many bytes now.
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

// MayRenew reports whether a node may have another certificate now.
func (f *Fleet) MayRenew(node string) bool { return f.allowance(node).renew.AllowN(f.now(), 1) }

// mayStore reports whether something of a node may be stored now. What may not be is
// stored with a later report, if it is still news then.
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
