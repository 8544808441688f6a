package compile

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// unreachableMetric is the metric of the route that ends the look-up in a VRF:
// the highest that the kernel's VRF document proposes, so that any other wins.
const unreachableMetric = 4278198272

// The addresses of the link from an exit node itself into its zones. They are the same
// on every exit node and in every zone, and are not visible outside.
var (
	exitSource4 = netip.MustParsePrefix("10.255.255.1/32")
	exitSource6 = netip.MustParsePrefix("fd56:6961:6475:6374::1/128") // "Viaduct" in ASCII
	exitOutside = netip.MustParsePrefix("fe80::1/64")
	exitInside  = netip.MustParsePrefix("fe80::2/64")
)

// vrf is what the VNets of an EVPN zone have in common on the node.
type vrf struct {
	ends *overlay
	// mtu of the VNets in bytes; 0 if it is not known.
	mtu  int
	name string
	mac  string
	// exit is true if the node is an exit node of the zone.
	exit bool
	ok   bool
}

// evpn compiles a VNet of an EVPN zone: a bridge with the anycast gateways in
// the zone's VRF, and a VXLAN device with a forwarding table filled by FRR (Proxmox VE
// SDN manual, "EVPN Zones"; RFC 9135, symmetric routing).
func (n *zoneBuilder) evpn(z *model.Zone, v *model.VNet) {
	f := n.vrf(z)
	ref := model.Ref(model.KindVNet, v.ID)
	if !f.ok {
		n.bridge(v, f.mtu, true)
		n.noteOf(fault.Consequence, LevelError, ref, msgVNetLocalNoRouting, n.name, z.ID)
		return
	}
	// The link-local address is added below: made by the kernel from the hardware
	// address, which is the same everywhere, it would be found to be a duplicate.
	if !n.vnetBridge(v, desired.Link{MTU: f.mtu, MAC: f.mac, Master: f.name, NoLinkLocal: true}) {
		return
	}
	n.link(desired.Link{
		Name: naming.Tunnel.Of(v.ID), Kind: desired.LinkVXLAN, Owner: ref, MTU: f.mtu, Master: v.ID, NoLinkLocal: true,
		Port:  &desired.BridgePort{NoLearning: true, NeighSuppress: !z.DisableARPNDSuppression},
		VXLAN: &desired.VXLAN{ID: uint32(v.Tag), Local: f.ends.local, Port: vxlanPort(z)},
	})
	n.gateways(z, v, f)
}

// gateways gives a VNet's bridge its addresses.
func (n *zoneBuilder) gateways(z *model.Zone, v *model.VNet, f *vrf) {
	ref := model.Ref(model.KindVNet, v.ID)
	var gateways []netip.Addr
	for _, s := range n.subnets[v.ID] {
		owner := model.Ref(model.KindSubnet, s.ID)
		if !s.Gateway.IsValid() {
			if s.SNAT {
				n.note(LevelWarning, owner, msgSNATWithoutGatewayOnNodes)
			}
			continue
		}
		if s.SNAT && len(z.ExitNodes) == 0 {
			n.note(LevelWarning, owner, msgSNATWithoutExitNode, z.ID)
		}
		if !slices.Contains(gateways, s.Gateway) {
			gateways = append(gateways, s.Gateway)
			n.out.Addresses = append(n.out.Addresses, desired.Address{Link: v.ID, Prefix: netip.PrefixFrom(s.Gateway, s.CIDR.Bits()), Owner: owner})
		}
		n.routed.addVRF(z, v, s, f)
		if f.exit && n.routable(s) {
			n.exitRoute(z, s)
		}
	}
	if slices.ContainsFunc(gateways, netip.Addr.Is6) {
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: v.ID, Prefix: netip.PrefixFrom(linkLocal(f.mac), 64), Owner: ref})
	}
	if len(gateways) > 0 {
		n.needs(ref, model.FeatureNFTNAT)
		// All nodes have the gateway's addresses, so that a guest answers its own
		// node, whichever node sent the request: that node must accept untracked
		// neighbour advertisements and gratuitous ARP, also from a guest that moved.
		// Then it advertises the guest to the other nodes.
		n.sysctl(ref, "net.ipv4.conf."+v.ID+".arp_accept", "1")
		if slices.ContainsFunc(gateways, netip.Addr.Is6) {
			n.sysctl(ref, "net.ipv6.conf."+v.ID+".accept_untracked_na", "2") // of the VNet's own networks
		}
	}
}

// linkLocal is the address that the kernel derives from a MAC address (RFC 4291,
// appendix A).
func linkLocal(mac string) netip.Addr {
	var b [6]byte
	for i := range b {
		x, _ := strconv.ParseUint(mac[3*i:3*i+2], 16, 8)
		b[i] = byte(x)
	}
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: b[0] ^ 2, 9: b[1], 10: b[2], 11: 0xff, 12: 0xfe, 13: b[3], 14: b[4], 15: b[5]})
}

