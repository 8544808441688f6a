package reach

import (
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// routed is the path by way of the gateway of the sender's VNet.
func (w *walk) routed(at *Node) {
	vnet := w.q.From.VNet
	s := w.n.subnet(vnet, w.packet.Src)
	switch {
	case s == nil:
		w.step(at.Name, vnet, Unknown, nil, "No subnet of VNet %s has the address %s, so its router is not known", vnet, w.packet.Src)
		return
	case !s.Gateway.IsValid():
		w.step(at.Name, vnet, Unknown, nil, "Subnet %s has no gateway: only a router of your own could forward the packet", s.CIDR)
		return
	}
	link, ok := at.has(s.Gateway)
	if !ok || link != vnet && link != naming.Gateway.Of(vnet) {
		w.step(at.Name, vnet, Unknown, nil, "The gateway %s is none of Viaduct's here: what it does with the packet is not known", s.Gateway)
		return
	}
	w.packet.In, w.packet.InOurs, w.packet.Member, w.packet.Bridge = link, true, "", ""
	z := w.n.Config.Zones[w.q.From.Zone]
	if z != nil && z.Type == model.ZoneEVPN {
		w.packet.In, w.packet.Member = naming.VRF.OfVRF(z.ID, z.VRFVXLAN), vnet
	}
	if _, own := at.has(w.packet.Dst); own {
		if w.q.To.Kind == KindNode && w.q.To.Node != at.Name {
			w.step(at.Name, vnet, Drop, nil, "Node %s has the address %s itself, so the reply does not go to node %s", at.Name, w.packet.Dst, w.q.To.Node)
			return
		}
		w.packet.In, w.packet.Member, w.packet.Local = link, "", true
		if w.filter(at, vnet, "inet", "input", "The node's filter") {
			w.end = end{kind: endNode, at: at}
			w.step(at.Name, vnet, Pass, nil, "%s is an address of node %s", w.packet.Dst, at.Name)
		}
		return
	}
	w.step(at.Name, vnet, Pass, nil, "By the gateway %s, which is node %s", s.Gateway, at.Name)
	if to := at.connected(w.n, w.packet.Dst); to != "" {
		w.toVNet(at, z, to)
		return
	}
	w.outside(at, z)
}

// connected is the VNet of the node that an address is in; empty if there is none.
func (at *Node) connected(n *Network, ip netip.Addr) string {
	for _, a := range at.Want.Addresses {
		if n.Config.VNets[a.Link] != nil && a.Prefix.Masked().Contains(ip) {
			return a.Link
		}
	}
	for _, r := range at.Want.Routes { // with an anycast gateway the addresses are on another link
		if n.Config.VNets[r.Link] != nil && r.Table == 0 && r.Dst.Contains(ip) {
			return r.Link
		}
	}
	return ""
}

// toVNet is the path to a VNet that the node routes for.
func (w *walk) toVNet(at *Node, z *model.Zone, link string) {
	w.packet.Out, w.packet.OutOurs = link, true
	elsewhere := w.q.To.Kind == KindGuest && w.q.To.VNet == link && w.q.To.Node != at.Name
	evpn := z != nil && z.Type == model.ZoneEVPN && w.q.To.Zone == z.ID
	if elsewhere && evpn {
		w.packet.Out = naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN)
	}
	if !w.filter(at, link, "inet", "forward", "The filters of routed traffic") {
		return
	}
	switch {
	case w.q.To.Kind != KindGuest || w.q.To.VNet != link:
		w.step(at.Name, link, Unknown, nil, "It goes to VNet %s, where no guest is known to have the address %s", link, w.packet.Dst)
		return
	case elsewhere && !evpn && at.uplink(link) == "":
		w.apart(at, link)
		return
	}
	to, ok := w.present(w.q.To, "where the packet goes to")
	if !ok {
		return
	}
	if elsewhere {
		w.step(at.Name, link, Pass, nil, "By %s to node %s", w.packet.Out, to.Name)
		if evpn {
			w.packet.In, w.packet.Member, w.packet.Out = naming.VRF.OfVRF(z.ID, z.VRFVXLAN), naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN), link
			if !w.filter(to, link, "inet", "forward", "The filters of routed traffic") {
				return
			}
		} else if w.packet.In, w.packet.Out, w.packet.Bridge = to.uplink(link), portName(to, w.q.To), link; !w.filter(to, link, "bridge", "forward", "The VNet's firewall") {
			return
		}
	}
	w.arrived()
}

