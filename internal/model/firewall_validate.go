package model

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
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
		r.errorf(field, text, "must be one line of up to %d bytes", MaxComment)
	}
}

func (c *firewallChecker) name(r report, id string, form *regexp.Regexp, longest int) {
	if !form.MatchString(id) {
		r.errorf("id", id, "is no name: use 2 to %d lower-case letters, digits, - and _, a letter first", longest)
	}
}

func (c *firewallChecker) alias(a *Alias) {
	r := c.report(a)
	c.name(r, a.ID, setForm, 64)
	comment(r, "comment", a.Comment)
	if _, ok := ParseAddresses(a.CIDR); !ok || strings.Contains(a.CIDR, "-") {
		r.errorf("cidr", a.CIDR, "is no address or network; write it like 10.0.0.5, 10.0.1.0/24 or fd00::/64")
	}
}

func (c *firewallChecker) ipSet(s *IPSet) {
	r := c.report(s)
	c.name(r, s.ID, setForm, 64)
	comment(r, "comment", s.Comment)
	if len(s.Entries) > MaxEntries {
		r.errorf("entries", "", "has %d entries; an IP set has up to %d", len(s.Entries), MaxEntries)
		return
	}
	seen := make(map[string]int, len(s.Entries))
	for i := range s.Entries {
		e := &s.Entries[i]
		p, ok := ParsePeer(e.CIDR)
		switch first, dup := seen[e.CIDR]; {
		case !ok || p.Set != "":
			r.errorf(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, "is no address, network, range or alias; write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9 or dc/myalias")
		case dup:
			r.errorf(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, "is already entries[%d]; leave one of them out", first)
		case p.Range.Start.IsValid() && p.Range == allAddresses(p.Range.Start):
			r.errorf(fmt.Sprintf("entries[%d].cidr", i), e.CIDR, "is every address, which needs no set")
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
		r.warnf("log-level-forward", f.LogLevelForward, "has no effect: it logs what the policy drops, and policy-forward is %s; set it to %s, or log of rules", FirewallAccept, FirewallDrop)
	}
	if f.ID == FirewallDatacenter {
		c.datacenter(r, f)
		return
	}
	for _, o := range f.datacenterOptions() {
		if o.value != "" {
			r.errorf(o.field, o.value, "is an option of firewall %s only; remove it", FirewallDatacenter)
		}
	}
	if c.networks.VNets[f.ID] == nil {
		r.errorf("id", f.ID, "is no vnet%s", near(c.checker, KindVNet, f.ID, c.networks.VNets, "; declare the vnet first"))
	}
	for _, id := range sortedKeys(c.networks.Subnets) {
		if s := c.networks.Subnets[id]; f.IPFilter && s.VNet == f.ID && s.RAMode == RASLAAC {
			r.warnf("ip-filter", "true", "lets guests of subnet %s use only the address that they make of their hardware address; others that they make of their own (RFC 7217, RFC 8981) are cut off", s.CIDR)
		}
	}
	if all := c.cfg.Firewalls[FirewallDatacenter]; f.Switched() && (all == nil || !all.Enable) {
		r.warnf("enable", "", "%s", NotInForce)
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
func (f *Firewall) WithoutEffect() []string {
	var out []string
	if f.ID != FirewallDatacenter {
		return nil
	}
	for _, o := range f.idleOptions() {
		if o.value != "" {
			out = append(out, o.field+" "+o.value+" has no effect: Viaduct filters networks, not hosts and guests themselves; "+
				"the firewall of Proxmox VE on the nodes does")
		}
	}
	for i := range f.Rules {
		if rule := &f.Rules[i]; !rule.Disable && (rule.Type == RuleIn || rule.Type == RuleOut || rule.IFace != "") {
			out = append(out, fmt.Sprintf("rules[%d] (%s) has no effect: Viaduct filters networks, not hosts and guests themselves; "+
				"what is routed takes rules of type forward", i, rule.Type))
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
			r.errorf(o.field, "true", "is an option of VNets; give it to their firewalls")
		}
	}
	if _, err := ParseLogRateLimit(f.LogRateLimit); err != nil {
		r.errorf("log-ratelimit", f.LogRateLimit, "cannot be read: %s; write it like enable=1,rate=1/second,burst=5", err)
	}
	c.rules(r, f.Rules, RuleForward, RuleIn, RuleOut, RuleGroup)
	if len(c.out.Errors(true)) > 0 {
		return
	}
	for _, what := range f.WithoutEffect() {
		r.warnf("", "", "%s", what)
	}
}

func (c *firewallChecker) rules(r report, rules []FirewallRule, types ...string) {
	if len(rules) > MaxRules {
		r.errorf("rules", "", "has %d rules; up to %d are possible", len(rules), MaxRules)
		return
	}
	conditions := 0
	for i := range rules {
		c.rule(r, fmt.Sprintf("rules[%d].", i), &rules[i], types)
		if conditions += rules[i].conditions(); conditions > MaxConditions {
			r.errorf(fmt.Sprintf("rules[%d]", i), "", "is more than a firewall can hold: rules to here come to %d conditions of %d; put what they list into fewer IP sets", conditions, MaxConditions)
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
		r.errorf(at+"type", f.Type, "is not possible here: use %s", strings.Join(types, ", "))
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
		r.errorf(at+"action", f.Action, "is not known: use ACCEPT, DROP or REJECT")
	}
	c.idle = r.kind == KindFirewall && f.Type != RuleForward
	source, dest := c.peers(r, at+"source", f.Source), c.peers(r, at+"dest", f.Dest)
	if source != anyFamily && dest != anyFamily && source&dest == 0 {
		r.errorf(at+"dest", f.Dest, "is of another IP version than source %s, so nothing would ever match", f.Source)
	}
	c.matches(r, at, f, source&dest)
}

// ruleInterface checks the interface of a rule.
func (c *firewallChecker) ruleInterface(r report, at string, f *FirewallRule) {
	switch {
	case f.IFace == "":
	case r.id != FirewallDatacenter || r.kind != KindFirewall:
		r.errorf(at+"iface", f.IFace, "is for rules of firewall %s only; remove it", FirewallDatacenter)
	case f.Type == RuleForward:
		r.errorf(at+"iface", f.IFace, "is not possible in a rule of type forward, as in Proxmox VE; use source and dest")
	case !ifaceForm.MatchString(f.IFace):
		r.errorf(at+"iface", f.IFace, "is no name of an interface")
	}
}

// ifaceForm is an interface name in a rule (Proxmox VE: pve-iface).
var ifaceForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.:-]{0,40}$`)

func (c *firewallChecker) groupRule(r report, at string, f *FirewallRule) {
	if c.cfg.SecurityGroups[f.Action] == nil {
		r.errorf(at+"action", f.Action, "is no security group%s", near(c.checker, KindSecurityGroup, f.Action, c.cfg.SecurityGroups, "; declare the group first"))
	}
	rest := *f
	rest.Type, rest.Action, rest.Disable, rest.Comment, rest.Log, rest.IFace = "", "", false, "", "", ""
	if rest != (FirewallRule{}) {
		r.errorf(at+"type", f.Type, "stands for the rules of a group, which have conditions of their own; leave out all but action, disable, comment and, in the datacenter, iface")
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
		r.errorf(field, item, "is no address, network, range or name; write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9, dc/<alias>, +dc/<ip set>, +sdn/<vnet>-all or +sdn/guest-ipam-<vmid>")
	}
	if len(peers) > MaxPeers {
		r.errorf(field, "", "has %d items; use an IP set for more than %d", len(peers), MaxPeers)
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
			r.errorf(field, text, "does not exist: alias %s is used by %s %s%s", p.Alias, r.kind, r.id, near(c.checker, KindAlias, p.Alias, c.cfg.Aliases, "; declare the alias first"))
		} else if addresses, ok := ParseAddresses(a.CIDR); ok && addresses.Start.Is4() {
			return family4
		} else if ok {
			return family6
		}
	case p.Scope == ScopeDatacenter && c.cfg.IPSets[p.Set] == nil:
		r.errorf(field, text, "does not exist: ip-set %s is used by %s %s%s", p.Set, r.kind, r.id, near(c.checker, KindIPSet, p.Set, c.cfg.IPSets, "; declare the set first"))
	case p.Scope == ScopeSDN:
		if vnet, _, _, _ := SplitSDNSet(p.Set); vnet != "" && c.networks.VNets[vnet] == nil {
			r.errorf(field, text, "does not exist: set %s is that of vnet %s%s", p.Set, vnet, near(c.checker, KindVNet, vnet, c.networks.VNets, "; declare the vnet first"))
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
			r.errorf(at+"macro", f.Macro, "is not known%s", didYouMean(Nearest(f.Macro, names), "; see the list of macros"))
		}
		if f.Proto+f.Sport+f.Dport+f.ICMPType != "" {
			r.errorf(at+"macro", f.Macro, "says protocol and ports itself; leave out proto, sport, dport and icmp-type, or the macro")
		}
		return
	}
	protocol, ok := ParseProtocol(f.Proto)
	if f.Proto != "" && !ok {
		r.errorf(at+"proto", f.Proto, "is no protocol%s", didYouMean(Nearest(f.Proto, sortedKeys(protocols)), "; use a name like tcp, or a number to 255"))
		return
	}
	if protocol == ProtoICMP && found&family4 == 0 || protocol == ProtoICMPv6 && found&family6 == 0 {
		r.errorf(at+"proto", f.Proto, "is not that of the addresses' IP version, so nothing would ever match")
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
			r.errorf(at+p.field, p.text, "is no list of ports; write up to %d ports like 80, 8000:8010 or https, apart by commas", maxPorts)
		}
		if f.Proto == "" || !HasPorts(protocol) {
			r.errorf(at+p.field, p.text, "needs a protocol that has ports: set proto to tcp, udp, udplite, dccp or sctp")
		}
	}
	if f.ICMPType == "" {
		return
	}
	if !icmp {
		r.errorf(at+"icmp-type", f.ICMPType, "needs proto icmp or icmpv6")
	} else if _, ok := ParseICMPType(f.ICMPType, protocol); !ok {
		r.errorf(at+"icmp-type", f.ICMPType, "is not known%s", didYouMean(Nearest(f.ICMPType, ICMPTypeNames(protocol)), "; use a name like echo-request, a number, or type/code"))
	}
}
