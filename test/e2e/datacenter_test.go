package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// datacenterNetworks are two routed VNets of one zone: guests reach each other, and what
// is outside, unless a firewall forbids it.
const datacenterNetworks = `
kind: zone
id: nat
type: simple
---
kind: vnet
id: n1
zone: nat
---
kind: vnet
id: n2
zone: nat
---
kind: subnet
id: 10.66.0.0/25
vnet: n1
gateway: 10.66.0.1
snat: true
---
kind: subnet
id: 10.66.0.128/25
vnet: n2
gateway: 10.66.0.129
snat: true
---
`

// TestDatacenterFirewall lets the policy and the forward rules of the datacenter decide
// what is routed, and nothing else.
func TestDatacenterFirewall(t *testing.T) {
	c := newCluster(t, 1)
	firewall := func(rest string) string {
		return c.apply(datacenterNetworks + "kind: firewall\nid: datacenter\nenable: true\n" + rest)
	}
	out := firewall("policy-in: DROP\n")
	if !strings.Contains(out, "policy-in DROP has no effect") {
		t.Errorf("nobody said that policy-in has no effect:\n%s", out)
	}
	c.labRun("guest", "add", "g1", "--node", "node1", "--vnet", "n1")
	c.labRun("guest", "add", "g1b", "--node", "node1", "--vnet", "n1")
	c.labRun("guest", "add", "g2", "--node", "node1", "--vnet", "n2")
	address := func(guest string) string {
		for word := range strings.FieldsSeq(c.in(guest, "ip", "-4", "-o", "addr", "show", "scope", "global")) {
			if a, _, ok := strings.Cut(word, "/"); ok && strings.HasPrefix(a, "10.66.") {
				return a
			}
		}
		t.Fatalf("guest %s has no address", guest)
		return ""
	}
	neighbour, other, outside := address("g1b"), address("g2"), "192.168.0.254"
	c.answers("g1", other)
	c.answers("g1", outside)

	firewall("policy-forward: DROP\n")
	c.silent("g1", other)
	c.silent("g1", outside)
	c.answers("g1", neighbour) // inside the VNet
	c.answers("g1", "10.66.0.1")

	firewall("policy-forward: DROP\nrules:\n  - {type: forward, action: ACCEPT, macro: Ping, source: +sdn/n1-all, dest: +sdn/n2-all}\n")
	c.answers("g1", other)
	c.silent("g2", address("g1"))
	c.silent("g1", outside)

	firewall("rules:\n  - {type: forward, action: REJECT, dest: " + outside + "}\n")
	c.answers("g2", address("g1"))
	if r := c.exec("g1", "ping", "-c", "1", "-W", "2", outside); r.code == 0 || !strings.Contains(r.out, "Packet filtered") {
		t.Errorf("the guest was not told that its packet was rejected:\n%s%s", r.out, r.err)
	}
	c.run("set", "firewall", "datacenter", "enable=false")
	c.answers("g1", outside)
}

// A VNet's firewall decides what its guests send to the node's own addresses too, as it
// does of all that leaves the VNet; the gateway stays reached.
func TestVNetFirewallKeepsGuestsOffTheNode(t *testing.T) {
	c := newCluster(t, 1)
	c.apply(datacenterNetworks)
	c.labRun("guest", "add", "g1", "--node", "node1", "--vnet", "n1")
	c.labRun("guest", "add", "g2", "--node", "node1", "--vnet", "n2")
	c.answers("g1", "192.168.0.1")
	firewall := "{kind: firewall, id: datacenter, enable: true}\n---\n{kind: firewall, id: n1, enable: true, policy-forward: DROP, rules: [%s]}\n"
	c.apply(fmt.Sprintf(firewall, "{type: forward, action: ACCEPT, dest: 198.51.100.0/24}")) // also where the kernel cannot filter inside the VNet
	c.eventually(10*time.Second, func() error {                                              // firewalls take effect at once, but the command does not wait for nodes
		if r := c.exec("g1", "ping", "-c", "1", "-W", "1", "192.168.0.1"); r.code == 0 {
			return fmt.Errorf("g1 reaches 192.168.0.1:\n%s", r.out)
		}
		return nil
	})
	c.answers("g1", "10.66.0.1")
	c.answers("g1", "198.51.100.1")
	c.answers("g2", "192.168.0.1")
	c.apply(fmt.Sprintf(firewall, "{type: forward, action: ACCEPT, dest: 192.168.0.1}"))
	c.reaches("g1", "192.168.0.1", 10*time.Second)
	c.silent("g1", "198.51.100.1")
}