// outside is the path out of Viaduct's networks.
func (w *walk) outside(at *Node, z *model.Zone) {
	vnet := w.q.From.VNet
	var through *Node
	if z != nil && z.Type == model.ZoneEVPN && !slices.Contains(z.ExitNodes, at.Name) {
		if len(z.ExitNodes) == 0 {
			w.step(at.Name, vnet, Drop, nil, "Zone %s has no exit nodes, so nothing leaves it", z.ID)
			return
		}
		exit := z.ExitNodes[0]
		if z.ExitNodesPrimary != "" {
			exit = z.ExitNodesPrimary
		}
		to, ok := w.present(Endpoint{Kind: KindNode, Node: exit, VNet: vnet}, "the exit node")
		if !ok {
			return
		}
		w.packet.Out, w.packet.OutOurs = naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN), true
		if !w.filter(at, vnet, "inet", "forward", "The filters of routed traffic") {
			return
		}
		w.step(at.Name, vnet, Pass, nil, "By the exit node %s", exit)
		w.packet.Member = naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN)
		at, through = to, at
	}
	dev := at.route(w.packet.Dst)
	if dev == "" {
		w.step(at.Name, vnet, Drop, nil, "Node %s has no route to %s", at.Name, w.packet.Dst)
		return
	}
	w.packet.Out, w.packet.OutOurs = dev, at.ours(dev)
	if !w.filter(at, vnet, "inet", "forward", "The filters of routed traffic") {
		return
	}
	how := "with its own address as source"
	w.end = end{kind: endOutside, at: at, dev: dev, through: through}
	if w.end.translated = hook(at.Want.Tables, "inet", "postrouting", &w.packet).translated; w.end.translated {
		how = "with the node's address as source (SNAT)"
	}
	w.step(at.Name, vnet, Unknown, nil, "It leaves node %s by %s, %s. What comes after that is not known here", at.Name, dev, how)
}

// route is the interface that the node's main table routes an address by; empty if none.
func (at *Node) route(ip netip.Addr) (dev string) {
	best := -1
	try := func(p netip.Prefix, link string) {
		if p.Masked().Contains(ip) && p.Bits() > best {
			best, dev = p.Bits(), link
		}
	}
	for _, r := range at.Facts.Routes {
		try(r.Dst, r.Dev)
	}
	for _, i := range at.Facts.Interfaces {
		for _, a := range i.Addresses {
			try(a, i.Name)
		}
	}
	return dev
}

// fromNode is the path from a node itself to a guest: filters are for what others send.
func (w *walk) fromNode(at *Node) {
	to := w.q.To
	link := at.connected(w.n, w.packet.Dst)
	switch {
	case link == "" || to.Kind != KindGuest:
		w.step(at.Name, "", Unknown, nil, "Node %s is not in a network with %s: the path is not known here", at.Name, w.packet.Dst)
		return
	case to.Node != at.Name && at.uplink(link) == "":
		w.apart(at, link)
		return
	case to.Node != at.Name && w.n.Config.Zones[to.Zone].Anycast():
		w.step(at.Name, link, Drop, nil, "Node %s sends with the gateway's address, and the guest's answer goes to its own gateway, which is node %s", at.Name, to.Node)
		return
	}
	dest, ok := w.present(to, "where the packet goes to")
	if !ok {
		return
	}
	w.step(at.Name, link, Pass, nil, "By VNet %s, of which the node is the gateway", link)
	if dest.Name != at.Name {
		w.packet.In, w.packet.Out, w.packet.Bridge = dest.uplink(link), portName(dest, to), link
		if !w.filter(dest, link, "bridge", "forward", "The VNet's firewall") {
			return
		}
	}
	w.arrived()
}
