package e2e

import (
	"strings"
	"testing"
)

// The manual's "VLAN Setup Example" on a bridge that knows nothing of VLANs.
func TestVMVLANPlainBridge(t *testing.T) {
	needsVM(t)
	vlanExample(t, startedCluster(t, "--file", "../../examples/vlan/lab/lab.yaml"))
}

// The same on a VLAN-aware bridge.
func TestVMVLANAwareBridge(t *testing.T) {
	needsVM(t)
	c := startedCluster(t, "--file", "../../examples/qinq/lab/lab.yaml")
	vlanExample(t, c)
	c.uplinkTold(t, uplinkVLANs{
		only10:    []string{"bridge vlan del dev eth1 vid 2-9", "bridge vlan del dev eth1 vid 11-4094"},
		without10: []string{"bridge vlan add dev eth1 vid 2-4094", "bridge vlan del dev eth1 vid 10"},
		native10:  []string{"bridge vlan add dev eth1 vid 10 pvid untagged"},
		all:       []string{"bridge vlan add dev eth1 vid 1 pvid untagged", "bridge vlan add dev eth1 vid 2-4094"},
	})
}

// vlanExample plays the example on whatever bridge the nodes have.
func vlanExample(t *testing.T, c *cluster) {
	t.Helper()
	c.example("vlan")
	c.answers("vm1", "10.0.3.101")
	c.answers("vm1", "10.0.3.101", "-M", "do", "-s", "1472")
	c.proved("vm1 on node1 reaches vm2 on node2 in VLAN 10, with frames of the trunk's full size")

	tagged := c.tagged("node2", "eth1", func() { c.answers("vm1", "10.0.3.101") }, "802.1Q (0x8100)", "vlan 10,", "ICMP")
	c.proved("the trunk carries the pings with tag 10 (%d frames seen)", tagged)

	c.apply(`
kind: vnet
id: other
zone: myvlanzone
tag: 11
---
kind: guest
id: 102
name: stranger
node: node2
nics: [{id: net0, vnet: other, ips: [10.0.3.102]}]
`)
	c.labRun("guest", "start", "--all")
	c.silent("vm1", "10.0.3.102")
	c.silent("stranger", "10.0.3.100")
	c.silent("node1", "10.0.3.101")
	c.proved("a guest of VLAN 11 with an address of the same network is not reached, nor does the node reach guests")

	c.labRun("guest", "move", "vm2", "node3")
	c.answers("vm1", "10.0.3.101")
	c.proved("a guest that moved to node3 answers there")

	c.run("delete", "vnet", "other")
	c.try("delete", "guest", "102")
	c.run("apply")
	c.stands()
	for name := range c.links("node1") {
		if strings.Contains(name, "other") || strings.HasSuffix(name, ".11") || strings.HasSuffix(name, "v11") {
			t.Errorf("the deleted VNet left interface %s on node1", name)
		}
	}
	c.proved("what was deleted left nothing behind, and what was not stands")
}
