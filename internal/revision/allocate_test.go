package revision_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// tags gives VNets without a tag the next free one of their zone. A record for each tag
// says whose it is; it is stored, and removed, in the transaction of the VNet's edit.
type tags struct {
	store store.Store
	mu    sync.Mutex
	// open are the allocations that neither Commit nor Abort ended.
	open, committed, aborted int
}

const tagPrefix = "test/tags/"

func tagKey(tag int) string { return tagPrefix + strconv.Itoa(tag) }

func (a *tags) Concerns(edits []model.Edit, _ revision.EditOptions) bool {
	for _, e := range edits {
		if v, ok := e.Put.(*model.VNet); ok && v.Tag == 0 || e.Put == nil && e.Kind == model.KindVNet {
			return true
		}
	}
	return false
}

func (a *tags) Prepare(ctx context.Context, v *revision.View, edits []model.Edit, o revision.EditOptions) (*revision.Allocation, error) {
	out := &revision.Allocation{Commit: func(context.Context) { a.end(&a.committed) }, Abort: func(context.Context) { a.end(&a.aborted) }}
	next := 100
	for _, e := range edits {
		if e.Put == nil && e.Kind == model.KindVNet {
			if old := v.Pending.VNets[e.ID]; old != nil {
				if err := a.free(ctx, out, old.Tag); err != nil {
					return nil, err
				}
			}
			continue
		}
		vnet, ok := e.Put.(*model.VNet)
		if !ok || vnet.Tag != 0 {
			continue
		}
		given := *vnet
		if old := v.Pending.VNets[vnet.ID]; old != nil {
			given.Tag = old.Tag // it keeps what it has
		} else {
			for ; given.Tag == 0; next++ {
				_, err := a.store.Get(ctx, tagKey(next))
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return nil, err
				}
				if err != nil {
					given.Tag = next
					out.Conds = append(out.Conds, store.Cond{Key: tagKey(next)})
					out.Ops = append(out.Ops, store.Put(tagKey(next), []byte(vnet.ID)))
				}
			}
		}
		out.Edits = append(out.Edits, model.Edit{Put: &given})
	}
	if !o.DryRun {
		a.mu.Lock()
		a.open++
		a.mu.Unlock()
	}
	return out, nil
}

func (a *tags) free(ctx context.Context, out *revision.Allocation, tag int) error {
	r, err := a.store.Get(ctx, tagKey(tag))
	if err != nil {
		return err
	}
	out.Conds = append(out.Conds, store.Cond{Key: r.Key, Revision: r.Revision})
	out.Ops = append(out.Ops, store.Delete(r.Key))
	return nil
}

func (a *tags) end(count *int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	*count++
}

// checkTags compares the records of tags with the tags of VNets.
func checkTags(t *testing.T, st store.Store) {
	t.Helper()
	v := view(t, service(t, st))
	records, _, err := st.List(t.Context(), tagPrefix, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		vnet := v.Pending.VNets[string(r.Value)]
		if vnet == nil || tagKey(vnet.Tag) != r.Key {
			t.Errorf("tag %s is kept for vnet %s, which has %v", strings.TrimPrefix(r.Key, tagPrefix), r.Value, vnet)
		}
	}
	if len(records) != len(v.Pending.VNets) {
		t.Errorf("%d tags for %d vnets", len(records), len(v.Pending.VNets))
	}
}

// withTags is a service on a store with the zone z1, whose VNets get their tags.
func withTags(t *testing.T, st store.Store) (*revision.Service, *tags) {
	t.Helper()
	s, a := service(t, st), &tags{store: st}
	s.Use(a)
	return s, a
}

func vlanZone() model.Edit {
	return model.Edit{Put: &model.Zone{ID: "z1", Type: model.ZoneVLAN, Bridge: "vmbr0"}}
}

func untagged(id string) model.Edit { return model.Edit{Put: &model.VNet{ID: id, Zone: "z1"}} }

// broken is a store that is gone after some transactions: the last of them may have been
// stored before nobody heard of it.
type broken struct {
	store.Store
	left   int
	stored bool
}

func (b *broken) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if b.left--; b.left > 0 {
		return b.Store.Txn(ctx, conds, ops)
	}
	if b.left == 0 && b.stored {
		if _, err := b.Store.Txn(ctx, conds, ops); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("the process was killed: %w", store.ErrUnavailable)
}

