package pvefw

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Cluster is what cluster.fw holds.
type Cluster struct {
	// Options has the switch of all; nil without the section OPTIONS.
	Options *model.Firewall
	Aliases []*model.Alias
	// IPSets and Groups have the entries and rules that could be read whole.
	IPSets []*model.IPSet
	Groups []*model.SecurityGroup
	// Kept are the lines that are no part of the above, by section: "OPTIONS" and
	// "RULES".
	Kept map[string][]string

	// Lines are where objects begin, by reference ("ip-set/admins"); Rules are the lines
	// of each security group, Entries those of each IP set, also those that could not be
	// read.
	Lines   map[string]int
	Rules   map[string][]Rule
	Entries map[string][]Entry
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
		case sectionNone:
			if !o.stray(out.options, l) {
				err = fmt.Errorf("is in no section")
			}
		case sectionOptions:
			f := out.options()
			if l.text != "" && !o.read(f, l) {
				out.Kept[sectionOptions] = append(out.Kept[sectionOptions], l.text)
			}
		case sectionRules:
			if l.text != "" {
				out.Kept[sectionRules] = append(out.Kept[sectionRules], l.text)
			}
		case sectionAliases:
			err = out.alias(l)
		case sectionIPSet:
			err = out.ipSet(l)
		case sectionGroup:
			err = out.group(l)
		default:
			err = fmt.Errorf("section %s is not known", l.section)
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

// options is the switch of all, which there is from now on.
func (c *Cluster) options() *model.Firewall {
	if c.Options == nil {
		c.Options = &model.Firewall{ID: model.FirewallDatacenter}
	}
	return c.Options
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
			rule := ReadRule(l.text)
			rule.Line = l.number
			out.Rules = append(out.Rules, rule)
			if rule.Unread == nil {
				out.Firewall.Rules = append(out.Firewall.Rules, rule.FirewallRule)
			}
		case o.stray(func() *model.Firewall { return out.Firewall }, l):
		default: // perhaps a rule, whose section's head is damaged
			rule := ReadRule(l.text)
			rule.Line = l.number
			rule.Unread = append(rule.Unread, "is not in the section of the rules")
			out.Rules = append(out.Rules, rule)
		}
	}
	o.close(out.Firewall)
	return out, bad
}

// optionReader reads the options of one firewall. A switch whose value cannot be read is
// on, and a policy DROP; and so they are if they are not set at all while there is a line
// that may have done it.
type optionReader struct {
	bad *model.Problems
	set map[string]bool
	// odd are the lines whose names are not known.
	odd []line
}

func (o *optionReader) tell(l line, format string, args ...any) {
	*o.bad = append(*o.bad, problem(l.number, l.text, format, args...))
}

// foreign are the options of cluster.fw that are known, but not for networks.
var foreign = []string{"ebtables", "policy_in", "policy_out", "log_ratelimit", "log_level_in", "log_level_out"}

// read takes a line "name: value"; false if the model has no word for it.
func (o *optionReader) read(f *model.Firewall, l line) bool {
	name, value, _ := strings.Cut(l.text, ":")
	name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
	vnet := f.ID != model.FirewallDatacenter
	if o.set[name] {
		o.tell(l, "stands there twice: the first one counts")
		return true
	}
	switch {
	case name == "enable":
		f.Enable = o.truth(l, value)
	case name == "policy_forward":
		f.PolicyForward = strings.ToUpper(value)
		if f.PolicyForward != model.FirewallAccept && f.PolicyForward != model.FirewallDrop {
			f.PolicyForward = model.FirewallDrop
			o.tell(l, "%q is no policy, ACCEPT or DROP; DROP was taken, which lets nothing pass", value)
		}
	case name == "log_level_forward":
		if f.LogLevelForward = value; !slices.Contains(model.LogLevels, value) {
			f.LogLevelForward = ""
			o.tell(l, "%q is no log level, one of %s, and was left out", value, strings.Join(model.LogLevels, ", "))
		}
	case name == "macfilter" && vnet:
		f.MACFilter = o.truth(l, value)
	case name == "ipfilter" && vnet:
		f.IPFilter = o.truth(l, value)
	default:
		if !slices.Contains(foreign, name) {
			o.odd = append(o.odd, l)
		}
		return false
	}
	if o.set == nil {
		o.set = map[string]bool{}
	}
	o.set[name] = true
	return true
}

// truth reads a switch.
func (o *optionReader) truth(l line, value string) bool {
	switch strings.ToLower(value) {
	case "1", "on", "yes", "true":
		return true
	case "0", "off", "no", "false":
		return false
	}
	o.tell(l, "%q is not 1 or 0; 1 was taken, so that nothing is less protected", value)
	return true
}

// stray takes a line in no section that has the form of an option that is known.
func (o *optionReader) stray(of func() *model.Firewall, l line) bool {
	name, _, is := strings.Cut(l.text, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if !is || !slices.Contains([]string{"enable", "policy_forward", "log_level_forward", "macfilter", "ipfilter"}, name) {
		return false
	}
	if o.read(of(), l) {
		o.tell(l, "is in no section; it was taken as an option all the same")
	}
	return true
}

// close sets what a line of an unknown name may have been meant to set.
func (o *optionReader) close(f *model.Firewall) {
	for _, l := range o.odd {
		_, value, _ := strings.Cut(l.text, ":")
		value = strings.ToUpper(strings.TrimSpace(value))
		switch {
		case value == model.FirewallDrop || value == model.FirewallReject:
			if !o.set["policy_forward"] {
				f.PolicyForward = model.FirewallDrop
				o.tell(l, "may be the policy, which is not set otherwise: DROP was taken, which lets nothing pass")
			}
		case value != "0" && !o.set["enable"]:
			f.Enable = true
			o.tell(l, "may be the switch, which is not set otherwise: enable 1 was taken, so that nothing is less protected")
		}
	}
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
	rule := ReadRule(l.text)
	rule.Line = l.number
	c.Rules[l.name] = append(c.Rules[l.name], rule)
	if rule.Unread == nil {
		i := slices.IndexFunc(c.Groups, func(g *model.SecurityGroup) bool { return g.ID == l.name })
		c.Groups[i].Rules = append(c.Groups[i].Rules, rule.FirewallRule)
	}
	return nil
}
