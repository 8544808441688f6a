package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/firewall"
)

// # Firewalls that can be imported only in part
//
// Nothing that the files of firewalls stop may pass because a part of them could not be
// imported. A rule that accepts is then left out: less passes. A rule that drops, has an
// unknown action or refers to a missing group is imported as one that drops, without the
// conditions that could not be imported, so that it drops more; it is left out if no rule
// after it accepts anything. An IP set with a missing entry is used in rules where that is
// safe: without an address it contains less, which is safe in a rule that accepts, and
// without an exception (nomatch) more, which is safe in one that drops. If there are too
// many rules, the maximum number is imported, followed by the policy DROP; a firewall that
// cannot be imported at all has only this policy.

// loss is what an IP set lacks.
type loss struct{ entries, exceptions bool }

// protector is the state of the import of a directory's firewalls.
type protector struct {
	d *Directory
	// live are the resulting firewalls, sets and so on, networks the networks, and
	// bare the networks without what only whole firewalls are compared with.
	live, networks, bare *model.Config
	partial              map[string]loss // by set
}

// protect adds the importable parts of the firewalls to Config.
func (d *Directory) protect(existing *model.Config) {
	p := &protector{d: d, live: existing.Clone(), networks: existing.Clone(), partial: map[string]loss{}}
	for _, kind := range []model.Kind{model.KindVNet, model.KindSubnet} {
		for _, o := range d.Config.List(kind) {
			p.networks.Set(o)
		}
	}
	p.bare = &model.Config{VNets: p.networks.VNets}
	if d.cluster != nil {
		p.cluster(existing)
	}
	enabled := ""
	for _, id := range slices.Sorted(maps.Keys(d.vnets)) {
		p.vnet(id, d.vnets[id])
		if d.vnets[id].Firewall.Enable && enabled == "" {
			enabled = id
		}
	}
	if enabled != "" && d.cluster == nil && existing.Firewalls[model.FirewallDatacenter] == nil {
		p.report(place{file: ClusterFirewall}, model.KindFirewall, model.FirewallDatacenter, "enable", "",
			"is not known, since there is no "+ClusterFirewall+" beside the folder: no firewall is in force, that of vnet "+enabled+" neither, until you switch it on (viaduct create firewall datacenter enable=true)")
	}
}

func (p *protector) report(at place, kind model.Kind, id, field, value, reason string) {
	p.d.settled = append(p.d.settled, at.finding(true, model.NewProblem("", kind, id, field, value, msgNotImported.Of(reason))))
}

// validate returns the problems of an object.
func (p *protector) validate(o model.Object) model.Problems {
	return model.ValidateLive([]model.Edit{{Put: o}}, p.live, p.networks, nil).Errors(true)
}

// accept imports an object, or reports its problems.
func (p *protector) accept(o model.Object) {
	kind, id := o.ObjectKind(), o.ObjectID()
	at := p.d.places[model.Ref(kind, id)]
	p.live.Set(o)
	problems := p.validate(o)
	if len(problems) == 0 {
		p.d.Config.Set(o)
		return
	}
	for _, x := range problems {
		p.d.settled = append(p.d.settled, at.finding(true, leftOutFor(kind, id, x)))
	}
	p.live.Delete(kind, id)
	p.d.hanging[model.Ref(kind, id)] = true
}

