package firewall

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Write formats cluster.fw, in the order and form of Proxmox VE. It is empty if there is
// nothing to write.
func (c *Cluster) Write() string {
	var b strings.Builder
	if c.Options != nil || len(c.Kept[sectionOptions]) > 0 {
		section(&b, sectionOptions, "", append(options(c.Options), c.Kept[sectionOptions]...))
	}
	var aliases []string
	for _, a := range c.Aliases {
		aliases = append(aliases, a.ID+" "+a.CIDR+comment(a.Comment))
	}
	if len(aliases) > 0 {
		section(&b, sectionAliases, "", aliases)
	}
	for _, s := range c.IPSets {
		var entries []string
		for _, e := range s.Entries {
			not := ""
			if e.NoMatch {
				not = "!"
			}
			entries = append(entries, not+e.CIDR+comment(e.Comment))
		}
		section(&b, sectionIPSet+" "+s.ID, s.Comment, entries)
	}
	if c.Options != nil && len(c.Options.Rules) > 0 {
		section(&b, sectionRules, "", rules(c.Options.Rules))
	}
	for _, g := range c.Groups {
		section(&b, "group "+g.ID, g.Comment, rules(g.Rules))
	}
	return b.String()
}

// Write formats the file of a VNet's firewall.
func (v *VNet) Write() string {
	var b strings.Builder
	if o := append(options(v.Firewall), v.Kept[sectionOptions]...); len(o) > 0 {
		section(&b, sectionOptions, "", o)
	}
	if len(v.Firewall.Rules) > 0 {
		section(&b, sectionRules, "", rules(v.Firewall.Rules))
	}
	return b.String()
}

// section writes a section and a blank line.
func section(b *strings.Builder, head, what string, lines []string) {
	fmt.Fprintf(b, "[%s]%s\n\n", head, comment(what))
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if len(lines) > 0 {
		b.WriteString("\n")
	}
}

func rules(list []model.FirewallRule) []string {
	var out []string
	for _, r := range list {
		out = append(out, FormatRule(r))
	}
	return out
}

// options returns the lines of the options that are set, sorted.
func options(f *model.Firewall) []string {
	if f == nil {
		return nil
	}
	truth := map[bool]string{true: "1"}
	enable := "0"
	if f.Enable {
		enable = "1"
	}
	var out []string
	for _, o := range []struct{ name, value string }{
		{"ebtables", f.EBTables}, {"enable", enable}, {"ipfilter", truth[f.IPFilter]}, {"log_level_forward", f.LogLevelForward},
		{"log_ratelimit", f.LogRateLimit}, {"macfilter", truth[f.MACFilter]},
		{"policy_forward", f.PolicyForward}, {"policy_in", f.PolicyIn}, {"policy_out", f.PolicyOut},
	} {
		if o.value != "" {
			out = append(out, o.name+": "+o.value)
		}
	}
	return out
}
