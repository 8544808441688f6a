package model

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// The forms of names in firewalls.
var (
	setForm   = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,63}$`)
	groupForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,19}$`)
)

// Limits of firewalls, which keep a node's ruleset small enough to load.
const (
	// MaxRules is the maximum number of rules in a firewall or a security group.
	MaxRules = 1000
	// MaxEntries is the maximum number of entries in an IP set.
	MaxEntries = 200_000
	// MaxPeers is the maximum number of items in a rule's source or destination.
	MaxPeers = 256
	// MaxConditions limits the total size in the kernel of a firewall's or a group's
	// rules: a rule for each pair of a source set and a destination set and for each part
	// of a macro, and an element for each address.
	MaxConditions = 10_000
	// MaxComment is the maximum length of a comment, in bytes.
	MaxComment = 1024
)

// firewallChecker checks firewall objects: the checker's cfg holds the live objects, networks
// the configuration with the VNets.
type firewallChecker struct {
	*checker
	networks *Config
	// idle is true if the rule has no effect. The objects that it names then need not
	// exist: Proxmox VE generates some sets itself, such as management.
	idle bool
}

// checkingFirewall returns the check of a firewall object. It validates edited objects only: a
// rule that refers to a VNet's set stays valid when the VNet is deleted, since the set is then
// empty.
func checkingFirewall[P Object](check func(c *firewallChecker, o P)) func(c *liveChecker, e Edit) {
	return func(c *liveChecker, e Edit) {
		f := &firewallChecker{checker: bareChecker(c.live, nil), networks: c.cfg}
		check(f, e.Put.(P))
		if c.refused(e.Put) { // by its property rows: more remarks would not help
			f.out = f.out.Errors(false)
		}
		c.out = append(c.out, f.out...)
	}
}

// comment refuses a comment that does not fit on one line.
func comment(r report, field, text string) {
	if strings.ContainsAny(text, "\r\n") || len(text) > MaxComment {
		r.error(field, text, msgCommentInvalid, MaxComment)
	}
}

func (c *firewallChecker) name(r report, id string, form *regexp.Regexp, longest int) {
	if !form.MatchString(id) {
		r.error("id", id, msgFirewallNameInvalid, longest)
	}
}

func (c *firewallChecker) alias(a *Alias) {
	r := c.report(a)
	c.name(r, a.ID, setForm, 64)
	comment(r, "comment", a.Comment)
	if _, ok := ParseAddresses(a.CIDR); !ok || strings.Contains(a.CIDR, "-") {
		r.error("cidr", a.CIDR, msgAliasAddressInvalid)
	}
}

func (c *firewallChecker) ipSet(s *IPSet) {
	r := c.report(s)
	c.name(r, s.ID, setForm, 64)
	comment(r, "comment", s.Comment)
	if len(s.Entries) > MaxEntries {
		r.error("entries", "", msgIPSetTooLarge, len(s.Entries), MaxEntries)
		return
	}
	seen := make(map[string]int, len(s.Entries))
	for i := range s.Entries {
		e := &s.Entries[i]
		p, ok := ParsePeer(e.CIDR)
		switch first, dup := seen[e.CIDR]; {
		case !ok || p.Set != "":
			r.error(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, msgIPSetEntryInvalid)
		case dup:
			r.error(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, msgIPSetEntryRepeated, first)
		case p.Range.Start.IsValid() && p.Range == allAddresses(p.Range.Start):
			r.error(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, msgIPSetEntryAll)
		case p.Alias != "":
			c.ref(r, fmt.Sprintf("entries[%d].cidr", i), e.CIDR, p)
		}
		seen[e.CIDR] = i
		if e.Comment != "" {
			comment(r, fmt.Sprintf("entries[%d].comment", i), e.Comment)
		}
	}
}

// allAddresses returns the range of all addresses of a's family.
func allAddresses(a netip.Addr) Range {
	p, _ := a.Prefix(0)
	return Range{Start: p.Addr(), End: LastAddr(p)}
}

