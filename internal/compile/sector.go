package compile

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// # Gateways of sectors
//
// A sector's gateway is a network namespace on every node of the backplane, with the same
// addresses everywhere and three links:
//
//	eth0   port of the sector's VNet with the gateway's addresses and one MAC address for
//	       all nodes: guests send to it. No frame of that MAC address crosses a tunnel.
//	node0  port of the sector's VNet with a MAC address of the node's own: the way to the
//	       guests, wherever they are, and to the gateways on other nodes.
//	eth1   the way to the backplane, through the host.
//
// Guests leave with the sector's address in the backplane, which all nodes have, and a source
// port out of the slice of their node. A reply that arrives at another node is handed over, by
// its port, without a connection being tracked there. Whatever is addressed to a guest by a
// forward or a floating IP is handed over to the guest's node, which alone translates it.

// The links in the namespace of a gateway.
const (
	linkGateway   = "eth0"
	linkNode      = "node0"
	linkBackplane = "eth1"
)

// The link-local addresses of the link between the host and a gateway.
var (
	outsideHost    = netip.MustParseAddr("fe80::1")
	outsideGateway = netip.MustParseAddr("fe80::2")
)

// sectors are the gateways of sectors on the node.
type sectors struct {
	// host is what they add to the host, spaces are their namespaces.
	host   *desired.Space
	spaces []desired.NamedSpace
	// joined are the networks with the gateways' links among those of their backplanes.
	joined *networks
}

// sectorBuilder compiles the gateways.
type sectorBuilder struct {
	linkBuilder
	nets   *networks
	routed map[string]map[string]bool // as routed.zones
	spaces []desired.NamedSpace
	// guests are the nodes of guests by their addresses, by VNet; balancers are the load
	// balancers, sorted by ID, by sector.
	guests    map[string]map[netip.Addr]string
	balancers map[string][]*model.LoadBalancer
	// tunnels are the ports of the sectors' VNets that lead to other nodes, gateways those
	// that lead to gateways, and macs the MAC addresses of these.
	tunnels, gateways, macs []string
}

// compileSectors adds the gateways of the sectors that are on the node.
func compileSectors(of *node) *sectors {
	nets := partNetworks.of(of)
	if len(of.cfg.Sectors) == 0 {
		return &sectors{host: of.out, joined: nets}
	}
	b := &sectorBuilder{
		linkBuilder: linkBuilder{node: of, links: links{table: maps.Clone(nets.table), withheld: map[string]bool{}}},
		nets:        nets, routed: map[string]map[string]bool{},
	}
	for zone, names := range nets.routed.zones {
		b.routed[zone] = maps.Clone(names)
	}
	b.index()
	for _, o := range b.cfg.List(model.KindSector) {
		b.sector(o.(*model.Sector))
	}
	b.confine()
	joined := *nets
	joined.routed.zones = b.routed
	return &sectors{host: b.out, spaces: b.spaces, joined: &joined}
}

// index finds the guests of VNets and the load balancers of sectors, once for all gateways.
func (n *sectorBuilder) index() {
	n.guests, n.balancers = map[string]map[netip.Addr]string{}, map[string][]*model.LoadBalancer{}
	for _, b := range n.bindings {
		if b.Node == "" {
			continue
		}
		if n.guests[b.VNet] == nil {
			n.guests[b.VNet] = map[netip.Addr]string{}
		}
		for _, ip := range b.IPs {
			n.guests[b.VNet][ip] = b.Node
		}
	}
	for _, o := range n.cfg.List(model.KindLoadBalancer) {
		l := o.(*model.LoadBalancer)
		n.balancers[l.Sector] = append(n.balancers[l.Sector], l)
	}
}

// gateway is the gateway of one sector on the node.
type gateway struct {
	sector    *model.Sector
	backplane *model.Backplane
	member    *model.BackplaneMember
	owner     string
	// inside and outside are the bridges of the sector's VNet and the backplane's.
	inside, outside desired.Link
	subnets         []*model.Subnet
	space           *desired.NamedSpace
	// guests are the nodes of the sector's guests, by their addresses.
	guests map[netip.Addr]string
	// balancers are the sector's load balancers.
	balancers []*model.LoadBalancer
}

