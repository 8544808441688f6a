package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/firewall"
)

// datacenter are the rules of the datacenter as text, and its firewall.
func datacenter(d *Directory) (*model.Firewall, []string) {
	f := d.Config.Firewalls[model.FirewallDatacenter]
	if f == nil {
		return nil, nil
	}
	var out []string
	for _, r := range f.Rules {
		out = append(out, firewall.FormatRule(r))
	}
	return f, out
}

// A rule of the datacenter that cannot be taken costs nothing but what it accepts, or drops
// at least what it would; the switch and the other rules are taken.
func TestRulesOfTheDatacenter(t *testing.T) {
	for line, want := range map[string][]string{
		"FORWARD ACCEPT -source +dc/gone":              nil,
		"FORWARD DROP -source +dc/gone -p tcp":         {"FORWARD DROP -p tcp"},
		"FORWARD REJECT -dest 10.0.0.x -log info":      {"FORWARD REJECT -log info"},
		"FORWARD DROP -i vmbr0 -source 10.0.0.1":       {"FORWARD DROP -source 10.0.0.1"},
		"FORWARD DENY -source 10.0.0.1":                {"FORWARD DROP -source 10.0.0.1"},
		"GROUP gone":                                   {"FORWARD DROP"},
		"GROUP gone -i vmbr0":                          nil,
		"IN DROP -source 10.0.0.x":                     nil,
		"IN DENY -i vmbr0":                             nil,
		"SIDEWAYS DROP -i vmbr0":                       nil,
		"SIDEWAYS DROP -source 10.0.0.1":               {"FORWARD DROP -source 10.0.0.1"},
		"SIDEWAYS ACCEPT":                              nil,
		"|FORWARD DROP -source +dc/gone":               nil,
		"FORWARD DROP -source 10.0.0.1 -dest fd00::/8": nil, // never matches
	} {
		dir := Read(map[string]string{ClusterFirewall: "[OPTIONS]\nenable: 1\n[RULES]\nFORWARD DROP -source 192.0.2.1\n" + line + "\nFORWARD ACCEPT -source 192.0.2.0/24\n"})
		take(t, dir, nil)
		want = append(append([]string{"FORWARD DROP -source 192.0.2.1"}, want...), "FORWARD ACCEPT -source 192.0.2.0/24")
		f, got := datacenter(dir)
		if d := cmp.Diff(want, got); d != "" || !f.Enable || f.PolicyForward != "" {
			t.Errorf("%s: %+v\n%s", line, f, d)
		}
		if all := dir.Findings(); len(all) != 1 || all[0].File != ClusterFirewall || all[0].Line != 5 || !all[0].Left {
			t.Errorf("%s: told: %v", line, all)
		}
	}
}

// Rules for hosts, which have no effect here, may name what Proxmox VE makes itself.
func TestRulesForHostsAreTaken(t *testing.T) {
	const text = "[OPTIONS]\n\nenable: 1\npolicy_in: REJECT\n\n[RULES]\n\nIN SSH(ACCEPT) -i vmbr0 -source +management\nOUT DROP -dest +dc/blacklist\nGROUP web -i vmbr1\n\n[group web]\n\nIN HTTP(ACCEPT)\n\n"
	dir := Read(map[string]string{ClusterFirewall: text})
	if take(t, dir, nil); dir.Findings() != nil {
		t.Error(dir.Findings())
	}
	got, err := Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(text, got[ClusterFirewall]); d != "" {
		t.Error(d)
	}
}

// Rules whose section's head is damaged drop what they would.
func TestRulesInADamagedSection(t *testing.T) {
	for _, head := range []string{"[RULES", "[RULS]", "[RULES extra more]"} {
		dir := Read(map[string]string{ClusterFirewall: "[OPTIONS]\nenable: 1\n" + head + "\nFORWARD DROP -source 10.0.0.1\nFORWARD ACCEPT\n|forward DROP\npolicy_forward: DROP\n" +
			"10.0.0.0/8\n[RULES]\nFORWARD ACCEPT -source 10.0.0.0/8\n"})
		take(t, dir, nil)
		f, got := datacenter(dir)
		if d := cmp.Diff([]string{"FORWARD DROP -source 10.0.0.1", "FORWARD ACCEPT -source 10.0.0.0/8"}, got); d != "" || f.PolicyForward != model.FirewallDrop {
			t.Errorf("%s: %+v\n%s\n%v", head, f, d, dir.Findings())
		}
	}
}

// Of too many rules those are taken that there can be, and nothing else passes.
func TestTooManyRules(t *testing.T) {
	rule := func(i int) string { return fmt.Sprintf("FORWARD ACCEPT -source 10.0.%d.%d\n", i/250, i%250+1) }
	var many, large strings.Builder
	for i := range model.MaxRules + 10 {
		many.WriteString(rule(i))
	}
	for range 50 { // of 501 conditions each
		large.WriteString("FORWARD ACCEPT -source " + strings.Repeat("10.0.0.1,", 249) + "10.0.0.1 -dest " + strings.Repeat("10.0.0.2,", 249) + "10.0.0.2\n")
	}
	for name, test := range map[string]struct {
		text string
		want int
	}{"many": {many.String(), model.MaxRules}, "large": {large.String(), model.MaxConditions / 501}} {
		dir := Read(map[string]string{
			fileZones: "simple: z1\n", fileVNets: "vnet: vnet1\n\tzone z1\n",
			ClusterFirewall: "[OPTIONS]\nenable: 1\n[RULES]\n" + test.text, "firewall/vnet1.fw": "[OPTIONS]\nenable: 1\n[RULES]\n" + test.text,
		})
		take(t, dir, nil)
		for id, f := range dir.Config.Firewalls {
			if len(f.Rules) != test.want || f.PolicyForward != model.FirewallDrop || !f.Enable {
				t.Errorf("%s: firewall %s has %d rules and policy %q", name, id, len(f.Rules), f.PolicyForward)
			}
		}
		if all := dir.Findings(); len(dir.Config.Firewalls) != 2 || len(all) != 2 || all[0].Line != 4+test.want {
			t.Errorf("%s: told: %v", name, all)
		}
	}
}

