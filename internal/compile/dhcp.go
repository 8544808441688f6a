package compile

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// TableDHCP is the nftables table (family bridge) that keeps DHCP on its node.
const TableDHCP = "viaduct_dhcp"

// serviceAddress is the IPv4 address of the DHCP server on bridges that have none:
// the same on every node and in every VNet, so that a guest that moved goes on with
// it. It is link-local (RFC 3927) and no guest's; its last numbers are the port.
var serviceAddress = netip.MustParseAddr("169.254.67.67")

// minDHCP6 is the shortest prefix, in bits, of IPv6 networks that dnsmasq serves.
const minDHCP6 = 64

// dhcpService is the node's DHCP service, with the rules that keep DHCP on the node.
type dhcpService struct {
	out *desired.Space
	// links are those that the node serves guests on.
	links []string
	// linkLocal are the bridges that need the link-local address that the kernel makes.
	linkLocal map[string]bool
}

// dhcpBuilder compiles a dhcpService.
type dhcpBuilder struct {
	*node
	nets    *networks
	service dhcpService
	// addresses are those on links, by link.
	addresses map[string][]netip.Prefix
	// uplinks are the ports by which the served VNets' frames leave the node, and bound
	// the zones with frames that must stay on it.
	uplinks, bound []string
}

// compileDHCP adds the DHCP servers of the node's zones. Every node of a zone has one, and
// all of them know all of the zone's NICs: whichever node a guest runs on answers it,
// and goes on to when others are lost.
func compileDHCP(of *node) *dhcpService {
	n := &dhcpBuilder{node: of, nets: partNetworks.of(of), service: dhcpService{out: of.out, linkLocal: map[string]bool{}}}
	var hosts map[string][]*model.Binding
	for _, o := range n.cfg.List(model.KindZone) {
		z := o.(*model.Zone)
		if z.DHCP != model.DHCPDnsmasq || !z.OnNode(n.name) {
			continue
		}
		if hosts == nil {
			hosts, n.addresses = n.bindingsByVNet(), n.nets.addressesByLink()
		}
		s := desired.DHCPServer{Zone: z.ID, Owner: model.Ref(model.KindZone, z.ID), Dynamic: z.DHCPDynamic}
		taken := map[netip.Addr]string{}
		before := len(n.uplinks)
		for _, v := range n.vnets[z.ID] {
			ref := model.Ref(model.KindVNet, v.ID)
			l, made := n.nets.table[n.nets.guestLink(v.ID)]
			if !made || l.Owner != ref || len(n.subnets[v.ID]) == 0 {
				continue
			}
			network := n.dhcpNetwork(z, v, &l)
			if len(network.Subnets) == 0 {
				continue
			}
			network.Hosts = n.dhcpHosts(&network, hosts[v.ID], taken)
			s.Networks = append(s.Networks, network)
			n.service.links = append(n.service.links, l.Name)
		}
		if len(s.Networks) > 0 {
			n.out.DHCP = append(n.out.DHCP, s)
		}
		if len(n.uplinks) > before {
			n.bound = append(n.bound, s.Owner)
		}
	}
	n.dhcpTable()
	return &n.service
}

// bindingsByVNet groups the bindings by VNet.
func (n *node) bindingsByVNet() map[string][]*model.Binding {
	out := map[string][]*model.Binding{}
	for _, b := range n.bindings {
		if b.MAC != "" && len(b.IPs) > 0 {
			out[b.VNet] = append(out[b.VNet], b)
		}
	}
	return out
}

// dhcpNetwork is what is served on a VNet by a link, its bridge or anycast gateway, which
// gets the addresses that the server needs and has not.
func (n *dhcpBuilder) dhcpNetwork(z *model.Zone, v *model.VNet, link *desired.Link) desired.DHCPNetwork {
	ref := model.Ref(model.KindVNet, v.ID)
	out := desired.DHCPNetwork{Link: link.Name, Owner: ref, MTU: link.MTU}
	own := slices.Clone(n.addresses[link.Name])
	slices.SortFunc(own, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	gateway6 := slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr().Is6() && !p.Addr().IsLinkLocalUnicast() })
	four, six, advertised := n.dhcpFamilies(v)
	routed := slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr().Is4() })
	if four && !routed {
		own = append(own, netip.PrefixFrom(serviceAddress, 32))
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: link.Name, Prefix: own[len(own)-1], Owner: ref})
	}
	if six {
		n.linkLocalOf(link, own)
	}
	out.Router, out.Quiet = gateway6, six && !advertised
	for _, s := range n.subnets[v.ID] {
		d, ok := n.dhcpSubnet(z, s, link.Name, own)
		if !ok {
			continue
		}
		if d.CIDR.Addr().Is6() && s.RAMode == model.RANone && advertised {
			n.note(LevelWarning, d.Owner, msgRAOfOtherSubnet, v.ID)
		}
		out.Subnets = append(out.Subnets, d)
	}
	if four && !routed {
		n.sysctl(ref, "net.ipv4.conf."+link.Name+".rp_filter", n.looseFilter(z))
	}
	n.uplinks = append(n.uplinks, n.nets.uplinks()[v.ID]...)
	return out
}

