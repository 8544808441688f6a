package compile

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// refused rejects a guest's packet that the node does not forward or accept, so that
// the guest is notified at once.
const refused = "reject with icmpx admin-prohibited"

// guardsNetworks reports whether the node blocks guests of a zone that it routes for from
// its directly connected networks. With a declared egress for all leaving traffic, the
// node's own networks are behind it like any other.
func (n *isolationBuilder) guardsNetworks(z *model.Zone) bool {
	f := n.nets.vrfs[z.ID]
	return z.Networks() != model.NodeNetworksAll && !z.HasEgress() && (f == nil || f.exit)
}

// nodeNetworks are the rules that keep guests of a zone from opening connections to the
// node's directly connected networks. Replies pass, also where the request entered by
// another exit node, with connections unknown to this one: an ICMP reply without a request
// is invalid to conntrack, and TCP begins with a SYN without ACK, whatever other flags a
// sender adds.
func (n *isolationBuilder) nodeNetworks(z *model.Zone) []string {
	if !n.guardsNetworks(z) {
		return nil
	}
	rules := []string{
		"ct state established,related return",
		"meta l4proto { icmp, icmpv6 } ct state invalid return",
		"tcp flags & (syn | ack) != syn return",
	}
	if z.Networks() == model.NodeNetworksSNAT {
		if len(n.nets.routed.snat4) > 0 {
			rules = append(rules, "ip saddr @snat4 return")
		}
		if len(n.nets.routed.snat6) > 0 {
			rules = append(rules, "ip6 saddr @snat6 return")
		}
	}
	n.noteNodeNetworks(z)
	return append(rules, "ip daddr @own4 "+refused, "ip6 daddr @own6 "+refused)
}

// noteNodeNetworks notes the networks that guests are blocked from, where the zone does
// not declare it.
func (n *node) noteNodeNetworks(z *model.Zone) {
	if z.NodeNetworks != "" {
		return
	}
	own := n.ownPrefixes()
	if len(own) == 0 {
		return
	}
	for _, v := range n.vnets[z.ID] {
		for _, s := range n.subnets[v.ID] {
			if s.Gateway.IsValid() && !s.SNAT {
				n.note(LevelInfo, model.Ref(model.KindZone, z.ID), msgExitNodeNetworksUnreachable, s.CIDR, n.name, firstOf(own))
				return
			}
		}
	}
}

// firstOf writes the first of some networks for people.
func firstOf(nets []netip.Prefix) string {
	const most = 3
	var out []string
	for _, p := range nets[:min(len(nets), most)] {
		out = append(out, p.String())
	}
	if len(nets) > most {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}

// ownPrefixes are the networks that the node is on itself: those of its interfaces, and
// of the fabrics that it is in; sorted, each once. Peers of zones do not count: a user who
// declares one could block others' guests from any address.
func (n *node) ownPrefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, a := range n.ownAddresses() {
		out = append(out, a.Masked())
	}
	for _, m := range n.cfg.FabricNodes {
		if f := n.cfg.Fabrics[m.Fabric]; f != nil && m.Node == n.name {
			out = append(out, f.IPPrefix.Masked(), f.IP6Prefix.Masked())
		}
	}
	out = slices.DeleteFunc(out, func(p netip.Prefix) bool {
		return !p.IsValid() || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast()
	})
	slices.SortFunc(out, netip.Prefix.Compare)
	return slices.Compact(out)
}

// ownNetworks adds the sets of the node's directly connected networks, where a zone is
// blocked from them.
func (n *isolationBuilder) ownNetworks(t *desired.Table) {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(n.nets.routed.zones)), func(id string) bool { return n.guardsNetworks(n.cfg.Zones[id]) }) {
		return
	}
	var four, six []netip.Prefix
	for _, p := range n.ownPrefixes() {
		if p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	t.Sets = append(t.Sets,
		desired.Set{Name: "own4", Type: "ipv4_addr", Interval: true, Elements: disjoint(four)},
		desired.Set{Name: "own6", Type: "ipv6_addr", Interval: true, Elements: disjoint(six)})
}

// nodeServices are the rules for what guests of a zone send to the node itself, if the
// zone declares the services that they may reach there: those, and the services of the
// node as their gateway. Nil if the zone declares none.
func (n *node) nodeServices(z *model.Zone) []string {
	if len(z.NodeServices) == 0 {
		return nil
	}
	gate4, gate6 := "ip daddr @gate_"+z.ID+"4 ", "ip6 daddr @gate_"+z.ID+"6 "
	rules := []string{
		// What the node asked for, and errors that belong to what passed.
		"ct state established,related return",
		"udp dport { 67, 547 } return",
		"icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report, mld-listener-done } return",
		gate4 + "icmp type echo-request return",
		gate6 + "icmpv6 type echo-request return",
		"ip6 daddr fe80::/10 icmpv6 type echo-request return",
	}
	names := []string{gate4, gate6, "ip daddr " + serviceAddress.String() + " "}
	if six := n.dhcpAddresses6(z); len(six) > 0 {
		names = append(names, "ip6 daddr { "+strings.Join(six, ", ")+" } ")
	}
	for _, to := range names {
		rules = append(rules, to+"meta l4proto { tcp, udp } th dport 53 return")
	}
	// Other zones' gateways are none of the node's own addresses to these guests.
	rules = append(rules, "ip daddr @gate4 ip daddr != @gate_"+z.ID+"4 drop", "ip6 daddr @gate6 ip6 daddr != @gate_"+z.ID+"6 drop")
	for _, text := range z.NodeServices {
		if s, ok := model.ParseNodeService(text); ok {
			ports := strconv.Itoa(int(s.First))
			if s.Last != s.First {
				ports += "-" + strconv.Itoa(int(s.Last))
			}
			rules = append(rules, s.Proto+" dport "+ports+" return")
		}
	}
	// No sender is notified about multicast or broadcast.
	return append(rules, "meta pkttype != host drop", refused)
}

// dhcpAddresses6 are the addresses of a zone's DHCP servers, which answer for names in
// VNets without a gateway.
func (n *node) dhcpAddresses6(z *model.Zone) []string {
	var out []string
	for _, v := range n.vnets[z.ID] {
		for _, s := range n.subnets[v.ID] {
			if a := model.DHCPAddress6(s.CIDR); a.IsValid() {
				out = append(out, a.String())
			}
		}
	}
	return out
}
