package compile

import (
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// connected are the peers in a network of the node to which it connects from the
// address own without update-source. BFD of a session with update-source is multihop
// until the session is established and single-hop from then on, at each end at a
// different moment; FRR 10.2 and 10.3 wait for BFD before they begin, so that such a
// session never comes up (FRRouting#18742, FRRouting#19077).
func (n *node) connected(own netip.Addr, peers []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, p := range peers {
		if list := n.addressesBeside(p); len(list) == 1 && list[0].Addr() == own && !n.leadsElsewhere(p, list[0]) {
			out = append(out, p)
		}
	}
	return out
}

// addressesBeside are the node's addresses in the networks that an address is in.
func (n *node) addressesBeside(a netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, i := range n.facts.Interfaces {
		for _, own := range i.Addresses {
			if own.Masked().Contains(a) {
				out = append(out, own)
			}
		}
	}
	return out
}

// leadsElsewhere reports whether a route goes before that of the network in which the
// node has the address own, or asks for another source.
func (n *node) leadsElsewhere(a netip.Addr, own netip.Prefix) bool {
	for _, r := range n.facts.Routes {
		other := r.Src.IsValid() && r.Src != own.Addr()
		if r.Dst.Contains(a) && (r.Dst.Bits() > own.Bits() || r.Dst.Bits() == own.Bits() && other) {
			return true
		}
	}
	return false
}

// watch leaves the sessions of a controller to their own timers where BFD would keep
// them from ever starting.
func (n *node) watch(i *routing.Intent, e *routing.EVPN) {
	if _, external := e.Session(i.BGPASN); external || n.facts.FRR == nil || !n.facts.FRR.StuckBFD() {
		return
	}
	stuck := func(p netip.Addr) bool {
		return p != e.Own && !slices.Contains(e.Connected, p) && len(n.addressesBeside(p)) > 0
	}
	if k := slices.IndexFunc(e.Peers, stuck); k >= 0 {
		e.NoBFD = true
		n.note(LevelInfo, e.Owner, msgBFDNotUsed,
			n.name, e.Peers[k], e.Own, n.facts.FRR.Version)
	}
}
