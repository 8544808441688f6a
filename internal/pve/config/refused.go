package config

import (
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// refusal is the refusal of one rule.
type refusal struct {
	message string
	// fields are the refused conditions; bare is true if the rule was refused without
	// these, too, so that it has none left.
	fields []string
	bare   bool
	// round is the last call of LeaveOut that refused it.
	round int
}

// LeaveOut leaves out what the server refused, for these reasons, the next time the
// directory is settled. In a firewall or a security group only the refused rules are
// removed, or drop more; a firewall that is still refused is imported without rules, then
// not at all, and its VNet with it, which must not be unprotected. It reports whether
// there was anything to leave out.
func (d *Directory) LeaveOut(problems model.Problems) bool {
	any := false
	removed := map[string]bool{}
	d.round++
	for _, p := range problems.Errors(true) {
		ref := model.Ref(p.Kind, p.ID)
		if d.left[ref] && !removed[ref] || d.Config.Get(p.Kind, p.ID) == nil {
			continue
		}
		any = true
		if !removed[ref] && (d.refuseRule(ref, p) || d.refuseRules(ref, p)) {
			continue
		}
		removed[ref], d.left[ref] = true, true
		if p.Message += leftOut; ref == model.Ref(model.KindFirewall, model.FirewallDatacenter) {
			p.Message += ": the cluster-wide enable switch stays as it is here (viaduct get firewall datacenter)"
		}
		d.refused = append(d.refused, d.places[ref].finding(true, p))
		if vnet := model.Ref(model.KindVNet, p.ID); p.Kind == model.KindFirewall && d.Config.VNets[p.ID] != nil && !d.left[vnet] {
			d.left[vnet] = true
			d.refused = append(d.refused, d.places[vnet].finding(true, model.NewProblem("", model.KindVNet, p.ID, "", "", msgVNetLeftOut.Of())))
		}
	}
	return any
}

// refuseRule records that one rule was refused; it returns false if the problem is not
// about a rule, or about one without conditions left.
func (d *Directory) refuseRule(ref string, p model.Problem) bool {
	var n int
	var field string
	if got, _ := fmt.Sscanf(p.Field, "rules[%d].%s", &n, &field); got == 0 || n < 0 || n >= len(d.ruleLines[ref]) {
		return false
	}
	line := d.ruleLines[ref][n]
	if d.rules[ref] == nil {
		d.rules[ref] = map[int]*refusal{}
	}
	switch r := d.rules[ref][line]; {
	case r == nil:
		d.rules[ref][line] = &refusal{message: fmt.Sprint(field, " ", p.Value, " ", p.Message), fields: []string{field}, round: d.round}
	case r.round == d.round:
		r.fields = append(r.fields, field)
	case r.bare:
		return false
	default:
		r.bare, r.round = true, d.round
	}
	return true
}

// refuseRules records that a firewall was refused with its rules; it returns false if it
// has none left.
func (d *Directory) refuseRules(ref string, p model.Problem) bool {
	if _, done := d.bare[ref]; p.Kind != model.KindFirewall || done {
		return false
	}
	d.bare[ref] = fmt.Sprint(p.Field, " ", p.Value, " ", p.Message)
	return true
}

// without returns a rule without the refused conditions.
func (r *refusal) without(rule model.FirewallRule) model.FirewallRule {
	conditions := map[string]*string{
		"source": &rule.Source, "dest": &rule.Dest, "proto": &rule.Proto, "sport": &rule.Sport, "dport": &rule.Dport, "icmp-type": &rule.ICMPType,
		"macro": &rule.Macro, "log": &rule.Log, "comment": &rule.Comment, "iface": &rule.IFace,
	}
	for _, field := range r.fields {
		if conditions[field] == nil {
			r.bare = true // the problem is not in a condition
			break
		}
		*conditions[field] = ""
	}
	if r.bare {
		return model.FirewallRule{Type: rule.Type, Action: rule.Action, Disable: rule.Disable}
	}
	return rule
}
