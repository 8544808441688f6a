package compile

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// routedFirewall adds the table for routed traffic. A packet between two VNets passes
// the rules of both, so each has a hook of its own, and then those of the datacenter: what
// any of them drops is dropped.
func (n *firewallBuilder) routedFirewall(guards []guard) {
	r := n.ruleset("inet")
	base := append(r.routedVNets(guards), r.datacenter()...)
	if len(base) == 0 {
		return
	}
	r.chains = append(r.chains, rejectReplies)
	r.add(base...)
}

// routedVNets are the chains that take packets to the rules of VNets; none without any.
func (r *ruleset) routedVNets(guards []guard) []desired.Chain {
	n := r.n
	var jumps, vrfJumps []string
	for _, g := range guards {
		if g.rules == nil || !n.nets.routed.zones[g.vnet.Zone][g.vnet.ID] {
			continue
		}
		chain := r.vnet(g)
		jump := fmt.Sprintf("%q : jump %s", g.vnet.ID, chain)
		jumps = append(jumps, jump)
		if from := n.nets.guestLink(g.vnet.ID); from != g.vnet.ID {
			jumps = append(jumps, fmt.Sprintf("%q : jump %s", from, chain))
		}
		if n.cfg.Zones[g.vnet.Zone].Type == model.ZoneEVPN {
			// Its guests' traffic enters by the link of the VRF.
			vrfJumps = append(vrfJumps, jump)
		}
	}
	if len(jumps) == 0 {
		return nil
	}
	list := "{ " + strings.Join(jumps, ", ") + " }"
	from := desired.Chain{Name: "from_vnet", Type: "filter", Hook: "forward", Priority: "filter + 10", Rules: []desired.Rule{{Text: "iifname vmap " + list}}}
	if len(vrfJumps) > 0 {
		from.Rules = append(from.Rules, desired.Rule{Text: "meta sdifname vmap { " + strings.Join(vrfJumps, ", ") + " }"})
	}
	return []desired.Chain{
		from, {Name: "to_vnet", Type: "filter", Hook: "forward", Priority: "filter + 11", Rules: []desired.Rule{{Text: "oifname vmap " + list}}},
		r.toNode(from.Rules),
	}
}

// toNode is the chain for what guests send to addresses of the node itself outside the
// VNet: it leaves the VNet like forwarded traffic, so the VNet's rules decide. The
// gateway, DHCP, DNS and neighbour discovery are the VNet's own.
func (r *ruleset) toNode(leaving []desired.Rule) desired.Chain {
	gates := []netip.Addr{serviceAddress}
	for _, zone := range slices.Sorted(maps.Keys(r.n.nets.routed.gates)) {
		gates = append(gates, r.n.nets.routed.gates[zone]...)
	}
	for _, id := range slices.Sorted(maps.Keys(r.n.cfg.Subnets)) {
		if a := model.DHCPAddress6(r.n.cfg.Subnets[id].CIDR); a.IsValid() {
			gates = append(gates, a)
		}
	}
	r.table.Sets = append(r.table.Sets, gateSets("served", gates)...)
	return desired.Chain{Name: "to_node", Type: "filter", Hook: "input", Priority: "filter + 10", Rules: append([]desired.Rule{
		{Text: "fib daddr type != local return"},
		{Text: "ip daddr @served4 return"},
		{Text: "ip6 daddr @served6 return"},
		{Text: "ip6 daddr fe80::/10 return"},
	}, leaving...)}
}

// datacenter is the chain of the datacenter's forward rules and policy, for all that is
// routed between VNets and from and to them; none if it accepts everything. Traffic inside
// a VNet is subject to the VNet's own rules, also when br_netfilter passes it here; what
// the node routes for others is not filtered.
func (r *ruleset) datacenter() []desired.Chain {
	all := r.n.cfg.Firewalls[model.FirewallDatacenter]
	if all == nil || !all.Enable {
		return nil
	}
	owner := model.Ref(model.KindFirewall, all.ID)
	for _, what := range all.WithoutEffect() {
		r.n.put("", LevelInfo, owner, what)
	}
	links, inside := r.routedLinks()
	policy := cmp.Or(all.PolicyForward, model.FirewallAccept)
	decides := slices.ContainsFunc(all.Rules, func(f model.FirewallRule) bool {
		return !f.Disable && f.IFace == "" && (f.Type == model.RuleForward || f.Type == model.RuleGroup)
	})
	if len(links) == 0 || !decides && policy == model.FirewallAccept {
		return nil
	}
	const who = model.FirewallDatacenter
	list := "{ " + strings.Join(links, ", ") + " }"
	lines := []string{
		"iifname != " + list + " oifname != " + list + " accept",
		"iifname . oifname { " + strings.Join(inside, ", ") + " } accept",
		"ct state established,related accept",
		fmt.Sprintf("meta protocol { ip, ip6 } ct state invalid counter drop comment %q", who+" of no conversation"),
	}
	c := desired.Chain{Name: who, Type: "filter", Hook: "forward", Priority: "filter + 12"}
	for _, l := range lines {
		c.Rules = append(c.Rules, desired.Rule{Text: l, Owner: owner})
	}
	c.Rules = append(c.Rules, r.rules(who, who, owner, all.Rules)...)
	log := all.LogLevelForward
	if policy == model.FirewallAccept {
		log = ""
	}
	for _, l := range r.verdict(policy, log, who+" policy") {
		c.Rules = append(c.Rules, desired.Rule{Text: l, Owner: owner})
	}
	return []desired.Chain{c}
}

// routedLinks are the links of all zones that the node routes for, and the pairs of them
// between which traffic is inside a VNet; sorted.
func (r *ruleset) routedLinks() (links, inside []string) {
	for _, zone := range r.n.nets.routed.zones {
		for name := range zone {
			links = append(links, strconv.Quote(name))
			inside = append(inside, fmt.Sprintf("%q . %q", name, name))
			if from := r.n.nets.guestLink(name); from != name {
				inside = append(inside, fmt.Sprintf("%q . %q", from, name))
			}
		}
	}
	slices.Sort(links)
	slices.Sort(inside)
	return links, inside
}
