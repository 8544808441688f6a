package compile

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// FirewallTable is the name of the nftables tables of VNets' firewalls: one of family
// bridge for what passes between the ports of a VNet, and one of family inet for what
// the node routes into and out of it. The latter works in addition to the table TableName
// and after it: rules cannot change the isolation of zones.
const FirewallTable = "viaduct_fw"

// guard is a VNet on the node that something is filtered of.
type guard struct {
	vnet *model.VNet
	// rules is the firewall with the rules in force, filters the one with the filters in
	// force; nil for none.
	rules, filters *model.Firewall
}

// firewallRef names the firewall in notes and errors.
func firewallRef(v *model.VNet) string { return model.Ref(model.KindFirewall, v.ID) }

// firewallBuilder writes the tables of firewalls.
type firewallBuilder struct {
	*node
	sets  ipSets
	nets  *networks
	ports []desired.Port
}

// compileFirewalls writes the tables of firewalls, filters and isolation.
func compileFirewalls(of *node) *desired.Space {
	n := &firewallBuilder{node: of, sets: partIPSets.of(of), nets: partNetworks.of(of), ports: partGuestPorts.of(of).Ports}
	guards := n.guards()
	if tracks := n.tracksReplies(guards); tracks || len(guards) > 0 {
		n.bridgeFirewall(guards, tracks)
	}
	n.routedFirewall(guards)
	return n.out
}

// guards are the VNets on the node with filtered traffic, sorted.
func (n *firewallBuilder) guards() []guard {
	var out []guard
	all := n.cfg.Firewalls[model.FirewallDatacenter]
	on := all != nil && all.Enable
	for _, id := range slices.Sorted(maps.Keys(n.cfg.VNets)) {
		g := guard{vnet: n.cfg.VNets[id]}
		if l, found := n.nets.table[id]; !found || l.Kind != desired.LinkBridge {
			continue
		}
		if f := n.cfg.Firewalls[id]; f != nil && f.Switched() && !on {
			n.note(LevelWarning, firewallRef(g.vnet), model.FirewallOff)
		}
		if f := n.cfg.Firewalls[id]; f != nil && on {
			if f.Enable {
				g.rules = f
			}
			if f.MACFilter || f.IPFilter {
				g.filters = f
			}
		}
		if g.rules != nil || g.filters != nil || g.vnet.IsolatePorts {
			out = append(out, g)
		}
	}
	return out
}

// add builds a table and adds it to the desired state, unless it has no effect.
func (r *ruleset) add(base ...desired.Chain) {
	if len(base) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.sets)) {
		r.table.Sets = append(r.table.Sets, r.n.sets[name].sets...)
	}
	slices.SortFunc(r.table.Sets, func(a, b desired.Set) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.chains, func(a, b desired.Chain) int { return cmp.Compare(a.Name, b.Name) })
	r.table.Chains = append(r.chains, base...)
	r.n.out.Tables = append(r.n.out.Tables, *r.table)
}

func (n *firewallBuilder) ruleset(family string) *ruleset {
	limit := model.DefaultLogRateLimit
	if all := n.cfg.Firewalls[model.FirewallDatacenter]; all != nil {
		if l, err := model.ParseLogRateLimit(all.LogRateLimit); err == nil { // it has been checked
			limit = l
		}
	}
	return &ruleset{
		n: n, table: &desired.Table{Family: family, Name: FirewallTable}, bridged: family == "bridge", logLimit: limit,
		groups: map[string]bool{}, sets: map[string]bool{},
	}
}

// vnet writes the chain of a VNet's rules: established connections pass, the first rule
// that matches decides, and then the policy.
func (r *ruleset) vnet(g guard) string {
	name, owner := "vnet-"+g.vnet.ID, firewallRef(g.vnet)
	who := "vnet " + g.vnet.ID
	var lines []string
	if r.bridged {
		// Without these hosts in the VNet would not find each other. They have no connections.
		lines = append(lines, "meta protocol arp accept", "icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } accept")
	}
	lines = append(lines,
		"ct state established,related accept",
		fmt.Sprintf("meta protocol { ip, ip6 } ct state invalid counter drop comment %q", who+" of no conversation"))
	c := desired.Chain{Name: name}
	for _, l := range lines {
		c.Rules = append(c.Rules, desired.Rule{Text: l, Owner: owner})
	}
	c.Rules = append(c.Rules, r.rules(name, who, owner, g.rules.Rules)...)
	policy := cmp.Or(g.rules.PolicyForward, model.FirewallAccept)
	log := g.rules.LogLevelForward
	if policy == model.FirewallAccept {
		log = ""
	}
	for _, l := range r.verdict(policy, log, who+" policy") {
		c.Rules = append(c.Rules, desired.Rule{Text: l, Owner: owner})
	}
	r.chains = append(r.chains, c)
	return name
}

