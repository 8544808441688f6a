package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// match is a condition in nft(8)'s words, of one family, or of both if that is 0.
type match struct {
	family int
	text   string
}

// and joins conditions; ok is false if they are of different families.
func (m match) and(o match) (both match, ok bool) {
	switch {
	case m.family == 0:
		m.family = o.family
	case o.family != 0 && o.family != m.family:
		return match{}, false
	}
	m.text = strings.TrimSpace(m.text + " " + o.text)
	return m, true
}

// ruleset writes the rules of one table: of its VNets, and of the security groups
// that they use.
type ruleset struct {
	n     *firewallBuilder
	table *desired.Table
	// bridged is true for frames inside VNets, where no sender can be notified of a
	// rejection (kernel: nft_reject_bridge).
	bridged  bool
	logLimit model.LogRateLimit
	chains   []desired.Chain
	groups   map[string]bool
	sets     map[string]bool // that its rules refer to
}

// rejecting is the chain that notifies senders.
const rejecting = "rejected"

// rejectReplies ends REJECT where a reply is possible.
var rejectReplies = desired.Chain{Name: rejecting, Rules: []desired.Rule{
	{Text: "meta l4proto tcp reject with tcp reset"},
	{Text: "reject with icmpx admin-prohibited"},
}}

// logLevels are nft's names of levels, where they are others than Proxmox's.
var logLevels = map[string]string{"warning": "warn"}

// logText logs at a level, not too often, what who decides: to the kernel's log, and to the
// agent, which keeps the newest entries.
func (r *ruleset) logText(level, who string) string {
	if nft := logLevels[level]; nft != "" {
		level = nft
	}
	log := fmt.Sprintf("log prefix \"viaduct: %s: \" level %s", who, level)
	if r.n.facts.Features[model.FeatureNFTLog] {
		log += fmt.Sprintf(" log prefix \"viaduct: %s: \" group %d", who, desired.LogGroup)
	}
	if l := r.logLimit; l.Enable {
		// nftables knows no burst of none.
		return fmt.Sprintf("limit rate %d/%s burst %d packets %s", l.Rate, l.Unit, max(1, l.Burst), log)
	}
	return log
}

// verdict are the statements that decide: log, count, and do it.
func (r *ruleset) verdict(action, log, who string) []string {
	var out []string
	if model.Logs(log) {
		out = append(out, r.logText(log, who+" "+action))
	}
	do := "accept"
	switch {
	case action == model.FirewallReject && !r.bridged:
		do = "goto " + rejecting
	case action != model.FirewallAccept:
		do = "drop"
	}
	return append(out, fmt.Sprintf("counter %s comment %q", do, who))
}

// rules writes a list of rules into a chain. who names the list in logs and comments.
func (r *ruleset) rules(chain, who, owner string, rules []model.FirewallRule) []desired.Rule {
	var out []desired.Rule
	for i := range rules {
		f := &rules[i]
		switch {
		case f.Disable || f.IFace != "": // an interface of the node, which is for what is not forwarded
			continue
		case f.Type == model.RuleGroup:
			if r.group(f.Action) {
				out = append(out, desired.Rule{Text: "jump group-" + f.Action, Owner: owner})
			}
			continue
		case f.Type != model.RuleForward:
			continue
		}
		matches := r.matches(f)
		verdict := r.verdict(f.Action, f.Log, fmt.Sprintf("%s rule %d", who, i))
		if len(matches)*len(verdict) > 1 { // one place that counts, and limits what is logged
			name := fmt.Sprintf("%s-r%d", chain, i)
			r.chain(name, owner, verdict)
			verdict = []string{"goto " + name}
		}
		for _, m := range matches {
			out = append(out, desired.Rule{Text: strings.TrimSpace(m.text + " " + verdict[0]), Owner: owner})
		}
	}
	return out
}

func (r *ruleset) chain(name, owner string, lines []string) {
	c := desired.Chain{Name: name}
	for _, l := range lines {
		c.Rules = append(c.Rules, desired.Rule{Text: l, Owner: owner})
	}
	r.chains = append(r.chains, c)
}

