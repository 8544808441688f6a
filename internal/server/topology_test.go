package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// refs are the objects that a picture shows.
func refs(t *testing.T, c *client.Client, q client.TopologyQuery) []string {
	t.Helper()
	p, err := c.Topology(t.Context(), q, "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range p.Elements {
		if e.Ref != "" {
			out = append(out, e.Ref)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestTopologyShowsWhatTheReaderMaySee(t *testing.T) {
	c := newCluster(t)
	whole := []string{
		"controller/ctl", "fabric/f1", "fabric-node/f1_node1", "node/node1", "subnet/z1-10.1.0.0-16", "subnet/z2-10.2.0.0-16", "vnet/v1", "vnet/v2", "zone/z1", "zone/z2",
	}
	slices.Sort(whole)
	if d := cmp.Diff(whole, refs(t, c.local, client.TopologyQuery{})); d != "" {
		t.Errorf("an administrator: %s", d)
	}
	own := []string{"subnet/z1-10.1.0.0-16", "vnet/v1", "zone/z1"}
	if d := cmp.Diff(own, refs(t, c.as(t, auditor), client.TopologyQuery{Detail: "zone"})); d != "" {
		t.Errorf("an auditor of one zone: %s", d)
	}
	// Nor does anything else in the picture tell of the others.
	_, err := c.local.Put(t.Context(), &model.VNet{ID: "secret", Zone: "z2"}, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.as(t, auditor).Topology(t.Context(), client.TopologyQuery{}, "")
	if err != nil || p.Pending != 0 || strings.Contains(p.Summary, "2 zones") {
		t.Errorf("%v: %+v", err, p)
	}
	if got := refs(t, c.as(t, nobody), client.TopologyQuery{}); len(got) != 0 {
		t.Errorf("somebody without permissions sees %v", got)
	}
	there := second(c.as(t, auditor).Topology(t.Context(), client.TopologyQuery{Focus: "vnet/v2"}, ""))
	absent := second(c.as(t, auditor).Topology(t.Context(), client.TopologyQuery{Focus: "vnet/v9"}, ""))
	if !api.IsType(there, api.TypeNotFound) || strings.ReplaceAll(there.Error(), "v2", "v9") != absent.Error() {
		t.Errorf("whether there is another's VNet is told:\n%v\n%v", there, absent)
	}
}

func TestTopologyShowsWhatIsPending(t *testing.T) {
	c := newCluster(t)
	c.edit(t, c.local, &model.VNet{ID: "fresh", Zone: "z1"})
	if _, err := c.local.Delete(t.Context(), model.KindSubnet, "z2-10.2.0.0-16", ""); err != nil {
		t.Fatal(err)
	}
	p, err := c.local.Topology(t.Context(), client.TopologyQuery{}, "")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]api.PendingChange)
	for _, e := range p.Elements {
		if e.Change != "" {
			got[e.Ref] = e.Change
		}
	}
	want := map[string]api.PendingChange{"vnet/fresh": api.ChangeAdded, "subnet/z2-10.2.0.0-16": api.ChangeRemoved}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	same, err := c.local.Topology(t.Context(), client.TopologyQuery{}, p.Version)
	if err != nil || same != nil {
		t.Errorf("the same picture again: %v, %v", same, err)
	}
}

func TestMovingElements(t *testing.T) {
	c := newCluster(t)
	begin := c.until(t, "", api.EventReady)
	rank := -1.0
	moved := api.Positions{Positions: map[string]*float64{"zone/z2": &rank}}
	for who, cl := range map[string]*client.Client{"an auditor": c.as(t, auditor), "the owner of one zone": c.as(t, owner)} {
		if err := cl.MoveElements(t.Context(), moved); !api.IsType(err, api.TypeForbidden) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if err := c.local.MoveElements(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	c.until(t, begin, api.EventTopology)
	zones := func() []string {
		p, err := c.local.Topology(t.Context(), client.TopologyQuery{}, "")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range p.Elements {
			if e.Kind == api.ElementZone {
				out = append(out, e.Label)
			}
		}
		return out
	}
	if d := cmp.Diff([]string{"z2", "z1"}, zones()); d != "" {
		t.Error(d)
	}
	for body, says := range map[string]string{
		`{"positions": {"subnet/x": 1}}`:    "cannot be moved",
		`{"positions": {"node": 1}}`:        "cannot be moved",
		`{"positions": {"node/": 1}}`:       "cannot be moved",
		`{"positions": {"node/a": 1e7}}`:    "between -1000000 and 1000000",
		`{"positions": {"node/a": "left"}}`: "positions",
		`{"places": {}}`:                    "places",
	} {
		if status, e := send(t, raw(c.data), http.MethodPatch, "/api/v1/topology/positions", body); status != http.StatusBadRequest || !strings.Contains(e.Detail, says) {
			t.Errorf("%s: %d %v, want %q", body, status, e, says)
		}
	}
	for query, says := range map[string]string{"detail=all": "detail", "expand=vnet/v1": "expand", "depth=9": "depth", "depth=x": "depth", "expand=" + strings.Repeat("zone/z,", 16) + "zone/z": "at most 16"} {
		if status, e := send(t, raw(c.data), http.MethodGet, "/api/v1/topology?"+query, ""); status != http.StatusBadRequest || !strings.Contains(e.Detail, says) {
			t.Errorf("%s: %d %v", query, status, e)
		}
	}
	if err := c.local.ResetPositions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"z1", "z2"}, zones()); d != "" {
		t.Error(d)
	}
}
