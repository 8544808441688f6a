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
			r.error("id", id, msgFabricNameInvalid)
		}
		if f.Protocol == FabricWireGuard {
			r.warn("protocol", string(f.Protocol), msgFabricWireGuardNotRun)
		}
		c.fabricPolicy(r, f)
		c.fabricPrefixes(r, f)
		if f.Protocol != FabricOSPF {
			continue
		}
		area, ok := parseArea(f.Area)
		switch {
		case f.Area == "":
			r.error("area", "", msgFabricAreaMissing)
		case !ok:
			r.error("area", f.Area, msgFabricAreaInvalid)
		case areas[area] != nil:
			r.about(Ref(KindFabric, areas[area].ID)).error("area", f.Area, msgFabricAreaUsed, areas[area].ID)
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
				r.warn("route-filter", f.RouteFilter, msgRouteFilterLacksFamily, p)
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
			r.error(field+"source", "", msgRedistributeSourceMissing, strings.Join(sources, ", "))
		case sources != nil && !slices.Contains(sources, d.Source):
			r.error(field+"source", d.Source, msgRedistributeSourceUnknown, f.Protocol, strings.Join(sources, ", "))
		case seen[d.Source]:
			r.error(field+"source", d.Source, msgRedistributeSourceRepeated)
		}
		seen[d.Source] = true
		limit := uint64(1<<32 - 1)
		if f.Protocol == FabricOSPF {
			limit = maxOSPFMetric
		}
		if n, err := strconv.ParseUint(d.Metric, 10, 32); d.Metric != "" && (err != nil || n > limit) {
			r.error(field+"metric", d.Metric, msgRedistributeMetricInvalid, limit)
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
		r.error("ip6-prefix", f.IP6Prefix.String(), msgFabricOSPFIPv6)
	case f.Protocol == FabricOSPF && !f.IPPrefix.IsValid():
		r.error("ip-prefix", "", msgFabricOSPFPrefixMissing)
	case f.Protocol == FabricWireGuard: // the interfaces have the addresses
	case !f.IPPrefix.IsValid() && !f.IP6Prefix.IsValid():
		r.error("ip-prefix", "", msgFabricPrefixMissing)
	}
	c.fabricPrefix(r, "ip-prefix", f.IPPrefix, true)
	c.fabricPrefix(r, "ip6-prefix", f.IP6Prefix, false)
}

func (c *checker) fabricPrefix(r report, field string, p netip.Prefix, four bool) {
	if !p.IsValid() {
		return
	}
	if p.Addr().Is4() != four {
		r.error(field, p.String(), msgFabricPrefixFamily)
	}
	for _, id := range sortedKeys(c.cfg.Fabrics) {
		o := c.cfg.Fabrics[id]
		if id < r.id && (o.IPPrefix.IsValid() && o.IPPrefix.Overlaps(p) || o.IP6Prefix.IsValid() && o.IP6Prefix.Overlaps(p)) {
			r.about(Ref(KindFabric, id)).error(field, p.String(), msgFabricPrefixOverlaps, id)
		}
	}
}
