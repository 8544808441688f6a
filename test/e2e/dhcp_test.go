package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dhcpOverlay is a zone whose gateway is no node, and a zone of each node's own.
const dhcpOverlay = `
kind: zone
id: over
type: vxlan
peers: [192.168.0.1, 192.168.0.2]
dhcp: dnsmasq
---
kind: zone
id: alone
type: simple
ipam: pve
dhcp: dnsmasq
dnszone: lab.example
---
kind: vnet
id: blue
zone: over
tag: 100
---
kind: vnet
id: red
zone: alone
---
kind: subnet
id: 10.5.0.0/24
vnet: blue
gateway: 10.5.0.1
dhcp-dns-server: 10.5.0.53
---
kind: subnet
id: 10.6.0.0/24
vnet: red
gateway: 10.6.0.1
dhcp-range:
  - start-address=10.6.0.50,end-address=10.6.0.51
---
kind: subnet
id: fd00:6::/64
vnet: red
gateway: fd00:6::1
ra: slaac
---
kind: guest
id: 100
name: web
node: node1
nics: [{id: net0, vnet: blue, mac: "BC:24:11:00:00:64", ips: [10.5.0.100]}]
---
kind: guest
id: 101
name: db
node: node2
nics: [{id: net0, vnet: blue, mac: "BC:24:11:00:00:65", ips: [10.5.0.101]}]
---
kind: guest
id: 102
name: one
node: node1
nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:66", ips: [10.6.0.102]}]
---
kind: guest
id: 103
name: two
node: node1
nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:67"}]
`

// What guests of the overlay are told beside their address.
const dhcpFar = "router=10.5.0.1 dns=10.5.0.53 mtu=1450 server=169.254.67.67"

func TestDHCP(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(dhcpOverlay)
	c.labRun("guest", "start", "--all")
	for guest, want := range map[string]string{
		"web": "ip=10.5.0.100 " + dhcpFar,
		"db":  "ip=10.5.0.101 " + dhcpFar,
		"one": "ip=10.6.0.102 router=10.6.0.1 dns=10.6.0.1 mtu=1500 server=10.6.0.1",
		"two": "ip=10.6.0.50 router=10.6.0.1 dns=10.6.0.1 mtu=1500 server=10.6.0.1",
	} {
		c.leases(guest, want)
	}
	c.renews("web")
	c.answers("web", "10.5.0.101")
	c.answers("one", "10.6.0.1")
	if out := c.in("one", "busybox", "nslookup", "two.lab.example", "10.6.0.1"); !strings.Contains(out, "10.6.0.50") {
		t.Errorf("the name server that one was told of does not know two:\n%s", out)
	}
	c.nameServersHaveNoRights()
	c.slaac("one", "fd00:6::be24:11ff:fe00:66", true)

	c.stands()

	// Without the server of its own node a guest is not answered: no other one hears it.
	own := c.dhcpServer("node1", "over", "blue")
	if err := unix.Kill(own, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if out, bound := c.udhcpc("web", 3); bound {
		t.Errorf("the server of another node answered: %s", out)
	}
	if err := unix.Kill(own, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.leases("web", "ip=10.5.0.100 "+dhcpFar) // the agent starts it again
	if now := c.dhcpServer("node1", "over", "blue"); now == own {
		t.Errorf("process %d was killed and is still the server", own)
	}

	c.stands()

	// The guest goes on elsewhere when its node is lost.
	c.kill("node1")
	c.labRun("guest", "move", "web", "node2")
	c.leases("web", "ip=10.5.0.100 "+dhcpFar)
	c.answers("web", "10.5.0.101")
}

func TestDHCPExample(t *testing.T) {
	c := newCluster(t, 3)
	c.example("dhcp")
	c.leases("vm1", "ip=10.0.4.100 router=10.0.4.1 dns=10.0.4.53 mtu=1450 server=169.254.67.67")
	c.leases("vm2", "ip=10.0.4.101 router=10.0.4.1 dns=10.0.4.53 mtu=1450 server=169.254.67.67")
	c.answers("vm1", "10.0.4.101")
	c.slaac("vm1", "fd00:4::be24:11ff:fe00:464", false)
	c.slaac("vm2", "fd00:4::be24:11ff:fe00:465", false)
	c.answers("vm2", "fd00:4::be24:11ff:fe00:464")
}

const udhcpcScript = `#!/bin/sh
[ $1 != bound ] && exit 0
ip address replace $ip/$mask dev $interface
echo "ip=$ip router=$router dns=$dns mtu=$mtu server=$serverid"
`

// udhcpc takes a guest's addresses of IPv4 from it and asks for one, some times.
func (c *cluster) udhcpc(guest string, times int) (told string, bound bool) {
	c.t.Helper()
	script := filepath.Join(c.root, "udhcpc")
	if err := os.WriteFile(script, []byte(udhcpcScript), 0o755); err != nil {
		c.t.Fatal(err)
	}
	c.in(guest, "ip", "-4", "address", "flush", "dev", "eth0")
	r := c.exec(guest, "busybox", "udhcpc", "-i", "eth0", "-q", "-n", "-t", strconv.Itoa(times), "-T", "1", "-A", "1", "-O", "mtu", "-O", "staticroutes", "-s", script)
	for line := range strings.Lines(r.out) {
		if strings.HasPrefix(line, "ip=") {
			return strings.TrimSpace(line), r.code == 0
		}
	}
	return r.out + r.err, false
}

// leases demands that a guest is told something by DHCP.
func (c *cluster) leases(guest, want string) {
	c.t.Helper()
	c.eventually(time.Minute, func() error {
		if got, bound := c.udhcpc(guest, 3); !bound || got != want {
			return fmt.Errorf("%s was told %q, want %q", guest, got, want)
		}
		return nil
	})
}

// dhcpServer is the process that serves a VNet on a node.
func (c *cluster) dhcpServer(node, zone, vnet string) int {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.lab.DNSMasqRoot(node), "run/viaduct-dnsmasq", "dnsmasq."+zone+"."+vnet+".pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		c.t.Fatal(err)
	}
	return pid
}

// nameServersHaveNoRights demands that every node's name server is some user without
// capabilities.
func (c *cluster) nameServersHaveNoRights() {
	c.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		c.t.Fatal(err)
	}
	seen := 0
	for _, path := range all {
		words, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(words), "\x00nameserver\x00") || !strings.Contains(string(words), c.lab.Dir+"/") {
			continue
		}
		seen++
		status, err := os.ReadFile(filepath.Join(filepath.Dir(path), "status"))
		if err != nil {
			c.t.Fatal(err)
		}
		for _, want := range []string{"\nCapEff:\t0000000000000000\n", "\nCapBnd:\t0000000000000000\n", "\nNoNewPrivs:\t1\n"} {
			if !strings.Contains(string(status), want) || strings.Contains(string(status), "\nUid:\t0") {
				c.t.Errorf("the name server has rights:\n%s", status)
				break
			}
		}
	}
	if seen == 0 {
		c.t.Error("no name server runs")
	}
}
