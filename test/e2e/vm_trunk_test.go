package e2e

import (
	"fmt"
	"testing"
)

// VLAN-aware VNets carry the VLANs that guests make themselves, in a VLAN zone and in
// a QinQ zone, on all kinds of bridges.
func TestVMTrunks(t *testing.T) {
	needsVM(t)
	t.Run("plain bridge", func(t *testing.T) { trunks(t, startedCluster(t, "--file", "../../examples/vlan/lab/lab.yaml")) })
	t.Run("aware bridge", func(t *testing.T) { trunks(t, startedCluster(t, "--file", "../../examples/qinq/lab/lab.yaml")) })
	t.Run("open vswitch", func(t *testing.T) { trunks(t, ovsCluster(t, inKernel)) })
}

func trunks(t *testing.T, c *cluster) {
	c.apply(`
kind: zone
id: carrier
type: vlan
bridge: vmbr0
---
kind: vnet
id: trunk
zone: carrier
tag: 12
vlanaware: true
---
kind: zone
id: double
type: qinq
bridge: vmbr0
tag: 30
---
kind: vnet
id: inner
zone: double
tag: 100
---
kind: vnet
id: whole
zone: double
vlanaware: true
`)
	for i, g := range []struct{ name, vnet string }{{"t1", "trunk"}, {"t2", "trunk"}, {"t3", "trunk"}, {"whole1", "whole"}, {"inner2", "inner"}} {
		node := fmt.Sprintf("node%d", i%3+1)
		c.labRun("guest", "add", g.name, "--vnet", g.vnet, "--node", node, "--ip", fmt.Sprintf("10.0.%d.%d", i/3, i+1))
	}
	vlan := func(guest string, id int, addr string) {
		c.in(guest, "ip", "link", "add", fmt.Sprintf("eth0.%d", id), "link", "eth0", "type", "vlan", "id", fmt.Sprint(id))
		c.in(guest, "ip", "link", "set", fmt.Sprintf("eth0.%d", id), "up")
		c.in(guest, "ip", "addr", "add", addr, "dev", fmt.Sprintf("eth0.%d", id))
	}
	vlan("t1", 5, "10.5.0.1/24")
	vlan("t2", 5, "10.5.0.2/24")
	vlan("t1", 6, "10.6.0.1/24")
	vlan("t3", 6, "10.6.0.3/24")
	c.in("t3", "ip", "addr", "add", "10.5.0.3/24", "dev", "eth0.6")

	c.answers("t1", "10.5.0.2")
	c.answers("t1", "10.6.0.3")
	c.answers("t1", "10.0.0.2")
	c.proved("guests on three nodes reach each other in their own VLANs 5 and 6, and untagged")
	c.silent("t1", "10.5.0.3")
	c.silent("t2", "10.6.0.3", "-I", "eth0.5")
	c.proved("a guest with VLAN 6 is not reached in VLAN 5")
	seen := c.tagged("node2", "eth1", func() { c.answers("t1", "10.5.0.2") }, "vlan 12,", "vlan 5,", "ICMP")
	c.proved("the trunk carries the guests' VLAN 5 inside VLAN 12 (%d frames seen)", seen)

	vlan("whole1", 100, "10.0.1.101/24")
	c.in("whole1", "ip", "addr", "del", "10.0.1.4/24", "dev", "eth0")
	c.answers("whole1", "10.0.1.5")
	c.proved("a guest with the whole of a QinQ zone reaches one of a VNet by that VNet's VLAN")
	c.in("whole1", "ip", "addr", "del", "10.0.1.101/24", "dev", "eth0.100")
	vlan("whole1", 101, "10.0.1.101/24")
	c.silent("whole1", "10.0.1.5")
	c.proved("and not by another one")
	c.stands()
}
