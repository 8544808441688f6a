package routing_test

import (
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// twoControllers are an intent with a zone of each of two controllers, and one of both.
func twoControllers(dialect routing.Dialect) *routing.Intent {
	return &routing.Intent{
		Node: "n", Dialect: dialect,
		Controllers: []routing.Controller{
			session(func(e *routing.EVPN) { e.ID = "a" }),
			session(func(e *routing.EVPN) { e.ID, e.Group = "b", "WAN" }),
			session(func(e *routing.EVPN) { e.ID, e.Group = "idle", "IDLE" }),
		},
		Zones: []routing.Zone{
			{ID: "za", Owner: "zone/za", VRF: "vrf_za", Controller: "a", VNI: 1000, VNIs: []uint32{1001}},
			{ID: "zb", Owner: "zone/zb", VRF: "vrf_zb", Controller: "b", VNI: 2000, VNIs: []uint32{2001}, RTImport: []string{"65001:9"}},
			{ID: "zc", Owner: "zone/zc", VRF: "vrf_zc", Controller: "a", Secondary: []string{"b", "elsewhere"}, VNI: 3000, VNIs: []uint32{3001}},
		},
	}
}

// A node with several controllers advertises to the peers of each the routes of its zones
// only, and none to those of a controller without zones.
func TestControllersAreApart(t *testing.T) {
	text := routing.Build(twoControllers(routing.Dialect{})).Body()
	wantLines(t, "lists", lines(text, "bgp extcommunity-list"),
		"bgp extcommunity-list expanded pve_controller_a seq 5 permit _RT:[0-9.]+:1000_",
		"bgp extcommunity-list expanded pve_controller_a seq 10 permit _RT:[0-9.]+:3000_",
		"bgp extcommunity-list expanded pve_controller_a seq 15 permit _RT:[0-9.]+:1001_",
		"bgp extcommunity-list expanded pve_controller_a seq 20 permit _RT:[0-9.]+:3001_",
		"bgp extcommunity-list expanded pve_controller_b seq 5 permit _RT:[0-9.]+:2000_",
		"bgp extcommunity-list expanded pve_controller_b seq 10 permit _RT:65001:9_",
		"bgp extcommunity-list expanded pve_controller_b seq 15 permit _RT:[0-9.]+:3000_",
		"bgp extcommunity-list expanded pve_controller_b seq 20 permit _RT:[0-9.]+:2001_",
		"bgp extcommunity-list expanded pve_controller_b seq 25 permit _RT:[0-9.]+:3001_",
		"bgp extcommunity-list standard pve_controller_idle seq 5 deny rt 0:0",
	)
	wantLines(t, "map of a", context(text, "route-map MAP_VTEP_OUT permit 1"), "match extcommunity pve_controller_a")
	wantLines(t, "map of b", context(text, "route-map MAP_VTEP_OUT_WAN permit 1"), "match extcommunity pve_controller_b")

	// Proxmox matches any community, and of a zone with targets to import those instead.
	text = routing.Build(twoControllers(routing.Proxmox())).Body()
	wantLines(t, "Proxmox's lists", lines(text, "bgp extcommunity-list"),
		"bgp extcommunity-list expanded pve_controller_a permit ^RT:.*:1000$",
		"bgp extcommunity-list expanded pve_controller_a permit ^RT:.*:3000$",
		"bgp extcommunity-list expanded pve_controller_a permit ^RT:.*:1001$",
		"bgp extcommunity-list expanded pve_controller_a permit ^RT:.*:3001$",
		"bgp extcommunity-list standard pve_controller_b permit rt 65001:9",
		"bgp extcommunity-list expanded pve_controller_b permit ^RT:.*:3000$",
		"bgp extcommunity-list expanded pve_controller_b permit ^RT:.*:3001$",
		"bgp extcommunity-list standard pve_controller_idle deny rt 0:0",
	)
	wantLines(t, "Proxmox's map of a", context(text, "route-map MAP_VTEP_OUT permit 1"), "match extcommunity pve_controller_a any")

	two := twoControllers(routing.Dialect{})
	two.Controllers, two.Zones = two.Controllers[:2], two.Zones[:1]
	wantLines(t, "two controllers", lines(routing.Build(two).Body(), "match extcommunity"), "match extcommunity pve_controller_a", "match extcommunity pve_controller_b")

	one := twoControllers(routing.Dialect{})
	one.Controllers = one.Controllers[:1]
	wantLines(t, "one controller", lines(routing.Build(one).Body(), "extcommunity"))
}

// The primary exit node rejects default routes of other exit nodes, also from the peers of
// the zone's further controllers; another makes its own the worse one.
func TestExitNodes(t *testing.T) {
	exit := func(dialect routing.Dialect, e *routing.Exit) string {
		i := twoControllers(dialect)
		i.Controllers, i.Zones = i.Controllers[:2], i.Zones[2:]
		i.Zones[0].Exit = e
		return routing.Build(i).Body()
	}
	match := []string{"match evpn route-type prefix", "match evpn default-route", "match evpn vni 3000"}
	text := exit(routing.Dialect{}, &routing.Exit{NullRoutes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("fd09::/64")}, Not6: true})
	wantLines(t, "in", context(text, "route-map MAP_VTEP_IN deny 1"), match...)
	wantLines(t, "in of the second controller", context(text, "route-map MAP_VTEP_IN_WAN deny 1"), match...)
	wantLines(t, "null routes", context(text, "vrf vrf_zc"), "vni 3000", "ip route 10.9.0.0/16 null0", "ipv6 route fd09::/64 null0")
	wantLines(t, "default routes", lines(text, "default-originate"), "default-originate ipv4")
	wantLines(t, "imports", lines(text, "import vrf"), "import vrf vrf_zc", "import vrf vrf_zc")

	text = exit(routing.Dialect{}, &routing.Exit{Secondary: true, Not4: true})
	wantLines(t, "worse", context(text, "route-map MAP_VTEP_OUT permit 1"), append(match, "set metric 200")...)
	wantLines(t, "default routes", lines(text, "default-originate"), "default-originate ipv6")

	text = exit(routing.Proxmox(), &routing.Exit{})
	wantLines(t, "Proxmox's lists", lines(text, " prefix-list only_default seq", " prefix-list only_default_v6 seq"),
		"ip prefix-list only_default seq 1 permit 0.0.0.0/0", "ipv6 prefix-list only_default_v6 seq 1 permit ::/0")
	wantLines(t, "Proxmox's in", context(text, "route-map MAP_VTEP_IN deny 1"), "match ip address prefix-list only_default")
	wantLines(t, "Proxmox's in", context(text, "route-map MAP_VTEP_IN deny 2"), "match ipv6 address prefix-list only_default_v6")
}

