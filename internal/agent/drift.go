package agent

import (
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// driftLog distinguishes drift from unfinished work. A difference is drift when an
// earlier pass reached the desired state and that state has not changed since.
type driftLog struct {
	mu sync.Mutex
	// reached is the hash of the desired state that was last reached; empty
	// until a pass towards a different state has succeeded.
	reached string
	// failed are the objects that the last pass could not create: changes that a
	// later pass makes for them are not drift.
	failed map[string]bool
	events []protocol.Drift
}

// seed restores the state that an earlier process of the same boot reached.
func (l *driftLog) seed(was applied, boot string) {
	if was.Boot == boot {
		l.reached = was.Want
	}
}

// expected reports whether a pass towards want may find differences.
func (l *driftLog) expected(want string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reached != want
}

// begin records that a pass towards a different state has begun.
func (l *driftLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reached = ""
}

// done records the result of a pass towards want. One that could not create some
// objects still reached the state for all others.
func (l *driftLog) done(want string, failed []*driver.ObjectError, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = map[string]bool{}
	for _, f := range failed {
		l.failed[f.Owner] = true
	}
	if len(driver.NodeErrors(err)) == 0 {
		l.reached = want
	}
}

// record adds the changes of a pass that should have found none.
func (l *driftLog) record(now time.Time, changes []diff.Change, failed []*driver.ObjectError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := map[string]string{}
	for _, f := range failed {
		errs[f.Owner] = f.Err.Error()
	}
	for _, c := range changes {
		// Guests start and stop independently of Viaduct: a port of theirs is no drift.
		if c.Type == desired.TypePort || l.failed[c.Owner] {
			continue
		}
		l.events = append(l.events, protocol.Drift{Time: now, Change: c, Error: errs[c.Owner]})
	}
	if n := len(l.events); n > protocol.MaxDrift {
		l.events = append([]protocol.Drift(nil), l.events[n-protocol.MaxDrift:]...)
	}
}

// list returns a copy of the newest drift.
func (l *driftLog) list() []protocol.Drift {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]protocol.Drift(nil), l.events...)
}
