package routing_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/routing"
)

var own = netip.MustParseAddr("10.0.0.1")

// evpn is an intent with one zone, whose controller has another AS number than
// the node's router.
func evpn(asn uint32) *routing.Intent {
	return &routing.Intent{
		Node: "n", BGPASN: 65001,
		Controllers: []routing.Controller{routing.EVPN{
			ID: "c", Owner: "controller/c", ASN: asn, RouterID: own, Own: own, Peers: []netip.Addr{own, own.Next()},
		}},
		Zones: []routing.Zone{
			{ID: "z", Owner: "zone/z", VRF: "vrf_z", Controller: "c", VNI: 70000, VNIs: []uint32{70001}},
			{ID: "lost", Owner: "zone/lost", VRF: "vrf_lost", Controller: "gone", VNI: 5},
		},
	}
}

// lines are those of the text that have one of the words.
func lines(text string, words ...string) []string {
	var out []string
	for l := range strings.Lines(text) {
		for _, w := range words {
			if strings.Contains(l, w) {
				out = append(out, strings.TrimSpace(l))
				break
			}
		}
	}
	return out
}

// A stock FRR is told the route targets that Proxmox's derives: of an AS number
// of four bytes the lower two, since a target has no room for more.
func TestRouteTargets(t *testing.T) {
	i := evpn(4200001000) // its low 16 bits are 60904
	got := lines(routing.Build(i).Body(), "autort", "vni", "route-target")
	want := []string{
		"vni 70000", "advertise-all-vni",
		"vni 70001", "route-target import 60904:70001", "route-target export 60904:70001", "exit-vni",
		"route-target import 60904:70000", "route-target export 60904:70000",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("stock (-want +got)\n%s", d)
	}
	i.Dialect = routing.Proxmox()
	got = lines(routing.Build(i).Body(), "autort", "vni", "route-target")
	want = []string{
		"vni 70000", "advertise-all-vni", "autort as 4200001000",
		"route-target import 4200001000:70000", "route-target export 4200001000:70000",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Proxmox (-want +got)\n%s", d)
	}
}

func TestZoneWithoutController(t *testing.T) {
	if text := routing.Build(evpn(65000)).Body(); strings.Contains(text, "vrf_lost") {
		t.Error(text)
	}
}

// The OpenFabric routers of a node are one system: all have the first fabric's
// address.
func TestEntityTitles(t *testing.T) {
	four := routing.Fabric{ID: "a", Protocol: routing.OpenFabric, IP: netip.MustParseAddr("192.0.2.33")}
	six := routing.Fabric{ID: "b", Protocol: routing.OpenFabric, IP6: netip.MustParseAddr("fd00::1234:5:abcd")}
	for want, list := range map[string][]routing.Fabric{
		"net 49.0001.1920.0000.2033.00": {four, six},
		"net 49.0001.1234.0005.abcd.00": {six, four},
	} {
		got := lines(routing.Build(&routing.Intent{Fabrics: list}).Body(), " net ")
		if d := cmp.Diff([]string{want, want}, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
}

func TestFabricRouterID(t *testing.T) {
	if id := routing.FabricRouterID(own, netip.Addr{}); id != own {
		t.Error(id)
	}
	a, b := routing.FabricRouterID(netip.Addr{}, netip.MustParseAddr("fd00::1")), routing.FabricRouterID(netip.Addr{}, netip.MustParseAddr("fd00::2"))
	if !a.Is4() || !b.Is4() || a == b {
		t.Error(a, b)
	}
}

// The same intent makes the same text, whatever it was built before, and every
// line of it belongs to an object.
func TestBuildIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := evpn(rapid.Uint32Min(1).Draw(t, "asn"))
		i.Dialect = routing.Dialect{AutoRT: rapid.Bool().Draw(t, "autort"), PrefixFilters: rapid.Bool().Draw(t, "lists")}
		for n := range i.Zones {
			i.Zones[n].AdvertiseSubnets = rapid.Bool().Draw(t, "advertise")
			if rapid.Bool().Draw(t, "exit") {
				i.Zones[n].Exit = &routing.Exit{Secondary: rapid.Bool().Draw(t, "secondary"), NullRoutes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}
			}
		}
		if rapid.Bool().Draw(t, "fabric") {
			p := rapid.SampledFrom([]routing.Protocol{routing.OpenFabric, routing.OSPF, routing.BGPFabric}).Draw(t, "protocol")
			i.Fabrics = []routing.Fabric{{
				ID: "f", Owner: "fabric/f", Protocol: p, IP: own, IPPrefix: netip.MustParsePrefix("10.0.0.0/24"), Area: "0", ASN: 65009,
				Interfaces: []routing.FabricLink{{Name: "eth0"}, {Name: "eth1", Numbered: true}},
			}}
		}
		c := routing.Build(i)
		if again := routing.Build(i).Body(); again != c.Body() {
			t.Fatalf("built twice:\n%s\n%s", c.Body(), again)
		}
		for _, b := range c.Blocks() {
			if b.Owner == "" {
				t.Fatalf("%s belongs to nothing", b.Head)
			}
		}
	})
}
