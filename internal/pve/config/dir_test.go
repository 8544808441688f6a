package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// archive are the files of archives; those of one name are one behind the other.
func archive(t *testing.T, names ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range names {
		recorded, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range recorded.Files {
			files[f.Name] += string(f.Data)
		}
	}
	return files
}

// A directory that is read and written is the same, byte for byte.
func TestThereAndBack(t *testing.T) {
	files := archive(t, "testdata/recorded.txtar")
	dir := Read(files)
	if dir.Findings() != nil {
		t.Fatal(dir.Findings())
	}
	if dir.Applied {
		t.Error("applied without a running configuration")
	}
	dir.Version = 7
	got, err := Write(dir, dir.Config)
	if err != nil {
		t.Fatal(err)
	}
	running := got[fileRunning]
	delete(got, fileRunning)
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	files[fileRunning] = running
	// Programs write numbers and truth values as they like.
	for _, loose := range []string{running, strings.ReplaceAll(running, `"mtu":9000`, `"mtu":"9000"`), strings.ReplaceAll(running, `"snat":1`, `"snat":true`)} {
		files[fileRunning] = loose
		if dir = Read(files); dir.Findings() != nil || !dir.Applied || dir.Version != 7 {
			t.Errorf("with the running configuration: applied %v, version %d, %v", dir.Applied, dir.Version, dir.Findings())
		}
	}
	files[fileRunning] = strings.ReplaceAll(running, "9000", "1500")
	if dir = Read(files); dir.Applied {
		t.Error("applied, though another one runs")
	}
	files[fileRunning] = "{"
	if all := Read(files).Findings(); len(all) != 1 || all[0].Left {
		t.Errorf("a running configuration that is none: %v", all)
	}
}

func TestFirewallsThereAndBack(t *testing.T) {
	files := map[string]string{
		fileZones:           "simple: z1\n\n",
		fileVNets:           "vnet: vnet1\n\tzone z1\n\n",
		ClusterFirewall:     "[OPTIONS]\n\nenable: 1\nlog_ratelimit: 1,burst=9\npolicy_forward: DROP\n\n[ALIASES]\n\noffice 192.0.2.0/24 # here\n\n[IPSET admins]\n\ndc/office\n!192.0.2.1\n\n[RULES]\n\nFORWARD ACCEPT -source dc/office\nGROUP web\n\n[group web]\n\nFORWARD HTTP(ACCEPT)\n\n",
		"firewall/vnet1.fw": "[OPTIONS]\n\nenable: 1\npolicy_forward: DROP\n\n[RULES]\n\nGROUP web\n|FORWARD DROP -source +dc/admins -dest +sdn/vnet1-all\n\n",
	}
	dir := Read(files)
	if dir.Findings() != nil {
		t.Fatal(dir.Findings())
	}
	got, err := Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	// What is not for networks, or of nothing that is there, is left out and told.
	files[ClusterFirewall] = "[OPTIONS]\npolicy_in: DROP\nnew_option: 1\n[RULES]\nIN ACCEPT -source +management -i vmbr0\nFORWARD DROP\n[IPSET xy]\n+management\n10.0.0.1\n"
	files["firewall/gone.fw"] = "[OPTIONS]\nenable: 1\n"
	dir = Read(files)
	told(t, dir,
		`cluster.fw:3: firewall datacenter: text "new_option: 1": may be the switch, which is not set otherwise`,
		`cluster.fw: firewall datacenter: OPTIONS "new_option: 1": has 1 lines that are not for networks; left out`,
		`cluster.fw:8: ip-set xy: entries "+management": is no address`,
		`firewall/gone.fw: firewall gone: id "gone": is that of no vnet; declare the vnet first; left out`,
		`firewall/vnet1.fw:8: firewall vnet1: rules "GROUP web": action web is no security group; declare the group first; the rule was left out: what it drops`,
		`firewall/vnet1.fw:9: firewall vnet1: rules "|FORWARD DROP -source +dc/admins -dest +sdn/vnet1-all": source +dc/admins does not exist`,
	)
	want := &model.Firewall{ID: "vnet1", Enable: true, PolicyForward: "DROP"}
	if d := cmp.Diff(want, dir.Config.Firewalls["vnet1"]); d != "" {
		t.Error(d)
	}
	if all := dir.Config.Firewalls[model.FirewallDatacenter]; all == nil || all.PolicyIn != model.FirewallDrop || len(all.Rules) != 2 {
		t.Errorf("of the datacenter: %+v", all)
	}
	if len(dir.Config.IPSets["xy"].Entries) != 1 {
		t.Errorf("taken: %v", dir.Config.IPSets)
	}
}

