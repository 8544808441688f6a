package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// sharingNode is a node whose own addresses are in VLANs of its bridges, as on most hosts of
// Proxmox VE: 40 to 42 of a VLAN-aware bridge, and 60 of a plain one's port.
const sharingNode = `
- name: node%[1]d
  bridges:
  - {name: vmbr0, ports: [eth1], vlan-aware: true}
  - {name: vmbr1, ports: [eth2]}
  setup:
  - ip link add link vmbr0 name vmbr0.40 type vlan id 40
  - bridge vlan add dev vmbr0 vid 40 self
  - ip addr add 10.40.0.%[1]d/24 dev vmbr0.40
  - ip link set vmbr0.40 up
  - ip link add link vmbr0 name own41 type vlan id 41
  - bridge vlan add dev vmbr0 vid 41 self
  - ip addr add 10.41.0.%[1]d/24 dev own41
  - ip link set own41 up
  - ip link add link vmbr0 name vmbr0.42 type vlan id 42
  - bridge vlan add dev vmbr0 vid 42 self
  - ip link set vmbr0.42 up
  - ip link add link eth2 name eth2.60 type vlan id 60
  - ip addr add 10.60.0.%[1]d/24 dev eth2.60
  - ip link set eth2.60 up`

// Guests and the nodes themselves share VLANs of the zones' bridges.
func TestVMSharedVLAN(t *testing.T) {
	needsVM(t)
	c := specifiedCluster(t, "nodes:"+fmt.Sprintf(sharingNode, 1)+fmt.Sprintf(sharingNode, 2)+`
switches:
- name: trunk
  ports: [node1.eth1, node2.eth1]
- name: plain
  ports: [node1.eth2, node2.eth2]
`)
	own := func() string {
		return c.in("node1", "ip", "-d", "addr", "show", "dev", "vmbr0.40") + c.in("node1", "bridge", "vlan", "show", "dev", "vmbr0")
	}
	before, links := own(), c.links("node1")
	manifest := `
kind: zone
id: lan
type: vlan
bridge: vmbr0
---
kind: vnet
id: v40
zone: lan
tag: 40
---
kind: vnet
id: v41
zone: lan
tag: 41
vlanaware: true
---
kind: zone
id: double
type: qinq
bridge: vmbr0
tag: 42
---
kind: vnet
id: inner
zone: double
tag: 100
`
	if out := c.run("plan", "-f", c.file("shared.yaml", manifest)); !strings.Contains(out, "VLAN 40 of bridge vmbr0 is node node1's own too (vmbr0.40 10.40.0.1/24)") {
		t.Errorf("the plan does not tell what is shared:\n%s", out)
	}
	c.apply(manifest)
	for _, n := range []int{1, 2} {
		for i, vnet := range []string{"v40", "v41", "inner"} {
			c.labRun("guest", "add", fmt.Sprintf("g%d%s", n, vnet), "--vnet", vnet, "--node", fmt.Sprintf("node%d", n), "--ip", fmt.Sprintf("10.%d.0.1%d", 40+i, n))
		}
	}
	reached := func() {
		t.Helper()
		for _, p := range [][2]string{
			{"g1v40", "10.40.0.12"}, {"g1v40", "10.40.0.1"}, {"g1v40", "10.40.0.2"}, {"node1", "10.40.0.11"}, {"node1", "10.40.0.12"}, {"node1", "10.40.0.2"},
			{"g1v41", "10.41.0.12"}, {"g1v41", "10.41.0.1"}, {"g1v41", "10.41.0.2"}, {"g1inner", "10.42.0.12"},
		} {
			c.reaches(p[0], p[1], 10*time.Second)
		}
	}
	reached()
	c.answers("g1v40", "10.40.0.12", "-M", "do", "-s", "1472")
	seen := c.tagged("node2", "eth1", func() { c.answers("g1v40", "10.40.0.2") }, "802.1Q (0x8100)", "vlan 40,", "ICMP")
	c.proved("guests of VLAN 40 reach each other and the addresses of both nodes, and the nodes each other (%d frames of VLAN 40 seen)", seen)

	for n, g := range []string{"g1v41", "g2v41"} {
		c.in(g, "ip", "link", "add", "eth0.5", "link", "eth0", "type", "vlan", "id", "5")
		c.in(g, "ip", "addr", "add", fmt.Sprintf("10.5.0.%d/24", n+1), "dev", "eth0.5")
		c.in(g, "ip", "link", "set", "eth0.5", "up")
	}
	c.answers("g1v41", "10.5.0.2")
	c.tagged("node2", "eth1", func() { c.answers("g1v41", "10.5.0.2") }, "vlan 41,", "vlan 5,", "ICMP")
	c.tagged("node2", "eth1", func() { c.answers("g1inner", "10.42.0.12") }, "vlan 42,", "vlan 100,", "ICMP")
	c.silent("g1inner", "10.42.0.13")
	c.proved("so do VNets and zones whose frames have tags inside")
	c.stands()
	if after := own(); after != before {
		t.Errorf("the node's own interface was touched:\n%s\n%s", before, after)
	}

	c.in("node1", "ip", "link", "del", "vmbr0.40")
	c.eventually(20*time.Second, func() error {
		if l, there := c.links("node1")["vmbr0.40"]; !there {
			return fmt.Errorf("no VLAN device of ours: %v", l)
		}
		return nil
	})
	c.stands()
	c.reaches("g1v40", "10.40.0.12", 10*time.Second)
	c.reaches("g1v40", "10.40.0.2", 10*time.Second)
	c.proved("while the node's own interface is away guests go on")
	c.in("node1", "ip", "addr", "add", "10.40.0.1/24", "dev", "vmbr0.40")
	reached()
	c.stands()
	c.proved("an address on the VLAN device makes it the node's own again")

	c.sharesPlain(t)

	for _, n := range []int{1, 2} {
		for _, vnet := range []string{"v40", "v41", "inner", "v60"} {
			c.labRun("guest", "rm", fmt.Sprintf("g%d%s", n, vnet))
		}
	}
	for _, o := range []string{"vnet/v40", "vnet/v41", "vnet/inner", "vnet/v60", "zone/lan", "zone/double", "zone/plain"} {
		kind, id, _ := strings.Cut(o, "/")
		c.run("delete", kind, id)
	}
	c.run("apply")
	c.stands()
	for name := range c.links("node1") {
		if _, before := links[name]; !before && name != "vmbr1v60" {
			t.Errorf("interface %s was left on node1", name)
		}
	}
	for _, addr := range []string{"10.40.0.2", "10.41.0.2", "10.60.0.2"} {
		c.reaches("node1", addr, 10*time.Second)
	}
	c.proved("without the zones nothing of ours is left, and the nodes' own addresses stand")
}