// A node that itself reaches the guests of its zone does so by routes over a pair of
// devices, in the order of the VNets, and imports nothing.
func TestLocalRouting(t *testing.T) {
	i := twoControllers(routing.Dialect{})
	i.Zones = i.Zones[:1]
	i.Zones[0].Exit = &routing.Exit{Local: &routing.LocalRouting{
		Link: "out", Via4: netip.MustParseAddr("10.255.255.2"), Via6: netip.MustParseAddr("fd00::2"), Subnets: []routing.LocalSubnet{
			{VNet: "v2", Prefix: netip.MustParsePrefix("10.2.0.0/24")}, {VNet: "v1", Prefix: netip.MustParsePrefix("fd01::/64")}, {VNet: "v1", Prefix: netip.MustParsePrefix("10.1.0.0/24")},
		},
	}}
	text := routing.Build(i).Body()
	wantLines(t, "routes", lines(text, "ip route ", "ipv6 route "),
		"ipv6 route fd01::/64 fd00::2 out", "ip route 10.1.0.0/24 10.255.255.2 out", "ip route 10.2.0.0/24 10.255.255.2 out")
	wantLines(t, "imports", lines(text, "import vrf"))
}

// A zone advertises its subnets if that is declared, and imports the declared targets.
func TestZoneAdvertises(t *testing.T) {
	i := twoControllers(routing.Dialect{Multipath: true})
	i.Zones = i.Zones[1:2]
	i.Zones[0].AdvertiseSubnets = true
	text := routing.Build(i).Body()
	wantLines(t, "advertised", lines(text, "redistribute", "advertise ipv", "route-target"),
		"redistribute connected", "redistribute connected", "advertise ipv4 unicast", "advertise ipv6 unicast", "route-target import 65001:9")
	i.Zones[0].AdvertiseSubnets = false
	wantLines(t, "not advertised", lines(routing.Build(i).Body(), "redistribute", "advertise ipv"))
}

// A stock FRR uses one of several exit nodes.
func TestOnePath(t *testing.T) {
	i := twoControllers(routing.Dialect{})
	i.Zones = i.Zones[:1]
	wantLines(t, "stock", lines(routing.Build(i).Body(), "maximum-paths"),
		"maximum-paths 1", "maximum-paths ibgp 1", "maximum-paths 1", "maximum-paths ibgp 1")
	i.Dialect.Multipath = true
	wantLines(t, "several", lines(routing.Build(i).Body(), "maximum-paths"))
}
