package routing_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// member is a node's part in a fabric of both families.
func member(p routing.Protocol, change func(*routing.Fabric)) routing.Fabric {
	f := routing.Fabric{
		ID: "f", Owner: "fabric/f", Protocol: p, Area: "0", ASN: 65009,
		IPPrefix: netip.MustParsePrefix("10.0.0.0/24"), IP: own, IP6Prefix: netip.MustParsePrefix("fd00::/64"), IP6: netip.MustParseAddr("fd00::1"),
		Interfaces: []routing.FabricLink{{Name: "eth0"}, {Name: "eth1"}},
	}
	change(&f)
	return f
}

func fabric(dialect routing.Dialect, fabrics ...routing.Fabric) string {
	return routing.Build(&routing.Intent{Node: "n", Dialect: dialect, Fabrics: fabrics}).Body()
}

// OpenFabric joins the families that the node has, and writes only timers that are declared.
func TestOpenFabric(t *testing.T) {
	text := fabric(routing.Dialect{}, member(routing.OpenFabric, func(f *routing.Fabric) {
		f.HelloInterval, f.CSNPInterval, f.Interfaces[1].HelloMultiplier = 2, 5, 9
	}))
	both := []string{"ip router openfabric f", "ipv6 router openfabric f"}
	wantLines(t, "own", context(text, "interface "+naming.Fabric.Of("f")), append(both[:2:2], "openfabric passive")...)
	wantLines(t, "eth0", context(text, "interface eth0"), append(both[:2:2], "openfabric hello-interval 2", "openfabric csnp-interval 5")...)
	wantLines(t, "eth1", context(text, "interface eth1"), append(both[:2:2], "openfabric hello-interval 2", "openfabric hello-multiplier 9", "openfabric csnp-interval 5")...)
	wantLines(t, "source", lines(text, "access-list", "pve_openfabric", "set src"),
		"ipv6 access-list pve_openfabric_f_ip6s permit fd00::/64", "access-list pve_openfabric_f_ips permit 10.0.0.0/24",
		"route-map pve_openfabric permit 100", "match ip address pve_openfabric_f_ips", "set src 10.0.0.1",
		"route-map pve_openfabric6 permit 110", "match ipv6 address pve_openfabric_f_ip6s", "set src fd00::1",
		"ip protocol openfabric route-map pve_openfabric", "ipv6 protocol openfabric route-map pve_openfabric6")
	six := fabric(routing.Dialect{}, member(routing.OpenFabric, func(f *routing.Fabric) { f.IP, f.IPPrefix = netip.Addr{}, netip.Prefix{} }))
	wantLines(t, "IPv6 only", context(six, "interface eth0"), both[1])
	wantLines(t, "IPv6 only", lines(six, "set src", "protocol openfabric"), "set src fd00::1", "ipv6 protocol openfabric route-map pve_openfabric6")
}

// The kernel's routes get one source map for each protocol, with an entry for each fabric.
func TestSeveralFabricsShareTheSourceMap(t *testing.T) {
	second := member(routing.OpenFabric, func(f *routing.Fabric) {
		f.ID, f.Owner, f.IP, f.IPPrefix = "g", "fabric/g", netip.MustParseAddr("10.1.0.1"), netip.MustParsePrefix("10.1.0.0/24")
		f.IP6, f.IP6Prefix = netip.Addr{}, netip.Prefix{}
	})
	c := routing.Build(&routing.Intent{Fabrics: []routing.Fabric{member(routing.OpenFabric, func(*routing.Fabric) {}), second}})
	text := c.Body()
	wantLines(t, "source", lines(text, "route-map pve_openfabric ", "set src 10"),
		"route-map pve_openfabric permit 100", "set src 10.0.0.1", "route-map pve_openfabric permit 120", "set src 10.1.0.1")
	wantLines(t, "protocol", lines(text, "protocol openfabric"),
		"ip protocol openfabric route-map pve_openfabric", "ipv6 protocol openfabric route-map pve_openfabric6")
	for _, p := range []string{c.ProtocolMap("openfabric").IPv4.Owner, c.ProtocolMap("openfabric").IPv6.Owner} {
		if p != "fabric/f" {
			t.Errorf("the map belongs to %s, want the first fabric", p)
		}
	}
}

// A link without an address of its own is point-to-point for OSPF unless declared
// otherwise (FRR: ip ospf network).
func TestOSPFNetworkTypes(t *testing.T) {
	for what, c := range map[string]struct {
		link routing.FabricLink
		want []string
	}{
		"unnumbered":            {routing.FabricLink{Name: "eth0"}, []string{"ip ospf area 0", "ip ospf network point-to-point"}},
		"numbered":              {routing.FabricLink{Name: "eth0", Numbered: true}, []string{"ip ospf area 0"}},
		"declared":              {routing.FabricLink{Name: "eth0", NetworkType: "broadcast"}, []string{"ip ospf area 0", "ip ospf network broadcast"}},
		"declared and numbered": {routing.FabricLink{Name: "eth0", Numbered: true, NetworkType: "broadcast"}, []string{"ip ospf area 0", "ip ospf network broadcast"}},
	} {
		text := fabric(routing.Dialect{}, member(routing.OSPF, func(f *routing.Fabric) { f.Interfaces = []routing.FabricLink{c.link} }))
		wantLines(t, what, context(text, "interface eth0"), c.want...)
	}
}

