package link

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// besideVLAN is a network that a veth pair joins to VLAN 40 of vmbr0.
func besideVLAN() *desired.Space {
	return &desired.Space{Links: []desired.Link{
		{Name: "ln_v40", Kind: desired.LinkVeth, Owner: "vnet/v40", Master: "v40", NoLinkLocal: true, Veth: &desired.Veth{Peer: "pr_v40"}},
		{Name: "pr_v40", Kind: desired.LinkVeth, Owner: "vnet/v40", Master: "vmbr0", ForeignMaster: true, NoLinkLocal: true, MAC: "fe:ff:00:00:00:01", MTU: 65535,
			Port: &desired.BridgePort{VLAN: 40}, Veth: &desired.Veth{Peer: "ln_v40"}},
		{Name: "v40", Kind: desired.LinkBridge, Owner: "vnet/v40", Bridge: &desired.Bridge{}},
	}}
}

// onVLAN is the same network on the VLAN device.
func onVLAN() *desired.Space {
	return &desired.Space{Links: []desired.Link{
		{Name: "v40", Kind: desired.LinkBridge, Owner: "vnet/v40", Bridge: &desired.Bridge{}},
		{Name: "vmbr0.40", Kind: desired.LinkVLAN, Owner: "vnet/v40", Master: "v40", NoLinkLocal: true, VLAN: &desired.VLAN{Parent: "vmbr0", ID: 40, Self: true}},
	}}
}

// withAwareBridge is a kernel with a VLAN-aware bridge of the operator's.
func withAwareBridge() *fakeKernel {
	aware := true
	vmbr0 := &actual{Link: rtnl.Link{Index: 9, Name: "vmbr0", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &aware}}}
	vmbr0.vlans = []rtnl.VLANRange{{First: 1, Last: 1, PVID: true, Untagged: true}}
	return &fakeKernel{links: []*actual{vmbr0}}
}

// planOf carries a plan out and returns its steps in words, and its faults.
func (m *fakeKernel) planOf(t *testing.T, want *desired.Space, reserved func(string) bool) (steps []string, errs []error) {
	t.Helper()
	st := m.state()
	w := choose(st, want, reserved)
	p := makePlan(st, w, reserved, st.freeIndex(0, len(w.links)))
	for i := range p.steps {
		s := &p.steps[i]
		steps = append(steps, s.action())
		if err := m.run(s); err != nil && !s.alreadyDone(err) {
			t.Fatalf("could not %s: %v", s.action(), err)
		}
	}
	return steps, p.errs
}

func (m *fakeKernel) named(name string) *actual { return m.state().byName[name] }

