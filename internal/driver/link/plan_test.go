package link

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// none reserves no name.
func none(string) bool { return false }

// fakeKernel is a kernel that carries out steps and refuses what the real one does.
type fakeKernel struct{ links []*actual }

// state is what the driver would read.
func (m *fakeKernel) state() *state {
	st := newState(nil)
	st.addrProto = true
	for _, l := range m.links {
		st.links = append(st.links, l)
		st.byName[l.Name], st.byIdx[l.Index] = l, l
	}
	return st
}

func (m *fakeKernel) find(index int) *actual {
	for _, l := range m.links {
		if l.Index == index {
			return l
		}
	}
	return nil
}

// delete removes the links that match and frees their ports.
func (m *fakeKernel) delete(match func(*actual) bool) {
	for _, l := range m.links {
		if master := m.find(l.Master); master != nil && match(master) {
			l.Master, l.Port = 0, nil
		}
	}
	m.links = slices.DeleteFunc(m.links, match)
}

// run carries one step out.
func (m *fakeKernel) run(s *step) error {
	if s.op == opCreate {
		return m.create(s)
	}
	if s.op == opDeleteGroup {
		for _, l := range m.links {
			if l.Group == s.group && !l.madeKind() {
				return fmt.Errorf("deletes the foreign link %s", l.Name)
			}
		}
		m.delete(func(l *actual) bool { return l.Group == s.group })
		return nil
	}
	l := m.find(s.index)
	if l == nil {
		return unix.ENODEV
	}
	switch s.op {
	case opSet, opPort:
		return m.set(l, s.set)
	case opAddrGen:
		l.AddrGenMode = rtnl.AddrGenNone
		if s.on {
			l.AddrGenMode = rtnl.AddrGenEUI64
		}
	case opInfo:
		if s.set.learning != nil {
			l.VXLAN.Learning = *s.set.learning
		}
		if s.set.noDelay {
			if l.Bridge.STP && !s.set.noSpanningTree {
				return unix.ERANGE
			}
			l.Bridge.ForwardDelay = 0
		}
		if s.set.noSpanningTree {
			l.Bridge.STP = false
		}
	case opAddAddress:
		m.dropAddress(l, s.prefix)
		l.addresses = append(l.addresses, rtnl.Address{Index: l.Index, Prefix: s.prefix, Proto: AddressProtocol, Flags: unix.IFA_F_PERMANENT})
	case opDelAddress:
		m.dropAddress(l, s.prefix)
	case opAddNeigh:
		if s.neigh.MAC != desired.FloodMAC {
			m.dropNeighbour(l, func(n desired.Neighbour) bool { return n.MAC == s.neigh.MAC })
		}
		l.neighbours = append(l.neighbours, desired.Neighbour{Link: l.Name, MAC: s.neigh.MAC, Dst: s.neigh.Dst})
	case opDelNeigh:
		m.dropNeighbour(l, func(n desired.Neighbour) bool { return n.MAC == s.neigh.MAC && n.Dst == s.neigh.Dst })
	case opIsolate:
		l.Port.Isolated = s.on
	case opDoom:
		l.Group = Doomed
	case opDelete:
		m.delete(func(x *actual) bool { return x == l })
	}
	return nil
}

func (m *fakeKernel) dropAddress(l *actual, p netip.Prefix) {
	l.addresses = slices.DeleteFunc(l.addresses, func(a rtnl.Address) bool { return a.Prefix == p })
}

func (m *fakeKernel) dropNeighbour(l *actual, match func(desired.Neighbour) bool) {
	l.neighbours = slices.DeleteFunc(l.neighbours, match)
}

// set changes a link's common properties.
func (m *fakeKernel) set(l *actual, s settings) error {
	if s.mtu != 0 {
		l.MTU = s.mtu
	}
	if s.alias != nil {
		l.Alias = *s.alias
	}
	if s.master != nil {
		if *s.master != 0 && m.find(*s.master) == nil {
			return unix.ENODEV
		}
		l.Master, l.Port = *s.master, nil
		if l.Master != 0 {
			l.Port = &rtnl.PortInfo{}
		}
	}
	l.Up = l.Up || s.up
	return nil
}

// create makes a link; names, indexes and tunnels are unique.
func (m *fakeKernel) create(s *step) error {
	for _, l := range m.links {
		if l.Name == s.link || l.Index == s.index {
			return unix.EEXIST
		}
		if vx := s.create.VXLAN; vx != nil && l.VXLAN != nil && vx.ID == l.VXLAN.ID && vx.Port == l.VXLAN.Port {
			return unix.EEXIST
		}
	}
	if s.master != 0 && m.find(s.master) == nil {
		return unix.ENODEV
	}
	l := &actual{Link: rtnl.Link{Index: s.index, Name: s.link, Kind: string(s.create.Kind), Group: Group, MTU: 1500, Up: s.set.up, Master: s.master}}
	if vx := s.create.VXLAN; s.create.Kind == desired.LinkVXLAN {
		l.VXLAN = &rtnl.VXLANInfo{ID: vx.ID, Local: vx.Local, Port: vx.Port, Learning: vx.Learning}
		if s.create.MTU != 0 {
			l.MTU = s.create.MTU
		}
	} else {
		l.Bridge = &rtnl.BridgeInfo{}
	}
	m.links = append(m.links, l)
	return nil
}

// reconcile plans and carries the plan out.
func (m *fakeKernel) reconcile(t *rapid.T, want *desired.Node) *plan {
	st := m.state()
	w := choose(st, want, none)
	p := makePlan(st, w, none, st.freeIndex(0, len(w.links)))
	for i := range p.steps {
		if err := m.run(&p.steps[i]); err != nil && !p.steps[i].harmless(err) {
			t.Fatalf("could not %s: %v\nplan: %v", p.steps[i].what(), err, p.changes)
		}
	}
	return p
}

// drawNode generates a state of up to six networks and their guests. Names are
// drawn for both kinds of link, so that kinds change too.
func drawNode(t *rapid.T, label string) *desired.Node {
	node := &desired.Node{}
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
				Bridge: br, Isolated: rapid.Bool().Draw(t, label+" isolated"), Owner: "guest/" + fmt.Sprint(i)})
		}
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

// damage is what somebody may do by hand, or a kill may leave.
func (m *fakeKernel) damage(t *rapid.T) {
	for _, l := range m.links {
		if !l.ours() {
			continue
		}
		switch rapid.IntRange(0, 9).Draw(t, "damage") {
		case 0:
			l.Group = Doomed
		case 1:
			l.Up = false
		case 2:
			l.Master, l.Port = 0, nil
		case 3:
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
		a, b := drawNode(t, "a"), drawNode(t, "b")
		m.reconcile(t, a)
		m.damage(t)
		m.reconcile(t, b)
		if p := m.reconcile(t, b); len(p.steps) != 0 || len(p.changes) != 0 || len(p.errs) != 0 {
			t.Fatalf("a second plan is not empty: %v %v", p.changes, p.errs)
		}
		if got, want := len(m.links), 3+len(b.Links); got != want {
			t.Fatalf("%d links stand, want %d", got, want)
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
