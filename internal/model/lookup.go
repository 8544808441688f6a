package model

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

// Hop is how a node reaches an address.
type Hop struct {
	// Dev is the outgoing interface.
	Dev string
	// Src is the source address; not valid if unknown.
	Src netip.Addr
	// MTU of the path in bytes; 0 if unknown.
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

// Named finds an interface by its name or by an alternative one, since the kernel
// gives neither to another interface; nil if there is none.
func (f *Facts) Named(name string) *Interface {
	for i := range f.Interfaces {
		if f.Interfaces[i].Name == name || slices.Contains(f.Interfaces[i].AltNames, name) {
			return &f.Interfaces[i]
		}
	}
	return nil
}

// RouteTo looks an address up as the kernel would in the node's main table: the longest prefix
// wins, then the smallest metric. Of several equal-cost routes it returns the smallest MTU,
// which is safe for every packet, with the source address of the first that has one. It
// reports whether a route exists.
func (f *Facts) RouteTo(a netip.Addr) (Hop, bool) {
	var best []*FactRoute
	for i := range f.Routes {
		r := &f.Routes[i]
		if !r.Dst.Contains(a) {
			continue
		}
		if len(best) > 0 {
			order := cmp.Or(cmp.Compare(best[0].Dst.Bits(), r.Dst.Bits()), cmp.Compare(r.Metric, best[0].Metric))
			if order > 0 {
				continue
			}
			if order < 0 {
				best = best[:0]
			}
		}
		best = append(best, r)
	}
	if len(best) == 0 {
		return Hop{}, false
	}
	h := f.hop(best[0], a)
	for _, r := range best[1:] {
		other := f.hop(r, a)
		src := h.Src
		if !src.IsValid() {
			src = other.Src
		}
		if other.MTU != 0 && (h.MTU == 0 || other.MTU < h.MTU) {
			h = other
		}
		h.Src = src
	}
	return h, true
}

// HardwareRouterID derives a router ID, in the form of an IPv4 address, from the last four
// bytes of the MAC address of an interface, or of the bridge or bond that it belongs to, as
// Proxmox VE does for a node without a suitable IPv4 address. It is not valid if the facts
// lack the MAC address.
func (f *Facts) HardwareRouterID(link string) netip.Addr {
	i := f.Interface(link)
	if i == nil {
		return netip.Addr{}
	}
	if master := f.Interface(i.Master); i.Master != "" && master != nil && (master.Kind == "bridge" || master.Kind == "bond") {
		i = master
	}
	mac, err := hex.DecodeString(strings.ReplaceAll(i.MAC, ":", ""))
	if err != nil || len(mac) != 6 || !slices.ContainsFunc(mac, func(b byte) bool { return b != 0 }) {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(mac[2:]))
}

// hop returns the hop to an address by one route.
func (f *Facts) hop(r *FactRoute, a netip.Addr) Hop {
	h := Hop{Dev: r.Dev, Src: r.Src, MTU: r.MTU}
	dev := f.Interface(r.Dev)
	if dev == nil {
		return h
	}
	if h.MTU == 0 {
		h.MTU = dev.MTU
	}
	if !h.Src.IsValid() {
		h.Src = dev.sourceTo(a)
	}
	return h
}

// sourceTo returns the source address that the kernel would select on the interface: one in
// the destination's network, otherwise the first that is not link-local.
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
