package compile_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// policies draws route maps that call each other, and prefix lists that they
// refer to.
func policies(t *rapid.T) (objs []model.Object) {
	for i := range 3 {
		l := &model.PrefixList{ID: fmt.Sprintf("list%d", i), Entries: []model.PrefixEntry{{Action: model.ActionPermit, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Le: 24}}}
		m := &model.RouteMap{ID: fmt.Sprintf("map%d", i), Entries: []model.RouteMapEntry{{Order: 10, Action: model.ActionPermit}}}
		e := &m.Entries[0]
		if rapid.Bool().Draw(t, "matches") {
			e.Match = []string{"ip-address-prefix-list=" + l.ID}
		}
		if rapid.Bool().Draw(t, "calls") {
			e.Call = fmt.Sprintf("map%d", (i+1)%3) // no server would let a circle pass
		}
		objs = append(objs, l, m)
	}
	return objs
}

func someMap(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", "map0", "map1", "map2"}).Draw(t, "map "+label)
}

// A node is told of no list and map but those that something on it leads to, and
// of all of those.
func TestOnlyNeededPolicies(t *testing.T) {
	list := func(id string) *model.PrefixList { return &model.PrefixList{ID: id} }
	routeMap := func(id, match, call string) *model.RouteMap {
		e := model.RouteMapEntry{Order: 1, Action: model.ActionPermit, Call: call}
		if match != "" {
			e.Match = []string{"ip-next-hop-prefix-list=" + match}
		}
		return &model.RouteMap{ID: id, Entries: []model.RouteMapEntry{e}}
	}
	cfg := &model.Config{}
	for _, o := range []model.Object{
		list("direct"), list("called"), list("filter"), list("other"),
		routeMap("in", "direct", "next"), routeMap("next", "called", "in"), routeMap("MAP_VTEP_OUT_G", "", ""), routeMap("other", "other", ""), routeMap("source", "", ""),
		&model.Controller{ID: "c", Type: model.ControllerEVPN, ASN: 1, Peers: nodePeers, Nodes: []string{"node1"}, PeerGroupName: "G", RouteMapIn: "in"},
		&model.Controller{ID: "d", Type: model.ControllerEVPN, ASN: 1, Peers: nodePeers, Nodes: []string{"node2"}, RouteMapIn: "other"},
		&model.Zone{ID: "z", Type: model.ZoneEVPN, Controller: "c", SecondaryControllers: []string{"d"}, VRFVXLAN: 9},
		&model.VNet{ID: "v", Zone: "z", Tag: 8},
		&model.Fabric{ID: "f", Protocol: model.FabricOSPF, RouteFilter: "filter", Redistribute: []model.Redistribution{{Source: "static", RouteMap: "source"}}},
		&model.FabricNode{Fabric: "f", Node: "node3"},
	} {
		if err := cfg.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	for node, want := range map[string][]string{
		"node1": {"prefix-list/called", "prefix-list/direct", "route-map/MAP_VTEP_OUT_G", "route-map/in", "route-map/next"},
		"node2": {"prefix-list/other", "route-map/other"},
		"node3": {"prefix-list/filter", "route-map/source"},
		"node4": nil,
	} {
		doc := compile.Project(cfg, nil, 1, node)
		var got []string
		for _, kind := range []model.Kind{model.KindPrefixList, model.KindRouteMap} {
			for _, o := range doc.Config.List(kind) {
				got = append(got, model.Ref(kind, o.ObjectID()))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", node, d)
		}
	}
}

// Whatever FRR is told of a list or map is told by a node that has it.
func TestReferencesAreThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configured(t, slices.Concat(underlays(t), zonesOfEveryKind(t)))
		for _, node := range nodeNames {
			n, _ := compile.Node(compile.Project(cfg, nil, 1, node), factsOfAnyNode(t, node))
			if n.FRR == nil {
				continue
			}
			there := map[string]bool{}
			for _, b := range n.FRR.Blocks {
				for _, kind := range []string{"route-map ", "ip prefix-list ", "bgp extcommunity-list expanded ", "bgp extcommunity-list standard "} {
					if rest, ok := strings.CutPrefix(b.Head, kind); ok {
						there[kind[:3]+strings.Fields(rest)[0]] = true
					}
				}
			}
			for _, b := range n.FRR.Blocks {
				for _, l := range b.Lines {
					w := strings.Fields(l)
					last := w[len(w)-1]
					switch {
					case w[0] == "call" && !there["rou"+last],
						strings.HasPrefix(l, " match ip address prefix-list ") && !there["ip "+last],
						strings.HasPrefix(l, " match extcommunity ") && !there["bgp"+last],
						len(w) == 5 && w[2] == "route-map" && !there["rou"+w[3]]:
						t.Fatalf("%s: %s: %q leads nowhere", node, b.Head, l)
					}
				}
			}
		}
	})
}
