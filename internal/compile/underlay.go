package compile

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// hop is how the node reaches an address.
type hop struct {
	dev string
	src netip.Addr
	mtu int
}

// hasAddress reports whether the address is one of the node's own.
func (n *node) hasAddress(a netip.Addr) bool {
	for _, i := range n.facts.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

// route looks an address up as the kernel would in the node's main table: the
// longest prefix wins, then the smallest metric.
func (n *node) route(a netip.Addr) (hop, bool) {
	var best *model.FactRoute
	for i := range n.facts.Routes {
		r := &n.facts.Routes[i]
		if !r.Dst.Contains(a) {
			continue
		}
		if best == nil || r.Dst.Bits() > best.Dst.Bits() || r.Dst.Bits() == best.Dst.Bits() && r.Metric < best.Metric {
			best = r
		}
	}
	if best == nil {
		return hop{}, false
	}
	h := hop{dev: best.Dev, src: best.Src, mtu: best.MTU}
	dev := n.iface(best.Dev)
	if dev == nil {
		return h, true
	}
	if h.mtu == 0 {
		h.mtu = dev.MTU
	}
	if !h.src.IsValid() {
		h.src = sourceOn(dev, a)
	}
	return h, true
}

func (n *node) iface(name string) *model.Interface {
	for i := range n.facts.Interfaces {
		if n.facts.Interfaces[i].Name == name {
			return &n.facts.Interfaces[i]
		}
	}
	return nil
}

// sourceOn picks the address of an interface that the kernel would send from:
// one that shares the destination's network, otherwise the first that is not
// link-local.
func sourceOn(dev *model.Interface, dst netip.Addr) netip.Addr {
	var first netip.Addr
	for _, p := range dev.Addresses {
		a := p.Addr()
		if a.Is4() != dst.Is4() || a.IsLinkLocalUnicast() {
			continue
		}
		if p.Contains(dst) {
			return a
		}
		if !first.IsValid() {
			first = a
		}
	}
	return first
}

// narrowest is the smallest MTU on the paths to the other ends of an overlay,
// and the interface that has it; 0 if no path is known. An end of its own on
// the loopback does not count: what matters is the way out.
func (n *node) narrowest(o *overlay) (mtu int, dev string) {
	for _, p := range o.remotes {
		if h, ok := n.route(p); ok && h.mtu > 0 && (mtu == 0 || h.mtu < mtu) {
			mtu, dev = h.mtu, h.dev
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
