package ifupdown

import (
	"fmt"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pvesdn"
)

// defaultMTU in bytes is what Proxmox gives the VNets of a VXLAN zone that sets
// none, whatever the underlay has.
const defaultMTU = 1450

// tunnelEnds reports whether the tunnels of a VXLAN zone can be rendered.
func (r *renderer) tunnelEnds(z *pvesdn.Zone) bool {
	switch {
	case z.Fabric != "":
		r.refuse(model.KindZone, z.ID, "fabric", z.Fabric,
			"this release renders only zones of type vxlan that have peers; the zone and its vnets are left out")
		return false
	case len(z.Peers) == 0:
		r.refuse(model.KindZone, z.ID, "peers", "", "are not set: without them there are no tunnels; the zone and its vnets are left out")
		return false
	}
	if !r.ownEnd(z).IsValid() {
		r.warn(model.KindZone, z.ID, "peers", "", fmt.Sprintf(
			"have no address of node %s, and its facts have no route to %s, so that every peer is taken for another node", r.facts.Node, z.Peers[0]))
	}
	return true
}

// ownEnd is the node's own address among the ends of the tunnels: the first
// peer that an interface has, otherwise the address the node would use towards
// the first peer.
func (r *renderer) ownEnd(z *pvesdn.Zone) netip.Addr {
	for _, p := range z.Peers {
		if r.facts.HasAddress(p.Addr) {
			return p.Addr
		}
	}
	hop, _ := r.facts.RouteTo(z.Peers[0].Addr)
	return hop.Src
}

// vxlan renders a VNet of a VXLAN zone: a VXLAN device that knows the other
// ends, and a bridge with it as its port.
func (r *renderer) vxlan(z *pvesdn.Zone, v *pvesdn.VNet) {
	if v.Tag == 0 {
		r.refuse(model.KindVNet, v.ID, "tag", "", "is not set, and every vnet of a vxlan zone needs one; the vnet is left out")
		return
	}
	mtu := z.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	own := r.ownEnd(z)
	var tunnel, bridge block
	tunnel.line("vxlan-id %d", v.Tag)
	for _, p := range z.Peers {
		if p.Addr != own {
			tunnel.line("vxlan_remoteip %s", p)
		}
	}
	if z.VXLANPort != 0 {
		tunnel.line("vxlan-port %d", z.VXLANPort)
	}
	tunnel.line("mtu %d", mtu)
	name := "vxlan_" + v.ID
	bridge.bridge(v, name, mtu)
	r.add(v, map[string]block{name: tunnel, v.ID: bridge})
}
