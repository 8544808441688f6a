package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// told demands that a node tells of an object, in these words.
func (c *cluster) told(node, object, text string) {
	c.t.Helper()
	c.eventually(20*time.Second, func() error {
		for _, o := range c.node(node).Report.Objects {
			if o.Object == object && strings.Contains(o.Message, text) {
				return nil
			}
		}
		return fmt.Errorf("%s does not tell of %s that %q: %+v", node, object, text, c.node(node).Report.Objects)
	})
}

// untold demands that a node has nothing to tell of an object any more.
func (c *cluster) untold(node, object string) {
	c.t.Helper()
	c.eventually(20*time.Second, func() error {
		for _, o := range c.node(node).Report.Objects {
			if o.Object == object {
				return fmt.Errorf("%s still tells of %s: %s", node, object, o.Message)
			}
		}
		return nil
	})
}

// uplinkVLANs are the commands by which the port eth1 of node1's vmbr0 carries VLANs.
type uplinkVLANs struct {
	// only10 and without10 carry VLAN 10 and all but it with their tags, native10 has it
	// untagged, and all carries all again.
	only10, without10, native10, all []string
}

// uplinkTold shows, with VNet myvnet1 of VLAN 10 in zone myvlanzone, that a port which does
// not carry a VNet's VLAN is told before an apply and after, and is forgotten when the
// operator mends it.
func (c *cluster) uplinkTold(t *testing.T, p uplinkVLANs) {
	t.Helper()
	do := func(commands []string) {
		t.Helper()
		for _, command := range commands {
			c.in("node1", strings.Fields(command)...)
		}
	}
	lacks := func(vlan int) string {
		return fmt.Sprintf("port eth1 of bridge vmbr0 on node node1 does not carry VLAN %d", vlan)
	}
	other := c.file("beside.yaml", "kind: vnet\nid: beside\nzone: myvlanzone\ntag: 12\n")
	do(p.only10)
	c.eventually(20*time.Second, func() error {
		if out := c.run("plan", "-f", other); !strings.Contains(out, lacks(12)) {
			return fmt.Errorf("the plan does not tell that %s:\n%s", lacks(12), out)
		}
		return nil
	})
	c.untold("node1", "vnet/myvnet1")
	c.answers("vm1", "10.0.3.101")
	c.proved("a plan tells of a VNet whose VLAN the bridge's port does not carry, and nothing of one whose VLAN it does")

	do(p.without10)
	c.told("node1", "vnet/myvnet1", lacks(10))
	c.silent("vm1", "10.0.3.101")
	do(p.native10)
	c.told("node1", "vnet/myvnet1", "carries VLAN 10 without its tag")
	c.silent("vm1", "10.0.3.101")
	c.untold("node2", "vnet/myvnet1")
	do(p.all)
	c.untold("node1", "vnet/myvnet1")
	c.reaches("vm1", "10.0.3.101", 10*time.Second)
	c.proved("so does the node when it happens later, until the port is mended")
}
