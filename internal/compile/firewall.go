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

// routed collects the VNets that the node routes for: those whose subnets have
// a gateway here.
type routed struct {
	zones  map[string]map[string]bool // zone -> VNets
	snat4  []netip.Prefix
	snat6  []netip.Prefix
	v4, v6 bool
}

func (r *routed) add(z *model.Zone, v *model.VNet, s *model.Subnet) {
	if r.zones == nil {
		r.zones = map[string]map[string]bool{}
	}
	if r.zones[z.ID] == nil {
		r.zones[z.ID] = map[string]bool{}
	}
	r.zones[z.ID][v.ID] = true
	is4 := s.Gateway.Is4()
	r.v4, r.v6 = r.v4 || is4, r.v6 || !is4
	switch {
	case s.SNAT && is4:
		r.snat4 = append(r.snat4, s.CIDR.Masked())
	case s.SNAT:
		r.snat6 = append(r.snat6, s.CIDR.Masked())
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
	ours := strconv.Itoa(desired.LinkGroup)
	t := desired.Table{Family: "inet", Name: TableName}
	var all, jumps []string
	var chains []desired.Chain
	for _, zone := range slices.Sorted(maps.Keys(n.routed.zones)) {
		owner := model.Ref(model.KindZone, zone)
		var names []string
		for _, v := range slices.Sorted(maps.Keys(n.routed.zones[zone])) {
			names = append(names, strconv.Quote(v))
			jumps = append(jumps, fmt.Sprintf("%q : goto z_%s", v, zone))
		}
		all = append(all, names...)
		t.Sets = append(t.Sets, desired.Set{Name: "zl_" + zone, Type: "ifname", Elements: names})
		chains = append(chains, desired.Chain{Name: "z_" + zone, Rules: []desired.Rule{
			{Text: fmt.Sprintf("oifname @zl_%s return", zone), Owner: owner},
			{Text: fmt.Sprintf("oifgroup %s drop", ours), Owner: owner},
		}})
	}
	slices.Sort(all)
	slices.Sort(jumps)
	t.Sets = append(t.Sets,
		desired.Set{Name: "routed", Type: "ifname", Elements: all},
		desired.Set{Name: "zone_of", Type: "ifname", Value: "verdict", Elements: jumps})
	// A VNet without a gateway is not routed, even if something else on the node
	// turned forwarding on. Frames that br_netfilter shows here while they cross
	// one bridge have the same, unrouted VNet on both sides and pass.
	fromVNet := desired.Chain{Name: "from_vnet", Rules: []desired.Rule{
		{Text: "iifname vmap @zone_of"},
		{Text: "oifname @routed drop"},
		{Text: fmt.Sprintf("oifgroup != %s drop", ours)},
	}}
	forward := desired.Chain{Name: "forward", Type: "filter", Hook: "forward", Priority: "filter", Rules: []desired.Rule{
		{Text: fmt.Sprintf("iifgroup %s jump from_vnet", ours)},
	}}
	t.Chains = append(append(t.Chains, chains...), fromVNet, forward)
	n.snat(&t, ours)
	n.out.Tables = append(n.out.Tables, t)
}

// snat adds source translation: the address follows the route at run time, so
// the rules hold when the way out changes.
func (n *node) snat(t *desired.Table, ours string) {
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
// ours and is only forwarded if that one forwards too.
func (n *node) forwarding() {
	owner := n.gatewayOwner()
	if n.routed.v4 {
		n.sysctl(owner, "net.ipv4.ip_forward", "1")
	}
	if !n.routed.v6 {
		return
	}
	// A forwarding node drops the default routes that it learned by router
	// advertisement unless accept_ra is 2 (kernel: ip-sysctl), so that comes first.
	for _, i := range n.facts.Interfaces {
		if i.AcceptRA > 0 {
			n.sysctl(owner, "net.ipv6.conf."+sysctlName(i.Name)+".accept_ra", "2")
		}
	}
	n.sysctl(owner, "net.ipv6.conf.all.forwarding", "1")
}

func (n *node) gatewayOwner() string {
	for _, z := range slices.Sorted(maps.Keys(n.routed.zones)) {
		return model.Ref(model.KindZone, z)
	}
	return ""
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