// dhcpSubnet is what is served of a subnet on a link that has the addresses.
func (n *dhcpBuilder) dhcpSubnet(z *model.Zone, s *model.Subnet, link string, own []netip.Prefix) (d desired.DHCPSubnet, ok bool) {
	d = desired.DHCPSubnet{
		ID: s.ID, Owner: model.Ref(model.KindSubnet, s.ID), CIDR: s.CIDR.Masked(),
		Gateway: s.Gateway, Domain: domainOf(z, s), Autonomous: s.RAMode == model.RASLAAC,
	}
	if d.CIDR.Addr().Is6() && d.CIDR.Bits() < minDHCP6 {
		n.note(LevelWarning, d.Owner, msgDHCPv6SubnetTooLarge, d.CIDR, minDHCP6)
		return d, false
	}
	switch {
	case s.DHCPDNSServer.IsValid():
		if s.DHCPDNSServer.Is4() == d.CIDR.Addr().Is4() {
			d.DNSServer = s.DHCPDNSServer
		}
	case z.DNSZone == "" || z.DNS != "":
	case slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr() == s.Gateway }):
		d.DNSServer = s.Gateway // the node's own name server listens there
	case servesDNSWithoutGateway(z) && d.CIDR.Addr().Is4() && slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr() == serviceAddress }):
		d.DNSServer = serviceAddress // and there
	case servesDNSWithoutGateway(z) && d.CIDR.Addr().Is6():
		d.DNSServer = model.DHCPAddress6(d.CIDR)
	}
	if z.DHCPDynamic {
		for _, r := range s.GivenRanges() {
			d.Ranges = append(d.Ranges, desired.DHCPRange{Start: r.Start, End: r.End})
		}
	}
	switch here := slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Masked() == d.CIDR }); {
	case here:
	case d.CIDR.Addr().Is4():
		// The server answers from whatever address the bridge has, which guests have
		// to find when they renew their lease.
		d.Shared = true
		for _, p := range own {
			if p.Addr().Is4() {
				d.Routes = append(d.Routes, desired.DHCPRoute{Dst: netip.PrefixFrom(p.Addr(), 32)})
			}
		}
	default:
		a := model.DHCPAddress6(d.CIDR)
		if !a.IsValid() {
			n.note(LevelWarning, d.Owner, msgDHCPServerWithoutAddress, d.CIDR)
			return d, false
		}
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: link, Prefix: netip.PrefixFrom(a, d.CIDR.Bits()), NoRoute: true, Owner: d.Owner})
	}
	return d, true
}

// servesDNSWithoutGateway reports whether the node serves DNS to the guests of a zone
// where it is not their gateway, at the addresses of its DHCP server. In an EVPN zone
// there is no return path to them.
func servesDNSWithoutGateway(z *model.Zone) bool {
	return z.DHCP == model.DHCPDnsmasq && z.Type != model.ZoneEVPN
}

// dhcpFamilies returns the address families of a VNet's subnets, and whether IPv6 ones are
// to be advertised.
func (n *node) dhcpFamilies(v *model.VNet) (four, six, advertised bool) {
	for _, s := range n.subnets[v.ID] {
		if s.CIDR.Addr().Is4() {
			four = true
		} else {
			six = true
			advertised = advertised || s.RAMode != model.RANone
		}
	}
	return four, six, advertised
}

// domainOf is the DNS domain of a subnet's guests.
func domainOf(z *model.Zone, s *model.Subnet) string {
	if z.DNSZone == "" || s.DNSZonePrefix == "" {
		return z.DNSZone
	}
	return s.DNSZonePrefix + "." + z.DNSZone
}

// linkLocalOf gives a link the link-local address that advertisements and DHCPv6
// come from. With a declared MAC address, the same for the link on all nodes, it is set
// and not generated by the kernel, which would detect it as a duplicate.
func (n *dhcpBuilder) linkLocalOf(link *desired.Link, own []netip.Prefix) {
	if link.MAC == "" {
		n.service.linkLocal[link.Name] = true
		return
	}
	if p := netip.PrefixFrom(linkLocal(link.MAC), 64); !slices.Contains(own, p) {
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: link.Name, Prefix: p, Owner: link.Owner})
	}
}

// looseFilter is the reverse-path filter (rp_filter) for what guests send to the server:
// the node has no route to their network, so it has to pass by the default route (2,
// RFC 3704), or without one unchecked.
func (n *node) looseFilter(z *model.Zone) string {
	byDefault := slices.ContainsFunc(n.facts.Routes, func(r model.FactRoute) bool { return r.Dst.Addr().Is4() && r.Dst.Bits() == 0 })
	if byDefault && z.Type != model.ZoneEVPN {
		return "2"
	}
	return "0"
}

