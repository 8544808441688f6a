package link

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// drawNode generates a state of up to six networks and their guests. Names are
// drawn for both kinds of link, so that kinds change too.
func drawNode(t *rapid.T, label string) *desired.Space {
	node := &desired.Space{}
	mtus := rapid.SampledFrom([]int{0, 1400, 1450, 1500})
	ids := rapid.Permutation([]uint32{1, 2, 3, 4, 5, 6}).Draw(t, label+" ids")
	for i := range 6 {
		if !rapid.Bool().Draw(t, label+" has network") {
			continue
		}
		br, vx := fmt.Sprint("l", i), fmt.Sprint("x", i)
		if i == 0 && rapid.Bool().Draw(t, label+" swapped") {
			br, vx = vx, br
		}
		owner := "vnet/" + fmt.Sprint(i)
		mtu := mtus.Draw(t, label+" mtu")
		node.Links = append(node.Links, desired.Link{Name: br, Kind: desired.LinkBridge, Owner: owner, MTU: mtu,
			Alias: rapid.SampledFrom([]string{"", "text"}).Draw(t, label+" alias")})
		if rapid.Bool().Draw(t, label+" has gateway") {
			node.Addresses = append(node.Addresses, desired.Address{Link: br, Owner: owner,
				Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), byte(rapid.IntRange(1, 3).Draw(t, label+" gateway"))}), 24)})
		}
		if rapid.Bool().Draw(t, label+" has tunnel") {
			node.Links = append(node.Links, desired.Link{Name: vx, Kind: desired.LinkVXLAN, Owner: owner, MTU: mtu, Master: br,
				NoLinkLocal: rapid.Bool().Draw(t, label+" no link-local"),
				VXLAN:       &desired.VXLAN{ID: ids[i], Port: 4789, Learning: rapid.Bool().Draw(t, label+" learning")}})
			for _, end := range rapid.SliceOfDistinct(rapid.IntRange(1, 4), rapid.ID[int]).Draw(t, label+" ends") {
				node.Neighbours = append(node.Neighbours, desired.Neighbour{Link: vx, MAC: desired.FloodMAC, Dst: netip.AddrFrom4([4]byte{192, 0, 2, byte(end)}), Owner: owner})
			}
			if rapid.Bool().Draw(t, label+" has MAC") {
				node.Neighbours = append(node.Neighbours, desired.Neighbour{Link: vx, MAC: "02:00:00:00:00:01", Owner: owner,
					Dst: netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(1, 4).Draw(t, label+" MAC at"))})})
			}
		}
		if rapid.Bool().Draw(t, label+" has guest") {
			node.Ports = append(node.Ports, desired.Port{Names: []string{fmt.Sprintf("tap%di0", rapid.IntRange(0, 2).Draw(t, label+" guest")), "none"},
				Bridge: br, Isolated: rapid.Bool().Draw(t, label+" isolated"), Owner: "guest/" + fmt.Sprint(i),
				MTU:  rapid.SampledFrom([]int{0, 1450}).Draw(t, label+" port MTU"),
				MACs: rapid.SampledFrom([][]string{nil, {}, {macA}, {macB, macA}}).Draw(t, label+" MACs")})
		}
		drawKinds(t, label, node, i, br)
	}
	// A guest's interface is in one network.
	seen := map[string]bool{}
	node.Ports = slices.DeleteFunc(node.Ports, func(p desired.Port) bool {
		twice := seen[p.Names[0]]
		seen[p.Names[0]] = true
		return twice
	})
	node.Sort()
	return node
}

// Two MAC addresses.
const macA, macB = "02:00:00:00:00:0a", "02:00:00:00:00:0b"

