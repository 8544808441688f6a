package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// keepResults is the number of newest revisions for which the nodes' results are kept.
const keepResults = 100

func resultsOf(revision int64) string { return fmt.Sprintf("%s%016d/", prefixResult, revision) }

// stored is a node's last result that this server knows to be in the store.
type stored struct {
	revision int64
	result   *api.NodeResult
}

// persistResult stores a node's result of a revision, if it differs from the stored one.
func (f *Fleet) persistResult(ctx context.Context, node string, r *protocol.Status) error {
	if r.Revision == 0 || r.State != protocol.Converged && r.State != protocol.Degraded {
		return nil
	}
	result := &api.NodeResult{Node: node, State: r.State, Time: r.Time, Duration: r.Duration, Message: r.Message}
	others := false // transient faults of other nodes and routers are no result
	for _, o := range r.Objects {
		switch {
		case o.State == protocol.Degraded && o.Class == fault.Peer:
			others = true
		case o.State == protocol.Degraded:
			result.Objects = append(result.Objects, o)
		}
	}
	if others && len(result.Objects) == 0 && r.Message == "" {
		result.State = protocol.Converged
	}
	f.mu.Lock()
	last := f.results[node]
	f.mu.Unlock()
	if last.revision == r.Revision && sameResult(last.result, result) {
		return nil
	}
	// Results are stored only for existing revisions, whatever a node reports: others
	// would replace those, and fill the store.
	if ok, err := f.config.HasRevision(ctx, r.Revision); err != nil || !ok {
		f.allowance(node).invented.Do(func() {
			f.log.Warn("a node reports a revision that there is not; what it says of it is not kept. Was the store restored from a copy? Otherwise look at its agent",
				"node", node, "revision", r.Revision)
		})
		return err
	}
	_, err := f.persist(ctx, node, resultsOf(r.Revision), maxReport, result, func(stored []byte) bool {
		old := &api.NodeResult{}
		return json.Unmarshal(stored, old) != nil || !sameResult(old, result)
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.results[node] = stored{r.Revision, result}
	prune := r.Revision > f.pruned
	f.pruned = max(f.pruned, r.Revision)
	f.mu.Unlock()
	if old := r.Revision - keepResults; prune && old > 0 {
		_, err = f.store.Txn(ctx, nil, []store.Op{store.DeletePrefix(resultsOf(old))})
	}
	return err
}

// sameResult compares results without their times.
func sameResult(a, b *api.NodeResult) bool {
	x, y := *a, *b
	x.Time, x.Duration, y.Time, y.Duration = time.Time{}, 0, time.Time{}, 0
	return sameJSON(&x, &y)
}

// Results returns the nodes' results of a revision, sorted by name.
func (f *Fleet) Results(ctx context.Context, revision int64) ([]api.NodeResult, error) {
	records, _, err := f.store.List(ctx, resultsOf(revision), "")
	if err != nil {
		return nil, err
	}
	out := make([]api.NodeResult, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &out[i]); err != nil {
			return nil, fmt.Errorf("stored value %s is not understood (written by a newer release?): %w", r.Key, err)
		}
	}
	slices.SortFunc(out, func(a, b api.NodeResult) int { return strings.Compare(a.Node, b.Node) })
	return out, nil
}
