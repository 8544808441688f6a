package model

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fabricForm is a fabric's name; FRR and the interface dummy_<fabric> bear it.
var fabricForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,6}[A-Za-z0-9]$`)

// networkTypes are OSPF's (RFC 2328, section 1.2).
var networkTypes = map[string]bool{"broadcast": true, "non-broadcast": true, "point-to-point": true, "point-to-multipoint": true}

// fabrics checks every fabric and its nodes.
func (c *checker) fabrics() {
	areas := map[uint32]*Fabric{}
	for _, id := range sortedKeys(c.cfg.Fabrics) {
		f := c.cfg.Fabrics[id]
		r := c.report(f)
		if !fabricForm.MatchString(id) {
			r.errorf("id", id, "is not a fabric name: use 2 to 8 letters, digits and hyphens, no hyphen at the ends")
		}
		fabricOptions(r, f)
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
	c.fabricNodes()
}

func parseArea(s string) (uint32, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		b := a.As4()
		return binary.BigEndian.Uint32(b[:]), true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

func fabricOptions(r report, f *Fabric) {
	switch f.Protocol {
	case FabricOpenFabric, FabricOSPF, FabricBGP:
	case FabricWireGuard:
		r.warnf("protocol", string(f.Protocol), "is kept, exported and imported, but does not run: this release makes no encrypted tunnels yet")
	case "":
		r.errorf("protocol", "", "is missing; it is one of %s", typeWords(FabricProtocols()))
		return
	default:
		r.errorf("protocol", string(f.Protocol), "is not a fabric protocol of this release; it is one of %s", typeWords(FabricProtocols()))
		return
	}
	only := func(field, value string, p FabricProtocol) {
		if value != "" && f.Protocol != p {
			r.errorf(field, value, "is not an option of an %s fabric, only of %s; remove it", f.Protocol, p)
		}
	}
	only("hello-interval", nonZero(f.HelloInterval), FabricOpenFabric)
	only("csnp-interval", nonZero(f.CSNPInterval), FabricOpenFabric)
	only("persistent-keepalive", nonZero(f.PersistentKeepalive), FabricWireGuard)
	if f.PersistentKeepalive < 0 || f.PersistentKeepalive > maxPort {
		r.errorf("persistent-keepalive", strconv.Itoa(f.PersistentKeepalive), "is out of range: use 1 to %d seconds, or leave it out", maxPort)
	}
	only("area", f.Area, FabricOSPF)
	if f.BFD {
		only("bfd", "true", FabricBGP)
	}
	only("route-map-in", f.RouteMapIn, FabricBGP)
	only("route-map-out", f.RouteMapOut, FabricBGP)
	interval := func(field string, n int) {
		if n < 0 || n > 600 {
			r.errorf(field, strconv.Itoa(n), "is out of range: use 1 to 600 seconds, or leave it out")
		}
	}
	interval("hello-interval", f.HelloInterval)
	interval("csnp-interval", f.CSNPInterval)
}

// fabricPolicy checks which routes a fabric takes and announces.
func (c *checker) fabricPolicy(r report, f *Fabric) {
	c.prefixListRef(r, "route-filter", f.RouteFilter)
	if l := c.cfg.PrefixLists[f.RouteFilter]; l != nil {
		for _, p := range []netip.Prefix{f.IPPrefix, f.IP6Prefix} {
			if p.IsValid() && !l.HasFamily(p.Addr().Is6()) {
				r.warnf("route-filter", f.RouteFilter, "has no network of the family of %s, so none of the fabric's routes there are used; add one to the prefix list", p)
			}
		}
	}
	c.routeMapRef(r, "route-map-in", f.RouteMapIn)
	c.routeMapRef(r, "route-map-out", f.RouteMapOut)
	sources := RedistributionSources(f.Protocol)
	if f.RouteFilter != "" && f.Protocol == FabricWireGuard {
		r.errorf("route-filter", f.RouteFilter, "is not an option of a wireguard fabric, which has no routing protocol; remove it")
	}
	if len(f.Redistribute) > 0 && (f.Protocol == FabricOpenFabric || f.Protocol == FabricWireGuard) {
		r.errorf("redistribute", f.Redistribute[0].Source, "is not an option of an %s fabric, only of ospf and bgp; remove it", f.Protocol)
		return
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
		c.routeMapRef(r, field+"route-map", d.RouteMap)
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

// fabricPrefixes checks the networks of a fabric, which no other may share.
func (c *checker) fabricPrefixes(r report, f *Fabric) {
	switch {
	case f.Protocol == FabricOSPF && f.IP6Prefix.IsValid():
		r.errorf("ip6-prefix", f.IP6Prefix.String(), "cannot be used by OSPF version 2, which routes IPv4 only; remove it, or use openfabric or bgp")
	case f.Protocol == FabricOSPF && !f.IPPrefix.IsValid():
		r.errorf("ip-prefix", "", "is missing: the network of the nodes' addresses, like 10.10.10.0/24")
	case f.Protocol == FabricWireGuard: // interfaces have addresses of their own
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
