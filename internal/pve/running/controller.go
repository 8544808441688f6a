package running

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// Controller is a controller of any type.
type Controller struct {
	ID, Type string
	// Broken is set if a property cannot be read, which a problem reports.
	Broken bool
	// ASN is the autonomous system number; 0 means unset.
	ASN uint32
	// Peers are in the order of the file; Fabric replaces them.
	Peers  []Address
	Fabric string
	// Nodes are the nodes on which an EVPN controller runs; nil means every node.
	Nodes []string
	// PeerGroupName is empty if unset, and so is BGPMode: auto, external or
	// internal.
	PeerGroupName string
	BGPMode       model.BGPMode
	// RouteMapIn and RouteMapOut name maps for the sessions; empty means none.
	RouteMapIn, RouteMapOut string
	// Node is the node on which a BGP or IS-IS controller runs.
	Node         string
	EBGP         bool
	EBGPMultihop int
	// Loopback names the interface with the node's address.
	Loopback       string
	MultipathRelax bool
	// ISISDomain, ISISNet and ISISIfaces are the area tag, the network entity
	// title and the interfaces.
	ISISDomain, ISISNet string
	ISISIfaces          []string
}

func (s *section) controller() *Controller {
	c := &Controller{
		ID:             s.id,
		Type:           s.text("type"),
		ASN:            uint32(s.bounded("asn", 1<<32-1)), // bounded
		Peers:          s.addresses("peers"),
		Fabric:         s.text("fabric"),
		Nodes:          s.set("nodes"),
		PeerGroupName:  s.word("peer-group-name"),
		BGPMode:        model.BGPMode(s.choice("bgp-mode", "auto", "external", "internal")),
		RouteMapIn:     s.word("route-map-in"),
		RouteMapOut:    s.word("route-map-out"),
		Node:           s.text("node"),
		EBGP:           s.boolean("ebgp"),
		EBGPMultihop:   s.number("ebgp-multihop"),
		Loopback:       s.word("loopback"),
		MultipathRelax: s.boolean("bgp-multipath-as-path-relax"),
		ISISDomain:     s.word("isis-domain"),
		ISISNet:        s.word("isis-net"),
		ISISIfaces:     s.words("isis-ifaces"),
	}
	c.Broken = s.broken
	return c
}

// OnNode reports whether an EVPN controller runs on the node.
func (c *Controller) OnNode(node string) bool {
	return c.Nodes == nil || slices.Contains(c.Nodes, node)
}

// Carrier returns the EVPN controller that carries a zone on the node: the zone's own
// or, failing that, the first of its secondary ones that runs there. If none does, it
// returns the zone's own, which may be nil or of another type.
func (r *Running) Carrier(z *Zone, node string) *Controller {
	for _, id := range append([]string{z.Controller}, z.SecondaryControllers...) {
		if c := r.Controllers[id]; c != nil && c.Type == string(model.ControllerEVPN) && c.OnNode(node) {
			return c
		}
	}
	return r.Controllers[z.Controller]
}

// ControllerOf returns the node's controller of a type that has one for each
// node, bgp or isis: the first by ID; nil if there is none.
func (r *Running) ControllerOf(node string, kind model.ControllerType) *Controller {
	for _, id := range slices.Sorted(maps.Keys(r.Controllers)) {
		c := r.Controllers[id]
		if c.Node == node && c.Type == string(kind) && !c.Broken {
			return c
		}
	}
	return nil
}

// FabricMembers returns the nodes of a fabric, sorted by the nodes' names.
func (r *Running) FabricMembers(fabric string) []*FabricNode {
	var out []*FabricNode
	for _, id := range slices.Sorted(maps.Keys(r.FabricNodes)) {
		if n := r.FabricNodes[id]; n.Fabric == fabric && !n.Broken {
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
func (r *Running) TunnelEnd(c *Controller, facts *model.Facts) (l Local, loopback string, ok bool) {
	if c.Fabric != "" {
		n := r.FabricNodes[model.FabricNodeID(c.Fabric, facts.Node)]
		if n == nil || n.Broken {
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
	l, ok = LocalEnd(c.Peers, loopback, facts)
	return l, loopback, ok
}