// anycastMAC is the MAC address of a zone's gateways: as declared, or derived from
// the zone's name, in the range of Proxmox (BC:24:11) for a familiar look.
func anycastMAC(z *model.Zone) string {
	if mac, ok := model.NormalizeMAC(z.MAC); ok {
		return strings.ToLower(mac)
	}
	sum := sha256.Sum256([]byte("viaduct anycast gateway " + z.ID))
	return fmt.Sprintf("bc:24:11:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}

// vrf adds what the VNets of a zone share, once.
func (n *zoneBuilder) vrf(z *model.Zone) *vrf {
	if f := n.vrfs[z.ID]; f != nil {
		return f
	}
	f := &vrf{mtu: z.MTU, name: naming.VRF.OfVRF(z.ID, z.VRFVXLAN), mac: anycastMAC(z), exit: slices.Contains(z.ExitNodes, n.name)}
	n.vrfs[z.ID] = f
	ref := model.Ref(model.KindZone, z.ID)
	kernel, suite := n.needs(ref, model.FeatureVXLAN, model.FeatureVRF), n.needsFRR(ref)
	if !kernel || !suite {
		return f
	}
	c := n.carrier(z)
	if c == nil {
		return f
	}
	if f.ends = n.controllerVTEPs(n.controllers, c); !f.ends.ok {
		n.noteOf(fault.Consequence, LevelError, ref, msgControllerWithoutVTEP, n.name, c.ID)
		return f
	}
	f.mtu = n.overlayMTU(ref, z.MTU, f.ends)
	bridge := naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN)
	f.ok = n.needs(ref, model.FeatureBridge) &&
		n.link(desired.Link{Name: f.name, Kind: desired.LinkVRF, Owner: ref, NoLinkLocal: true, VRF: &desired.VRF{Table: naming.VRFTable(z.VRFVXLAN)}}) &&
		n.link(desired.Link{Name: bridge, Kind: desired.LinkBridge, Owner: ref, MTU: f.mtu, Master: f.name, Bridge: &desired.Bridge{}}) &&
		n.link(desired.Link{
			Name: naming.VRFTunnel.OfVRF(z.ID, z.VRFVXLAN), Kind: desired.LinkVXLAN, Owner: ref, MTU: f.mtu, Master: bridge, NoLinkLocal: true,
			Port:  &desired.BridgePort{NoLearning: true, NeighSuppress: !z.DisableARPNDSuppression},
			VXLAN: &desired.VXLAN{ID: uint32(z.VRFVXLAN), Local: f.ends.local, Port: vxlanPort(z)},
		})
	if !f.ok {
		return f
	}
	n.routed.links(z.ID, f.name, bridge)
	n.outward(z, f)
	return f
}

// carrier is the EVPN controller that carries a zone on the node: the zone's own,
// or the first of its secondary ones that runs here. It is nil without one, which
// is noted for the zone.
func (n *node) carrier(z *model.Zone) *model.Controller {
	ref := model.Ref(model.KindZone, z.ID)
	elsewhere := false
	for _, id := range z.Controllers() {
		c := n.cfg.Controllers[id]
		if c == nil || c.Type != model.ControllerEVPN {
			continue
		}
		if c.OnNode(n.name) {
			return c
		}
		elsewhere = elsewhere || id == z.Controller
	}
	if elsewhere {
		n.note(LevelError, ref, msgZoneControllerNotHere, n.name, z.Controller)
	} else {
		n.note(LevelError, ref, msgZoneControllerNotEVPN, z.Controller)
	}
	return nil
}

// outward ends the look-up of addresses in the VRF where the node has no egress of the
// zone, and adds the node's own path into it.
func (n *zoneBuilder) outward(z *model.Zone, f *vrf) {
	ref := model.Ref(model.KindZone, z.ID)
	// What the strict filter of source addresses knows is not what another exit
	// node sends back (RFC 3704, loose mode).
	n.sysctl(ref, "net.ipv4.conf."+f.name+".rp_filter", "2")
	if !f.exit {
		n.unreachable(z)
		return
	}
	n.egress(z)
	if !z.ExitNodesLocalRouting || !n.needs(ref, model.FeatureVeth) {
		return
	}
	outside, inside := naming.ExitOutside.OfVRF(z.ID, z.VRFVXLAN), naming.ExitInside.OfVRF(z.ID, z.VRFVXLAN)
	mtu := 0
	if f.mtu > 0 {
		mtu = f.mtu + overheadVXLAN4
	}
	n.link(desired.Link{Name: outside, Kind: desired.LinkVeth, Owner: ref, MTU: mtu, NoLinkLocal: true, Veth: &desired.Veth{Peer: inside}})
	n.link(desired.Link{Name: inside, Kind: desired.LinkVeth, Owner: ref, MTU: mtu, Master: f.name, NoLinkLocal: true, Veth: &desired.Veth{Peer: outside}})
	n.routed.links(z.ID, inside)
	for _, a := range []netip.Prefix{exitSource4, exitSource6, exitOutside} {
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: outside, Prefix: a, Owner: ref})
	}
	n.out.Addresses = append(n.out.Addresses, desired.Address{Link: inside, Prefix: exitInside, Owner: ref})
	// The return path: to the node's own source address only.
	for _, dst := range []netip.Prefix{exitSource4, exitSource6} {
		n.out.Routes = append(n.out.Routes, desired.Route{
			Dst: dst, Link: inside, Via: exitOutside.Addr(), Table: int(naming.VRFTable(z.VRFVXLAN)), Owner: ref,
		})
	}
}

