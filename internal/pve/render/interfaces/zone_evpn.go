package interfaces

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

// unreachable is the metric of the unreachable default route of a VRF, which prevents
// a fallback to the node's main table (kernel: networking/vrf).
const unreachable = 4278198272

// vxlanOverhead, in bytes, is how much larger a packet between the node and a zone can
// be than one in a tunnel.
const vxlanOverhead = 50

// evpnZone is what the VNets of an EVPN zone share on the node.
type evpnZone struct {
	local running.Address // the local VTEP address; not valid if unknown
	mtu   int
	exit  bool
	// sharedAdded is true if a VNet has added the shared blocks.
	sharedAdded bool
}

// routed reports whether an EVPN zone can be rendered.
func (r *renderer) routed(z *model.Zone) bool {
	const left = "; the zone and its vnets are left out"
	c := r.run.Carrier(z, r.facts.Node)
	switch {
	case c == nil || c.Type != model.ControllerEVPN:
		r.refuse(model.KindZone, z.ID, "controller", z.Controller, "is not an EVPN controller of the running configuration"+left)
		return false
	case r.run.Broken(c):
		return false // already reported
	case z.VRFVXLAN == 0:
		r.refuse(model.KindZone, z.ID, "vrf-vxlan", "", "is not set, and every evpn zone needs one"+left)
		return false
	}
	local, _, ok := r.run.TunnelEnd(c, r.facts)
	if !ok {
		local = running.Local{}
		r.warn(model.KindZone, z.ID, "controller", z.Controller, fmt.Sprintf(
			"has no address of node %s, and its facts have no route to a peer, so that the tunnels get no address of their own", r.facts.Node))
	}
	r.evpn[z.ID] = &evpnZone{local: local.Address, mtu: cmp.Or(z.MTU, defaultMTU), exit: slices.Contains(z.ExitNodes, r.facts.Node)}
	return true
}

// routedVNet renders a VNet of an EVPN zone: a bridge that is the gateway of its
// subnets on every node, a VXLAN device that BGP programs, and the zone's VRF.
func (r *renderer) routedVNet(z *model.Zone, v *model.VNet) {
	if v.Tag == 0 {
		r.refuse(model.KindVNet, v.ID, "tag", "", "is not set, and every vnet of an evpn zone needs one; the vnet is left out")
		return
	}
	e := r.evpn[z.ID]
	var b block
	f := r.gateways(&b, v, false, e.exit)
	if z.MAC != "" {
		b.line("hwaddress %s", z.MAC)
	}
	tunnel := naming.Tunnel.Of(v.ID)
	b.line("bridge_ports %s", tunnel)
	b.line("bridge_stp off")
	b.line("bridge_fd 0")
	b.line("mtu %d", e.mtu)
	if v.Alias != "" {
		b.line("alias %s", v.Alias)
	}
	b.forward(f)
	if len(r.subnets[v.ID]) > 0 {
		b.line("arp-accept on")
	}
	vrf := naming.VRF.Of(z.ID)
	b.line("vrf %s", vrf)
	own := map[string]block{v.ID: b, tunnel: e.tunnel(z, v.Tag)}
	shared := map[string]block{}
	if !e.sharedAdded {
		r.vrf(z, e, shared)
		if e.exit && z.ExitNodesLocalRouting {
			outer, inner := naming.ExitOutside.Of(z.ID), naming.ExitInside.Of(z.ID)
			shared[outer] = e.leg(inner, "10.255.255.1/30", "fe80::1/126", "", f.six)
			shared[inner] = e.leg(outer, "10.255.255.2/30", "fe80::2/126", vrf, f.six)
		}
	}
	e.sharedAdded = r.add(v, own, shared) || e.sharedAdded
}

// vrf adds the zone's VRF, and the bridge and VXLAN device of its L3VNI.
func (r *renderer) vrf(z *model.Zone, e *evpnZone, shared map[string]block) {
	vrf, bridge, tunnel := naming.VRF.Of(z.ID), naming.VRFBridge.Of(z.ID), naming.VRFTunnel.Of(z.ID)
	verb := "add"
	if e.exit {
		verb = "del" // traffic without a route in the zone falls back to the node's table
	}
	shared[vrf] = block{"vrf-table auto", fmt.Sprintf("post-up ip route %s vrf %s unreachable default metric %d", verb, vrf, unreachable)}
	shared[tunnel] = e.tunnel(z, z.VRFVXLAN)
	var b block
	b.line("bridge-ports %s", tunnel)
	b.line("bridge_stp off")
	b.line("bridge_fd 0")
	b.line("mtu %d", e.mtu)
	b.line("vrf %s", vrf)
	shared[bridge] = b
}

// tunnel returns a VXLAN device of the zone.
func (e *evpnZone) tunnel(z *model.Zone, vni int) block {
	var b block
	b.line("vxlan-id %d", vni)
	if e.local.IsValid() {
		b.line("vxlan-local-tunnelip %s", e.local)
	}
	if z.VXLANPort != 0 {
		b.line("vxlan-port %d", z.VXLANPort)
	}
	b.line("bridge-learning off")
	if !z.DisableARPNDSuppression {
		b.line("bridge-arp-nd-suppress on")
	}
	b.line("mtu %d", e.mtu)
	return b
}

// leg returns one end of the link between the node itself and the zone.
func (e *evpnZone) leg(peer, four, six, vrf string, has6 bool) block {
	var b block
	b.line("link-type veth")
	b.line("address %s", four)
	if has6 {
		b.line("address %s", six)
	}
	b.line("veth-peer-name %s", peer)
	if vrf != "" {
		b.line("vrf %s", vrf)
	}
	b.line("mtu %d", e.mtu+vxlanOverhead)
	return b
}
