package model

import (
	"cmp"
	"net/netip"
	"slices"
)

// Networks meet where the same routing table of a node has them: those of simple zones
// on common nodes, and those of EVPN zones on their exit nodes, which lead to them from
// outside. There a more specific network takes the traffic of a wider one, whosever it
// is, so networks that meet must not overlap.

// tables returns the nodes whose main routing table has the zone's networks; all means
// every node.
func (z *Zone) tables() (nodes []string, all bool) {
	switch z.Type {
	case ZoneSimple:
		return z.Nodes, len(z.Nodes) == 0
	case ZoneEVPN:
		return z.ExitNodes, false
	case ZoneVLAN, ZoneQinQ, ZoneVXLAN: // which nodes do not route
	}
	return nil, false
}

// meets reports whether networks of two zones are in one routing table.
func (z *Zone) meets(o *Zone) bool {
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

// meetings reports every subnet that overlaps one of another zone where the two meet.
// Both are at fault: which of them somebody has just written is not known here.
func (c *checker) meetings(all []zonedSubnet) {
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
		r.about(Ref(KindSubnet, other.ID)).errorf("cidr", s.CIDR.String(),
			"overlaps %s of zone %s, which the same nodes route: one would get the other's traffic; choose another network, or other nodes for one of the zones", other.CIDR, zone)
	}
	var open []zonedSubnet // those in which the present one lies
	for _, s := range routed {
		open = slices.DeleteFunc(open, func(o zonedSubnet) bool { return !o.prefix.Contains(s.prefix.Addr()) })
		for _, o := range open {
			if c.cfg.Zones[s.zone].meets(c.cfg.Zones[o.zone]) {
				tell(s.subnet, o.subnet, o.zone)
				tell(o.subnet, s.subnet, s.zone)
			}
		}
		open = append(open, s)
	}
}

// tablesOrNone is tables for a zone that may not exist.
func (z *Zone) tablesOrNone() (nodes []string, all bool) {
	if z == nil {
		return nil, false
	}
	return z.tables()
}

// met are the subnets of other zones that overlap a network of a zone where they meet.
func (x *Index) met(cfg *Config, zone string, p netip.Prefix) []*Subnet {
	own := cfg.Zones[zone]
	if nodes, all := own.tablesOrNone(); len(nodes) == 0 && !all {
		return nil
	}
	var out []*Subnet
	for id, other := range cfg.Zones {
		if !own.meets(other) {
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
