package compile

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// TableGateway is the nftables table (family bridge) that keeps anycast gateways on their
// node.
const TableGateway = "viaduct_gateway"

// isAnycastGateway reports whether the node is the anycast gateway of a VNet: whether one of
// the VNet's subnets has a gateway that the node can route for. It notes what it cannot.
func (n *zoneBuilder) isAnycastGateway(z *model.Zone, v *model.VNet) bool {
	if !z.Anycast() {
		return false
	}
	gateway := false
	for _, s := range n.subnets[v.ID] {
		gateway = gateway || s.Gateway.IsValid()
		if s.SNAT && !s.Gateway.IsValid() {
			n.note(LevelWarning, model.Ref(model.KindSubnet, s.ID), msgSNATWithoutGatewayOnNodes)
		}
	}
	return gateway && n.needs(model.Ref(model.KindVNet, v.ID), model.FeatureVeth, model.FeatureNFTBridge)
}

// noteNoGateway notes a zone with anycast gateways whose subnets declare none.
func (n *node) noteNoGateway(z *model.Zone) {
	if !z.Anycast() {
		return
	}
	for _, v := range n.vnets[z.ID] {
		if slices.ContainsFunc(n.subnets[v.ID], func(s *model.Subnet) bool { return s.Gateway.IsValid() }) {
			return
		}
	}
	n.note(LevelInfo, model.Ref(model.KindZone, z.ID), msgAnycastWithoutGateway)
}

// anycastGateway adds the bridge of a VNet with the node as its gateway, and reports whether
// the node can have the bridge.
//
// Guests send to the veth pair, which has the gateway addresses and the zone's MAC address;
// TableGateway keeps both on the node, so a guest finds its own node only. The node sends to
// guests by the bridge, which has a MAC and link-local addresses of the node's own: a guest
// anywhere in the VNet answers them to this node.
func (n *zoneBuilder) anycastGateway(z *model.Zone, v *model.VNet, mtu int) bool {
	ref := model.Ref(model.KindVNet, v.ID)
	var four, six bool
	for _, s := range n.subnets[v.ID] {
		four = four || s.Gateway.Is4()
		six = six || s.CIDR.Addr().Is6()
	}
	if !n.vnetBridge(v, desired.Link{MTU: mtu, MAC: nodeMAC(n.name, v.ID), NoLinkLocal: !six}) {
		return false
	}
	inside, port := naming.Gateway.Of(v.ID), naming.GatewayPort.Of(v.ID)
	mac := anycastMAC(z)
	if !n.link(desired.Link{Name: inside, Kind: desired.LinkVeth, Owner: ref, MTU: mtu, MAC: mac, NoLinkLocal: true, Veth: &desired.Veth{Peer: port}}) ||
		!n.link(desired.Link{Name: port, Kind: desired.LinkVeth, Owner: ref, MTU: mtu, Master: v.ID, NoLinkLocal: true, Veth: &desired.Veth{Peer: inside}}) {
		return true
	}
	n.routed.links(z.ID, inside)
	if six {
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: inside, Prefix: netip.PrefixFrom(linkLocal(mac), 64), Owner: ref})
	}
	if four {
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: v.ID, Prefix: netip.PrefixFrom(nodeLinkLocal(n.name), 32), Owner: ref})
		n.anycastSysctls(v)
	}
	seen := map[netip.Addr]bool{}
	for _, s := range n.subnets[v.ID] {
		if !s.Gateway.IsValid() || !n.routable(s) {
			continue
		}
		owner := model.Ref(model.KindSubnet, s.ID)
		if !seen[s.Gateway] {
			seen[s.Gateway] = true
			n.out.Addresses = append(n.out.Addresses, desired.Address{Link: inside, Prefix: netip.PrefixFrom(s.Gateway, s.CIDR.Bits()), NoRoute: true, Owner: owner})
		}
		n.out.Routes = append(n.out.Routes, desired.Route{Dst: s.CIDR.Masked(), Link: v.ID, Src: s.Gateway, Owner: owner})
		n.routed.add(z, v, s)
	}
	n.needs(ref, model.FeatureNFTNAT)
	return true
}

