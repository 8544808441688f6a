package interfaces

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

// defaultMTU in bytes is Proxmox's default for the VNets of a VXLAN zone, for any
// underlay.
const defaultMTU = 1450

// hasVTEPs reports whether the tunnels of a VXLAN zone can be rendered.
func (r *renderer) hasVTEPs(z *model.Zone) bool {
	const left = "; the zone and its vnets are left out"
	switch {
	case z.Fabric != "":
		n := r.run.FabricNodes[model.FabricNodeID(z.Fabric, r.facts.Node)]
		if n == nil || !n.IP.IsValid() {
			r.refuse(model.KindZone, z.ID, "fabric", z.Fabric, fmt.Sprintf("gives node %s no IPv4 address for its end of the tunnels%s", r.facts.Node, left))
			return false
		}
		return true
	case len(z.Peers) == 0:
		r.refuse(model.KindZone, z.ID, "peers", "", "are not set: without them there are no tunnels"+left)
		return false
	}
	if all, own := r.vteps(z); !own.IsValid() {
		r.warn(model.KindZone, z.ID, "peers", "", fmt.Sprintf(
			"have no address of node %s, and its facts have no route to %s, so that every peer is taken for another node", r.facts.Node, all[0]))
	}
	return true
}

// vteps returns all VTEPs of the zone, and the node's own one: the first peer that is an
// address of an interface, otherwise the source address towards the first peer. The nodes
// of a fabric are sorted; Proxmox writes them in random order, so that the file changes
// without a cause.
func (r *renderer) vteps(z *model.Zone) (all []running.Address, own netip.Addr) {
	if z.Fabric == "" {
		all = running.ZonePeers(z)
		l, _ := running.LocalEnd(all, "", r.facts)
		return all, l.Address.Addr
	}
	for _, n := range r.run.FabricMembers(z.Fabric) {
		if n.IP.IsValid() {
			all = append(all, running.Address{Addr: n.IP, Text: n.IP.String()})
		}
	}
	return all, r.run.FabricNodes[model.FabricNodeID(z.Fabric, r.facts.Node)].IP
}

// vxlan renders a VNet of a VXLAN zone: a VXLAN device with the other VTEPs, and a bridge
// with it as its port.
func (r *renderer) vxlan(z *model.Zone, v *model.VNet) {
	if v.Tag == 0 {
		r.refuse(model.KindVNet, v.ID, "tag", "", "is not set, and every vnet of a vxlan zone needs one; the vnet is left out")
		return
	}
	mtu := cmp.Or(z.MTU, defaultMTU)
	peers, own := r.vteps(z)
	var tunnel, bridge block
	tunnel.line("vxlan-id %d", v.Tag)
	for _, p := range peers {
		if p.Addr != own {
			tunnel.line("vxlan_remoteip %s", p)
		}
	}
	if z.VXLANPort != 0 {
		tunnel.line("vxlan-port %d", z.VXLANPort)
	}
	tunnel.line("mtu %d", mtu)
	name := naming.Tunnel.Of(v.ID)
	bridge.bridge(v, name, mtu)
	r.add(v, map[string]block{name: tunnel, v.ID: bridge}, nil)
}