func (c *firewallChecker) group(g *SecurityGroup) {
	r := c.report(g)
	c.name(r, g.ID, groupForm, 20)
	comment(r, "comment", g.Comment)
	c.rules(r, g.Rules, RuleIn, RuleOut, RuleForward)
}

func (c *firewallChecker) firewall(f *Firewall) {
	r := c.report(f)
	switch {
	case f.LogLevelForward != "" && f.LogLevelForward != LogNone && f.PolicyForward != FirewallDrop:
		r.warn("log-level-forward", f.LogLevelForward, msgLogLevelForwardIdle, FirewallAccept, FirewallDrop)
	}
	if f.ID == FirewallDatacenter {
		c.datacenter(r, f)
		return
	}
	for _, o := range f.datacenterOptions() {
		if o.value != "" {
			r.error(o.field, o.value, msgFirewallOptionDatacenterOnly, FirewallDatacenter)
		}
	}
	if c.networks.VNets[f.ID] == nil {
		r.error("id", f.ID, msgFirewallVNetMissing, near(c.checker, KindVNet, f.ID, c.networks.VNets, "declare the vnet first"))
	}
	for _, id := range sortedKeys(c.networks.Subnets) {
		if s := c.networks.Subnets[id]; f.IPFilter && s.VNet == f.ID && s.RAMode == RASLAAC {
			r.warn("ip-filter", "true", msgIPFilterWithSlaac, s.CIDR)
		}
	}
	if all := c.cfg.Firewalls[FirewallDatacenter]; f.Switched() && (all == nil || !all.Enable) {
		r.warn("enable", "", FirewallOff)
	}
	c.rules(r, f.Rules, RuleForward, RuleGroup)
}

// option is a property of a firewall and its value.
type option struct{ field, value string }

// datacenterOptions returns the options that only the datacenter's firewall has.
func (f *Firewall) datacenterOptions() []option {
	return append(f.idleOptions(), option{"log-ratelimit", f.LogRateLimit})
}

// idleOptions returns the options without effect: they are for firewalls that Viaduct does not
// run.
func (f *Firewall) idleOptions() []option {
	return []option{{"policy-in", f.PolicyIn}, {"policy-out", f.PolicyOut}, {"ebtables", f.EBTables}}
}

// WithoutEffect describes the parts of a firewall without effect, by property; empty if there
// are none.
func (f *Firewall) WithoutEffect() []message.Message {
	var out []message.Message
	if f.ID != FirewallDatacenter {
		return nil
	}
	for _, o := range f.idleOptions() {
		if o.value != "" {
			out = append(out, msgFirewallOptionNoEffect.Of(o.field, o.value))
		}
	}
	for i := range f.Rules {
		if rule := &f.Rules[i]; !rule.Disable && (rule.Type == RuleIn || rule.Type == RuleOut || rule.IFace != "") {
			out = append(out, msgFirewallRuleNoEffect.Of(i, rule.Type))
		}
	}
	return out
}

// datacenter checks the cluster's firewall.
func (c *firewallChecker) datacenter(r report, f *Firewall) {
	for _, o := range []struct {
		field string
		set   bool
	}{{"mac-filter", f.MACFilter}, {"ip-filter", f.IPFilter}} {
		if o.set {
			r.error(o.field, "true", msgFirewallOptionVNetOnly)
		}
	}
	if _, err := ParseLogRateLimit(f.LogRateLimit); err != nil {
		r.error("log-ratelimit", f.LogRateLimit, msgLogRatelimitInvalid, err)
	}
	c.rules(r, f.Rules, RuleForward, RuleIn, RuleOut, RuleGroup)
	if len(c.out.Errors(true)) > 0 {
		return
	}
	for _, what := range f.WithoutEffect() {
		r.put(Warning, false, "", "", what)
	}
}