// group writes a security group, once, and reports whether there is one.
func (r *ruleset) group(id string) bool {
	g := r.n.cfg.SecurityGroups[id]
	if g == nil {
		return false
	}
	if !r.groups[id] {
		r.groups[id] = true
		name, owner := "group-"+id, model.Ref(model.KindSecurityGroup, id)
		r.chains = append(r.chains, desired.Chain{Name: name, Rules: r.rules(name, "group "+id, owner, g.Rules)})
	}
	return true
}

// matches are the alternative conditions of a rule. A condition that cannot be parsed,
// which is refused when it is written, never matches.
func (r *ruleset) matches(f *model.FirewallRule) []match {
	parts := []model.FirewallRule{*f}
	if f.Macro != "" {
		m, _ := model.FindMacro(f.Macro)
		parts = m.Matches()
	}
	var out []match
	for _, source := range r.peers("saddr", f.Source) {
		for _, dest := range r.peers("daddr", f.Dest) {
			ends, ok := source.and(dest)
			if !ok {
				continue
			}
			for i := range parts {
				p, ok := protocolMatch(&parts[i])
				if !ok {
					continue
				}
				if m, ok := ends.and(p); ok {
					out = append(out, m)
				}
			}
		}
	}
	return out
}

// peers are the conditions of a source or a destination.
func (r *ruleset) peers(field, text string) []match {
	list, bad := model.ParsePeers(text)
	if len(list)+len(bad) == 0 {
		return []match{{}}
	}
	var out []match
	var ranges []model.Range
	var named []model.Peer
	for _, p := range list {
		if p.Set != "" {
			named = append(named, p)
		} else if a, ok := r.n.addresses(p); ok {
			ranges = append(ranges, a)
		}
	}
	four, six := elements(ranges, true)
	if len(four) > 0 {
		out = append(out, match{4, "ip " + field + " " + literal(four)})
	}
	if len(six) > 0 {
		out = append(out, match{6, "ip6 " + field + " " + literal(six)})
	}
	for _, p := range named {
		name := setName(p)
		r.sets[name] = true
		for family, ip := range map[int]string{4: "ip ", 6: "ip6 "} {
			m := match{family, fmt.Sprintf("%s%s @v%d-%s", ip, field, family, name)}
			if r.n.sets[name].subtracts {
				m.text += fmt.Sprintf(" %s%s != @v%d-%s%s", ip, field, family, name, nomatch)
			}
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b match) int { return strings.Compare(a.text, b.text) })
	return slices.Compact(out)
}

// protocolMatch is the condition of protocol, ports and type of message; ok is false if
// it cannot be read.
func protocolMatch(f *model.FirewallRule) (m match, ok bool) {
	if f.Proto == "" {
		return match{}, f.Sport+f.Dport+f.ICMPType == ""
	}
	protocol, ok := model.ParseProtocol(f.Proto)
	if !ok {
		return match{}, false
	}
	switch protocol {
	case model.ProtoICMP:
		m.family = 4
	case model.ProtoICMPv6:
		m.family = 6
	}
	m.text = "meta l4proto " + strconv.Itoa(protocol)
	if m.family != 0 {
		return icmpMatch(m, f, protocol)
	}
	for _, p := range []struct{ field, text string }{{" th sport ", f.Sport}, {" th dport ", f.Dport}} {
		if p.text == "" {
			continue
		}
		ports, ok := model.ParsePorts(p.text)
		if !ok || !model.HasPorts(protocol) {
			return match{}, false
		}
		m.text += p.field + literal(portTexts(ports))
	}
	return m, f.ICMPType == ""
}

// icmpMatch is the condition of a type of message, if there is one.
func icmpMatch(m match, f *model.FirewallRule, protocol int) (match, bool) {
	t, ok := model.ParseICMPType(cmp.Or(f.ICMPType, f.Dport, "any"), protocol)
	if !ok || t == nil {
		return m, ok
	}
	icmp := map[int]string{4: "icmp", 6: "icmpv6"}[m.family]
	m.text = fmt.Sprintf("%s type %d", icmp, t.Type)
	if t.Code >= 0 {
		m.text += fmt.Sprintf(" %s code %d", icmp, t.Code)
	}
	return m, true
}

func portTexts(ports []model.Ports) []string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = strconv.Itoa(int(p.First))
		if p.Last != p.First {
			out[i] += "-" + strconv.Itoa(int(p.Last))
		}
	}
	return out
}
