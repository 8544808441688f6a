package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestImportAndExport takes over a Proxmox VE SDN configuration with every option,
// and gives it back byte for byte.
func TestImportAndExport(t *testing.T) {
	recorded, err := txtar.ParseFile("../../internal/pve/config/testdata/recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "sdn")
	want := map[string]string{}
	for _, f := range recorded.Files {
		want[f.Name] = string(f.Data)
		if err := os.WriteFile(filepath.Join(in, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startLone(t)
	if told := s.viaduct("", "import", "pve", in, "--dry-run"); !strings.Contains(told, "nothing was changed") {
		t.Errorf("a dry run: %s", told)
	}
	told := s.viaduct("", "import", "pve", in)
	for _, text := range []string{"+ zone routed", "+ ipam nb", "+ dns pdns", "pending: see viaduct plan"} {
		if !strings.Contains(told, text) {
			t.Errorf("%q is not told:\n%s", text, told)
		}
	}
	if told := s.viaduct("", "import", "pve", in); !strings.Contains(told, "no change") {
		t.Errorf("once more: %s", told)
	}
	s.viaduct("", "apply", "--no-wait")
	s.viaduct("", "export", "pve", out)
	got := map[string]string{}
	for name := range maps.Keys(want) {
		if b, err := os.ReadFile(filepath.Join(out, name)); err == nil {
			got[name] = string(b)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if b, err := os.ReadFile(filepath.Join(out, ".running-config")); err != nil || !strings.Contains(string(b), `"version":1`) {
		t.Errorf("the running configuration: %v\n%s", err, b)
	}
}

// TestImportTakesAllItCan imports directories of which something cannot be taken, because
// of what is written there or of what the server has: the rest is, the status is 4, and
// firewalls stay closed.
func TestImportTakesAllItCan(t *testing.T) {
	s := startLone(t)
	folder := filepath.Join(t.TempDir(), "sdn")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.viaduct("", "create", "zone", "mine", "type=vxlan", "peers=192.0.2.1")
	s.viaduct("", "create", "vnet", "zz", "zone=mine", "tag=7")
	write("zones.cfg", "vxlan: over\n\tpeers 192.0.2.1\n\nsimple: plain\n\tmtu big\n\nevpn: lost\n\tcontroller none\n\tvrf-vxlan 9\n")
	write("vnets.cfg", "vnet: aa\n\tzone over\n\ttag 7\n\nvnet: bb\n\tzone over\n\ttag 8\n\nvnet: cc\n\tzone plain\n\nvnet: dd\n\tzone lost\n\ttag 9\n")
	write("subnets.cfg", "subnet: over-10.0.0.0-24\n\tvnet aa\n\nsubnet: plain-10.0.1.0-24\n\tvnet cc\n")
	write("cluster.fw", "[OPTIONS]\nenable: 1\npolicy_in: DROP\n[IPSET few]\n10.0.1.5\nnot an address\n"+
		"[RULES]\nIN SSH(ACCEPT) -i vmbr0 -source +management\nFORWARD DROP -source +dc/gone -dest 10.0.1.0/24\nFORWARD ACCEPT -source 10.0.1.0/24\n")
	write("firewall/cc.fw", "[OPTIONS]\nenable: 1\npolicy_forward: DROP\n[RULES]\nFORWARD ACCEPT -source +sdn/aa-all\nFORWARD DROP -source +dc/few -p tcp\nFORWARD ACCEPT -p udp\n")
	write("firewall/aa.fw", "[OPTIONS]\nenable: 1\n")
	check := func(args ...string) (told string) {
		t.Helper()
		_, err := s.try("", append([]string{"import", "pve", folder}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "exit status 4") {
			t.Fatalf("the status is not 4: %v", err)
		}
		for _, text := range []string{
			`zones.cfg:5: zone plain: mtu "big"`,
			`zones.cfg:8: zone lost: controller "none"`,
			`vnets.cfg:1: vnet aa: `,
			`vnets.cfg:13: vnet dd: zone "lost": refers to zone lost, which was left out`,
			`subnets.cfg:2: subnet over-10.0.0.0-24: vnet "aa": refers to vnet aa, which was left out`,
			`cluster.fw:9: firewall datacenter: rules "FORWARD DROP -source +dc/gone -dest 10.0.1.0/24": source +dc/gone does not exist`,
			`it was taken as a rule that drops at least as much, FORWARD DROP -dest 10.0.1.0/24`,
			`cluster.fw:6: ip-set few: entries "not an address"`,
			`firewall/aa.fw: firewall aa: id "aa": refers to vnet aa, which was left out`,
			`firewall/cc.fw:5: firewall cc: rules "FORWARD ACCEPT -source +sdn/aa-all"`,
			`firewall/cc.fw:6: firewall cc: rules "FORWARD DROP -source +dc/few -p tcp": uses an IP set of which something was left out, +dc/few; it was taken as a rule that drops at least as much, FORWARD DROP -p tcp`,
		} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q is not told: %v", text, err)
			}
		}
		return err.Error()
	}
	check("--dry-run")
	if got := s.viaduct("", "get", "vnets", "-o", "name"); got != "vnet/zz" {
		t.Errorf("a dry run made %s", got)
	}
	told := check()
	for _, what := range []string{"policy-in DROP", "rules[0] (in)"} {
		if !strings.Contains(told, "firewall datacenter: "+what+" has no effect: Viaduct filters networks") {
			t.Errorf("%s is not told to have no effect: %s", what, told)
		}
	}
	check() // once more it is the same
	if got := s.viaduct("", "get", "vnets", "-o", "name"); got != "vnet/bb\nvnet/cc\nvnet/zz" {
		t.Errorf("taken: %s", got)
	}
	if got := s.viaduct("", "get", "firewall", "cc", "-o", "yaml"); !strings.Contains(got, "policy-forward: DROP") || !strings.Contains(got, "proto: udp") || !strings.Contains(got, "proto: tcp") || strings.Contains(got, "aa-all") {
		t.Errorf("the firewall:\n%s", got)
	}
	if got := s.viaduct("", "get", "firewall", "datacenter", "-o", "yaml"); !strings.Contains(got, "enable: true") || !strings.Contains(got, "policy-in: DROP") ||
		!strings.Contains(got, "+management") || strings.Contains(got, "gone") || !strings.Contains(got, "source: 10.0.1.0/24") {
		t.Errorf("the firewall of the datacenter:\n%s", got)
	}
	// What Proxmox VE has no word for is told on the way out, too.
	s.viaduct("", "set", "zone", "plain", "dhcp=dnsmasq", "dhcp-dynamic=true")
	_, err := s.try("", "export", "pve", filepath.Join(t.TempDir(), "out"))
	if err == nil || !strings.Contains(err.Error(), "exit status 4") || !strings.Contains(err.Error(), "zone plain: dhcp-dynamic: is a property that Proxmox VE does not have") {
		t.Errorf("export: %v", err)
	}
}
