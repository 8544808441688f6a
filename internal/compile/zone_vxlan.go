package compile

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Encapsulation overhead in bytes: outer Ethernet 14, IPv4 20 or IPv6 40, UDP 8
// and VXLAN 8 (RFC 7348, section 5), of which the outer Ethernet header is
// replaced by the inner one that now counts as payload.
const (
	overheadVXLAN4 = 50
	overheadVXLAN6 = 70
)

// overlay is what the VNets of one VXLAN zone have in common on the node.
type overlay struct {
	local   netip.Addr
	remotes []netip.Addr
	// mtu in bytes; 0 means that it is not known and what stands is kept.
	mtu int
	// ok is false if the node has no end of its own.
	ok bool
}

// vxlan compiles a VNet of a VXLAN zone: a bridge with one VXLAN device as its
// uplink, whose forwarding table floods to every other end of the zone.
func (n *node) vxlan(z *model.Zone, v *model.VNet, overlays map[string]*overlay) {
	o := overlays[z.ID]
	if o == nil {
		o = n.overlay(z)
		overlays[z.ID] = o
	}
	// Without tunnels the bridge stays, with whatever MTU it has: an address that
	// is gone for a moment must not cost the guests their network for good.
	if !n.bridge(v, o.mtu, true) {
		return
	}
	ref := model.Ref(model.KindVNet, v.ID)
	if !o.ok {
		n.note(LevelError, ref, "reaches guests of node %s only, because zone %s has no tunnels here; see zone %s", n.name, z.ID, z.ID)
		return
	}
	port := z.VXLANPort
	if port == 0 {
		port = model.DefaultVXLANPort
	}
	name := vxlanName(v)
	n.out.Links = append(n.out.Links, desired.Link{
		Name: name, Kind: desired.LinkVXLAN, Owner: ref, MTU: o.mtu, Master: v.ID,
		NoLinkLocal: true,
		VXLAN:       &desired.VXLAN{ID: uint32(v.Tag), Local: o.local, Port: uint16(port), Learning: true},
	})
	for _, p := range o.remotes {
		n.out.Neighbours = append(n.out.Neighbours, desired.Neighbour{Link: name, MAC: desired.FloodMAC, Dst: p, Owner: ref})
	}
}

// vxlanName is the VXLAN device's name: at most 6+8 of the kernel's 15 bytes.
func vxlanName(v *model.VNet) string { return "vxlan_" + v.ID }

// overlay works out the node's end of a zone's tunnels.
func (n *node) overlay(z *model.Zone) *overlay {
	ref := model.Ref(model.KindZone, z.ID)
	o := &overlay{mtu: z.MTU}
	if !n.needs(ref, model.FeatureVXLAN, "VXLAN devices (module vxlan)") {
		return o
	}
	local, listed := n.tunnelEnd(z)
	if !local.IsValid() {
		n.note(LevelError, ref, "node %s has no address to use as a tunnel end: none of the peers %v is an address of the node, and no route leads to them; "+
			"add the node's address to peers, or set address on node %s", n.name, z.Peers, n.name)
		return o
	}
	if !listed {
		n.note(LevelWarning, ref, "node %s uses %s as its tunnel end, which is not in peers: the other nodes do not send to it; add it to peers", n.name, local)
	}
	o.local, o.ok = local, true
	for _, p := range z.Peers {
		if p != local && p.Is4() == local.Is4() && !slices.Contains(o.remotes, p) {
			o.remotes = append(o.remotes, p)
		}
	}
	n.overlayMTU(z, o)
	return o
}

// tunnelEnd finds the node's own address among the ends of the zone. Without
// one it is the source address that the kernel would use towards the first
// peer, as Proxmox does; listed tells which.
func (n *node) tunnelEnd(z *model.Zone) (local netip.Addr, listed bool) {
	if self := n.cfg.Nodes[n.name]; self != nil && self.Address.IsValid() {
		return self.Address, slices.Contains(z.Peers, self.Address)
	}
	for _, p := range z.Peers {
		if n.facts.HasAddress(p) {
			return p, true
		}
	}
	for _, p := range z.Peers {
		if h, ok := n.facts.RouteTo(p); ok && h.Src.IsValid() {
			return h.Src, false
		}
	}
	return netip.Addr{}, false
}

// overlayMTU sets the MTU: as declared, or what the narrowest path to another
// end leaves.
func (n *node) overlayMTU(z *model.Zone, o *overlay) {
	ref := model.Ref(model.KindZone, z.ID)
	overhead, family := overheadVXLAN4, "IPv4"
	if o.local.Is6() {
		overhead, family = overheadVXLAN6, "IPv6"
	}
	under, dev := n.narrowest(o)
	if under == 0 {
		if o.mtu = z.MTU; o.mtu == 0 {
			n.note(LevelWarning, ref, "mtu cannot be computed: node %s knows no path to another tunnel end; new VNets get the kernel's %d, others keep what they have; "+
				"repair the underlay or set mtu", n.name, 1500-overhead)
		}
		return
	}
	fits := under - overhead
	reason := fmt.Sprintf("%d bytes of the underlay (%s) less %d for VXLAN over %s", under, dev, overhead, family)
	switch {
	case z.MTU == 0:
		o.mtu = fits
		n.note(LevelInfo, ref, "mtu %d: %s", fits, reason)
	case z.MTU > fits:
		o.mtu = z.MTU
		n.note(LevelWarning, ref, "mtu %d is more than fits: %s leaves %d; larger frames are lost or fragmented; lower mtu to %d or raise the underlay's",
			z.MTU, reason, fits, fits)
	default:
		o.mtu = z.MTU
	}
}
