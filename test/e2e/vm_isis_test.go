package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// isisChain are three nodes in a row. The addresses of their cables and loopbacks
// are their operator's.
const isisChain = `
nodes:
- name: node1
  loopback: [10.4.0.1/32]
  setup: [ip addr add 10.4.12.1/30 dev eth1]
- name: node2
  loopback: [10.4.0.2/32]
  setup: [ip addr add 10.4.12.2/30 dev eth1, ip addr add 10.4.23.1/30 dev eth2]
- name: node3
  loopback: [10.4.0.3/32]
  setup: [ip addr add 10.4.23.2/30 dev eth1]
links:
- [node1.eth1, node2.eth1]
- [node2.eth2, node3.eth1]
`

const evpnOverISIS = `
kind: controller
id: ctl
type: evpn
asn: 65400
peers: 10.4.0.1,10.4.0.2,10.4.0.3
---
kind: zone
id: core
type: evpn
controller: ctl
vrf-vxlan: 6400
---
kind: vnet
id: cone
zone: core
tag: 6401
---
kind: subnet
id: 10.40.1.0/24
vnet: cone
gateway: 10.40.1.1
---
kind: vnet
id: ctwo
zone: core
tag: 6402
---
kind: subnet
id: 10.40.2.0/24
vnet: ctwo
gateway: 10.40.2.1
---
kind: guest
id: 101
name: c1
node: node1
nics: [{id: net0, vnet: cone, ips: [10.40.1.11]}]
---
kind: guest
id: 102
name: c2
node: node2
nics: [{id: net0, vnet: ctwo, ips: [10.40.2.12]}]
---
kind: guest
id: 103
name: c3
node: node3
nics: [{id: net0, vnet: cone, ips: [10.40.1.13]}]
`

// TestVMISIS has the loopbacks that EVPN's sessions and tunnels end at carried by
// IS-IS, by a controller per node.
func TestVMISIS(t *testing.T) {
	needsVM(t)
	c := specifiedCluster(t, isisChain)
	t.Cleanup(c.dumpNodes)
	var b strings.Builder
	b.WriteString(evpnOverISIS)
	for n, links := range map[int]string{1: "eth1", 2: "eth1,eth2", 3: "eth1"} {
		fmt.Fprintf(&b, "---\nkind: controller\nid: isis%d\ntype: isis\nnode: node%d\nisis-domain: core\nisis-net: 49.0001.0100.0400.000%d.00\nisis-ifaces: %s\nloopback: lo\n", n, n, n, links)
	}
	c.apply(b.String(), "--no-wait")
	c.converged(5 * time.Minute)
	c.labRun("guest", "start", "--all")

	for _, end := range []struct{ node, addr string }{{"node1", "10.4.0.3"}, {"node3", "10.4.0.1"}} {
		c.eventually(90*time.Second, func() error {
			if out := c.in(end.node, "ip", "route", "show", end.addr); !strings.Contains(out, "proto isis") {
				return fmt.Errorf("%s has no route of IS-IS to %s: %s", end.node, end.addr, out)
			}
			return nil
		})
	}
	c.reaches("node1", "10.4.0.3", 30*time.Second)
	c.proved("node1 and node3 have each other's loopback by IS-IS, through node2")

	for _, n := range c.lab.Spec.Nodes {
		c.eventually(90*time.Second, func() error { return c.established(n.Name, 2) })
	}
	c.reaches("c1", "10.40.1.13", 60*time.Second)
	c.reaches("c1", "10.40.2.12", 60*time.Second)
	c.reaches("c2", "10.40.1.13", 60*time.Second)
	tunnel := c.in("node1", "ip", "-d", "link", "show", "vxlan_cone")
	if !strings.Contains(tunnel, "local 10.4.0.1") {
		t.Errorf("node1's tunnels do not end at its loopback:\n%s", tunnel)
	}
	c.proved("EVPN between the loopbacks: guests on three nodes reach each other within and between VNets")
	c.stands()

	for n := 1; n <= 3; n++ {
		c.run("delete", "controller", fmt.Sprint("isis", n))
	}
	c.run("apply", "--no-wait")
	c.converged(3 * time.Minute)
	c.eventually(60*time.Second, func() error {
		for _, n := range c.lab.Spec.Nodes {
			if out := c.in(n.Name, "ip", "route", "show", "proto", "isis"); out != "" {
				return fmt.Errorf("%s still has routes of IS-IS: %s", n.Name, out)
			}
		}
		return nil
	})
	c.stands()
	c.proved("without its controllers IS-IS is gone from every node")
}
