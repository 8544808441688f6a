package agent

import (
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// portType is the type of changes that join a guest's NIC: guests come and go
// by themselves, so such a change is no drift.
const portType = "port"

// driftLog tells drift from work in hand. A difference is drift when the node
// stood as wanted after an earlier pass and nothing else was asked for since.
type driftLog struct {
	mu sync.Mutex
	// stands is the hash of the desired state that was last reached; empty
	// while a pass towards another one has not succeeded.
	stands string
	// failed are the objects that the last pass could not make: what a later
	// pass does for them is work, not repair.
	failed map[string]bool
	events []protocol.Drift
}

// seed takes over what an earlier process of the same boot reached.
func (l *driftLog) seed(was applied, boot string) {
	if was.Boot == boot {
		l.stands = was.Want
	}
}

// expected reports whether a pass towards want may find differences.
func (l *driftLog) expected(want string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stands != want
}

// begin notes that a pass towards another state has begun.
func (l *driftLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stands = ""
}

// done notes how a pass towards want ended. One that could not make some
// objects still reached the state for all others.
func (l *driftLog) done(want string, failed []*driver.ObjectError, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = map[string]bool{}
	for _, f := range failed {
		l.failed[f.Owner] = true
	}
	if len(driver.NodeErrors(err)) == 0 {
		l.stands = want
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
		if c.Type == portType || l.failed[c.Owner] {
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