func (c *firewallChecker) rules(r report, rules []FirewallRule, types ...string) {
	if len(rules) > MaxRules {
		r.error("rules", "", msgFirewallTooManyRules, len(rules), MaxRules)
		return
	}
	conditions := 0
	for i := range rules {
		c.rule(r, fmt.Sprintf("rules[%d].", i), &rules[i], types)
		if conditions += rules[i].conditions(); conditions > MaxConditions {
			r.error(fmt.Sprintf("rules[%d]", i), "", msgFirewallTooManyConditions, conditions, MaxConditions)
			return
		}
	}
}

// conditions returns the size of a rule in the kernel; see MaxConditions.
func (f *FirewallRule) conditions() int {
	count := func(text string) (sets, items int) {
		peers, _ := ParsePeers(text)
		for _, p := range peers {
			if p.Set != "" {
				sets++
			}
		}
		return sets + 1, len(peers)
	}
	fromSets, from := count(f.Source)
	toSets, to := count(f.Dest)
	parts := 1
	if m, ok := FindMacro(f.Macro); ok {
		parts = len(m.Matches())
	}
	return fromSets*toSets*parts + from + to
}

func (c *firewallChecker) rule(r report, at string, f *FirewallRule, types []string) {
	comment(r, at+"comment", f.Comment)
	if !slices.Contains(types, f.Type) {
		r.error(at+"type", f.Type, msgRuleTypeNotPossible, strings.Join(types, ", "))
		return
	}
	c.ruleInterface(r, at, f)
	if f.Type == RuleGroup {
		c.groupRule(r, at, f)
		return
	}
	switch f.Action {
	case FirewallAccept, FirewallDrop, FirewallReject:
	default:
		r.error(at+"action", f.Action, msgRuleActionUnknown)
	}
	c.idle = r.kind == KindFirewall && f.Type != RuleForward
	source, dest := c.peers(r, at+"source", f.Source), c.peers(r, at+"dest", f.Dest)
	if source != anyFamily && dest != anyFamily && source&dest == 0 {
		r.error(at+"dest", f.Dest, msgRuleFamiliesDiffer, f.Source)
	}
	c.matches(r, at, f, source&dest)
}

// ruleInterface checks the interface of a rule.
func (c *firewallChecker) ruleInterface(r report, at string, f *FirewallRule) {
	switch {
	case f.IFace == "":
	case r.id != FirewallDatacenter || r.kind != KindFirewall:
		r.error(at+"iface", f.IFace, msgRuleInterfaceDatacenterOnly, FirewallDatacenter)
	case f.Type == RuleForward:
		r.error(at+"iface", f.IFace, msgRuleInterfaceForward)
	case !ifaceForm.MatchString(f.IFace):
		r.error(at+"iface", f.IFace, msgRuleInterfaceInvalid)
	}
}

