package compile

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// TableName is the nftables table (family inet) that keeps zones apart and
// translates source addresses.
const TableName = "viaduct"

// ours matches the links of Viaduct in a rule, those that are being deleted
// included: a VNet must not lose its bounds before its bridge.
var ours = fmt.Sprintf("{ %d, %d }", desired.LinkGroup, desired.DoomedGroup)

// routed collects the VNets that the node routes for: those whose subnets have
// a gateway here.
type routed struct {
	zones map[string]map[string]bool // zone -> its links: VNets, and what belongs to a VRF
	gates map[string][]netip.Addr    // zone -> gateway addresses
	snat4 []netip.Prefix
	snat6 []netip.Prefix
	// v4 and v6 are the objects, for each family the first, that make the node route.
	v4, v6 string
}

// add takes in a subnet of a VNet that the node is the gateway of.
func (r *routed) add(z *model.Zone, v *model.VNet, s *model.Subnet) {
	r.gateway(z, v, s)
	switch is4 := s.Gateway.Is4(); {
	case s.SNAT && is4:
		r.snat4 = append(r.snat4, s.CIDR.Masked())
	case s.SNAT:
		r.snat6 = append(r.snat6, s.CIDR.Masked())
	}
}

// addVRF takes in a subnet of an EVPN zone, from which only exit nodes lead out.
func (r *routed) addVRF(z *model.Zone, v *model.VNet, s *model.Subnet, f *vrf) {
	if f.exit {
		r.add(z, v, s)
	} else {
		r.gateway(z, v, s)
	}
}

func (r *routed) gateway(z *model.Zone, v *model.VNet, s *model.Subnet) {
	r.links(z.ID, v.ID)
	if r.gates == nil {
		r.gates = map[string][]netip.Addr{}
	}
	r.gates[z.ID] = append(r.gates[z.ID], s.Gateway)
	r.forward(model.Ref(model.KindZone, z.ID), s.Gateway)
}

// links takes in links of a zone. What a VRF's guests send comes in by the link
// of the VRF, to the filter's mind, and leaves by that of a VNet.
func (r *routed) links(zone string, names ...string) {
	if r.zones == nil {
		r.zones = map[string]map[string]bool{}
	}
	if r.zones[zone] == nil {
		r.zones[zone] = map[string]bool{}
	}
	for _, name := range names {
		r.zones[zone][name] = true
	}
}

// forward notes that an object makes the node route for an address's family.
func (r *routed) forward(owner string, a netip.Addr) {
	if a.Is4() {
		r.v4 = cmp.Or(r.v4, owner)
	} else {
		r.v6 = cmp.Or(r.v6, owner)
	}
}