// sharesPlain shows that a VLAN which a node has of a plain bridge's port is refused before
// an apply, and shared once the node has a bridge over it, as the refusal says.
func (c *cluster) sharesPlain(t *testing.T) {
	t.Helper()
	manifest := "kind: zone\nid: plain\ntype: vlan\nbridge: vmbr1\n---\nkind: vnet\nid: v60\nzone: plain\ntag: 60\n"
	r := c.try("plan", "-f", c.file("plain.yaml", manifest))
	if r.code == 0 || !strings.Contains(r.out, "VLAN 60 of eth2, a port of bridge vmbr1, is node node1's own (eth2.60 10.60.0.1/24)") || !strings.Contains(r.out, "make a bridge vmbr1v60 of port eth2.60") {
		t.Errorf("the plan, status %d:\n%s%s", r.code, r.out, r.err)
	}
	for _, n := range []int{1, 2} {
		node := fmt.Sprintf("node%d", n)
		for _, command := range []string{
			"ip link add vmbr1v60 type bridge", "ip link set vmbr1v60 up", "ip addr del 10.60.0.%d/24 dev eth2.60", "ip link set eth2.60 master vmbr1v60", "ip addr add 10.60.0.%d/24 dev vmbr1v60",
		} {
			if strings.Contains(command, "%d") {
				command = fmt.Sprintf(command, n)
			}
			c.in(node, strings.Fields(command)...)
		}
	}
	c.eventually(20*time.Second, func() error {
		if r := c.try("plan", "-f", c.file("plain.yaml", manifest)); r.code != 0 {
			return fmt.Errorf("the plan is refused still:\n%s%s", r.out, r.err)
		}
		return nil
	})
	c.apply(manifest)
	for _, n := range []int{1, 2} {
		c.labRun("guest", "add", fmt.Sprintf("g%dv60", n), "--vnet", "v60", "--node", fmt.Sprintf("node%d", n), "--ip", fmt.Sprintf("10.60.0.1%d", n))
	}
	for _, p := range [][2]string{{"g1v60", "10.60.0.12"}, {"g1v60", "10.60.0.1"}, {"g1v60", "10.60.0.2"}, {"node1", "10.60.0.12"}, {"node1", "10.60.0.2"}} {
		c.reaches(p[0], p[1], 10*time.Second)
	}
	c.stands()
	c.proved("a VLAN of a plain bridge's port that the node has is refused in the plan, and shared when done as that says")
}
