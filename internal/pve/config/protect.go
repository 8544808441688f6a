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

// # Firewalls that could be taken only in part
//
// Nothing that the files of firewalls stop may pass because something in them could not be
// taken. A rule that accepts is left out then: less passes. One that drops, or whose
// action is not known, or which stands for a group that is not there, is taken as one that
// drops, without the conditions that could not be taken, so that it drops more; unless
// nothing behind it accepts anything, where it can be left out. An IP set of which an entry
// is missing counts in rules as far as it is on the safe side: without an address it holds
// less, which is safe where it accepts, and without an exception (nomatch) more, which is
// safe where it drops. Of too many rules those are taken that there can be, with the
// policy DROP behind them; a firewall that cannot be taken at all has this policy alone.

// loss is what is missing of an IP set.
type loss struct{ entries, exceptions bool }

// protector is the work on the firewalls of a directory.
type protector struct {
	d *Directory
	// live are the firewalls, sets and so on that there will be, networks the networks,
	// and bare these without what only whole firewalls are compared with.
	live, networks, bare *model.Config
	partial              map[string]loss // by set
}

// protect adds to Config what of the firewalls can be taken.
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
		p.tell(place{file: ClusterFirewall}, model.KindFirewall, model.FirewallDatacenter, "enable", "",
			"is not known, since there is no "+ClusterFirewall+" beside the folder: no firewall is in force, that of vnet "+enabled+" neither, until you switch it on (viaduct create firewall datacenter enable=true)")
	}
}

func (p *protector) tell(at place, kind model.Kind, id, field, value, message string) {
	p.d.settled = append(p.d.settled, at.finding(true, model.Problem{Kind: kind, ID: id, Field: field, Value: value, Message: message}))
}

// judge is what is wrong with an object.
func (p *protector) judge(o model.Object) model.Problems {
	return model.ValidateLive([]model.Edit{{Put: o}}, p.live, p.networks, nil).Errors(true)
}

// take takes an object, or tells why not.
func (p *protector) take(o model.Object) {
	kind, id := o.ObjectKind(), o.ObjectID()
	at := p.d.places[model.Ref(kind, id)]
	p.live.Set(o)
	problems := p.judge(o)
	if len(problems) == 0 {
		p.d.Config.Set(o)
		return
	}
	for _, x := range problems {
		p.tell(at, kind, id, x.Field, x.Value, x.Message+leftOut)
	}
	p.live.Delete(kind, id)
	p.d.hanging[model.Ref(kind, id)] = true
}