// drawKinds adds the links of other zones to a network: a VRF that its bridge is
// in, a veth pair between it and a foreign bridge, VLAN devices on the foreign
// bridge and on the network's own.
func drawKinds(t *rapid.T, label string, node *desired.Space, i int, br string) {
	owner := "vnet/" + fmt.Sprint(i)
	port := rapid.SampledFrom([]*desired.BridgePort{nil, {NoLearning: true}, {NoLearning: true, NeighSuppress: true}, {AllVLANs: true}})
	bridge := &node.Links[slices.IndexFunc(node.Links, func(l desired.Link) bool { return l.Name == br })]
	aware := rapid.Bool().Draw(t, label+" VLAN-aware")
	bridge.Bridge = &desired.Bridge{VLANFiltering: aware}
	bridge.MAC = rapid.SampledFrom([]string{"", macA, macB}).Draw(t, label+" MAC address")
	if rapid.Bool().Draw(t, label+" has VRF") {
		bridge.Master = fmt.Sprint("v", i)
		node.Links = append(node.Links, desired.Link{Name: bridge.Master, Kind: desired.LinkVRF, Owner: owner,
			VRF: &desired.VRF{Table: uint32(rapid.SampledFrom([]int{100, 200}).Draw(t, label+" table") + i)}})
	}
	if rapid.Bool().Draw(t, label+" has IPv6") {
		node.Addresses = append(node.Addresses, desired.Address{Link: br, Owner: owner, Prefix: netip.MustParsePrefix("fd00::1/64")})
	}
	if rapid.Bool().Draw(t, label+" has pair") {
		only := rapid.SampledFrom([]*desired.BridgePort{nil, {VLAN: 200 + i}, {VLAN: 201 + i}, {VLAN: 1}, {VLAN: 200 + i, Tagged: true}})
		a, b := fmt.Sprint("ln", i), fmt.Sprint("pr", rapid.SampledFrom([]int{i, i + 10}).Draw(t, label+" peer"))
		node.Links = append(node.Links,
			desired.Link{Name: a, Kind: desired.LinkVeth, Owner: owner, Master: br, Port: port.Draw(t, label+" port"), Veth: &desired.Veth{Peer: b}},
			desired.Link{Name: b, Kind: desired.LinkVeth, Owner: owner, Master: "vmbr0", ForeignMaster: true, Port: only.Draw(t, label+" only VLAN"), Veth: &desired.Veth{Peer: a}, NoLinkLocal: rapid.Bool().Draw(t, label+" pair link-local")})
	}
	if rapid.Bool().Draw(t, label+" has VLAN") {
		node.Links = append(node.Links, desired.Link{Name: fmt.Sprint("vmbr0.", rapid.IntRange(0, 1).Draw(t, label+" VLAN name"), i), Kind: desired.LinkVLAN, Owner: owner, Master: br,
			VLAN: &desired.VLAN{Parent: "vmbr0", ID: 100 + i, Self: rapid.Bool().Draw(t, label+" self"), Protocol: rapid.SampledFrom([]string{"", "802.1q", "802.1ad"}).Draw(t, label+" protocol")}})
	}
	if rapid.Bool().Draw(t, label+" has inner VLAN") {
		node.Links = append(node.Links, desired.Link{Name: br + ".7", Kind: desired.LinkVLAN, Owner: owner,
			VLAN: &desired.VLAN{Parent: br, ID: 7, Self: aware}})
	}
	if rapid.Bool().Draw(t, label+" has dummy") {
		node.Links = append(node.Links, desired.Link{Name: fmt.Sprint("d", i), Kind: desired.LinkDummy, Owner: owner, Master: br, Port: port.Draw(t, label+" dummy port")})
	}
}

