package e2e

import (
	"strings"
	"testing"
)

// The manual's "VLAN Setup Example" on a bridge of Open vSwitch, with the kernel's
// datapath.
func TestVMOVSVLAN(t *testing.T) {
	needsVM(t)
	ovsVLAN(t, inKernel)
}

// The manual's "QinQ Setup Example" on bridges of Open vSwitch.
func TestVMOVSQinQ(t *testing.T) {
	needsVM(t)
	for _, tt := range []struct {
		name, datapath, protocol string
		mtu                      int
	}{
		{"kernel", inKernel, "", 1496},
		{"kernel, 802.1ad", inKernel, "802.1ad", 1496},
		{"user space", userspace, "", 1496},
		{"user space, 802.1ad", userspace, "802.1ad", 1492},
	} {
		t.Run(tt.name, func(t *testing.T) { ovsQinQ(t, tt.datapath, tt.protocol, tt.mtu) })
	}
}

// ovsQinQ plays the example on Open vSwitch bridges.
func ovsQinQ(t *testing.T, datapath, protocol string, mtu int) {
	c := ovsCluster(t, datapath)
	qinqExample(t, c, protocol, mtu)

	c.labRun("guest", "move", "vm2", "node3")
	c.answers("vm1", "10.0.3.102")
	c.silent("vm1", "10.0.3.104")
	c.proved("a guest that moved to node3 answers there")

	for _, g := range []string{"vm1", "vm2", "vm3", "vm4"} {
		c.labRun("guest", "rm", g)
	}
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
