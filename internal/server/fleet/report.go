package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// clockSlack is how far a node's clock may be ahead before its times are no longer
// used to order reports.
const clockSlack = time.Minute

// Report processes a node's report. A report that is older than the last one only
// shows that the node is alive. Only relevant changes are stored, for other servers and
// for later, not each heartbeat.
func (f *Fleet) Report(ctx context.Context, node string, r *protocol.Status) error {
	facts := r.Facts
	report := *r
	report.Facts = nil // stored separately
	report.Drift = report.Drift[max(0, len(report.Drift)-protocol.MaxDrift):]
	if !f.recordContact(node, &report) {
		return nil
	}
	if facts != nil {
		if err := f.persistFacts(ctx, node, *facts); err != nil {
			return err
		}
	}
	if err := f.persistReport(ctx, node, &report); err != nil {
		return err
	}
	return f.persistResult(ctx, node, &report)
}

// persistFacts stores a node's facts if they differ from the stored ones.
func (f *Fleet) persistFacts(ctx context.Context, node string, facts model.Facts) error {
	facts.Node = node
	if stored, ok := f.facts.Get(node); ok && sameJSON(stored.Value, &facts) {
		return nil
	}
	stored, err := f.persist(ctx, node, prefixFacts, maxFacts, &facts, func(stored []byte) bool {
		old := &model.Facts{}
		return json.Unmarshal(stored, old) != nil || !sameJSON(old, &facts)
	})
	if err != nil || !stored {
		return err
	}
	// A plan right after a node's first report must know the node.
	return f.facts.Sync(ctx)
}

// persistReport stores a report if it differs from the stored one in its content.
func (f *Fleet) persistReport(ctx context.Context, node string, r *protocol.Status) error {
	if stored, ok := f.reports.Get(node); ok && equalReports(stored.Value, r) {
		return nil
	}
	_, err := f.persist(ctx, node, prefixStatus, maxReport, r, func(stored []byte) bool {
		old := &protocol.Status{}
		return json.Unmarshal(stored, old) != nil || !f.olderThan(r, old) && !equalReports(old, r)
	})
	return err
}

// recordContact records contact with a node, and its report unless that is older than the last.
func (f *Fleet) recordContact(node string, r *protocol.Status) (fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	back := f.absenceOf(node).lost
	h := f.markSeen(node)
	if h.report != nil && f.olderThan(r, h.report) {
		return false
	}
	if back || h.report == nil || !equalReports(h.report, r) {
		defer f.wake()
	}
	h.report = r
	return true
}

// olderThan reports whether a report is older than another. The times are the node's own; if
// its clock was far ahead and has been set since, they are not comparable.
func (f *Fleet) olderThan(r, than *protocol.Status) bool {
	return r.Time.Before(than.Time) && than.Time.Before(f.now().Add(clockSlack))
}

// equalReports compares reports without times and counters.
func equalReports(a, b *protocol.Status) bool { return sameJSON(withoutTimes(a), withoutTimes(b)) }

// withoutTimes returns a report without the values that change with every heartbeat.
func withoutTimes(r *protocol.Status) *protocol.Status {
	if r == nil {
		return nil
	}
	e := *r
	e.Time, e.Duration, e.Writes, e.Passes, e.Facts, e.Load = time.Time{}, 0, 0, 0, nil, nil
	return &e
}

// sameJSON compares values in the form in which they are stored.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && slices.Equal(x, y)
}

// persist stores a value of a node, its facts or its status, by compare-and-swap if
// differs is true for the stored value, and only while the node is a member. stored is
// false if the value does not differ, or if the node exceeds its limit.
func (f *Fleet) persist(ctx context.Context, node, prefix string, most int, value any, differs func(stored []byte) bool) (stored bool, err error) {
	b, err := json.Marshal(value)
	if err != nil {
		return false, err
	}
	what, _, _ := strings.Cut(prefix, "/") // a node's results of all revisions share an allowance
	if ok, err := f.mayStore(node, what, len(b), most); !ok {
		return false, err
	}
	key := prefix + node
	err = store.Retry(ctx, func() error {
		member, err := f.store.Get(ctx, pki.PrefixMember+node)
		if errors.Is(err, store.ErrNotFound) {
			return pki.NotMember(node)
		}
		if err != nil {
			return err
		}
		old, err := f.store.Get(ctx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && !differs(old.Value) {
			return nil
		}
		_, err = f.store.Txn(ctx, []store.Cond{{Key: member.Key, Revision: member.Revision}, {Key: key, Revision: old.Revision}},
			[]store.Op{store.Put(key, b)})
		stored = err == nil
		return err
	})
	return stored, err
}
