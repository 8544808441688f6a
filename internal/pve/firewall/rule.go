package firewall

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// actionForm is an action, alone or after a macro: "ACCEPT", "SSH(ACCEPT)".
var actionForm = regexp.MustCompile(`^([A-Za-z0-9/_-]+)(?:\(([A-Za-z]+)\))?$`)

// ifaceFlag is the option that names an interface.
const ifaceFlag = "-i"

// flags returns the options of a rule's line, in the order in which they are written, with
// the fields of the rule.
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

// Rule is a line of rules, with its readable parts.
type Rule struct {
	model.FirewallRule
	// Line is its number, and Text its content.
	Line int
	Text string
	// Unread describes the unreadable parts of the line; nil means none. An unreadable type
	// or action is empty.
	Unread []string
}

// ParseRule parses a line of rules: "|FORWARD SSH(ACCEPT) -source 10.0.0.0/8 # office".
// It may begin with a bar, which disables the rule.
func ParseRule(text string) (model.FirewallRule, error) {
	r := ReadRule(text)
	if len(r.Unread) > 0 {
		return r.FirewallRule, fmt.Errorf("%s", r.Unread[0])
	}
	return r.FirewallRule, nil
}

// ReadRule reads the readable parts of a line of rules.
func ReadRule(line string) Rule {
	r := Rule{Text: line}
	unread := func(format string, args ...any) { r.Unread = append(r.Unread, fmt.Sprintf(format, args...)) }
	text, comment := cutComment(line)
	r.Comment = comment
	text, r.Disable = strings.CutPrefix(text, "|")
	f := strings.Fields(text)
	if len(f) < 2 {
		unread("is no rule, a type and an action at least")
		return r
	}
	switch r.Type = strings.ToLower(f[0]); r.Type {
	case model.RuleGroup:
		r.Action = strings.ToLower(f[1])
	case model.RuleIn, model.RuleOut, model.RuleForward:
	default:
		r.Type = ""
		unread("is a rule of an unknown type, %q", f[0])
	}
	if r.Type != model.RuleGroup {
		r.action(f[1], unread)
	}
	r.conditions(f[2:], unread)
	return r
}

// action parses the action.
func (r *Rule) action(text string, unread func(string, ...any)) {
	m := actionForm.FindStringSubmatch(text)
	if m == nil {
		unread("has no action that can be read, %q", text)
		return
	}
	if r.Action = m[1]; m[2] != "" {
		r.Macro, r.Action = m[1], m[2]
	}
	r.Action = strings.ToUpper(r.Action)
}

// conditions parses the options of a rule.
func (r *Rule) conditions(f []string, unread func(string, ...any)) {
	twice := map[*string]bool{}
	defer func() {
		for into := range twice { // it is unknown which of them is meant
			*into = ""
		}
	}()
	for len(f) > 0 {
		into := field(&r.FirewallRule, f[0])
		if into == nil {
			unread("has a condition that a network cannot have, %q", f[0])
			for f = f[1:]; len(f) > 0 && field(&r.FirewallRule, f[0]) == nil; {
				f = f[1:]
			}
			continue
		}
		if len(f) == 1 {
			unread("lacks the value of %q", f[0])
			return
		}
		if *into != "" {
			unread("says %q twice", f[0])
			twice[into] = true
		}
		*into = f[1]
		f = f[2:]
	}
}

// field returns the field of an option of a rule's line; nil for an unknown option.
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

// FormatRule formats a rule in the form of ParseRule.
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
			// A list is one word: blanks between its items have no meaning.
			b.WriteString(" " + f.names[0] + " " + strings.Join(strings.Fields(*f.into), ""))
		}
	}
	return b.String() + comment(r.Comment)
}

// comment formats a comment at the end of a line.
func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + text
}