// anycastSysctls are the settings of the IPv4 side (kernel: networking/ip-sysctl).
func (n *zoneBuilder) anycastSysctls(v *model.VNet) {
	ref, inside := model.Ref(model.KindVNet, v.ID), naming.Gateway.Of(v.ID)
	set := func(link, name, value string) { n.sysctl(ref, "net.ipv4.conf."+link+"."+name, value) }
	// The bridge answers for its own address, not for the gateway with another MAC address,
	// and asks in the name of its own address only.
	set(v.ID, "arp_ignore", "1")
	set(v.ID, "arp_announce", "2")
	// Guests' packets enter by the veth pair, and the route to them is by the bridge
	// (RFC 3704, loose mode).
	set(inside, "rp_filter", "2")
	// The gateway answers ARP for addresses that the node routes elsewhere (proxy ARP,
	// RFC 1027) at once. Links with one medium are one network: it never answers for hosts
	// of the VNet. Network identifiers are unique on the node.
	for _, link := range []string{v.ID, inside} {
		set(link, "medium_id", strconv.Itoa(v.Tag))
	}
	set(inside, "proxy_arp", "1")
	n.sysctl(ref, "net.ipv4.neigh."+inside+".proxy_delay", "0")
}

// nodeMAC is the MAC address of a node's bridge of a VNet: locally administered, and
// different on every node.
func nodeMAC(node, vnet string) string {
	sum := sha256.Sum256([]byte("viaduct node " + node + " in " + vnet))
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", sum[0]&^1|2, sum[1], sum[2], sum[3], sum[4], sum[5])
}

// nodeLinkLocal is the IPv4 link-local address (RFC 3927) from which a node asks for guests'
// MAC addresses: of 169.254.1.0 to 169.254.63.255, which is clear of serviceAddress and of
// the metadata services of clouds. Guests do not send to it, so nodes with the same one do
// not disturb each other.
func nodeLinkLocal(node string) netip.Addr {
	sum := sha256.Sum256([]byte("viaduct node " + node))
	return netip.AddrFrom4([4]byte{169, 254, 1 + byte(binary.BigEndian.Uint16(sum[:])%63), sum[2]})
}

// guestLink is the link by which guests of a VNet reach the node.
func (w *networks) guestLink(vnet string) string {
	if name := naming.Gateway.Of(vnet); w.table[name].Owner == model.Ref(model.KindVNet, vnet) {
		return name
	}
	return vnet
}

// gatewayPorts are the ports of the node's anycast gateways, sorted.
func (w *networks) gatewayPorts(cfg *model.Config) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(cfg.VNets)) {
		if w.guestLink(id) != id {
			out = append(out, naming.GatewayPort.Of(id))
		}
	}
	return out
}