// What a server refuses of a firewall is a rule, before it is anything more: rules that
// accept go, others drop more.
func TestRefusedRules(t *testing.T) {
	for _, id := range []string{model.FirewallDatacenter, "vnet1"} {
		dir := Read(map[string]string{
			fileZones: "simple: z1\n", fileVNets: "vnet: vnet1\n\tzone z1\n",
			ClusterFirewall:     "[OPTIONS]\nenable: 1\n[RULES]\nFORWARD ACCEPT -dest 10.0.0.9\nFORWARD DROP -source 10.0.0.1 -p tcp\nFORWARD ACCEPT -source 10.0.0.0/8\n",
			"firewall/vnet1.fw": "[OPTIONS]\nenable: 1\n[RULES]\nFORWARD ACCEPT -dest 10.0.0.9\nFORWARD DROP -source 10.0.0.1 -p tcp\nFORWARD ACCEPT -source 10.0.0.0/8\n",
		})
		refuse := func(fields ...string) *model.Firewall {
			t.Helper()
			var problems model.Problems
			for _, f := range fields {
				problems = append(problems, model.Problem{Severity: model.Error, Kind: model.KindFirewall, ID: id, Field: f, Value: "x", Message: "is refused"})
			}
			if !dir.LeaveOut(problems) {
				t.Fatalf("%s: nothing to leave out for %v", id, fields)
			}
			dir.Settle(nil)
			return dir.Config.Firewalls[id]
		}
		rules := func(f *model.Firewall) (out []string) {
			for _, r := range f.Rules {
				out = append(out, firewall.FormatRule(r))
			}
			return out
		}
		last := "FORWARD ACCEPT -source 10.0.0.0/8"
		if d := cmp.Diff([]string{"FORWARD DROP -p tcp", last}, rules(refuse("rules[0].dest", "rules[1].source"))); d != "" {
			t.Errorf("%s, without what was refused: %s", id, d)
		}
		if all := dir.Findings(); len(all) != 2 || all[1].Line != 5 || !strings.Contains(all[1].Message, "is refused; it was taken as a rule that drops at least as much, FORWARD DROP -p tcp") {
			t.Errorf("%s: told: %v", id, all)
		}
		if d := cmp.Diff([]string{"FORWARD DROP", last}, rules(refuse("rules[0].proto"))); d != "" {
			t.Errorf("%s, refused again: %s", id, d)
		}
		if f := refuse("rules[0]"); !f.Enable || f.PolicyForward != model.FirewallDrop || f.Rules != nil {
			t.Errorf("%s, refused without conditions: %+v", id, f)
		}
		if f := refuse("enable"); f != nil || id == "vnet1" && dir.Config.VNets[id] != nil {
			t.Errorf("%s, refused without rules: %+v", id, f)
		}
		if dir.LeaveOut(model.Problems{{Severity: model.Error, Kind: model.KindFirewall, ID: id}}) {
			t.Errorf("%s is left out twice", id)
		}
	}
}

// A rule of a security group that is refused does not take the group with it.
func TestRefusedRuleOfAGroup(t *testing.T) {
	dir := Read(map[string]string{ClusterFirewall: "[group g1]\nFORWARD DROP -source 10.0.0.1\nFORWARD ACCEPT\n"})
	if !dir.LeaveOut(model.Problems{{Severity: model.Error, Kind: model.KindSecurityGroup, ID: "g1", Field: "rules[1].action", Message: "is refused"}}) {
		t.Fatal("nothing to leave out")
	}
	if dir.Settle(nil); len(dir.Config.SecurityGroups["g1"].Rules) != 1 {
		t.Errorf("%+v\n%v", dir.Config.SecurityGroups["g1"], dir.Findings())
	}
}

// A node of a WireGuard fabric that is left out takes no other with it.
func TestWireGuardPeersOfALostNode(t *testing.T) {
	files := archive(t, "testdata/wireguard.txtar")
	files[fileFabrics] = strings.Replace(files[fileFabrics], "endpoint vpn.example.com:51820", "endpoint vpn.example.com", 1)
	dir := Read(files)
	take(t, dir, nil)
	told(t, dir,
		`fabrics.cfg:8: fabric-node wg_hub: endpoint "vpn.example.com": is not where the external node is`,
		`fabrics.cfg:15: fabric-node wg_pve1: peers "hub": refers to fabric-node wg_hub, which was left out; the peer was left out`,
	)
	if n := dir.Config.FabricNodes["wg_pve1"]; n == nil || len(n.Peers) != 1 || n.Peers[0].Node != "pve2" {
		t.Errorf("taken: %+v", n)
	}
}
