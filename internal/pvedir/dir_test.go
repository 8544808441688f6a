package pvedir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// recorded is a directory with every option of every type, in the order in which
// Proxmox writes them.
const recorded = `
-- controllers.cfg --
bgp: bgpnode1
	asn 65001
	node node1
	peers 192.168.0.100
	bgp-multipath-as-path-relax 1
	ebgp 1
	ebgp-multihop 3
	loopback lo
	route-map-in fromout
	route-map-out fromout

evpn: evpnctl
	asn 65000
	bgp-mode auto
	fabric ring
	nodes node1,node2
	peer-group-name RING

isis: isisnode1
	isis-domain core
	isis-ifaces eth1,eth2
	isis-net 49.0001.1921.6800.1002.00
	node node1
	loopback lo

-- dns.cfg --
powerdns: pdns
	key secret
	url http://192.0.2.53:8081/api/v1/servers/localhost
	reversemaskv6 64
	ttl 3600

-- fabrics.cfg --
bgp_fabric: clos
	bfd 1
	ip6_prefix fd00:20::/64
	redistribute source=connected,metric=5,route-map=fromout
	route_filter all
	route_map_in fromout
	route_map_out fromout

openfabric_fabric: ring
	csnp_interval 10
	hello_interval 1
	ip6_prefix fd00:10::/64
	ip_prefix 10.10.10.0/24

ospf_fabric: spine
	area 0.0.0.0
	ip_prefix 10.20.0.0/24

bgp_node: clos_node1
	asn 65101
	interfaces name=eth5
	ip6 fd00:20::1
	role internal

openfabric_node: ring_node1
	interfaces name=eth1,hello_multiplier=3
	interfaces name=eth2,ip=10.99.0.1/31
	ip 10.10.10.1
	ip6 fd00:10::1

ospf_node: spine_node1
	interfaces name=eth3
	ip 10.20.0.1

-- ipams.cfg --
netbox: nb
	token secret
	url https://netbox.example/api
	fingerprint AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99

phpipam: php
	section 3
	token secret
	url http://192.0.2.9/api/app

pve: pve

-- prefix-lists.cfg --
prefix-list: all
	entries action=permit,prefix=0.0.0.0/0,le=32,seq=5
	entries action=permit,prefix=::/0,le=128,seq=10

-- route-maps.cfg --
route-map-entry: fromout_10
	action permit
	call second
	exit-action key=on-match-goto,value=20
	match key=ip-address-prefix-list,value=all
	match key=vni,value=10100
	set key=local-preference,value=200

route-map-entry: fromout_20
	action deny

route-map-entry: second_1
	action permit

-- subnets.cfg --
subnet: routed-10.0.1.0-24
	vnet vnet1
	dhcp-dns-server 10.0.1.2
	dhcp-range start-address=10.0.1.10,end-address=10.0.1.19
	dhcp-range start-address=10.0.1.30,end-address=10.0.1.39
	dnszoneprefix lab
	gateway 10.0.1.1
	snat 1

subnet: routed-2001:DB8:1::-64
	vnet vnet1
	gateway 2001:DB8:1::1
	snat 0

-- vnets.cfg --
vnet: vnet1
	zone routed
	alias an (example) of [all] options
	isolate-ports 1
	tag 10100

vnet: vnet2
	zone local
	vlanaware 1

-- zones.cfg --
simple: local
	dhcp dnsmasq
	ipam pve
	mtu 9000

qinq: outer
	bridge vmbr1
	tag 100
	bridge-disable-mac-learning 0
	vlan-protocol 802.1ad

vxlan: overlay
	nodes node1,node2
	peers 192.168.0.1,192.168.0.2
	vxlan-port 4790

evpn: routed
	controller evpnctl
	vrf-vxlan 10000
	advertise-subnets 0
	disable-arp-nd-suppression 1
	dns pdns
	dnszone example.com
	exitnodes node1,node2
	exitnodes-local-routing 1
	exitnodes-primary node2
	ipam pve
	mac 32:F4:05:FE:6C:0A
	mtu 1450
	reversedns pdns
	rt-import 65000:1,65000:2
	vxlan-port 4789

vlan: tagged
	bridge vmbr0
	bridge-disable-mac-learning 1

`

// A directory that is read and written is the same, byte for byte.
func TestThereAndBack(t *testing.T) {
	files := map[string]string{}
	for _, f := range txtar.Parse([]byte(recorded)).Files {
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
