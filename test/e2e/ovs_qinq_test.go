package e2e

import (
	"strings"
	"testing"
	"time"
)

// The manual's "QinQ Setup Example" on bridges of Open vSwitch that work in user
// space, whether the kernel has VLANs or not.
func TestOVSQinQ(t *testing.T) {
	t.Run("802.1q", func(t *testing.T) { ovsQinQ(t, userspace, "", 1496) })
	t.Run("802.1ad", func(t *testing.T) { ovsQinQ(t, userspace, "802.1ad", 1492) })
}

// ovsQinQ plays the example on Open vSwitch bridges.
func ovsQinQ(t *testing.T, datapath, protocol string, mtu int) {
	c := ovsCluster(t, datapath)
	qinqExample(t, c, protocol, mtu)

	c.sends("vm1", "vm2", "10.0.3.102")
	c.proved("a megabyte comes through by TCP")
	c.labRun("guest", "move", "vm2", "node3")
	c.answers("vm1", "10.0.3.102")
	c.silent("vm1", "10.0.3.104")
	c.proved("a guest that moved to node3 answers there")

	c.apply("kind: vnet\nid: bareqinq\nzone: qinqzone1\n")
	c.labRun("guest", "add", "bare1", "--vnet", "bareqinq", "--node", "node1", "--ip", "10.0.3.201")
	c.labRun("guest", "add", "bare2", "--vnet", "bareqinq", "--node", "node2", "--ip", "10.0.3.202")
	c.answers("bare1", "10.0.3.202")
	c.silent("bare1", "10.0.3.102")
	c.silent("vm1", "10.0.3.201")
	c.proved("a VNet without an inner VLAN works beside, and does not reach the others")

	c.kill("node1.ovs-vswitchd")
	c.labRun("up")
	c.stands()
	c.reaches("vm1", "10.0.3.102", 10*time.Second)
	c.proved("ovs-vswitchd was killed and came back; the node is as it was")

	for _, g := range []string{"vm1", "vm2", "vm3", "vm4", "bare1", "bare2"} {
		c.labRun("guest", "rm", g)
	}
	c.run("delete", "vnet", "bareqinq")
	for _, n := range []string{"1", "2"} {
		c.run("delete", "vnet", "qinqvnet"+n)
		c.run("delete", "zone", "qinqzone"+n)
	}
	c.run("apply")
	c.stands()
	for _, n := range c.lab.Spec.Nodes {
		if ports := c.ovsPorts(n.Name); ports != "" {
			t.Errorf("%s: ports of ours are left: %s", n.Name, ports)
		}
		for name := range c.links(n.Name) {
			if strings.Contains(name, "qinq") {
				t.Errorf("%s: interface %s is left", n.Name, name)
			}
		}
	}
	c.proved("without its zones nothing of ours is left")
}
