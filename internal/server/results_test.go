package server_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// What nodes report of themselves is in the status: the software always, interfaces
// and routes, of which there may be many, when they are asked for.
func TestStatusHasFacts(t *testing.T) {
	s := start(t, mem.New(), t.TempDir())
	n := s.join(t, "node1")
	facts := &model.Facts{
		Version: "1.2.3", Kernel: "6.12.0", FRR: &model.FRRFacts{Version: "10.3"}, OVS: true, Features: map[model.Feature]bool{model.FeatureVRF: false},
		Interfaces: []model.Interface{{Name: "eth0", MTU: 1500}}, Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0"}},
	}
	if code := n.report(t, protocol.Status{State: protocol.Converged, Time: time.Now(), Facts: facts}); code != 204 {
		t.Fatalf("report: %d", code)
	}
	brief, err := s.local.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got := brief.Nodes[0].Report.Facts
	if got == nil || got.Version != "1.2.3" || got.Kernel != "6.12.0" || got.FRR == nil || got.FRR.Version != "10.3" || !got.OVS || got.Features == nil {
		t.Fatalf("facts in the status: %+v", got)
	}
	if got.Interfaces != nil || got.Routes != nil {
		t.Errorf("the status of all nodes has interfaces and routes without being asked for: %+v", got)
	}
	whole, err := s.local.WholeStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := whole.Nodes[0].Report.Facts; len(got.Interfaces) != 1 || len(got.Routes) != 1 {
		t.Errorf("all facts: %+v", got)
	}
}

// A revision tells how each node came to an end with it, also when it runs no more;
// a later report of the same revision replaces an earlier one.
func TestRevisionHasNodeResults(t *testing.T) {
	s := start(t, mem.New(), t.TempDir())
	n := s.join(t, "node1")
	apply := func(id string) {
		t.Helper()
		if _, err := s.local.Edit(t.Context(), []api.Edit{{Put: &model.Zone{ID: id, Type: model.ZoneSimple}}}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.local.Apply(t.Context(), api.ApplyRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now()
	report := func(revision int64, state protocol.State, objects ...protocol.ObjectStatus) {
		t.Helper()
		at = at.Add(time.Millisecond)
		if code := n.report(t, protocol.Status{Revision: revision, State: state, Time: at, Objects: objects}); code != 204 {
			t.Fatalf("report: %d", code)
		}
	}
	failing := protocol.ObjectStatus{Object: "zone/za", State: protocol.Degraded, Message: "no room"}
	apply("za")
	report(1, protocol.Applying)
	report(1, protocol.Degraded, failing, protocol.ObjectStatus{Object: "zone/x", State: protocol.Converged})
	apply("zb")
	report(2, protocol.Degraded, failing)
	report(2, protocol.Converged)
	// What a neighbour does later is no result of the revision.
	report(2, protocol.Degraded, protocol.ObjectStatus{Object: "controller/c", State: protocol.Degraded, Message: "no session", Class: fault.Peer})
	first, err := s.local.Revision(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Nodes) != 1 || first.Nodes[0].State != protocol.Degraded || len(first.Nodes[0].Objects) != 1 || !reflect.DeepEqual(first.Nodes[0].Objects[0], failing) {
		t.Errorf("revision 1: %+v", first.Nodes)
	}
	second, err := s.local.Revision(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(second.Nodes) != 1 || second.Nodes[0].Node != "node1" || second.Nodes[0].State != protocol.Converged || second.Nodes[0].Objects != nil {
		t.Errorf("revision 2: %+v", second.Nodes)
	}
}

// What a node says of revisions that there are not is not kept, and removes no results of
// those that there are.
func TestResultsOfInventedRevisions(t *testing.T) {
	st := mem.New()
	s := start(t, st, t.TempDir())
	n := s.join(t, "node1")
	if _, err := s.local.Edit(t.Context(), []api.Edit{{Put: &model.Zone{ID: "za", Type: model.ZoneSimple}}}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.local.Apply(t.Context(), api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	results := func() int {
		t.Helper()
		all, _, err := st.List(t.Context(), "result/", "")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for _, revision := range []int64{1, 101, 2, 1 << 62, -1, 1<<63 - 1} {
		at = at.Add(time.Millisecond)
		if code := n.report(t, protocol.Status{Revision: revision, State: protocol.Converged, Time: at}); code != 204 {
			t.Errorf("a report of revision %d: %d", revision, code)
		}
		if got := results(); got != 1 {
			t.Fatalf("with a report of revision %d there are %d results", revision, got)
		}
	}
	first, err := s.local.Revision(t.Context(), 1)
	if err != nil || len(first.Nodes) != 1 {
		t.Errorf("%+v, %v", first, err)
	}
}
