package compile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// suiteConfig is the configuration of the routing suite FRR; frr is nil without one.
type suiteConfig struct {
	frr      *desired.FRR
	forwards forwards
}

// routeBuilder compiles it.
type routeBuilder struct {
	*node
	nets *networks
	suiteConfig
	controllers map[string]*overlay // the node's end of EVPN controllers, as far as it is known
	// prefixes are the networks of all zones, sorted; nil until they are needed.
	prefixes []zonePrefix
}

// compileRouting compiles what FRR must do on the node.
func compileRouting(of *node) *suiteConfig {
	n := &routeBuilder{node: of, nets: partNetworks.of(of)}
	n.controllers = maps.Clone(n.nets.controllers)
	n.routing()
	return &n.suiteConfig
}

func (n *routeBuilder) routing() {
	i := routing.Intent{Node: n.name}
	if n.facts.FRR != nil {
		i.Dialect.AutoRT = n.facts.FRR.AutoRT
		i.Restart = n.facts.FRR.RestartsEVPN()
	}
	if own := n.ownController(model.ControllerBGP); own != nil {
		i.BGPASN = uint32(own.ASN)
	}
	need := newPolicies()
	for _, o := range n.cfg.List(model.KindController) {
		c := o.(*model.Controller)
		if r := n.controller(c); r != nil {
			i.Controllers = append(i.Controllers, r)
			need.controller(c)
		}
	}
	n.together(&i)
	for _, o := range n.cfg.List(model.KindZone) {
		z := o.(*model.Zone)
		if f := n.nets.vrfs[z.ID]; f != nil && f.ok {
			i.Zones = append(i.Zones, n.routedZone(z, f))
		}
	}
	for _, o := range n.cfg.List(model.KindFabricNode) {
		m := o.(*model.FabricNode)
		if f := n.cfg.Fabrics[m.Fabric]; f != nil && m.Node == n.name && runs(f) && n.needsFRR(model.Ref(model.KindFabric, f.ID)) {
			i.Fabrics = append(i.Fabrics, n.routedFabric(f, m))
			need.fabric(f)
		}
	}
	n.besideOwnRouter(&i)
	if len(i.Controllers)+len(i.Fabrics) == 0 {
		return
	}
	i.RouteMaps, i.PrefixLists = need.close(n.cfg)
	c := routing.Build(&i)
	n.frr = &desired.FRR{Daemons: c.Daemons(), Blocks: c.Blocks()}
	n.localFRR()
}

// localFRR adds the operator's own configuration.
func (n *routeBuilder) localFRR() {
	if n.facts.FRRLocal == "" {
		return
	}
	blocks, err := frr.Complete(n.frr.Blocks, n.facts.FRRLocal)
	if err != nil {
		n.note(LevelError, model.Ref(model.KindNode, n.name), msgFRRLocalLinesIgnored, frr.LocalOwner, err)
	}
	for _, b := range blocks {
		n.frr.Blocks = append(n.frr.Blocks, b.FRRBlock)
	}
}

// controller is what a controller does on the node; nil if nothing.
func (n *routeBuilder) controller(c *model.Controller) routing.Controller {
	ref := model.Ref(model.KindController, c.ID)
	switch c.Type {
	case model.ControllerEVPN:
		if !c.OnNode(n.name) || !n.usesController(c.ID) || !n.needsFRR(ref) {
			return nil
		}
		o := n.controllerVTEPs(n.controllers, c)
		if !o.ok {
			return n.evpnWithoutVTEP(c, ref, o)
		}
		e := routing.EVPN{
			ID: c.ID, Owner: ref, ASN: uint32(c.ASN), RouterID: n.routerID(o.local),
			Own: o.session, Peers: append([]netip.Addr{o.session}, o.remotes...), Loopback: o.source, Source: o.session,
			Connected: n.connected(o.session, o.remotes),
			Apart:     n.apart(), Group: c.PeerGroup(), Mode: c.BGPMode, Multihop: c.EBGPMultihop,
			RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
		}
		return e
	case model.ControllerBGP:
		return n.bgp(c, ref)
	case model.ControllerISIS:
		return n.isis(c, ref)
	}
	return nil
}

// evpnWithoutVTEP is an EVPN controller on a node that has no address for it yet, as
// in Proxmox VE: all peers, and a router ID from the MAC address of the interface that
// leads to them. So sessions come up with the first address, before FRR is configured
// again. It is nil without a route to the peers.
func (n *routeBuilder) evpnWithoutVTEP(c *model.Controller, ref string, o *overlay) routing.Controller {
	if o.local.IsValid() || c.Fabric != "" {
		return nil // there is one, but not for FRR
	}
	id, ok := n.routerIDTowards(c.Peers)
	if !ok {
		return nil
	}
	return routing.EVPN{
		ID: c.ID, Owner: ref, ASN: uint32(c.ASN), RouterID: id, Peers: c.Peers, Loopback: o.source,
		Apart: n.apart(), Group: c.PeerGroup(), Mode: c.BGPMode, Multihop: c.EBGPMultihop, RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
	}
}