// gatewayTable keeps the gateways' MAC addresses, and ARP and neighbour discovery about their
// addresses, off the tunnels: the other nodes have the same ones. Of guests nobody may send
// from a gateway's MAC address. What goes to a gateway is tracked when the node routes it,
// and not before: an entry that the bridge confirms cannot be translated any more.
func (n *isolationBuilder) gatewayTable() {
	var uplinks, ports, macs []string
	var gates []netip.Addr
	addresses := n.nets.addressesByLink()
	for _, id := range slices.Sorted(maps.Keys(n.cfg.VNets)) {
		inside := n.nets.guestLink(id)
		if inside == id {
			continue
		}
		uplinks = append(uplinks, n.nets.uplinks()[id]...)
		ports = append(ports, naming.GatewayPort.Of(id))
		macs = append(macs, n.nets.table[inside].MAC)
		for _, p := range addresses[inside] {
			gates = append(gates, p.Addr())
		}
	}
	if len(ports) == 0 {
		return
	}
	slices.Sort(macs)
	sets := append([]desired.Set{
		{Name: "uplinks", Type: "ifname", Elements: quoted(uplinks)},
		{Name: "ports", Type: "ifname", Elements: quoted(ports)},
		{Name: "macs", Type: "ether_addr", Elements: slices.Compact(macs)},
	}, gateSets("gate", gates)...)
	stay := []desired.Rule{
		{Text: "ether saddr @macs drop"},
		{Text: "ether daddr @macs drop"},
		{Text: "ether type arp arp saddr ip @gate4 drop"},
		{Text: "ether type arp arp daddr ip @gate4 drop"},
	}
	// The target of neighbour discovery (RFC 4861, sections 4.3 and 4.4).
	if targets := hexAddresses(sets[len(sets)-1].Elements); len(targets) > 0 {
		stay = append(stay, desired.Rule{Text: "ether type ip6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } @th,64,128 { " + strings.Join(targets, ", ") + " } drop"})
	}
	n.out.Tables = append(n.out.Tables, desired.Table{
		Family: "bridge", Name: TableGateway,
		Sets: sets,
		Chains: []desired.Chain{
			{Name: "stay", Rules: stay},
			{Name: "prerouting", Type: "filter", Hook: "prerouting", Priority: "-300", Rules: []desired.Rule{
				{Text: "iifname @uplinks jump stay"},
				{Text: "iifname != @ports ether saddr @macs drop"},
				{Text: "ether daddr @macs notrack"},
			}},
			{Name: "postrouting", Type: "filter", Hook: "postrouting", Priority: "filter", Rules: []desired.Rule{{Text: "oifname @uplinks jump stay"}}},
		},
	})
}

// hexAddresses are IPv6 addresses as numbers, which rules compare raw bytes with.
func hexAddresses(addresses []string) []string {
	out := make([]string, len(addresses))
	for i, a := range addresses {
		out[i] = fmt.Sprintf("0x%x", netip.MustParseAddr(a).As16())
	}
	return out
}

// repliesOfOthers has the bridges track connections, so that a node knows those that another
// node has routed to its guests: it routes their replies itself, which would be of no
// connection, or a new one to be translated, otherwise.
var repliesOfOthers = desired.Chain{Name: "replies", Type: "filter", Hook: "prerouting", Priority: "filter", Rules: []desired.Rule{{Text: "ct state established,related accept"}}}

// tracksReplies reports whether bridges must track connections for anycast gateways, and notes
// what the node lacks for it where rules depend on it.
func (n *firewallBuilder) tracksReplies(guards []guard) bool {
	ports := n.nets.gatewayPorts(n.cfg)
	if len(ports) == 0 {
		return false
	}
	if !n.lacks(model.FeatureNFTBridgeState) {
		return true
	}
	all := n.cfg.Firewalls[model.FirewallDatacenter]
	for _, id := range slices.Sorted(maps.Keys(n.cfg.Zones)) {
		z := n.cfg.Zones[id]
		ruled := all != nil && all.Enable && all.PolicyForward != "" && all.PolicyForward != model.FirewallAccept ||
			slices.ContainsFunc(guards, func(g guard) bool { return g.vnet.Zone == id && g.rules != nil })
		if z.Anycast() && z.OnNode(n.name) && ruled {
			n.noteOf(fault.Lacking, LevelWarning, model.Ref(model.KindZone, id), msgAnycastRepliesUntracked, n.name)
		}
	}
	return false
}

// isRouted reports whether the node routes for a VNet.
func (n *firewallBuilder) isRouted(v *model.VNet) bool { return n.nets.routed.zones[v.Zone][v.ID] }

// unroutedZones assigns every VNet that the node does not route for a space of connections of
// its own.
func (n *firewallBuilder) unroutedZones() []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(n.cfg.VNets)) {
		if n.nets.table[id].Kind == desired.LinkBridge && !n.isRouted(n.cfg.VNets[id]) {
			out = append(out, zoneOf(id))
		}
	}
	return out
}