// firewall adds the table. Its size grows with the routed VNets only: all others
// are known by the link group, so a node with thousands of overlay VNets has no
// element for any of them, and a packet costs the same number of look-ups
// however many VNets there are.
func (n *node) firewall() {
	if len(n.out.Links) == 0 {
		return
	}
	t := desired.Table{Family: "inet", Name: TableName}
	var all, jumps, locals []string
	for _, zone := range slices.Sorted(maps.Keys(n.routed.zones)) {
		var names []string
		for _, v := range slices.Sorted(maps.Keys(n.routed.zones[zone])) {
			names = append(names, strconv.Quote(v))
			jumps = append(jumps, fmt.Sprintf("%q : goto z_%s", v, zone))
			locals = append(locals, fmt.Sprintf("%q : goto l_%s", v, zone))
		}
		all = append(all, names...)
		n.zoneChains(&t, n.cfg.Zones[zone], names)
	}
	slices.Sort(all)
	slices.Sort(jumps)
	slices.Sort(locals)
	var gates []netip.Addr
	for _, zone := range slices.Sorted(maps.Keys(n.routed.gates)) {
		gates = append(gates, n.routed.gates[zone]...)
	}
	t.Sets = append(t.Sets,
		desired.Set{Name: "routed", Type: "ifname", Elements: all},
		desired.Set{Name: "zone_of", Type: "ifname", Value: "verdict", Elements: jumps},
		desired.Set{Name: "local_of", Type: "ifname", Value: "verdict", Elements: locals})
	t.Sets = append(t.Sets, gateSets("gate", gates)...)
	// A VNet without a gateway is not routed, even if something else on the node
	// turned forwarding on. Frames that br_netfilter shows here while they cross
	// one bridge have the same, unrouted VNet on both sides and pass. Nor does
	// the node itself take part in such a VNet, though the kernel would answer
	// there for every address the node has.
	marks, found := n.marks()
	t.Chains = append(t.Chains, marks...)
	t.Chains = append(t.Chains,
		desired.Chain{Name: "from_vnet", Rules: []desired.Rule{
			{Text: "iifname vmap @zone_of"},
			{Text: "oifname @routed drop"},
			{Text: "oifgroup != " + ours + " drop"},
		}},
		desired.Chain{Name: "to_node", Rules: slices.Concat([]desired.Rule{
			// A guest that plays the router must not become the node's.
			{Text: "icmpv6 type { nd-router-advert, nd-redirect } drop"},
			{Text: "iifname vmap @local_of"},
		}, n.dhcpInput(&t), []desired.Rule{{Text: "drop"}})},
		desired.Chain{Name: "forward", Type: "filter", Hook: "forward", Priority: "filter", Rules: append(slices.Clone(found),
			desired.Rule{Text: "iifgroup " + ours + " jump from_vnet"})},
		desired.Chain{Name: "input", Type: "filter", Hook: "input", Priority: "filter", Rules: append(slices.Clone(found),
			desired.Rule{Text: "iifgroup " + ours + " jump to_node"})})
	n.snat(&t)
	n.ownNetworks(&t)
	n.out.Tables = append(n.out.Tables, t)
}

// zoneChains adds what the VNets of one zone may reach: forwarded, each other
// and what is no VNet; on the node, its addresses but for other zones' gateways.
func (n *node) zoneChains(t *desired.Table, z *model.Zone, names []string) {
	owner := model.Ref(model.KindZone, z.ID)
	t.Sets = append(t.Sets, desired.Set{Name: "links_" + z.ID, Type: "ifname", Elements: names})
	t.Sets = append(t.Sets, gateSets("gate_"+z.ID, n.routed.gates[z.ID])...)
	leaving := append([]string{
		fmt.Sprintf("oifname @links_%s return", z.ID),
		"oifgroup " + ours + " drop",
	}, n.nodeNetworks(z)...)
	local := n.nodeServices(z)
	if local == nil {
		local = []string{
			fmt.Sprintf("ip daddr @gate_%s4 return", z.ID),
			fmt.Sprintf("ip6 daddr @gate_%s6 return", z.ID),
			"ip daddr @gate4 drop",
			"ip6 daddr @gate6 drop",
		}
	}
	for _, c := range []struct {
		name  string
		lines []string
	}{{"z_" + z.ID, leaving}, {"l_" + z.ID, local}} {
		chain := desired.Chain{Name: c.name}
		for _, l := range c.lines {
			chain.Rules = append(chain.Rules, desired.Rule{Text: l, Owner: owner})
		}
		t.Chains = append(t.Chains, chain)
	}
}

// gateSets are the two sets, one for each family, of gateway addresses.
func gateSets(name string, gates []netip.Addr) []desired.Set {
	four := desired.Set{Name: name + "4", Type: "ipv4_addr"}
	six := desired.Set{Name: name + "6", Type: "ipv6_addr"}
	gates = slices.Clone(gates)
	slices.SortFunc(gates, netip.Addr.Compare)
	for _, g := range slices.Compact(gates) {
		if g.Is4() {
			four.Elements = append(four.Elements, g.String())
		} else {
			six.Elements = append(six.Elements, g.String())
		}
	}
	return []desired.Set{four, six}
}

