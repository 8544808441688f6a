package firewall

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

const cluster = `[OPTIONS]

ebtables: 0
enable: 1
log_ratelimit: enable=1,rate=1/second
policy_forward: DROP
policy_in: DROP
policy_out: REJECT
some_option: 5

[ALIASES]

office 192.0.2.0/24 # the big one
six 2001:db8::/64

[IPSET admins] # who may

10.0.0.0/8
!10.1.1.1 # but this one
dc/office

[IPSET empty]

[RULES]

IN SSH(ACCEPT) -i vmbr0 -source +management
|FORWARD DROP -source 10.0.0.0/8 -p tcp -dport 22 -log info # no way
GROUP web -i vmbr1

[group web] # what all may

IN HTTP(ACCEPT) -log nolog
FORWARD HTTP/3(ACCEPT)
|FORWARD DROP -source 10.0.0.1 -dest +dc/admins -p tcp -dport 80,8000:8010 -sport 1024:65535 -log info # off

`

func TestCluster(t *testing.T) {
	c, bad := ReadCluster(cluster)
	if len(bad) > 0 {
		t.Error(bad)
	}
	if d := cmp.Diff(cluster, c.Write()); d != "" {
		t.Errorf("written again (-want +got):\n%s", d)
	}
	if c.Lines["ip-set/admins"] != 16 || c.Entries["admins"][1].Line != 19 || c.Rules["web"][2].Line != 34 || c.DatacenterRules[2].Line != 28 {
		t.Errorf("lines: %v %v %v", c.Lines, c.Entries, c.Rules)
	}
	c.Lines, c.Rules, c.Entries, c.DatacenterRules = nil, nil, nil, nil
	want := &Cluster{
		Options: &model.Firewall{ID: "datacenter", Enable: true, PolicyForward: "DROP", PolicyIn: "DROP", PolicyOut: "REJECT", EBTables: "0", LogRateLimit: "enable=1,rate=1/second", Rules: []model.FirewallRule{
			{Type: "in", Action: "ACCEPT", Macro: "SSH", Source: "+management", IFace: "vmbr0"},
			{Type: "forward", Action: "DROP", Source: "10.0.0.0/8", Proto: "tcp", Dport: "22", Log: "info", Disable: true, Comment: "no way"},
			{Type: "group", Action: "web", IFace: "vmbr1"},
		}},
		Aliases: []*model.Alias{{ID: "office", CIDR: "192.0.2.0/24", Comment: "the big one"}, {ID: "six", CIDR: "2001:db8::/64"}},
		IPSets: []*model.IPSet{
			{ID: "admins", Comment: "who may", Entries: []model.IPSetEntry{{CIDR: "10.0.0.0/8"}, {CIDR: "10.1.1.1", NoMatch: true, Comment: "but this one"}, {CIDR: "dc/office"}}},
			{ID: "empty"},
		},
		Groups: []*model.SecurityGroup{{ID: "web", Comment: "what all may", Rules: []model.FirewallRule{
			{Type: "in", Action: "ACCEPT", Macro: "HTTP", Log: "nolog"}, {Type: "forward", Action: "ACCEPT", Macro: "HTTP/3"},
			{Type: "forward", Action: "DROP", Source: "10.0.0.1", Dest: "+dc/admins", Proto: "tcp", Dport: "80,8000:8010", Sport: "1024:65535", Log: "info", Disable: true, Comment: "off"},
		}}},
		Kept: map[string][]string{"OPTIONS": {"some_option: 5"}},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestVNet(t *testing.T) {
	const text = "[OPTIONS]\n\nenable: 1\nipfilter: 1\nlog_level_forward: info\nmacfilter: 1\npolicy_forward: DROP\n\n[RULES]\n\nGROUP web\nFORWARD ACCEPT -p icmp -icmp-type echo-request\n\n"
	v, bad := ReadVNet("vnet1", text)
	if len(bad) > 0 || v.Write() != text {
		t.Errorf("%v\n%s", bad, v.Write())
	}
	want := &model.Firewall{ID: "vnet1", Enable: true, IPFilter: true, MACFilter: true, LogLevelForward: "info", PolicyForward: "DROP", Rules: []model.FirewallRule{
		{Type: "group", Action: "web"}, {Type: "forward", Action: "ACCEPT", Proto: "icmp", ICMPType: "echo-request"},
	}}
	if d := cmp.Diff(want, v.Firewall); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What cannot be taken is told by its line, and the rest is.
func TestBadLines(t *testing.T) {
	c, bad := ReadCluster("\ufeffpolicy_forward: ACCEPT\r\n[OPTIONS]\r\nenable: 1\n[IPSET]\n10.0.0.1\n[ALIASES]\na b c\n[nonsense\nx\n[OTHER]\nx\n" +
		"[group g1]\nFORWARD\nSIDEWAYS DROP\nFORWARD DROP -x 1\nFORWARD DROP -source\nFORWARD D(R)OP\nFORWARD DROP\n[ALIASES]\nab 10.0.0.1\nab 10.0.0.2\n[IPSET s1]\n10.0.0.1 2\n10.0.0.2")
	var at []string
	for _, p := range bad {
		at = append(at, p.ID)
	}
	want := "line 8 line 1 line 4 line 5 line 7 line 9 line 10 line 11 line 21"
	if got := strings.Join(at, " "); got != want {
		t.Errorf("told: %s\nwant: %s\n%v", got, want, bad)
	}
	if !c.Options.Enable || len(c.Groups) != 1 || len(c.Groups[0].Rules) != 1 || len(c.Aliases) != 1 || len(c.IPSets[0].Entries) != 1 || c.Entries["s1"][0].Unread == "" {
		t.Errorf("the rest: %+v", c)
	}
	var got []string
	for _, r := range c.Rules["g1"] {
		got = append(got, fmt.Sprintf("%d %s|%s|%s", r.Line, r.Type, r.Action, strings.Join(r.Unread, ", ")))
	}
	if d := cmp.Diff([]string{
		"13 |" + "|is no rule, a type and an action at least",
		`14 |DROP|is a rule of an unknown type, "SIDEWAYS"`,
		`15 forward|DROP|has a condition that a network cannot have, "-x"`,
		`16 forward|DROP|lacks the value of "-source"`,
		`17 forward||has no action that can be read, "D(R)OP"`,
		"18 forward|DROP|",
	}, got); d != "" {
		t.Error(d)
	}
}

// What cannot be read of the options of a firewall never makes it protect less.
func TestOptionsFailClosed(t *testing.T) {
	for text, want := range map[string]model.Firewall{
		"[OPTIONS]\nenable: maybe\npolicy_forward: drop\n":              {Enable: true, PolicyForward: "DROP"},
		"[OPTIONS]\nenable: 1\npolicy_forward: REJECT\n":                {Enable: true, PolicyForward: "DROP"},
		"[OPTIONS]\nenable: 1\npolicy_forwrd: DROP\n":                   {Enable: true, PolicyForward: "DROP"},
		"[OPTIONS]\nenble: 1\npolicy_forward: DROP\n":                   {Enable: true, PolicyForward: "DROP"},
		"[OPTIONS]\nenable: 0\nnew_option: 1\npolicy_forward: ACCEPT\n": {PolicyForward: "ACCEPT"},
		"[OPTIONS\nenable: 1\npolicy_forward: DROP\n":                   {Enable: true, PolicyForward: "DROP"},
		"[OPTIONS]\nenable: 1\nenable: 0\nmacfilter: x\nipfilter: 2\n":  {Enable: true, MACFilter: true, IPFilter: true},
		"[OPTIONS]\nenable: 1\nlog_level_forward: loud\n":               {Enable: true},
	} {
		want.ID = "vnet1"
		v, bad := ReadVNet("vnet1", text)
		if d := cmp.Diff(&want, v.Firewall); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		if len(bad) == 0 && len(v.Kept) == 0 && !strings.Contains(text, "forward: drop") {
			t.Errorf("%q: nothing is told", text)
		}
	}
	for text, want := range map[string]model.Firewall{
		"policy_forward: DROPP\n":           {PolicyForward: "DROP"},
		"policy_in: ALLOW\n":                {PolicyIn: "DROP"},
		"policy_out: reject\npolicy_out: x": {PolicyOut: "REJECT"},
		"policy_out:\n":                     {PolicyOut: "DROP"},
		"ebtables: ~0\n":                    {EBTables: "1"},
		"ebtables: off\nebtables: 1\n":      {EBTables: "0"},
		"log_ratelimit: 1/second\n":         {},
		"log_ratelimit: \n":                 {},
		"policy_frward: REJECT\n":           {PolicyForward: "DROP"},
		"enble: 1\n":                        {Enable: true},
		"macfilter: 1\nlog_level_in: info":  {},
	} {
		want.ID = model.FirewallDatacenter
		if !strings.HasPrefix(text, "enble") && !want.Enable {
			text += "\nenable: 0\n"
		}
		c, bad := ReadCluster("[OPTIONS]\n" + text)
		if d := cmp.Diff(&want, c.Options); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		if len(bad) == 0 && len(c.Kept) == 0 {
			t.Errorf("%q: nothing is told", text)
		}
	}
	v, _ := ReadVNet("vnet1", "[RULES\nFORWARD DROP -source 10.0.0.1\n")
	if len(v.Rules) != 1 || v.Rules[0].Action != "DROP" || v.Rules[0].Unread == nil {
		t.Errorf("rules in a damaged section: %+v", v.Rules)
	}
}

// A rule that is good survives a file.
func TestRulesSurvive(t *testing.T) {
	word := rapid.StringMatching(`[a-zA-Z0-9+/:.,-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		r := model.FirewallRule{
			Type: rapid.SampledFrom([]string{"in", "out", "forward"}).Draw(t, "type"), Action: rapid.SampledFrom([]string{"ACCEPT", "DROP", "REJECT"}).Draw(t, "action"),
			Macro: rapid.SampledFrom([]string{"", "SSH", "HTTP/3"}).Draw(t, "macro"), Source: word.Draw(t, "source"), Dest: word.Draw(t, "dest"), Proto: word.Draw(t, "proto"),
			Sport: word.Draw(t, "sport"), Dport: word.Draw(t, "dport"), ICMPType: word.Draw(t, "icmp"), Log: word.Draw(t, "log"),
			IFace: word.Draw(t, "iface"), Disable: rapid.Bool().Draw(t, "disable"), Comment: rapid.StringMatching(`([a-z#]([a-z #]{0,10}[a-z#])?)?`).Draw(t, "comment"),
		}
		got, err := ParseRule(FormatRule(r))
		if err != nil || got != r {
			t.Fatalf("%v\n%+v\n%+v\n%s", err, r, got, FormatRule(r))
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(cluster)
	f.Fuzz(func(t *testing.T, text string) {
		c, _ := ReadCluster(text)
		_, _ = ReadVNet("vnet1", text)
		// What was read is written so that it is read again.
		again, bad := ReadCluster(c.Write())
		if len(bad) > 0 {
			t.Fatalf("%q is written as %q, of which is told %v", text, c.Write(), bad)
		}
		if d := cmp.Diff(c.Options, again.Options); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(c.Groups, again.Groups); d != "" {
			t.Fatal(d)
		}
	})
}
