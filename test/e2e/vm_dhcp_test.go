package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dhcpZones is a zone of each type with a VNet and, on node1 and node2, a guest
// each: the numbers tell which belong together.
var dhcpZones = []struct {
	zone, vnet string // their properties
	gateway    string
	server     string
	mtu        int
}{
	{"type: simple", "", "10.1.0.1", "10.1.0.1", 1500},
	{"type: vlan\nbridge: vmbr0", "tag: 12", "10.2.0.1", "169.254.67.67", 1500},
	{"type: qinq\nbridge: vmbr0\ntag: 40", "tag: 13", "10.3.0.1", "169.254.67.67", 1496},
	{"type: vxlan\npeers: [192.168.0.1, 192.168.0.2, 192.168.0.3]", "tag: 14", "10.4.0.1", "169.254.67.67", 1450},
	{"type: evpn\ncontroller: ctl\nvrf-vxlan: 10000", "tag: 15", "10.5.0.1", "10.5.0.1", 1450},
}

// dhcpManifest declares them. In every zone a second VNet has a network without a
// gateway.
func dhcpManifest() string {
	var b strings.Builder
	b.WriteString("kind: controller\nid: ctl\ntype: evpn\nasn: 65000\npeers: [192.168.0.1, 192.168.0.2, 192.168.0.3]\n")
	for i, z := range dhcpZones {
		n := i + 1
		fmt.Fprintf(&b, "---\nkind: zone\nid: zone%d\n%s\ndhcp: dnsmasq\ndnszone: lab%d.example\n", n, z.zone, n)
		fmt.Fprintf(&b, "---\nkind: vnet\nid: net%d\nzone: zone%d\n%s\n", n, n, z.vnet)
		fmt.Fprintf(&b, "---\nkind: subnet\nid: 10.%d.0.0/24\nvnet: net%d\ngateway: %s\n", n, n, z.gateway)
		fmt.Fprintf(&b, "---\nkind: subnet\nid: fd00:%d::/64\nvnet: net%d\ngateway: fd00:%d::1\nra: slaac\n", n, n, n)
		for node := 1; node <= 2; node++ {
			fmt.Fprintf(&b, "---\nkind: guest\nid: %d0%d\nname: g%d%d\nnode: node%d\nnics: [{id: net0, vnet: net%d, mac: \"BC:24:11:00:0%d:0%d\", ips: [10.%d.0.1%d]}]\n",
				n, node, n, node, node, n, n, node, n, node)
		}
	}
	return b.String()
}

// Guests of every type of zone get addresses from the node that they run on.
func TestVMDHCP(t *testing.T) {
	needsVM(t)
	c := startedCluster(t, "--file", "../../examples/qinq/lab/lab.yaml")
	c.apply(dhcpManifest())
	c.labRun("guest", "start", "--all")
	told := func(i, node int) string {
		z := dhcpZones[i]
		return fmt.Sprintf("ip=10.%d.0.1%d router=%s dns=%s mtu=%d server=%s", i+1, node, z.gateway, z.server, z.mtu, z.server)
	}
	for i, z := range dhcpZones {
		kind, _, _ := strings.Cut(strings.TrimPrefix(z.zone, "type: "), "\n")
		for node := 1; node <= 2; node++ {
			guest := fmt.Sprintf("g%d%d", i+1, node)
			c.leases(guest, told(i, node))
			c.slaac(guest, fmt.Sprintf("fd00:%d::be24:11ff:fe00:%d0%d", i+1, i+1, node), kind == "simple" || kind == "evpn")
			c.renews(guest)
		}
		for node := 1; node <= 2; node++ {
			c.names(fmt.Sprintf("g%d%d", i+1, node), z.server, fmt.Sprintf("g%d%d.lab%d.example", i+1, 3-node, i+1), fmt.Sprintf("10.%d.0.1%d", i+1, 3-node))
		}
		c.proved("%s zone: guests on two nodes got, and renewed, the addresses that are theirs, made IPv6 ones of their own, and found each other's names and the way back", kind)
	}
	crossed, _ := c.captured("node2", "eth1", func() {
		c.leases("g21", told(1, 1))
		c.leases("g31", told(2, 1))
		c.in("g21", "ping", "-c", "2", "-W", "5", "10.2.0.12")
	})
	if !strings.Contains(crossed, "ICMP echo request") || strings.Contains(crossed, "BOOTP/DHCP") {
		t.Errorf("what crossed the trunk, where pings were expected and no DHCP:\n%s", crossed)
	}
	c.proved("no DHCP crossed the trunk")
	for i := range dhcpZones {
		if i > 0 { // a simple zone's VNets are not the same network on two nodes
			c.labRun("guest", "move", fmt.Sprintf("g%d1", i+1), "node3")
			c.leases(fmt.Sprintf("g%d1", i+1), told(i, 1))
			c.names(fmt.Sprintf("g%d2", i+1), dhcpZones[i].server, fmt.Sprintf("g%d1.lab%d.example", i+1, i+1), fmt.Sprintf("10.%d.0.11", i+1))
		}
	}
	c.proved("guests that moved to node3 were told the same there, and kept their names")
	c.stands()
}

