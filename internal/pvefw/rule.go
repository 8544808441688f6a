package pvefw

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// actionForm is an action, alone or behind a macro: "ACCEPT", "SSH(ACCEPT)".
var actionForm = regexp.MustCompile(`^([A-Za-z0-9/_-]+)(?:\(([A-Za-z]+)\))?$`)

// ifaceFlag is the option that names an interface.
const ifaceFlag = "-i"

// flags are the options of a rule's line, in the order in which they are written, by
// the field of the rule.
func flags(r *model.FirewallRule) []struct {
	names []string
	into  *string
} {
	return []struct {
		names []string
		into  *string
	}{
		{[]string{ifaceFlag, "-iface"}, &r.IFace},
		{[]string{"-source"}, &r.Source},
		{[]string{"-dest"}, &r.Dest},
		{[]string{"-p", "-proto"}, &r.Proto},
		{[]string{"-dport"}, &r.Dport},
		{[]string{"-sport"}, &r.Sport},
		{[]string{"-log"}, &r.Log},
		{[]string{"-icmp-type"}, &r.ICMPType},
	}
}

// ParseRule reads a line of rules: "|FORWARD SSH(ACCEPT) -source 10.0.0.0/8 # office".
// What is in front of the first blank may begin with a bar, which disables the rule.
func ParseRule(text string) (model.FirewallRule, error) {
	var r model.FirewallRule
	text, r.Comment = cutComment(text)
	text, r.Disable = strings.CutPrefix(text, "|")
	f := strings.Fields(text)
	if len(f) < 2 {
		return r, fmt.Errorf("is no rule, a type and an action at least")
	}
	r.Type = strings.ToLower(f[0])
	switch r.Type {
	case model.RuleGroup:
		r.Action = strings.ToLower(f[1])
	case model.RuleIn, model.RuleOut, model.RuleForward:
		m := actionForm.FindStringSubmatch(f[1])
		if m == nil {
			return r, fmt.Errorf("has no action that can be read, %q", f[1])
		}
		if r.Action = m[1]; m[2] != "" {
			r.Macro, r.Action = m[1], m[2]
		}
		r.Action = strings.ToUpper(r.Action)
	default:
		return r, fmt.Errorf("is a rule of an unknown type, %q", f[0])
	}
	for f = f[2:]; len(f) > 0; f = f[2:] {
		into := field(&r, f[0])
		switch {
		case into == nil:
			return r, fmt.Errorf("has a condition that a network cannot have, %q", f[0])
		case len(f) == 1:
			return r, fmt.Errorf("lacks the value of %q", f[0])
		}
		*into = f[1]
	}
	return r, nil
}

// field is what an option of a rule's line sets; nil for one that is not known.
func field(r *model.FirewallRule, name string) *string {
	for _, f := range flags(r) {
		for _, n := range f.names {
			if n == name {
				return f.into
			}
		}
	}
	return nil
}

// FormatRule writes a rule as ParseRule reads it.
func FormatRule(r model.FirewallRule) string {
	var b strings.Builder
	if r.Disable {
		b.WriteString("|")
	}
	b.WriteString(strings.ToUpper(r.Type) + " ")
	if r.Macro != "" {
		b.WriteString(r.Macro + "(" + r.Action + ")")
	} else {
		b.WriteString(r.Action)
	}
	for _, f := range flags(&r) {
		if *f.into != "" {
			// A list is one word: blanks between its items say nothing.
			b.WriteString(" " + f.names[0] + " " + strings.Join(strings.Fields(*f.into), ""))
		}
	}
	return b.String() + comment(r.Comment)
}

// comment writes a comment behind what it is of.
func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + text
}
