package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

// ifupdown2Cluster starts a lab whose nodes have ifupdown2 and are told to use it.
func ifupdown2Cluster(t *testing.T, spec string) *cluster {
	t.Helper()
	requires.Program(t, "ifreload")
	c := specifiedCluster(t, spec)
	var manifest []string
	for _, n := range c.lab.Spec.Nodes {
		if !n.Ifupdown2 {
			continue
		}
		manifest = append(manifest, fmt.Sprintf("kind: node\nid: %s\nbackend: ifupdown2\n", n.Name))
	}
	c.apply(strings.Join(manifest, "---\n"))
	return c
}

// ownFile is what ifupdown2 of a node is told by Viaduct.
func (c *cluster) ownFile(node string) string {
	c.t.Helper()
	return c.in(node, "cat", "/etc/network/interfaces.d/viaduct")
}

// well demands that a node has nothing to complain of.
func (c *cluster) well(node string) {
	c.t.Helper()
	c.eventually(20*time.Second, func() error {
		if n := c.node(node); n.Report == nil || n.Report.Message != "" || len(n.Report.Objects) > 0 {
			return fmt.Errorf("%s is not well: %+v", node, n.Report)
		}
		return nil
	})
}

// operatorReloads loads a node's interfaces as its operator does.
func (c *cluster) operatorReloads(node string) {
	c.t.Helper()
	c.eventually(time.Minute, func() error {
		if r := c.exec(node, "ifreload", "-a"); r.code != 0 {
			return fmt.Errorf("%s: ifreload: exit code %d: %s", node, r.code, r.err)
		}
		return nil
	})
}

// The manual's VXLAN example and a simple zone on nodes whose links ifupdown2 makes.
func TestIfupdown2(t *testing.T) {
	c := ifupdown2Cluster(t, "nodes: [{name: node1, ifupdown2: true}, {name: node2, ifupdown2: true}, {name: node3}]\n")
	c.example("vxlan")
	c.answers("vm1", "10.0.3.101")
	c.stands()
	c.well("node1")
	if f := c.ownFile("node1"); !strings.Contains(f, "iface vxlan_vxvnet1\n\tvxlan-id 100000\n") {
		t.Errorf("the file of node1 does not say how the tunnel is made:\n%s", f)
	}
	if r := c.exec("node1", "ifquery", "--check", "vxvnet1", "vxlan_vxvnet1"); r.code != 0 {
		t.Errorf("ifupdown2 finds the links other than its file says:\n%s%s", r.out, r.err)
	}
	c.proved("ifupdown2 made the network by the file, and vm1 on node1 reaches vm2 on node2")

	sent, lost := c.lossWhile("vm1", "10.0.3.101", func() {
		c.operatorReloads("node1")
		c.operatorReloads("node1")
	})
	if lost > 1 {
		t.Errorf("%d of %d pings were lost while the operator reloaded", lost, sent)
	}
	c.stands()
	c.proved("the operator's own ifreload -a keeps all, guests' ports included (%d pings, none lost)", sent)

	c.apply("kind: zone\nid: two\ntype: simple\n---\nkind: vnet\nid: beside\nzone: two\nalias: a second one\n---\nkind: subnet\nid: two-10.9.0.0-24\nvnet: beside\ncidr: 10.9.0.0/24\ngateway: 10.9.0.1\nsnat: true\n" +
		"---\nkind: subnet\nid: two-fd00:9::-64\nvnet: beside\ncidr: fd00:9::/64\ngateway: fd00:9::1\n")
	c.labRun("guest", "add", "near", "--vnet", "beside", "--node", "node1")
	c.answers("near", "10.9.0.1")
	c.answers("near", "198.51.100.1")
	sent, lost = c.lossWhile("vm1", "10.0.3.101", func() {
		c.run("set", "zone", "two", "mtu=1400")
		c.run("apply")
		c.stands()
	})
	if l := c.links("node1")["beside"]; l.MTU != 1400 || lost > 1 {
		t.Errorf("mtu %d; %d of %d pings of another network were lost", l.MTU, lost, sent)
	}
	c.proved("a change of one network reaches ifupdown2 and costs the others nothing (%d pings)", sent)

	for mtu := 1390; mtu > 1360; mtu -= 10 {
		c.run("set", "zone", "two", fmt.Sprint("mtu=", mtu))
		c.run("apply", "--no-wait")
		c.kill("node1") // which ifreload may outlive
		c.labRun("up")
		c.eventually(30*time.Second, func() error {
			if l := c.links("node1")["beside"]; l.MTU != mtu {
				return fmt.Errorf("mtu %d", l.MTU)
			}
			return nil
		})
		c.stands()
	}
	c.well("node1")
	c.answers("near", "10.9.0.1")
	c.proved("an agent that is killed in the middle of a reload finds its way")

	c.run("set", "vnet", "vxvnet1", "tag=100001")
	c.run("apply")
	c.answers("vm1", "10.0.3.101")
	c.stands()
	c.well("node1")
	c.proved("a tunnel whose number changes is made anew, on nodes with ifupdown2 and the one without")

	c.in("node1", "ip", "link", "del", "vxlan_vxvnet1")
	c.stands()
	c.answers("vm1", "10.0.3.101")
	c.in("node1", "ifdown", "vxvnet1")
	c.operatorReloads("node1")
	c.stands()
	c.answers("vm1", "10.0.3.101")
	c.proved("links that somebody deletes, by ip or by ifdown, come back")

	c.labRun("guest", "rm", "near")
	for _, o := range [][2]string{{"subnet", "two-10.9.0.0-24"}, {"subnet", "two-fd00:9::-64"}, {"vnet", "beside"}, {"zone", "two"}} {
		c.run("delete", o[0], o[1])
	}
	c.run("apply")
	c.stands()
	if _, there := c.links("node1")["beside"]; there || strings.Contains(c.ownFile("node1"), "beside") {
		t.Errorf("the deleted network is left:\n%s", c.ownFile("node1"))
	}
	c.operatorReloads("node1")
	c.stands()
	c.proved("what is deleted leaves nothing behind, in the file or on the node")

	r := c.try("set", "node", "node1", "backend=netlink")
	if r.code != 0 {
		t.Fatalf("%s%s", r.out, r.err)
	}
	c.run("apply")
	c.stands()
	c.reaches("vm1", "10.0.3.101", 10*time.Second)
	if r := c.exec("node1", "cat", "/etc/network/interfaces.d/viaduct"); r.code == 0 {
		t.Errorf("the file is left:\n%s", r.out)
	}
	c.operatorReloads("node1")
	c.stands()
	c.answers("vm1", "10.0.3.101")
	c.proved("a node that goes back to netlink keeps its network and has no file")

	c.apply("kind: node\nid: node3\nbackend: ifupdown2\n", "--no-wait")
	c.eventually(20*time.Second, func() error {
		if n := c.node("node3"); !strings.Contains(n.Report.Message, "add the line `source /etc/network/interfaces.d/*`") {
			return fmt.Errorf("node3 does not say what is missing: %q", n.Report.Message)
		}
		return nil
	})
	c.labRun("guest", "move", "vm2", "node3")
	c.answers("vm1", "10.0.3.101")
	c.proved("a node whose operator's file does not read ours says so, and has its network all the same")
}
