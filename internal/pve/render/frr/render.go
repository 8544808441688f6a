package frr

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// DefaultVersion is the release of FRR for which Proxmox VE 9.1 generates the file.
const DefaultVersion = "10.4.1"

// Render returns the file for the node of the facts. local is the text of its
// frr.conf.local, or empty. The file is for the release of FRR in the facts, or
// DefaultVersion. Objects that cannot be rendered are left out and reported as
// problems; the file is otherwise complete.
//
// It uses the node's name, interfaces (addresses, MAC addresses, masters and
// alternative names) and routes from the facts.
func Render(run *running.Running, facts *model.Facts, local string) ([]byte, model.Problems) {
	i, problems := Intent(run, facts)
	i.Local = local
	version := DefaultVersion
	if facts.FRR != nil && facts.FRR.Version != "" {
		version = facts.FRR.Version
	}
	c := routing.Build(i)
	for _, l := range c.Lost {
		problems = append(problems, model.NewProblem(model.Warning, frr.LocalOwner, fmt.Sprintf("line %d", l.Line), l.Text+" ...", "", msgLocalLineLost.Of(l.Reason)))
	}
	return []byte(c.Text(frr.Frame{Version: version, Hostname: facts.Node})), problems
}

// Intent returns the desired state of FRR on the node, in Proxmox's dialect.
func Intent(run *running.Running, facts *model.Facts) (*routing.Intent, model.Problems) {
	r := &reader{run: run, facts: facts, groups: map[string]string{}, vnets: map[string][]*model.VNet{}, subnets: map[string][]*model.Subnet{}}
	for _, id := range slices.Sorted(maps.Keys(run.Subnets)) {
		s := run.Subnets[id]
		r.subnets[s.VNet] = append(r.subnets[s.VNet], s)
		r.all = append(r.all, s)
	}
	for _, id := range slices.Sorted(maps.Keys(run.VNets)) {
		v := run.VNets[id]
		r.vnets[v.Zone] = append(r.vnets[v.Zone], v)
	}
	// Stable, so that among equal addresses the last one by ID remains the last.
	slices.SortStableFunc(r.all, func(a, b *model.Subnet) int { return a.CIDR.Addr().Compare(b.CIDR.Addr()) })
	i := &routing.Intent{Node: facts.Node, Dialect: routing.Proxmox(), Fabrics: Fabrics(run, facts.Node)}
	if bgp := run.ControllerOf(facts.Node, model.ControllerBGP); bgp != nil {
		i.BGPASN = uint32(bgp.ASN)
	}
	for _, id := range slices.Sorted(maps.Keys(run.PrefixLists)) {
		i.PrefixLists = append(i.PrefixLists, run.PrefixLists[id])
	}
	for _, id := range slices.Sorted(maps.Keys(run.RouteMaps)) {
		i.RouteMaps = append(i.RouteMaps, run.RouteMaps[id])
	}
	for _, id := range slices.Sorted(maps.Keys(run.Controllers)) {
		if c := r.controller(run.Controllers[id]); c != nil {
			i.Controllers = append(i.Controllers, c)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(run.Zones)) {
		z := run.Zones[id]
		if z.Type == model.ZoneEVPN && !run.Broken(z) && r.usable(z) {
			i.Zones = append(i.Zones, r.zone(z))
		}
	}
	return i, r.problems
}

// reader is the state while one intent is computed.
type reader struct {
	run      *running.Running
	facts    *model.Facts
	groups   map[string]string          // EVPN controllers by their peer groups
	vnets    map[string][]*model.VNet   // by zone, each sorted by ID
	subnets  map[string][]*model.Subnet // by VNet, each sorted by ID
	all      []*model.Subnet            // sorted by address, then by ID
	problems model.Problems
}

func (r *reader) report(severity model.Severity, kind model.Kind, id, field, value, reason string) {
	r.problems = append(r.problems, model.NewProblem(severity, kind, id, field, value, msgNotRendered.Of(reason)))
}

// controller returns nil if the controller does nothing on the node.
func (r *reader) controller(c *model.Controller) routing.Controller {
	kind := c.Type
	if r.run.Broken(c) || !c.OnNode(r.facts.Node) {
		return nil // already reported, or not on this node
	}
	if kind != model.ControllerEVPN {
		if first := r.run.ControllerOf(c.Node, kind); first != nil && first.ID != c.ID {
			r.report(model.Error, model.KindController, c.ID, "node", c.Node, fmt.Sprintf("has the %s controller %s already, and a node runs one; this one is left out", c.Type, first.ID))
			return nil
		}
	}
	switch kind {
	case model.ControllerEVPN:
		return r.evpn(c)
	case model.ControllerBGP:
		return r.bgp(c)
	case model.ControllerISIS:
		return r.isis(c)
	}
	r.report(model.Error, model.KindController, c.ID, "type", string(c.Type), "is not a type that this release renders; the controller is left out")
	return nil
}

func (r *reader) evpn(c *model.Controller) routing.Controller {
	group := cmp.Or(c.PeerGroupName, model.DefaultPeerGroup)
	if other := r.groups[group]; other != "" {
		r.report(model.Error, model.KindController, c.ID, "peer-group-name", group, fmt.Sprintf("is the peer group of controller %s, which runs on node %s too; this one is left out", other, r.facts.Node))
		return nil
	}
	out := routing.EVPN{
		ID: c.ID, Owner: model.Ref(model.KindController, c.ID), ASN: uint32(c.ASN),
		Group: group, Mode: c.BGPMode, Multihop: c.EBGPMultihop, RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
	}
	local, loopback, ok := r.run.TunnelEnd(c, r.facts)
	if !r.renderable(c, local, ok) {
		return nil
	}
	out.Own, out.Loopback = local.Address.Addr, loopback
	out.Peers = c.Peers
	if c.Fabric != "" {
		out.Peers = nil
		for _, n := range r.run.FabricMembers(c.Fabric) {
			if n.IP.IsValid() {
				out.Peers = append(out.Peers, n.IP)
			}
		}
	}
	if out.RouterID, ok = r.routerID(c, local); !ok {
		return nil
	}
	r.groups[group] = c.ID
	return out
}

func (r *reader) bgp(c *model.Controller) routing.Controller {
	local, ok := running.LocalEnd(running.ControllerPeers(c), c.Loopback, r.facts)
	if !r.renderable(c, local, ok) {
		return nil
	}
	id, ok := r.routerID(c, local)
	if !ok {
		return nil
	}
	return routing.BGP{
		Owner: model.Ref(model.KindController, c.ID), ASN: uint32(c.ASN), RouterID: id, Own: local.Address.Addr, Peers: c.Peers,
		EBGP: c.EBGP, EBGPMultihop: c.EBGPMultihop, Loopback: c.Loopback, MultipathRelax: c.BGPMultipathASPathRelax,
		RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
	}
}

// renderable reports whether the controller can have a BGP router. In Proxmox it can even
// without an own address if the interface towards the peers is known: the router ID is
// derived from its MAC address, and no peer is skipped as the node itself.
func (r *reader) renderable(c *model.Controller, local running.Local, ok bool) bool {
	switch {
	case c.ASN == 0:
		r.report(model.Error, model.KindController, c.ID, "asn", "", "is not set; the controller is left out")
	case ok && local.Address.IsValid():
		return true
	case c.Fabric != "":
		r.report(model.Warning, model.KindController, c.ID, "fabric", c.Fabric, fmt.Sprintf("gives node %s no IPv4 address, so the controller is left out, as Proxmox does", r.facts.Node))
	case local.Link != "":
		r.report(model.Warning, model.KindController, c.ID, "peers", "", fmt.Sprintf(
			"have no address of node %s, and interface %s, which leads to them, has none: sessions come up once it has one", r.facts.Node, local.Link))
		return true
	default:
		r.report(model.Warning, model.KindController, c.ID, "peers", "", fmt.Sprintf(
			"have no address of node %s, and its facts have no route to them, so the controller is left out, as Proxmox does", r.facts.Node))
	}
	return false
}

func (r *reader) isis(c *model.Controller) routing.Controller {
	out := routing.ISIS{Owner: model.Ref(model.KindController, c.ID), Domain: c.ISISDomain, Net: c.ISISNet}
	if c.ISISDomain == "" || c.ISISNet == "" {
		r.report(model.Error, model.KindController, c.ID, "isis-domain", c.ISISDomain, "and isis-net must both be set; the controller is left out")
		return nil
	}
	for _, name := range c.ISISIfaces {
		out.Interfaces = append(out.Interfaces, r.kernelName(name))
	}
	return out
}

// kernelName returns the name of an interface in FRR: the kernel's, to which an
// alternative name resolves.
func (r *reader) kernelName(name string) string {
	for _, i := range r.facts.Interfaces {
		if slices.Contains(i.AltNames, name) {
			return i.Name
		}
	}
	return name
}

// routerID returns the node's IPv4 address; for a node with only an IPv6 address, or
// none, see model.Facts.HardwareRouterID.
func (r *reader) routerID(c *model.Controller, local running.Local) (netip.Addr, bool) {
	if local.Address.Is4() {
		return local.Address.Addr, true
	}
	if c.Fabric != "" { // its members have IPv4 addresses, see renderable
		return local.Address.Addr, true
	}
	if id := r.facts.HardwareRouterID(local.Link); id.IsValid() {
		return id, true
	}
	address := "has no IPv4 address on node " + r.facts.Node
	if local.Address.IsValid() {
		address = fmt.Sprintf("its address on node %s is %s", r.facts.Node, local.Address.Addr)
	}
	r.report(model.Error, model.KindController, c.ID, "", "", fmt.Sprintf(
		"is left out: %s, so its router ID is made of the MAC address of %s, which the facts do not have", address, cmp.Or(local.Link, "the interface")))
	return netip.Addr{}, false
}
