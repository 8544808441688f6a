package model

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMacros(t *testing.T) {
	if !slices.IsSortedFunc(macros, func(a, b Macro) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }) {
		t.Error("macros are not sorted")
	}
	for _, m := range Macros() {
		found, ok := FindMacro(strings.ToUpper(m.Name))
		if !ok || found.Name != m.Name || m.Doc == "" || len(m.Matches()) == 0 {
			t.Errorf("macro %q is found as %q, %v", m.Name, found.Name, ok)
		}
		for _, part := range m.Matches() {
			cfg := &Config{SecurityGroups: map[string]*SecurityGroup{"web": {ID: "web", Rules: []FirewallRule{part}}}}
			cfg.SecurityGroups["web"].Rules[0].Type, cfg.SecurityGroups["web"].Rules[0].Action = RuleForward, FirewallDrop
			if ps := ValidateLive([]Edit{{Put: cfg.SecurityGroups["web"]}}, cfg, &Config{}, nil); len(ps) > 0 {
				t.Errorf("macro %s: %v", m.Name, ps)
			}
		}
	}
	if len(macros) != 88 {
		t.Errorf("%d macros", len(macros))
	}
}

func TestParsePeer(t *testing.T) {
	addr := netip.MustParseAddr
	for text, want := range map[string]*Peer{
		"10.0.0.1":              {Range: Range{addr("10.0.0.1"), addr("10.0.0.1")}},
		"10.0.0.77/24":          {Range: Range{addr("10.0.0.0"), addr("10.0.0.255")}},
		"fd00::/64":             {Range: Range{addr("fd00::"), addr("fd00::ffff:ffff:ffff:ffff")}},
		"10.0.0.5-10.0.0.9":     {Range: Range{addr("10.0.0.5"), addr("10.0.0.9")}},
		"10.0.0.9-10.0.0.5":     nil,
		"10.0.0.9-fd00::":       nil,
		"Web":                   {Scope: "dc", Alias: "web"},
		"dc/web":                {Scope: "dc", Alias: "web"},
		"+Web":                  {Scope: "dc", Set: "web"},
		"+dc/web":               {Scope: "dc", Set: "web"},
		"sdn/vnet1-all":         nil,
		"+sdn/Vnet1-no-gateway": {Scope: "sdn", Set: "Vnet1-no-gateway"},
		"+sdn/guest-ipam-100":   {Scope: "sdn", Set: "guest-ipam-100"},
		"+sdn/guest-ipam-7":     nil,
		"+sdn/vnet1":            nil,
		"+guest/web":            nil,
		"10.0.0.1/33":           nil,
		"::ffff:10.0.0.1":       nil,
		"fe80::1%eth0":          nil,
		"":                      nil,
		"+":                     nil,
		"a;b":                   nil,
		`x" drop`:               nil,
	} {
		got, ok := ParsePeer(text)
		if ok != (want != nil) || ok && got != *want {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
}

func TestParsePorts(t *testing.T) {
	for text, want := range map[string][]Ports{
		"80,443":           {{80, 80}, {443, 443}},
		"8000:8010,https":  {{443, 443}, {8000, 8010}},
		"1:10,5:20,21, 30": {{1, 21}, {30, 30}},
		"65535,0:65535":    {{0, 65535}},
		"":                 nil, ",": nil, "80,": nil, "-1": nil, "65536": nil, "+5": nil, "9:8": nil, "a:b": nil, "1-2": nil,
		"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16": nil,
	} {
		got, ok := ParsePorts(text)
		if d := cmp.Diff(want, got); d != "" || ok != (want != nil) {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
}

// firewalls returns a valid configuration with all firewall kinds.
func firewalls() *Config {
	live := &Config{}
	for _, o := range []Object{
		&Alias{ID: "office", CIDR: "192.0.2.0/24"},
		&Alias{ID: "six", CIDR: "2001:db8::1"},
		&IPSet{ID: "admins", Entries: []IPSetEntry{{CIDR: "10.0.0.0/8"}, {CIDR: "10.1.1.1", NoMatch: true}, {CIDR: "dc/office"}, {CIDR: "fd00::1-fd00::9"}}},
		&SecurityGroup{ID: "web", Rules: []FirewallRule{{Type: RuleIn, Action: FirewallAccept, Macro: "web"}, {Type: RuleForward, Action: FirewallAccept, Macro: "HTTP/3"}}},
		&Firewall{ID: FirewallDatacenter, Enable: true, PolicyForward: FirewallAccept},
		&Firewall{ID: "vnet1", Enable: true, PolicyForward: FirewallDrop, LogLevelForward: "info", MACFilter: true, Rules: []FirewallRule{
			{Type: RuleGroup, Action: "web"},
			{Type: RuleForward, Action: FirewallReject, Source: "office,+admins", Dest: "+sdn/vnet1-all", Proto: "tcp", Dport: "22,ssh", Log: "warning"},
			{Type: RuleForward, Action: FirewallAccept, Proto: "icmpv6", ICMPType: "echo-request", Source: "six"},
			{Type: RuleForward, Action: FirewallDrop, Source: "+sdn/guest-ipam-100"},
		}},
	} {
		live.Set(o)
	}
	return live
}

func TestValidateFirewall(t *testing.T) {
	cfg := &Config{VNets: map[string]*VNet{"vnet1": {ID: "vnet1"}}}
	for _, k := range []Kind{KindAlias, KindIPSet, KindSecurityGroup, KindFirewall} {
		for o := range firewalls().Each(k) {
			if ps := ValidateLive([]Edit{{Put: o}}, firewalls(), cfg, nil); len(ps) > 0 {
				t.Errorf("a good one: %v", ps)
			}
		}
	}
	rule := FirewallRule{Type: RuleForward, Action: FirewallAccept}
	with := func(change func(r *FirewallRule)) Object {
		r := rule
		change(&r)
		return &Firewall{ID: "vnet1", Rules: []FirewallRule{r}}
	}
	for _, c := range []struct {
		name string
		put  Object
		want string // part of the only problem
	}{
		{"alias", &Alias{ID: "x1", CIDR: "10.0.0.1-10.0.0.2"}, `alias x1: cidr "10.0.0.1-10.0.0.2": is no address`},
		{"name", &Alias{ID: "Xy", CIDR: "10.0.0.1"}, "lower-case"},
		{"comment", &Alias{ID: "xy", CIDR: "10.0.0.1", Comment: "a\n[RULES]"}, "one line"},
		{"entry", &IPSet{ID: "xy", Entries: []IPSetEntry{{CIDR: "+dc/admins"}}}, "entries[0].cidr"},
		{"twice", &IPSet{ID: "xy", Entries: []IPSetEntry{{CIDR: "10.0.0.1"}, {CIDR: "10.0.0.1"}}}, "already entries[0]"},
		{"all", &IPSet{ID: "xy", Entries: []IPSetEntry{{CIDR: "0.0.0.0/0"}}}, "every address"},
		{"no alias", &IPSet{ID: "xy", Entries: []IPSetEntry{{CIDR: "ofice"}}}, "did you mean office?"},
		{"nested group", &SecurityGroup{ID: "xy", Rules: []FirewallRule{{Type: RuleGroup, Action: "web"}}}, "use in, out, forward"},
		{"in", &Firewall{ID: "vnet1", Rules: []FirewallRule{{Type: RuleIn, Action: FirewallAccept}}}, "use forward, group"},
		{"vnet", &Firewall{ID: "vnet2"}, "did you mean vnet1?"},
		{"filter of the datacenter", &Firewall{ID: FirewallDatacenter, MACFilter: true}, "mac-filter"},
		{"policy of hosts", &Firewall{ID: FirewallDatacenter, PolicyIn: "drop"}, "ACCEPT, DROP or REJECT"},
		{"ebtables", &Firewall{ID: FirewallDatacenter, EBTables: "yes"}, "use 0 or 1"},
		{"rate", &Firewall{ID: FirewallDatacenter, LogRateLimit: "1,rate=1/week"}, "rate is written like"},
		{"burst", &Firewall{ID: FirewallDatacenter, LogRateLimit: "burst=-1"}, "burst is a number"},
		{"part of a rate", &Firewall{ID: FirewallDatacenter, LogRateLimit: "1,speed=1"}, "none of enable"},
		{"interface of a forward rule", &Firewall{ID: FirewallDatacenter, Rules: []FirewallRule{{Type: RuleForward, Action: FirewallDrop, IFace: "eth0"}}}, "rules[0].iface"},
		{"interface of a VNet's rule", with(func(r *FirewallRule) { r.IFace = "eth0" }), "firewall datacenter only"},
		{"policy of hosts of a VNet", &Firewall{ID: "vnet1", PolicyOut: "DROP"}, "firewall datacenter only"},
		{"rate of a VNet", &Firewall{ID: "vnet1", LogRateLimit: "1"}, "firewall datacenter only"},
		{"without effect", &Firewall{ID: FirewallDatacenter, PolicyOut: "DROP"}, "policy-out DROP has no effect"},
		{"rule without effect", &Firewall{ID: FirewallDatacenter, Rules: []FirewallRule{{Type: RuleIn, Action: FirewallDrop, Source: "+management", IFace: "vmbr0"}}}, "rules[0] (in) has no effect"},
		{"policy", &Firewall{ID: "vnet1", PolicyForward: "REJECT"}, "ACCEPT or DROP"},
		{"level", &Firewall{ID: "vnet1", LogLevelForward: "loud"}, "emerg, alert"},
		{"group", &Firewall{ID: "vnet1", Rules: []FirewallRule{{Type: RuleGroup, Action: "wbe"}}}, "did you mean web?"},
		{"group with more", &Firewall{ID: "vnet1", Rules: []FirewallRule{{Type: RuleGroup, Action: "web", Source: "10.0.0.1"}}}, "leave out all but"},
		{"action", with(func(r *FirewallRule) { r.Action = "accept" }), "ACCEPT, DROP or REJECT"},
		{"macro", with(func(r *FirewallRule) { r.Macro = "SHH" }), "did you mean SSH?"},
		{"macro and port", with(func(r *FirewallRule) { r.Macro, r.Dport = "SSH", "22" }), "leave out proto"},
		{"source", with(func(r *FirewallRule) { r.Source = "10.0.0.0/8,10.0.0.256" }), `source "10.0.0.256"`},
		{"set", with(func(r *FirewallRule) { r.Dest = "+dc/admin" }), "did you mean admins?"},
		{"no such vnet's set", with(func(r *FirewallRule) { r.Dest = "+sdn/vent1-all" }), "did you mean vnet1?"},
		{"families", with(func(r *FirewallRule) { r.Source, r.Dest = "office", "six" }), "another IP version"},
		{"icmp of six", with(func(r *FirewallRule) { r.Source, r.Proto = "six", "icmp" }), "nothing would ever match"},
		{"proto", with(func(r *FirewallRule) { r.Proto = "tpc" }), "did you mean tcp?"},
		{"ports", with(func(r *FirewallRule) { r.Proto, r.Dport = "tcp", "80;443" }), "no list of ports"},
		{"ports alone", with(func(r *FirewallRule) { r.Dport = "80" }), "needs a protocol that has ports"},
		{"icmp type", with(func(r *FirewallRule) { r.Proto, r.ICMPType = "icmp", "echo-requst" }), "did you mean echo-request?"},
		{"icmp type as port", with(func(r *FirewallRule) { r.Proto, r.Dport = "icmp", "80,443" }), "needs a protocol that has ports"},
		{"icmp type of tcp", with(func(r *FirewallRule) { r.Proto, r.ICMPType = "tcp", "echo-request" }), "needs proto icmp"},
		{"log", with(func(r *FirewallRule) { r.Log = `info" drop` }), "is not known"},
	} {
		live := firewalls()
		live.Set(c.put)
		ps := ValidateLive([]Edit{{Put: c.put}}, live, cfg, nil)
		if len(ps) != 1 || !strings.Contains(ps[0].String(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, ps, c.want)
		}
	}
}

// The size of rules in the kernel is limited, however they are composed.
func TestTooManyConditions(t *testing.T) {
	list := strings.TrimSuffix(strings.Repeat("+admins,", MaxPeers), ",")
	for name, rules := range map[string][]FirewallRule{
		"pairs of sets": {{Type: RuleForward, Action: FirewallDrop, Source: list, Dest: list}},
		"addresses":     slices.Repeat([]FirewallRule{{Type: RuleForward, Action: FirewallDrop, Source: strings.ReplaceAll(list, "+admins", "10.0.0.1")}}, 100),
	} {
		live := firewalls()
		live.Set(&SecurityGroup{ID: "web", Rules: rules})
		ps := ValidateLive([]Edit{{Put: live.SecurityGroups["web"]}}, live, &Config{}, nil)
		if len(ps) != 1 || !strings.Contains(ps[0].Message, "fewer IP sets") {
			t.Errorf("%s: %v", name, ps)
		}
	}
}

// Referenced objects cannot be deleted, unreferenced ones can.
func TestDeleteOfFirewalls(t *testing.T) {
	for ref, want := range map[[2]string]string{
		{string(KindAlias), "office"}:      "alias office: is used by ip-set admins; remove it there first",
		{string(KindAlias), "six"}:         "alias six: is used by firewall vnet1; remove it there first",
		{string(KindIPSet), "admins"}:      "ip-set admins: is used by firewall vnet1; remove it there first",
		{string(KindSecurityGroup), "web"}: "security-group web: is used by firewall vnet1; remove it there first",
		{string(KindFirewall), "vnet1"}:    "",
		{string(KindAlias), "other"}:       "",
	} {
		got := ""
		if ps := ValidateLive([]Edit{{Kind: Kind(ref[0]), ID: ref[1]}}, firewalls(), &Config{}, nil); len(ps) > 0 {
			got = ps.Error()
		}
		if got != want {
			t.Errorf("%v: %q, want %q", ref, got, want)
		}
	}
}