// cluster takes what all firewalls share. What of the files could not be taken is not
// there, even if something else of its name is.
func (p *protector) cluster(existing *model.Config) {
	c := p.d.cluster
	for ref := range c.Lines {
		kind, id, _ := strings.Cut(ref, "/")
		p.live.Delete(model.Kind(kind), id)
	}
	refused := p.d.left
	for _, a := range c.Aliases {
		if !refused[model.Ref(model.KindAlias, a.ID)] {
			p.take(p.commented(a))
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
		p.take(p.commented(out))
	}
	if ref := model.Ref(model.KindFirewall, model.FirewallDatacenter); c.Options != nil && !refused[ref] {
		p.firewall(c.Options, c.DatacenterRules)
	}
}

// commented is an object without a comment that is too long.
func (p *protector) commented(o model.Object) model.Object {
	comment := func(text string) string {
		if len(text) <= model.MaxComment {
			return text
		}
		p.tell(p.d.places[model.Ref(o.ObjectKind(), o.ObjectID())], o.ObjectKind(), o.ObjectID(), "comment", text[:20]+"...",
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

// ipSet takes a set, as far as it goes. One that could be taken in part does not take the
// place of another that is there: its users are not known.
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
			p.tell(here, model.KindIPSet, s.ID, "entries", e.Text, "stands there twice: once is enough"+leftOut)
			out.Entries[first].NoMatch = out.Entries[first].NoMatch || e.NoMatch // which counts more
			continue
		}
		if why != "" {
			p.tell(here, model.KindIPSet, s.ID, "entries", e.Text, why+leftOut)
			damaged := !entryForm.MatchString(e.CIDR) // so that it may have been either
			lost.entries, lost.exceptions = lost.entries || !e.NoMatch || damaged, lost.exceptions || e.NoMatch || damaged
			continue
		}
		seen[e.CIDR] = len(out.Entries)
		out.Entries = append(out.Entries, halves(e.IPSetEntry)...)
	}
	if old := existing.IPSets[s.ID]; lost != (loss{}) && old != nil && !reflect.DeepEqual(old.Entries, out.Entries) {
		p.tell(at, model.KindIPSet, s.ID, "", "", "can be taken only in part, and there is one of its name here, which stays as it is"+leftOut)
		p.d.hanging[ref] = true
		return
	}
	if lost != (loss{}) {
		p.partial[s.ID] = lost
	}
	p.take(out)
}

// entryForm is that of an entry which is right but for what it means.
var entryForm = regexp.MustCompile(`^[+A-Za-z0-9.:/_-]+$`)

// entryFault is what is wrong with an entry, or empty.
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

// halves are the entries that an entry is: every address of a family, which a set cannot
// have as one, is two.
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

// vnet takes the firewall of a VNet.
func (p *protector) vnet(id string, v *firewall.VNet) {
	ref := model.Ref(model.KindFirewall, id)
	at := p.d.places[ref]
	if p.d.left[ref] {
		return // told already
	}
	if p.networks.VNets[id] == nil {
		why := "is that of no vnet; declare the vnet first"
		if p.d.gone(model.KindVNet, id) {
			why = "refers to vnet " + id + ", which was left out"
		}
		p.tell(at, model.KindFirewall, id, "id", id, why+leftOut)
		return
	}
	p.firewall(v.Firewall, v.Rules)
}

// dropsAll says what a firewall without rules is like.
const dropsAll = "; the firewall was taken without rules and with policy DROP, which lets nothing pass"

// firewall takes a firewall with what can be taken of these rules. Where there are too
// many, the policy is DROP behind those that there can be.
func (p *protector) firewall(f *model.Firewall, lines []firewall.Rule) {
	ref := model.Ref(model.KindFirewall, f.ID)
	at := p.d.places[ref]
	out := *f
	out.Rules = p.rules(at, model.KindFirewall, f.ID, lines, out.PolicyForward != model.FirewallDrop)
	if why, is := p.d.bare[ref]; is {
		p.tell(at, model.KindFirewall, f.ID, "", "", strings.TrimSpace(why)+dropsAll)
		out = model.Firewall{ID: f.ID, Enable: f.Enable, PolicyForward: model.FirewallDrop, MACFilter: f.MACFilter, IPFilter: f.IPFilter}
	}
	for problems := p.judge(&out); len(problems) > 0 && len(out.Rules) > 0; problems = p.judge(&out) {
		n := fits(&out, problems)
		here, then := at, dropsAll
		if n > 0 {
			here.line = p.d.ruleLines[ref][n]
			then = fmt.Sprintf("; the rules from this one on, %d of %d, were left out, and policy DROP was taken, so that nothing else passes", len(out.Rules)-n, len(out.Rules))
		}
		p.tell(here, model.KindFirewall, f.ID, "", "", strings.TrimSpace(problems[0].Field+" "+problems[0].Value+" "+problems[0].Message)+then)
		out.Rules, out.PolicyForward = out.Rules[:n], model.FirewallDrop
	}
	p.live.Set(&out)
	p.d.Config.Set(&out)
}

// fits is how many rules of a firewall there can be, of which there are too many; none if
// something else is wrong with it.
func fits(f *model.Firewall, problems model.Problems) (n int) {
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