// sector compiles the gateway of a sector, if the node is a member of its backplane.
func (n *sectorBuilder) sector(s *model.Sector) {
	owner := model.Ref(model.KindSector, s.ID)
	b := n.cfg.Backplanes[s.Backplane]
	if b == nil || b.Member(n.name) == nil || s.VNet == "" {
		return
	}
	if !n.needs(owner, model.FeatureVeth, model.FeatureNFTNAT, model.FeatureNFTBridge) {
		return
	}
	g := &gateway{sector: s, backplane: b, member: b.Member(n.name), owner: owner, subnets: n.subnets[s.VNet], guests: n.guests[s.VNet]}
	for _, needed := range []struct {
		vnet string
		link *desired.Link
	}{{s.VNet, &g.inside}, {b.VNet, &g.outside}} {
		have, made := n.nets.table[needed.vnet]
		if !made {
			n.noteOf(fault.Consequence, LevelError, owner, msgSectorWithoutVNet, n.name, needed.vnet)
			return
		}
		*needed.link = have
	}
	if len(n.nets.routed.zones[b.VNet]) == 0 {
		n.noteOf(fault.Consequence, LevelError, owner, msgSectorBackplaneNotRouted, b.ID, n.name)
		return
	}
	if !n.legs(g) {
		return
	}
	n.spaces = append(n.spaces, desired.NamedSpace{Name: s.VNet, Owner: owner})
	g.space = &n.spaces[len(n.spaces)-1]
	n.inside(g)
	n.loadBalancers(g)
	g.space.Tables = []desired.Table{n.gatewayTable(g)}
	n.noteGuests(g)
}

// legs adds the ends on the host of the pairs that lead into the gateway, and what the
// backplane needs to reach it.
func (n *sectorBuilder) legs(g *gateway) bool {
	vnet, s := g.sector.VNet, g.sector
	outside := naming.SectorOutside.Of(vnet)
	end := func(name, peer, master string, mtu int) bool {
		return n.link(desired.Link{Name: name, Kind: desired.LinkVeth, Owner: g.owner, MTU: mtu, Master: master, NoLinkLocal: true,
			Veth: &desired.Veth{Peer: peer, Elsewhere: true}})
	}
	vrf, table := "", 0
	if f := n.nets.vrfs[g.backplane.VNet]; f != nil {
		vrf, table = f.name, int(naming.VRFTable(n.cfg.Zones[g.backplane.VNet].VRFVXLAN))
	}
	if !end(naming.SectorGateway.Of(vnet), linkGateway, vnet, g.inside.MTU) ||
		!end(naming.SectorNode.Of(vnet), linkNode, vnet, g.inside.MTU) ||
		!end(outside, linkBackplane, vrf, g.outside.MTU) {
		return false
	}
	n.out.Addresses = append(n.out.Addresses, desired.Address{Link: outside, Prefix: netip.PrefixFrom(outsideHost, 64), Owner: g.owner})
	for _, a := range s.Addresses() {
		n.out.Routes = append(n.out.Routes, desired.Route{Dst: netip.PrefixFrom(a, a.BitLen()), Link: outside, Via: outsideGateway, Table: table, Owner: g.owner})
	}
	n.routed[g.backplane.VNet][outside] = true
	n.tunnels = append(n.tunnels, naming.Tunnel.Of(vnet))
	n.gateways = append(n.gateways, naming.SectorGateway.Of(vnet))
	n.macs = append(n.macs, n.gatewayMAC(g))
	return true
}

// gatewayMAC is the MAC address of the gateway on all nodes.
func (n *sectorBuilder) gatewayMAC(g *gateway) string { return anycastMAC(n.cfg.Zones[g.sector.VNet]) }

// nodeAddress and nodeAddress6 are the link-local addresses of the gateway of a slice: ARP
// requests to guests come from the former, so that no guest learns another MAC address of its
// gateway from them, and gateways reach each other at the latter.
func nodeAddress(slice int) netip.Addr { return netip.AddrFrom4([4]byte{169, 254, 254, byte(slice)}) }

func nodeAddress6(slice int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 13: 0x76, 14: 0x69, 15: byte(slice)})
}

// inside adds links, addresses, routes and settings of the namespace.
func (n *sectorBuilder) inside(g *gateway) {
	sp, vnet := g.space, g.sector.VNet
	for _, l := range []struct {
		name string
		role naming.Role
		mac  string
		mtu  int
	}{
		{linkGateway, naming.SectorGateway, n.gatewayMAC(g), g.inside.MTU},
		{linkNode, naming.SectorNode, nodeMAC(n.name, vnet), g.inside.MTU},
		{linkBackplane, naming.SectorOutside, "", g.outside.MTU},
	} {
		sp.Links = append(sp.Links, desired.Link{Name: l.name, Kind: desired.LinkVeth, Owner: g.owner, MTU: l.mtu, MAC: l.mac, NoLinkLocal: true,
			Veth: &desired.Veth{Peer: l.role.Of(vnet), Elsewhere: true}})
	}
	address := func(link string, p netip.Prefix, noRoute bool) {
		sp.Addresses = append(sp.Addresses, desired.Address{Link: link, Prefix: p, NoRoute: noRoute, Owner: g.owner})
	}
	route := func(r desired.Route) {
		r.Owner = g.owner
		sp.Routes = append(sp.Routes, r)
	}
	address(linkGateway, netip.PrefixFrom(linkLocal(n.gatewayMAC(g)), 64), true)
	address(linkNode, netip.PrefixFrom(nodeAddress(g.member.Slice), 32), true)
	address(linkNode, netip.PrefixFrom(nodeAddress6(g.member.Slice), 64), false)
	address(linkBackplane, netip.PrefixFrom(outsideGateway, 64), false)
	for _, s := range g.subnets {
		if !s.Gateway.IsValid() {
			continue
		}
		address(linkGateway, netip.PrefixFrom(s.Gateway, s.CIDR.Bits()), true)
		route(desired.Route{Dst: s.CIDR.Masked(), Link: linkNode, Src: s.Gateway})
	}
	for _, everything := range everywhere {
		route(desired.Route{Dst: everything, Link: linkBackplane, Via: outsideHost})
	}
	n.handOver(g, route)
	n.settings(g)
}

