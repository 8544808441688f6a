package link

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// Claimed reports whether the operator has adopted an owned VLAN device on one of the node's
// own VLAN-aware bridges: it has an address, which Viaduct never assigns to a port of a VNet's
// bridge. ifupdown2 and other tools adopt a device that they find. From then on it belongs to
// the operator; see release. parent is the device's parent link.
func Claimed(l, parent rtnl.Link, addrs []rtnl.Address) bool {
	if l.VLAN == nil || l.Group != Group || parent.Bridge == nil || parent.Bridge.VLANFiltering == nil || !*parent.Bridge.VLANFiltering ||
		parent.Group == Group || parent.Group == Doomed {
		return false
	}
	return slices.ContainsFunc(addrs, func(a rtnl.Address) bool {
		return a.Index == l.Index && !a.Prefix.Addr().IsLinkLocalUnicast() && a.Proto != rtnl.ProtoKernelRA && a.Proto != AddressProtocol
	})
}

// claimed is Claimed for an existing link.
func (st *state) claimed(l *actual) bool {
	parent := st.parent(l)
	return parent != nil && Claimed(l.Link, parent.Link, l.addresses)
}

// release leaves a claimed device to the operator, with its addresses and the bridge's
// membership in its VLAN, and removes it from the VNet's bridge, which would receive its
// frames.
func (p *planner) release(l *actual, c diff.Change) {
	s := step{op: opRelease, owner: c.Owner, link: l.Name, change: p.change(c), index: l.Index}
	addrGen := s
	addrGen.op, addrGen.on = opAddrGen, true
	p.steps = append(p.steps, s, addrGen)
}

// isClaimed reports whether a change deletes a link that is released instead.
func (p *planner) isClaimed(c diff.Change, a **actual, l *desired.Link) bool {
	return c.Action == diff.Delete && a != nil && l == nil && p.st.claimed(*a)
}
