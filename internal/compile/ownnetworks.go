package compile

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ownAddresses are the addresses of the node's interfaces, with their masks, by the
// interface: not those of loopback networks and links, which no zone can reach.
func (n *node) ownAddresses() iter.Seq2[string, netip.Prefix] {
	return func(yield func(string, netip.Prefix) bool) {
		for _, i := range n.facts.Interfaces {
			for _, a := range i.Addresses {
				if !a.Addr().IsLoopback() && !a.Addr().IsLinkLocalUnicast() && !yield(i.Name, a) {
					return
				}
			}
		}
	}
}

// holdsOwn names the node's own addresses or peers that a subnet would hide from the main
// routing table if its network were routed into a zone; empty if none. A user who declares
// a subnet must not get the traffic of the node, of its neighbours or of the tunnels.
func (n *node) holdsOwn(s *model.Subnet) string {
	p := s.CIDR.Masked()
	for link, a := range n.ownAddresses() {
		switch {
		case p.Contains(a.Addr()):
			return fmt.Sprintf("holds %s, the address of the node's %s", a.Addr(), link)
		case !a.IsSingleIP() && p.Overlaps(a.Masked()):
			return fmt.Sprintf("is a part of %s, the network of the node's %s", a.Masked(), link)
		}
	}
	if peer, of := n.peerIn(p); peer.IsValid() {
		return fmt.Sprintf("holds %s, a peer of %s", peer, of)
	}
	return ""
}

// peerIn is a VTEP or router of the node's zones and controllers in a network, and its
// owner.
func (n *node) peerIn(p netip.Prefix) (peer netip.Addr, of string) {
	for _, id := range slices.Sorted(maps.Keys(n.cfg.Zones)) {
		z := n.cfg.Zones[id]
		if i := slices.IndexFunc(z.Peers, p.Contains); i >= 0 && z.OnNode(n.name) {
			return z.Peers[i], "zone " + id
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.cfg.Controllers)) {
		c := n.cfg.Controllers[id]
		if i := slices.IndexFunc(c.Peers, p.Contains); i >= 0 {
			return c.Peers[i], "controller " + id
		}
	}
	return netip.Addr{}, ""
}

// routable notes a subnet that the node must not route into its zone, and reports
// whether it may.
func (n *node) routable(s *model.Subnet) bool {
	what := n.holdsOwn(s)
	if what != "" {
		n.note(LevelError, model.Ref(model.KindSubnet, s.ID), msgSubnetConflictsWithNode, s.CIDR, what, n.name)
	}
	return what == ""
}