// dhcpHosts are the NICs of a VNet that have addresses to be given. Of each family
// DHCP gives one.
func (n *node) dhcpHosts(network *desired.DHCPNetwork, bindings []*model.Binding, taken map[netip.Addr]string) []desired.DHCPHost {
	out := make([]desired.DHCPHost, 0, len(bindings))
	for _, b := range bindings {
		h := desired.DHCPHost{MAC: strings.ToLower(b.MAC), Name: hostLabel(b.Name)}
		var given [2]bool // of IPv4, of IPv6
		for _, ip := range b.IPs {
			family := 0
			if ip.Is6() {
				family = 1
			}
			if given[family] || !gives(network, ip) {
				continue
			}
			if other := taken[ip]; other != "" {
				n.note(LevelWarning, ownerOf(b), msgDHCPAddressConflict, ip, b.MAC, other)
				continue
			}
			taken[ip] = b.MAC
			given[family] = true
			h.IPs = append(h.IPs, ip)
		}
		if len(h.IPs) > 0 {
			out = append(out, h)
		}
	}
	return out
}

// gives reports whether an address is given out on a network.
func gives(network *desired.DHCPNetwork, ip netip.Addr) bool {
	return slices.ContainsFunc(network.Subnets, func(s desired.DHCPSubnet) bool { return !s.Autonomous && s.CIDR.Contains(ip) })
}

// ownerOf is the object that a note on a binding belongs to.
func ownerOf(b *model.Binding) string {
	if b.Guest != "" {
		return model.Ref(model.KindGuest, b.Guest)
	}
	return model.Ref(model.KindVNet, b.VNet)
}

// hostLabel is the first label of a name, if it is one that a host can have.
func hostLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	if !model.IsLabel(label) {
		return ""
	}
	return label
}

// input adds to the node's filter what guests of VNets without a gateway here
// may ask of it.
func (s *dhcpService) input(t *desired.Table) []desired.Rule {
	if len(s.links) == 0 {
		return nil
	}
	six := desired.Set{Name: "dhcp6", Type: "ipv6_addr"}
	for _, a := range s.out.Addresses {
		if a.NoRoute {
			six.Elements = append(six.Elements, a.Prefix.Addr().String())
		}
	}
	slices.Sort(six.Elements)
	six.Elements = slices.Compact(six.Elements)
	t.Sets = append(t.Sets, desired.Set{Name: "dhcp", Type: "ifname", Elements: quoted(s.links)}, six)
	return []desired.Rule{
		{Text: "iifname @dhcp udp dport { 67, 547 } return"},
		{Text: "iifname @dhcp ip daddr " + serviceAddress.String() + " meta l4proto { tcp, udp } th dport 53 return"},
		{Text: "iifname @dhcp ip6 daddr @dhcp6 meta l4proto { tcp, udp } th dport 53 return"},
		{Text: "iifname @dhcp icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } return"},
	}
}

// dhcpTable keeps DHCP on its node: only the server on a guest's own node answers it,
// because otherwise the same requests and replies would come from every node of the
// zone. Router advertisements of the node itself stay on it too; those of a router
// elsewhere pass. Tagged frames belong to a network inside the VNet and are not filtered.
func (n *dhcpBuilder) dhcpTable() {
	if len(n.bound) == 0 {
		return
	}
	if n.lacks(model.FeatureNFTBridge) {
		for _, zone := range n.bound {
			n.noteOf(fault.Lacking, LevelWarning, zone, msgDHCPNotConfined, n.name)
		}
		return
	}
	service := serviceAddress.String()
	n.out.Tables = append(n.out.Tables, desired.Table{
		Family: "bridge", Name: TableDHCP,
		Sets: []desired.Set{{Name: "uplinks", Type: "ifname", Elements: quoted(n.uplinks)}},
		Chains: []desired.Chain{
			{Name: "stay", Rules: []desired.Rule{
				{Text: "ether type ip udp sport 68 udp dport 67 drop"},
				{Text: "ether type ip udp sport 67 udp dport 68 drop"},
				{Text: "ether type ip6 ip6 daddr ff02::1:2 udp dport 547 drop"},
				{Text: "ether type ip6 udp dport 546 drop"},
				{Text: "ether type arp arp daddr ip " + service + " drop"},
				{Text: "ether type arp arp saddr ip " + service + " drop"},
			}},
			{Name: "prerouting", Type: "filter", Hook: "prerouting", Priority: "filter", Rules: []desired.Rule{{Text: "iifname @uplinks jump stay"}}},
			{Name: "output", Type: "filter", Hook: "output", Priority: "filter", Rules: []desired.Rule{
				{Text: "oifname @uplinks ether type ip6 icmpv6 type nd-router-advert drop"},
			}},
			{Name: "postrouting", Type: "filter", Hook: "postrouting", Priority: "filter", Rules: []desired.Rule{{Text: "oifname @uplinks jump stay"}}},
		},
	})
}

// quoted are names as elements of a set, sorted.
func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strconv.Quote(name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
