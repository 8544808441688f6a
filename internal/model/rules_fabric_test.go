package model

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fabricNode(id string) func(*Config) *FabricNode {
	return func(c *Config) *FabricNode { return c.FabricNodes[id] }
}

// breakingLink breaks the first interface of a fabric node.
func breakingLink(f func(*FabricInterface), want ...string) breaking[*FabricNode] {
	return breaking[*FabricNode]{func(n *FabricNode) {
		l := n.Interfaces[0]
		f(&l)
		n.Interfaces = []FabricInterface{l}
	}, want}
}

func TestFabricNodeProperties(t *testing.T) {
	addr, pfx := netip.MustParseAddr, netip.MustParsePrefix
	b := func(f func(*FabricNode), want ...string) breaking[*FabricNode] { return breaking[*FabricNode]{f, want} }
	breaks(t, fabricNode("of_n1"), map[string]breaking[*FabricNode]{
		"same":                {func(*FabricNode) {}, nil},
		"address elsewhere":   b(func(n *FabricNode) { n.IP = addr("10.9.0.1") }, "error ip 10.9.0.1"),
		"no address":          b(func(n *FabricNode) { n.IP = netip.Addr{} }, "error ip"),
		"no IPv6 address":     b(func(n *FabricNode) { n.IP6 = netip.Addr{} }, "error ip6"),
		"AS number":           b(func(n *FabricNode) { n.ASN = 65000 }, "error asn 65000"),
		"endpoint":            b(func(n *FabricNode) { n.Endpoint = "x" }, "error endpoint x"),
		"key":                 b(func(n *FabricNode) { n.PublicKey = wgKey }, "error public-key "+wgKey),
		"allowed networks":    b(func(n *FabricNode) { n.AllowedIPs = []string{"10.0.0.0/8"} }, "error allowed-ips 10.0.0.0/8"),
		"role":                b(func(n *FabricNode) { n.Role = RoleInternal }, "error role internal"),
		"peers":               b(func(n *FabricNode) { n.Peers = []FabricPeer{{Node: "n2"}} }, "error peers n2"),
		"link without name":   breakingLink(func(l *FabricInterface) { l.Name = "" }, "error interfaces[0].name"),
		"link, no name":       breakingLink(func(l *FabricInterface) { l.Name = "a b" }, "error interfaces[0].name a b"),
		"other family":        breakingLink(func(l *FabricInterface) { l.IP = pfx("fd00::1/64") }, "error interfaces[0].ip"),
		"other family, 2":     breakingLink(func(l *FabricInterface) { l.IP6 = pfx("10.0.0.1/24") }, "error interfaces[0].ip"),
		"addresses":           breakingLink(func(l *FabricInterface) { l.IP, l.IP6 = pfx("10.9.0.1/31"), pfx("fd09::1/64") }),
		"multiplier":          breakingLink(func(l *FabricInterface) { l.HelloMultiplier = 10 }),
		"multiplier of 1":     breakingLink(func(l *FabricInterface) { l.HelloMultiplier = 1 }, "error interfaces[0].hello-multiplier 1"),
		"network type":        breakingLink(func(l *FabricInterface) { l.NetworkType = "broadcast" }, "error interfaces[0].network-type broadcast"),
		"port of WireGuard":   breakingLink(func(l *FabricInterface) { l.ListenPort = 51820 }, "error interfaces[0].listen-port 51820"),
		"key of WireGuard":    breakingLink(func(l *FabricInterface) { l.PublicKey = wgKey }, "error interfaces[0].public-key "+wgKey),
		"link-local":          breakingLink(func(l *FabricInterface) { l.IP6LL = true }, "error interfaces[0].ip6-ll true"),
		"link of two fabrics": breakingLink(func(l *FabricInterface) { l.Name = "eth0" }),
	})
	breaks(t, fabricNode("os_n1"), map[string]breaking[*FabricNode]{
		"IPv6 on a link":  breakingLink(func(l *FabricInterface) { l.IP6 = pfx("fd09::1/64") }, "error interfaces[0].ip6 fd09::1/64"),
		"multiplier":      breakingLink(func(l *FabricInterface) { l.HelloMultiplier = 10 }, "error interfaces[0].hello-multiplier 10"),
		"network type":    breakingLink(func(l *FabricInterface) { l.NetworkType = "broadcast" }),
		"no network type": breakingLink(func(l *FabricInterface) { l.NetworkType = "ring" }, "error interfaces[0].network-type ring"),
		"IPv6":            b(func(n *FabricNode) { n.IP6 = addr("fd00::1") }, "error ip6 fd00::1"),
		"link taken":      breakingLink(func(l *FabricInterface) { l.Name = "eth3" }, "error interfaces eth3"),
	})
	breaks(t, fabricNode("bg_n1"), map[string]breaking[*FabricNode]{
		"no AS number": b(func(n *FabricNode) { n.ASN = 0 }, "error asn"),
		"role":         b(func(n *FabricNode) { n.Role = RoleInternal }),
		"other role":   b(func(n *FabricNode) { n.Role = "spine" }, "error role spine"),
		"address":      breakingLink(func(l *FabricInterface) { l.IP = pfx("10.9.0.1/31") }, "error interfaces[0].ip"),
		"IPv6 address": breakingLink(func(l *FabricInterface) { l.IP6 = pfx("fd09::1/64") }, "error interfaces[0].ip"),
	})
	for what, c := range map[string]struct {
		put  *FabricNode
		want []string
	}{
		"another node":     {&FabricNode{Fabric: "os", Node: "n2", IP: addr("10.2.0.2")}, nil},
		"same link":        {&FabricNode{Fabric: "os", Node: "n2", IP: addr("10.2.0.2"), Interfaces: []FabricInterface{{Name: "eth2"}}}, nil},
		"same address":     {&FabricNode{Fabric: "os", Node: "n2", IP: addr("10.2.0.1")}, []string{"error ip 10.2.0.1"}},
		"same IPv6":        {&FabricNode{Fabric: "of", Node: "n2", IP: addr("10.1.0.2"), IP6: addr("fd01::1")}, []string{"error ip6 fd01::1"}},
		"not joined":       {&FabricNode{Fabric: "os", Node: "n9", IP: addr("10.2.0.2")}, []string{"warning node n9"}},
		"no name":          {&FabricNode{Fabric: "os", Node: "n_1", IP: addr("10.2.0.2")}, []string{"error node n_1"}},
		"external, joined": {&FabricNode{Fabric: "wg", Node: "far", Role: RoleExternal, PublicKey: wgKey, Endpoint: "192.0.2.1:1"}, nil},
	} {
		if d := cmp.Diff(c.want, problems(t, c.put)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

func TestWireGuardNodes(t *testing.T) {
	b := func(f func(*FabricNode), want ...string) breaking[*FabricNode] { return breaking[*FabricNode]{f, want} }
	peer := func(f func(*FabricPeer), want ...string) breaking[*FabricNode] {
		return b(func(n *FabricNode) {
			p := FabricPeer{Type: RoleExternal, Node: "out", IFace: "wg0"}
			f(&p)
			n.Peers = []FabricPeer{p}
		}, want...)
	}
	breaks(t, fabricNode("wg_n1"), map[string]breaking[*FabricNode]{
		"internal":         b(func(n *FabricNode) { n.Role = RoleInternal }),
		"no role":          b(func(n *FabricNode) { n.Role = "spine" }, "error role spine"),
		"key of the node":  b(func(n *FabricNode) { n.PublicKey = wgKey }, "error public-key "+wgKey),
		"host":             b(func(n *FabricNode) { n.Endpoint = "vpn.example.com" }),
		"host with a port": b(func(n *FabricNode) { n.Endpoint = "vpn.example.com:1" }, "error endpoint vpn.example.com:1"),
		"networks":         b(func(n *FabricNode) { n.AllowedIPs = []string{"10.0.0.0/8", "fd00::/64"} }),
		"no network":       b(func(n *FabricNode) { n.AllowedIPs = []string{"10.0.0.0"} }, "error allowed-ips 10.0.0.0"),
		"two ports": b(func(n *FabricNode) {
			n.Interfaces = append(n.Interfaces, FabricInterface{Name: "wg1", ListenPort: 51821})
		}),
		"one port twice": b(func(n *FabricNode) {
			n.Interfaces = append(n.Interfaces, FabricInterface{Name: "wg1", ListenPort: 51820})
		}, "error interfaces[1].listen-port 51820"),
		"no port":              breakingLink(func(l *FabricInterface) { l.ListenPort = 0 }, "error interfaces[0].listen-port"),
		"highest port":         breakingLink(func(l *FabricInterface) { l.ListenPort = 65535 }),
		"key":                  breakingLink(func(l *FabricInterface) { l.PublicKey = wgKey }),
		"short key":            breakingLink(func(l *FabricInterface) { l.PublicKey = "AAAA" }, "error interfaces[0].public-key AAAA"),
		"no key":               breakingLink(func(l *FabricInterface) { l.PublicKey = "?" }, "error interfaces[0].public-key ?"),
		"peer":                 peer(func(*FabricPeer) {}),
		"peer of no link":      peer(func(p *FabricPeer) { p.IFace = "wg9" }, "error peers[0].iface wg9"),
		"peer's networks":      peer(func(p *FabricPeer) { p.AllowedIPs = "10.0.0.0/8;fd00::/64" }),
		"peer's network":       peer(func(p *FabricPeer) { p.AllowedIPs = "10.0.0.0/8;x" }, "error peers[0].allowed-ips x"),
		"peer of no type":      peer(func(p *FabricPeer) { p.Type = "x" }, "error peers[0].type x"),
		"peer's endpoint":      peer(func(p *FabricPeer) { p.Endpoint = "192.0.2.1:51820" }),
		"peer, no port":        peer(func(p *FabricPeer) { p.Endpoint = "192.0.2.1" }, "error peers[0].endpoint 192.0.2.1"),
		"peer of another type": peer(func(p *FabricPeer) { p.Type, p.NodeIFace = RoleInternal, "wg0" }, "error peers[0].type internal"),
		"peer that is no node": peer(func(p *FabricPeer) { p.Node = "n9" }, "error peers[0].node n9"),
		"internal peer": peer(func(p *FabricPeer) {
			*p = FabricPeer{Type: RoleInternal, Node: "n1", IFace: "wg0", NodeIFace: "wg0", Endpoint: "vpn.example.com"}
		}),
		"internal, no link": peer(func(p *FabricPeer) { *p = FabricPeer{Type: RoleInternal, Node: "n1", IFace: "wg0", NodeIFace: "wg9"} }, "error peers[0].node-iface wg9"),
		"internal, with a port": peer(func(p *FabricPeer) {
			*p = FabricPeer{Type: RoleInternal, Node: "n1", IFace: "wg0", NodeIFace: "wg0", Endpoint: "vpn.example.com:1"}
		}, "error peers[0].endpoint vpn.example.com:1"),
	})
	breaks(t, fabricNode("wg_out"), map[string]breaking[*FabricNode]{
		"no key":      b(func(n *FabricNode) { n.PublicKey = "" }, "error public-key"),
		"no endpoint": b(func(n *FabricNode) { n.Endpoint = "" }, "error endpoint"),
		"a link":      b(func(n *FabricNode) { n.Interfaces = []FabricInterface{{Name: "wg0", ListenPort: 1}} }, "error role external"),
		"a peer":      b(func(n *FabricNode) { n.Peers = []FabricPeer{{Type: RoleExternal, Node: "out", IFace: "wg0"}} }, "error role external"),
	})
}

// A key is 32 bytes in base64 (wg(8)), an endpoint a host and a port, an IPv6 address in
// brackets (RFC 3986).
func TestKeysAndEndpoints(t *testing.T) {
	for text, want := range map[string]bool{
		wgKey: true, "": false, "AAAA": false, strings.Repeat("A", 43): false, strings.Repeat("A", 44): false, strings.Repeat("A", 42) + "F=": false,
	} {
		if got := IsWireGuardKey(text); got != want {
			t.Errorf("key %q: %v", text, got)
		}
	}
	for text, want := range map[string][2]bool{ // is a host, is host and port
		"vpn.example.com": {true, false}, "192.0.2.1": {true, false}, "fd00::1": {true, false}, "vpn": {true, false},
		"fe80::1%eth0": {false, false}, "-x.example": {false, false}, "": {false, false}, "a..b": {false, false},
		"vpn.example.com:1": {false, true}, "192.0.2.1:65535": {false, true}, "[fd00::1]:51820": {false, true},
		"vpn:0": {false, false}, "vpn:65536": {false, false}, "vpn:x": {false, false}, ":1": {false, false}, "[vpn]:1": {false, false}, "[fd00::1:1": {false, false},
	} {
		if got := [2]bool{isHost(text), isHostPort(text)}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if isHostPort("fd00::1:51820") {
		t.Error("an IPv6 address without brackets has no port")
	}
}

func TestFabricProperties(t *testing.T) {
	pfx := netip.MustParsePrefix
	fabric := func(id string) func(*Config) *Fabric { return func(c *Config) *Fabric { return c.Fabrics[id] } }
	b := func(f func(*Fabric), want ...string) breaking[*Fabric] { return breaking[*Fabric]{f, want} }
	redistribute := func(source, metric string, want ...string) breaking[*Fabric] {
		return b(func(f *Fabric) { f.Redistribute = []Redistribution{{Source: source, Metric: metric}} }, want...)
	}
	breaks(t, fabric("os"), map[string]breaking[*Fabric]{
		"no area":         b(func(f *Fabric) { f.Area = "" }, "error area"),
		"dotted area":     b(func(f *Fabric) { f.Area = "0.0.0.1" }),
		"largest area":    b(func(f *Fabric) { f.Area = "4294967295" }),
		"too large":       b(func(f *Fabric) { f.Area = "4294967296" }, "error area 4294967296"),
		"IPv6 as area":    b(func(f *Fabric) { f.Area = "::1" }, "error area ::1"),
		"IPv6":            b(func(f *Fabric) { f.IP6Prefix = pfx("fd02::/64") }, "error ip6", "error ip6-prefix fd02::/64"),
		"source":          redistribute("connected", ""),
		"no source":       redistribute("", "", "error redistribute[0].source"),
		"not a source":    redistribute("ospf", "", "error redistribute[0].source ospf"),
		"largest metric":  redistribute("connected", "16777214"), // below LSInfinity (RFC 2328)
		"infinite metric": redistribute("connected", "16777215", "error redistribute[0].metric 16777215"),
		"no metric":       redistribute("connected", "x", "error redistribute[0].metric x"),
		"twice":           b(func(f *Fabric) { f.Redistribute = []Redistribution{{Source: "connected"}, {Source: "connected"}} }, "error redistribute[1].source connected"),
	})
	breaks(t, fabric("bg"), map[string]breaking[*Fabric]{
		"largest metric": redistribute("connected", "4294967295"),
		"too large":      redistribute("connected", "4294967296", "error redistribute[0].metric 4294967296"),
	})
	for what, c := range map[string]struct {
		put  *Fabric
		want []string
	}{
		"same area":        {&Fabric{ID: "os2", Protocol: FabricOSPF, IPPrefix: pfx("10.9.0.0/24"), Area: "0.0.0.0"}, []string{"error area 0.0.0.0"}},
		"another area":     {&Fabric{ID: "os2", Protocol: FabricOSPF, IPPrefix: pfx("10.9.0.0/24"), Area: "1"}, nil},
		"no network":       {&Fabric{ID: "xx", Protocol: FabricOSPF, Area: "1"}, []string{"error ip-prefix"}},
		"no network, 2":    {&Fabric{ID: "xx", Protocol: FabricOpenFabric}, []string{"error ip-prefix"}},
		"IPv6 alone":       {&Fabric{ID: "xx", Protocol: FabricOpenFabric, IP6Prefix: pfx("fd09::/64")}, nil},
		"other family":     {&Fabric{ID: "xx", Protocol: FabricOpenFabric, IPPrefix: pfx("fd09::/64")}, []string{"error ip-prefix fd09::/64"}},
		"overlapping":      {&Fabric{ID: "xx", Protocol: FabricOpenFabric, IPPrefix: pfx("10.1.0.0/25")}, []string{"error ip-prefix 10.1.0.0/25"}},
		"overlapping IPv6": {&Fabric{ID: "xx", Protocol: FabricOpenFabric, IP6Prefix: pfx("fd01::/48")}, []string{"error ip6-prefix fd01::/48"}},
	} {
		if d := cmp.Diff(c.want, problems(t, c.put)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}
