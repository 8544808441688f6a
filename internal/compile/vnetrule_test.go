package compile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// rule draws a rule of good and bad words.
func rule(t *rapid.T) model.FirewallRule {
	word := func(name string, words ...string) string {
		return rapid.SampledFrom(append(words, "", "", "no good", `x" accept`)).Draw(t, name)
	}
	return model.FirewallRule{
		Type: model.RuleForward, Action: model.FirewallAccept, Macro: word("macro", "", "", "SSH"),
		Source: word("source", "10.0.0.1", "fd00::/8,10.0.0.0/8", "+dc/none", "+sdn/none-all", "none", "10.0.0.1,nonsense"), Dest: word("dest", "10.0.0.2", "fd00::1"),
		Proto: word("proto", "tcp", "icmp", "icmpv6", "47"), Sport: word("sport", "", "1:5"), Dport: word("dport", "80,443", "echo-request"),
		ICMPType: word("icmp-type", "", "echo-reply", "3/4"), Log: word("log", "info"),
	}
}

// A rule with a condition that cannot be read matches nothing, rather than all, and no
// word of it gets into the rules of nftables as it is.
func TestBadConditionsMatchNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Custom(rule).Draw(t, "rule")
		n := &firewallBuilder{node: &node{input: &input{cfg: &model.Config{}}}, sets: ipSets{}}
		n.sets.add(n.node, []model.FirewallRule{f})
		r := n.ruleset("inet")
		live := &model.Config{SecurityGroups: map[string]*model.SecurityGroup{"group": {ID: "group", Rules: []model.FirewallRule{f}}}}
		f.Log = "" // what cannot be read there only logs nothing
		bad := len(model.ValidateLive([]model.Edit{{Put: &model.SecurityGroup{ID: "group", Rules: []model.FirewallRule{f}}}}, live, &model.Config{}, nil)) > 0
		for _, m := range r.matches(&f) {
			if bad && m.text == "" {
				t.Fatalf("%+v matches all", f)
			}
			for _, c := range m.text {
				if c == '"' || c == '\n' || c == ';' {
					t.Fatalf("%+v becomes %q", f, m.text)
				}
			}
		}
	})
}

func TestMatches(t *testing.T) {
	n := &firewallBuilder{node: &node{input: &input{cfg: &model.Config{}}}}
	for _, c := range []struct {
		rule model.FirewallRule
		want []match
	}{
		{model.FirewallRule{}, []match{{}}},
		{model.FirewallRule{Source: "10.0.0.1,10.0.0.2", Dest: "fd00::1"}, nil},
		{model.FirewallRule{Source: "10.0.0.1,fd00::1", Proto: "icmp", Dport: "echo-request"}, []match{{4, "ip saddr 10.0.0.1 icmp type 8"}}},
		{model.FirewallRule{Proto: "icmpv6", ICMPType: "any"}, []match{{6, "meta l4proto 58"}}},
		{model.FirewallRule{Proto: "gre"}, []match{{0, "meta l4proto 47"}}},
		{model.FirewallRule{Proto: "udp", Sport: "1:5,7", Dport: "53"}, []match{{0, "meta l4proto 17 th sport { 1-5, 7 } th dport 53"}}},
		{model.FirewallRule{Macro: "none"}, nil},
		{model.FirewallRule{Source: "none"}, nil},
		{model.FirewallRule{Proto: "gre", Dport: "5"}, nil},
	} {
		if d := cmp.Diff(c.want, n.ruleset("inet").matches(&c.rule), cmp.AllowUnexported(match{})); d != "" {
			t.Errorf("%+v:\n%s", c.rule, d)
		}
	}
}
