package desired

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown is an entry on one line: its key, its name if that is another, its owner, and the
// properties that a plan tells of a new thing; fixed ones have an exclamation mark.
func shown(e Entry) string {
	var b strings.Builder
	b.WriteString(e.Key)
	if e.Name != e.Key {
		b.WriteString(" = " + e.Name)
	}
	if e.Owner != "" {
		b.WriteString(" (" + e.Owner + ")")
	}
	for _, p := range e.Props {
		if p.Value != "" && p.Value != p.Zero {
			mark := ""
			if p.Fixed {
				mark = "!"
			}
			fmt.Fprintf(&b, " %s=%s%s", p.Name, p.Value, mark)
		}
	}
	return b.String()
}

func wantEntries(t *testing.T, got []Entry, want ...string) {
	t.Helper()
	var lines []string
	for _, e := range got {
		lines = append(lines, shown(e))
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

var (
	ip4  = netip.MustParseAddr("10.0.1.1")
	net4 = netip.MustParsePrefix("10.0.1.0/24")
)

// What cannot change on a living device is fixed: a change of it needs another device.
func TestLinkEntry(t *testing.T) {
	link := func(change func(*Link)) Entry {
		l := Link{Name: "x", Kind: LinkBridge, Owner: "vnet/a"}
		change(&l)
		return LinkEntry(l)
	}
	wantEntries(t, []Entry{
		link(func(*Link) {}),
		link(func(l *Link) { l.Kind, l.Bridge = LinkBridge, &Bridge{} }),
		link(func(l *Link) { l.Bridge = &Bridge{VLANFiltering: true} }),
		link(func(l *Link) {
			l.Kind, l.VXLAN = LinkVXLAN, &VXLAN{ID: 7, Local: ip4, Port: 4789, Learning: true}
			l.Port = &BridgePort{NoLearning: true, NeighSuppress: true, AllVLANs: true}
		}),
		link(func(l *Link) {
			l.Kind, l.VLAN = LinkVLAN, &VLAN{Parent: "eth0", ID: 9, Protocol: "802.1ad", Self: true}
		}),
		link(func(l *Link) { l.Kind, l.VLAN = LinkVLAN, &VLAN{Parent: "eth0", ID: 9, Protocol: "802.1q"} }),
		link(func(l *Link) {
			l.Kind, l.Veth, l.MTU, l.MAC, l.Master = LinkVeth, &Veth{Peer: "y"}, 1450, "02:00:00:00:00:01", "br"
		}),
		link(func(l *Link) {
			l.Kind, l.VRF, l.Alias, l.NoLinkLocal, l.ForeignMaster = LinkVRF, &VRF{Table: 1000}, "text", true, true
		}),
	},
		"x (vnet/a) kind=bridge!",
		"x (vnet/a) kind=bridge!",
		"x (vnet/a) kind=bridge! vlan-filtering=on",
		"x (vnet/a) kind=vxlan! vni=7! local=10.0.1.1! port=4789! learning=on port-learning=off neigh-suppress=on all-vlans=on",
		"x (vnet/a) kind=vlan! parent=eth0! vlan=9! protocol=802.1ad! vlan-of-bridge=on",
		"x (vnet/a) kind=vlan! parent=eth0! vlan=9!",
		"x (vnet/a) kind=veth! peer=y! mtu=1450 mac=02:00:00:00:00:01 master=br",
		"x (vnet/a) kind=vrf! table=1000! foreign-master=on alias=text link-local=off",
	)
}

func TestPortVLAN(t *testing.T) {
	for want, p := range map[string]BridgePort{
		"":          {},
		"40":        {VLAN: 40},
		"40 tagged": {VLAN: 40, Tagged: true},
	} {
		if got := portVLAN(p); got != want {
			t.Errorf("%+v: got %q, want %q", p, got, want)
		}
	}
	if got := portVLAN(BridgePort{Tagged: true}); got != "" {
		t.Errorf("without a VLAN: got %q", got)
	}
}

func TestAddressEntry(t *testing.T) {
	wantEntries(t, []Entry{
		AddressEntry(Address{Link: "vn1", Prefix: netip.MustParsePrefix("10.0.1.1/24"), Owner: "subnet/a"}),
		AddressEntry(Address{Link: "vn1", Prefix: netip.MustParsePrefix("10.0.1.1/24"), Foreign: true, NoRoute: true}),
	},
		"vn1 10.0.1.1/24 = 10.0.1.1/24 dev vn1 (subnet/a)",
		"vn1 10.0.1.1/24 = 10.0.1.1/24 dev vn1 foreign-link=on network-route=off",
	)
}

// A flood entry is one of several for its MAC address and is identified by its VTEP; any
// other MAC address is at one VTEP, which can change.
func TestNeighbourEntry(t *testing.T) {
	wantEntries(t, []Entry{
		NeighbourEntry(Neighbour{Link: "vx1", MAC: FloodMAC, Dst: ip4, Owner: "vnet/a"}),
		NeighbourEntry(Neighbour{Link: "vx1", MAC: "02:00:00:00:00:01", Dst: ip4, Owner: "vnet/a"}),
	},
		"vx1 00:00:00:00:00:00 10.0.1.1 = 00:00:00:00:00:00 dst 10.0.1.1 dev vx1 (vnet/a)",
		"vx1 02:00:00:00:00:01 = 02:00:00:00:00:01 dev vx1 (vnet/a) dst=10.0.1.1",
	)
}

// Table 254 is main (ip-route(8)), whether a route names it or no table.
func TestRouteEntry(t *testing.T) {
	wantEntries(t, []Entry{
		RouteEntry(Route{Dst: net4, Link: "vn1", Owner: "vnet/a"}),
		RouteEntry(Route{Dst: net4, Link: "vn1", Owner: "vnet/a", Table: 254}),
		RouteEntry(Route{Dst: net4, Table: 7, Metric: 100, Via: ip4, Src: ip4.Next(), Type: "unreachable"}),
	},
		"0 10.0.1.0/24 0 = 10.0.1.0/24 (vnet/a) dev=vn1",
		"0 10.0.1.0/24 0 = 10.0.1.0/24 (vnet/a) dev=vn1",
		"7 10.0.1.0/24 100 = 10.0.1.0/24 table 7 metric 100 type=unreachable via=10.0.1.1 src=10.0.1.2",
	)
}

func TestRouteRuleEntry(t *testing.T) {
	wantEntries(t, []Entry{
		RouteRuleEntry(RouteRule{Mark: 0x7600000a, Family: FamilyIPv4, Priority: 990, Table: 100, NoDefault: true, Owner: "zone/z"}),
		RouteRuleEntry(RouteRule{Mark: 10, Family: FamilyIPv6, Priority: 991}),
	},
		"990 mark 0x7600000a table 100 without default inet (zone/z)",
		"991 mark 0xa unreachable inet6",
	)
}

// The names of a port are only told if there are several.
func TestPortEntry(t *testing.T) {
	wantEntries(t, []Entry{
		PortEntry(Port{Names: []string{"tap1i0"}, Bridge: "vn1", Owner: "guest/1"}),
		PortEntry(Port{Names: []string{"fwpr1p0", "tap1i0"}, Bridge: "vn1", Isolated: true, AllVLANs: true, MACs: []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}, MTU: 1400}),
		PortEntry(Port{Bridge: "vn1"}),
	},
		"tap1i0 (guest/1) bridge=vn1",
		"fwpr1p0 bridge=vn1 isolated=on names=fwpr1p0 tap1i0 all-vlans=on macs=02:00:00:00:00:01 02:00:00:00:00:02 mtu=1400",
		" bridge=vn1",
	)
}

func TestOVSEntries(t *testing.T) {
	wantEntries(t, []Entry{
		OVSBridgeEntry(OVSBridge{Name: "z_q", Like: "vmbr0", Owner: "zone/q"}),
		OVSPortEntry(OVSPort{Name: "ln", Bridge: "vmbr0", Owner: "vnet/a"}),
		OVSPortEntry(OVSPort{Name: "ln", Bridge: "vmbr0", Peer: "up", Tag: 5, QinQ: true, EtherType: "802.1ad", MTU: 1500}),
		SysctlEntry(Sysctl{Key: "net.ipv4.ip_forward", Value: "1", Owner: "zone/a"}),
	},
		"z_q (zone/q) like=vmbr0",
		"ln (vnet/a) bridge=vmbr0!",
		"ln bridge=vmbr0! peer=up! tag=5 qinq=on ethertype=802.1ad mtu=1500",
		"net.ipv4.ip_forward (zone/a) value=1",
	)
}

// Of a subnet is told which range and routes guests get, and by which next hop; one
// without is on their link.
func TestDHCPEntries(t *testing.T) {
	subnet := DHCPSubnet{ID: "a-10.0.1.0-24", Owner: "subnet/a", CIDR: net4, Gateway: ip4, DNSServer: ip4.Next(), Domain: "lab.example",
		Ranges: []DHCPRange{{Start: netip.MustParseAddr("10.0.1.3"), End: netip.MustParseAddr("10.0.1.4")}, {Start: netip.MustParseAddr("10.0.1.7"), End: netip.MustParseAddr("10.0.1.9")}},
		Routes: []DHCPRoute{{Dst: netip.MustParsePrefix("10.9.0.0/16"), Via: netip.MustParseAddr("10.0.1.5")}, {Dst: netip.MustParsePrefix("10.8.0.0/16")}}}
	wantEntries(t, DHCPEntries([]DHCPServer{
		{Zone: "a", Owner: "zone/a", Networks: []DHCPNetwork{
			{Link: "vn1", Owner: "vnet/a", Subnets: []DHCPSubnet{subnet}},
			{Link: "vn2", Owner: "vnet/b", MTU: 1400, Quiet: true, Router: true, Subnets: []DHCPSubnet{{ID: "s", Owner: "subnet/b", CIDR: netip.MustParsePrefix("fd00::/64"), Autonomous: true, Shared: true}}},
		}},
		{Zone: "b", Owner: "zone/b", Dynamic: true},
	}),
		"a (zone/a)",
		"a vn1 (vnet/a)",
		"a vn1 a-10.0.1.0-24 10.0.1.0/24 = a 10.0.1.0/24 dev vn1 (subnet/a) gateway=10.0.1.1 dns-server=10.0.1.2 domain=lab.example"+
			" ranges=10.0.1.3-10.0.1.4 10.0.1.7-10.0.1.9 routes=10.9.0.0/16 10.0.1.5 10.8.0.0/16",
		"a vn2 (vnet/b) mtu=1400 advertised=off router=on",
		"a vn2 s fd00::/64 = a fd00::/64 dev vn2 (subnet/b) addresses=autonomous shared=on",
		"b (zone/b) dynamic=on",
	)
}

// Each line of a context is an entry with its address family. Keys are unique, also of a
// context that several objects write.
func TestFRREntries(t *testing.T) {
	wantEntries(t, FRREntries(nil))
	wantEntries(t, FRREntries(&FRR{Daemons: []string{"bfdd", "bgpd"}, Blocks: []FRRBlock{
		{Head: "router bgp 1", Owner: "controller/c", Lines: []string{
			" neighbor VTEP peer-group", " address-family l2vpn evpn", "  advertise-all-vni", " exit-address-family", " timers bgp 3 9",
		}},
		{Head: "router bgp 1", Owner: "zone/z", Lines: []string{" address-family l2vpn evpn", "  advertise-all-vni", " exit-address-family"}},
		{Head: "ip protocol bgp route-map m", Owner: "fabric/f"},
	}}),
		"daemons bfdd = daemon bfdd",
		"daemons bgpd = daemon bgpd",
		"router bgp 1 / neighbor VTEP peer-group (controller/c)",
		"router bgp 1 / address-family l2vpn evpn (controller/c)",
		"router bgp 1 / address-family l2vpn evpn / advertise-all-vni (controller/c)",
		"router bgp 1 / timers bgp 3 9 (controller/c)",
		"router bgp 1 / address-family l2vpn evpn #2 = router bgp 1 / address-family l2vpn evpn (zone/z)",
		"router bgp 1 / address-family l2vpn evpn / advertise-all-vni #2 = router bgp 1 / address-family l2vpn evpn / advertise-all-vni (zone/z)",
		"ip protocol bgp route-map m (fabric/f)",
	)
}

func TestViewEntries(t *testing.T) {
	wantEntries(t, ViewEntries(nil))
	v := NameView{Zone: "z", Domain: "lab.example", Owner: "zone/z", Networks: []netip.Prefix{net4, netip.MustParsePrefix("fd00::/64")},
		Listen: []NameListener{{Addr: netip.MustParseAddrPort("10.0.1.1:53"), Link: "vn1"}, {Addr: netip.MustParseAddrPort("[fd00::1]:53"), Link: "vn1"}}}
	wantEntries(t, ViewEntries(&NameServer{Views: []NameView{v}, Forwarders: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}),
		"z (zone/z) domain=lab.example listen=10.0.1.1:53 on vn1, [fd00::1]:53 on vn1 networks=10.0.1.0/24, fd00::/64 forwarders=192.0.2.1:53")
	wantEntries(t, []Entry{v.Entry(NameEntry{Name: "web.lab.example", IPs: []netip.Addr{ip4, netip.MustParseAddr("fd00::5")}})},
		"z web.lab.example = web.lab.example (zone/z) addresses=10.0.1.1, fd00::5")
}

// Elements of a set and rules of a chain are entries of their own, equal rules too; the
// elements of a dynamic set are one.
func TestTableEntries(t *testing.T) {
	table := Table{Family: "inet", Name: "viaduct",
		Sets: []Set{{Name: "s", Type: "ifname", Value: "verdict", Interval: true, Elements: []string{"a : accept", "b : drop"}}},
		Chains: []Chain{
			{Name: "c", Type: "filter", Hook: "forward", Priority: "filter", Rules: []Rule{{Text: "accept", Owner: "zone/a"}, {Text: "drop"}, {Text: "accept", Owner: "zone/b"}}},
			{Name: "d", Rules: []Rule{{Text: "accept"}}},
		}}
	wantEntries(t, TableEntries([]Table{table}),
		"inet viaduct",
		"inet viaduct set s type=ifname! value=verdict! interval=on!",
		"inet viaduct set s: a : accept",
		"inet viaduct set s: b : drop",
		"inet viaduct chain c type=filter! hook=forward! priority=filter!",
		"inet viaduct chain c: accept (zone/a)",
		"inet viaduct chain c: drop",
		"inet viaduct chain c: accept #2 = inet viaduct chain c: accept (zone/b)",
		"inet viaduct chain d",
		"inet viaduct chain d: accept",
	)
	dynamic := func(elements ...string) string {
		out := TableEntries([]Table{{Family: "inet", Name: "t", Sets: []Set{{Name: "s", Type: "ipv4_addr", Dynamic: true, Elements: elements}}}})
		if len(out) != 2 {
			t.Fatalf("%d entries, want the table and the set", len(out))
		}
		return shown(out[1])
	}
	seen := map[string]bool{}
	for _, s := range []string{dynamic(), dynamic("10.0.0.1"), dynamic("10.0.0.2"), dynamic("10.0.0.1", "10.0.0.2"), dynamic("10.0.0.110.0.0.2")} {
		if seen[s] {
			t.Errorf("two contents of a set are both %q", s)
		}
		seen[s] = true
	}
}

// A conflict names the thing in the way as the operator finds it on the node.
func TestConflicts(t *testing.T) {
	for want, c := range map[string]*Conflict{
		"interface vnet1 (bridge)": LinkInTheWay("vnet1", "vnet1", "bridge"),
		"interface eth0":           LinkInTheWay("eth0", "eth0", ""),
		"interface eth0, of which vnet1 is an alternative name (ip link property),":         LinkInTheWay("vnet1", "eth0", ""),
		"interface eth0 (dummy), of which vnet1 is an alternative name (ip link property),": LinkInTheWay("vnet1", "eth0", "dummy"),
		"interface eth0.5, which carries VLAN 5 of eth0,":                                   VLANInTheWay("eth0.5", "eth0", 5),
		"network namespace red":                 NamespaceInTheWay("red"),
		"Open vSwitch port p (of bridge vmbr0)": OVSPortInTheWay("p", "vmbr0"),
		"Open vSwitch port p (of no bridge)":    OVSPortInTheWay("p", ""),
	} {
		if c.Thing != want {
			t.Errorf("got %q, want %q", c.Thing, want)
		}
		if text := c.Error(); !strings.HasPrefix(text, want+" ") || !strings.Contains(text, "rename or remove it") {
			t.Errorf("%q does not name the thing and the remedy", text)
		}
	}
}

// An empty section adds nothing to a hash, so that a state does not depend on whether its
// lists are nil or empty.
func TestEmptySectionsHashAlike(t *testing.T) {
	empty := &Node{Space: Space{Links: []Link{}, Tables: []Table{}, DHCP: []DHCPServer{}, Sysctls: []Sysctl{}}}
	if empty.Hash() != (&Node{}).Hash() {
		t.Error("empty lists and none make different hashes")
	}
	hashes := map[string]string{}
	for name, n := range map[string]*Node{
		"nothing": {}, "link": {Space: Space{Links: []Link{{Name: "a"}}}}, "table": {Space: Space{Tables: []Table{{Name: "a"}}}},
		"FRR": {Space: Space{FRR: &FRR{}}}, "daemon": {Space: Space{FRR: &FRR{Daemons: []string{"bgpd"}}}}, "backend": {Space: Space{Backend: "ifupdown2"}},
		"another backend": {Space: Space{Backend: "netlink"}},
	} {
		h := n.Hash()
		if other, twice := hashes[h]; twice {
			t.Errorf("%s and %s make one hash", name, other)
		}
		hashes[h] = name
	}
}
