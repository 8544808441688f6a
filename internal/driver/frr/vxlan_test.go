package frr

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// tunnel makes what a VXLAN zone has on a node: a bridge, and a VXLAN device that
// floods to the other node.
func (l *lab) tunnel(vni int, own, other string) (index int, h *netlink.Handle) {
	l.t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(l.opts.Namespace.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(h.Close)
	for _, link := range []netlink.Link{
		&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "flat"}},
		&netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "vxlan_flat"}, VxlanId: vni, SrcAddr: net.ParseIP(own), Port: 4789, Learning: true},
	} {
		if err := h.LinkAdd(link); err != nil {
			l.t.Fatal(err)
		}
		if err := h.LinkSetUp(link); err != nil {
			l.t.Fatal(err)
		}
	}
	bridge, err := h.LinkByName("flat")
	if err != nil {
		l.t.Fatal(err)
	}
	vxlan, err := h.LinkByName("vxlan_flat")
	if err != nil {
		l.t.Fatal(err)
	}
	if err := h.LinkSetMaster(vxlan, bridge); err != nil {
		l.t.Fatal(err)
	}
	err = h.NeighAppend(&netlink.Neigh{
		LinkIndex: vxlan.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
		IP: net.ParseIP(other), HardwareAddr: make(net.HardwareAddr, 6),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return vxlan.Attrs().Index, h
}

// TestVXLANZonesKeepTheirTunnels ends an EVPN session between nodes that have a
// VXLAN zone as well: what the zone floods to is none of EVPN's business.
func TestVXLANZonesKeepTheirTunnels(t *testing.T) {
	a, b := newLab(t), newLab(t)
	join(t, a, b, "10.0.0.1/24", "10.0.0.2/24")
	index, h := a.tunnel(12000, "10.0.0.1", "10.0.0.2")
	b.tunnel(12000, "10.0.0.2", "10.0.0.1")
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for l, own := range map[*lab]netip.Addr{a: one, b: two} {
		c := routing.Build(&routing.Intent{Controllers: []routing.Controller{routing.EVPN{
			ID: "c", Owner: "controller/c", ASN: 65000, RouterID: own, Own: own, Peers: []netip.Addr{one, two}, Apart: []uint32{12000},
		}}})
		l.apply(&desired.FRR{Daemons: c.Daemons(), Blocks: c.Blocks()})
	}
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !done(); <-time.After(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	wait("no route to the other end", func() bool {
		return strings.Contains(a.vtysh("show bgp l2vpn evpn"), "[3]:[0]:[32]:[10.0.0.2]")
	})
	b.vtysh("configure terminal", "router bgp 65000", "neighbor 10.0.0.1 shutdown")
	wait("the session does not end", func() bool { _, down := a.session("10.0.0.2"); return down > 0 })
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		list, err := h.NeighList(index, unix.AF_BRIDGE)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, n := range list {
			found = found || n.IP.Equal(net.ParseIP("10.0.0.2")) && n.HardwareAddr.String() == "00:00:00:00:00:00"
		}
		if !found {
			t.Fatal("FRR took the other end of the VXLAN zone's tunnel away")
		}
	}
}
