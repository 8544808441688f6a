package pvefw

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Cluster is what cluster.fw holds.
type Cluster struct {
	// Options is the firewall of the datacenter, with the rules of the section RULES;
	// nil without that and the section OPTIONS.
	Options *model.Firewall
	Aliases []*model.Alias
	IPSets  []*model.IPSet
	Groups  []*model.SecurityGroup
	// Kept are the lines that are no part of the above, by section: "OPTIONS".
	Kept map[string][]string
}

// VNet is what the file of a VNet holds.
type VNet struct {
	Firewall *model.Firewall
	// Kept is as of Cluster.
	Kept map[string][]string
}

// sectionForm is the head of a section: "[OPTIONS]", "[IPSET name] # comment".
var sectionForm = regexp.MustCompile(`^\[\s*([A-Za-z]+)(?:\s+([A-Za-z][A-Za-z0-9_-]+))?\s*\]\s*(?:#\s*(.*?)\s*)?$`)

// The sections.
const (
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

// lines are those of a file that say something. A line outside of any section, or
// behind a head that is none, is told in bad.
func lines(text string) (out []line, bad model.Problems) {
	at := line{}
	for raw := range strings.Lines(text) {
		at.number++
		at.text = strings.TrimSpace(raw)
		switch {
		case at.text == "" || at.text[0] == '#':
			continue
		case at.text[0] == '[':
			m := sectionForm.FindStringSubmatch(at.text)
			at.section, at.name, at.comment, at.text = "", "", "", ""
			if m == nil {
				bad = append(bad, problem(at.number, strings.TrimSpace(raw), "is no head of a section; what follows was left out"))
				continue
			}
			at.section, at.name, at.comment = strings.ToUpper(m[1]), strings.ToLower(m[2]), m[3]
		case at.section == "":
			bad = append(bad, problem(at.number, at.text, "is in no section, and was left out"))
			continue
		}
		out = append(out, at)
	}
	return out, bad
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
	out := &Cluster{Kept: map[string][]string{}}
	all, bad := lines(text)
	for _, l := range all {
		var err error
		switch l.section {
		case sectionOptions, sectionRules:
			err = out.datacenter(l)
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
	return out, bad
}

// datacenter takes a line of the options or of the rules.
func (c *Cluster) datacenter(l line) error {
	if c.Options == nil {
		c.Options = &model.Firewall{ID: model.FirewallDatacenter}
	}
	switch {
	case l.text == "":
	case l.section == sectionRules:
		rule, err := ParseRule(l.text)
		if err != nil {
			return err
		}
		c.Options.Rules = append(c.Options.Rules, rule)
	case !option(c.Options, l.text):
		c.Kept[sectionOptions] = append(c.Kept[sectionOptions], l.text)
	}
	return nil
}

// networkRule reads a rule of a VNet or of a security group, which are for no interface.
func networkRule(text string) (model.FirewallRule, error) {
	rule, err := ParseRule(text)
	if err == nil && rule.IFace != "" {
		err = fmt.Errorf("has a condition that a network cannot have, %q", ifaceFlag)
	}
	return rule, err
}

// ReadVNet reads the file of a VNet's firewall.
func ReadVNet(id, text string) (*VNet, model.Problems) {
	out := &VNet{Firewall: &model.Firewall{ID: id}, Kept: map[string][]string{}}
	all, bad := lines(text)
	for _, l := range all {
		switch {
		case l.text == "":
		case l.section == sectionOptions:
			if !option(out.Firewall, l.text) {
				out.Kept[sectionOptions] = append(out.Kept[sectionOptions], l.text)
			}
		case l.section == sectionRules:
			rule, err := networkRule(l.text)
			if err != nil {
				bad = append(bad, problem(l.number, l.text, "%s, and was left out", err))
				continue
			}
			out.Firewall.Rules = append(out.Firewall.Rules, rule)
		default:
			bad = append(bad, problem(l.number, l.text, "section %s is none of a VNet's, and was left out", l.section))
		}
	}
	return out, bad
}

// option takes a line "name: value"; false if the model has no word for it.
func option(f *model.Firewall, text string) bool {
	name, value, _ := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	switch strings.TrimSpace(name) {
	case "enable":
		f.Enable = value != "0"
		return true
	case "policy_forward":
		f.PolicyForward = value
		return value == model.FirewallAccept || value == model.FirewallDrop
	case "log_level_forward":
		f.LogLevelForward = value
		return true
	}
	if f.ID == model.FirewallDatacenter {
		return datacenterOption(f, strings.TrimSpace(name), value)
	}
	switch strings.TrimSpace(name) {
	case "macfilter":
		f.MACFilter = value != "0"
	case "ipfilter":
		f.IPFilter = value != "0"
	default:
		return false
	}
	return true
}

// datacenterOption takes an option that only the datacenter has.
func datacenterOption(f *model.Firewall, name, value string) bool {
	switch name {
	case "policy_in":
		f.PolicyIn = value
	case "policy_out":
		f.PolicyOut = value
	case "log_ratelimit":
		f.LogRateLimit = value
	case "ebtables":
		f.EBTables = "1"
		if value == "0" {
			f.EBTables = "0"
		}
	default:
		return false
	}
	return true
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
	c.Aliases = append(c.Aliases, &model.Alias{ID: strings.ToLower(f[0]), CIDR: f[1], Comment: comment})
	return nil
}

func (c *Cluster) ipSet(l line) error {
	if l.text == "" {
		if l.name == "" {
			return fmt.Errorf("lacks the name of the IP set")
		}
		c.IPSets = append(c.IPSets, &model.IPSet{ID: l.name, Comment: l.comment})
		return nil
	}
	if l.name == "" {
		return fmt.Errorf("is in an IP set without a name")
	}
	text, comment := cutComment(l.text)
	cidr, noMatch := strings.CutPrefix(text, "!")
	cidr = strings.TrimSpace(cidr)
	if cidr == "" || strings.ContainsAny(cidr, " \t") {
		return fmt.Errorf("is no entry of an IP set")
	}
	set := c.IPSets[len(c.IPSets)-1]
	set.Entries = append(set.Entries, model.IPSetEntry{CIDR: cidr, NoMatch: noMatch, Comment: comment})
	return nil
}

func (c *Cluster) group(l line) error {
	if l.text == "" {
		if l.name == "" {
			return fmt.Errorf("lacks the name of the security group")
		}
		c.Groups = append(c.Groups, &model.SecurityGroup{ID: l.name, Comment: l.comment})
		return nil
	}
	if l.name == "" {
		return fmt.Errorf("is in a security group without a name")
	}
	rule, err := networkRule(l.text)
	if err == nil {
		g := c.Groups[len(c.Groups)-1]
		g.Rules = append(g.Rules, rule)
	}
	return err
}