// ifaceForm is an interface name in a rule (Proxmox VE: pve-iface).
var ifaceForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.:-]{0,40}$`)

func (c *firewallChecker) groupRule(r report, at string, f *FirewallRule) {
	if c.cfg.SecurityGroups[f.Action] == nil {
		r.error(at+"action", f.Action, msgSecurityGroupMissing, near(c.checker, KindSecurityGroup, f.Action, c.cfg.SecurityGroups, "declare the group first"))
	}
	rest := *f
	rest.Type, rest.Action, rest.Disable, rest.Comment, rest.Log, rest.IFace = "", "", false, "", "", ""
	if rest != (FirewallRule{}) {
		r.error(at+"type", f.Type, msgRuleGroupHasConditions)
	}
}

// families is the set of IP versions that a rule can match.
type families int

const (
	family4 families = 1 << iota
	family6
	anyFamily = family4 | family6
)

// peers checks a list of addresses and names, and returns its families.
func (c *firewallChecker) peers(r report, field, text string) families {
	peers, bad := ParsePeers(text)
	for _, item := range bad {
		r.error(field, item, msgRulePeerInvalid)
	}
	if len(peers) > MaxPeers {
		r.error(field, "", msgRuleTooManyPeers, len(peers), MaxPeers)
		return anyFamily
	}
	var found families
	for _, p := range peers {
		switch a := p.Range.Start; {
		case !a.IsValid():
			found |= c.ref(r, field, text, p)
		case a.Is4():
			found |= family4
		default:
			found |= family6
		}
	}
	if found == 0 {
		return anyFamily
	}
	return found
}

// ref checks that a name refers to an existing alias or set.
func (c *firewallChecker) ref(r report, field, text string, p Peer) families {
	switch {
	case c.idle:
	case p.Alias != "":
		a := c.cfg.Aliases[p.Alias]
		if a == nil {
			r.error(field, text, msgAliasMissing, p.Alias, r.kind, r.id, near(c.checker, KindAlias, p.Alias, c.cfg.Aliases, "declare the alias first"))
		} else if addresses, ok := ParseAddresses(a.CIDR); ok && addresses.Start.Is4() {
			return family4
		} else if ok {
			return family6
		}
	case p.Scope == ScopeDatacenter && c.cfg.IPSets[p.Set] == nil:
		r.error(field, text, msgIPSetMissing, p.Set, r.kind, r.id, near(c.checker, KindIPSet, p.Set, c.cfg.IPSets, "declare the set first"))
	case p.Scope == ScopeSDN:
		if vnet, _, _, _ := SplitSDNSet(p.Set); vnet != "" && c.networks.VNets[vnet] == nil {
			r.error(field, text, msgVNetSetMissing, p.Set, vnet, near(c.checker, KindVNet, vnet, c.networks.VNets, "declare the vnet first"))
		}
	}
	return anyFamily
}

// matches checks macro, protocol, ports and ICMP types.
func (c *firewallChecker) matches(r report, at string, f *FirewallRule, found families) {
	if f.Macro != "" {
		if _, ok := FindMacro(f.Macro); !ok {
			names := make([]string, len(macros))
			for i, m := range macros {
				names[i] = m.Name
			}
			r.error(at+"macro", f.Macro, msgMacroUnknown, didYouMean(Nearest(f.Macro, names), "see the list of macros"))
		}
		if f.Proto+f.Sport+f.Dport+f.ICMPType != "" {
			r.error(at+"macro", f.Macro, msgMacroWithProtocol)
		}
		return
	}
	protocol, ok := ParseProtocol(f.Proto)
	if f.Proto != "" && !ok {
		r.error(at+"proto", f.Proto, msgProtocolUnknown, didYouMean(Nearest(f.Proto, sortedKeys(protocols)), "use a name like tcp, or a number to 255"))
		return
	}
	if protocol == ProtoICMP && found&family4 == 0 || protocol == ProtoICMPv6 && found&family6 == 0 {
		r.error(at+"proto", f.Proto, msgProtocolFamilyDiffers)
	}
	icmp := protocol == ProtoICMP || protocol == ProtoICMPv6
	if _, ok := ParseICMPType(f.Dport, protocol); ok && icmp && f.ICMPType == "" && f.Sport == "" {
		return
	}
	for _, p := range []struct{ field, text string }{{"sport", f.Sport}, {"dport", f.Dport}} {
		if p.text == "" {
			continue
		}
		if _, ok := ParsePorts(p.text); !ok {
			r.error(at+p.field, p.text, msgPortsInvalid, maxPorts)
		}
		if f.Proto == "" || !HasPorts(protocol) {
			r.error(at+p.field, p.text, msgPortsWithoutProtocol)
		}
	}
	if f.ICMPType == "" {
		return
	}
	if !icmp {
		r.error(at+"icmp-type", f.ICMPType, msgICMPTypeWithoutICMP)
	} else if _, ok := ParseICMPType(f.ICMPType, protocol); !ok {
		r.error(at+"icmp-type", f.ICMPType, msgICMPTypeUnknown, didYouMean(Nearest(f.ICMPType, ICMPTypeNames(protocol)), "use a name like echo-request, a number, or type/code"))
	}
}