// names demands that a guest is told by a name server which address a name has, and
// which name the address.
func (c *cluster) names(guest, server, name, address string) {
	c.t.Helper()
	for question, answer := range map[string]string{name: address, address: name} {
		c.eventually(20*time.Second, func() error {
			if r := c.exec(guest, "busybox", "nslookup", question, server); !strings.Contains(r.out, answer) {
				return fmt.Errorf("%s asks %s for %s and is not told %s:\n%s%s", guest, server, question, answer, r.out, r.err)
			}
			return nil
		})
	}
}

// slaac demands that a guest has made an address, and has the node as its default
// gateway or not.
func (c *cluster) slaac(guest, address string, router bool) {
	c.t.Helper()
	c.eventually(time.Minute, func() error {
		if out := c.in(guest, "ip", "-6", "address", "show", "dev", "eth0", "scope", "global"); !strings.Contains(out, " "+address+"/64 ") {
			return fmt.Errorf("%s has not made the address %s:\n%s", guest, address, out)
		}
		return nil
	})
	out := c.in(guest, "ip", "-6", "route", "show", "default", "proto", "ra")
	if got := out != ""; got != router {
		c.t.Errorf("%s has learned a default gateway: %v, want %v\n%s", guest, got, router, out)
	}
}

const renewScript = `
busybox udhcpc -f -i eth0 -t 10 -T 1 -A 1 -O staticroutes -s "$1" &
client=$!
trap 'kill -9 $client' EXIT
for event in bound renew; do
	i=0
	until grep -q "^$event" "$2"; do
		i=$((i + 1))
		[ $i -le 300 ] || exit 1
		sleep 0.1
	done
	kill -USR1 $client
done
`

const renewHook = `#!/bin/sh
echo "$1 $ip" >> %s
case $1 in bound)
	ip address replace $ip/$mask dev $interface
	set -- $staticroutes
	while [ $# -ge 2 ]; do
		[ $2 = 0.0.0.0 ] && ip route replace $1 dev $interface
		shift 2
	done ;;
esac
exit 0
`

// renews demands that a guest's client has its lease renewed by the server itself.
func (c *cluster) renews(guest string) {
	c.t.Helper()
	hook, log := filepath.Join(c.root, guest+".hook"), filepath.Join(c.root, guest+".log")
	for path, text := range map[string]string{hook: fmt.Sprintf(renewHook, log), log: ""} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	if r := c.exec(guest, "sh", "-c", renewScript, "sh", hook, log); r.code != 0 {
		b, _ := os.ReadFile(log)
		c.t.Errorf("%s did not renew its lease:\n%s%s%s", guest, b, r.out, r.err)
	}
}
