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
			r.error("cidr", "", msgSubnetCIDRMissing)
			continue
		}
		checkCIDR(r, s.CIDR)
		checkGateway(r, s)
		checkDHCP(r, s)
		checkRA(r, s)
		if s.Gateway.IsValid() {
			k := gatewayKey{s.VNet, s.Gateway}
			if other := gateways[k]; other != nil {
				r.about(Ref(KindSubnet, other.ID)).lax("gateway", s.Gateway.String(), msgSubnetGatewayUsed, other.ID)
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
		r.warn("snat", "true", msgSNATWithoutRouter, z.Type)
	}
	if s.Gateway.IsValid() && !z.hasEgress(s) {
		r.warn("gateway", s.Gateway.String(), msgGatewayWithoutEgress, z.ID, joinAddrs(z.ExitNodesVia))
	}
	if z.DHCP == "" {
		if s.DHCPDNSServer.IsValid() {
			r.warn("dhcp-dns-server", s.DHCPDNSServer.String(), msgSubnetOptionWithoutDHCP, z.ID)
		}
		if s.RAMode != "" && s.RAMode != RANone {
			r.warn("ra", s.RAMode, msgSubnetOptionWithoutDHCP, z.ID)
		}
	}
	if s.DNSZonePrefix != "" && z.DNSZone == "" {
		r.warn("dnszoneprefix", s.DNSZonePrefix, msgDNSPrefixWithoutZone, z.ID)
	}
	if len(s.DHCPRange) > 0 && z.IPAM == "" && (z.DHCP == "" || !z.DHCPDynamic) {
		r.warn("dhcp-range", joinRanges(s.DHCPRange), msgDHCPRangeWithoutAllocation, z.ID, IPAMBuiltin)
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
		r.error("vnet", "", msgSubnetVNetMissing)
	case v != nil && s.CIDR.IsValid() && s.ID != SubnetID(v.Zone, s.CIDR):
		// A subnet's ID contains its zone, so a VNet with subnets cannot move.
		r.about(Ref(KindVNet, v.ID)).error("vnet", s.VNet, msgSubnetVNetMoved,
			v.Zone, SubnetID(v.Zone, s.CIDR))
	}
}

func checkCIDR(r report, p netip.Prefix) {
	longest := MaxMask4
	if !p.Addr().Is4() {
		longest = MaxMask6
	}
	if p.Bits() < MinMask || p.Bits() > longest {
		r.error("cidr", p.String(), msgSubnetMaskInvalid, p.Bits(), MinMask, longest)
		return
	}
	if p.Addr().Is4In6() {
		r.error("cidr", p.String(), msgSubnetMappedIPv4)
		return
	}
	if m := p.Masked(); m != p {
		r.lax("cidr", p.String(), msgSubnetHostBits, m)
	}
	if p.Addr().IsMulticast() {
		r.lax("cidr", p.String(), msgSubnetMulticast)
	}
}

func checkGateway(r report, s *Subnet) {
	gw, p := s.Gateway, s.CIDR
	if !gw.IsValid() {
		if s.SNAT {
			r.warn("snat", "true", msgSNATWithoutGateway)
		}
		return
	}
	text := gw.String()
	if gw.Is4() && p.Addr().Is4() && p.Bits() == MaxMask4 {
		return // point-to-point: the gateway is the remote end, any address
	}
	switch {
	case gw.Zone() != "":
		r.error("gateway", text, msgAddressWithInterface)
	case !p.Masked().Contains(gw):
		r.error("gateway", text, msgGatewayOutside, p.Masked(), p.Masked().Addr().Next())
	case EdgeOf(p, gw) != "":
		r.lax("gateway", text, msgGatewayReserved, EdgeOf(p, gw), p.Masked(), p.Masked().Addr().Next())
	case gw.Is6() && gw == p.Masked().Addr() && p.Bits() < 127:
		r.warn("gateway", text, msgGatewayAnycast, gw.Next())
	}
}

// checkRA checks how guests of a subnet get IPv6 addresses.
func checkRA(r report, s *Subnet) {
	switch {
	case s.RAMode == "":
	case !s.CIDR.Addr().Is6():
		r.error("ra", s.RAMode, msgRAWithoutIPv6, s.CIDR)
	case s.RAMode == RASLAAC && s.CIDR.Bits() != 64:
		r.error("ra", s.RAMode, msgRASlaacLength,
			s.CIDR, s.CIDR.Bits(), RAStateful)
	}
}

// checkDHCP checks the ranges for allocation, and the options sent to guests.
func checkDHCP(r report, s *Subnet) {
	if s.DNSZonePrefix != "" && !isDNSName(s.DNSZonePrefix) {
		r.error("dnszoneprefix", s.DNSZonePrefix, msgDNSPrefixInvalid)
	}
	if d := s.DHCPDNSServer; d.IsValid() && d.Is4() != s.CIDR.Addr().Is4() {
		r.lax("dhcp-dns-server", d.String(), msgDHCPDNSServerFamily, s.CIDR)
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
			r.error(field, "", msgDHCPRangeIncomplete)
		case d.End.Less(d.Start):
			r.error(field, d.String(), msgDHCPRangeReversed)
		case !network.Contains(d.Start) || !network.Contains(d.End):
			r.error(field, d.String(), msgDHCPRangeOutside, network)
		default:
			rangeEdges(r, field, d, network)
			good = append(good, placed{d, field})
		}
	}
	slices.SortStableFunc(good, func(a, b placed) int { return a.Start.Compare(b.Start) })
	for i := 1; i < len(good); i++ {
		a, b := good[i-1], good[i]
		if !a.End.Less(b.Start) {
			r.error(b.field, b.String(), msgDHCPRangeOverlaps, a.Range)
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
	r.warn(field, d.String(), msgDHCPRangeIncludesReserved, strings.Join(edges, " and "), network, rest)
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
			c.report(s.subnet).about(Ref(KindSubnet, outer.ID)).lax("cidr", s.subnet.CIDR.String(), msgSubnetOverlaps, outer.CIDR, outer.VNet)
		}
		open = append(open, s)
	}
}