// cluster imports what all firewalls share. An object of the files that could not be
// imported counts as missing, even if another one of its name exists.
func (p *protector) cluster(existing *model.Config) {
	c := p.d.cluster
	for ref := range c.Lines {
		kind, id, _ := strings.Cut(ref, "/")
		p.live.Delete(model.Kind(kind), id)
	}
	refused := p.d.left
	for _, a := range c.Aliases {
		if !refused[model.Ref(model.KindAlias, a.ID)] {
			p.accept(p.commented(a))
		}
	}
	for _, s := range c.IPSets {
		if !refused[model.Ref(model.KindIPSet, s.ID)] {
			p.ipSet(s, existing)
		}
	}
	for _, g := range c.Groups {
		ref := model.Ref(model.KindSecurityGroup, g.ID)
		if refused[ref] {
			continue
		}
		out := &model.SecurityGroup{ID: g.ID, Comment: g.Comment}
		out.Rules = p.rules(p.d.places[ref], model.KindSecurityGroup, g.ID, c.Rules[g.ID], true)
		p.accept(p.commented(out))
	}
	if ref := model.Ref(model.KindFirewall, model.FirewallDatacenter); c.Options != nil && !refused[ref] {
		p.firewall(c.Options, c.DatacenterRules)
	}
}

// commented returns an object without its comment if that is too long.
func (p *protector) commented(o model.Object) model.Object {
	comment := func(text string) string {
		if len(text) <= model.MaxComment {
			return text
		}
		p.report(p.d.places[model.Ref(o.ObjectKind(), o.ObjectID())], o.ObjectKind(), o.ObjectID(), "comment", text[:20]+"...",
			fmt.Sprintf("is longer than %d bytes%s", model.MaxComment, leftOut))
		return ""
	}
	switch o := o.(type) {
	case *model.Alias:
		return &model.Alias{ID: o.ID, CIDR: o.CIDR, Comment: comment(o.Comment)}
	case *model.IPSet:
		return &model.IPSet{ID: o.ID, Entries: o.Entries, Comment: comment(o.Comment)}
	case *model.SecurityGroup:
		return &model.SecurityGroup{ID: o.ID, Rules: o.Rules, Comment: comment(o.Comment)}
	}
	return o
}

// ipSet imports a set as far as possible. A partly imported one does not replace an
// existing set, which may have other users.
func (p *protector) ipSet(s *model.IPSet, existing *model.Config) {
	ref := model.Ref(model.KindIPSet, s.ID)
	at := p.d.places[ref]
	out := p.commented(&model.IPSet{ID: s.ID, Comment: s.Comment}).(*model.IPSet)
	var lost loss
	seen := map[string]int{}
	for _, e := range p.d.cluster.Entries[s.ID] {
		here := place{file: at.file, line: e.Line}
		why := p.entryFault(&e)
		if first, dup := seen[e.CIDR]; dup && why == "" {
			p.report(here, model.KindIPSet, s.ID, "entries", e.Text, "is given twice: once is enough"+leftOut)
			out.Entries[first].NoMatch = out.Entries[first].NoMatch || e.NoMatch // which has precedence
			continue
		}
		if why != "" {
			p.report(here, model.KindIPSet, s.ID, "entries", e.Text, why+leftOut)
			damaged := !entryForm.MatchString(e.CIDR) // so that it may have been either
			lost.entries, lost.exceptions = lost.entries || !e.NoMatch || damaged, lost.exceptions || e.NoMatch || damaged
			continue
		}
		seen[e.CIDR] = len(out.Entries)
		out.Entries = append(out.Entries, halves(e.IPSetEntry)...)
	}
	if old := existing.IPSets[s.ID]; lost != (loss{}) && old != nil && !reflect.DeepEqual(old.Entries, out.Entries) {
		p.report(at, model.KindIPSet, s.ID, "", "", "can be imported only in part, and there is one of its name here, which stays as it is"+leftOut)
		p.d.hanging[ref] = true
		return
	}
	if lost != (loss{}) {
		p.partial[s.ID] = lost
	}
	p.accept(out)
}

// entryForm is the form of an entry with correct syntax.
var entryForm = regexp.MustCompile(`^[+A-Za-z0-9.:/_-]+$`)