// snat adds source translation: the address follows the route at run time, so
// the rules hold when the way out changes.
func (n *node) snat(t *desired.Table) {
	post := desired.Chain{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: "srcnat"}
	for _, f := range []struct {
		set, typ, match string
		nets            []netip.Prefix
	}{
		{"snat4", "ipv4_addr", "ip saddr", n.routed.snat4},
		{"snat6", "ipv6_addr", "ip6 saddr", n.routed.snat6},
	} {
		if len(f.nets) == 0 {
			continue
		}
		t.Sets = append(t.Sets, desired.Set{Name: f.set, Type: f.typ, Interval: true, Elements: disjoint(f.nets)})
		post.Rules = append(post.Rules, desired.Rule{Text: fmt.Sprintf("oifgroup != %s %s @%s masquerade", ours, f.match, f.set)})
	}
	if len(post.Rules) > 0 {
		t.Chains = append(t.Chains, post)
	}
}

// disjoint returns the networks as set elements, without those that another
// one contains: nftables refuses overlapping intervals.
func disjoint(nets []netip.Prefix) []string {
	nets = slices.Clone(nets)
	slices.SortFunc(nets, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out []string
	var last netip.Prefix
	for _, p := range nets {
		if last.IsValid() && last.Overlaps(p) {
			continue
		}
		last = p
		out = append(out, p.String())
	}
	return out
}

// forwarding turns routing on for the families that the node is a gateway for.
// It is a setting of the whole node: a reply enters by an interface that is not
// ours and is only forwarded if that one forwards too. Whoever switches forwarding
// on once switches it on for all, but an operator, or ifupdown2 with ip-forward off,
// switches it off for one again.
func (n *node) forwarding() {
	if owner := n.routed.v4; owner != "" {
		n.sysctl(owner, "net.ipv4.ip_forward", "1")
		n.forwardOn(owner, "net.ipv4.conf.", func(p netip.Prefix) bool { return p.Addr().Is4() })
	}
	owner := n.routed.v6
	if owner == "" {
		return
	}
	// A forwarding node drops the default routes that it learned by router
	// advertisement unless accept_ra is 2 (kernel: ip-sysctl), so that comes first.
	for _, i := range n.facts.Interfaces {
		switch {
		case i.AcceptRA == 0 || n.unnumbered[i.Name]:
		case n.reserved(i.Name) != "":
			n.note(LevelWarning, owner, "node %s becomes an IPv6 router and then drops what interface %s learned by router advertisement; "+
				"the interface is reserved, so set its accept_ra to 2 by hand if the node needs that", n.name, i.Name)
		default:
			n.sysctl(owner, "net.ipv6.conf."+sysctlName(i.Name)+".accept_ra", "2")
		}
	}
	n.sysctl(owner, "net.ipv6.conf.all.forwarding", "1")
	n.forwardOn(owner, "net.ipv6.conf.", func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// forwardOn has the interfaces forward by which routes of a family lead off the node.
func (n *node) forwardOn(owner, conf string, family func(netip.Prefix) bool) {
	done := map[string]bool{}
	for _, r := range n.facts.Routes {
		i := n.interfaceNamed(r.Dev)
		if i == nil || done[i.Name] || !family(r.Dst) || i.Name == "lo" {
			continue
		}
		done[i.Name] = true
		if n.reserved(i.Name) != "" {
			if i.NoForwarding {
				n.note(LevelWarning, owner, "node %s does not forward what comes by interface %s, so guests get no answers by it; the interface is reserved, so set %s%s.forwarding to 1 by hand",
					n.name, i.Name, conf, i.Name)
			}
			continue
		}
		n.sysctl(owner, conf+sysctlName(i.Name)+".forwarding", "1")
	}
}

func (n *node) sysctl(owner, key, value string) {
	n.out.Sysctls = append(n.out.Sysctls, desired.Sysctl{Key: key, Value: value, Owner: owner})
}

// sysctlName writes an interface name as part of a key: sysctl(8) exchanges
// dots and slashes.
func sysctlName(ifname string) string {
	b := []byte(ifname)
	for i, c := range b {
		if c == '.' {
			b[i] = '/'
		}
	}
	return string(b)
}
