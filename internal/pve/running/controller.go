package running

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

func (s *object) controller() *model.Controller {
	peers := s.addresses("peers")
	c := &model.Controller{
		ID:                      s.id,
		Type:                    model.ControllerType(s.text("type")),
		ASN:                     s.bounded("asn", 1<<32-1),
		Peers:                   addrs(peers),
		Fabric:                  s.text("fabric"),
		Nodes:                   s.nodes("nodes"),
		PeerGroupName:           s.word("peer-group-name"),
		BGPMode:                 model.BGPMode(s.choice("bgp-mode", "auto", "external", "internal")),
		RouteMapIn:              s.word("route-map-in"),
		RouteMapOut:             s.word("route-map-out"),
		Node:                    s.text("node"),
		EBGP:                    s.boolean("ebgp"),
		EBGPMultihop:            s.number("ebgp-multihop"),
		Loopback:                s.word("loopback"),
		BGPMultipathASPathRelax: s.boolean("bgp-multipath-as-path-relax"),
		ISISDomain:              s.word("isis-domain"),
		ISISNet:                 s.word("isis-net"),
		ISISIfaces:              s.words("isis-ifaces"),
	}
	spelled(c, "peers", peers...)
	return c
}

// Carrier returns the EVPN controller that carries a zone on the node: the zone's own
// or, failing that, the first of its secondary ones that runs there. If none does, it
// returns the zone's own, which may be nil or of another type.
func (r *Running) Carrier(z *model.Zone, node string) *model.Controller {
	for _, id := range append([]string{z.Controller}, z.SecondaryControllers...) {
		if c := r.Controllers[id]; c != nil && c.Type == model.ControllerEVPN && c.OnNode(node) {
			return c
		}
	}
	return r.Controllers[z.Controller]
}

// ControllerOf returns the node's controller of a type that has one for each
// node, bgp or isis: the first by ID; nil if there is none.
func (r *Running) ControllerOf(node string, kind model.ControllerType) *model.Controller {
	for _, id := range slices.Sorted(maps.Keys(r.Controllers)) {
		c := r.Controllers[id]
		if c.Node == node && c.Type == kind && !r.Broken(c) {
			return c
		}
	}
	return nil
}

// FabricMembers returns the nodes of a fabric, sorted by the nodes' names.
func (r *Running) FabricMembers(fabric string) []*model.FabricNode {
	var out []*model.FabricNode
	for _, id := range slices.Sorted(maps.Keys(r.FabricNodes)) {
		if n := r.FabricNodes[id]; n.Fabric == fabric && !r.Broken(n) {
			out = append(out, n)
		}
	}
	return out
}

// Local is an address of the node, with its interface.
type Local struct {
	Address Address
	Link    string
}

// LocalEnd determines the node's own address towards others as Proxmox does: that of
// the loopback interface if it is named and has one, then the first of the peers that
// is an address of an interface, then the source of the route to the first peer. ok is
// false if there is none.
func LocalEnd(peers []Address, loopback string, facts *model.Facts) (l Local, ok bool) {
	if i := facts.Interface(loopback); loopback != "" && i != nil {
		for _, p := range i.Addresses {
			if a := p.Addr(); !a.IsLoopback() && !a.IsLinkLocalUnicast() {
				return Local{Address{a, a.String()}, loopback}, true
			}
		}
	}
	for _, p := range peers {
		for _, i := range facts.Interfaces {
			for _, a := range i.Addresses {
				if a.Addr() == p.Addr {
					return Local{p, i.Name}, true
				}
			}
		}
	}
	if len(peers) == 0 {
		return Local{}, false
	}
	hop, _ := facts.RouteTo(peers[0].Addr)
	return Local{Address{hop.Src, hop.Src.String()}, hop.Dev}, hop.Src.IsValid()
}

// TunnelEnd returns the node's own VTEP address for an EVPN controller, and the name of
// the loopback interface that its sessions use as their source, if any.
func (r *Running) TunnelEnd(c *model.Controller, facts *model.Facts) (l Local, loopback string, ok bool) {
	if c.Fabric != "" {
		n := r.FabricNodes[model.FabricNodeID(c.Fabric, facts.Node)]
		if n == nil || r.Broken(n) {
			return Local{}, "", false
		}
		device := naming.Fabric.Of(c.Fabric)
		return Local{Address{n.IP, n.IP.String()}, device}, device, n.IP.IsValid()
	}
	if bgp := r.ControllerOf(facts.Node, model.ControllerBGP); bgp != nil {
		loopback = bgp.Loopback
	} else if isis := r.ControllerOf(facts.Node, model.ControllerISIS); isis != nil {
		loopback = isis.Loopback
	}
	l, ok = LocalEnd(ControllerPeers(c), loopback, facts)
	return l, loopback, ok
}