// damage is what somebody may do by hand, or a kill may leave.
func (m *fakeKernel) damage(t *rapid.T) {
	for _, l := range slices.Clone(m.links) {
		if !l.owned() || m.find(l.Index) == nil {
			continue
		}
		switch rapid.IntRange(0, 12).Draw(t, "damage") {
		case 0:
			l.Group = Doomed
		case 1:
			l.Up = false
		case 2:
			m.release(l)
		case 5:
			if l.VLAN == nil { // nothing would tell of its bridge's membership
				m.delete(func(o *actual) bool { return o == l })
			}
		case 6:
			l.Name += "x"
		case 7:
			if l.Port != nil {
				*l.Port, l.vlans = rtnl.PortInfo{Isolated: true, Learning: true}, nil
			}
		case 3:
			if l.VLAN != nil { // would make it the node's own; see TestClaimedDevice
				continue
			}
			l.addresses = append(l.addresses, rtnl.Address{Index: l.Index, Prefix: netip.MustParsePrefix("10.99.0.1/24"), Flags: unix.IFA_F_PERMANENT})
		case 4:
			if l.Bridge != nil {
				l.Bridge.STP, l.Bridge.ForwardDelay = true, 1500
			}
		}
	}
}

// TestPlanReachesWhatIsWanted is the property of the whole driver: whatever
// stands, one plan makes it what is wanted, every request of it is one that the
// kernel takes, and a second plan is empty. Foreign links are never touched.
func TestPlanReachesWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &fakeKernel{}
		for i := range 3 {
			m.links = append(m.links, &actual{Link: rtnl.Link{Index: i + 1, Name: fmt.Sprintf("tap%di0", i), Kind: "tun", MTU: 1500, Group: uint32(i)}})
		}
		aware := true
		vmbr0 := &actual{Link: rtnl.Link{Index: 9, Name: "vmbr0", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &aware}}}
		vmbr0.vlans = []rtnl.VLANRange{{First: 1, Last: 1, PVID: true, Untagged: true}, {First: 55, Last: 55}}
		m.links = append(m.links, vmbr0)
		a, b := drawNode(t, "a"), drawNode(t, "b")
		m.reconcile(t, a)
		m.damage(t)
		m.reconcile(t, b)
		if p := m.reconcile(t, b); len(p.steps) != 0 || len(p.changes) != 0 || len(p.errs) != 0 {
			t.Fatalf("a second plan is not empty: %v %v", p.changes, p.errs)
		}
		if got, want := len(m.links), 4+len(b.Links); got != want {
			t.Fatalf("%d links stand, want %d", got, want)
		}
		self := []int{1, 55} // what the foreign bridge is in; more only for a VLAN device that stands
		for _, l := range b.Links {
			if l.VLAN != nil && l.VLAN.Parent == "vmbr0" {
				self = append(self, l.VLAN.ID)
			}
		}
		for _, r := range vmbr0.vlans {
			if !slices.Contains(self, int(r.First)) {
				t.Fatalf("vmbr0 was left in VLAN %d", r.First)
			}
		}
		for i := range 3 {
			if m.find(i+1) == nil {
				t.Fatal("a guest's interface was deleted")
			}
		}
	})
}

func TestFreeIndex(t *testing.T) {
	st := newState([]rtnl.Link{{Index: 3, Name: "eth0"}, {Index: firstIndex + 4, Name: "vn1"}})
	if got := st.freeIndex(0, 10); got != firstIndex+5 {
		t.Errorf("got %d", got)
	}
	st = newState([]rtnl.Link{{Index: firstIndex + 2, Name: "a"}, {Index: lastIndex - 1, Name: "b"}})
	if got := st.freeIndex(0, 2); got != firstIndex {
		t.Errorf("range used up: got %d", got)
	}
	if got := st.freeIndex(0, 5); got != firstIndex+3 {
		t.Errorf("range used up, five wanted: got %d", got)
	}
}

func TestKernelAlias(t *testing.T) {
	long := ""
	for range 100 {
		long += "äöü"
	}
	if got := kernelAlias(long); len(got) > maxAlias || len(got) < maxAlias-2 || got != long[:len(got)] || got[len(got)-1] == 0xc3 {
		t.Errorf("cut to %d bytes: %q", len(got), got)
	}
}