// together makes the EVPN controllers of the node fit together: a neighbour has
// one session, and FRR 8.4 speaks iBGP as one autonomous system only.
func (n *routeBuilder) together(i *routing.Intent) {
	asn := i.RouterASN()
	refuses := n.facts.FRR != nil && !n.facts.FRR.InternalLocalAS()
	taken := map[netip.Addr]string{}
	var out []routing.Controller
	for _, c := range i.Controllers {
		e, ok := c.(routing.EVPN)
		if !ok {
			out = append(out, c)
			continue
		}
		if local, external := e.Session(i.BGPASN); refuses && !external && local != asn {
			n.note(LevelError, e.Owner, msgIBGPMultipleASN, n.name, n.facts.FRR.Version, asn)
			continue
		}
		if _, external := e.Session(i.BGPASN); e.Multihop > 0 && !external {
			n.note(LevelWarning, e.Owner, msgEBGPMultihopOnInternal, n.name)
		}
		e.Peers = slices.DeleteFunc(e.Peers, func(p netip.Addr) bool {
			other := taken[p]
			if other != "" && p != e.Own {
				n.note(LevelWarning, e.Owner, msgBGPPeerUsed, n.name, p, other)
				return true
			}
			taken[p] = e.Owner
			return false
		})
		n.watch(i, &e)
		out = append(out, e)
	}
	i.Controllers = out
}

// usesController reports whether a zone of the node has the EVPN controller.
func (n *node) usesController(id string) bool {
	for _, z := range n.cfg.Zones {
		if slices.Contains(z.Controllers(), id) && z.OnNode(n.name) {
			return true
		}
	}
	return false
}

// apart lists the VNIs of the node's VXLAN zones, of those that have tunnels here.
func (n *routeBuilder) apart() (out []uint32) {
	for _, o := range n.cfg.List(model.KindVNet) {
		v := o.(*model.VNet)
		if z := n.cfg.Zones[v.Zone]; z != nil && z.Type == model.ZoneVXLAN && n.nets.table[naming.Tunnel.Of(v.ID)].VXLAN != nil {
			out = append(out, uint32(v.Tag))
		}
	}
	return out
}

func (n *node) bgp(c *model.Controller, ref string) routing.Controller {
	if c.Node != n.name || !n.needsFRR(ref) {
		return nil
	}
	own := n.loopback(ref, c)
	if !own.IsValid() {
		for _, p := range c.Peers {
			if h, ok := n.facts.RouteTo(p); ok && h.Src.IsValid() {
				own = h.Src
				break
			}
		}
	}
	var id netip.Addr
	if own.IsValid() {
		id = n.routerID(own)
	} else {
		var leads bool
		if id, leads = n.routerIDTowards(c.Peers); !leads {
			n.noteOf(fault.Link, LevelError, ref, msgBGPSourceMissing, n.name, c.Peers)
			return nil
		}
		n.noteOf(fault.Link, LevelWarning, ref, msgBGPSourcePending, n.name, c.Peers)
	}
	return routing.BGP{
		Owner: ref, ASN: uint32(c.ASN), RouterID: id, Own: own, Peers: c.Peers,
		EBGP: c.EBGP, EBGPMultihop: c.EBGPMultihop, Loopback: n.loopbackName(c), MultipathRelax: c.BGPMultipathASPathRelax,
		RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
	}
}

// routerIDTowards is the router ID of a node that has no address for these peers yet,
// from the MAC address of the interface that leads to them. ok is false without such an
// interface.
func (n *node) routerIDTowards(peers []netip.Addr) (id netip.Addr, ok bool) {
	for _, p := range peers {
		if hop, leads := n.facts.RouteTo(p); leads {
			if id = n.facts.HardwareRouterID(hop.Dev); id.IsValid() {
				return id, true
			}
		}
	}
	return netip.Addr{}, false
}

// loopback is the address of the interface that a controller names, not valid
// without one.
func (n *node) loopback(ref string, c *model.Controller) netip.Addr {
	if c.Loopback == "" {
		return netip.Addr{}
	}
	a := n.interfaceAddress(n.loopbackName(c), len(c.Peers) > 0 && c.Peers[0].Is6())
	if !a.IsValid() {
		n.note(LevelWarning, ref, msgLoopbackWithoutAddress, c.Loopback, n.name)
	}
	return a
}

// loopbackName is the kernel's name of a controller's loopback, empty without one
// that has an address.
func (n *node) loopbackName(c *model.Controller) string {
	i := n.interfaceNamed(c.Loopback)
	if i == nil || !n.interfaceAddress(i.Name, false).IsValid() {
		return ""
	}
	return i.Name
}

func (n *routeBuilder) isis(c *model.Controller, ref string) routing.Controller {
	if c.Node != n.name || !n.needsFRR(ref) {
		return nil
	}
	i := routing.ISIS{Owner: ref, Domain: c.ISISDomain, Net: c.ISISNet}
	for _, name := range c.ISISIfaces {
		if have := n.interfaceNamed(name); have != nil {
			name = have.Name
		} else {
			n.noteOf(fault.Link, LevelWarning, ref, msgISISInterfaceMissing, n.name, name)
		}
		i.Interfaces = append(i.Interfaces, name)
	}
	if len(i.Interfaces) > 1 {
		// The other nodes send traffic for the other side through this node.
		n.forwards.add(ref, netip.IPv4Unspecified())
	}
	return i
}