// exitRoute routes traffic from outside to a subnet into the zone: through the
// VNet's bridge, or with local routing, for the node itself only, through a pair
// of devices. FRR would make the former of the routes that it imports from the
// VRF, but not always of all of them.
func (n *zoneBuilder) exitRoute(z *model.Zone, s *model.Subnet) {
	r := desired.Route{Dst: s.CIDR.Masked(), Link: s.VNet, Owner: model.Ref(model.KindSubnet, s.ID)}
	if z.ExitNodesLocalRouting {
		r.Link, r.Via, r.Src = naming.ExitOutside.OfVRF(z.ID, z.VRFVXLAN), exitInside.Addr(), exitSource4.Addr()
		if s.CIDR.Addr().Is6() {
			r.Src = exitSource6.Addr()
		}
	}
	if other := n.exits[r.Dst]; other != "" {
		n.note(LevelWarning, r.Owner, msgExitRouteConflict, n.name, r.Dst, other)
		return
	}
	n.exits[r.Dst] = r.Owner
	n.out.Routes = append(n.out.Routes, r)
}

// controllerVTEPs works out the node's end of a controller's tunnels, unless it is known.
func (n *node) controllerVTEPs(known map[string]*overlay, c *model.Controller) *overlay {
	if o := known[c.ID]; o != nil {
		return o
	}
	loopback := ""
	for _, typ := range []model.ControllerType{model.ControllerISIS, model.ControllerBGP} { // BGP's counts first
		if own := n.ownController(typ); own != nil && own.Loopback != "" {
			loopback = own.Loopback
		}
	}
	if own := n.ownController(model.ControllerISIS); own != nil && own.Loopback != "" && n.loopbackName(own) == "" {
		n.note(LevelWarning, model.Ref(model.KindController, own.ID), msgLoopbackWithoutAddress, own.Loopback, n.name)
	}
	peers := c.Peers
	if own, listed := n.localVTEP(peers, loopback); c.BGPMode == model.ModeExternal && own.IsValid() && !listed {
		peers = append(slices.Clone(peers), own) // they are routers, not the nodes
	}
	o := n.vteps(model.Ref(model.KindController, c.ID), peers, c.Fabric, loopback)
	if c.Fabric == "" && loopback != "" && n.interfaceNamed(loopback) != nil {
		o.source = loopback
	}
	n.tunnelsOverIPv4(c, o)
	known[c.ID] = o
	return o
}

// tunnelsOverIPv4 moves the local VTEP of EVPN to an IPv4 address where FRR supports
// no other: one of the interface with the IPv6 address that its sessions use.
func (n *node) tunnelsOverIPv4(c *model.Controller, o *overlay) {
	o.session = o.local
	if !o.ok || !o.local.Is6() || n.facts.FRR == nil || n.facts.FRR.IPv6Tunnels() {
		return
	}
	device := ""
	for _, i := range n.facts.Interfaces {
		if !slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == o.session }) {
			continue
		}
		device = " " + i.Name
		if a := n.interfaceAddress(i.Name, false); a.Is4() {
			o.local = a
			return
		}
	}
	o.ok = false
	if c.Fabric != "" {
		n.note(LevelError, model.Ref(model.KindController, c.ID), msgVTEPIPv4FabricNeeded, n.name, n.facts.FRR.Version, c.Fabric)
		return
	}
	n.note(LevelError, model.Ref(model.KindController, c.ID), msgVTEPIPv4Needed, n.name, n.facts.FRR.Version, device, o.session)
}

// ownController is the node's controller of a type, or nil.
func (n *node) ownController(typ model.ControllerType) *model.Controller {
	for _, o := range n.cfg.List(model.KindController) {
		if c := o.(*model.Controller); c.Type == typ && c.Node == n.name {
			return c
		}
	}
	return nil
}

// needsFRR reports whether the node has FRR, and notes it when not. A node that has not
// reported its software is assumed to have it.
func (n *node) needsFRR(object string) bool {
	if n.facts.FRR != nil || n.facts.Features == nil {
		return true
	}
	n.noteOf(fault.Lacking, LevelError, object, msgFRRMissing, n.name)
	return false
}
