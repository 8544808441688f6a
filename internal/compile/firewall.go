package compile

import (
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

// viaductLinks matches the links of Viaduct in a rule, including those that are being
// deleted: a VNet must not lose its isolation before its bridge.
var viaductLinks = fmt.Sprintf("{ %d, %d }", desired.LinkGroup, desired.DoomedGroup)

// routed collects the VNets that the node routes for: those whose subnets have
// a gateway here.
type routed struct {
	zones    map[string]map[string]bool // zone -> its links: VNets, and what belongs to a VRF
	gates    map[string][]netip.Addr    // zone -> gateway addresses
	snat4    []netip.Prefix
	snat6    []netip.Prefix
	forwards forwards
}

// add adds a subnet of a VNet that the node is the gateway of.
func (r *routed) add(z *model.Zone, v *model.VNet, s *model.Subnet) {
	r.gateway(z, v, s)
	switch is4 := s.Gateway.Is4(); {
	case s.SNAT && is4:
		r.snat4 = append(r.snat4, s.CIDR.Masked())
	case s.SNAT:
		r.snat6 = append(r.snat6, s.CIDR.Masked())
	}
}

// addVRF adds a subnet of an EVPN zone, with egress only through exit nodes.
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
	r.forwards.add(model.Ref(model.KindZone, z.ID), s.Gateway)
}

// links adds links of a zone. For the filter, traffic of a VRF's guests enters by the
// link of the VRF and leaves by that of a VNet.
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

// isolationBuilder writes the table that keeps zones apart.
type isolationBuilder struct {
	*node
	nets *networks
	dhcp *dhcpService
}

// compileIsolation writes the table. Its size grows with the routed VNets only: all others
// are known by the link group, so a node with thousands of overlay VNets has no
// element for any of them, and a packet costs the same number of look-ups
// however many VNets there are.
func compileIsolation(of *node) *desired.Space {
	n := &isolationBuilder{node: of, nets: partSectors.of(of).joined, dhcp: partDHCP.of(of)}
	if len(n.nets.out.Links) == 0 {
		return n.out
	}
	t := desired.Table{Family: "inet", Name: TableName}
	var all, jumps, locals []string
	for _, zone := range slices.Sorted(maps.Keys(n.nets.routed.zones)) {
		var names []string
		for _, v := range slices.Sorted(maps.Keys(n.nets.routed.zones[zone])) {
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
	for _, zone := range slices.Sorted(maps.Keys(n.nets.routed.gates)) {
		gates = append(gates, n.nets.routed.gates[zone]...)
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
			{Text: "oifgroup != " + viaductLinks + " drop"},
		}},
		desired.Chain{Name: "to_node", Rules: slices.Concat([]desired.Rule{
			// A guest that plays the router must not become the node's.
			{Text: "icmpv6 type { nd-router-advert, nd-redirect } drop"},
			{Text: "iifname vmap @local_of"},
		}, n.dhcp.input(&t), []desired.Rule{{Text: "drop"}})},
		desired.Chain{Name: "forward", Type: "filter", Hook: "forward", Priority: "filter", Rules: append(slices.Clone(found),
			desired.Rule{Text: "iifgroup " + viaductLinks + " jump from_vnet"})},
		desired.Chain{Name: "input", Type: "filter", Hook: "input", Priority: "filter", Rules: append(slices.Clone(found),
			desired.Rule{Text: "iifgroup " + viaductLinks + " jump to_node"})})
	n.snat(&t)
	n.ownNetworks(&t)
	n.out.Tables = append(n.out.Tables, t)
	n.gatewayTable()
	return n.out
}

// zoneChains adds what the VNets of one zone may reach: forwarded, each other and
// destinations outside VNets; on the node, its addresses except other zones' gateways.
func (n *isolationBuilder) zoneChains(t *desired.Table, z *model.Zone, names []string) {
	owner := model.Ref(model.KindZone, z.ID)
	t.Sets = append(t.Sets, desired.Set{Name: "links_" + z.ID, Type: "ifname", Elements: names})
	t.Sets = append(t.Sets, gateSets("gate_"+z.ID, n.nets.routed.gates[z.ID])...)
	leaving := append([]string{
		fmt.Sprintf("oifname @links_%s return", z.ID),
		"oifgroup " + viaductLinks + " drop",
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
// the rules hold when the egress changes.
func (n *isolationBuilder) snat(t *desired.Table) {
	post := desired.Chain{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: "srcnat"}
	for _, f := range []struct {
		set, typ, match string
		nets            []netip.Prefix
	}{
		{"snat4", "ipv4_addr", "ip saddr", n.nets.routed.snat4},
		{"snat6", "ipv6_addr", "ip6 saddr", n.nets.routed.snat6},
	} {
		if len(f.nets) == 0 {
			continue
		}
		t.Sets = append(t.Sets, desired.Set{Name: f.set, Type: f.typ, Interval: true, Elements: disjoint(f.nets)})
		post.Rules = append(post.Rules, desired.Rule{Text: fmt.Sprintf("oifgroup != %s %s @%s masquerade", viaductLinks, f.match, f.set)})
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
