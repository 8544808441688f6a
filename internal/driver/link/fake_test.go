package link

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
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

// delete removes the links that match, with what stands on them and the other
// ends of veth pairs, and frees their ports.
func (m *fakeKernel) delete(match func(*actual) bool) {
	gone := map[*actual]bool{}
	for range len(m.links) {
		for _, l := range m.links {
			tied := m.find(l.Parent)
			gone[l] = gone[l] || match(l) || tied != nil && gone[tied]
		}
	}
	for _, l := range m.links {
		if master := m.find(l.Master); master != nil && gone[master] {
			m.release(l)
		}
	}
	m.links = slices.DeleteFunc(m.links, func(l *actual) bool { return gone[l] })
}

// release takes a link from its master. A VRF takes the link down and up.
func (m *fakeKernel) release(l *actual) {
	if master := m.find(l.Master); master != nil && master.VRFTable != 0 {
		m.flush(l)
	}
	l.Master, l.Port, l.macs = 0, nil, nil
	if l.Bridge == nil { // whose VLANs are its own
		l.vlans = nil
	}
}

func (m *fakeKernel) flush(l *actual) {
	l.addresses = slices.DeleteFunc(l.addresses, func(a rtnl.Address) bool { return a.Prefix.Addr().Is6() })
}

// join makes a link a port of a bridge or a member of a VRF; 0 releases it.
func (m *fakeKernel) join(l *actual, index int) error {
	m.release(l)
	if index == 0 {
		return nil
	}
	master := m.find(index)
	switch {
	case master == nil:
		return unix.ENODEV
	case master.Bridge != nil:
		l.Port = &rtnl.PortInfo{Learning: true}
		if master.vlanAware() && l.Bridge == nil {
			l.vlans = []rtnl.VLANRange{{First: 1, Last: 1, PVID: true, Untagged: true}}
		}
	case master.VRFTable != 0:
		m.flush(l)
	default:
		return unix.EOPNOTSUPP
	}
	l.Master = index
	return nil
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
		if s.set.vlanFiltering != nil {
			l.Bridge.VLANFiltering = s.set.vlanFiltering
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
	case opBridgePort, opVLANs, opPortVLAN, opOtherVLANs, opAddStatic, opDelStatic:
		return m.port(l, s)
	case opBridgeVLAN:
		if !l.vlanAware() {
			return unix.EOPNOTSUPP
		}
		l.vlans = slices.DeleteFunc(l.vlans, func(r rtnl.VLANRange) bool { return int(r.First) == s.vlan })
		if s.on {
			l.vlans = append(l.vlans, rtnl.VLANRange{First: uint16(s.vlan), Last: uint16(s.vlan)})
		}
	case opRelease:
		m.release(l)
		l.Group = 0
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
	if s.mac != "" {
		l.MAC = parseMAC(s.mac)
	}
	if s.master != nil {
		if err := m.join(l, *s.master); err != nil {
			return err
		}
	}
	l.Up = l.Up || s.up
	return nil
}

// port changes what a link is as a bridge's port.
func (m *fakeKernel) port(l *actual, s *step) error {
	if l.Port == nil {
		return unix.EOPNOTSUPP
	}
	switch s.op {
	case opVLANs:
		l.vlans = []rtnl.VLANRange{{First: 1, Last: 1, PVID: true, Untagged: true}, allVLANs}
	case opPortVLAN:
		id := uint16(s.vlan)
		l.vlans = slices.DeleteFunc(l.vlans, func(r rtnl.VLANRange) bool { return r.First == id })
		l.vlans = append(l.vlans, rtnl.VLANRange{First: id, Last: id, PVID: !s.tagged, Untagged: !s.tagged})
	case opOtherVLANs:
		l.vlans = slices.DeleteFunc(l.vlans, func(r rtnl.VLANRange) bool { return int(r.First) != s.vlan })
	case opAddStatic:
		l.macs = append(l.macs, s.neigh.MAC)
	case opDelStatic:
		if !slices.Contains(l.macs, s.neigh.MAC) {
			return unix.ENOENT
		}
		l.macs = slices.DeleteFunc(l.macs, func(mac string) bool { return mac == s.neigh.MAC })
	default:
		for _, p := range []struct{ to, from *bool }{
			{&l.Port.Isolated, s.set.isolated}, {&l.Port.Learning, s.set.portLearning}, {&l.Port.NeighSuppress, s.set.neighSuppress},
		} {
			if p.from != nil {
				*p.to = *p.from
			}
		}
	}
	return nil
}

// create makes a link; names, indexes and what else is unique are checked.
func (m *fakeKernel) create(s *step) error {
	l, err := m.newLink(s.create, s.index)
	if err != nil {
		return err
	}
	l.Up = s.set.up
	switch s.create.Kind {
	case desired.LinkVLAN:
		if l.Parent = s.parent; m.find(l.Parent) == nil {
			return unix.ENODEV
		}
	case desired.LinkVeth:
		peer, err := m.newLink(s.peer, s.parent)
		if err != nil {
			return err
		}
		peer.Parent, l.Parent = l.Index, peer.Index
		m.links = append(m.links, peer)
	}
	for _, o := range m.links {
		if u := uniqueOf(l); u != (unique{}) && u == uniqueOf(o) {
			return unix.EEXIST
		}
	}
	m.links = append(m.links, l)
	return m.join(l, s.master)
}

// newLink is a link with what its kind starts with.
func (m *fakeKernel) newLink(want *desired.Link, index int) (*actual, error) {
	for _, l := range m.links {
		if l.Name == want.Name || l.Index == index {
			return nil, unix.EEXIST
		}
	}
	l := &actual{Link: rtnl.Link{Index: index, Name: want.Name, Kind: string(want.Kind), Group: Group, MTU: 1500, MAC: parseMAC(want.MAC)}}
	if want.MTU != 0 && want.Kind != desired.LinkBridge {
		l.MTU = want.MTU
	}
	switch want.Kind {
	case desired.LinkBridge:
		aware := want.Bridge != nil && want.Bridge.VLANFiltering
		l.Bridge = &rtnl.BridgeInfo{VLANFiltering: &aware}
	case desired.LinkVXLAN:
		vx := want.VXLAN
		l.VXLAN = &rtnl.VXLANInfo{ID: vx.ID, Local: vx.Local, Port: vx.Port, Learning: vx.Learning}
	case desired.LinkVLAN:
		l.VLAN = &rtnl.VLANInfo{ID: uint16(want.VLAN.ID), Protocol: protocol(want.VLAN)}
	case desired.LinkVRF:
		l.VRFTable = want.VRF.Table
	}
	return l, nil
}

// reconcile plans and carries the plan out.
func (m *fakeKernel) reconcile(t *rapid.T, want *desired.Space) *plan {
	st := m.state()
	w := choose(st, want, none)
	p := makePlan(st, w, none, st.freeIndex(0, len(w.links)))
	for i := range p.steps {
		if err := m.run(&p.steps[i]); err != nil && !p.steps[i].alreadyDone(err) {
			t.Fatalf("could not %s: %v\nplan: %v", p.steps[i].action(), err, p.changes)
		}
	}
	return p
}

func setBridge(a *actual, aware *bool) { a.Bridge = &rtnl.BridgeInfo{VLANFiltering: aware} }

func vlanInfo(id uint16) *rtnl.VLANInfo { return &rtnl.VLANInfo{ID: id, Protocol: unix.ETH_P_8021Q} }
