package link

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// expect applies a state, compares the changes and verifies the result.
func (l *lab) expect(want *desired.Space, changes ...string) {
	l.t.Helper()
	r := l.reconcile(want)
	if d := cmp.Diff(changes, lines(r.Changes)); d != "" {
		l.t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(want)
}

// vlanNode is a network on VLAN id of a parent, as on a VLAN-aware bridge.
func vlanNode(parent, name string, id int, self bool, protocol string) *desired.Space {
	owner := "vnet/" + name
	return &desired.Space{Links: []desired.Link{
		{Name: name, Kind: desired.LinkBridge, Owner: owner, Bridge: &desired.Bridge{}},
		{Name: "up_" + name, Kind: desired.LinkVLAN, Owner: owner, Master: name, NoLinkLocal: true,
			VLAN: &desired.VLAN{Parent: parent, ID: id, Self: self, Protocol: protocol}},
	}}
}

func TestVLANOnForeignBridge(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	l.run("ip link add vmbr0 type bridge vlan_filtering 1")
	l.run("ip link set vmbr0 up")
	l.run("bridge vlan add dev vmbr0 vid 55 self") // the operator's
	want := vlanNode("vmbr0", "vn1", 100, true, "")
	l.expect(want, "+ link up_vn1: kind vlan, parent vmbr0, vlan 100, vlan-of-bridge on, master vn1, link-local off", "+ link vn1: kind bridge")
	contains(t, l.run("ip -d link show up_vn1"), "up_vn1@vmbr0", "vlan protocol 802.1Q id 100", "master vn1", ",UP", "addrgenmode none", "group 1986617700")
	self := func() string {
		return strings.Join(strings.Fields(l.run("bridge vlan show dev vmbr0")), " ")
	}
	contains(t, self(), " 55 100")

	l.run("bridge vlan del dev vmbr0 vid 100 self")
	l.expect(want, "~ link up_vn1: vlan-of-bridge off -> on")
	// Another identifier: a new device, and the bridge leaves the old VLAN.
	want.Links[0].VLAN.ID = 101
	l.expect(want, "± link up_vn1: vlan 100 -> 101, vlan-of-bridge off -> on")
	if got := self(); strings.Contains(got, "100") || !strings.Contains(got, "55 101") {
		t.Errorf("the bridge is in: %s", got)
	}
	// The same VLAN under another name, and also as a service tag.
	renamed := vlanNode("vmbr0", "vn2", 101, true, "802.1q")
	ad := vlanNode("vmbr0", "vn3", 101, true, "802.1ad")
	renamed.Links = append(renamed.Links, ad.Links...)
	l.reconcile(renamed)
	l.settled(renamed)
	contains(t, l.run("ip -d link show up_vn3"), "vlan protocol 802.1ad id 101")
	contains(t, self(), "55 101")
	l.reconcile(ad)
	l.settled(ad)
	contains(t, self(), "55 101") // the other device needs it still
	l.reconcile(&desired.Space{})
	if got := self(); strings.Contains(got, "101") || !strings.Contains(got, "55") {
		t.Errorf("the bridge is in: %s", got)
	}
	// A kill before the deletion.
	l.reconcile(want)
	l.run("ip link set up_vn1 group 1986617701")
	l.run("ip link set vn1 group 1986617701")
	l.reconcile(&desired.Space{})
	if got := self(); strings.Contains(got, "101") {
		t.Errorf("the bridge is in: %s", got)
	}
}

// A port of a foreign bridge carries one VLAN only, whatever the bridge's default is, and
// the VLAN device of the node's own on the same VLAN is left alone.
func TestPortOfOneVLANOnForeignBridge(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	l.run("ip link add vmbr0 type bridge vlan_filtering 1 vlan_default_pvid 7")
	l.run("ip link add eth1 type veth peer name far")
	l.run("ip link set far up")
	l.run("ip link set eth1 master vmbr0 up")
	l.run("ip link set vmbr0 up")
	l.run("ip link add vmbr0.40 link vmbr0 type vlan id 40")
	l.run("bridge vlan add dev vmbr0 vid 40 self")
	l.run("ip addr add 10.40.0.1/24 dev vmbr0.40")
	l.run("ip link set vmbr0.40 up")
	// The operational state is left out: the kernel follows up with it later, by itself.
	operational := regexp.MustCompile(`state \S+|,LOWER_UP|NO-CARRIER,`)
	foreign := func() string {
		out := l.run("ip -o -4 addr show dev vmbr0.40") + l.run("bridge vlan show dev vmbr0")
		for _, name := range []string{"vmbr0", "vmbr0.40"} {
			out += operational.ReplaceAllString(l.run("ip -o link show dev "+name), "")
		}
		return out
	}
	before := foreign()
	vlans := func() string { return strings.Join(strings.Fields(l.run("bridge vlan show dev pr_v40")), " ") }
	want := besideVLAN()
	l.reconcile(want)
	l.settled(want)
	if got := vlans(); !strings.HasSuffix(got, "pr_v40 40 PVID Egress Untagged") {
		t.Errorf("the port is in: %s", got)
	}
	if after := foreign(); after != before { // its MAC address too
		t.Errorf("what is not ours was touched:\n%s\n%s", before, after)
	}
	for _, damage := range []string{"bridge vlan add dev pr_v40 vid 2-100", "bridge vlan del dev pr_v40 vid 40", "bridge vlan add dev pr_v40 vid 7 pvid untagged", "bridge vlan add dev pr_v40 vid 40"} {
		l.run(damage)
		l.reconcile(want)
		l.settled(want)
		if got := vlans(); !strings.HasSuffix(got, "pr_v40 40 PVID Egress Untagged") {
			t.Errorf("%s: the port is in: %s", damage, got)
		}
	}
	want.Links[1].Port = &desired.BridgePort{VLAN: 41, Tagged: true}
	l.reconcile(want)
	l.settled(want)
	if got := vlans(); !strings.HasSuffix(got, "pr_v40 41") {
		t.Errorf("the port is in: %s", got)
	}
	l.reconcile(&desired.Space{})
	if after := foreign(); after != before {
		t.Errorf("what is not ours was touched:\n%s\n%s", before, after)
	}

	// The node gives the VLAN device up, takes it back while it is ours, and keeps it.
	l.run("ip link del vmbr0.40")
	l.reconcile(onVLAN())
	l.settled(onVLAN())
	l.run("ip addr add 10.40.0.1/24 dev vmbr0.40")
	l.settled(onVLAN())
	l.reconcile(besideVLAN())
	l.settled(besideVLAN())
	contains(t, l.run("ip -d addr show dev vmbr0.40"), "10.40.0.1/24", "group default")
	if out := l.run("ip link show master v40"); strings.Contains(out, "vmbr0.40") || !strings.Contains(out, "ln_v40") {
		t.Errorf("ports of v40:\n%s", out)
	}
	l.reconcile(&desired.Space{})
	contains(t, l.run("ip addr show dev vmbr0.40"), "10.40.0.1/24", ",UP")
	contains(t, l.run("bridge vlan show dev vmbr0"), "40")
}

func TestVLANGoesWithItsParent(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	want := vlanNode("d0", "vn1", 7, false, "")
	want.Links = append(want.Links, desired.Link{Name: "d0", Kind: desired.LinkDummy, Owner: "fabric/d", MTU: 9000, MAC: "02:00:00:00:00:77"})
	l.reconcile(want)
	l.settled(want)
	contains(t, l.run("ip link show d0"), "mtu 9000", "02:00:00:00:00:77")
	l.run("ip link del d0")
	l.expect(want, "+ link d0: kind dummy, mtu 9000, mac 02:00:00:00:00:77",
		"+ link up_vn1: kind vlan, parent d0, vlan 7, master vn1, link-local off")
	l.run("ip link set d0 down")
	l.reconcile(want)
	l.settled(want)
	// The parent becomes another kind: links on it are recreated.
	want.Links[0].Kind, want.Links[0].MTU, want.Links[0].Bridge = desired.LinkBridge, 1500, &desired.Bridge{}
	l.expect(want, "± link d0: kind dummy -> bridge, mtu 9000 -> 1500", "± link up_vn1: parent d0")
	l.reconcile(&desired.Space{})
	if out := l.run("ip -br link"); strings.Contains(out, "vn1") || strings.Contains(out, "d0") {
		t.Error(out)
	}
	// A foreign parent that is down, or narrower than its VLAN.
	l.run("ip link add e0 mtu 1400 type veth peer name e1")
	want = vlanNode("e0", "vn1", 7, false, "")
	want.Links[1].NoLinkLocal, want.Links[1].MTU = false, 1500
	_, err := l.d.Reconcile(context.Background(), want, false)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || !strings.Contains(errs[0].Error(), "MTU") {
		t.Errorf("errors: %v", err)
	}
	want.Links[1].MTU = 0
	_, err = l.d.Reconcile(context.Background(), want, false)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || !strings.Contains(errs[0].Error(), "is down: bring that one up") {
		t.Errorf("errors: %v", err)
	}
}

// qinq is a zone with a service tag, and a network with a customer's tag in it.
func qinq(parent string) *desired.Space {
	node := vlanNode("z_q", "vn1", 100, true, "")
	node.Links = append(node.Links,
		desired.Link{Name: "sv_q", Kind: desired.LinkVLAN, Owner: "zone/q", Master: "z_q", NoLinkLocal: true,
			Port: &desired.BridgePort{AllVLANs: true}, VLAN: &desired.VLAN{Parent: parent, ID: 10, Protocol: "802.1ad"}},
		desired.Link{Name: "z_q", Kind: desired.LinkBridge, Owner: "zone/q", Bridge: &desired.Bridge{VLANFiltering: true}},
		desired.Link{Name: "ln_q", Kind: desired.LinkVeth, Owner: "zone/q", Master: "z_q", Port: &desired.BridgePort{AllVLANs: true}, Veth: &desired.Veth{Peer: "pr_q"}},
		desired.Link{Name: "pr_q", Kind: desired.LinkVeth, Owner: "zone/q", Veth: &desired.Veth{Peer: "ln_q"}})
	node.Sort()
	return node
}

// TestQinQCarriesFrames sends a frame from one node's guest to another's.
func TestQinQCarriesFrames(t *testing.T) {
	requires.VM(t)
	a, b := newLab(t), newLab(t)
	a.run("ip link add eth0 type veth peer name far")
	move(t, a, b, "far", "eth0")
	for i, l := range []*lab{a, b} {
		l.run("ip link set eth0 up")
		want := qinq("eth0")
		want.Addresses = []desired.Address{{Link: "vn1", Owner: "vnet/vn1", Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24)}}
		l.reconcile(want)
		l.settled(want)
	}
	a.run("ping -c 1 -W 5 10.0.0.2")
	a.run("bridge vlan del dev sv_q vid 50-60")
	a.expect(func() *desired.Space {
		want := qinq("eth0")
		want.Addresses = []desired.Address{{Link: "vn1", Owner: "vnet/vn1", Prefix: netip.MustParsePrefix("10.0.0.1/24")}}
		return want
	}(), "~ link sv_q: all-vlans off -> on")
}