// routerID is the router identifier of the node: its IPv4 address if it has one
// for the purpose.
func (n *node) routerID(own netip.Addr) netip.Addr {
	for _, o := range n.cfg.List(model.KindFabricNode) {
		if m := o.(*model.FabricNode); m.Node == n.name && (m.IP == own || m.IP6 == own) {
			return m.RouterID()
		}
	}
	return model.RouterID(own)
}

// routedZone is what FRR does for an EVPN zone.
func (n *routeBuilder) routedZone(z *model.Zone, f *vrf) routing.Zone {
	out := routing.Zone{
		ID: z.ID, Owner: model.Ref(model.KindZone, z.ID), VRF: f.name, Controller: z.Controller, Secondary: z.SecondaryControllers,
		VNI: uint32(z.VRFVXLAN), AdvertiseSubnets: z.AdvertiseSubnets, RTImport: z.RTImport,
	}
	if c := n.cfg.Controllers[z.Controller]; c != nil {
		out.ASN = uint32(c.ASN)
	}
	for _, v := range n.vnets[z.ID] {
		out.VNIs = append(out.VNIs, uint32(v.Tag))
	}
	if !f.exit {
		return out
	}
	out.Exit = &routing.Exit{
		Secondary:  z.ExitNodesPrimary != "" && z.ExitNodesPrimary != n.name,
		NullRoutes: n.subnetsBeside(z),
	}
	if four, six := n.families(z); four || six {
		out.Exit.Not4, out.Exit.Not6 = !four, !six
	}
	if z.ExitNodesLocalRouting {
		// The routes themselves are the kernel's: see zone_evpn.
		out.Exit.Local = &routing.LocalRouting{Link: naming.ExitOutside.OfVRF(z.ID, z.VRFVXLAN)}
	}
	return out
}

// families returns the address families of the subnets of a zone.
func (n *node) families(z *model.Zone) (four, six bool) {
	for _, v := range n.vnets[z.ID] {
		for _, s := range n.subnets[v.ID] {
			four = four || s.CIDR.Addr().Is4()
			six = six || s.CIDR.Addr().Is6()
		}
	}
	return four, six
}

// subnetsBeside lists the subnets of other zones, each once.
func (n *routeBuilder) subnetsBeside(z *model.Zone) []netip.Prefix {
	if n.prefixes == nil {
		n.prefixes = prefixesByZone(n.cfg)
	}
	out := make([]netip.Prefix, 0, len(n.prefixes))
	for _, p := range n.prefixes {
		if p.zone != z.ID && (len(out) == 0 || out[len(out)-1] != p.Prefix) {
			out = append(out, p.Prefix)
		}
	}
	return out
}

// zonePrefix is a network and the zone that it is in.
type zonePrefix struct {
	netip.Prefix
	zone string
}

// prefixesByZone lists the networks of all zones, sorted.
func prefixesByZone(cfg *model.Config) []zonePrefix {
	out := make([]zonePrefix, 0, len(cfg.Subnets))
	for _, s := range cfg.Subnets {
		// The ID, not the VNet, identifies the zone: of zones that are not the node's it
		// has the subnets only.
		if zone, _, ok := model.ParseSubnetID(s.ID); ok {
			out = append(out, zonePrefix{s.CIDR.Masked(), zone})
		}
	}
	slices.SortFunc(out, func(a, b zonePrefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()), cmp.Compare(a.zone, b.zone))
	})
	return out
}

// routedFabric is what FRR does for a fabric.
func (n *node) routedFabric(f *model.Fabric, m *model.FabricNode) routing.Fabric {
	out := routing.Fabric{
		ID: f.ID, Owner: model.Ref(model.KindFabric, f.ID), Protocol: routing.Protocol(f.Protocol),
		IPPrefix: f.IPPrefix, IP6Prefix: f.IP6Prefix, IP: m.IP, IP6: m.IP6,
		HelloInterval: f.HelloInterval, CSNPInterval: f.CSNPInterval, Area: f.Area, BFD: f.BFD, ASN: uint32(m.ASN),
		RouteFilter: f.RouteFilter, RouteMapIn: f.RouteMapIn, RouteMapOut: f.RouteMapOut,
	}
	for _, r := range f.Redistribute {
		out.Redistribute = append(out.Redistribute, routing.Redistribution(r))
	}
	for _, l := range m.Interfaces {
		i := n.interfaceNamed(l.Name)
		if i == nil {
			continue // told by fabricInterface
		}
		out.Interfaces = append(out.Interfaces, routing.FabricLink{
			Name: i.Name, Numbered: l.IP.IsValid(), HelloMultiplier: l.HelloMultiplier, NetworkType: l.NetworkType,
		})
	}
	return out
}
