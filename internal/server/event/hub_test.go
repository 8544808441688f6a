package event

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func open(t *testing.T) *revision.Service {
	t.Helper()
	s, err := revision.Open(t.Context(), mem.New(), revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func numbered(from, to int) []Entry {
	var out []Entry
	for i := from; i < to; i++ {
		out = append(out, Entry{Event: api.Event{Type: api.EventApplied, Revision: int64(i)}})
	}
	return out
}

// However much happens between two looks: a reader gets every event in order, or is
// told that some are missing.
func TestNothingIsMissedUnnoticed(t *testing.T) {
	config := open(t)
	rapid.Check(t, func(t *rapid.T) {
		h := New(Options{Config: config, Keep: rapid.IntRange(1, 20).Draw(t, "keep")})
		at, told, published := h.Position(), 0, 0
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			n := rapid.IntRange(0, 30).Draw(t, "events")
			h.publish(numbered(published, published+n))
			published += n
			if rapid.Bool().Draw(t, "look") {
				events, _, ok := h.After(at)
				if !ok {
					if published-told <= h.o.Keep {
						t.Fatal("events are missing that should have been kept")
					}
					at, told = h.Position(), published
					continue
				}
				for _, e := range events {
					if e.Revision != int64(told) {
						t.Fatalf("event %d after %d", e.Revision, told-1)
					}
					at, told = e.ID, told+1
				}
				if told != published {
					t.Fatalf("%d of %d events were told", told, published)
				}
			}
		}
		if len(h.entries) > h.o.Keep {
			t.Fatalf("%d events are kept", len(h.entries))
		}
	})
}

func TestIDs(t *testing.T) {
	h := New(Options{Config: open(t)})
	other := New(Options{Config: open(t)})
	h.publish(numbered(0, 3))
	for _, id := range []string{"", "x", "-1", other.Position(), h.life, h.life + "-", h.life + "-4", h.life + "--1", h.life + "-99999999999999999999"} {
		if _, _, ok := h.After(id); ok {
			t.Errorf("%q is taken", id)
		}
	}
	if events, _, ok := h.After(h.life + "-0"); !ok || len(events) != 3 {
		t.Errorf("%v, %v", events, ok)
	}
	events, more, ok := h.After(h.Position())
	if !ok || len(events) != 0 {
		t.Errorf("%v, %v", events, ok)
	}
	select {
	case <-more:
		t.Error("there is more")
	default:
	}
	h.publish(numbered(3, 4))
	<-more
	h.publish(numbered(4, 2*most))
	if events, _, _ := h.After(h.life + "-0"); len(events) != most {
		t.Errorf("%d at once", len(events))
	}
}

func TestWhatHappensIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := open(t)
		ctx, cancel := context.WithCancel(context.Background())
		h := New(Options{Config: config})
		start := h.Position()
		edit := func(author string, edits ...model.Edit) {
			if _, err := config.Edit(ctx, author, edits, revision.EditOptions{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		edit("ann", model.Edit{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}) // before it runs
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx)
		}()
		synctest.Wait()
		edit("ann", model.Edit{Put: &model.VNet{ID: "v1", Zone: "z1"}}, model.Edit{Put: &model.Subnet{ID: "10.0.0.0/24", VNet: "v1"}})
		if _, err := config.Apply(ctx, "bob", "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		edit("bob", model.Edit{Put: &model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "v1"}}}}, model.Edit{Put: &model.Guest{ID: "101"}})
		edit("bob", model.Edit{Put: &model.Guest{ID: "100"}}, model.Edit{Kind: model.KindGuest, ID: "101"})
		edit("ann", model.Edit{Kind: model.KindSubnet, ID: "z1-10.0.0.0-24"})
		if _, err := config.Discard(ctx, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		<-done
		events, _, _ := h.After(start)
		var got []string
		for _, e := range events {
			line := string(e.Type)
			if e.Change != nil {
				line += " " + e.Change.String()
			}
			got = append(got, fmt.Sprintf("%s|%s|%s>%s|%d", line, e.Author, e.OldZone, e.NewZone, e.Revision))
		}
		want := []string{
			"pending + zone z1: type simple|ann|>|0",
			"pending + vnet v1: zone z1|ann|>|0",
			"pending + subnet z1-10.0.0.0-24: cidr 10.0.0.0/24, vnet v1|ann|>z1|0",
			"applied||>|1",
			"guest + guest 100: nics id=net0 vnet=v1||>|0",
			"guest + guest 101||>|0",
			"guest ~ guest 100: nics id=net0 vnet=v1 removed||>|0",
			"guest - guest 101||>|0",
			"pending - subnet z1-10.0.0.0-24|ann|z1>|0",
			"pending + subnet z1-10.0.0.0-24: cidr 10.0.0.0/24, vnet v1||>z1|0",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestNodes(t *testing.T) {
	node := func(name string, state protocol.State, failed ...string) api.NodeStatus {
		n := api.NodeStatus{Name: name, State: state, Report: &api.NodeReport{Revision: 1}}
		for _, f := range failed {
			n.Report.Objects = append(n.Report.Objects, protocol.ObjectStatus{Object: f, State: protocol.Degraded})
		}
		return n
	}
	states := func(nodes ...api.NodeStatus) map[string]api.NodeEvent { return nodeEvents(&api.Status{Nodes: nodes}) }
	old := states(node("a", protocol.Converged), node("b", protocol.Converged), node("gone", protocol.Converged))
	new := states(node("b", protocol.Degraded, "vnet/v1", "vnet/v1"), node("a", protocol.Converged), node("new", protocol.Applying), api.NodeStatus{Name: "silent", State: protocol.Unreachable})
	var got []api.NodeEvent
	for _, e := range compareNodes(old, new) {
		got = append(got, *e.Node)
	}
	want := []api.NodeEvent{
		{Name: "b", State: protocol.Degraded, Revision: 1, Failed: []string{"vnet/v1"}}, {Name: "gone"},
		{Name: "new", State: protocol.Applying, Revision: 1},
		{Name: "silent", State: protocol.Unreachable, Message: "its agent is not connected; the node keeps what it has: check that the host runs, its network, and its agent (systemctl status viaduct-agent)",
			Details: message.Details{Code: "agent-disconnected", Remedy: "the node keeps what it has: check that the host runs, its network, and its agent (systemctl status viaduct-agent)"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(compareNodes(new, new)) != 0 {
		t.Error("nothing happened")
	}
}
