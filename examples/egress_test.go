package examples

import (
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// The exit nodes of the egress example lead out by the declared next hop and by nothing
// else: the default route of the zone's VRF is that, above an unreachable one. Other nodes
// have neither.
func TestEgressLeadsOutByTheNextHop(t *testing.T) {
	set, err := manifest.Load([]string{"egress"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, live := &model.Config{}, &model.Config{}
	for _, e := range set.Edits() {
		into := cfg
		if !e.Put.ObjectKind().Revisioned() {
			into = live
		}
		if err := into.Put(e.Put); err != nil {
			t.Fatal(err)
		}
	}
	nextHop, all := netip.MustParseAddr("192.168.0.254"), netip.MustParsePrefix("0.0.0.0/0")
	for name, address := range map[string]string{"node1": "192.168.0.1/24", "node2": "192.168.0.2/24", "node3": "192.168.0.3/24"} {
		facts := &model.Facts{Node: name, FRR: &model.FRRFacts{Version: "10.3"}, Features: map[model.Feature]bool{}, Interfaces: []model.Interface{
			{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix(address)}},
		}}
		for _, f := range []model.Feature{model.FeatureBridge, model.FeatureVXLAN, model.FeatureNFTNAT, model.FeatureVRF, model.FeatureVeth, model.FeatureDummy} {
			facts.Features[f] = true
		}
		node, notes := compile.Node(compile.Project(cfg, live, 1, name), facts)
		for _, n := range notes {
			if n.Level == "error" {
				t.Errorf("%s: %s: %s", name, n.Object, n.Message)
			}
		}
		var via, unreachable *desired.Route
		for i := range node.Routes {
			switch r := &node.Routes[i]; {
			case r.Dst != all || r.Table != int(naming.VRFTable(4000)):
			case r.Type == "unreachable":
				unreachable = r
			case r.Via == nextHop:
				via = r
			default:
				t.Errorf("%s: another default route of the zone: %+v", name, r)
			}
		}
		if exit := name != "node3"; (via != nil) != exit || exit && (unreachable == nil || unreachable.Metric <= via.Metric) {
			t.Errorf("%s: default route %+v, unreachable %+v", name, via, unreachable)
		}
	}
}
