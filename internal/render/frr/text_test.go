package frr_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// sample has something of everything, from several owners.
func sample() *frr.Config {
	c := &frr.Config{}
	id := netip.MustParseAddr("10.0.0.1")
	r := frr.Put(&c.Routers, frr.DefaultVRF, &frr.Router{
		ASN: 65000, Owner: "controller/c", RouterID: id, NoDefaultUnicast: true, CoalesceTime: 1000, MultipathRelax: frr.Own("controller/b", true),
		Groups: []*frr.PeerGroup{
			{Name: "VTEP", Owner: "controller/c", RemoteAS: "65000", BFD: true, Peers: []netip.Addr{netip.MustParseAddr("10.0.0.2")}},
			{Name: "leaf", Owner: "fabric/leaf", RemoteAS: "external", LocalAS: 65001, Links: []string{"eth1"}},
		},
	})
	r.Unicast4().ImportVRFs = []frr.Owned[string]{frr.Own("zone/a", "vrf_a"), frr.Own("zone/b", "vrf_b")}
	r.Unicast4().Neighbours = []frr.Neighbour{{Group: "leaf", Owner: "fabric/leaf", SoftReconfiguration: true}}
	r.L2VPN().Neighbours = []frr.Neighbour{{Group: "VTEP", Owner: "controller/c"}}
	r.L2VPN().VNIs = []frr.VNI{{ID: 100, Import: "1:100", Export: "1:100", Owner: "zone/a"}}
	r.Custom = []string{" neighbor 192.0.2.1 remote-as 1"}
	frr.Put(&c.VRFs, "vrf_a", &frr.VRF{Name: "vrf_a", Owner: "zone/a", VNI: 10, Routes: []frr.Route{{Prefix: netip.MustParsePrefix("10.1.0.0/16")}}})
	frr.Put(&c.ISIS, "core", &frr.ISIS{Domain: "core", Net: "49.0001.0000.0000.0001.00", Owner: "controller/i"})
	frr.Put(&c.OpenFabric, "of", &frr.OpenFabric{Name: "of", Net: "49.0001.0000.0000.0001.00", Owner: "fabric/of"})
	c.OSPF = &frr.OSPF{RouterID: id, Owner: "fabric/os"}
	frr.Put(&c.OSPFInterfaces, "eth2", &frr.Interface{Name: "eth2", Owner: "fabric/os", Lines: []string{"ip ospf area 0"}})
	frr.Put(&c.PrefixLists, "pl", &frr.PrefixList{Name: "pl", Owner: "zone/a", Entries: []frr.PrefixEntry{
		{Seq: 5, Deny: true, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Ge: 9, Le: 24}, {Seq: 10, Prefix: netip.MustParsePrefix("10.0.0.0/7")},
	}})
	c.RouteMap("m").Entries = []frr.RouteMapEntry{{Seq: 5, Owner: "zone/a", Match: []string{"tag 3"}, Set: []string{"metric 4"}, Call: "n"}}
	c.ProtocolMap("bgp").IPv6 = frr.Own("zone/a", "m")
	c.Custom = []string{"interface eth9", " description x", "exit", "!"}
	return c
}

