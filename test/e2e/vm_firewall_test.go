package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// fenced is a VXLAN zone over two nodes; what a test puts behind it counts.
const fenced = `
kind: zone
id: fence
type: vxlan
peers: [192.168.0.1, 192.168.0.2]
---
kind: vnet
id: yard
zone: fence
tag: 700
---
kind: subnet
id: 10.70.0.0/24
vnet: yard
---
kind: firewall
id: datacenter
enable: true
`

// firewallCluster has two guests on the first node and one on the second, in one VNet:
// vm1 and vm2, and vm3.
func firewallCluster(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, 2)
	c.apply(fenced)
	for i, node := range []string{"node1", "node1", "node2"} {
		c.labRun("guest", "add", fmt.Sprintf("vm%d", i+1), "--vnet", "yard", "--node", node, "--ip", fmt.Sprintf("10.70.0.%d", i+1))
	}
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.70.0.2")
	c.answers("vm1", "10.70.0.3")
	return c
}

// becomes waits until a guest reaches an address, or no longer does.
func (c *cluster) becomes(reached bool, guest, addr string, opts ...string) {
	c.t.Helper()
	c.eventually(30*time.Second, func() error {
		r := c.exec(guest, append([]string{"ping", "-n", "-c", "1", "-W", "1"}, append(opts, addr)...)...)
		if (r.code == 0) != reached {
			return fmt.Errorf("ping of %s to %s: reached %v, want %v", guest, addr, !reached, reached)
		}
		return nil
	})
}

// TestVMFirewall plays the firewall of a VNet on a kernel that knows conversations on
// bridges.
func TestVMFirewall(t *testing.T) {
	needsVM(t)
	c := firewallCluster(t)
	firewall := func(rest string) { c.apply("kind: firewall\nid: yard\nenable: true\n" + rest) }

	firewall("policy-forward: DROP\nlog-level-forward: warning\n")
	c.becomes(false, "vm1", "10.70.0.2")
	c.becomes(false, "vm1", "10.70.0.3")
	if out := c.in("vm1", "ip", "neigh", "show", "10.70.0.2"); !strings.Contains(out, "lladdr") {
		t.Errorf("guests no longer find each other: %s", out)
	}
	if out := c.in("node1", "nft", "list", "chain", "bridge", "viaduct_fw", "vnet-yard"); !strings.Contains(out, "vnet yard policy") || strings.Contains(out, `packets 0 bytes 0 drop comment "vnet yard policy"`) {
		t.Errorf("what the policy dropped is not counted:\n%s", out)
	}
	c.demand(4, []string{"reach", "vm1", "vm2"}, "vnet yard policy drops it")
	c.demand(4, []string{"reach", "vm1", "vm3"}, "vnet yard policy drops it")
	c.eventually(30*time.Second, func() error {
		out := c.run("firewall", "log", "yard", "--node", "node1")
		if !strings.Contains(out, "DROP") || !strings.Contains(out, "icmp 10.70.0.1 -> 10.70.0.2") || !strings.Contains(out, "vnet yard policy") {
			return fmt.Errorf("the log of the firewall does not have the drop:\n%s\n%s\n%v", out, c.in("node1", "nft", "list", "chain", "bridge", "viaduct_fw", "vnet-yard"), c.node("node1").Report.Facts.Features)
		}
		return nil
	})
	c.proved("with the policy DROP guests of one node and of two do not reach each other, which is counted, and still find each other")

	firewall("policy-forward: DROP\nrules:\n- {type: forward, action: ACCEPT, macro: Ping, source: +sdn/guest-ipam-100}\n")
	c.becomes(true, "vm1", "10.70.0.2")
	c.becomes(true, "vm1", "10.70.0.3")
	c.silent("vm2", "10.70.0.1")
	c.silent("vm3", "10.70.0.1")
	c.demand(0, []string{"reach", "vm1", "vm2"}, "vnet yard rule 0 accepts it")
	c.demand(4, []string{"reach", "vm3", "vm1"}, "vnet yard policy drops it")
	c.proved("one rule lets vm1 ask and the others answer, on either node, but not the others ask")

	firewall("policy-forward: DROP\nrules:\n- {type: forward, action: ACCEPT, source: +sdn/yard-all, dest: +sdn/yard-all}\n")
	c.becomes(true, "vm3", "10.70.0.1")
	c.run("delete", "firewall", "yard")
	c.becomes(true, "vm2", "10.70.0.1")
	c.proved("the VNet's own set matches all of its guests, and without a firewall all is as before")

	// The same addresses in another VNet are other conversations.
	c.apply(`
kind: zone
id: fence2
type: vxlan
peers: [192.168.0.1, 192.168.0.2]
---
kind: vnet
id: yard2
zone: fence2
tag: 701
---
kind: subnet
id: 10.70.0.0/24
vnet: yard2
---
kind: firewall
id: yard
enable: true
policy-forward: DROP
---
kind: firewall
id: yard2
enable: true
`)
	c.labRun("guest", "add", "twin1", "--vnet", "yard2", "--node", "node1", "--ip", "10.70.0.1")
	c.labRun("guest", "add", "twin2", "--vnet", "yard2", "--node", "node2", "--ip", "10.70.0.3")
	c.labRun("guest", "start", "--all")
	ping := c.pings("twin1", "10.70.0.3")
	c.becomes(false, "vm1", "10.70.0.3")
	c.silent("vm3", "10.70.0.1")
	ping.ends()
	c.proved("a conversation in one VNet opens nothing in another one with the same addresses")
	c.stands()
}

// TestFirewallOfSenders needs no conversations: filters of senders and isolation work
// on any kernel with nftables on bridges.
func TestFirewallOfSenders(t *testing.T) {
	c := firewallCluster(t)
	c.apply("kind: firewall\nid: yard\nmac-filter: true\nip-filter: true\n")
	c.in("vm1", "ip", "addr", "add", "10.70.0.66/24", "dev", "eth0")
	c.becomes(false, "vm1", "10.70.0.3", "-I", "10.70.0.66")
	c.becomes(false, "vm1", "10.70.0.2", "-I", "10.70.0.66")
	c.answers("vm1", "10.70.0.2")
	c.answers("vm1", "10.70.0.3")
	c.proved("a guest with another address than its own reaches nobody, and with its own all")

	c.run("delete", "firewall", "yard")
	c.apply("kind: vnet\nid: yard\nzone: fence\ntag: 700\nisolate-ports: true\n")
	c.becomes(false, "vm1", "10.70.0.2")
	c.becomes(false, "vm1", "10.70.0.3")
	c.becomes(false, "vm3", "10.70.0.1")
	c.proved("isolated guests do not reach each other, neither on one node nor on two")
	c.stands()
}