// bridgeFirewall adds the table for what passes inside VNets; with tracks connections are
// tracked there even if no rule asks for it.
func (n *firewallBuilder) bridgeFirewall(guards []guard, tracks bool) {
	r := n.ruleset("bridge")
	forward := desired.Chain{Name: "forward", Type: "filter", Hook: "forward", Priority: "filter"}
	var base []desired.Chain
	var jumps, zones []string
	var filtered []guard
	for _, g := range guards {
		owner := firewallRef(g.vnet)
		if g.filters == nil && g.rules == nil {
			owner = model.Ref(model.KindVNet, g.vnet.ID)
		}
		if !n.needs(owner, model.FeatureNFTBridge) {
			continue
		}
		filtered = append(filtered, g)
		if g.rules == nil || !n.needs(owner, model.FeatureNFTBridgeState) {
			continue
		}
		jumps = append(jumps, fmt.Sprintf("%q : jump %s", g.vnet.ID, r.vnet(g)))
		if !tracks && !n.isRouted(g.vnet) {
			zones = append(zones, zoneOf(g.vnet.ID))
		}
		if i := slices.IndexFunc(g.rules.Rules, func(f model.FirewallRule) bool { return f.Action == model.FirewallReject && !f.Disable }); i >= 0 {
			n.note(LevelInfo, owner, msgRuleRejectsOnBridge, i)
		}
	}
	if tracks {
		zones = n.unroutedZones()
		base = append(base, repliesOfOthers)
	}
	if len(zones) > 0 {
		// Guests of two VNets may have the same addresses, and must not have each
		// other's conversations. Those of VNets that the node routes for may be
		// translated, which has to find them where all others are.
		base = append(base, desired.Chain{Name: "conversations", Type: "filter", Hook: "prerouting", Priority: "-300", Rules: []desired.Rule{
			{Text: "ct zone set meta ibrname map { " + strings.Join(zones, ", ") + " }"},
		}})
	}
	if spoofing := r.filters(filtered); len(spoofing.Rules) > 0 {
		base = append(base, spoofing)
	}
	forward.Rules = append(forward.Rules, r.isolation(filtered)...)
	if ports := quoted(n.nets.gatewayPorts(n.cfg)); len(ports) > 0 && len(jumps) > 0 {
		// What passes between guests and the node as their gateway is routed traffic.
		list := "{ " + strings.Join(ports, ", ") + " }"
		forward.Rules = append(forward.Rules, desired.Rule{Text: "iifname " + list + " accept"}, desired.Rule{Text: "oifname " + list + " accept"})
	}
	if len(jumps) > 0 {
		forward.Rules = append(forward.Rules, desired.Rule{Text: "meta ibrname vmap { " + strings.Join(jumps, ", ") + " }"})
	}
	if len(forward.Rules) > 0 {
		base = append(base, forward)
	}
	r.add(base...)
}

// zoneOf assigns a VNet's connections their space.
func zoneOf(vnet string) string { return fmt.Sprintf("%q : %d", vnet, conntrackZone(vnet)) }

// conntrackZone is the number, from 1, of the space that a VNet's conversations are
// in. Two VNets may by chance have the same one, as all have without.
func conntrackZone(vnet string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(vnet))
	return int(h.Sum32()%65535) + 1
}

// isolation keeps guests of isolated VNets from those on other nodes: a frame from or
// to the MAC address of a guest elsewhere does not pass between an uplink and the port
// of a guest. Other hosts, such as a router, are reachable. On one node the bridge does
// the same (desired.Port.Isolated).
func (r *ruleset) isolation(guards []guard) []desired.Rule {
	isolated := map[string]bool{}
	for _, g := range guards {
		isolated[g.vnet.ID] = g.vnet.IsolatePorts
	}
	uplinks := r.n.nets.uplinks()
	var ports, others []string
	for _, p := range r.n.ports {
		if p.Isolated && isolated[p.Bridge] && len(uplinks[p.Bridge]) > 0 {
			for _, name := range p.Names {
				ports = append(ports, strconv.Quote(name))
			}
		}
	}
	for _, b := range r.n.bindings {
		if !isolated[b.VNet] || b.MAC == "" {
			continue
		}
		for _, up := range uplinks[b.VNet] {
			others = append(others, `"`+up+`" . `+strings.ToLower(b.MAC)) // there may be very many
		}
	}
	if len(ports) == 0 {
		return nil
	}
	slices.Sort(ports)
	slices.Sort(others)
	r.table.Sets = append(r.table.Sets,
		desired.Set{Name: "isolated", Type: "ifname", Dynamic: true, Elements: ports},
		desired.Set{Name: "elsewhere", Type: "ifname . ether_addr", Dynamic: true, Elements: slices.Compact(others)})
	return []desired.Rule{
		{Text: `oifname @isolated iifname . ether saddr @elsewhere counter drop comment "isolated from guests on other nodes"`},
		{Text: `iifname @isolated oifname . ether daddr @elsewhere counter drop comment "isolated from guests on other nodes"`},
	}
}
