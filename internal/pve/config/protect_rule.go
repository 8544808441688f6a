package config

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/firewall"
)

// rules returns the rules of a firewall or a group for its lines. open is true if packets
// that match no rule may pass.
func (p *protector) rules(at place, kind model.Kind, id string, lines []firewall.Rule, open bool) []model.FirewallRule {
	var out []model.FirewallRule
	ref := model.Ref(kind, id)
	for i, l := range lines {
		here := place{file: at.file, line: l.Line}
		report := func(message string) { p.report(here, kind, id, "rules", l.Text, message) }
		put := func(r model.FirewallRule) {
			out = append(out, r)
			p.d.ruleLines[ref] = append(p.d.ruleLines[ref], l.Line)
		}
		r, why := p.rule(kind, id, l, report)
		if refused := p.d.rules[ref][l.Line]; refused != nil && why == "" {
			r, why = refused.without(r), refused.message
		}
		switch {
		case why == "":
			put(r)
		case r.Disable:
			report(why + "; the rule, which is disabled, was left out")
		case r.Action == model.FirewallAccept:
			report(why + "; the rule was left out, so that what it accepts does not pass by it")
		case kind == model.KindFirewall && hostOnly(&r):
			report(why + "; the rule, which has no effect on networks, was left out")
		case len(l.Unread) == 0 && p.neverMatches(kind, id, r):
			report(why + "; the rule, which never has an effect, was left out")
		case !open && !slices.ContainsFunc(lines[i+1:], mayAccept):
			report(why + "; the rule was left out: what it drops does not pass without it either")
		default:
			wide := p.widen(kind, id, r)
			report(why + "; it was taken as a rule that drops at least as much, " + firewall.FormatRule(wide) + ": correct it")
			put(wide)
		}
	}
	return out
}

// mayAccept reports whether a rule may let packets pass.
func mayAccept(r firewall.Rule) bool {
	stops := r.Action == model.FirewallDrop || r.Action == model.FirewallReject
	return !r.Disable && !stops && !hostOnly(&r.FirewallRule)
}

// hostOnly reports whether a rule is for hosts and guests themselves: those of the types
// in and out, and those with an interface, which a rule of type forward cannot have.
func hostOnly(r *model.FirewallRule) bool {
	return r.Type == model.RuleIn || r.Type == model.RuleOut || r.IFace != "" && r.Type != model.RuleForward
}

// rule returns the rule of a line, without an invalid log level or comment. why describes
// what else is invalid.
func (p *protector) rule(kind model.Kind, id string, l firewall.Rule, report func(string)) (r model.FirewallRule, why string) {
	r = l.FirewallRule
	if r.Log != "" && !slices.Contains(model.LogLevels, r.Log) {
		report("has the unknown log level " + r.Log + ", one of " + strings.Join(model.LogLevels, ", ") + "; the level was left out")
		r.Log = ""
	}
	if len(r.Comment) > model.MaxComment {
		report("has a comment that is too long; the comment was left out")
		r.Comment = ""
	}
	if len(l.Unread) > 0 {
		return r, l.Unread[0]
	}
	if problems := p.ruleProblems(kind, id, r); len(problems) > 0 {
		field := strings.TrimPrefix(problems[0].Field, "rules[0].")
		return r, strings.TrimSpace(field + " " + problems[0].Value + " " + problems[0].Message)
	}
	if part := p.unsafePart(&r); part != "" {
		return r, "uses an IP set of which something was left out, " + part
	}
	return r, ""
}

// ruleProblems returns the problems of one rule of a firewall or group.
func (p *protector) ruleProblems(kind model.Kind, id string, r model.FirewallRule) model.Problems {
	var owner model.Object = &model.Firewall{ID: id, Rules: []model.FirewallRule{r}}
	if kind == model.KindSecurityGroup {
		owner = &model.SecurityGroup{ID: id, Rules: []model.FirewallRule{r}}
	}
	return model.ValidateLive([]model.Edit{{Put: owner}}, p.live, p.bare, nil).Errors(true)
}

// neverMatches reports whether the conditions of a rule are valid separately, but not
// together: they are of different IP versions.
func (p *protector) neverMatches(kind model.Kind, id string, r model.FirewallRule) bool {
	right := func(source, dest, proto string) bool {
		return len(p.ruleProblems(kind, id, model.FirewallRule{Type: r.Type, Action: r.Action, Source: source, Dest: dest, Proto: proto})) == 0
	}
	if !right(r.Source, "", "") || !right("", r.Dest, "") || !right("", "", r.Proto) {
		return false
	}
	return !right(r.Source, r.Dest, "") || !right(r.Source, r.Dest, r.Proto)
}

// unsafePart returns the part of a rule that refers to an IP set with missing entries,
// because of which the rule would pass more than it should; empty if there is none.
func (p *protector) unsafePart(r *model.FirewallRule) string {
	for _, text := range []string{r.Source, r.Dest} {
		peers, _ := model.ParsePeers(text)
		for _, peer := range peers {
			lost := p.partial[peer.Set]
			if peer.Scope != model.ScopeDatacenter {
				continue
			}
			if accepts := r.Action == model.FirewallAccept; accepts && lost.exceptions || !accepts && lost.entries {
				return text
			}
		}
	}
	return ""
}

// widen returns a rule that drops at least what an invalid rule would: it lacks the
// invalid conditions.
func (p *protector) widen(kind model.Kind, id string, r model.FirewallRule) model.FirewallRule {
	wide := model.FirewallRule{Type: r.Type, Action: r.Action, Log: r.Log, Comment: r.Comment}
	if wide.Type == "" || wide.Type == model.RuleGroup {
		wide.Type = model.RuleForward
	}
	if wide.Action != model.FirewallReject {
		wide.Action = model.FirewallDrop
	}
	if r.Type == model.RuleGroup {
		return wide
	}
	for _, add := range []func(*model.FirewallRule){
		func(w *model.FirewallRule) { w.Source = r.Source },
		func(w *model.FirewallRule) { w.Dest = r.Dest },
		func(w *model.FirewallRule) {
			if r.Proto+r.Sport+r.Dport+r.ICMPType == "" {
				w.Macro = r.Macro
			}
		},
		func(w *model.FirewallRule) {
			if r.Macro == "" {
				w.Proto = r.Proto
			}
		},
		func(w *model.FirewallRule) { w.Sport = r.Sport },
		func(w *model.FirewallRule) { w.Dport = r.Dport },
		func(w *model.FirewallRule) { w.ICMPType = r.ICMPType },
	} {
		with := wide
		if add(&with); len(p.ruleProblems(kind, id, with)) == 0 && p.unsafePart(&with) == "" {
			wide = with
		}
	}
	return wide
}
