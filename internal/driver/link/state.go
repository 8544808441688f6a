package link

import (
	"context"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// The indexes of new owned links are above those that the kernel assigns, which
// count from 1.
const (
	firstIndex = 1 << 24
	lastIndex  = 1 << 30
)

// state is the actual state of the node: every link, and the contents of owned
// ones.
type state struct {
	links  []*actual // by index
	byName map[string]*actual
	byAlt  map[string]*actual // by alternative names
	byIdx  map[int]*actual
	// outer is Options.Outer.
	outer *netns.NS
	// addrProto is set if the kernel records the protocol of an address.
	addrProto bool
	// carriers are the VLAN devices that Viaduct does not own, computed on first
	// use.
	carriers map[carried]*actual
}

// carried is a combination of settings that only one VLAN device can have.
type carried struct {
	parent   int
	id       uint16
	protocol uint16
}

// actual is one existing link.
type actual struct {
	rtnl.Link
	addresses  []rtnl.Address
	neighbours []desired.Neighbour // static entries of a VXLAN device
	macs       []string            // bound to the link as a port of a bridge; only of links that Viaduct does not own
	vlans      []rtnl.VLANRange    // of a bridge port, or of a bridge itself, if VLANs were read
}

// owned reports whether Viaduct owns the link and intends to keep it.
func (l *actual) owned() bool { return l.Group == Group && l.madeKind() }

// doomed reports whether Viaduct owns the link and was about to delete it.
func (l *actual) doomed() bool { return l.Group == Doomed && l.madeKind() }

// madeKind reports whether the link's kind is one that Viaduct creates.
func (l *actual) madeKind() bool { return slices.Contains(ranks, desired.LinkKind(l.Kind)) }

// vlanAware reports whether the link is a VLAN-aware bridge; false for nil.
func (l *actual) vlanAware() bool {
	return l != nil && l.Bridge != nil && l.Bridge.VLANFiltering != nil && *l.Bridge.VLANFiltering
}

// read gets the state from the kernel, with one dump for each kind of object.
func (d *Driver) read(ctx context.Context, want *desired.Space) (*state, error) {
	links, err := d.conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	st := newState(links)
	st.outer = d.outer
	addrs, err := d.conn.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	st.setAddresses(addrs)
	st.setForeignAddresses(addrs, want)
	if !st.anyOwned() {
		return st, nil // no owned objects are possible
	}
	fdb, err := d.conn.Forwarding(ctx)
	if err != nil {
		return nil, err
	}
	st.setForwarding(fdb)
	if wantsVLANs(want) || st.hasBridgeVLANs() {
		vlans, err := d.conn.PortVLANs(ctx)
		if err != nil {
			return nil, err
		}
		for i, l := range st.byIdx {
			l.vlans = vlans[i]
		}
	}
	return st, nil
}

// newState indexes the links.
func newState(links []rtnl.Link) *state {
	st := &state{byName: make(map[string]*actual, len(links)), byAlt: map[string]*actual{}, byIdx: make(map[int]*actual, len(links))}
	for _, l := range links {
		a := &actual{Link: l}
		st.links = append(st.links, a)
		st.byName[l.Name], st.byIdx[l.Index] = a, a
		for _, other := range l.AltNames {
			st.byAlt[other] = a
		}
	}
	return st
}

// named returns the link with a name, which may be an alternative one: the kernel
// then allows it for no other. It is nil if the name is free.
func (st *state) named(name string) *actual {
	if a := st.byName[name]; a != nil {
		return a
	}
	return st.byAlt[name]
}

// anyOwned reports whether an owned link exists, even if it is about to be deleted.
func (st *state) anyOwned() bool {
	for _, l := range st.links {
		if l.owned() || l.doomed() {
			return true
		}
	}
	return false
}

// setAddresses assigns the addresses to the owned links.
func (st *state) setAddresses(addrs []rtnl.Address) {
	for _, a := range addrs {
		st.addrProto = st.addrProto || a.Proto != 0
		if l := st.byIdx[a.Index]; l != nil && l.owned() {
			l.addresses = append(l.addresses, a)
		}
	}
}

// setForwarding assigns the static forwarding entries to the owned VXLAN devices,
// and the MACs bound to ports that Viaduct does not own to those. It ignores
// learned entries, which come and go, and those that another control plane
// maintains (NTF_EXT_LEARNED).
func (st *state) setForwarding(fdb []rtnl.Neighbour) {
	for _, n := range fdb {
		l := st.byIdx[n.Index]
		static := n.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0
		if l == nil || !static || n.Flags&unix.NTF_EXT_LEARNED != 0 {
			continue
		}
		self := n.Flags&unix.NTF_SELF != 0
		// The bridge's own entry for the port's address is "permanent".
		if !l.owned() && l.Port != nil && !self && n.State&unix.NUD_PERMANENT == 0 {
			if mac := n.MAC.String(); !slices.Contains(l.macs, mac) { // a VLAN-aware bridge has one for each VLAN
				l.macs = append(l.macs, mac)
			}
			continue
		}
		if !l.owned() || l.VXLAN == nil || !self {
			continue
		}
		l.neighbours = append(l.neighbours, desired.Neighbour{Link: l.Name, MAC: n.MAC.String(), Dst: n.Dst})
	}
}

// freeIndex returns the first of n free link indexes in a row. They grow with each
// link, so that a number is not reused soon.
func (st *state) freeIndex(attempt, n int) int {
	next := firstIndex
	for _, l := range st.links {
		if l.Index >= next && l.Index < lastIndex {
			next = l.Index + 1
		}
	}
	if next+n < lastIndex {
		return next + attempt<<16
	}
	// The range is used up: search for a gap from its start.
	next = firstIndex + attempt<<16
	for i := next; i < next+n; i++ {
		if st.byIdx[i] != nil {
			next = i + 1
		}
	}
	return next
}

// wantsVLANs reports whether the wanted state depends on the VLANs of bridges and
// their ports.
func wantsVLANs(want *desired.Space) bool {
	for _, l := range want.Links {
		if l.Bridge != nil && l.Bridge.VLANFiltering || l.Port != nil && (l.Port.AllVLANs || l.Port.VLAN != 0) || l.VLAN != nil && l.VLAN.Self {
			return true
		}
	}
	return false
}

// hasBridgeVLANs reports whether an owned VLAN device is on a VLAN-aware bridge,
// which may have to leave the VLAN with it.
func (st *state) hasBridgeVLANs() bool {
	for _, l := range st.links {
		if l.VLAN != nil && (l.owned() || l.doomed()) && st.parent(l).vlanAware() {
			return true
		}
	}
	return false
}

// parent returns a VLAN device's parent, or a veth's peer; nil if that is in
// another namespace.
func (st *state) parent(l *actual) *actual {
	if l.Parent == 0 || l.ParentElsewhere {
		return nil
	}
	return st.byIdx[l.Parent]
}

// carrier returns the VLAN device, not owned by Viaduct, that carries a VLAN of a
// link; nil if there is none.
func (st *state) carrier(c carried) *actual {
	if st.carriers == nil {
		st.carriers = map[carried]*actual{}
		for _, l := range st.links {
			if p := st.parent(l); l.VLAN != nil && p != nil && !l.owned() && !l.doomed() {
				st.carriers[carried{p.Index, l.VLAN.ID, l.VLAN.Protocol}] = l
			}
		}
	}
	return st.carriers[c]
}

// inVLAN reports whether a bridge is itself a member of the VLAN; native is true if
// it is the VLAN of its untagged frames.
func (l *actual) inVLAN(id int) (member, native bool) {
	for _, r := range l.vlans {
		if int(r.First) <= id && id <= int(r.Last) {
			return true, r.PVID || r.Untagged
		}
	}
	return false, false
}

// allVLANs is the range that a port with all VLANs carries in addition to the
// default VLAN 1: all others, tagged.
var allVLANs = rtnl.VLANRange{First: 2, Last: 4094}

// onlyVLAN returns the single VLAN that a port carries, and whether it is tagged; 0
// if it carries none or several.
func (l *actual) onlyVLAN() (id int, tagged bool) {
	if len(l.vlans) != 1 || l.vlans[0].First != l.vlans[0].Last || l.vlans[0].PVID != l.vlans[0].Untagged {
		return 0, false
	}
	return int(l.vlans[0].First), !l.vlans[0].PVID
}

// carriesAllVLANs reports whether the port carries all of them. The kernel may list
// them as several ranges; they are in rising order.
func (l *actual) carriesAllVLANs() bool {
	next := allVLANs.First
	for _, r := range l.vlans {
		if r.Last < next || r.Untagged {
			continue
		}
		if r.First > next {
			return false
		}
		next = r.Last + 1
	}
	return next > allVLANs.Last
}

// kernelMade reports whether an unwanted address was created by the kernel and is
// to be kept: link-local addresses, unless the link must not have one, and those
// from router advertisements, which would come back.
func (st *state) kernelMade(a rtnl.Address, noLinkLocal bool) bool {
	if a.Proto == rtnl.ProtoKernelRA {
		return true
	}
	if !a.Prefix.Addr().Is6() || !a.Prefix.Addr().IsLinkLocalUnicast() || noLinkLocal {
		return false
	}
	// A kernel that does not record the protocol leaves it undecided: keep the
	// address.
	return !st.addrProto || a.Proto == rtnl.ProtoKernelLinkLocal
}

// subnetOf reports whether two addresses are in the same network, in which case the
// kernel deletes the second together with the first.
func subnetOf(a, b netip.Prefix) bool { return a.Masked() == b.Masked() }
