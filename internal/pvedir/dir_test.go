package pvedir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// A directory that is read and written is the same, byte for byte.
func TestThereAndBack(t *testing.T) {
	files := map[string]string{}
	recorded, err := txtar.ParseFile("testdata/recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range recorded.Files {
		files[f.Name] = string(f.Data)
	}
	dir, problems, err := Read(files)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
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
	if dir, problems, err = Read(files); err != nil || len(problems) > 0 || !dir.Applied || dir.Version != 7 {
		t.Errorf("with the running configuration: applied %v, version %d, %v %v", dir.Applied, dir.Version, problems, err)
	}
	files[fileRunning] = strings.ReplaceAll(running, "9000", "1500")
	if dir, _, err = Read(files); err != nil || dir.Applied {
		t.Errorf("another one runs: applied %v, %v", dir.Applied, err)
	}
}

func TestFirewallsThereAndBack(t *testing.T) {
	files := map[string]string{
		fileZones:           "simple: z1\n\n",
		fileVNets:           "vnet: vnet1\n\tzone z1\n\n",
		ClusterFirewall:     "[OPTIONS]\n\nenable: 1\nlog_ratelimit: 1,burst=9\npolicy_forward: DROP\n\n[ALIASES]\n\noffice 192.0.2.0/24 # here\n\n[IPSET admins]\n\ndc/office\n!192.0.2.1\n\n[RULES]\n\nFORWARD ACCEPT -source dc/office\nGROUP web\n\n[group web]\n\nFORWARD HTTP(ACCEPT)\n\n",
		"firewall/vnet1.fw": "[OPTIONS]\n\nenable: 1\npolicy_forward: DROP\n\n[RULES]\n\nGROUP web\n|FORWARD DROP -source +dc/admins -dest +sdn/vnet1-all\n\n",
	}
	dir, problems, err := Read(files)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	got, err := Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	// What is not for networks, or of nothing that is there, is left out and told.
	files[ClusterFirewall] = "[OPTIONS]\npolicy_in: DROP\nnew_option: 1\n[RULES]\nIN ACCEPT -source +management -i vmbr0\nFORWARD DROP\n[IPSET xy]\n+management\n"
	files["firewall/gone.fw"] = "[OPTIONS]\nenable: 1\n"
	if dir, problems, err = Read(files); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"firewall cluster.fw: section OPTIONS has 1 lines that are not for networks: new_option: 1; they were left out",
		"firewall datacenter: policy-in DROP has no effect: Viaduct filters networks",
		"firewall datacenter: rules[0] (in) has no effect: Viaduct filters networks",
		`firewall gone: id "gone": is no vnet; declare the vnet first; it was left out`,
		`firewall vnet1: rules[0].action "web": is no security group; declare the group first; it was left out`,
		`firewall vnet1: rules[1].source "+dc/admins": does not exist`,
		`ip-set xy: entries[0].cidr "+management": is no address`,
	} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("not told: %s\n%s", want, problems)
		}
	}
	if all := dir.Config.Firewalls[model.FirewallDatacenter]; all == nil || all.PolicyIn != model.FirewallDrop || len(all.Rules) != 2 {
		t.Errorf("of the datacenter: %+v", all)
	}
	if len(dir.Config.Firewalls) != 1 || len(dir.Config.IPSets) != 0 {
		t.Errorf("taken: %v %v", dir.Config.Firewalls, dir.Config.IPSets)
	}
}

func TestWhatCannotBeTaken(t *testing.T) {
	_, problems, err := Read(map[string]string{
		fileZones:   "faucet: f\n\tdp-id 1\n\nsimple: ok\n\tmtu big\n\tbridge vmbr0\n\tnew-option x\n",
		fileSubnets: "subnet: nonsense\n\tvnet v\n\nsubnet: ok-10.0.0.0-8\n\tvnet nowhere\n",
		fileIPAMs:   "netbox: n\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`zone f: type "faucet": was left out: this release knows evpn, qinq, simple, vlan, vxlan`,
		`zone ok: bridge "vmbr0": was passed over: it is no option of type simple that this release knows`,
		`zone ok: mtu "big": was passed over: type check ('integer') failed - got 'big'`,
		`zone ok: new-option "x": was passed over: it is no option of type simple that this release knows`,
		`subnet nonsense: id "nonsense": was left out: is not written like zone-10.0.1.0-24`,
		`subnet 10.0.0.0/8: was left out: subnet 10.0.0.0/8: vnet "nowhere": no such vnet; declare the vnet first or correct the name`,
		`ipam n: was left out: missing value for required option 'url'`,
	}, "\n")
	if d := cmp.Diff(want, problems.Error()); d != "" {
		t.Error(d)
	}
	if _, _, err := Read(map[string]string{fileVNets: "\tzone z\n"}); err == nil || !strings.Contains(err.Error(), "vnets.cfg: line 1") {
		t.Errorf("a file that is none: %v", err)
	}
}

// A WireGuard fabric is kept as Proxmox VE writes it, and said not to run.
func TestWireGuardThereAndBack(t *testing.T) {
	files := map[string]string{fileFabrics: `wireguard_fabric: wg
	persistent_keepalive 25

wireguard_node: wg_hub
	role external
	allowed_ips 10.9.0.0/16
	allowed_ips fd00::/48
	endpoint vpn.example.com:51820
	public_key O+Kzrochm6klMILjSKVw83xb3YyXXLpmZj9n/ICM5xE=

wireguard_node: wg_pve1
	role internal
	endpoint 192.0.2.2
	interfaces name=wg0,listen_port=51111,public_key=GDPUAnPOY5xGIjYXmcGyXZXbocjBr21dGQ5vwnjmdzA=,ip=198.51.100.1/24
	peers type=internal,node=pve2,node_iface=wg0,iface=wg0,skip_route_generation=1
	peers type=external,node=hub,iface=wg0,allowed_ips=10.1.0.0/16;10.2.0.0/16

wireguard_node: wg_pve2
	role internal
	interfaces name=wg0,listen_port=51111,public_key=y0kOpXfo9ff4KoUwO3H1cRuwObbKwsK8mAkwXxNvKUc=

`}
	dir, problems, err := Read(files)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
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
