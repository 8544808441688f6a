package compile

import (
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// vteps determines the local and the remote VTEPs, from a list of peers or from a
// fabric. loopback names an interface with the address to use with peers; empty
// leaves the choice. With ok unset the reason has been noted for the object.
func (n *node) vteps(ref string, peers []netip.Addr, fabric, loopback string) *overlay {
	if fabric != "" {
		return n.fabricVTEPs(ref, fabric)
	}
	o := &overlay{}
	local, listed := n.localVTEP(peers, loopback)
	if !local.IsValid() {
		n.note(LevelError, ref, msgVTEPUnknown, n.name, peers)
		return o
	}
	if !listed {
		n.note(LevelWarning, ref, msgVTEPNotInPeers, n.name, local)
	}
	if len(n.facts.Interfaces) > 0 && !n.facts.HasAddress(local) {
		// Existing links stay: the address may come back.
		n.noteOf(fault.Link, LevelError, ref, msgVTEPAddressMissing, n.name, local)
	}
	o.local, o.ok = local, true
	for _, p := range peers {
		if p != local && p.Is4() == local.Is4() && !slices.Contains(o.remotes, p) {
			o.remotes = append(o.remotes, p)
		}
	}
	return o
}

// fabricVTEPs returns the VTEPs of a fabric: the members' IPv4 addresses, or their
// IPv6 addresses if the fabric has no others.
func (n *node) fabricVTEPs(ref, id string) *overlay {
	o := &overlay{fabric: id}
	f := n.cfg.Fabrics[id]
	self := n.cfg.FabricNodes[model.FabricNodeID(id, n.name)]
	if f == nil || self == nil {
		n.note(LevelError, ref, msgVTEPNotInFabric, n.name, id, model.FabricNodeID(id, n.name))
		return o
	}
	address := func(m *model.FabricNode) netip.Addr {
		if f.IPPrefix.IsValid() {
			return m.IP
		}
		return m.IP6
	}
	o.local, o.source, o.ok = address(self), naming.Fabric.Of(id), true
	for _, obj := range n.cfg.List(model.KindFabricNode) {
		m := obj.(*model.FabricNode)
		if a := address(m); m.Fabric == id && m.Node != n.name && a.IsValid() {
			o.remotes = append(o.remotes, a)
		}
	}
	return o
}

// localVTEP finds the node's own address: the one its node object sets, that of
// the named loopback, the first peer that is an address of the node, or else the
// source address that the kernel would use towards the first peer, as Proxmox
// does; listed reports whether it is a peer.
func (n *node) localVTEP(peers []netip.Addr, loopback string) (local netip.Addr, listed bool) {
	if self := n.cfg.Nodes[n.name]; self != nil && self.Address.IsValid() {
		return self.Address, slices.Contains(peers, self.Address)
	}
	if a := n.interfaceAddress(loopback, len(peers) > 0 && peers[0].Is6()); a.IsValid() {
		return a, slices.Contains(peers, a)
	}
	for _, p := range peers {
		if n.facts.HasAddress(p) {
			return p, true
		}
	}
	for _, p := range peers {
		if h, ok := n.facts.RouteTo(p); ok && h.Src.IsValid() {
			return h.Src, false
		}
	}
	return netip.Addr{}, false
}

// interfaceAddress is the first address of an interface that others can reach,
// of the wanted family if it has one.
func (n *node) interfaceAddress(name string, six bool) netip.Addr {
	i := n.facts.Interface(name)
	if i == nil {
		return netip.Addr{}
	}
	var other netip.Addr
	for _, p := range i.Addresses {
		a := p.Addr()
		switch {
		case a.IsLinkLocalUnicast() || a.IsLoopback():
		case a.Is6() == six:
			return a
		case !other.IsValid():
			other = a
		}
	}
	return other
}

// narrowest is the smallest MTU on the paths to the other ends of an overlay,
// and the interface that has it; 0 if no path is known. In a fabric those are the
// member's links, whichever of them are up at the moment. An end of its own on
// the loopback does not count: the egress interface is relevant.
func (n *node) narrowest(o *overlay) (mtu int, dev string) {
	if o.fabric != "" {
		return n.fabricMTU(o.fabric)
	}
	for _, p := range o.remotes {
		if h, ok := n.facts.RouteTo(p); ok && h.MTU > 0 && (mtu == 0 || h.MTU < mtu) {
			mtu, dev = h.MTU, h.Dev
		}
	}
	if mtu > 0 {
		return mtu, dev
	}
	for _, i := range n.facts.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == o.local && i.Name != "lo" {
				return i.MTU, i.Name
			}
		}
	}
	return 0, ""
}

// fabricMTU is the smallest MTU of the node's links in a fabric.
func (n *node) fabricMTU(id string) (mtu int, dev string) {
	self := n.cfg.FabricNodes[model.FabricNodeID(id, n.name)]
	for _, l := range self.Interfaces {
		if i := n.interfaceNamed(l.Name); i != nil && i.MTU > 0 && (mtu == 0 || i.MTU < mtu) {
			mtu, dev = i.MTU, i.Name
		}
	}
	return mtu, dev
}

// interfaceNamed finds an interface by its name or one of its other names.
func (n *node) interfaceNamed(name string) *model.Interface {
	if i := n.facts.Interface(name); i != nil {
		return i
	}
	for i := range n.facts.Interfaces {
		if slices.Contains(n.facts.Interfaces[i].AltNames, name) {
			return &n.facts.Interfaces[i]
		}
	}
	return nil
}
