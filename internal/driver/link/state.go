package link

import (
	"context"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// The indexes that we give to new links are above those the kernel hands out
// by itself, which count from 1.
const (
	firstIndex = 1 << 24
	lastIndex  = 1 << 30
)

// state is what stands on the node: every link, and what is on those of ours.
type state struct {
	links  []*actual // by index
	byName map[string]*actual
	byIdx  map[int]*actual
	// addrProto is set if the kernel records who made an address.
	addrProto bool
}

// actual is one link as it stands.
type actual struct {
	rtnl.Link
	addresses  []rtnl.Address
	neighbours []desired.Neighbour // static entries of a VXLAN device
	vlans      []rtnl.VLANRange    // of a bridge port, if VLANs were asked for
}

// ours reports whether the link is Viaduct's and meant to stay.
func (l *actual) ours() bool { return l.Group == Group && l.madeKind() }

// doomed reports whether the link is Viaduct's and was about to be deleted.
func (l *actual) doomed() bool { return l.Group == Doomed && l.madeKind() }

// madeKind reports whether the link's kind is one that we make.
func (l *actual) madeKind() bool {
	return l.Kind == string(desired.LinkBridge) || l.Kind == string(desired.LinkVXLAN)
}

// read takes the state from the kernel, with one dump for each kind of thing.
func (d *Driver) read(ctx context.Context, want *desired.Node) (*state, error) {
	links, err := d.conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	st := newState(links)
	if !st.anyOurs() {
		return st, nil // nothing else can be ours
	}
	addrs, err := d.conn.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	st.setAddresses(addrs)
	fdb, err := d.conn.Forwarding(ctx)
	if err != nil {
		return nil, err
	}
	st.setForwarding(fdb)
	if wantsVLANs(want) {
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
	st := &state{byName: make(map[string]*actual, len(links)), byIdx: make(map[int]*actual, len(links))}
	for _, l := range links {
		a := &actual{Link: l}
		st.links = append(st.links, a)
		st.byName[l.Name], st.byIdx[l.Index] = a, a
	}
	return st
}

// anyOurs reports whether a link of ours stands.
func (st *state) anyOurs() bool {
	for _, l := range st.links {
		if l.ours() {
			return true
		}
	}
	return false
}

// setAddresses gives the addresses to the links of ours.
func (st *state) setAddresses(addrs []rtnl.Address) {
	for _, a := range addrs {
		st.addrProto = st.addrProto || a.Proto != 0
		if l := st.byIdx[a.Index]; l != nil && l.ours() {
			l.addresses = append(l.addresses, a)
		}
	}
}

// setForwarding gives the static forwarding entries to the VXLAN devices of
// ours. Learned ones come and go by themselves, and so do those that another
// control plane maintains (NTF_EXT_LEARNED).
func (st *state) setForwarding(fdb []rtnl.Neighbour) {
	for _, n := range fdb {
		l := st.byIdx[n.Index]
		if l == nil || !l.ours() || l.VXLAN == nil {
			continue
		}
		static := n.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0
		if n.Flags&unix.NTF_SELF == 0 || n.Flags&unix.NTF_EXT_LEARNED != 0 || !static {
			continue
		}
		l.neighbours = append(l.neighbours, desired.Neighbour{Link: l.Name, MAC: n.MAC.String(), Dst: n.Dst})
	}
}

// freeIndex returns the first of n free link indexes in a row. They grow with
// each link, so that a number is not soon given to another one.
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
	// The range is used up: look for a gap from its start.
	next = firstIndex + attempt<<16
	for i := next; i < next+n; i++ {
		if st.byIdx[i] != nil {
			next = i + 1
		}
	}
	return next
}

// wantsVLANs reports whether a VLAN-aware bridge is wanted.
func wantsVLANs(want *desired.Node) bool {
	for _, l := range want.Links {
		if l.Bridge != nil && l.Bridge.VLANFiltering {
			return true
		}
	}
	return false
}

// overlayVLANs is what the overlay port of a VLAN-aware bridge carries beside
// the default VLAN 1: all others, tagged.
var overlayVLANs = rtnl.VLANRange{First: 2, Last: 4094}

// carriesOverlayVLANs reports whether the port carries all of them. The kernel
// may tell them in several ranges; they are in rising order.
func (l *actual) carriesOverlayVLANs() bool {
	next := overlayVLANs.First
	for _, r := range l.vlans {
		if r.Last < next || r.Untagged {
			continue
		}
		if r.First > next {
			return false
		}
		next = r.Last + 1
	}
	return next > overlayVLANs.Last
}

// kernelMade reports whether an address that nobody wants was made by the
// kernel and is not to be removed: link-local ones, unless the link shall have
// none, and those announced by a router, which would come back.
func (st *state) kernelMade(a rtnl.Address, noLinkLocal bool) bool {
	if a.Proto == rtnl.ProtoKernelRA {
		return true
	}
	if !a.Prefix.Addr().Is6() || !a.Prefix.Addr().IsLinkLocalUnicast() || noLinkLocal {
		return false
	}
	// A kernel that does not record the maker leaves the benefit of the doubt.
	return !st.addrProto || a.Proto == rtnl.ProtoKernelLinkLocal
}

// subnetOf tells whether two addresses are in the same network, in which case
// the kernel deletes the second together with the first.
func subnetOf(a, b netip.Prefix) bool { return a.Masked() == b.Masked() }
