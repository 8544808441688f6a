package model

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lab is a configuration without errors, with an object of each kind and each type that
// the tests below break. The nodes n1, n2 and n3 have joined.
func lab() *Config {
	cfg := &Config{}
	addrs := func(texts ...string) (out []netip.Addr) {
		for _, s := range texts {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}
	pfx := netip.MustParsePrefix
	for _, o := range []Object{
		&Fabric{ID: "of", Protocol: FabricOpenFabric, IPPrefix: pfx("10.1.0.0/24"), IP6Prefix: pfx("fd01::/64")},
		&Fabric{ID: "os", Protocol: FabricOSPF, IPPrefix: pfx("10.2.0.0/24"), Area: "0"},
		&Fabric{ID: "bg", Protocol: FabricBGP, IPPrefix: pfx("10.3.0.0/24")},
		&Fabric{ID: "wg", Protocol: FabricWireGuard},
		&FabricNode{Fabric: "of", Node: "n1", IP: netip.MustParseAddr("10.1.0.1"), IP6: netip.MustParseAddr("fd01::1"), Interfaces: []FabricInterface{{Name: "eth1"}}},
		&FabricNode{Fabric: "os", Node: "n1", IP: netip.MustParseAddr("10.2.0.1"), Interfaces: []FabricInterface{{Name: "eth2"}}},
		&FabricNode{Fabric: "bg", Node: "n1", IP: netip.MustParseAddr("10.3.0.1"), ASN: 65001, Interfaces: []FabricInterface{{Name: "eth3"}}},
		&FabricNode{Fabric: "wg", Node: "n1", Interfaces: []FabricInterface{{Name: "wg0", ListenPort: 51820}}},
		&FabricNode{Fabric: "wg", Node: "out", Role: RoleExternal, PublicKey: wgKey, Endpoint: "vpn.example.com:51820"},
		&Controller{ID: "ev", Type: ControllerEVPN, ASN: 65000, Peers: addrs("10.0.0.1", "10.0.0.2")},
		&Controller{ID: "bgpn1", Type: ControllerBGP, ASN: 65000, Node: "n1", Peers: addrs("192.0.2.1")},
		&Controller{ID: "isisn1", Type: ControllerISIS, Node: "n1", ISISDomain: "core", ISISNet: "49.0001.1921.6800.1002.00", ISISIfaces: []string{"eth0"}},
		&Zone{ID: "simple", Type: ZoneSimple}, &Zone{ID: "vlan", Type: ZoneVLAN, Bridge: "vmbr0"}, &Zone{ID: "qinq", Type: ZoneQinQ, Bridge: "vmbr0", Tag: 100},
		&Zone{ID: "vx", Type: ZoneVXLAN, Peers: addrs("10.0.0.1", "10.0.0.2")},
		&Zone{ID: "evpn", Type: ZoneEVPN, Controller: "ev", VRFVXLAN: 9000},
		&VNet{ID: "vsimple", Zone: "simple"}, &VNet{ID: "vvlan", Zone: "vlan", Tag: 10}, &VNet{ID: "vqinq", Zone: "qinq"},
		&VNet{ID: "vvx", Zone: "vx", Tag: 1000}, &VNet{ID: "vevpn", Zone: "evpn", Tag: 2000},
	} {
		must(cfg.Put(o))
	}
	return cfg
}

// wgKey is a key of 32 bytes.
var wgKey = strings.Repeat("A", 42) + "E="

// problems are what else is wrong after the object is put into the lab: "severity field value".
// An error that the Proxmox API passes is "lax".
func problems(t *testing.T, objects ...Object) []string {
	t.Helper()
	cfg := lab()
	if ps := Validate(cfg, []string{"n1", "n2", "n3"}); len(ps) != 1 || ps[0].ID != "wg" || ps[0].Severity != Warning {
		t.Fatalf("the lab has other problems than that WireGuard fabrics do not run: %v", ps)
	}
	for _, o := range objects {
		must(cfg.Put(o))
	}
	var out []string
	for _, p := range Validate(cfg, []string{"n1", "n2", "n3"}) {
		if p.ID == "wg" && p.Field == "protocol" {
			continue
		}
		severity := map[Severity]string{Error: "error", Warning: "warning"}[p.Severity]
		if p.Lax {
			severity = "lax"
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", severity, p.Field, p.Value)))
	}
	slices.Sort(out)
	return out
}

// breaks checks what is wrong with changed objects of the lab. The key of a case says what
// is changed.
func breaks[T Object](t *testing.T, get func(*Config) T, cases map[string]breaking[T]) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(cases)) {
		c := cases[what]
		o := get(lab())
		c.change(o)
		want := slices.Clone(c.want)
		slices.Sort(want)
		if d := cmp.Diff(want, problems(t, o)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

type breaking[T Object] struct {
	change func(T)
	want   []string
}

func TestVNetTags(t *testing.T) {
	get := func(id string) func(*Config) *VNet { return func(c *Config) *VNet { return c.VNets[id] } }
	tag := func(n int, want ...string) breaking[*VNet] {
		return breaking[*VNet]{func(v *VNet) { v.Tag = n }, want}
	}
	breaks(t, get("vsimple"), map[string]breaking[*VNet]{"none": tag(0), "any": tag(5, "error tag 5")})
	breaks(t, get("vvlan"), map[string]breaking[*VNet]{ // IEEE 802.1Q: 1 to 4094; Proxmox VE takes up to 4096
		"none": tag(0, "error tag"), "1": tag(1), "4094": tag(4094), "4095": tag(4095, "lax tag 4095"), "4096": tag(4096, "lax tag 4096"),
		"4097": tag(4097, "error tag 4097"), "negative": tag(-1, "error tag -1"),
	})
	breaks(t, get("vqinq"), map[string]breaking[*VNet]{"none": tag(0), "1": tag(1), "4097": tag(4097, "error tag 4097"), "negative": tag(-1, "error tag -1")})
	for _, id := range []string{"vvx", "vevpn"} { // RFC 7348: 24 bits
		breaks(t, get(id), map[string]breaking[*VNet]{
			"none": tag(0, "error tag"), "1": tag(1), "16777215": tag(1<<24 - 1), "negative": tag(-1, "error tag -1"),
			"16777216": tag(1<<24, "lax tag 16777216"), "16777217": tag(1<<24+1, "error tag 16777217"), "that of an L3VNI": tag(9000, "lax tag 9000"),
		})
	}
	for what, c := range map[string]struct {
		put  *VNet
		want []string
	}{
		"same VLAN":             {&VNet{ID: "other", Zone: "vlan", Tag: 10}, []string{"error tag 10"}},
		"another VLAN":          {&VNet{ID: "other", Zone: "vlan", Tag: 11}, nil},
		"two without a VLAN":    {&VNet{ID: "other", Zone: "qinq"}, []string{"error tag"}},
		"same VNI in a zone":    {&VNet{ID: "zother", Zone: "vx", Tag: 1000}, []string{"error tag 1000"}},
		"same VNI in two zones": {&VNet{ID: "zother", Zone: "evpn", Tag: 1000}, []string{"error tag 1000"}},
		"no zone":               {&VNet{ID: "other"}, []string{"error zone"}},
	} {
		if d := cmp.Diff(c.want, problems(t, c.put)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

func TestVNetNames(t *testing.T) {
	// Names of bridges: 15 bytes (IFNAMSIZ), of which a VNet's tunnel needs some; 8 in Proxmox VE.
	for id, want := range map[string][]string{
		"ab": nil, "vnet1234": nil, strings.Repeat("v", pveVNetID+1): {"warning id " + strings.Repeat("v", pveVNetID+1)},
		strings.Repeat("v", MaxVNetID): {"warning id " + strings.Repeat("v", MaxVNetID)}, strings.Repeat("v", MaxVNetID+1): {"error id " + strings.Repeat("v", MaxVNetID+1)},
		"a": {"error id a"}, "1ab": {"error id 1ab"}, "a-b": {"error id a-b"}, "lo": {"lax id lo"}, "all": {"lax id all"}, "default": {"lax id default"},
		"tap100i0": {"lax id tap100i0"}, "veth1i0": {"lax id veth1i0"},
	} {
		if d := cmp.Diff(want, problems(t, &VNet{ID: id, Zone: "simple"})); d != "" {
			t.Errorf("%s (-want +got):\n%s", id, d)
		}
	}
	alias := func(s string) breaking[*VNet] {
		return breaking[*VNet]{func(v *VNet) { v.Alias = s }, nil}
	}
	breaks(t, func(c *Config) *VNet { return c.VNets["vsimple"] }, map[string]breaking[*VNet]{
		"words": alias("Büro (1st floor): a+b=c?"), "longest": alias(strings.Repeat("ü", MaxAlias)),
		"too long": {func(v *VNet) { v.Alias = strings.Repeat("a", MaxAlias+1) }, []string{"error alias " + strings.Repeat("a", maxValue) + "..."}},
		"quotes":   {func(v *VNet) { v.Alias = `a"b` }, []string{`error alias a"b`}},
	})
}

// A VLAN-aware VNet carries its guests' VLANs and is not routed.
func TestVLANAware(t *testing.T) {
	subnet := &Subnet{CIDR: netip.MustParsePrefix("10.9.0.0/24"), VNet: "vsimple"}
	if got := problems(t, &VNet{ID: "vsimple", Zone: "simple", VLANAware: true}); len(got) != 0 {
		t.Errorf("without subnets: %v", got)
	}
	if d := cmp.Diff([]string{"error vlanaware true"}, problems(t, &VNet{ID: "vsimple", Zone: "simple", VLANAware: true}, subnet)); d != "" {
		t.Errorf("with a subnet (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"error vlanaware true"}, problems(t, &VNet{ID: "vevpn", Zone: "evpn", Tag: 2000, VLANAware: true})); d != "" {
		t.Errorf("evpn (-want +got):\n%s", d)
	}
}

func TestZoneNames(t *testing.T) {
	for id, want := range map[string][]string{
		"ab": nil, "zone1234": nil, strings.Repeat("z", pveZoneID+1): {"warning id " + strings.Repeat("z", pveZoneID+1)},
		strings.Repeat("z", MaxZoneID): {"warning id " + strings.Repeat("z", MaxZoneID)}, strings.Repeat("z", MaxZoneID+1): {"error id " + strings.Repeat("z", MaxZoneID+1)},
		"a": {"error id a"}, "localnetwork": {"lax id localnetwork"},
	} {
		if d := cmp.Diff(want, problems(t, &Zone{ID: id, Type: ZoneSimple})); d != "" {
			t.Errorf("%s (-want +got):\n%s", id, d)
		}
	}
	// The links of a QinQ zone have its name with a prefix.
	longest := strings.Repeat("q", MaxQinQZoneID)
	for id, want := range map[string][]string{longest: nil, longest + "q": {"error id " + longest + "q"}} {
		if len(id) > pveZoneID && want == nil {
			want = []string{"warning id " + id}
		}
		if d := cmp.Diff(want, problems(t, &Zone{ID: id, Type: ZoneQinQ, Bridge: "vmbr0", Tag: 100})); d != "" {
			t.Errorf("%s (-want +got):\n%s", id, d)
		}
	}
}

func TestZoneProperties(t *testing.T) {
	zone := func(id string) func(*Config) *Zone { return func(c *Config) *Zone { return c.Zones[id] } }
	type change = func(*Zone)
	b := func(f change, want ...string) breaking[*Zone] { return breaking[*Zone]{f, want} }
	peers := func(texts ...string) change {
		return func(z *Zone) {
			z.Peers = nil
			for _, s := range texts {
				z.Peers = append(z.Peers, netip.MustParseAddr(s))
			}
		}
	}
	breaks(t, zone("simple"), map[string]breaking[*Zone]{
		"domain":                    b(func(z *Zone) { z.DNSZone = "lab.example" }),
		"domain that is none":       b(func(z *Zone) { z.DNSZone = "-lab" }, "error dnszone -lab"),
		"DNS without domain":        b(func(z *Zone) { z.DNS = "pdns" }, "warning dns pdns"),
		"reverse DNS, no domain":    b(func(z *Zone) { z.ReverseDNS = "pdns" }, "warning reversedns pdns"),
		"DNS and domain":            b(func(z *Zone) { z.DNS, z.ReverseDNS, z.DNSZone = "pdns", "pdns", "lab.example" }),
		"DHCP without IPAM":         b(func(z *Zone) { z.DHCP = DHCPDnsmasq }, "warning dhcp dnsmasq"),
		"DHCP with IPAM":            b(func(z *Zone) { z.DHCP, z.IPAM = DHCPDnsmasq, IPAMBuiltin }),
		"dynamic DHCP":              b(func(z *Zone) { z.DHCP, z.DHCPDynamic = DHCPDnsmasq, true }),
		"dynamic without DHCP":      b(func(z *Zone) { z.DHCPDynamic = true }, "error dhcp-dynamic true"),
		"node twice":                b(func(z *Zone) { z.Nodes = []string{"n1", "n1"} }, "warning nodes n1"),
		"node that has not joined":  b(func(z *Zone) { z.Nodes = []string{"n9"} }, "warning nodes n9"),
		"node that is no host name": b(func(z *Zone) { z.Nodes = []string{"n_1"} }, "error nodes n_1"),
	})
	breaks(t, zone("vlan"), map[string]breaking[*Zone]{
		"domain with nobody to answer": b(func(z *Zone) { z.DNSZone = "lab.example" }, "warning dnszone lab.example"),
		"domain with DHCP":             b(func(z *Zone) { z.DNSZone, z.DHCP, z.IPAM = "lab.example", DHCPDnsmasq, IPAMBuiltin }),
		"domain with DNS":              b(func(z *Zone) { z.DNSZone, z.DNS = "lab.example", "pdns" }),
		"no bridge":                    b(func(z *Zone) { z.Bridge = "" }, "error bridge"),
		"no name of a bridge":          b(func(z *Zone) { z.Bridge = "a/b" }, "error bridge a/b"),
	})
	breaks(t, zone("qinq"), map[string]breaking[*Zone]{"no tag": b(func(z *Zone) { z.Tag = 0 }, "error tag")})
	breaks(t, zone("vx"), map[string]breaking[*Zone]{
		"no peers":          b(peers(), "error peers"),
		"fabric":            b(func(z *Zone) { z.Peers, z.Fabric = nil, "of" }),
		"peers and fabric":  b(func(z *Zone) { z.Fabric = "of" }, "error peers 10.0.0.1, 10.0.0.2"),
		"wireguard":         b(func(z *Zone) { z.Peers, z.Fabric = nil, "wg" }, "error fabric wg"),
		"peer twice":        b(peers("10.0.0.1", "10.0.0.1"), "warning peers 10.0.0.1"),
		"peer of a link":    b(peers("fe80::1%eth0"), "error peers fe80::1%eth0"),
		"multicast peer":    b(peers("10.0.0.1", "224.0.0.1"), "lax peers 224.0.0.1"),
		"two families":      b(peers("10.0.0.1", "fd00::1"), "lax peers fd00::1"),
		"IPv6 peers":        b(peers("fd00::1", "fd00::2")),
		"five peers listed": b(func(z *Zone) { peers("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5")(z); z.Fabric = "of" }, "error peers 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, ..."),
		"four peers listed": b(func(z *Zone) { peers("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")(z); z.Fabric = "of" }, "error peers 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4"),
	})
	breaks(t, zone("evpn"), map[string]breaking[*Zone]{
		"no L3VNI":                  b(func(z *Zone) { z.VRFVXLAN = 0 }, "error vrf-vxlan"),
		"no controller":             b(func(z *Zone) { z.Controller = "" }, "error controller"),
		"controller of a type":      b(func(z *Zone) { z.Controller = "bgpn1" }, "error controller bgpn1"),
		"controller twice":          b(func(z *Zone) { z.SecondaryControllers = []string{"ev"} }, "error secondary-controllers ev"),
		"MAC address":               b(func(z *Zone) { z.MAC = "BC:24:11:00:00:01" }),
		"no MAC address":            b(func(z *Zone) { z.MAC = "BC:24:11" }, "error mac BC:24:11"),
		"multicast MAC address":     b(func(z *Zone) { z.MAC = "01:00:5E:00:00:01" }, "error mac 01:00:5E:00:00:01"),
		"route target":              b(func(z *Zone) { z.RTImport = []string{"65000:1", "4294967295:4294967295"} }),
		"route target too large":    b(func(z *Zone) { z.RTImport = []string{"4294967296:1"} }, "error rt-import 4294967296:1"),
		"route target too large, 2": b(func(z *Zone) { z.RTImport = []string{"1:4294967296"} }, "error rt-import 1:4294967296"),
		"no route target":           b(func(z *Zone) { z.RTImport = []string{"65000"} }, "error rt-import 65000"),
		"exit nodes": b(func(z *Zone) {
			z.ExitNodes, z.ExitNodesPrimary, z.ExitNodesLocalRouting = []string{"n1", "n2"}, "n2", true
		}),
		"exit node twice":           b(func(z *Zone) { z.ExitNodes = []string{"n1", "n1"} }, "warning exitnodes n1"),
		"exit node, no host name":   b(func(z *Zone) { z.ExitNodes = []string{"n_1"} }, "error exitnodes n_1"),
		"exit node elsewhere":       b(func(z *Zone) { z.Nodes, z.ExitNodes = []string{"n1"}, []string{"n2"} }, "lax exitnodes n2"),
		"exit node, not joined":     b(func(z *Zone) { z.ExitNodes = []string{"n9"} }, "warning exitnodes n9"),
		"primary, not an exit node": b(func(z *Zone) { z.ExitNodes, z.ExitNodesPrimary = []string{"n1"}, "n2" }, "lax exitnodes-primary n2"),
		"local routing, no exit":    b(func(z *Zone) { z.ExitNodesLocalRouting = true }, "warning exitnodes-local-routing true"),
	})
	if d := cmp.Diff([]string{"error vrf-vxlan 9000"}, problems(t, &Zone{ID: "zother", Type: ZoneEVPN, Controller: "ev", VRFVXLAN: 9000})); d != "" {
		t.Errorf("an L3VNI of two zones (-want +got):\n%s", d)
	}
}

// RFC 8200, section 5: a link of IPv6 takes packets of 1280 bytes.
func TestMTUOfIPv6(t *testing.T) {
	four := &Subnet{CIDR: netip.MustParsePrefix("10.9.0.0/24"), VNet: "vsimple"}
	six := &Subnet{CIDR: netip.MustParsePrefix("fd09::/64"), VNet: "vsimple"}
	zone := func(mtu int) *Zone { return &Zone{ID: "simple", Type: ZoneSimple, MTU: mtu} }
	for what, c := range map[string]struct {
		put  []Object
		want []string
	}{
		"IPv4, 1279": {[]Object{zone(1279), four}, nil}, "IPv6, 1280": {[]Object{zone(1280), six}, nil},
		"IPv6, 1279": {[]Object{zone(1279), six}, []string{"lax mtu 1279"}}, "least": {[]Object{zone(MinMTU), six}, []string{fmt.Sprintf("lax mtu %d", MinMTU)}},
		"too small": {[]Object{zone(MinMTU - 1), four}, []string{fmt.Sprintf("lax mtu %d", MinMTU-1)}},
	} {
		if d := cmp.Diff(c.want, problems(t, c.put...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

func TestControllerProperties(t *testing.T) {
	controller := func(id string) func(*Config) *Controller {
		return func(c *Config) *Controller { return c.Controllers[id] }
	}
	b := func(f func(*Controller), want ...string) breaking[*Controller] { return breaking[*Controller]{f, want} }
	breaks(t, controller("ev"), map[string]breaking[*Controller]{
		"no AS number":        b(func(c *Controller) { c.ASN = 0 }, "error asn"),
		"largest AS number":   b(func(c *Controller) { c.ASN = 4294967294 }),
		"reserved AS number":  b(func(c *Controller) { c.ASN = 4294967295 }, "lax asn 4294967295"), // RFC 7300
		"no peers":            b(func(c *Controller) { c.Peers = nil }, "error peers"),
		"fabric":              b(func(c *Controller) { c.Peers, c.Fabric = nil, "of" }),
		"peers and fabric":    b(func(c *Controller) { c.Fabric = "of" }, "error peers 10.0.0.1, 10.0.0.2"),
		"group":               b(func(c *Controller) { c.PeerGroupName = "WAN" }),
		"group, no name":      b(func(c *Controller) { c.PeerGroupName = "a b" }, "error peer-group-name a b"),
		"group of BGP":        b(func(c *Controller) { c.PeerGroupName = "BGP" }, "error peer-group-name BGP"),
		"group of a fabric":   b(func(c *Controller) { c.PeerGroupName = "bg" }, "error peer-group-name bg"),
		"group like OSPF":     b(func(c *Controller) { c.PeerGroupName = "os" }),
		"hops of eBGP":        b(func(c *Controller) { c.EBGPMultihop, c.BGPMode = 3, ModeExternal }),
		"hops of iBGP":        b(func(c *Controller) { c.EBGPMultihop, c.BGPMode = 3, ModeInternal }, "warning ebgp-multihop 3"),
		"iBGP":                b(func(c *Controller) { c.BGPMode = ModeInternal }),
		"node not joined yet": b(func(c *Controller) { c.Nodes = []string{"n9"} }, "warning nodes n9"),
	})
	breaks(t, controller("bgpn1"), map[string]breaking[*Controller]{
		"no AS number":     b(func(c *Controller) { c.ASN = 0 }, "error asn"),
		"no node":          b(func(c *Controller) { c.Node = "" }, "error node"),
		"node, no name":    b(func(c *Controller) { c.Node = "n_1" }, "error node n_1"),
		"node, not joined": b(func(c *Controller) { c.Node = "n9" }, "warning node n9"),
		"no peers":         b(func(c *Controller) { c.Peers = nil }, "error peers"),
		"hops of eBGP":     b(func(c *Controller) { c.EBGPMultihop, c.EBGP = 3, true }),
		"hops of iBGP":     b(func(c *Controller) { c.EBGPMultihop = 3 }, "warning ebgp-multihop 3"),
		"loopback":         b(func(c *Controller) { c.Loopback = "lo" }),
		"no loopback":      b(func(c *Controller) { c.Loopback = "a b" }, "error loopback a b"),
	})
	breaks(t, controller("isisn1"), map[string]breaking[*Controller]{
		"no domain":    b(func(c *Controller) { c.ISISDomain = "" }, "error isis-domain"),
		"domain":       b(func(c *Controller) { c.ISISDomain = "a b" }, "error isis-domain a b"),
		"no title":     b(func(c *Controller) { c.ISISNet = "" }, "error isis-net"),
		"title":        b(func(c *Controller) { c.ISISNet = "49.0001.00" }, "error isis-net 49.0001.00"),
		"no interface": b(func(c *Controller) { c.ISISIfaces = nil }, "error isis-ifaces"),
		"interface":    b(func(c *Controller) { c.ISISIfaces = []string{"eth0", "a b"} }, "error isis-ifaces a b"),
		"loopback":     b(func(c *Controller) { c.Loopback = "a b" }, "error loopback a b"),
	})
	peer := []netip.Addr{netip.MustParseAddr("192.0.2.9")}
	for what, c := range map[string]struct {
		put  []Object
		want []string
	}{
		"two of a type on a node":  {[]Object{&Controller{ID: "other", Type: ControllerBGP, ASN: 1, Node: "n1", Peers: peer}}, []string{"lax node n1"}},
		"on another node":          {[]Object{&Controller{ID: "other", Type: ControllerBGP, ASN: 1, Node: "n2", Peers: peer}}, nil},
		"two EVPN, one group":      {[]Object{&Controller{ID: "other", Type: ControllerEVPN, ASN: 1, Peers: peer}}, []string{"error peer-group-name VTEP"}},
		"two EVPN, two groups":     {[]Object{&Controller{ID: "other", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN"}}, nil},
		"two EVPN on a node":       {[]Object{&Controller{ID: "e1", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN", Nodes: []string{"n1", "n2"}}, &Controller{ID: "e2", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN", Nodes: []string{"n3", "n2"}}}, []string{"error peer-group-name WAN"}},
		"two EVPN on two nodes":    {[]Object{&Controller{ID: "e1", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN", Nodes: []string{"n1"}}, &Controller{ID: "e2", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN", Nodes: []string{"n2"}}}, nil},
		"name that is no name":     {[]Object{&Controller{ID: "1c", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN"}}, []string{"error id 1c"}},
		"two ISIS without a node":  {[]Object{&Controller{ID: "i2", Type: ControllerBGP, ASN: 1, Peers: peer}, &Controller{ID: "i3", Type: ControllerBGP, ASN: 1, Peers: peer}}, []string{"error node", "error node"}},
		"EVPN and BGP on one node": {[]Object{&Controller{ID: "other", Type: ControllerEVPN, ASN: 1, Peers: peer, PeerGroupName: "WAN", Nodes: []string{"n1"}}}, nil},
	} {
		if d := cmp.Diff(c.want, problems(t, c.put...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}
