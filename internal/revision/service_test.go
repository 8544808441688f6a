package revision_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

var opts = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

func service(t *testing.T, st store.Store) *revision.Service {
	t.Helper()
	s, err := revision.Open(t.Context(), st, revision.Options{Known: func() []string { return []string{"n1"} }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zone(id string, mtu int) model.Edit {
	return model.Edit{Put: &model.Zone{ID: id, Type: model.ZoneSimple, MTU: mtu}}
}

func vnet(id, zone string) model.Edit { return model.Edit{Put: &model.VNet{ID: id, Zone: zone}} }

func remove(k model.Kind, id string) model.Edit { return model.Edit{Kind: k, ID: id} }

func edit(t *testing.T, s *revision.Service, edits ...model.Edit) *revision.EditResult {
	t.Helper()
	r, err := s.Edit(t.Context(), "tester", edits, revision.EditOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func apply(t *testing.T, s *revision.Service) *revision.ApplyResult {
	t.Helper()
	r, err := s.Apply(t.Context(), "tester", "why", "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func view(t *testing.T, s *revision.Service) *revision.View {
	t.Helper()
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lines(changes []diff.Change) []string {
	out := []string{}
	for _, c := range changes {
		out = append(out, c.String())
	}
	return out
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, opts); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestEditApplyRollback(t *testing.T) {
	st := mem.New()
	s := service(t, st)
	// The order in a batch does not matter, and a subnet's ID is completed.
	subnet := &model.Subnet{ID: "10.0.1.0/24", VNet: "v1", Gateway: netip.MustParseAddr("10.0.1.1")}
	r := edit(t, s, model.Edit{Put: subnet}, vnet("v1", "z1"), zone("z1", 0))
	same(t, "changes", lines(r.Changes), []string{"+ zone z1: type simple", "+ vnet v1: zone z1",
		"+ subnet z1-10.0.1.0-24: cidr 10.0.1.0/24, vnet v1, gateway 10.0.1.1"})
	if r.Pending != 3 || subnet.ID != "10.0.1.0/24" {
		t.Errorf("pending %d, caller's object now %s", r.Pending, subnet.ID)
	}
	if v := view(t, s); v.Running.Len() != 0 || v.Pending.Len() != 3 || len(v.Records()) != 1 {
		t.Errorf("before apply: %+v", v)
	}
	if r := apply(t, s); r.Revision != 1 || !r.Changed || len(r.Changes) != 3 {
		t.Errorf("apply: %+v", r)
	}
	if r := apply(t, s); r.Revision != 1 || r.Changed {
		t.Errorf("apply of nothing: %+v", r)
	}
	edit(t, s, zone("z1", 1400), remove(model.KindSubnet, "z1-10.0.1.0-24"))
	apply(t, s)
	result, err := s.Rollback(t.Context(), "tester", "", 1, "")
	if err != nil || result.Revision != 3 {
		t.Fatalf("rollback: %+v, %v", result, err)
	}
	same(t, "rollback", lines(result.Changes), []string{"~ zone z1: mtu 1400 removed", r.Changes[2].String()})
	again, err := s.Rollback(t.Context(), "tester", "", 1, "")
	if err != nil || again.Changed || again.Revision != 3 {
		t.Errorf("rollback to what runs: %+v, %v", again, err)
	}
	history, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range history {
		got = append(got, fmt.Sprint(h.Number, " ", h.Author, " ", h.Message, " ", h.Count))
	}
	same(t, "history", got, []string{"3 tester roll back to revision 1 2", "2 tester why 2", "1 tester why 3"})
	same(t, "another server", view(t, service(t, st)).Running, view(t, s).Running)
}

func TestNothingIsStoredForNothing(t *testing.T) {
	st := mem.New()
	s := service(t, st)
	edit(t, s, zone("z1", 0))
	_, before, _ := st.List(t.Context(), "", "")
	if r := edit(t, s, zone("z1", 0)); len(r.Changes) != 0 || r.Pending != 1 {
		t.Errorf("repeated edit: %+v", r)
	}
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{zone("z2", 0)}, revision.EditOptions{DryRun: true}); err != nil {
		t.Error(err)
	}
	if _, err := s.Plan(t.Context(), []model.Edit{zone("z2", 0)}); err != nil {
		t.Error(err)
	}
	if _, after, _ := st.List(t.Context(), "", ""); after != before {
		t.Errorf("the store went from %d to %d", before, after)
	}
	// Edits that cancel each other out make no revision, and are done with.
	edit(t, s, remove(model.KindZone, "z1"))
	if r := apply(t, s); r.Changed || r.Revision != 0 {
		t.Errorf("apply: %+v", r)
	}
	if v := view(t, s); len(v.Records()) != 0 {
		t.Errorf("records left: %v", v.Records())
	}
}

func TestRefusals(t *testing.T) {
	s := service(t, mem.New())
	edit(t, s, zone("z1", 0))
	var problems model.Problems
	for name, c := range map[string]struct {
		edits []model.Edit
		opts  revision.EditOptions
		want  func(error) bool
	}{
		"delete of nothing":  {[]model.Edit{remove(model.KindZone, "nope")}, revision.EditOptions{}, is(revision.ErrNotFound)},
		"subnet of no vnet":  {[]model.Edit{{Put: &model.Subnet{ID: "10.0.0.0/8", VNet: "nope"}}}, revision.EditOptions{}, as(&problems)},
		"twice":              {[]model.Edit{zone("z2", 0), zone("z2", 1400)}, revision.EditOptions{}, as(&problems)},
		"stale etag":         {[]model.Edit{zone("z1", 1400)}, revision.EditOptions{IfMatch: map[string]string{"zone/z1": `"old"`}}, is(revision.ErrPrecondition)},
		"must be absent":     {[]model.Edit{zone("z1", 1400)}, revision.EditOptions{IfMatch: map[string]string{"zone/z1": revision.Absent}}, is(revision.ErrPrecondition)},
		"must be present":    {[]model.Edit{zone("z2", 0)}, revision.EditOptions{IfMatch: map[string]string{"zone/z2": revision.Present}}, is(revision.ErrPrecondition)},
		"guest without vnet": {[]model.Edit{zone("z3", 0), {Put: &model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "nope"}}}}}, revision.EditOptions{}, as(&problems)},
		"no such guest":      {[]model.Edit{remove(model.KindGuest, "100")}, revision.EditOptions{}, is(revision.ErrNotFound)},
	} {
		if _, err := s.Edit(t.Context(), "tester", append(c.edits, zone("other", 0)), c.opts); !c.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if v := view(t, s); len(v.Pending.Zones) != 1 || v.Pending.Zones["z1"].MTU != 0 {
		t.Errorf("something was stored: %+v", v.Pending)
	}
	ok := revision.EditOptions{IfMatch: map[string]string{"zone/z1": revision.ETag(view(t, s).Pending.Zones["z1"])}}
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{zone("z1", 1400)}, ok); err != nil {
		t.Error(err)
	}
	if _, err := s.Rollback(t.Context(), "tester", "", 1, ""); !errors.Is(err, revision.ErrNotFound) {
		t.Errorf("rollback to what never was: %v", err)
	}
	apply(t, s)
	edit(t, s, zone("z1", 1300))
	if _, err := s.Rollback(t.Context(), "tester", "", 1, ""); !errors.Is(err, revision.ErrPendingEdits) {
		t.Errorf("rollback over pending edits: %v", err)
	}
	if r, err := s.Discard(t.Context(), ""); err != nil || len(r.Changes) != 1 {
		t.Errorf("discard: %+v, %v", r, err)
	}
	if _, err := s.Rollback(t.Context(), "tester", "", 1, ""); err != nil {
		t.Error(err)
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
func as(target *model.Problems) func(error) bool {
	return func(err error) bool { return errors.As(err, target) }
}

func TestPlanHoldsOrIsStale(t *testing.T) {
	st := mem.New()
	a, b := service(t, st), service(t, st)
	edits := []model.Edit{zone("z1", 0)}
	foreseen, err := a.Plan(t.Context(), edits)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, a, edits...)
	plan, err := b.Plan(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if foreseen.Token != plan.Token {
		t.Error("a plan with edits has another token than the plan after them")
	}
	edit(t, a, zone("z2", 0))
	if _, err := b.Apply(t.Context(), "tester", "", plan.Token); !errors.Is(err, revision.ErrStalePlan) {
		t.Errorf("stale plan: %v", err)
	}
	edit(t, a, remove(model.KindZone, "z2"))
	if _, err := b.Apply(t.Context(), "tester", "", plan.Token); err != nil {
		t.Errorf("the same plan again: %v", err)
	}
	back, err := a.PlanRevision(t.Context(), 1)
	if err != nil || len(back.Changes) != 0 {
		t.Errorf("plan to the running revision: %+v, %v", back, err)
	}
}

func TestGuestsAreLive(t *testing.T) {
	st := mem.New()
	a, b := service(t, st), service(t, st)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go b.Run(ctx)
	guest := &model.Guest{ID: "100", Node: "n1", NICs: []model.NIC{{ID: "net0", VNet: "v1"}}}
	r := edit(t, a, model.Edit{Put: guest}, zone("z1", 0), vnet("v1", "z1"))
	same(t, "changes", lines(r.Changes), []string{"+ zone z1: type simple", "+ vnet v1: zone z1", "+ guest 100: node n1, nics id=net0 vnet=v1"})
	for {
		v, newer := b.Latest()
		if v.Live.Guests["100"] != nil && len(v.Records()) == 1 {
			break
		}
		select {
		case <-newer:
		case <-ctx.Done():
			t.Fatal("the other server never saw the guest")
		}
	}
	if r := edit(t, a, remove(model.KindVNet, "v1")); !strings.Contains(r.Warnings.Error(), "guest 100") {
		t.Errorf("deleting a vnet in use: %+v", r)
	}
	if r := edit(t, b, remove(model.KindGuest, "100")); len(r.Changes) != 1 || len(view(t, a).Live.Guests) != 0 {
		t.Errorf("deleting the guest: %+v", r)
	}
}

// TestConcurrentWriters lets two services edit and apply at once: nothing that
// was acknowledged is lost, and the end is what the log of revisions tells.
func TestConcurrentWriters(t *testing.T) {
	const each = 25
	st := mem.New()
	services := []*revision.Service{service(t, st), service(t, st)}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			s := services[w%2]
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				edits := []model.Edit{zone(fmt.Sprintf("w%di%d", w, i), 0), zone("shared", 1300+each*w+i),
					{Put: &model.Guest{ID: fmt.Sprint(1000 + 100*w + i)}}}
				if _, err := s.Edit(t.Context(), fmt.Sprint(w), edits, revision.EditOptions{}); err != nil {
					t.Error(err)
				}
				if random.IntN(4) == 0 {
					if _, err := s.Apply(t.Context(), fmt.Sprint(w), "", ""); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	apply(t, services[0])
	v := view(t, services[1])
	if len(v.Running.Zones) != 4*each+1 || len(v.Live.Guests) != 4*each {
		t.Errorf("%d zones and %d guests, want %d and %d", len(v.Running.Zones), len(v.Live.Guests), 4*each+1, 4*each)
	}
	checkHistory(t, st)
}

// checkHistory demands that revisions are numbered without a gap, that each
// differs from the one before as it says, and that the newest runs.
func checkHistory(t *testing.T, st store.Store) {
	t.Helper()
	s := service(t, st)
	history, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := &model.Config{}
	for n := int64(1); n <= int64(len(history)); n++ {
		r, err := s.Revision(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if info := history[len(history)-int(n)]; info.Info != r.Info || r.Count != len(r.Changes) || r.Number != n {
			t.Errorf("revision %d: %+v and %+v", n, info, r.Info)
		}
		same(t, fmt.Sprintf("changes of revision %d", n), lines(r.Changes), lines(diff.Objects(before, r.Config)))
		if len(r.Changes) == 0 {
			t.Errorf("revision %d changes nothing", n)
		}
		before = r.Config
	}
	v := view(t, s)
	if v.Revision != int64(len(history)) {
		t.Errorf("revision %d runs of %d", v.Revision, len(history))
	}
	same(t, "running", v.Running, before)
}

func TestLargeEditsAreCompressed(t *testing.T) {
	st := mem.New()
	s := service(t, st)
	edits := []model.Edit{zone("z1", 0)}
	for i := range 5000 {
		edits = append(edits, vnet(fmt.Sprintf("v%d", i), "z1"))
	}
	edit(t, s, edits...)
	apply(t, s)
	r, err := st.Get(t.Context(), "revision/0000000000000001")
	if err != nil || len(r.Value) > 100_000 {
		t.Errorf("%d bytes, %v", len(r.Value), err)
	}
	same(t, "read back", view(t, service(t, st)).Running, view(t, s).Running)
}
