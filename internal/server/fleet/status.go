package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Status returns the current state of the cluster.
func (f *Fleet) Status() (*api.Status, error) {
	v, _ := f.config.Latest()
	s, _, err := f.status(v)
	return s, err
}

// gather is the interval for which changes of the configuration are combined: each status
// counts all pending changes.
const gather = 100 * time.Millisecond

// AwaitStatus waits until the status differs from a version, the timeout ends or stop is
// closed, and then returns it.
func (f *Fleet) AwaitStatus(ctx context.Context, after string, atMost time.Duration, stop <-chan struct{}) (*api.Status, error) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	for {
		// The channels that end the wait are obtained before the status is computed,
		// so that no change is missed.
		_, members := f.members.All()
		_, reports := f.reports.All()
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		v, newer := f.config.Latest()
		s, next, err := f.status(v)
		if err != nil || s.Version != after {
			return s, err
		}
		silence := time.NewTimer(next)
		select {
		case <-newer:
			select {
			case <-time.After(gather):
			case <-stop:
			case <-ctx.Done():
			}
		case <-members:
		case <-reports:
		case <-changed:
		case <-silence.C: // a node may just have become unreachable
		case <-over.C:
			silence.Stop()
			return s, nil
		case <-stop:
			silence.Stop()
			return s, nil
		case <-ctx.Done():
			silence.Stop()
			return nil, context.Cause(ctx)
		}
		silence.Stop()
	}
}

// status computes the status of a view, and after what time silence alone may change
// it.
func (f *Fleet) status(v *revision.View) (*api.Status, time.Duration, error) {
	s := &api.Status{Revision: v.Revision, Pending: v.PendingCount(), Nodes: []api.NodeStatus{}}
	next := f.unreachable
	book := sync.OnceValue(func() addressBook { return f.book(v) })
	for _, name := range f.members.Names() {
		n, left, err := f.node(v, name, book)
		if err != nil {
			return nil, 0, err
		}
		s.Nodes = append(s.Nodes, n)
		if left > 0 {
			next = min(next, left)
		}
	}
	var err error
	s.Version, err = version(s)
	return s, next + 10*time.Millisecond, err
}

// node returns the status of one node, and after what time silence alone changes it; 0
// for never.
func (f *Fleet) node(v *revision.View, name string, book func() addressBook) (api.NodeStatus, time.Duration, error) {
	want, err := f.docs.of(v, name)
	if err != nil {
		return api.NodeStatus{}, 0, err
	}
	n := api.NodeStatus{Name: name, Want: want.Hash}
	if stored, ok := f.reports.Get(name); ok {
		n.Report = stored.Value
	}
	f.mu.Lock()
	if h := f.contacts[name]; h != nil {
		// Another server may have received a newer one since.
		if h.report != nil && (n.Report == nil || !f.olderThan(h.report, n.Report)) {
			n.Report = h.report
		}
	}
	absent := f.absenceOf(name)
	f.mu.Unlock()
	n.Seen, n.Suspect = absent.seen, absent.suspect
	n.Report = withNames(health.ForUsers(f.withFacts(name, n.Report)), book)
	n.State = health.OfNode(absent.lost, want.Hash, n.Report)
	return n, absent.left, nil
}

// version identifies a status. It excludes values that change with every heartbeat,
// which would end each wait at once.
func version(s *api.Status) (string, error) {
	e := *s
	e.Nodes = make([]api.NodeStatus, len(s.Nodes))
	for i, n := range s.Nodes {
		n.Seen, n.Report = time.Time{}, withoutTimes(n.Report)
		e.Nodes[i] = n
	}
	b, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12]), nil
}

// withFacts returns a report with the node's facts, which are stored separately; without
// interfaces and routes, which may be many.
func (f *Fleet) withFacts(name string, r *protocol.Status) *protocol.Status {
	facts, ok := f.Facts(name)
	if r == nil || !ok {
		return r
	}
	brief := *facts
	brief.Interfaces, brief.Routes = nil, nil
	whole := *r
	whole.Facts = &brief
	return &whole
}

// Facts returns the node's last reported facts; the caller must not change them.
func (f *Fleet) Facts(name string) (*model.Facts, bool) {
	e, ok := f.facts.Get(name)
	return e.Value, ok
}
