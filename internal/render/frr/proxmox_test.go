package frr_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// Every kind of line finds its place, or is told to be lost.
func TestMergeProxmox(t *testing.T) {
	c := &frr.Config{}
	r := frr.Put(&c.Routers, frr.DefaultVRF, &frr.Router{ASN: 1, RouterID: netip.MustParseAddr("10.0.0.1")})
	r.L2VPN()
	frr.Put(&c.VRFs, "red", &frr.VRF{Name: "red", VNI: 5})
	frr.Put(&c.ISIS, "core", &frr.ISIS{Domain: "core"})
	frr.Put(&c.ISISInterfaces, "eth0", &frr.Interface{Name: "eth0"})
	c.RouteMap("m").Entries = []frr.RouteMapEntry{{Seq: 1}, {Seq: 2}}
	c.MergeProxmox(`
 ! not a line
hostname x
router bgp 1
 in the router
 address-family l2vpn evpn
  in the family
 exit-address-family
 in the router again
 address-family ipv4 unicast
  in a new family
 exit-address-family
 not in the router
 address-family ipv6 unicast
 exit-address-family
exit
router bgp 2
 of another
 address-family ipv4 unicast
 exit-address-family
exit
vrf red
 in red
vrf blue
 in blue
exit-vrf
router isis core
 in core
interface eth0
 in eth0
exit
route-map m deny 1
 match m
route-map a permit 77
route-map m permit 1
exit
exit
access-list x seq 5 permit any
access-list y permit any
bgp community-list standard z permit 1:2
`)
	want := []struct {
		where string
		got   []string
		want  string
	}{
		{"router", r.Custom, " in the router| in the router again| address-family ipv4 unicast|  in a new family| exit-address-family| address-family ipv6 unicast| exit-address-family"},
		{"family", r.EVPN.Custom, "  in the family"},
		{"vrf", c.VRFs["red"].Custom, " in red"},
		{"isis", c.ISIS["core"].Custom, " in core"},
		{"interface", c.ISISInterfaces["eth0"].Custom, " in eth0"},
		{"rest", c.Custom, " not in the router|router bgp 2| of another| address-family ipv4 unicast| exit-address-family|exit|!|vrf blue| in blue|exit-vrf|!|" +
			"access-list x seq 5 permit any|bgp community-list standard z permit 1:2|" +
			"route-map a permit 1|exit|!|route-map m deny 3| match m|exit|!|route-map m permit 4|exit|!"},
	}
	for _, w := range want {
		if d := cmp.Diff(w.want, strings.Join(w.got, "|")); d != "" {
			t.Errorf("%s (-want +got)\n%s", w.where, d)
		}
	}
	var lost []string
	for _, l := range c.Lost {
		lost = append(lost, strings.TrimPrefix(l.Error(), "frr.conf.local:"))
	}
	if d := cmp.Diff([]string{
		`3: "hostname" is lost: Proxmox does not take it over at the top level`,
		`13: "not" leaves its router: Proxmox writes what follows an address family that is not its own outside all routers`,
		`39: "access-list" is lost: Proxmox does not take it over at the top level`,
	}, lost); d != "" {
		t.Errorf("lost (-want +got)\n%s", d)
	}
}

// FuzzMergeProxmox shows that no file stops the merge.
func FuzzMergeProxmox(f *testing.F) {
	f.Add(handmade)
	f.Add("router bgp 65000\naddress-family ipv4 unicast\nexit-address-family\nx\nexit\nexit-address-family\n")
	f.Fuzz(func(t *testing.T, local string) {
		c := sample()
		before := strings.Count(c.Body(), "\n")
		c.MergeProxmox(local)
		if after := strings.Count(c.Body(), "\n"); after < before {
			t.Errorf("%d lines became %d", before, after)
		}
	})
}

// Lines of a family that the configuration has join it; those of another are the router's
// own, with their frame.
func TestProxmoxFamilies(t *testing.T) {
	c := &frr.Config{}
	r := frr.Put(&c.Routers, frr.DefaultVRF, &frr.Router{ASN: 65000, Owner: "controller/c", RouterID: netip.MustParseAddr("10.0.0.1")})
	r.Unicast4()
	c.MergeProxmox("router bgp 65000\n address-family ipv4 unicast\n  network 10.9.0.0/16\n exit-address-family\n" +
		" address-family ipv6 unicast\n  network fd09::/64\n exit-address-family\nexit\n")
	if d := cmp.Diff([]string{"  network 10.9.0.0/16"}, r.IPv4.Custom); d != "" {
		t.Errorf("ipv4 (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{" address-family ipv6 unicast", "  network fd09::/64", " exit-address-family"}, r.Custom); d != "" {
		t.Errorf("router (-want +got)\n%s", d)
	}
	if r.IPv6 != nil {
		t.Error("the file created a family")
	}
	r.Unicast6()
	r.Custom = nil
	c.MergeProxmox("router bgp 65000\n address-family ipv6 unicast\n  network fd09::/64\n exit-address-family\nexit\n")
	if d := cmp.Diff([]string{"  network fd09::/64"}, r.IPv6.Custom); d != "" || len(r.Custom) != 0 {
		t.Errorf("ipv6 (-want +got)\n%s; router %q", d, r.Custom)
	}
}
