package firewall

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Cluster is the content of cluster.fw.
type Cluster struct {
	// Options is the firewall of the datacenter, with the rules of the section RULES;
	// nil without that section and the section OPTIONS.
	Options *model.Firewall
	Aliases []*model.Alias
	// IPSets and Groups have the entries and rules that could be read completely.
	IPSets []*model.IPSet
	Groups []*model.SecurityGroup
	// Kept are all other lines, by section: "OPTIONS".
	Kept map[string][]string

	// Lines are the first lines of objects, by reference ("ip-set/admins"); Rules are the
	// lines of each security group, Entries those of each IP set, including unreadable
	// ones.
	Lines   map[string]int
	Rules   map[string][]Rule
	Entries map[string][]Entry
	// DatacenterRules are all lines of the section RULES, including unreadable ones.
	DatacenterRules []Rule
}

// VNet is the content of a VNet's file.
type VNet struct {
	// Firewall has the rules that could be read completely.
	Firewall *model.Firewall
	// Kept is like that of Cluster.
	Kept map[string][]string
	// Rules are all lines of rules, including unreadable ones.
	Rules []Rule
}

// Entry is a line of an IP set.
type Entry struct {
	model.IPSetEntry
	Line int
	Text string
	// Unread is the error in the line; empty means none. NoMatch is correct even
	// with an error.
	Unread string
}

// sectionForm is the head of a section: "[OPTIONS]", "[IPSET name] # comment".
var sectionForm = regexp.MustCompile(`^\[\s*([A-Za-z]+)(?:\s+([A-Za-z][A-Za-z0-9_-]+))?\s*\]\s*(?:#\s*(.*?)\s*)?$`)

// The sections. Lines before the first, or after an unreadable head, are in sectionNone.
const (
	sectionNone    = ""
	sectionOptions = "OPTIONS"
	sectionAliases = "ALIASES"
	sectionIPSet   = "IPSET"
	sectionGroup   = "GROUP"
	sectionRules   = "RULES"
)

// line is a line with content, in its section.
type line struct {
	section, name, comment string
	number                 int
	text                   string // empty for the head itself
}

// byteOrderMark is written by some editors at the beginning of a file.
const byteOrderMark = "\ufeff"

// lines returns the lines with content of a file. bad reports invalid heads.
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

// isHead reports whether a line is the head of a section, or was one: no other line has a
// bracket in front of the comment.
func isHead(text string) bool {
	text, _, _ = strings.Cut(text, "#")
	return strings.Contains(text, "[")
}

// problem returns a problem of a line.
func problem(number int, text, format string, args ...any) model.Problem {
	return model.NewProblem(model.Warning, model.KindFirewall, fmt.Sprintf("line %d", number), "", text, msgLineLeftOut.Of(fmt.Sprintf(format, args...)))
}

// ReadCluster reads cluster.fw. It reports unreadable parts by line, and leaves them out.
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

// options returns the firewall of the datacenter, and creates it if necessary.
func (c *Cluster) options() *model.Firewall {
	if c.Options == nil {
		c.Options = &model.Firewall{ID: model.FirewallDatacenter}
	}
	return c.Options
}

// rule reads a line of the datacenter's rules.
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

// stray reads a line outside of the known sections. One that has the form of a rule may
// belong to the datacenter, in a section with a damaged head.
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

// ruleForm is the form of a line of rules.
var ruleForm = regexp.MustCompile(`^(?i)\|?\s*(in|out|forward|group)\s+\S`)

// networkRule parses a rule of a VNet or of a security group, which cannot name an interface.
func networkRule(l line) Rule {
	r := ReadRule(l.text)
	r.Line = l.number
	if r.IFace != "" {
		r.IFace = ""
		r.Unread = append(r.Unread, fmt.Sprintf("has a condition that a network cannot have, %q", ifaceFlag))
	}
	return r
}

// ReadVNet reads the file of a VNet's firewall. Unreadable options never reduce the
// protection of the VNet; the caller decides about unreadable rules.
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
		default: // perhaps a rule in a section with a damaged head
			rule := networkRule(l)
			rule.Unread = append(rule.Unread, "is not in the section of the rules")
			out.Rules = append(out.Rules, rule)
		}
	}
	o.close(out.Firewall)
	return out, bad
}

// cutComment cuts a comment off.
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
		return fmt.Errorf("is an alias that is given twice: the first one counts")
	}
	c.Aliases = append(c.Aliases, a)
	return nil
}

// begins records the first line of an object; it returns false if its name exists.
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
		if c.begins(s, l) { // lines after a second head belong to the first
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