// move moves an interface from one lab to the other, under a new name.
func move(t *testing.T, from, to *lab, name, as string) {
	t.Helper()
	// A namespace without a name is named to ip by a file of this process.
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), to.ns.FD())
	from.run("ip link set " + name + " name " + as + " netns " + path)
}

func TestVRF(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	v6 := desired.Address{Link: "vn1", Owner: "vnet/vn1", Prefix: netip.MustParsePrefix("fd00::1/64")}
	want := vnets(1)
	want.Addresses = append(want.Addresses, v6)
	l.reconcile(want)
	before := l.run("ip -br link show vn1")
	// An existing network joins a VRF: its IPv6 addresses would be flushed.
	in := vnets(1)
	in.Addresses = append(in.Addresses, v6)
	in.Links[0].Master = "vrf_z"
	in.Links = append(in.Links, desired.Link{Name: "vrf_z", Kind: desired.LinkVRF, Owner: "zone/z", VRF: &desired.VRF{Table: 100010000}})
	l.expect(in, "~ link vn1: master vrf_z", "+ link vrf_z: kind vrf, table 100010000")
	contains(t, l.run("ip -d link show vrf_z"), "vrf table 100010000", ",UP")
	contains(t, l.run("ip addr show vn1"), "master vrf_z", "fd00::1/64", "10.0.1.1/24", "fe80::")
	contains(t, l.run("ip route show vrf vrf_z"), "10.0.1.0/24")
	contains(t, l.run("ip -6 route show vrf vrf_z"), "fd00::/64")
	if after := l.run("ip -br link show vn1"); strings.Fields(after)[2] != strings.Fields(before)[2] {
		t.Errorf("the bridge was made anew:\n%s%s", before, after)
	}
	// Another table (the links are sorted by now): the VRF is replaced, its member comes back with its addresses.
	in.Links[1].VRF.Table = 100010001
	l.expect(in, "~ link vn1: master vrf_z", "± link vrf_z: table 100010000 -> 100010001")
	contains(t, l.run("ip -6 route show vrf vrf_z"), "fd00::/64")
	// Somebody takes it out, or the VRF was about to go.
	l.run("ip link set vn1 nomaster")
	l.expect(in, "~ link vn1: master vrf_z", "+ address fd00::1/64 dev vn1")
	l.run("ip link set vrf_z group 1986617701")
	l.expect(in, "~ link vn1: master vrf_z", "+ link vrf_z: kind vrf, table 100010001")
	// The network leaves the VRF, which goes.
	l.expect(want, "~ link vn1: master vrf_z removed", "- link vrf_z")
	contains(t, l.run("ip addr show vn1"), "fd00::1/64", "10.0.1.1/24")
	// A second VRF with the table of one that goes.
	l.reconcile(in)
	in.Links[1].Name, in.Links[0].Master = "vrf_y", "vrf_y"
	l.reconcile(in)
	l.settled(in)
	// Made in one go.
	l.reconcile(&desired.Space{})
	l.reconcile(in)
	l.settled(in)
	contains(t, l.run("ip -6 route show vrf vrf_y"), "fd00::/64")
}

func TestPortMACsOnVLANAwareBridge(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	l.run("ip link add tap1i0 type veth peer name peer0")
	want := vnets(1)
	want.Links[0].Bridge.VLANFiltering = true
	want.Ports = []desired.Port{{Names: []string{"tap1i0"}, Bridge: "vn1", Owner: "guest/1", MACs: []string{macA}}}
	l.reconcile(want)
	l.settled(want)
	l.run("bridge vlan add dev tap1i0 vid 5")
	l.run("bridge fdb add " + macB + " dev tap1i0 vlan 5 master static")
	l.expect(want, "~ port tap1i0: macs "+macA+" "+macB+" -> "+macA)
}
