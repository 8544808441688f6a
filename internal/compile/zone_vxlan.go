package compile

import (
	"fmt"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// Encapsulation overhead in bytes: outer Ethernet 14, IPv4 20 or IPv6 40, UDP 8
// and VXLAN 8 (RFC 7348, section 5); the outer Ethernet header is replaced by
// the inner one, which now counts as payload.
const (
	overheadVXLAN4 = 50
	overheadVXLAN6 = 70
)

// overlay is a node's end of tunnels, as it serves the VNets of a zone.
type overlay struct {
	local netip.Addr
	// session is the address that routing sessions come from (EVPN).
	session netip.Addr
	// source names the interface of the local address, if the configuration names
	// it; fabric the fabric of that address.
	source, fabric string
	// remotes are the other ends, of the family of the local one.
	remotes []netip.Addr
	// mtu in bytes; 0 means that it is not known and the present one is kept.
	mtu int
	// ok is false if the node has no end of its own.
	ok bool
}

// vxlan compiles a VNet of a VXLAN zone: a bridge with one VXLAN device as its
// uplink, with a forwarding table that floods to every remote VTEP of the zone, and
// with the node as its gateway if the zone declares that.
func (n *zoneBuilder) vxlan(z *model.Zone, v *model.VNet) {
	o := n.overlays[z.ID]
	if o == nil {
		o = n.overlay(z)
		n.overlays[z.ID] = o
		n.noteNoGateway(z)
	}
	// Without tunnels the bridge stays, with whatever MTU it has: the loss of an
	// address for a moment must not cost the guests their network for good.
	ref := model.Ref(model.KindVNet, v.ID)
	if n.isAnycastGateway(z, v) {
		if !n.anycastGateway(z, v, o.mtu) {
			return
		}
	} else if !n.bridge(v, o.mtu, true) {
		return
	}
	if !o.ok {
		n.noteOf(fault.Consequence, LevelError, ref, msgVNetLocalNoTunnels, n.name, z.ID)
		return
	}
	name := naming.Tunnel.Of(v.ID)
	if !n.link(desired.Link{
		Name: name, Kind: desired.LinkVXLAN, Owner: ref, MTU: o.mtu, Master: v.ID, NoLinkLocal: true, Port: uplinkPort(v),
		VXLAN: &desired.VXLAN{ID: uint32(v.Tag), Local: o.local, Port: vxlanPort(z), Learning: true},
	}) {
		return
	}
	for _, p := range o.remotes {
		n.out.Neighbours = append(n.out.Neighbours, desired.Neighbour{Link: name, MAC: desired.FloodMAC, Dst: p, Owner: ref})
	}
}

// vxlanPort is the UDP port of a zone's tunnels.
func vxlanPort(z *model.Zone) uint16 {
	if z.VXLANPort == 0 {
		return model.DefaultVXLANPort
	}
	return uint16(z.VXLANPort)
}

// overlay works out the node's end of a VXLAN zone's tunnels.
func (n *node) overlay(z *model.Zone) *overlay {
	ref := model.Ref(model.KindZone, z.ID)
	o := &overlay{mtu: z.MTU}
	if !n.needs(ref, model.FeatureVXLAN) {
		return o
	}
	e := n.vteps(ref, z.Peers, z.Fabric, "")
	if !e.ok {
		return o
	}
	e.mtu = n.overlayMTU(ref, z.MTU, e)
	return e
}

// overlayMTU is the MTU in bytes of what goes through tunnels: as declared, or
// what the narrowest path to another end leaves; 0 if that is not known.
func (n *node) overlayMTU(ref string, declared int, o *overlay) int {
	overhead, family := overheadVXLAN4, "IPv4"
	if o.local.Is6() {
		overhead, family = overheadVXLAN6, "IPv6"
	}
	under, dev := n.narrowest(o)
	if under == 0 {
		if declared == 0 {
			n.noteOf(fault.Link, LevelWarning, ref, msgMTUUnknown, n.name, 1500-overhead)
		}
		return declared
	}
	fits := under - overhead
	reason := fmt.Sprintf("%d bytes of the underlay (%s) less %d for VXLAN over %s", under, dev, overhead, family)
	switch {
	case declared == 0:
		n.note(LevelInfo, ref, msgMTUComputed, fits, reason)
		return fits
	case declared > fits:
		n.note(LevelWarning, ref, msgMTUTooLarge,
			declared, reason, fits)
	}
	return declared
}