// The marks of packets that are handed over to the gateway of another node, by the number of
// its slice, and the routing tables and the priorities of the rules for them.
const (
	handOverMark     = 0x76696100 // "via" in ASCII
	handOverTable    = 1000
	handOverPriority = 900
)

func markOf(slice int) string { return fmt.Sprintf("0x%08x", handOverMark+slice) }

// handOver adds the ways to the gateways on other nodes.
func (n *sectorBuilder) handOver(g *gateway, route func(desired.Route)) {
	for _, m := range g.others(n.name) {
		for i, family := range []string{desired.FamilyIPv4, desired.FamilyIPv6} {
			route(desired.Route{Dst: everywhere[i], Link: linkNode, Via: nodeAddress6(m.Slice), Table: handOverTable + m.Slice})
			g.space.RouteRules = append(g.space.RouteRules, desired.RouteRule{
				Mark: uint32(handOverMark + m.Slice), Family: family, Priority: uint32(handOverPriority + m.Slice), Table: handOverTable + m.Slice, Owner: g.owner,
			})
		}
	}
}

// others are the members of the backplane on other nodes.
func (g *gateway) others(node string) []model.BackplaneMember {
	return slices.DeleteFunc(slices.Clone(g.backplane.Members), func(m model.BackplaneMember) bool { return m.Node == node })
}

// settings adds the kernel settings of the namespace.
func (n *sectorBuilder) settings(g *gateway) {
	set := func(key, value string) {
		g.space.Sysctls = append(g.space.Sysctls, desired.Sysctl{Key: key, Value: value, Owner: g.owner})
	}
	set("net.ipv4.ip_forward", "1")
	set("net.ipv6.conf.all.forwarding", "1")
	set("net.ipv4.conf.all.rp_filter", "0")
	for _, link := range []string{linkGateway, linkNode, linkBackplane} {
		// Packets of guests enter by one link and leave to them by another.
		set("net.ipv4.conf."+link+".rp_filter", "0")
		set("net.ipv4.conf."+link+".send_redirects", "0")
	}
	// Only eth0 answers for the gateway's addresses, and only node0's own address is in its
	// ARP requests.
	set("net.ipv4.conf."+linkNode+".arp_ignore", "1")
	set("net.ipv4.conf."+linkNode+".arp_announce", "2")
	set("net.ipv4.conf."+linkBackplane+".arp_ignore", "1")
}

// TableGateways is the nftables table (family bridge) that keeps gateways of sectors on their
// node.
const TableGateways = "viaduct_sectors"

// confine keeps frames from and to the gateways' MAC addresses, which are the same on all
// nodes, from crossing tunnels: a guest is always answered by the gateway of its own node.
// Of guests nobody may send from such an address. The addresses of gateways are not matched:
// in another sector a guest may have the same one.
func (n *sectorBuilder) confine() {
	if len(n.tunnels) == 0 {
		return
	}
	slices.Sort(n.macs)
	n.out.Tables = append(n.out.Tables, desired.Table{
		Family: "bridge", Name: TableGateways,
		Sets: []desired.Set{
			{Name: "tunnels", Type: "ifname", Elements: quoted(n.tunnels)},
			{Name: "ports", Type: "ifname", Elements: quoted(n.gateways)},
			{Name: "macs", Type: "ether_addr", Elements: slices.Compact(n.macs)},
		},
		Chains: []desired.Chain{
			{Name: "prerouting", Type: "filter", Hook: "prerouting", Priority: "filter", Rules: []desired.Rule{
				{Text: "iifname != @ports ether saddr @macs drop"},
			}},
			{Name: "postrouting", Type: "filter", Hook: "postrouting", Priority: "filter", Rules: []desired.Rule{
				{Text: "oifname @tunnels ether saddr @macs drop"},
				{Text: "oifname @tunnels ether daddr @macs drop"},
			}},
		},
	})
}
