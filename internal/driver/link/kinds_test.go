package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// contains fails for each text that the output lacks.
func contains(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("missing %q in\n%s", text, output)
		}
	}
}

// uplink is a network that a veth pair joins to a bridge that something else made.
func uplink(name string) *desired.Space {
	owner := "vnet/" + name
	return &desired.Space{Links: []desired.Link{
		{Name: name, Kind: desired.LinkBridge, Owner: owner, MTU: 1400, Bridge: &desired.Bridge{}},
		{Name: "ln_" + name, Kind: desired.LinkVeth, Owner: owner, MTU: 1400, Master: name, NoLinkLocal: true, Veth: &desired.Veth{Peer: "pr_" + name}},
		{Name: "pr_" + name, Kind: desired.LinkVeth, Owner: owner, MTU: 1400, Master: "vmbr0", ForeignMaster: true, NoLinkLocal: true, Alias: "uplink",
			Port: &desired.BridgePort{NoLearning: true, NeighSuppress: true}, Veth: &desired.Veth{Peer: "ln_" + name}},
	}}
}

func TestVethPair(t *testing.T) {
	l := newLab(t)
	l.run("ip link add vmbr0 type bridge")
	l.run("ip link set vmbr0 up")
	want := uplink("vn1")
	r := l.reconcile(want)
	if d := cmp.Diff([]string{
		"+ link ln_vn1: kind veth, peer pr_vn1, mtu 1400, master vn1, link-local off",
		"+ link pr_vn1: kind veth, peer ln_vn1, mtu 1400, master vmbr0, foreign-master on, alias uplink, link-local off, port-learning off, neigh-suppress on",
		"+ link vn1: kind bridge, mtu 1400",
	}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(want)
	contains(t, l.run("ip -d link show ln_vn1"), "@pr_vn1", "master vn1", "mtu 1400", "group 1986617700", "MULTICAST,UP", fmt.Sprint(firstIndex+1))
	contains(t, l.run("ip -d link show pr_vn1"), "@ln_vn1", "master vmbr0", "mtu 1400", "group 1986617700", "learning off", "neigh_suppress on", "alias uplink", "addrgenmode none")

	for _, c := range []struct{ damage, want string }{
		{"ip link del pr_vn1", "+ link ln_vn1: kind veth, peer pr_vn1, mtu 1400, master vn1, link-local off"},
		{"ip link set pr_vn1 down; ip link set pr_vn1 name other", "± link ln_vn1: peer other -> pr_vn1"},
		{"ip link set pr_vn1 nomaster", "~ link pr_vn1: master vmbr0, foreign-master off -> on, port-learning on -> off, neigh-suppress off -> on"},
		{"ip link set ln_vn1 down", "~ link ln_vn1: state down -> up"},
		{"bridge link set dev pr_vn1 learning on", "~ link pr_vn1: port-learning on -> off"},
		{fmt.Sprintf("ip link set pr_vn1 group %d", uint32(Doomed)), "± link ln_vn1: peer pr_vn1"},
	} {
		for command := range strings.SplitSeq(c.damage, "; ") {
			l.run(command)
		}
		r := l.reconcile(want)
		if got := lines(r.Changes); len(got) == 0 || got[0] != c.want {
			t.Errorf("%s: got %q, want first %q", c.damage, got, c.want)
		}
		l.settled(want)
		if out := l.run("ip -br link"); strings.Contains(out, "other") {
			t.Errorf("%s:\n%s", c.damage, out)
		}
	}
	// The other end gets another name: the pair is recreated, once.
	want.Links[1].Name, want.Links[0].Veth.Peer = "px_vn1", "px_vn1" // sorted by now
	r = l.reconcile(want)
	if d := cmp.Diff([]string{"± link ln_vn1: peer pr_vn1 -> px_vn1", "- link pr_vn1"}, []string{lines(r.Changes)[0], lines(r.Changes)[1]}); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(want)
	l.reconcile(&desired.Space{})
	if out := l.run("ip -br link"); strings.Contains(out, "vn1") || !strings.Contains(out, "vmbr0") {
		t.Errorf("after teardown:\n%s", out)
	}
}

func TestMissingForeignBridgeBlocksOnlyItsOwn(t *testing.T) {
	l := newLab(t)
	want := uplink("vn1")
	addVNet(want, 2)
	// A VLAN device on an interface that is not there, and a network on it.
	want.Links = append(want.Links,
		desired.Link{Name: "eth7.5", Kind: desired.LinkVLAN, Owner: "zone/z", VLAN: &desired.VLAN{Parent: "eth7", ID: 5}},
		desired.Link{Name: "vn9", Kind: desired.LinkBridge, Owner: "vnet/vn9", Bridge: &desired.Bridge{}},
		desired.Link{Name: "vn9.7", Kind: desired.LinkVLAN, Owner: "vnet/vn9", Master: "vn9", VLAN: &desired.VLAN{Parent: "eth7.5", ID: 7}})
	want.Sort()
	_, err := l.d.Reconcile(context.Background(), want, false)
	var got []string
	for _, e := range driver.ObjectErrors(err) {
		got = append(got, e.Error())
	}
	if d := cmp.Diff([]string{
		"zone/z: interface eth7.5: interface eth7, which is to carry VLAN 5, is not on this node: make it, correct the zone's bridge, or leave this node out of the zone",
		"vnet/vn1: interface pr_vn1: bridge vmbr0 is not on this node: make it (on Proxmox: Network, Create, Linux Bridge), correct the zone's bridge, or leave this node out of the zone",
		"vnet/vn9: interface vn9.7: its parent eth7.5 could not be created on this node; see zone/z",
	}, got); d != "" {
		t.Errorf("errors (-want +got):\n%s", d)
	}
	out := l.run("ip -br link")
	contains(t, out, "vx_vn2", "vn2")
	if strings.Contains(out, "ln_vn1") || strings.Contains(out, "vn9") {
		t.Errorf("half an object was made:\n%s", out)
	}
}

func TestForeignMasterMustBeABridge(t *testing.T) {
	l := newLab(t)
	l.run("ip link add vmbr0 type veth peer name x0")
	_, err := l.d.Reconcile(context.Background(), uplink("vn1"), false)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || !strings.Contains(errs[0].Error(), "vmbr0 (veth) is not a Linux bridge") {
		t.Errorf("errors: %v", err)
	}
}

func TestHardwareAddressIsKept(t *testing.T) {
	l := newLab(t)
	want := vnets(1)
	want.Links[0].MAC = "02:ff:00:00:00:01"
	l.reconcile(want)
	l.settled(want)
	// A bridge takes the lowest address of its ports, unless it was given one.
	l.run("ip link add p0 address 02:00:00:00:00:01 type veth peer name p1")
	l.run("ip link set p0 master vn1")
	l.settled(want)
	l.run("ip link set vn1 address 02:00:00:00:00:99")
	want.Links[1].MAC = "02:ff:00:00:00:02"
	r := l.reconcile(want)
	got := strings.Join(lines(r.Changes), "\n")
	contains(t, got, "~ link vn1: mac 02:00:00:00:00:99 -> 02:ff:00:00:00:01", "~ link vx_vn1: mac ", " -> 02:ff:00:00:00:02")
	l.settled(want)
	want.Links[1].MAC = "nonsense"
	if _, err := l.d.Reconcile(context.Background(), want, true); len(driver.ObjectErrors(err)) != 1 {
		t.Errorf("errors: %v", err)
	}
}

// TestControlPlaneKeepsItsEntries: FRR's flood entries look the same as Viaduct's.
func TestControlPlaneKeepsItsEntries(t *testing.T) {
	l := newLab(t)
	want := vnets(1)
	want.Neighbours = nil
	want.Links[1].VXLAN.Learning = false
	want.Links[1].Port = &desired.BridgePort{NoLearning: true, NeighSuppress: true}
	l.reconcile(want)
	l.settled(want)
	l.run("bridge fdb append 00:00:00:00:00:00 dev vx_vn1 dst 192.168.0.9 self permanent")
	l.settled(want)
	contains(t, l.run("ip -d link show vx_vn1"), "bridge_slave", "learning off", "neigh_suppress on")
}

func TestPortMACs(t *testing.T) {
	l := newLab(t)
	l.run("ip link add tap1i0 type veth peer name peer0")
	want := vnets(2)
	port := desired.Port{Names: []string{"tap1i0"}, Bridge: "vn1", Owner: "guest/1", MTU: 1450, MACs: []string{"02:00:00:00:00:0b", "02:00:00:00:00:0a"}}
	want.Ports = []desired.Port{port}
	r := l.reconcile(want)
	change := "+ port tap1i0: bridge vn1, macs 02:00:00:00:00:0a 02:00:00:00:00:0b, mtu 1450, learning off"
	if got := lines(r.Changes); got[len(got)-1] != change {
		t.Errorf("got %q", got)
	}
	l.settled(want)
	contains(t, l.run("bridge fdb show dev tap1i0"), "02:00:00:00:00:0a master vn1 static", "02:00:00:00:00:0b master vn1 static")
	contains(t, l.run("ip -d link show tap1i0"), "learning off", "mtu 1450")

	expect := func(what string, lines1 ...string) {
		t.Helper()
		r := l.reconcile(want)
		if d := cmp.Diff(lines1, lines(r.Changes)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		l.settled(want)
	}
	l.run("bridge fdb add 02:00:00:00:00:0c dev tap1i0 master static")
	l.run("bridge fdb del 02:00:00:00:00:0a dev tap1i0 master")
	expect("drift", "~ port tap1i0: macs 02:00:00:00:00:0b 02:00:00:00:00:0c -> 02:00:00:00:00:0a 02:00:00:00:00:0b")
	want.Ports[0].MACs = []string{}
	expect("none may send", "~ port tap1i0: macs 02:00:00:00:00:0a 02:00:00:00:00:0b removed")
	want.Ports[0].MACs = []string{"02:00:00:00:00:0d"}
	want.Ports[0].Bridge = "vn2"
	expect("moves", "~ port tap1i0: bridge vn1 -> vn2, macs 02:00:00:00:00:0d")
	// The bridge is replaced (as if it had been another kind): the port comes back whole.
	l.run("ip link del vn2")
	expect("comes back", "+ link vn2: kind bridge, mtu 1450", "~ link vx_vn2: master vn2", "+ address 10.0.2.1/24 dev vn2",
		"+ port tap1i0: bridge vn2, macs 02:00:00:00:00:0d, mtu 1450, learning off")
	want.Ports[0].MACs = nil
	expect("learns", "~ port tap1i0: macs 02:00:00:00:00:0d removed, learning off -> on")
	if out := l.run("bridge fdb show dev tap1i0"); strings.Contains(out, "02:00:00:00:00:0d") {
		t.Errorf("a MAC stayed bound:\n%s", out)
	}
	l.run("bridge fdb add 02:00:00:00:00:0e dev tap1i0 master static")
	l.settled(want) // somebody else's, on a port that learns

	want.Ports[0].MTU = 70000
	if _, err := l.d.Reconcile(context.Background(), want, false); len(driver.ObjectErrors(err)) != 1 {
		t.Errorf("errors: %v", err)
	}
	if d := cmp.Diff([]string{"tap1i0"}, l.d.Joined()); d != "" {
		t.Errorf("a wrong MTU keeps the guest off its network (-want +got):\n%s", d)
	}
}

// TestKindsThatTheKernelLacks holds on any kernel: what can be had is made, and
// what cannot is reported by name.
func TestKindsThatTheKernelLacks(t *testing.T) {
	l := newLab(t)
	l.run("ip link add e0 type veth peer name e1")
	l.run("ip link set e0 up")
	want := &desired.Space{Links: []desired.Link{
		{Name: "d0", Kind: desired.LinkDummy, Owner: "fabric/d"},
		{Name: "e0.5", Kind: desired.LinkVLAN, Owner: "zone/q", VLAN: &desired.VLAN{Parent: "e0", ID: 5, Protocol: "802.1ad"}},
		{Name: "v0", Kind: desired.LinkVRF, Owner: "zone/v", VRF: &desired.VRF{Table: 100010000}},
	}}
	_, err := l.d.Reconcile(context.Background(), want, false)
	texts := map[string]string{
		"fabric/d": "it needs dummy devices, and module dummy is not available on this node",
		"zone/q":   "it needs 802.1ad VLAN devices, and module 8021q is not available on this node",
		"zone/v":   "it needs VRF devices, and module vrf is not available on this node",
	}
	for _, e := range driver.ObjectErrors(err) {
		contains(t, e.Error(), texts[e.Owner])
		delete(texts, e.Owner)
	}
	for owner := range texts {
		for _, w := range want.Links {
			if w.Owner == owner {
				l.run("ip link show " + w.Name)
			}
		}
	}
}

// TestWhatCannotBeIsToldBeforehand is pure: nothing of it reaches the kernel.
func TestWhatCannotBeIsToldBeforehand(t *testing.T) {
	aware, plain := true, false
	st := newState(nil)
	for i, l := range []*actual{
		{}, {}, {}, {}, {},
	} {
		l.Index = i + 1
		st.links = append(st.links, l)
	}
	set := func(i int, name, kind string) *actual {
		a := st.links[i]
		a.Name, a.Kind = name, kind
		st.byName[name], st.byIdx[a.Index] = a, a
		return a
	}
	setBridge(set(0, "vmbr0", "bridge"), &plain)
	setBridge(set(1, "vmbr1", "bridge"), &aware)
	foreign := set(2, "vmbr1.9", "vlan")
	foreign.Parent, foreign.VLAN = 2, vlanInfo(9)
	set(3, "eth0", "")
	st.byAlt["nic0"] = set(4, "taken", "dummy")
	vlan := func(name, parent string, id int, self bool) desired.Link {
		return desired.Link{Name: name, Kind: desired.LinkVLAN, Owner: "zone/" + name, VLAN: &desired.VLAN{Parent: parent, ID: id, Self: self}}
	}
	for _, c := range []struct {
		name  string
		links []desired.Link
		want  []string
	}{
		{"not VLAN-aware", []desired.Link{vlan("a", "vmbr0", 5, true)}, []string{"zone/a: interface a: bridge vmbr0 is not VLAN-aware: make it so (ip link set vmbr0 type bridge vlan_filtering 1, and bridge-vlan-aware yes in its configuration)"}},
		{"VLAN carried by another", []desired.Link{vlan("b", "vmbr1", 9, false)}, []string{"zone/b: interface b: interface vmbr1.9, which carries VLAN 9 of vmbr1, exists on this node and was not made by Viaduct; it was left untouched: rename or remove it, or choose another name"}},
		{"VLAN out of range", []desired.Link{vlan("c", "eth0", 4095, false)}, []string{"zone/c: interface c: the settings of the vlan are incomplete or out of range"}},
		{"its own parent", []desired.Link{vlan("d", "d", 5, false)}, []string{"zone/d: interface d: it would be its own parent"}},
		{"in a circle", []desired.Link{vlan("e", "f", 5, false), vlan("f", "e", 5, false)}, []string{"zone/e: interface e would be carried by itself: its master or parent leads back to it", "zone/f: interface f: its parent e could not be created on this node; see zone/e"}},
		{"half a pair", []desired.Link{{Name: "g", Kind: desired.LinkVeth, Owner: "zone/g", Veth: &desired.Veth{Peer: "h"}}}, []string{"zone/g: interface g: the other end h of its veth pair is not one that names it"}},
		{"a name that is taken", []desired.Link{{Name: "taken", Kind: desired.LinkDummy, Owner: "fabric/f"}}, []string{"fabric/f: interface taken (dummy) exists on this node and was not made by Viaduct; it was left untouched: rename or remove it, or choose another name"}},
		{"an alternative name that is taken", []desired.Link{{Name: "nic0", Kind: desired.LinkDummy, Owner: "fabric/f"}}, []string{"fabric/f: interface taken (dummy), of which nic0 is an alternative name (ip link property), exists on this node and was not made by Viaduct; it was left untouched: rename or remove it, or choose another name"}},
		{"all is well", []desired.Link{vlan("i", "vmbr1", 10, true), vlan("j", "eth0", 9, false)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := &desired.Space{Links: c.links}
			w := choose(st, node, none)
			var got []string
			for _, err := range w.errs {
				got = append(got, err.Error())
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("errors (-want +got):\n%s", d)
			}
			var conflict *driver.Conflict
			if c.name == "VLAN carried by another" && !errors.As(w.errs[0], &conflict) {
				t.Error("no conflict")
			}
		})
	}
}

func TestOrderOfMaking(t *testing.T) {
	node := &desired.Space{Links: []desired.Link{
		{Name: "vx_vn1", Kind: desired.LinkVXLAN, Owner: "vnet/vn1", Master: "vn1", VXLAN: &desired.VXLAN{ID: 1}},
		{Name: "vn1", Kind: desired.LinkBridge, Owner: "vnet/vn1", Master: "vrf_z", Bridge: &desired.Bridge{}},
		{Name: "vn2", Kind: desired.LinkBridge, Owner: "vnet/vn2", Bridge: &desired.Bridge{}},
		{Name: "z_q.7", Kind: desired.LinkVLAN, Owner: "vnet/vn2", Master: "vn2", VLAN: &desired.VLAN{Parent: "z_q", ID: 7, Self: true}},
		{Name: "z_q", Kind: desired.LinkBridge, Owner: "zone/q", Bridge: &desired.Bridge{VLANFiltering: true}},
		{Name: "sv_q", Kind: desired.LinkVLAN, Owner: "zone/q", Master: "z_q", VLAN: &desired.VLAN{Parent: "d0", ID: 5}},
		{Name: "d0", Kind: desired.LinkDummy, Owner: "zone/q"},
		{Name: "vrf_z", Kind: desired.LinkVRF, Owner: "zone/z", VRF: &desired.VRF{Table: 10}},
	}}
	w := choose(newState(nil), node, none)
	var got []string
	for _, l := range w.links {
		got = append(got, l.Name)
	}
	if d := cmp.Diff([]string{"vrf_z", "vn1", "vx_vn1", "d0", "vn2", "z_q", "sv_q", "z_q.7"}, got); d != "" || len(w.errs) > 0 {
		t.Errorf("%v (-want +got):\n%s", w.errs, d)
	}
}