// The port of a foreign bridge carries its VLAN and no other one before it comes up, and
// what somebody does to it is undone.
func TestPortOfOneVLAN(t *testing.T) {
	m := withAwareBridge()
	want := besideVLAN()
	steps, errs := m.planOf(t, want, none)
	if len(errs) != 0 {
		t.Fatal(errs)
	}
	only := []rtnl.VLANRange{{First: 40, Last: 40, PVID: true, Untagged: true}}
	if d := cmp.Diff(only, m.named("pr_v40").vlans); d != "" {
		t.Error(d)
	}
	vlan, up := -1, -1
	for i, s := range steps {
		if s == "take port pr_v40 out of all VLANs but 40" {
			vlan = i
		}
		if strings.Contains(s, "state (to up) of interface pr_v40") {
			up = i
		}
	}
	if vlan < 0 || up < vlan {
		t.Errorf("the port comes up in a VLAN that is not its own: %q", steps)
	}
	for name, vlans := range map[string][]rtnl.VLANRange{
		"none": nil, "another one": {{First: 1, Last: 1, PVID: true, Untagged: true}}, "tagged": {{First: 40, Last: 40}},
		"one more": {{First: 1, Last: 1, PVID: true, Untagged: true}, {First: 40, Last: 40}}, "a range": {{First: 40, Last: 41, PVID: true, Untagged: true}},
	} {
		m.named("pr_v40").vlans = vlans
		m.planOf(t, want, none)
		if d := cmp.Diff(only, m.named("pr_v40").vlans); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	want.Links[1].Port = &desired.BridgePort{VLAN: 41, Tagged: true}
	m.planOf(t, want, none)
	if d := cmp.Diff([]rtnl.VLANRange{{First: 41, Last: 41}}, m.named("pr_v40").vlans); d != "" {
		t.Error(d)
	}
	if steps, _ := m.planOf(t, want, none); len(steps) != 0 {
		t.Errorf("a second plan is not empty: %q", steps)
	}
}

// From one form to the other the old way goes before the new one comes: two ways between
// the same bridges would be a loop.
func TestNoLoopBetweenForms(t *testing.T) {
	m := withAwareBridge()
	for i, want := range []*desired.Space{onVLAN(), besideVLAN(), onVLAN()} {
		steps, errs := m.planOf(t, want, none)
		if len(errs) != 0 {
			t.Fatal(errs)
		}
		removed, made := -1, -1
		for i, s := range steps {
			if strings.HasPrefix(s, "delete interface") || strings.HasPrefix(s, "delete the interfaces") {
				removed = i
			}
			if made < 0 && strings.HasPrefix(s, "create") {
				made = i
			}
		}
		if i > 0 && (removed < 0 || removed > made) {
			t.Errorf("form %d stands beside the one before: %q", i, steps)
		}
		if steps, _ := m.planOf(t, want, none); len(steps) != 0 {
			t.Errorf("form %d: a second plan is not empty: %q", i, steps)
		}
	}
}

// A VLAN device whose name is reserved stays, so nothing may join its bridge to the VLAN
// beside it until the operator has removed it.
func TestReservedDeviceBlocksTheOtherForm(t *testing.T) {
	m := withAwareBridge()
	m.planOf(t, onVLAN(), none)
	reserved := func(name string) bool { return name == "vmbr0.40" }
	_, errs := m.planOf(t, besideVLAN(), reserved)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "ip link delete vmbr0.40") || m.named("pr_v40") != nil {
		t.Fatalf("errors %v, pair %v", errs, m.named("pr_v40"))
	}
	m.delete(func(l *actual) bool { return l.Name == "vmbr0.40" })
	if _, errs = m.planOf(t, besideVLAN(), reserved); len(errs) != 0 || m.named("pr_v40") == nil {
		t.Errorf("errors %v", errs)
	}
}

// An owned device that gets an address of the node's own is the operator's from then on:
// the address is left on it, and once the network is joined beside it the device too.
func TestClaimedDevice(t *testing.T) {
	m := withAwareBridge()
	m.planOf(t, onVLAN(), none)
	device := m.named("vmbr0.40")
	device.addresses = []rtnl.Address{{Index: device.Index, Prefix: netip.MustParsePrefix("fe80::1/64")}, {Index: device.Index, Prefix: netip.MustParsePrefix("10.40.0.9/24"), Proto: AddressProtocol}}
	if m.state().claimed(device) {
		t.Error("claimed by addresses that are not the operator's")
	}
	device.addresses = []rtnl.Address{{Index: device.Index, Prefix: netip.MustParsePrefix("10.40.0.1/24")}}
	if steps, _ := m.planOf(t, onVLAN(), none); len(steps) != 0 {
		t.Errorf("touched before it was released: %q", steps)
	}
	if _, errs := m.planOf(t, besideVLAN(), none); len(errs) != 0 {
		t.Fatal(errs)
	}
	if device.Group != 0 || device.Master != 0 || len(device.addresses) != 1 || m.named("vmbr0.40") != device {
		t.Errorf("the device: %+v", device)
	}
	if member, _ := m.named("vmbr0").inVLAN(40); !member {
		t.Error("the bridge left the VLAN")
	}
	// With the network everything else goes.
	device.addresses = nil // what the driver reads of one that Viaduct does not own
	m.planOf(t, &desired.Space{}, none)
	if len(m.links) != 2 {
		t.Errorf("%d links are left", len(m.links))
	}
	// An owned VLAN device on something else is no place for addresses.
	for name, parent := range map[string]rtnl.Link{"a card": {}, "ours": {Group: Group, Bridge: m.named("vmbr0").Bridge}} {
		if Claimed(rtnl.Link{Index: 7, Group: Group, VLAN: vlanInfo(40)}, parent, []rtnl.Address{{Index: 7, Prefix: netip.MustParsePrefix("10.40.0.1/24")}}) {
			t.Errorf("claimed on %s", name)
		}
	}
}