// entryFault returns the fault of an entry, or empty.
func (p *protector) entryFault(e *firewall.Entry) string {
	if e.Unread != "" {
		return e.Unread
	}
	if len(e.Comment) > model.MaxComment {
		e.Comment = ""
	}
	peer, ok := model.ParsePeer(e.CIDR)
	switch {
	case !ok || peer.Set != "":
		return "is no address, network, range or alias; write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9 or dc/myalias"
	case peer.Alias != "" && p.live.Aliases[peer.Alias] == nil:
		return "is an alias that does not exist, or was left out"
	}
	return ""
}

// halves splits an entry with all addresses of a family, which a set cannot have as one
// entry, into two.
func halves(e model.IPSetEntry) []model.IPSetEntry {
	peer, _ := model.ParsePeer(e.CIDR)
	var both []string
	switch peer.Range.String() {
	case "0.0.0.0-255.255.255.255":
		both = []string{"0.0.0.0/1", "128.0.0.0/1"}
	case "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff":
		both = []string{"::/1", "8000::/1"}
	default:
		return []model.IPSetEntry{e}
	}
	out := []model.IPSetEntry{e, e}
	out[0].CIDR, out[1].CIDR = both[0], both[1]
	return out
}

// vnet imports the firewall of a VNet.
func (p *protector) vnet(id string, v *firewall.VNet) {
	ref := model.Ref(model.KindFirewall, id)
	at := p.d.places[ref]
	if p.d.left[ref] {
		return // already reported
	}
	if p.networks.VNets[id] == nil {
		why := "is that of no vnet; declare the vnet first"
		if p.d.isLeftOut(model.KindVNet, id) {
			why = "refers to vnet " + id + ", which was left out"
		}
		p.report(at, model.KindFirewall, id, "id", id, why+leftOut)
		return
	}
	p.firewall(v.Firewall, v.Rules)
}

// dropsAll describes a firewall without rules.
const dropsAll = "; the firewall was taken without rules and with policy DROP, which lets nothing pass"

// firewall imports a firewall with the importable ones of these rules. If there are too
// many, the policy after the maximum number is DROP.
func (p *protector) firewall(f *model.Firewall, lines []firewall.Rule) {
	ref := model.Ref(model.KindFirewall, f.ID)
	at := p.d.places[ref]
	out := *f
	out.Rules = p.rules(at, model.KindFirewall, f.ID, lines, out.PolicyForward != model.FirewallDrop)
	if why, is := p.d.bare[ref]; is {
		p.report(at, model.KindFirewall, f.ID, "", "", strings.TrimSpace(why)+dropsAll)
		out = model.Firewall{ID: f.ID, Enable: f.Enable, PolicyForward: model.FirewallDrop, MACFilter: f.MACFilter, IPFilter: f.IPFilter}
	}
	for problems := p.validate(&out); len(problems) > 0 && len(out.Rules) > 0; problems = p.validate(&out) {
		n := importableRules(&out, problems)
		here, then := at, dropsAll
		if n > 0 {
			here.line = p.d.ruleLines[ref][n]
			then = fmt.Sprintf("; the rules from this one on, %d of %d, were left out, and policy DROP was taken, so that nothing else passes", len(out.Rules)-n, len(out.Rules))
		}
		p.report(here, model.KindFirewall, f.ID, "", "", strings.TrimSpace(problems[0].Field+" "+problems[0].Value+" "+problems[0].Message)+then)
		out.Rules, out.PolicyForward = out.Rules[:n], model.FirewallDrop
	}
	p.live.Set(&out)
	p.d.Config.Set(&out)
}

// importableRules returns how many rules of an invalid firewall can be kept: those before
// the limit or the first invalid one; 0 if the problem is not in a rule.
func importableRules(f *model.Firewall, problems model.Problems) (n int) {
	if len(f.Rules) > model.MaxRules {
		return model.MaxRules
	}
	for _, x := range problems {
		if got, _ := fmt.Sscanf(x.Field, "rules[%d]", &n); got == 1 && x.Field == fmt.Sprintf("rules[%d]", n) {
			return n
		}
	}
	return 0
}
