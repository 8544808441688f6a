package e2e

import (
	"strings"
	"testing"
)

// The manual's "VLAN Setup Example" on a bridge of Open vSwitch that works in user
// space, as on kernels that have none.
func TestOVSVLAN(t *testing.T) { ovsVLAN(t, userspace) }

// ovsVLAN plays the example on an Open vSwitch bridge, and lets its daemons die.
func ovsVLAN(t *testing.T, datapath string) {
	c := ovsCluster(t, datapath)
	vlanExample(t, c)
	if ports := c.ovsPorts("node1"); ports != "ln_myvnet1,10" {
		t.Errorf("ports of ours on node1: %q", ports)
	}
	c.ovsGone("node1", "ln_other")
	c.proved("Open vSwitch has the VNet's port and not the deleted one's")
	c.sends("vm1", "vm2", "10.0.3.101")
	c.proved("a megabyte comes through by TCP")
	c.restartsOVS("vm1", "10.0.3.101")
	c.uplinkTold(c.t, uplinkVLANs{
		only10:    []string{"ovs-vsctl set port eth1 trunks=10"},
		without10: []string{"ovs-vsctl set port eth1 trunks=9,11"},
		native10:  []string{"ovs-vsctl clear port eth1 trunks", "ovs-vsctl set port eth1 tag=10"},
		all:       []string{"ovs-vsctl clear port eth1 tag"},
	})

	c.run("set", "vnet", "myvnet1", "tag=20")
	c.run("apply")
	c.answers("vm1", "10.0.3.101")
	c.tagged("node1", "eth1", func() { c.answers("vm1", "10.0.3.101") }, "vlan 20,", "ICMP")
	c.proved("a VNet that changes its VLAN works in the new one")

	c.in("node1", "ovs-vsctl", "set", "port", "ln_myvnet1", "tag=77")
	c.stands()
	c.in("node1", "ovs-vsctl", "del-port", "ln_myvnet1")
	c.stands()
	c.answers("vm1", "10.0.3.101")
	c.proved("a port that somebody changes or deletes is repaired")

	before := c.in("node1", "ovs-vsctl", "list-ports", "vmbr0")
	for _, g := range []string{"vm1", "vm2"} {
		c.labRun("guest", "rm", g)
	}
	c.run("delete", "vnet", "myvnet1")
	c.run("delete", "zone", "myvlanzone")
	c.run("apply")
	c.stands()
	for _, n := range c.lab.Spec.Nodes {
		if ports := c.ovsPorts(n.Name); ports != "" {
			t.Errorf("%s: ports of ours are left: %s", n.Name, ports)
		}
	}
	if after := c.in("node1", "ovs-vsctl", "list-ports", "vmbr0"); strings.TrimSpace(after) != "eth1" {
		t.Errorf("ports of vmbr0 were %q and are %q; only the operator's may stay", before, after)
	}
	c.proved("without its zone nothing of ours is left, and the operator's bridge stands")
}
