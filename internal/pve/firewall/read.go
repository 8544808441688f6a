package firewall

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Cluster is what cluster.fw holds.
type Cluster struct {
	// Options is the firewall of the datacenter, with the rules of the section RULES;
	// nil without that and the section OPTIONS.
	Options *model.Firewall
	Aliases []*model.Alias
	// IPSets and Groups have the entries and rules that could be read whole.
	IPSets []*model.IPSet
	Groups []*model.SecurityGroup
	// Kept are the lines that are no part of the above, by section: "OPTIONS".
	Kept map[string][]string

	// Lines are where objects begin, by reference ("ip-set/admins"); Rules are the lines
	// of each security group, Entries those of each IP set, also those that could not be
	// read.
	Lines   map[string]int
	Rules   map[string][]Rule
	Entries map[string][]Entry
	// DatacenterRules are all lines of the section RULES, also those that could not be read.
	DatacenterRules []Rule
}

// VNet is what the file of a VNet holds.
type VNet struct {
	// Firewall has the rules that could be read whole.
	Firewall *model.Firewall
	// Kept is as of Cluster.
	Kept map[string][]string
	// Rules are all lines of rules, also those that could not be read.
	Rules []Rule
}

// Entry is a line of an IP set.
type Entry struct {
	model.IPSetEntry
	Line int
	Text string
	// Unread says what is wrong with the line; empty means nothing. NoMatch is right then
	// too.
	Unread string
}

// sectionForm is the head of a section: "[OPTIONS]", "[IPSET name] # comment".
var sectionForm = regexp.MustCompile(`^\[\s*([A-Za-z]+)(?:\s+([A-Za-z][A-Za-z0-9_-]+))?\s*\]\s*(?:#\s*(.*?)\s*)?$`)

// The sections. What stands before the first, or behind a head that cannot be read, is in
// sectionNone.
const (
	sectionNone    = ""
	sectionOptions = "OPTIONS"
	sectionAliases = "ALIASES"
	sectionIPSet   = "IPSET"
	sectionGroup   = "GROUP"
	sectionRules   = "RULES"
)

// line is one that says something, in its section.
type line struct {
	section, name, comment string
	number                 int
	text                   string // empty for the head itself
}

// byteOrderMark is what some editors write at the beginning of a file.
const byteOrderMark = "\ufeff"

// lines are those of a file that say something. A head that is none is told in bad.
func lines(text string) (out []line, bad model.Problems) {
	at := line{}
	for raw := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		at.number++
		at.text = strings.TrimSpace(raw)
		switch {
		case at.text == "" || at.text[0] == '#':
			continue
		case isHead(at.text):
			m := sectionForm.FindStringSubmatch(at.text)
			at.section, at.name, at.comment, at.text = sectionNone, "", "", ""
			if m == nil {
				bad = append(bad, problem(at.number, strings.TrimSpace(raw), "is no head of a section"))
				continue
			}
			at.section, at.name, at.comment = strings.ToUpper(m[1]), strings.ToLower(m[2]), m[3]
		}
		out = append(out, at)
	}
	return out, bad
}

// isHead reports whether a line is the head of a section, or was one: nothing else has a
// bracket in front of the comment.
func isHead(text string) bool {
	text, _, _ = strings.Cut(text, "#")
	return strings.Contains(text, "[")
}

// problem tells of a line.
func problem(number int, text, format string, args ...any) model.Problem {
	return model.Problem{
		Severity: model.Warning, Kind: model.KindFirewall, ID: fmt.Sprintf("line %d", number),
		Value: text, Message: fmt.Sprintf(format, args...),
	}
}

// ReadCluster reads cluster.fw. What it cannot take is told, by line, and left out.
func ReadCluster(text string) (*Cluster, model.Problems) {
	out := &Cluster{Kept: map[string][]string{}, Lines: map[string]int{}, Rules: map[string][]Rule{}, Entries: map[string][]Entry{}}
	all, bad := lines(text)
	o := &optionReader{bad: &bad}
	for _, l := range all {
		var err error
		switch l.section {
		case sectionOptions:
			f := out.options()
			if l.text != "" && !o.read(f, l) {
				out.Kept[sectionOptions] = append(out.Kept[sectionOptions], l.text)
			}
		case sectionRules:
			out.rule(l)
		case sectionAliases:
			err = out.alias(l)
		case sectionIPSet:
			err = out.ipSet(l)
		case sectionGroup:
			err = out.group(l)
		default:
			err = out.stray(l, o)
		}
		if err != nil {
			bad = append(bad, problem(l.number, l.text, "%s, and was left out", err))
		}
	}
	if out.Options != nil {
		o.close(out.Options)
	}
	return out, bad
}

// options is the firewall of the datacenter, which there is from now on.
func (c *Cluster) options() *model.Firewall {
	if c.Options == nil {
		c.Options = &model.Firewall{ID: model.FirewallDatacenter}
	}
	return c.Options
}

// rule takes a line of the datacenter's rules.
func (c *Cluster) rule(l line, faults ...string) {
	f := c.options()
	if l.text == "" {
		return
	}
	rule := ReadRule(l.text)
	rule.Line = l.number
	rule.Unread = append(rule.Unread, faults...)
	c.DatacenterRules = append(c.DatacenterRules, rule)
	if rule.Unread == nil {
		f.Rules = append(f.Rules, rule.FirewallRule)
	}
}

