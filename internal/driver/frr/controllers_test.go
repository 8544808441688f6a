package frr

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// TestControllersTellTheirZonesOnly gives a node two EVPN controllers, one of
// which leads to a router of another autonomous system: that one hears of the zone
// that is its own too, and not of the other, whose network's number begins alike.
func TestControllersTellTheirZonesOnly(t *testing.T) {
	a, b := newLab(t), newLab(t)
	join(t, a, b, "10.0.0.1/24", "10.0.0.2/24")
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	a.tunnel(12000, "10.0.0.1", "10.0.0.2")
	a.tunnel(120001, "10.0.0.1", "10.0.0.2")
	b.tunnel(12000, "10.0.0.2", "10.0.0.1")
	apply := func(l *lab, i *routing.Intent) {
		t.Helper()
		c := routing.Build(i)
		l.apply(&desired.FRR{Daemons: c.Daemons(), Blocks: c.Blocks()})
	}
	apply(a, &routing.Intent{
		Controllers: []routing.Controller{
			routing.EVPN{ID: "cluster", Owner: "controller/cluster", ASN: 65000, RouterID: one, Own: one, Peers: []netip.Addr{one, one.Prev()}},
			routing.EVPN{ID: "dc", Owner: "controller/dc", ASN: 65020, RouterID: one, Own: one, Peers: []netip.Addr{two}, Group: "DC", Mode: "external"},
		},
		Zones: []routing.Zone{
			{ID: "both", Owner: "zone/both", VRF: "vrf_both", Controller: "cluster", Secondary: []string{"dc"}, VNI: 7000, VNIs: []uint32{12000}},
			{ID: "home", Owner: "zone/home", VRF: "vrf_home", Controller: "cluster", VNI: 7001, VNIs: []uint32{120001}},
		},
	})
	apply(b, &routing.Intent{Controllers: []routing.Controller{
		routing.EVPN{ID: "dc", Owner: "controller/dc", ASN: 65030, RouterID: two, Own: two, Peers: []netip.Addr{one}, Mode: "external"},
	}})
	told := ""
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(told, "RT:65000:12000 "); <-time.After(50 * time.Millisecond) {
		if told = b.vtysh("show bgp l2vpn evpn"); time.Now().After(deadline) {
			t.Fatalf("the zone of both is not told\n%s\n%s", told, a.vtysh("show bgp l2vpn evpn"))
		}
	}
	if !strings.Contains(a.vtysh("show bgp l2vpn evpn"), "RT:65000:120001") || strings.Contains(told, "120001") {
		t.Errorf("the other zone is told\n%s", told)
	}
	if path := "65020 "; !strings.Contains(told, path) || strings.Contains(told, " 65000 ") {
		t.Errorf("the node does not speak as %s\n%s", path, told)
	}
}
