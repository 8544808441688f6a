package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An external router that speaks BGP with the exit nodes: it learns the EVPN
// zone's networks, and they learn what lies behind it.
func TestVMExternalRouter(t *testing.T) {
	needsVM(t)
	c := specifiedCluster(t, externalRouter)
	t.Cleanup(c.dumpNodes)
	c.run("apply", "-f", "../../examples/evpn", "--no-wait")
	c.apply(bgpController(1, 65000) + "---" + bgpController(2, 65000))
	c.labRun("guest", "start", "--all")
	c.announced("192.168.0.1", "192.168.0.2")
	c.reaches("vm1", "172.30.0.1", 30*time.Second)
	c.reaches("vm2", "172.30.0.1", 30*time.Second)
	c.reaches("router", "10.0.2.100", 30*time.Second)
	c.proved("the external router learns the zone's networks from both exit nodes; guests reach what is behind it without NAT, and it reaches them")
	c.stands()

	c.in("node1", "ip", "link", "set", "eth0", "down")
	c.announced("192.168.0.2")
	c.reaches("router", "10.0.2.100", 30*time.Second)
	c.proved("with exit node node1 dead, all goes by node2")
	c.in("node1", "ip", "link", "set", "eth0", "up")
	c.announced("192.168.0.1", "192.168.0.2")

	if testing.Short() {
		return // FRR 10.3 chooses no best routes any more when a router got another AS number
	}
	c.ownSystems()
}

// Every node an autonomous system of its own, from the start.
func TestVMOwnSystems(t *testing.T) {
	needsVM(t)
	c := specifiedCluster(t, externalRouter)
	t.Cleanup(c.dumpNodes)
	c.ownSystems("-f", "../../examples/evpn")
}

// ownSystems makes every node an autonomous system of its own: the zone's route
// targets must be the same everywhere nevertheless. Further arguments are for apply.
func (c *cluster) ownSystems(args ...string) {
	c.t.Helper()
	c.in("router", "vtysh", "-c", "configure", "-c", "router bgp 65010",
		"-c", "neighbor 192.168.0.1 remote-as 65001", "-c", "neighbor 192.168.0.2 remote-as 65002", "-c", "neighbor 192.168.0.3 remote-as 65003")
	c.apply(bgpController(1, 65001)+"---"+bgpController(2, 65002)+"---"+bgpController(3, 65003), args...)
	c.labRun("guest", "start", "--all")
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(90*time.Second, func() error { return c.established(n.Name, 2) })
	}
	c.announced("192.168.0.1", "192.168.0.2")
	c.reaches("vm1", "10.0.2.100", 30*time.Second)
	c.reaches("vm2", "172.30.0.1", 30*time.Second)
	c.reaches("router", "10.0.2.100", 30*time.Second)
	c.proved("the same with an autonomous system for every node, and eBGP between the nodes")
	c.stands()
}

// externalRouter is a lab with a router in the underlay, which has a network
// behind it.
const externalRouter = `
nodes: [{name: node1}, {name: node2}, {name: node3}]
hosts:
  - name: router
    address: 192.168.0.100
    loopback: [172.30.0.1/32]
    frr:
      daemons: [bgpd, bfdd]
      config: |
        frr defaults datacenter
        router bgp 65010
         bgp bestpath as-path multipath-relax
         neighbor 192.168.0.1 remote-as 65000
         neighbor 192.168.0.1 bfd
         neighbor 192.168.0.2 remote-as 65000
         neighbor 192.168.0.2 bfd
         address-family ipv4 unicast
          network 172.30.0.1/32
         exit-address-family
        exit
`

// bgpController is the one of a node.
func bgpController(node, asn int) string {
	return fmt.Sprintf(`
kind: controller
id: bgpnode%d
type: bgp
node: node%d
asn: %d
peers: 192.168.0.100
ebgp: true
`, node, node, asn)
}

// announced waits until the external router leads to the zone's networks by just
// these nodes.
func (c *cluster) announced(via ...string) {
	c.t.Helper()
	c.eventually(90*time.Second, func() error {
		for _, network := range []string{"10.0.1.0/24", "10.0.2.0/24"} {
			out := c.in("router", "ip", "route", "show", network)
			if n := strings.Count(out, "via "); n != len(via) {
				return fmt.Errorf("the router leads to %s by %d nodes, not %d:\n%s", network, n, len(via), out)
			}
			for _, a := range via {
				if !strings.Contains(out, "via "+a+" ") {
					return fmt.Errorf("the router does not lead to %s by %s:\n%s", network, a, out)
				}
			}
		}
		return nil
	})
}
