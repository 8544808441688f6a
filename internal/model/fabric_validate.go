package model

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fabricForm is a fabric's name, which is used in FRR and in the interface dummy_<fabric>.
var fabricForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,6}[A-Za-z0-9]$`)

// fabrics checks fabrics, and that no two share an area.
func (c *checker) fabrics(ids []string) {
	areas := map[uint32]*Fabric{}
	for _, id := range ids {
		f := c.cfg.Fabrics[id]
		r := c.report(f)
		if !fabricForm.MatchString(id) {
			r.errorf("id", id, "is not a fabric name: use 2 to 8 letters, digits and hyphens, no hyphen at the ends")
		}
		if f.Protocol == FabricWireGuard {
			r.warnf("protocol", string(f.Protocol), "is kept, exported and imported, but does not run: this release makes no encrypted tunnels yet")
		}
		c.fabricPolicy(r, f)
		c.fabricPrefixes(r, f)
		if f.Protocol != FabricOSPF {
			continue
		}
		area, ok := parseArea(f.Area)
		switch {
		case f.Area == "":
			r.errorf("area", "", "is missing: the OSPF area, a number or like 0.0.0.0")
		case !ok:
			r.errorf("area", f.Area, "is not an area: use 0 to 4294967295, or four numbers like 0.0.0.1")
		case areas[area] != nil:
			r.about(Ref(KindFabric, areas[area].ID)).errorf("area", f.Area, "is already that of fabric %s; ospf fabrics have areas of their own", areas[area].ID)
		default:
			areas[area] = f
		}
	}
}

func parseArea(s string) (uint32, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		b := a.As4()
		return binary.BigEndian.Uint32(b[:]), true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// fabricPolicy checks which routes a fabric accepts and advertises.
func (c *checker) fabricPolicy(r report, f *Fabric) {
	if l := c.cfg.PrefixLists[f.RouteFilter]; l != nil {
		for _, p := range []netip.Prefix{f.IPPrefix, f.IP6Prefix} {
			if p.IsValid() && !l.HasFamily(p.Addr().Is6()) {
				r.warnf("route-filter", f.RouteFilter, "has no network of the family of %s, so none of the fabric's routes there are used; add one to the prefix list", p)
			}
		}
	}
	sources := RedistributionSources(f.Protocol)
	if f.Protocol == FabricOpenFabric || f.Protocol == FabricWireGuard {
		return // no redistribution
	}
	seen := map[string]bool{}
	for i, d := range f.Redistribute {
		field := "redistribute[" + strconv.Itoa(i) + "]."
		switch {
		case d.Source == "":
			r.errorf(field+"source", "", "is missing; it is one of %s", strings.Join(sources, ", "))
		case sources != nil && !slices.Contains(sources, d.Source):
			r.errorf(field+"source", d.Source, "is not a source that a fabric of %s can announce; it is one of %s", f.Protocol, strings.Join(sources, ", "))
		case seen[d.Source]:
			r.errorf(field+"source", d.Source, "is given twice; once is enough")
		}
		seen[d.Source] = true
		limit := uint64(1<<32 - 1)
		if f.Protocol == FabricOSPF {
			limit = maxOSPFMetric
		}
		if n, err := strconv.ParseUint(d.Metric, 10, 32); d.Metric != "" && (err != nil || n > limit) {
			r.errorf(field+"metric", d.Metric, "is not a metric: use 0 to %d, or leave it out", limit)
		}
	}
}

// maxOSPFMetric is the largest metric below LSInfinity (RFC 2328, appendix B).
const maxOSPFMetric = 1<<24 - 2

func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// fabricPrefixes checks a fabric's networks, which must not overlap those of another fabric.
func (c *checker) fabricPrefixes(r report, f *Fabric) {
	switch {
	case f.Protocol == FabricOSPF && f.IP6Prefix.IsValid():
		r.errorf("ip6-prefix", f.IP6Prefix.String(), "cannot be used by OSPF version 2, which routes IPv4 only; remove it, or use openfabric or bgp")
	case f.Protocol == FabricOSPF && !f.IPPrefix.IsValid():
		r.errorf("ip-prefix", "", "is missing: the network of the nodes' addresses, like 10.10.10.0/24")
	case f.Protocol == FabricWireGuard: // the interfaces have the addresses
	case !f.IPPrefix.IsValid() && !f.IP6Prefix.IsValid():
		r.errorf("ip-prefix", "", "is missing: give the network of the nodes' addresses, like 10.10.10.0/24, or ip6-prefix, or both")
	}
	c.fabricPrefix(r, "ip-prefix", f.IPPrefix, true)
	c.fabricPrefix(r, "ip6-prefix", f.IP6Prefix, false)
}

func (c *checker) fabricPrefix(r report, field string, p netip.Prefix, four bool) {
	if !p.IsValid() {
		return
	}
	if p.Addr().Is4() != four {
		r.errorf(field, p.String(), "is of the other family; IPv4 goes to ip-prefix, IPv6 to ip6-prefix")
	}
	for _, id := range sortedKeys(c.cfg.Fabrics) {
		o := c.cfg.Fabrics[id]
		if id < r.id && (o.IPPrefix.IsValid() && o.IPPrefix.Overlaps(p) || o.IP6Prefix.IsValid() && o.IP6Prefix.Overlaps(p)) {
			r.about(Ref(KindFabric, id)).errorf(field, p.String(), "overlaps the network of fabric %s; choose another one", id)
		}
	}
}