func TestText(t *testing.T) {
	want := `!
vrf vrf_a
 vni 10
 ip route 10.1.0.0/16 null0
exit-vrf
!
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp default ipv4-unicast
 coalesce-time 1000
 bgp bestpath as-path multipath-relax
 neighbor VTEP peer-group
 neighbor VTEP remote-as 65000
 neighbor VTEP bfd
 neighbor 10.0.0.2 peer-group VTEP
 neighbor leaf peer-group
 neighbor leaf remote-as external
 neighbor leaf local-as 65001 no-prepend replace-as
 neighbor eth1 interface peer-group leaf
 neighbor 192.0.2.1 remote-as 1
 !
 address-family ipv4 unicast
  import vrf vrf_a
  import vrf vrf_b
  neighbor leaf activate
  neighbor leaf soft-reconfiguration inbound
 exit-address-family
 !
 address-family l2vpn evpn
  neighbor VTEP activate
  vni 100
   route-target import 1:100
   route-target export 1:100
  exit-vni
 exit-address-family
exit
!
router isis core
 net 49.0001.0000.0000.0001.00
 redistribute ipv4 connected level-1
 redistribute ipv6 connected level-1
 log-adjacency-changes
exit
!
ip prefix-list pl seq 5 deny 10.0.0.0/8 ge 9 le 24
ip prefix-list pl seq 10 permit 10.0.0.0/7
interface eth9
 description x
exit
!
!
router openfabric of
 net 49.0001.0000.0000.0001.00
exit
!
router ospf
 ospf router-id 10.0.0.1
exit
!
interface eth2
 ip ospf area 0
exit
!
route-map m permit 5
 match tag 3
 set metric 4
 call n
exit
!
!
ipv6 protocol bgp route-map m
`
	c := sample()
	if d := cmp.Diff(want, c.Body()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	head := "frr version 8.4.4\nfrr defaults datacenter\nhostname n\nlog syslog informational\nservice integrated-vtysh-config\n"
	if got := c.Text(frr.Frame{Version: "8.4.4", Hostname: "n"}); got != head+want+"!\nline vty\n!\n" {
		t.Error(got)
	}
	if d := cmp.Diff([]string{"bfdd", "bgpd", "fabricd", "isisd", "ospfd"}, c.Daemons()); d != "" {
		t.Error(d)
	}
	if empty := (&frr.Config{}); empty.Body() != "" || empty.Blocks() != nil || empty.Daemons() != nil {
		t.Error("an empty configuration says something")
	}
}

func TestBlocksByOwner(t *testing.T) {
	var got []string
	for _, b := range sample().Blocks() {
		if b.Head == "router bgp 65000" {
			got = append(got, b.Owner)
			got = append(got, b.Lines...)
		}
	}
	want := []string{
		"controller/c",
		" bgp router-id 10.0.0.1", " no bgp default ipv4-unicast", " coalesce-time 1000", " neighbor VTEP peer-group",
		" neighbor VTEP remote-as 65000", " neighbor VTEP bfd", " neighbor 10.0.0.2 peer-group VTEP",
		" address-family l2vpn evpn", "  neighbor VTEP activate", " exit-address-family",
		"controller/b", " bgp bestpath as-path multipath-relax",
		"fabric/leaf",
		" neighbor leaf peer-group", " neighbor leaf remote-as external", " neighbor leaf local-as 65001 no-prepend replace-as",
		" neighbor eth1 interface peer-group leaf",
		" address-family ipv4 unicast", "  neighbor leaf activate", "  neighbor leaf soft-reconfiguration inbound", " exit-address-family",
		"zone/a",
		" address-family ipv4 unicast", "  import vrf vrf_a", " exit-address-family",
		" address-family l2vpn evpn", "  vni 100", "   route-target import 1:100", "   route-target export 1:100", "  exit-vni", " exit-address-family",
		"zone/b", " address-family ipv4 unicast", "  import vrf vrf_b", " exit-address-family",
		frr.LocalOwner, " neighbor 192.0.2.1 remote-as 1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// The text says what the blocks say: every line, in its context and family.
func TestTextAndBlocksAgree(t *testing.T) {
	c := sample()
	if d := cmp.Diff(said(blocks(frr.Parse(c.Body()))), said(c.Blocks())); d != "" {
		t.Errorf("(-text +blocks)\n%s", d)
	}
}

// said lists the lines with where they stand, sorted.
func said(list []desired.FRRBlock) []string {
	var out []string
	for _, b := range list {
		family := ""
		for _, l := range b.Lines {
			l = strings.TrimSpace(l)
			switch {
			case strings.HasPrefix(l, "address-family "):
				family = " / " + l
			case l == "exit-address-family":
				family = ""
			default:
				out = append(out, b.Head+family+" / "+l)
			}
		}
		out = append(out, b.Head)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// body is the text of a configuration without separators.
func body(c *frr.Config) []string {
	var out []string
	for l := range strings.Lines(c.Body()) {
		if l = strings.TrimRight(l, "\n"); l != "!" {
			out = append(out, l)
		}
	}
	return out
}

// Extended community lists are standard ones of route targets, or expanded ones of regular
// expressions (FRR: BGP extended communities in route map).
func TestCommunityLists(t *testing.T) {
	c := &frr.Config{}
	frr.Put(&c.Communities, "l", &frr.CommunityList{Name: "l", Owner: "controller/c", Entries: []frr.CommunityEntry{
		{Target: "65000:1"}, {Seq: 5, Pattern: "_RT:[0-9.]+:100_"}, {Seq: 10, Deny: true, Target: "0:0"},
	}})
	want := []string{
		"bgp extcommunity-list standard l permit rt 65000:1",
		"bgp extcommunity-list expanded l seq 5 permit _RT:[0-9.]+:100_",
		"bgp extcommunity-list standard l seq 10 deny rt 0:0",
	}
	if d := cmp.Diff(want, body(c)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	// A list is one part of the file: only its first line has a separator before it.
	if got := c.Body(); got != "!\n"+strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestStaticRoutes(t *testing.T) {
	c := &frr.Config{}
	for _, r := range []frr.Route{
		{Prefix: netip.MustParsePrefix("10.0.0.0/8")},
		{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("10.9.0.1")},
		{Prefix: netip.MustParsePrefix("fd00::/64"), Via: netip.MustParseAddr("fe80::1"), Link: "eth0"},
	} {
		c.Routes = append(c.Routes, frr.Own("zone/z", r))
	}
	want := []string{"ip route 10.0.0.0/8 null0", "ip route 10.0.0.0/8 10.9.0.1", "ipv6 route fd00::/64 fe80::1 eth0"}
	if d := cmp.Diff(want, body(c)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestProtocolMaps(t *testing.T) {
	c := &frr.Config{}
	c.ProtocolMap("bgp").IPv4 = frr.Own("controller/c", "four")
	c.ProtocolMap("ospf").IPv4, c.ProtocolMap("ospf").IPv6 = frr.Own("fabric/f", "o4"), frr.Own("fabric/f", "o6")
	want := []string{"ip protocol bgp route-map four", "ip protocol ospf route-map o4", "ipv6 protocol ospf route-map o6"}
	if d := cmp.Diff(want, body(c)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A router of a VRF has its name in the head, and coalesce-time only if it is set.
func TestRouterOfVRF(t *testing.T) {
	c := &frr.Config{}
	r := frr.Put(&c.Routers, "vrf_z", &frr.Router{VRF: "vrf_z", ASN: 65000, Owner: "zone/z", RouterID: netip.MustParseAddr("10.0.0.1")})
	r.Unicast6().Redistribute = []frr.Owned[string]{frr.Own("zone/z", "connected")}
	if len(r.Unicast6().Redistribute) != 1 {
		t.Error("the family is created twice")
	}
	want := []string{
		"router bgp 65000 vrf vrf_z", " bgp router-id 10.0.0.1", " !", " address-family ipv6 unicast", "  redistribute connected", " exit-address-family", "exit",
	}
	if d := cmp.Diff(want, body(c)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Entries are numbered from 1 in their order.
func TestRenumber(t *testing.T) {
	m := &frr.RouteMap{Name: "m", Entries: []frr.RouteMapEntry{{Seq: 7, Call: "b"}, {Call: "c"}}}
	m.Prepend(frr.RouteMapEntry{Seq: 7, Call: "a"})
	m.Renumber()
	for i, call := range []string{"a", "b", "c"} {
		if e := m.Entries[i]; e.Call != call || e.Seq != i+1 {
			t.Errorf("entry %d: %+v, want %s with number %d", i, e, call, i+1)
		}
	}
}

// Lines of an operator's file in a context of ours are a block of the file's, after those
// of the objects; a context of the file is not split.
func TestBlocksOfLocalLines(t *testing.T) {
	c := &frr.Config{}
	r := frr.Put(&c.Routers, frr.DefaultVRF, &frr.Router{ASN: 65000, Owner: "controller/c", RouterID: netip.MustParseAddr("10.0.0.1"), MultipathRelax: frr.Own("controller/b", true)})
	r.Custom = []string{" timers bgp 3 9"}
	var got []string
	for _, b := range c.Blocks() {
		got = append(got, b.Owner+":"+strings.Join(b.Lines, ","))
	}
	want := []string{"controller/c: bgp router-id 10.0.0.1", "controller/b: bgp bestpath as-path multipath-relax", frr.LocalOwner + ": timers bgp 3 9"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