// stray takes a line outside of the sections that are known. One that has the form of a
// rule may be of the datacenter, whose section's head is damaged.
func (c *Cluster) stray(l line, o *optionReader) error {
	switch {
	case l.text == "":
		return fmt.Errorf("section %s is not known", l.section)
	case o.stray(c.options, l, optionsOfDatacenter):
	case ruleForm.MatchString(l.text):
		c.rule(l, "is not in the section of the rules")
	case l.section == sectionNone:
		return fmt.Errorf("is in no section")
	default:
		return fmt.Errorf("is in section %s, which is not known", l.section)
	}
	return nil
}

// ruleForm is what a line of rules looks like.
var ruleForm = regexp.MustCompile(`^(?i)\|?\s*(in|out|forward|group)\s+\S`)

// networkRule reads a rule of a VNet or of a security group, which are for no interface.
func networkRule(l line) Rule {
	r := ReadRule(l.text)
	r.Line = l.number
	if r.IFace != "" {
		r.IFace = ""
		r.Unread = append(r.Unread, fmt.Sprintf("has a condition that a network cannot have, %q", ifaceFlag))
	}
	return r
}

// ReadVNet reads the file of a VNet's firewall. What protects the VNet never gets less by
// what cannot be read: see the options; of rules, the caller decides.
func ReadVNet(id, text string) (*VNet, model.Problems) {
	out := &VNet{Firewall: &model.Firewall{ID: id}, Kept: map[string][]string{}}
	all, bad := lines(text)
	o := &optionReader{bad: &bad}
	for _, l := range all {
		switch {
		case l.text == "" && l.section != sectionNone && l.section != sectionOptions && l.section != sectionRules:
			bad = append(bad, problem(l.number, "["+l.section+"]", "is no section of a VNet's firewall, and was left out"))
		case l.text == "":
		case l.section == sectionOptions:
			if !o.read(out.Firewall, l) {
				out.Kept[sectionOptions] = append(out.Kept[sectionOptions], l.text)
			}
		case l.section == sectionRules:
			rule := networkRule(l)
			out.Rules = append(out.Rules, rule)
			if rule.Unread == nil {
				out.Firewall.Rules = append(out.Firewall.Rules, rule.FirewallRule)
			}
		case o.stray(func() *model.Firewall { return out.Firewall }, l, optionsOfVNets):
		default: // perhaps a rule, whose section's head is damaged
			rule := networkRule(l)
			rule.Unread = append(rule.Unread, "is not in the section of the rules")
			out.Rules = append(out.Rules, rule)
		}
	}
	o.close(out.Firewall)
	return out, bad
}

// cutComment takes off a comment.
func cutComment(text string) (rest, comment string) {
	rest, comment, _ = strings.Cut(text, "#")
	return strings.TrimSpace(rest), strings.TrimSpace(comment)
}

func (c *Cluster) alias(l line) error {
	if l.text == "" {
		return nil
	}
	text, comment := cutComment(l.text)
	f := strings.Fields(text)
	if len(f) != 2 {
		return fmt.Errorf("is no alias, a name and an address or network")
	}
	a := &model.Alias{ID: strings.ToLower(f[0]), CIDR: f[1], Comment: comment}
	if !c.begins(a, l) {
		return fmt.Errorf("is an alias that stands there twice: the first one counts")
	}
	c.Aliases = append(c.Aliases, a)
	return nil
}

// begins notes where an object begins; false if there is one of its name.
func (c *Cluster) begins(o model.Object, l line) bool {
	ref := model.Ref(o.ObjectKind(), o.ObjectID())
	if c.Lines[ref] != 0 {
		return false
	}
	c.Lines[ref] = l.number
	return true
}

func (c *Cluster) ipSet(l line) error {
	if l.text == "" {
		if l.name == "" {
			return fmt.Errorf("lacks the name of the IP set")
		}
		s := &model.IPSet{ID: l.name, Comment: l.comment}
		if c.begins(s, l) { // what follows a second head belongs to the first
			c.IPSets = append(c.IPSets, s)
		}
		return nil
	}
	if l.name == "" {
		return fmt.Errorf("is in an IP set without a name")
	}
	text, comment := cutComment(l.text)
	cidr, noMatch := strings.CutPrefix(text, "!")
	cidr = strings.TrimSpace(cidr)
	e := Entry{Line: l.number, Text: l.text, IPSetEntry: model.IPSetEntry{CIDR: cidr, NoMatch: noMatch, Comment: comment}}
	if cidr == "" || strings.ContainsAny(cidr, " \t") {
		e.Unread = "is no entry of an IP set"
	} else {
		i := slices.IndexFunc(c.IPSets, func(s *model.IPSet) bool { return s.ID == l.name })
		c.IPSets[i].Entries = append(c.IPSets[i].Entries, e.IPSetEntry)
	}
	c.Entries[l.name] = append(c.Entries[l.name], e)
	return nil
}

func (c *Cluster) group(l line) error {
	if l.text == "" {
		if l.name == "" {
			return fmt.Errorf("lacks the name of the security group")
		}
		g := &model.SecurityGroup{ID: l.name, Comment: l.comment}
		if c.begins(g, l) {
			c.Groups = append(c.Groups, g)
		}
		return nil
	}
	if l.name == "" {
		return fmt.Errorf("is in a security group without a name")
	}
	rule := networkRule(l)
	c.Rules[l.name] = append(c.Rules[l.name], rule)
	if rule.Unread == nil {
		i := slices.IndexFunc(c.Groups, func(g *model.SecurityGroup) bool { return g.ID == l.name })
		c.Groups[i].Rules = append(c.Groups[i].Rules, rule.FirewallRule)
	}
	return nil
}
