package agent

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// bgpLines are the parts of a router that two EVPN peers, an outside one and the link of
// a fabric make, as the compiler writes them.
var bgpLines = []desired.FRRBlock{
	{Head: "router bgp 65000", Owner: "controller/evpn", Lines: []string{" neighbor VTEP peer-group", " neighbor 192.0.2.2 peer-group VTEP", " neighbor 192.0.2.3 peer-group VTEP"}},
	{Head: "router bgp 65000", Owner: "controller/out", Lines: []string{" neighbor BGP peer-group", " neighbor 192.0.2.9 peer-group BGP"}},
	{Head: "router bgp 65000", Owner: "fabric/clos", Lines: []string{" neighbor eth3 interface peer-group clos"}},
	{Head: "router bgp 65000", Owner: "local", Lines: []string{" neighbor 192.0.2.77 peer-group mine"}},
	{Head: "router bgp 65000 vrf vrf_z", Owner: "controller/evpn", Lines: []string{" neighbor 192.0.2.78 peer-group X"}},
}

func TestNeighboursWithoutASessionAreTold(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := newSessions(func() time.Time { return now })
	prints := map[string]string{
		"show bgp summary json": `{"ipv4Unicast":{"peers":{"eth3":{"state":"Established"},"192.0.2.9":{"state":"Idle"}}},
			"l2VpnEvpn":{"peers":{"192.0.2.2":{"state":"Established"},"192.0.2.3":{"state":"Active"}}}}`,
		"show bgp neighbors 192.0.2.3 json":    `{"192.0.2.3":{"bgpState":"Active","lastResetDueTo":"BFD down received","lastResetCode":27}}`,
		"show bgp neighbors 192.0.2.9 json":    `{"192.0.2.9":{"lastResetDueTo":"No AFI/SAFI activated for peer","lastResetCode":30}}`,
		"show openfabric neighbor detail json": `{"areas":[{"area":"ring","circuits":[{"adj":"node2","interface":{"name":"eth1","state":"Up"}},{"adj":"node3","interface":{"name":"eth2","state":"Initializing"}}]}]}`,
		"show ip ospf neighbor json":           `{"neighbors":{"10.9.0.2":[{"nbrState":"Init","ifaceName":"eth4:10.9.0.1"}]}}`,
		"show isis neighbor detail json":       `{"areas":[{"area":"dom","circuits":[{"circuit":0}]}]}`,
	}
	member := func(fabric, node string, links ...string) *model.FabricNode {
		m := &model.FabricNode{ID: model.FabricNodeID(fabric, node), Fabric: fabric, Node: node, IP: netip.MustParseAddr("10.0.0.1")}
		for _, l := range links {
			m.Interfaces = append(m.Interfaces, model.FabricInterface{Name: l})
		}
		return m
	}
	doc := &document.Document{Node: "n1", Config: model.Config{
		Fabrics: map[string]*model.Fabric{
			"ring": {ID: "ring", Protocol: model.FabricOpenFabric}, "spine": {ID: "spine", Protocol: model.FabricOSPF},
			"alone": {ID: "alone", Protocol: model.FabricOSPF}, "clos": {ID: "clos", Protocol: model.FabricBGP},
		},
		FabricNodes: map[string]*model.FabricNode{},
		Controllers: map[string]*model.Controller{"isis": {ID: "isis", Type: model.ControllerISIS, Node: "n1", ISISDomain: "dom", ISISIfaces: []string{"eth5"}}},
	}}
	for _, m := range []*model.FabricNode{
		member("ring", "n1", "eth1", "eth2"), member("ring", "n2"), member("spine", "n1", "eth4"), member("spine", "n2"), member("alone", "n1", "eth6"),
	} {
		doc.Config.FabricNodes[m.ID] = m
	}
	want := &desired.Node{Space: desired.Space{FRR: &desired.FRR{Blocks: bgpLines}}}
	v := &viewedNode{newFakeNode(), prints}
	look := func() string {
		var out []string
		for _, o := range s.check(t.Context(), v, doc, want) {
			text, _, _ := strings.Cut(o.Message, ";")
			out = append(out, string(o.State)+" "+o.Object+" "+text+" "+strings.Join(o.Peers, ","))
			if o.Class != fault.Peer {
				t.Errorf("%s is of class %q", o.Object, o.Class)
			}
		}
		return strings.Join(out, "\n")
	}
	if got := look(); got != "" {
		t.Errorf("at once:\n%s", got)
	}
	now = now.Add(sessionGrace)
	expect := strings.Join([]string{
		"converged controller/evpn has no BGP session with neighbour 192.0.2.3 (FRR: BFD down received) 192.0.2.3",
		"degraded controller/isis has no IS-IS neighbour on interface eth5: no router at the other end answers ",
		"degraded controller/out has no BGP session with neighbour 192.0.2.9 (never established) 192.0.2.9",
		"converged fabric/ring has no OpenFabric neighbour on interface eth2: no router at the other end answers ",
		"degraded fabric/spine has no OSPF neighbour on interface eth4: no router at the other end answers ",
	}, "\n")
	if got := look(); got != expect {
		t.Errorf("later:\n%s\nwant:\n%s", got, expect)
	}
	// A session that came back has its time again.
	prints["show bgp summary json"] = strings.ReplaceAll(strings.ReplaceAll(prints["show bgp summary json"], "Active", "Established"), "Idle", "Established")
	if got := look(); strings.Contains(got, "BGP") {
		t.Errorf("when they are back:\n%s", got)
	}
	prints["show bgp summary json"] = `{"l2VpnEvpn":{"peers":{"192.0.2.2":{"state":"Idle"}}}}`
	if got := look(); strings.Contains(got, "BGP") {
		t.Errorf("right after they went again:\n%s", got)
	}
	delete(prints, "show bgp summary json")
	now = now.Add(time.Hour)
	if got := look(); strings.Contains(got, "BGP") {
		t.Errorf("of a bgpd that does not run:\n%s", got)
	}
}