// A node has one OSPF router, with the address of its first fabric and the redistributions
// of all.
func TestOSPFRouter(t *testing.T) {
	text := fabric(routing.Dialect{},
		member(routing.OSPF, func(f *routing.Fabric) {
			f.Redistribute = []routing.Redistribution{{Source: "connected"}, {Source: "static", Metric: "20", RouteMap: "m"}}
		}),
		member(routing.OSPF, func(f *routing.Fabric) {
			f.ID, f.IP, f.RouteFilter = "g", own.Next(), "mine"
			f.Redistribute = []routing.Redistribution{{Source: "bgp", Metric: "5"}, {Source: "kernel", RouteMap: "n"}}
		}))
	wantLines(t, "router", context(text, "router ospf"), "ospf router-id 10.0.0.1",
		"redistribute connected", "redistribute static metric 20 route-map m", "redistribute bgp metric 5", "redistribute kernel route-map n")
	// The routes of a fabric with a filter are those of the filter, not those of its prefix.
	wantLines(t, "source", lines(text, "access-list", "match ip address"),
		"ipv6 access-list pve_ospf_f_ip6s permit fd00::/64", "access-list pve_ospf_f_ips permit 10.0.0.0/24",
		"match ip address pve_ospf_f_ips", "match ip address prefix-list mine")
}

// The sessions of a BGP fabric are over its links, and need no addresses (RFC 5549).
func TestBGPFabric(t *testing.T) {
	text := fabric(routing.Dialect{}, member(routing.BGPFabric, func(f *routing.Fabric) { f.BFD = true }))
	wantLines(t, "router", lines(text, "router bgp", "bgp router-id", "no bgp default", "peer-group", "remote-as", "bfd", "timers"), "router bgp 65009",
		"bgp router-id 10.0.0.1", "no bgp default ipv4-unicast",
		"neighbor f peer-group", "neighbor f remote-as external", "neighbor f bfd", "neighbor f timers 3 9", "neighbor f timers connect 10",
		"neighbor eth0 interface peer-group f", "neighbor eth1 interface peer-group f")
	wantLines(t, "networks", lines(text, "network "), "network 10.0.0.1/32", "network fd00::1/128")
	// Routes of other BGP neighbours keep the kernel's choice of the source.
	for _, name := range []string{"pve_bgp", "pve_bgp6"} {
		if !strings.Contains(text, "route-map "+name+" permit 65535\nexit\n") {
			t.Errorf("%s has no last entry:\n%s", name, text)
		}
	}
	shared := routing.Build(&routing.Intent{
		Controllers: []routing.Controller{session(func(*routing.EVPN) {})}, Fabrics: []routing.Fabric{member(routing.BGPFabric, func(*routing.Fabric) {})},
	}).Body()
	wantLines(t, "shared router", lines(shared, "router bgp", "local-as"), "router bgp 65000", "neighbor f local-as 65009 no-prepend replace-as")
	if strings.Contains(text, "local-as") {
		t.Errorf("local-as with the router's own number:\n%s", text)
	}
}

// A node advertises into a BGP fabric its own address only, unless declared otherwise.
func TestBGPFabricMaps(t *testing.T) {
	for what, c := range map[string]struct {
		dialect routing.Dialect
		change  func(*routing.Fabric)
		maps    []string // of the IPv4 sessions
		out     []string // the map of the way out, if it is another
	}{
		"plain":         {routing.Dialect{}, func(*routing.Fabric) {}, []string{"pve_bgp_f_in in", "pve_bgp_f_in out"}, nil},
		"declared out":  {routing.Dialect{}, func(f *routing.Fabric) { f.RouteMapOut = "mine" }, []string{"pve_bgp_f_in in", "mine out"}, nil},
		"declared in":   {routing.Dialect{}, func(f *routing.Fabric) { f.RouteMapIn = "mine" }, []string{"pve_bgp_f_in in", "pve_bgp_f_out out"}, []string{"match ip address pve_bgp_f_ips"}},
		"redistributes": {routing.Dialect{}, func(f *routing.Fabric) { f.Redistribute = []routing.Redistribution{{Source: "static"}} }, []string{"pve_bgp_f_in in", "MAP_ALL out"}, nil},
		"Proxmox":       {routing.Proxmox(), func(*routing.Fabric) {}, []string{"pve_bgp_f_in in"}, nil},
	} {
		f := member(routing.BGPFabric, c.change)
		f.IP6, f.IP6Prefix = netip.Addr{}, netip.Prefix{}
		text := fabric(c.dialect, f)
		var got []string
		for _, l := range lines(text, "neighbor f route-map ") {
			got = append(got, strings.TrimPrefix(l, "neighbor f route-map "))
		}
		wantLines(t, what, got, c.maps...)
		wantLines(t, what+", out", context(text, "route-map pve_bgp_f_out permit 10"), c.out...)
		in := []string{"match ip address pve_bgp_f_ips"}
		if f.RouteMapIn != "" {
			in = append(in, "call "+f.RouteMapIn)
		}
		wantLines(t, what+", in", context(text, "route-map pve_bgp_f_in permit 10"), in...)
		if got := strings.Contains(text, "route-map MAP_ALL permit"); got != (what == "redistributes") {
			t.Errorf("%s: map that permits everything: %v", what, got)
		}
	}
}

// OSPF version 2 has routes of IPv4 only, version 3 of IPv6 only.
func TestRedistributionIntoFamilies(t *testing.T) {
	text := fabric(routing.Dialect{}, member(routing.BGPFabric, func(f *routing.Fabric) {
		f.Redistribute = []routing.Redistribution{{Source: "ospf"}, {Source: "ospf6"}, {Source: "static"}}
	}))
	wantLines(t, "redistributed", lines(text, "address-family ", "redistribute"),
		"address-family ipv4 unicast", "redistribute ospf", "redistribute static",
		"address-family ipv6 unicast", "redistribute ospf6", "redistribute static")
}
