package pveapi_test

import (
	"encoding/json"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// A node is asked how it stands, and what it answers is shown in Proxmox's words.
func TestNodesAreAsked(t *testing.T) {
	e, root := sdnEnv(t)
	go e.Fleet.Run(t.Context())
	e.join(t, "srv")
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "z1"})
	const node = "/nodes/srv/sdn"
	e.live(t, root, []step{
		{"GET", node + "/zones/z1/bridges", "", "504 the node does not answer: srv did not within 1s; is its agent running?"},
		{"GET", "/nodes/none/sdn/zones/z1/bridges", "", "500 hostname lookup 'none' failed - failed to get address info for: none: Name or service not known"},
	})
	answers := map[livequery.Subject]any{
		livequery.Bridges.Subject: []livequery.Bridge{{Name: "vnet1", VLANFiltering: true, Ports: []livequery.BridgePort{
			{Name: "tap100i1", PVID: 1, VLANs: []string{"1", "10-20"}}, {Name: "vx_vnet1"},
		}}},
		livequery.Routes.Subject:           []livequery.VRFRoute{{Prefix: "10.0.1.0/24", Metric: 20, Protocol: "bgp", NextHops: []string{"192.0.2.1"}}},
		livequery.MACs.Subject:             []livequery.MAC{{IP: "10.0.1.5", MAC: "bc:24:11:00:00:01", NextHop: "192.0.2.1"}},
		livequery.FirewallCounters.Subject: []livequery.FirewallCounter{{Where: livequery.FirewallInside, What: "vnet vnet1 rule 0", Packets: 5, Bytes: 420}},
		livequery.FabricRoutes.Subject:     []livequery.FabricRoute{{Prefix: "10.9.0.2/32", Via: []string{"eth1"}}},
		livequery.FabricNeighbours.Subject: []livequery.FabricNeighbour{{Name: "node2", State: "Up", Uptime: "24s"}},
	}
	go e.answerAs(t, "srv", answers)
	e.live(t, root, []step{
		{"GET", node + "/zones/z1/bridges", "", `[{"name":"vnet1","ports":[{"index":"net1","name":"tap100i1","primary_vlan":1,"vlans":["1","10-20"],"vmid":100},{"name":"vx_vnet1"}],"vlan_filtering":1}]`},
		{"GET", node + "/zones/z1/ip-vrf", "", `[{"ip":"10.0.1.0/24","metric":20,"nexthops":["192.0.2.1"],"protocol":"bgp"}]`},
		{"GET", node + "/vnets/vnet1/mac-vrf", "", `[{"ip":"10.0.1.5","mac":"bc:24:11:00:00:01","nexthop":"192.0.2.1"}]`},
		{"GET", node + "/vnets/vnet1/firewall", "", `[{"bytes":420,"packets":5,"rule":"vnet vnet1 rule 0","where":"inside"}]`},
		{"GET", node + "/fabrics/ring/routes", "", `[{"route":"10.9.0.2/32","via":["eth1"]}]`},
		{"GET", node + "/fabrics/ring/neighbors", "", `[{"neighbor":"node2","status":"Up","uptime":"24s"}]`},
		{"GET", node + "/fabrics/ring/interfaces", "", "400 the node cannot tell: srv: fabric ring is not on this node"},
	})
	// Nothing of all that stays.
	for _, prefix := range []string{"question/", "answer/"} {
		if left, _, err := e.store.List(t.Context(), prefix, ""); err != nil || len(left) > 0 {
			t.Errorf("left in the store: %v %v", left, err)
		}
	}
}

// answerAs answers questions to a node as its agent would.
func (e *env) answerAs(t *testing.T, node string, answers map[livequery.Subject]any) {
	for t.Context().Err() == nil {
		q, ok, err := e.Fleet.AwaitQuery(t.Context(), node, patience, nil)
		if err != nil || !ok {
			continue
		}
		a := &protocol.Answer{}
		if data, known := answers[q.Subject]; known {
			a.Data, _ = json.Marshal(data)
		} else {
			a.Error = "fabric " + q.Of + " is not on this node"
		}
		_ = e.Fleet.Answer(t.Context(), node, q.ID, a)
	}
}
