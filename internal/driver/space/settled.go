package space

import (
	"reflect"
	"sync/atomic"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// A node may have hundreds of spaces, and reading one is as slow as many writes. A space
// that was brought into its wanted state is not read again before it is wanted otherwise or
// the kernel reports a change in it. Settings of the kernel (sysctl) change without a report,
// so settled spaces are also reviewed, a few in each pass.
const (
	reviewAfter = 5 * time.Minute
	maxReviews  = 4
)

// settled describes the state of a space since it was last read. The zero value
// knows nothing.
type settled struct {
	// heard is true if changes in the space are reported.
	heard   bool
	touched atomic.Bool
	want    *desired.Space
	at      time.Time
}

// listen passes on reports of changes, and notes that there were some.
func (s *settled) listen(source <-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() {
		defer close(out)
		for range source {
			s.touched.Store(true)
			select {
			case out <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return out
}

// holds reports whether the space need not be read. It uses one of the reviews if the
// space is read only because of its age.
func (s *settled) holds(want *desired.Space, now time.Time, reviews *int) bool {
	if !s.heard || s.want == nil || s.touched.Load() || !reflect.DeepEqual(s.want, want) {
		return false
	}
	if now.Sub(s.at) < reviewAfter || *reviews == 0 {
		return true
	}
	*reviews--
	return false
}

// begin is called before the space is read: only later reports count. A dry run
// settles nothing, and what was reported before it stays to be read.
func (s *settled) begin(dryRun bool) {
	if !dryRun {
		s.want = nil
		s.touched.Store(false)
	}
}

// end is called when the space is as wanted.
func (s *settled) end(want *desired.Space, at time.Time) {
	own := *want // whoever compiled it may reuse the node
	s.want, s.at = &own, at
}
