package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of a subnet's mask.
const (
	MinMask  = 8
	MaxMask4 = 32
	MaxMask6 = 128
)

// subnets checks subnets, that none overlaps another of its zone, and that
// no two of a VNet have the same gateway.
func (c *checker) subnets(ids []string) {
	type gatewayKey struct {
		vnet string
		gw   netip.Addr
	}
	gateways := make(map[gatewayKey]*Subnet)
	var placed []zonedSubnet
	for _, id := range ids {
		s := c.cfg.Subnets[id]
		r := c.report(s)
		v := c.cfg.VNets[s.VNet]
		c.subnetVNet(r, s, v)
		if !s.CIDR.IsValid() {
			r.errorf("cidr", "", "is missing or not a network; write it like 10.0.1.0/24 or fd00:1::/64")
			continue
		}
		checkCIDR(r, s.CIDR)
		checkGateway(r, s)
		checkDHCP(r, s)
		checkRA(r, s)
		if s.Gateway.IsValid() {
			k := gatewayKey{s.VNet, s.Gateway}
			if other := gateways[k]; other != nil {
				r.about(Ref(KindSubnet, other.ID)).laxf("gateway", s.Gateway.String(), "is already the gateway of subnet %s of the same vnet; a bridge has an address once", other.ID)
			} else {
				gateways[k] = s
			}
		}
		if v != nil && c.cfg.Zones[v.Zone] != nil {
			unusedInZone(r, s, c.cfg.Zones[v.Zone])
		}
		if v != nil {
			placed = append(placed, zonedSubnet{zone: v.Zone, prefix: s.CIDR.Masked(), subnet: s})
		}
	}
	c.overlaps(placed)
	c.crossZoneOverlaps(placed)
}

// unusedInZone warns of properties of a subnet that its zone does not use.
func unusedInZone(r report, s *Subnet, z *Zone) {
	if s.SNAT && !z.routed() {
		r.warnf("snat", "true", "has no effect: nodes are no routers of a %s zone; let the router that has the gateway's address translate, or use a simple or evpn zone", z.Type)
	}
	if s.Gateway.IsValid() && !z.hasEgress(s) {
		r.warnf("gateway", s.Gateway.String(), "leads its guests through zone %s, but not out of it: the zone's exitnodes-via (%s) has no next hop of this address family; add one", z.ID, joinAddrs(z.ExitNodesVia))
	}
	if z.DHCP == "" {
		const idle = "has no effect: no node tells guests of it without a DHCP server in zone %s; set dhcp of the zone (to " + DHCPDnsmasq + ")"
		if s.DHCPDNSServer.IsValid() {
			r.warnf("dhcp-dns-server", s.DHCPDNSServer.String(), idle, z.ID)
		}
		if s.RAMode != "" && s.RAMode != RANone {
			r.warnf("ra", s.RAMode, idle, z.ID)
		}
	}
	if s.DNSZonePrefix != "" && z.DNSZone == "" {
		r.warnf("dnszoneprefix", s.DNSZonePrefix, "has no effect: it is a part of names, and zone %s has none; set dnszone of the zone", z.ID)
	}
	if len(s.DHCPRange) > 0 && z.IPAM == "" && (z.DHCP == "" || !z.DHCPDynamic) {
		r.warnf("dhcp-range", joinRanges(s.DHCPRange), "has no effect: nobody gives addresses in zone %s; set ipam of the zone (to %s), or dhcp-dynamic with dhcp", z.ID, IPAMBuiltin)
	}
}

// joinRanges formats ranges for messages.
func joinRanges(ranges []Range) string {
	out := make([]string, len(ranges))
	for i, r := range ranges {
		out[i] = fmt.Sprintf("%s-%s", r.Start, r.End)
	}
	return strings.Join(out, ", ")
}

// subnetVNet checks the reference to the VNet, which dangles if the subnet is created before
// its VNet, or the VNet is deleted before the subnet.
func (c *checker) subnetVNet(r report, s *Subnet, v *VNet) {
	switch {
	case s.VNet == "":
		r.errorf("vnet", "", "is missing: name the vnet that the subnet belongs to")
	case v != nil && s.CIDR.IsValid() && s.ID != SubnetID(v.Zone, s.CIDR):
		// A subnet's ID contains its zone, so a VNet with subnets cannot move.
		r.about(Ref(KindVNet, v.ID)).errorf("vnet", s.VNet, "is in zone %s, where this subnet would be called %s; a vnet cannot change its zone while it has subnets",
			v.Zone, SubnetID(v.Zone, s.CIDR))
	}
}

func checkCIDR(r report, p netip.Prefix) {
	longest := MaxMask4
	if !p.Addr().Is4() {
		longest = MaxMask6
	}
	if p.Bits() < MinMask || p.Bits() > longest {
		r.errorf("cidr", p.String(), "has a mask of %d bits: use /%d to /%d", p.Bits(), MinMask, longest)
		return
	}
	if p.Addr().Is4In6() {
		r.errorf("cidr", p.String(), "is an IPv4 network in IPv6 form; write it as IPv4")
		return
	}
	if m := p.Masked(); m != p {
		r.laxf("cidr", p.String(), "is not a network but an address in one: the network is %s", m)
	}
	if p.Addr().IsMulticast() {
		r.laxf("cidr", p.String(), "is a multicast range, which hosts cannot have addresses of")
	}
}

