package model

import (
	"cmp"
	"net/netip"
	"slices"
)

// Networks share a routing table if one table of a node contains them: those of simple zones
// and of VXLAN zones with anycast gateways on common nodes, and those of EVPN zones on their
// exit nodes, which route to them from outside. There a more specific network captures the traffic of a wider one, regardless of
// the zone, so such networks must not overlap.

// tables returns the nodes with the zone's networks in their main routing table; all means
// every node.
func (z *Zone) tables() (nodes []string, all bool) {
	switch z.Type {
	case ZoneSimple:
		return z.Nodes, len(z.Nodes) == 0
	case ZoneEVPN:
		return z.ExitNodes, false
	case ZoneVXLAN:
		if z.AnycastGateway {
			return z.Nodes, len(z.Nodes) == 0
		}
	case ZoneVLAN, ZoneQinQ: // not routed by nodes
	}
	return nil, false
}

// sharesTable reports whether networks of two zones are in one routing table.
func (z *Zone) sharesTable(o *Zone) bool {
	if z.ID == o.ID {
		return false
	}
	a, everyA := z.tables()
	b, everyB := o.tables()
	if everyA || everyB {
		return (everyA || len(a) > 0) && (everyB || len(b) > 0)
	}
	return slices.ContainsFunc(a, func(node string) bool { return slices.Contains(b, node) })
}

// crossZoneOverlaps reports every subnet that overlaps one of another zone in a shared routing
// table. It reports both, because it does not know which one was just edited.
func (c *checker) crossZoneOverlaps(all []zonedSubnet) {
	routed := slices.DeleteFunc(slices.Clone(all), func(s zonedSubnet) bool {
		nodes, every := c.cfg.Zones[s.zone].tablesOrNone()
		return len(nodes) == 0 && !every
	})
	slices.SortFunc(routed, func(a, b zonedSubnet) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()), a.compare(b))
	})
	told := map[string]bool{}
	tell := func(s, other *Subnet, zone string) {
		if told[s.ID] {
			return
		}
		told[s.ID] = true
		r := c.report(s)
		r.about(Ref(KindSubnet, other.ID)).error("cidr", s.CIDR.String(),
			msgSubnetOverlapsOtherZone, other.CIDR, zone)
	}
	var open []zonedSubnet // those that contain the current one
	for _, s := range routed {
		open = slices.DeleteFunc(open, func(o zonedSubnet) bool { return !o.prefix.Contains(s.prefix.Addr()) })
		for _, o := range open {
			if c.cfg.Zones[s.zone].sharesTable(c.cfg.Zones[o.zone]) {
				tell(s.subnet, o.subnet, o.zone)
				tell(o.subnet, s.subnet, s.zone)
			}
		}
		open = append(open, s)
	}
}

// tablesOrNone is tables for a possibly nil zone.
func (z *Zone) tablesOrNone() (nodes []string, all bool) {
	if z == nil {
		return nil, false
	}
	return z.tables()
}

// overlapping returns the subnets of other zones that overlap a network of a zone in a shared
// routing table.
func (x *Index) overlapping(cfg *Config, zone string, p netip.Prefix) []*Subnet {
	own := cfg.Zones[zone]
	if nodes, all := own.tablesOrNone(); len(nodes) == 0 && !all {
		return nil
	}
	var out []*Subnet
	for id, other := range cfg.Zones {
		if !own.sharesTable(other) {
			continue
		}
		for _, inner := range x.inside(id, p) {
			out = append(out, inner.subnet)
		}
		for at := (zonedSubnet{zone: id, prefix: p, subnet: &Subnet{}}); ; {
			outer, ok := x.outer(at)
			if !ok {
				break
			}
			out = append(out, outer.subnet)
			at = outer
		}
	}
	return out
}