// told compares what was left out with the beginnings of lines.
func told(t *testing.T, dir *Directory, want ...string) {
	t.Helper()
	all := dir.Findings()
	for i, f := range all {
		if i >= len(want) || !strings.HasPrefix(f.String(), want[i]) {
			t.Errorf("finding %d: %s", i, f)
		}
	}
	if len(all) < len(want) {
		t.Errorf("not told: %q", want[len(all):])
	}
}

// take settles a directory with what a server would refuse left out.
func take(t *testing.T, dir *Directory, existing *model.Config) {
	t.Helper()
	for {
		dir.Settle(existing)
		problems := model.Validate(dir.Config, nil)
		for _, kind := range model.Kinds() {
			for _, o := range dir.Config.List(kind) {
				if !kind.Revisioned() {
					problems = append(problems, model.ValidateLive([]model.Edit{{Put: o}}, dir.Config, dir.Config, nil)...)
				}
			}
		}
		if len(problems.Errors(true)) == 0 {
			return
		}
		if !dir.LeaveOut(problems) {
			t.Fatal(problems)
		}
	}
}

func TestWhatCannotBeTaken(t *testing.T) {
	dir := Read(map[string]string{
		fileZones: "\ufefffaucet: f\r\n\tdp-id 1\r\n\r\nsimple: ok\r\n\tmtu big\n\tbridge vmbr0\n\t# an indented comment\n\tnew-option x\n\tdns\tnone\n\n" +
			"vlan: lan\n\tbridge vmbr0\n\tbridge vmbr1\n\tnodes node1,no_node\n\nsimple: lan\n\nnonsense here\n\tmtu 1\n\nvxlan: nope\n\tpeers 10.0.0.x\n\n\tmtu 9\n\n" +
			"vlan: broken\n\tbridge vmbr0\nnodes node1\n\tmtu 9000\n",
		fileVNets: "vnet: v1\n\tzone ok\n\talias Büro, größer\n\tisolate-ports maybe\n\nvnet: v2\n\tzone lan\n\ttag 5\n\nvnet: v3\n\tzone lan\n\ttag 5\n\n" +
			"vnet: v4\n\tzone f\n\nvnet: v5\n\tzone lan\n\ttag 0\n\nvnet: v6\n\tzone nowhere\n\nvnet: v7\n\tzone ok\n\talias 100%\n",
		fileSubnets: "subnet: nonsense\n\tvnet v1\n\nsubnet: ok-10.0.0.0-8\n\tvnet nowhere\n\nsubnet: ok-10.0.0.0-24\n\tvnet v1\n\tgateway 10.0.1.1\n\n" +
			"subnet: ok-10.0.2.0-24\n\tvnet v1\n\tgateway 10.0.2.1\n\nsubnet: lan-10.0.3.0-24\n\tvnet v5\n",
		fileIPAMs:       "netbox: n\n",
		fileRouteMaps:   "route-map-entry: m_10\n\taction deny\n\tmatch key=colour,value=red\n\nroute-map-entry: m_20\n\taction permit\n",
		fileControllers: "bgp: c\n\tasn 1\n\tnode node1\n\tpeers 10.0.0.1\n\troute-map-in m\n",
	})
	take(t, dir, nil)
	told(t, dir,
		`route-maps.cfg:3: route-map m: match "colour": is not a key that this release knows; left out`,
		`zones.cfg:16: zone line 16: text "simple: lan": is a section that is given twice`,
		`zones.cfg:18: zone line 18: text "nonsense here": does not begin a section`,
		`zones.cfg:24: zone line 24: text "mtu 9": stands in no section`,
		`zones.cfg:28: zone line 28: text "nodes node1": does not begin a section`,
		`zones.cfg:1: zone f: type "faucet": is not a type that this release knows, which are evpn, qinq, simple, vlan, vxlan; left out`,
		`zones.cfg:6: zone ok: bridge "vmbr0": is no option of type simple that this release knows; the option was left out`,
		`zones.cfg:5: zone ok: mtu "big": type check ('integer') failed - got 'big'; the option was left out`,
		`zones.cfg:8: zone ok: new-option "x": is no option of type simple that this release knows; the option was left out`,
		`zones.cfg:12: zone lan: bridge "vmbr1": is given twice: the first one counts`,
		`zones.cfg:14: zone lan: nodes "node1,no_node": invalid format - value does not look like a valid node name; the rest of the list was taken`,
		`zones.cfg:22: zone nope: peers "10.0.0.x": `,
		`zones.cfg:26: zone broken: has a line that cannot be read, "nodes node1", so it is not known what was meant; left out`,
		`vnets.cfg:4: vnet v1: isolate-ports "maybe": type check ('boolean') failed - got 'maybe'; 1 was taken`,
		`vnets.cfg:19: vnet v5: tag "0": value must have a minimum value of 1; left out`,
		`vnets.cfg:26: vnet v7: alias "100%": invalid format - alias contains illegal characters; the option was left out`,
		`subnets.cfg:1: subnet nonsense: id "nonsense": is not written like zone-10.0.1.0-24; left out`,
		`subnets.cfg:5: subnet 10.0.0.0/8: vnet "nowhere": no such vnet`,
		`subnets.cfg:16: subnet 10.0.3.0/24: vnet "v5": refers to vnet v5, which was left out; left out`,
		`ipams.cfg:1: ipam n: missing value for required option 'url'; left out`,
		`vnets.cfg:12: vnet v3: tag "5": is already that of vnet v2`,
		`vnets.cfg:22: vnet v6: zone "nowhere": does not exist`,
		`subnets.cfg:9: subnet ok-10.0.0.0-24: gateway "10.0.1.1": is not in the subnet`,
		`controllers.cfg:5: controller c: route-map-in "m": refers to route-map m, which was left out; left out`,
		`vnets.cfg:15: vnet v4: zone "f": refers to zone f, which was left out; left out`,
	)
	var got []string
	for _, kind := range model.Kinds() {
		for _, o := range dir.Config.List(kind) {
			got = append(got, model.Ref(kind, o.ObjectID()))
		}
	}
	if d := cmp.Diff([]string{"zone/lan", "zone/ok", "vnet/v1", "vnet/v2", "vnet/v7", "subnet/ok-10.0.2.0-24"}, got); d != "" {
		t.Error(d)
	}
	if v := dir.Config.VNets["v1"]; !v.IsolatePorts || v.Alias != "Büro, größer" || dir.Config.Zones["ok"].DNS != "none" {
		t.Errorf("taken: %+v", v)
	}
}

// A WireGuard fabric is kept as Proxmox VE writes it, and said not to run.
func TestWireGuardThereAndBack(t *testing.T) {
	files := archive(t, "testdata/wireguard.txtar")
	dir := Read(files)
	if dir.Findings() != nil {
		t.Fatal(dir.Findings())
	}
	got, err := Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	found := model.Validate(dir.Config, []string{"pve1", "pve2"})
	if len(found) != 1 || !strings.Contains(found.Error(), "fabric wg: protocol \"wireguard\": is kept, exported and imported, but does not run") {
		t.Errorf("what is told of it: %v", found)
	}
}