// TestAllocationsSurviveACrashAtEveryStep kills a server at each of its transactions,
// before and after it was stored: no tag is given twice, lost or left behind.
func TestAllocationsSurviveACrashAtEveryStep(t *testing.T) {
	life := [][]model.Edit{
		{vlanZone(), untagged("v1"), untagged("v2")},
		{untagged("v3"), {Put: &model.Guest{ID: "100"}}},
		{{Kind: model.KindVNet, ID: "v1"}, untagged("v4")},
		{untagged("v3")}, // changes nothing
		{{Kind: model.KindVNet, ID: "v2"}},
	}
	for _, stored := range []bool{false, true} {
		for step := 1; ; step++ {
			st := mem.New()
			b := &broken{Store: st, left: step, stored: stored}
			s, _ := withTags(t, b)
			failed := false
			for _, edits := range life {
				if _, err := s.Edit(t.Context(), "tester", edits, revision.EditOptions{}); err != nil {
					if !errors.Is(err, store.ErrUnavailable) {
						t.Fatalf("step %d: %v", step, err)
					}
					failed = true
					break
				}
			}
			checkTags(t, st)
			// The next server goes on with it.
			after, _ := withTags(t, st)
			if _, err := after.Edit(t.Context(), "tester", []model.Edit{vlanZone(), untagged("v9")}, revision.EditOptions{}); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			checkTags(t, st)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			if !failed {
				if step < len(life) {
					t.Fatalf("nothing failed at step %d", step)
				}
				break
			}
		}
	}
}

// Servers that allocate at the same time never give one tag to two VNets, and every
// allocation comes to an end.
func TestAllocationsAtTheSameTime(t *testing.T) {
	st := mem.New()
	t.Cleanup(func() { _ = st.Close() })
	first, a := withTags(t, st)
	if _, err := first.Edit(t.Context(), "tester", []model.Edit{vlanZone()}, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	second, b := withTags(t, st)
	const each = 12
	var wg sync.WaitGroup
	for n, s := range []*revision.Service{first, second} {
		for i := range each {
			wg.Go(func() {
				if _, err := s.Edit(t.Context(), "tester", []model.Edit{untagged(fmt.Sprintf("v%d%d", n, i))}, revision.EditOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	checkTags(t, st)
	if got := a.committed + b.committed; got != 2*each || a.open+b.open != 0 {
		t.Errorf("%d allocations were committed, want %d; %d never ended", got, 2*each, a.open+b.open)
	}
}

func TestAllocationsOfRefusedEditsEnd(t *testing.T) {
	st := mem.New()
	t.Cleanup(func() { _ = st.Close() })
	s, a := withTags(t, st)
	edits := []model.Edit{vlanZone(), untagged("v1"), {Put: &model.VNet{ID: "v2", Zone: "nosuch", Tag: 7}}}
	if _, err := s.Edit(t.Context(), "tester", edits, revision.EditOptions{}); err == nil {
		t.Fatal("a vnet of no zone was taken")
	}
	if a.aborted != 1 || a.open != 0 || a.committed != 0 {
		t.Errorf("aborted %d, committed %d, open %d; want 1, 0, 0", a.aborted, a.committed, a.open)
	}
	checkTags(t, st)

	edits = edits[:2]
	out, err := s.Edit(t.Context(), "tester", edits, revision.EditOptions{DryRun: true})
	if err != nil || len(out.Changes) != 2 {
		t.Fatalf("dry run: %v, %v", out, err)
	}
	if records, _, err := st.List(t.Context(), tagPrefix, ""); err != nil || len(records) != 0 || a.open != 0 {
		t.Errorf("a dry run left %d records and %d allocations: %v", len(records), a.open, err)
	}
}

// second gives every VNet that has a tag an alias made of it, to show that allocators
// see what those before them gave.
type second struct{}

func (second) Concerns(edits []model.Edit, _ revision.EditOptions) bool { return true }

func (second) Prepare(_ context.Context, _ *revision.View, edits []model.Edit, _ revision.EditOptions) (*revision.Allocation, error) {
	out := &revision.Allocation{}
	for _, e := range edits {
		if v, ok := e.Put.(*model.VNet); ok {
			named := *v
			named.Alias = fmt.Sprintf("tag %d", v.Tag)
			out.Edits = append(out.Edits, model.Edit{Put: &named})
		}
	}
	return out, nil
}

func TestAllocatorsSeeThoseBeforeThem(t *testing.T) {
	st := mem.New()
	t.Cleanup(func() { _ = st.Close() })
	s, _ := withTags(t, st)
	s.Use(second{})
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{vlanZone(), untagged("v1")}, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := view(t, s).Pending.VNets["v1"]; got.Tag != 100 || got.Alias != "tag 100" {
		t.Errorf("got %+v", got)
	}
}
