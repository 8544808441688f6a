package model

import "net/netip"

// Hop is how a node reaches an address.
type Hop struct {
	// Dev is the interface that leads there.
	Dev string
	// Src is the address the node sends from; not valid if none is known.
	Src netip.Addr
	// MTU of the way in bytes; 0 if it is not known.
	MTU int
}

// HasAddress reports whether the address is one of the node's own.
func (f *Facts) HasAddress(a netip.Addr) bool {
	for _, i := range f.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

// Interface returns the interface of that name, or nil.
func (f *Facts) Interface(name string) *Interface {
	for i := range f.Interfaces {
		if f.Interfaces[i].Name == name {
			return &f.Interfaces[i]
		}
	}
	return nil
}

// RouteTo looks an address up as the kernel would in the node's main table: the
// longest prefix wins, then the smallest metric. It reports whether a route
// leads there.
func (f *Facts) RouteTo(a netip.Addr) (Hop, bool) {
	var best *FactRoute
	for i := range f.Routes {
		r := &f.Routes[i]
		if !r.Dst.Contains(a) {
			continue
		}
		if best == nil || r.Dst.Bits() > best.Dst.Bits() || r.Dst.Bits() == best.Dst.Bits() && r.Metric < best.Metric {
			best = r
		}
	}
	if best == nil {
		return Hop{}, false
	}
	h := Hop{Dev: best.Dev, Src: best.Src, MTU: best.MTU}
	dev := f.Interface(best.Dev)
	if dev == nil {
		return h, true
	}
	if h.MTU == 0 {
		h.MTU = dev.MTU
	}
	if !h.Src.IsValid() {
		h.Src = dev.sourceTo(a)
	}
	return h, true
}

// sourceTo picks the address of the interface that the kernel would send from:
// one that shares the destination's network, otherwise the first that is not
// link-local.
func (i *Interface) sourceTo(dst netip.Addr) netip.Addr {
	var first netip.Addr
	for _, p := range i.Addresses {
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