func checkGateway(r report, s *Subnet) {
	gw, p := s.Gateway, s.CIDR
	if !gw.IsValid() {
		if s.SNAT {
			r.warnf("snat", "true", "has no gateway to go through: the node is no router for this subnet until gateway is set")
		}
		return
	}
	text := gw.String()
	if gw.Is4() && p.Addr().Is4() && p.Bits() == MaxMask4 {
		return // point-to-point: the gateway is the remote end, any address
	}
	switch {
	case gw.Zone() != "":
		r.errorf("gateway", text, "names an interface; give the address alone")
	case !p.Masked().Contains(gw):
		r.errorf("gateway", text, "is not in the subnet %s; use an address of it, like %s", p.Masked(), p.Masked().Addr().Next())
	case EdgeOf(p, gw) != "":
		r.laxf("gateway", text, "is the %s of %s, which no host can have; use an address between, like %s", EdgeOf(p, gw), p.Masked(), p.Masked().Addr().Next())
	case gw.Is6() && gw == p.Masked().Addr() && p.Bits() < 127:
		r.warnf("gateway", text, "is the address that every IPv6 router of the network answers (RFC 4291 section 2.6.1); an own one, like %s, is safer", gw.Next())
	}
}

// checkRA checks how guests of a subnet get IPv6 addresses.
func checkRA(r report, s *Subnet) {
	switch {
	case s.RAMode == "":
	case !s.CIDR.Addr().Is6():
		r.errorf("ra", s.RAMode, "is about IPv6, and %s is not; leave it out", s.CIDR)
	case s.RAMode == RASLAAC && s.CIDR.Bits() != 64:
		r.errorf("ra", s.RAMode, "takes a network of 64 bits, of which guests make their addresses (RFC 4862); %s has %d: use %s, or another network",
			s.CIDR, s.CIDR.Bits(), RAStateful)
	}
}

// checkDHCP checks the ranges for allocation, and the options sent to guests.
func checkDHCP(r report, s *Subnet) {
	if s.DNSZonePrefix != "" && !isDNSName(s.DNSZonePrefix) {
		r.errorf("dnszoneprefix", s.DNSZonePrefix, "is not a DNS name; write it like lab or lab.dc1")
	}
	if d := s.DHCPDNSServer; d.IsValid() && d.Is4() != s.CIDR.Addr().Is4() {
		r.laxf("dhcp-dns-server", d.String(), "is of another family than %s, whose guests are not told of it; name one of theirs", s.CIDR)
	}
	if len(s.DHCPRange) == 0 {
		return
	}
	type placed struct {
		Range
		field string
	}
	good := make([]placed, 0, len(s.DHCPRange))
	for i, d := range s.DHCPRange {
		field := "dhcp-range[" + strconv.Itoa(i) + "]"
		network := s.CIDR.Masked()
		switch {
		case !d.Start.IsValid() || !d.End.IsValid():
			r.errorf(field, "", "needs both start-address and end-address")
		case d.End.Less(d.Start):
			r.errorf(field, d.String(), "ends before it starts; swap the two addresses")
		case !network.Contains(d.Start) || !network.Contains(d.End):
			r.errorf(field, d.String(), "is not inside the subnet %s", network)
		default:
			rangeEdges(r, field, d, network)
			good = append(good, placed{d, field})
		}
	}
	slices.SortStableFunc(good, func(a, b placed) int { return a.Start.Compare(b.Start) })
	for i := 1; i < len(good); i++ {
		a, b := good[i-1], good[i]
		if !a.End.Less(b.Start) {
			r.errorf(b.field, b.String(), "overlaps the range %s; make them one", a.Range)
			good[i].End = maxAddr(a.End, b.End)
		}
	}
}

// rangeEdges warns of addresses of a range that are never allocated.
func rangeEdges(r report, field string, d Range, network netip.Prefix) {
	var edges []string
	for _, a := range []netip.Addr{d.Start, d.End} {
		if role := RoleOf(network, a); role != "" && (len(edges) == 0 || d.Start != d.End) {
			edges = append(edges, "the "+role+" "+a.String())
		}
	}
	if len(edges) == 0 {
		return
	}
	rest := "nothing is left of it"
	if left := (&Subnet{CIDR: network, DHCPRange: []Range{d}}).GivenRanges(); len(left) > 0 {
		rest = "write " + left[0].String()
	}
	r.warnf(field, d.String(), "includes %s of %s, which no guest can have: passed over when addresses are given; %s", strings.Join(edges, " and "), network, rest)
}

func maxAddr(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

type zonedSubnet struct {
	zone   string
	prefix netip.Prefix // masked
	subnet *Subnet
}

// compare orders by zone, network and ID; a container precedes the subnets in it.
func (s zonedSubnet) compare(o zonedSubnet) int {
	return cmp.Or(cmp.Compare(s.zone, o.zone), s.prefix.Addr().Compare(o.prefix.Addr()),
		cmp.Compare(s.prefix.Bits(), o.prefix.Bits()), cmp.Compare(s.subnet.ID, o.subnet.ID))
}

// overlaps reports every subnet that lies in another of its zone. Prefixes overlap only if one
// contains the other, and in sorted order a container precedes its contents; so it is enough
// to keep the stack of open containers, at most 128.
func (c *checker) overlaps(all []zonedSubnet) {
	slices.SortFunc(all, zonedSubnet.compare)
	var open []zonedSubnet
	for _, s := range all {
		for len(open) > 0 {
			top := open[len(open)-1]
			if top.zone == s.zone && top.prefix.Contains(s.prefix.Addr()) {
				break
			}
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			outer := open[len(open)-1].subnet
			c.report(s.subnet).about(Ref(KindSubnet, outer.ID)).laxf("cidr", s.subnet.CIDR.String(), "overlaps subnet %s of vnet %s in the same zone; "+
				"choose another network, or put one of the two vnets in another zone", outer.CIDR, outer.VNet)
		}
		open = append(open, s)
	}
}
