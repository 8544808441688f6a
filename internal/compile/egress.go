package compile

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// everywhere are the default destinations of both families.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// unreachable ends the look-up of addresses in a zone's VRF, below all other routes: what
// finds none there would be looked up in the node's main table otherwise.
func (n *zoneBuilder) unreachable(z *model.Zone) {
	for _, p := range everywhere {
		n.out.Routes = append(n.out.Routes, desired.Route{
			Dst: p, Table: int(naming.VRFTable(z.VRFVXLAN)), Type: "unreachable", Metric: unreachableMetric, Owner: model.Ref(model.KindZone, z.ID),
		})
	}
}

// egress routes what leaves a zone by its declared egress only: while that is down,
// nothing leaves.
func (n *zoneBuilder) egress(z *model.Zone) {
	ref := model.Ref(model.KindZone, z.ID)
	switch {
	case !z.HasEgress():
		return
	case z.ExitNodesTable != 0:
		n.egressTable(z)
		n.ownNetworksDirectly(z)
		return
	}
	n.unreachable(z)
	n.ownNetworksDirectly(z)
	if i := z.ExitNodesInterface; i != "" && len(n.facts.Interfaces) > 0 && n.interfaceNamed(i) == nil {
		n.note(LevelError, ref, msgEgressInterfaceMissing, n.name, i)
		return
	}
	if len(z.ExitNodesVia) == 0 {
		for _, p := range everywhere {
			n.addEgressRoute(z, p, z.ExitNodesInterface, netip.Addr{})
		}
		return
	}
	for _, via := range z.ExitNodesVia {
		link := z.ExitNodesInterface
		if link == "" {
			link = n.linkOf(via)
		}
		if link == "" && len(n.facts.Interfaces) > 0 {
			n.note(LevelError, ref, msgEgressNextHopUnreachable, n.name, via)
			continue
		}
		p := everywhere[0]
		if via.Is6() {
			p = everywhere[1]
		}
		n.addEgressRoute(z, p, link, via)
	}
}

// linkOf is the interface that has an address in the network of a next hop; empty if
// none has.
func (n *node) linkOf(via netip.Addr) string {
	for _, i := range n.facts.Interfaces {
		if slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Contains(via) && !p.IsSingleIP() }) {
			return i.Name
		}
	}
	return ""
}

// addEgressRoute adds the route out of a zone, and has the interface pass the replies.
func (n *zoneBuilder) addEgressRoute(z *model.Zone, dst netip.Prefix, link string, via netip.Addr) {
	ref := model.Ref(model.KindZone, z.ID)
	n.out.Routes = append(n.out.Routes, desired.Route{Dst: dst, Link: link, Via: via, Table: int(naming.VRFTable(z.VRFVXLAN)), Metric: egressMetric, Owner: ref})
	if link == "" || n.reserved(link) != "" {
		return
	}
	keys := [][2]string{{"net.ipv6.conf." + sysctlName(link) + ".forwarding", "1"}}
	if dst.Addr().Is4() {
		// Replies enter by it from sources that the node's main table routes elsewhere
		// (RFC 3704, loose mode).
		keys = [][2]string{{"net.ipv4.conf." + sysctlName(link) + ".forwarding", "1"}, {"net.ipv4.conf." + sysctlName(link) + ".rp_filter", "2"}}
	}
	for _, k := range keys {
		if !slices.ContainsFunc(n.out.Sysctls, func(s desired.Sysctl) bool { return s.Key == k[0] }) {
			n.sysctl(ref, k[0], k[1])
		}
	}
}

// egressMetric is the metric of a declared egress of a zone: before any route that
// FRR learns (20 and more).
const egressMetric = 1

// ownNetworksDirectly routes traffic to the node's directly connected networks past the
// declared egress, where the zone declares it.
func (n *zoneBuilder) ownNetworksDirectly(z *model.Zone) {
	if z.Networks() != model.NodeNetworksAll {
		return
	}
	done := map[netip.Prefix]bool{}
	for link, a := range n.ownAddresses() {
		if a.IsSingleIP() || done[a.Masked()] {
			continue
		}
		done[a.Masked()] = true
		n.out.Routes = append(n.out.Routes, desired.Route{
			Dst: a.Masked(), Link: link, Table: int(naming.VRFTable(z.VRFVXLAN)), Metric: egressMetric, Owner: model.Ref(model.KindZone, z.ID),
		})
	}
}

// egressTablePriority is the priority of the first of the rules for egress of a zone by a
// table: before the kernel's own for VRFs (1000), which would find a default route that
// FRR has learned.
const egressTablePriority = 990

// The marks of packets that leave a zone by a table. A packet has one from prerouting
// until it has found its route. The low bits are those of the zone's VXLAN identifier;
// the high ones are "v" in ASCII, and are not those that other programs use (tailscale,
// Calico, Cilium, kube-proxy).
const (
	tableOutMark = 0x76000000
	tableOutMask = 0xff000000
)

// egressTable has traffic inside a zone looked up in its VRF, leaving traffic in the
// operator's declared table, and nothing elsewhere. A mark identifies the packets: for
// rules, Linux 6.1 has them enter by the VNet's link, others by that of the VRF.
func (n *zoneBuilder) egressTable(z *model.Zone) {
	for _, family := range []string{desired.FamilyIPv4, desired.FamilyIPv6} {
		r := desired.RouteRule{Mark: tableOutMark | uint32(z.VRFVXLAN), Family: family, Owner: model.Ref(model.KindZone, z.ID)}
		inside, outside, end := r, r, r
		inside.Priority, inside.Table, inside.NoDefault = egressTablePriority, int(naming.VRFTable(z.VRFVXLAN)), true
		outside.Priority, outside.Table = egressTablePriority+1, z.ExitNodesTable
		end.Priority = egressTablePriority + 2
		n.out.RouteRules = append(n.out.RouteRules, inside, outside, end)
	}
}

// marks are the chain that marks what may leave zones by tables, and the rules that take
// the marks away when routes are found; none without such zones.
func (n *isolationBuilder) marks() (chains []desired.Chain, found []desired.Rule) {
	c := desired.Chain{Name: "ways_out", Type: "filter", Hook: "prerouting", Priority: "mangle"}
	for _, id := range slices.Sorted(maps.Keys(n.nets.routed.zones)) {
		z := n.cfg.Zones[id]
		if f := n.nets.vrfs[id]; z.ExitNodesTable != 0 && f != nil && f.exit {
			c.Rules = append(c.Rules, desired.Rule{Owner: model.Ref(model.KindZone, id), Text: fmt.Sprintf("iifname @links_%s meta mark set 0x%08x", id, tableOutMark|uint32(z.VRFVXLAN))})
		}
	}
	if len(c.Rules) == 0 {
		return nil, nil
	}
	return []desired.Chain{c}, []desired.Rule{{Text: fmt.Sprintf("meta mark & 0x%08x == 0x%08x meta mark set 0x00000000", uint32(tableOutMask), uint32(tableOutMark))}}
}
