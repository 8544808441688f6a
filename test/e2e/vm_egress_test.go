package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An exit node beside the network of the nodes (eth0) and a perimeter router (eth1).
const egressLab = `
nodes:
  - name: node1
    setup: ["ip addr add 203.0.113.1/24 dev eth1", "ip -6 addr add fd00:203::1/64 dev eth1 nodad"]
  - name: node2
    setup: ["ip route add 10.60.0.0/16 via 192.168.0.1"]
hosts:
  - name: perimeter
    loopback: [10.200.0.1/32]
    setup:
      - ip addr add 203.0.113.254/24 dev eth1; ip -6 addr add fd00:203::254/64 dev eth1 nodad
      # An interface alone is a way out where all beyond it is reached as if it were beside it.
      - ip -6 addr add fd00:200::1/128 dev eth1 nodad
      - ip route add 10.60.0.0/16 via 203.0.113.1; ip -6 route add fd00:60::/32 via fd00:203::1
switches:
  - {name: wan, ports: [node1.eth1, perimeter.eth1]}
`

const egressZone = `
kind: controller
id: ctl
type: evpn
asn: 65020
peers: [192.168.0.1]
nodes: [node1]
---
kind: zone
id: out
type: evpn
controller: ctl
vrf-vxlan: 10000
nodes: [node1]
exitnodes: [node1]
%s
---
kind: vnet
id: s1
zone: out
tag: 11000
---
kind: subnet
id: 10.60.10.0/24
vnet: s1
gateway: 10.60.10.1
snat: true
---
kind: vnet
id: s2
zone: out
tag: 11001
---
kind: subnet
id: 10.60.30.0/24
vnet: s2
gateway: 10.60.30.1
---
kind: subnet
id: fd00:60:30::/64
vnet: s2
gateway: fd00:60:30::1
---
kind: guest
id: 100
name: t1
node: node1
nics: [{id: net0, vnet: s1, ips: [10.60.10.2]}]
---
kind: guest
id: 101
name: t2
node: node1
nics: [{id: net0, vnet: s2, ips: [10.60.30.2, "fd00:60:30::2"]}]
`

// TestVMEgress leads what leaves a zone by the way that the zone declares and by no
// other, and without one never into the networks that the exit node is on, unless the
// guests speak with its address or the zone says so.
func TestVMEgress(t *testing.T) {
	needsVM(t)
	c := specifiedCluster(t, egressLab)
	t.Cleanup(c.dumpNodes)
	const neighbour, beyond, beyond6 = "192.168.0.2", "10.200.0.1", "fd00:200::1"
	apply := func(options string) string { return c.apply(fmt.Sprintf(egressZone, options)) }
	if out := apply(""); !strings.Contains(out, "but not the networks that it is on itself") {
		t.Errorf("nobody said whom guests do not reach:\n%s", out)
	}
	c.labRun("guest", "start", "--all")
	c.reaches("t1", neighbour, 30*time.Second)
	c.unseen("node2", "eth0", "10.60.30.2", func() { c.refused("t2", neighbour) })
	c.answers("node2", "10.60.30.2") // who asks from there is answered
	c.proved("without a way out only guests with the exit node's address reach its network; others are told so, and answer who asks from there")

	apply("node-networks: all")
	c.answers("t2", neighbour)
	apply("node-networks: none")
	c.refused("t1", neighbour)
	c.proved("the zone may let all reach it, or none")

	ways := map[string]string{
		"next hops": "exitnodes-via: [203.0.113.254, 'fd00:203::254']",
		"interface": "exitnodes-interface: eth1",
		"table":     "exitnodes-table: 100",
	}
	c.in("node1", "sh", "-c", "ip route add default via 203.0.113.254 table 100; ip -6 route add default via fd00:203::254 table 100")
	for _, way := range []string{"next hops", "interface", "table"} {
		apply(ways[way])
		c.reaches("t2", beyond, 10*time.Second)
		c.reaches("t2", beyond6, 10*time.Second)
		c.answers("t1", beyond)
		c.answers("t2", "10.60.10.2")
		c.answers("perimeter", "10.60.30.2")
		c.unseen("node1", "eth0", "10.60.30.2", func() { c.silent("t2", neighbour) })
		c.unseen("node1", "eth0", "192.168.0.1 > 192.168.0.2: ICMP", func() { c.silent("t1", neighbour) })
		c.in("node1", "ip", "link", "set", "eth1", "down")
		c.unseen("node1", "eth0", "ICMP echo request", func() { c.fails("t1", "198.51.100.1") })
		c.in("node1", "sh", "-c", "ip link set eth1 up; ip -6 addr replace fd00:203::1/64 dev eth1 nodad; "+
			"ip route replace default via 203.0.113.254 table 100; ip -6 route replace default via fd00:203::254 table 100")
		c.reaches("t2", beyond, 30*time.Second)
		c.reaches("t2", beyond6, 30*time.Second)
		c.knows("node1", "fd00:203::1") // plans go by what the node has reported
		c.proved("%s: all that leaves goes to the perimeter, nothing into the node's own network, and nothing leaves while the way is gone", way)
	}
	apply(ways["next hops"] + "\nnode-networks: all")
	c.answers("t2", neighbour)
	c.answers("t2", beyond)
	c.proved("with node-networks all the node's own network is reached past the way out")

	c.refusesServices(apply)
	apply("")
	c.reaches("t1", neighbour, 10*time.Second)
	if rules := c.in("node1", "ip", "rule"); strings.Contains(rules, "0x76002710") {
		t.Errorf("rules are left:\n%s", rules)
	}
	c.stands()
	c.proved("what was declared is gone with its declaration")
}

// refusesServices keeps guests of an EVPN zone off the node's own services.
func (c *cluster) refusesServices(apply func(options string) string) {
	c.t.Helper()
	// A socket of the node hears VRFs only if its operator wants that.
	c.in("node1", "sysctl", "-qw", "net.ipv4.tcp_l3mdev_accept=1")
	port := c.listens("node1")
	c.dials("t2", "192.168.0.1", port, true)
	apply("node-services: none")
	c.dials("t2", "192.168.0.1", port, false)
	c.dials("t2", "10.60.30.1", port, false)
	c.answers("t2", "10.60.30.1")
	c.answers("t2", "fd00:60:30::1")
	c.answers("t2", "10.60.10.2")
	apply(fmt.Sprintf("node-services: tcp/%d", port))
	c.dials("t2", "192.168.0.1", port, true)
	c.proved("guests reach of the node what the zone names, and their gateway")
}

// knows waits until a node has reported an address of its own.
func (c *cluster) knows(node, address string) {
	c.t.Helper()
	c.eventually(30*time.Second, func() error {
		if out := c.run("describe", "node", node); !strings.Contains(out, address) {
			return fmt.Errorf("node %s has not reported %s:\n%s", node, address, out)
		}
		return nil
	})
}

// unseen demands that no frame with a text passes a link while f runs.
func (c *cluster) unseen(node, link, text string, f func()) {
	c.t.Helper()
	frames, said := c.captured(node, link, f)
	if strings.Contains(frames, text) {
		c.t.Errorf("%s of %s passed %q:\n%s%s", link, node, text, frames, said)
	}
}

// fails demands that a ping is not answered, be its sender told or not.
func (c *cluster) fails(guest, addr string) {
	c.t.Helper()
	if r := c.exec(guest, "ping", "-c", "2", "-i", "0.2", "-W", "1", "-w", "2", addr); r.code == 0 {
		c.t.Errorf("%s reaches %s:\n%s", guest, addr, r.out)
	}
}
