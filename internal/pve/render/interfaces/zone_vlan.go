package interfaces

import (
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// bridgeOf reports whether the node has the bridge that carries the zone.
func (r *renderer) bridgeOf(z *model.Zone) bool {
	switch {
	case z.Bridge == "":
		r.refuse(model.KindZone, z.ID, "bridge", "", "is not set, and it carries the zone; the zone and its vnets are left out")
	case !interfaces.PlainName(z.Bridge):
		r.refuse(model.KindZone, z.ID, "bridge", z.Bridge, "cannot be the name of an interface; the zone and its vnets are left out")
	case r.facts.Interface(z.Bridge) == nil && !slices.Contains(r.facts.OVSBridges, z.Bridge):
		r.refuse(model.KindZone, z.ID, "bridge", z.Bridge, fmt.Sprintf("is not among the interfaces of node %s; the zone and its vnets are left out", r.facts.Node))
	default:
		return true
	}
	return false
}

// isOVS and isVLANAware report the type of a bridge, which determines how a VLAN on it
// is implemented.
func (r *renderer) isOVS(bridge string) bool {
	i := r.facts.Interface(bridge)
	return i != nil && i.Kind == interfaces.OpenVSwitch || slices.Contains(r.facts.OVSBridges, bridge)
}

func (r *renderer) isVLANAware(bridge string) bool {
	i := r.facts.Interface(bridge)
	return i != nil && i.VLANFiltering
}

// ports returns the physical NICs and bonds that belong to a bridge, sorted, without
// those of guests.
func (r *renderer) ports(bridge string) []string {
	var out []string
	for _, i := range r.facts.Interfaces {
		if i.Master == bridge && (i.Kind == "" || i.Kind == "bond") {
			out = append(out, i.Name)
		}
	}
	slices.Sort(out)
	return out
}

// vlan renders a VNet of a VLAN zone: a bridge with the VLAN of the zone's
// bridge as its port.
func (r *renderer) vlan(z *model.Zone, v *model.VNet) {
	if v.Tag == 0 {
		r.refuse(model.KindVNet, v.ID, "tag", "", "is not set, and every vnet of a vlan zone needs one; the vnet is left out")
		return
	}
	own, shared := map[string]block{}, map[string]block{}
	uplink := naming.Inner.Of(v.ID)
	switch {
	case r.isOVS(z.Bridge):
		options := fmt.Sprintf("tag=%d", v.Tag)
		if v.VLANAware {
			options = "vlan_mode=dot1q-tunnel other_config:qinq-ethtype=802.1q " + options
		}
		own[uplink] = ovsPort(z, options)
		bridge := slices.Clone(r.blocks[z.Bridge])
		bridge.line("ovs_ports %s", uplink)
		own[z.Bridge] = bridge
	case r.isVLANAware(z.Bridge):
		uplink = naming.VLAN(z.Bridge, v.Tag)
	default:
		other := naming.Outer.Of(v.ID)
		own[uplink], own[other] = veth(other, z.MTU), veth(uplink, z.MTU)
		r.tagged(z, v, other, shared)
	}
	var bridge block
	bridge.bridge(v, uplink, z.MTU)
	own[v.ID] = bridge
	r.add(v, own, shared)
}

// ovsPort returns an internal port of the zone's bridge, an Open vSwitch.
func ovsPort(z *model.Zone, options string) block {
	var b block
	b.line("ovs_type OVSIntPort")
	b.line("ovs_bridge %s", z.Bridge)
	if z.MTU != 0 {
		b.line("ovs_mtu %d", z.MTU)
	}
	b.line("ovs_options %s", options)
	return b
}

// tagged adds the bridge of one VLAN of a bridge that is not VLAN-aware: it connects the
// VLANs of the bridge's ports with the VNet.
func (r *renderer) tagged(z *model.Zone, v *model.VNet, port string, shared map[string]block) {
	name := naming.VLANBridge(z.Bridge, v.Tag)
	if _, made := r.blocks[name]; made {
		r.warn(model.KindVNet, v.ID, "tag", fmt.Sprint(v.Tag), fmt.Sprintf(
			"is that of another vnet on bridge %s, so that this vnet gets no connection to it, as in Proxmox; use another tag", z.Bridge))
	}
	ports := ""
	for _, p := range r.ports(z.Bridge) {
		ports += " " + naming.VLAN(p, v.Tag)
	}
	if ports == "" {
		r.warn(model.KindZone, z.ID, "bridge", z.Bridge, fmt.Sprintf(
			"has no network card or bond on node %s, so that vnet %s reaches no other node", r.facts.Node, v.ID))
	}
	var b block
	if ports != "" {
		ports = " " + ports // Proxmox writes two blanks
	}
	b.line("bridge_ports%s %s", ports, port)
	b.line("bridge_stp off")
	b.line("bridge_fd 0")
	if z.MTU != 0 {
		b.line("mtu %d", z.MTU)
	}
	shared[name] = b
}

// veth returns one end of a veth pair; 0 leaves the MTU to the kernel.
func veth(peer string, mtu int) block {
	var b block
	b.line("link-type veth")
	b.line("veth-peer-name %s", peer)
	if mtu != 0 {
		b.line("mtu %d", mtu)
	}
	return b
}
