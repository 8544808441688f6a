package model

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// sectorForm is the ID of a sector: a DNS label (RFC 1123, section 2.1) in lower case.
var sectorForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// maxSectorID is the length of a DNS label in bytes (RFC 1035, section 2.3.4).
const maxSectorID = 63

// maxForwards bounds the forwards, and the floating addresses, of a sector.
const maxForwards = 4096

// sectors checks sectors, and that no two have an address of a backplane in common.
func (c *checker) sectors(ids []string) {
	owners := map[netip.Addr]string{}
	vnets := map[string]string{}
	for _, id := range ids {
		s := c.cfg.Sectors[id]
		r := c.report(s)
		if !sectorForm.MatchString(s.ID) || len(s.ID) > maxSectorID {
			r.error("id", s.ID, msgSectorNameInvalid)
		}
		checkAlias(r, s.Alias)
		if s.Domain != "" && !isDNSName(s.Domain) {
			r.error("domain", s.Domain, msgDomainInvalid)
		}
		if other := vnets[s.VNet]; s.VNet != "" && other != "" {
			r.about(Ref(KindSector, other)).error("vnet", s.VNet, msgSectorVNetUsed, other)
		}
		vnets[s.VNet] = s.ID
		b := c.cfg.Backplanes[s.Backplane]
		sectorSubnets(r, s, b)
		c.sectorAddresses(r, s, b, owners)
		sectorForwards(r, s)
		sectorFloating(r, s)
	}
}

// sectorSubnets checks the networks of a sector. That they are apart is checked of the subnets
// that they become.
func sectorSubnets(r report, s *Sector, b *Backplane) {
	if len(s.Subnets) == 0 {
		r.error("subnets", "", msgSectorWithoutSubnet)
	}
	for i, n := range s.Subnets {
		at := "subnets[" + strconv.Itoa(i) + "]."
		if !n.CIDR.IsValid() {
			r.error(at+"cidr", "", msgSubnetCIDRMissing)
			continue
		}
		checkCIDR(r.in(at), n.CIDR)
		checkGateway(r.in(at), &Subnet{CIDR: n.CIDR, Gateway: n.GatewayAddr()})
		if b == nil {
			continue
		}
		for _, p := range b.Networks() {
			if p.Overlaps(n.CIDR) {
				r.about(Ref(KindBackplane, b.ID)).error(at+"cidr", n.CIDR.String(), msgSectorOverlapsBackplane, p, b.ID)
			}
		}
	}
}

// sectorAddresses checks the addresses that a sector has in its backplane.
func (c *checker) sectorAddresses(r report, s *Sector, b *Backplane, owners map[netip.Addr]string) {
	check := func(field string, a netip.Addr) {
		if !a.IsValid() {
			return
		}
		if other, taken := owners[a]; taken {
			r.about(Ref(KindSector, other)).error(field, a.String(), msgSectorAddressUsed, other)
			return
		}
		owners[a] = s.ID
		if b == nil || slices.ContainsFunc(b.Networks(), func(p netip.Prefix) bool { return SectorAddresses(p).Contains(a) }) {
			return
		}
		var ranges []Range
		for _, p := range b.Networks() {
			ranges = append(ranges, SectorAddresses(p))
		}
		r.about(Ref(KindBackplane, b.ID)).error(field, a.String(), msgSectorAddressOutside, b.ID, joinRanges(ranges))
	}
	if s.Address.Is6() {
		r.error("address", s.Address.String(), msgBackplaneNetworkFamily)
	}
	if s.Address6.Is4() {
		r.error("address6", s.Address6.String(), msgBackplaneNetworkFamily)
	}
	check("address", s.Address)
	check("address6", s.Address6)
	for i, f := range s.FloatingIPs {
		check("floating-ips["+strconv.Itoa(i)+"].address", f.Address)
	}
}

// sectorForwards checks that the forwards lead to guests, and that no two have a port in common.
func sectorForwards(r report, s *Sector) {
	if len(s.Forwards) > maxForwards {
		r.error("forwards", strconv.Itoa(len(s.Forwards)), msgSectorTooManyForwards, maxForwards)
		return
	}
	type used struct {
		protocol string
		six      bool
		port     int
	}
	taken := map[used]string{}
	for i, f := range s.Forwards {
		at := "forwards[" + strconv.Itoa(i) + "]."
		protocol, first, last, ok := f.Ports()
		switch {
		case !ok:
			r.error(at+"port", f.Port, msgForwardPortInvalid)
			continue
		case last >= FirstSourcePort:
			r.error(at+"port", f.Port, msgForwardPortTooHigh, FirstSourcePort-1, FirstSourcePort)
			continue
		case f.ToPort != 0 && f.ToPort+last-first > MaxPort:
			r.error(at+"to-port", strconv.Itoa(f.ToPort), msgForwardRangeTooHigh, last-first+1, MaxPort)
		}
		sectorTarget(r, s, at+"to", f.To)
		if f.To.IsValid() && !s.AddressFor(f.To).IsValid() && (s.Address.IsValid() || s.Address6.IsValid()) {
			r.error(at+"to", f.To.String(), msgForwardWithoutAddress)
		}
		for p := first; p <= last; p++ {
			key := used{protocol, f.To.Is6(), p}
			if other, twice := taken[key]; twice {
				r.error(at+"port", f.Port, msgForwardPortUsed, other)
				break
			}
			taken[key] = f.Port
		}
	}
}

// sectorFloating checks the guests of the floating addresses: each has at most one of a family,
// with which it leaves.
func sectorFloating(r report, s *Sector) {
	if len(s.FloatingIPs) > maxForwards {
		r.error("floating-ips", strconv.Itoa(len(s.FloatingIPs)), msgSectorTooManyForwards, maxForwards)
		return
	}
	taken := map[netip.Addr]netip.Addr{}
	for i, f := range s.FloatingIPs {
		at := "floating-ips[" + strconv.Itoa(i) + "]."
		if !f.Address.IsValid() {
			r.error(at+"address", "", msgFloatingAddressMissing)
			continue
		}
		if f.Target.IsValid() && f.Target.Is4() != f.Address.Is4() {
			r.error(at+"target", f.Target.String(), msgFloatingFamily, f.Address)
		}
		sectorTarget(r, s, at+"target", f.Target)
		if other, twice := taken[f.Target]; twice {
			r.error(at+"target", f.Target.String(), msgFloatingTwice, other)
		}
		taken[f.Target] = f.Address
	}
}

// sectorTarget checks that an address is one that a guest of the sector may have.
func sectorTarget(r report, s *Sector, field string, to netip.Addr) {
	switch {
	case !to.IsValid():
		r.error(field, "", msgSectorTargetMissing)
	case !s.HasSubnet(to):
		r.error(field, to.String(), msgSectorTargetOutside, s.subnetsText())
	case slices.ContainsFunc(s.Subnets, func(n SectorSubnet) bool { return n.GatewayAddr() == to }):
		r.error(field, to.String(), msgSectorTargetGateway)
	}
}

// Contains reports whether an address is in the range.
func (r Range) Contains(a netip.Addr) bool {
	return a.Is4() == r.Start.Is4() && a.Compare(r.Start) >= 0 && a.Compare(r.End) <= 0
}
