package e2e

import (
	"strings"
	"testing"
)

// example applies one of the examples and starts its guests.
func (c *cluster) example(name string) {
	c.t.Helper()
	c.run("apply", "-f", "../../examples/"+name)
	c.labRun("guest", "start", "--all")
}

func TestQuickstart(t *testing.T) {
	c := newCluster(t, 3)
	c.example("quickstart")
	c.answers("vm1", "10.0.3.101")
	c.answers("vm2", "10.0.3.100")
	c.answers("vm3", "172.16.0.1")
	c.answers("vm3", "198.51.100.1")
	c.pictured("../../docs/images/demo.svg")
	c.in("vm1", "ip", "route", "add", "172.16.0.0/24", "dev", "eth0") // it would not even try
	c.silent("vm1", "172.16.0.10")
	c.silent("vm3", "10.0.3.100")
	c.stands()
}

// The manual's "Simple Zone Example": two guests on one node.
func TestExampleSimple(t *testing.T) {
	c := newCluster(t, 2)
	c.example("simple")
	c.answers("vm1", "10.0.1.15")
	c.answers("vm2", "10.0.1.14")

	// A simple zone ends at its node: a guest on another one is alone.
	c.labRun("guest", "add", "far", "--vnet", "vnet1", "--node", "node2", "--ip", "10.0.1.16")
	c.silent("far", "10.0.1.14")
	c.silent("vm1", "10.0.1.16")
	c.stands()
}

// The manual's "Source NAT Example", and that it is the translation which makes
// the difference.
func TestExampleSNAT(t *testing.T) {
	c := newCluster(t, 1)
	c.example("snat")
	c.answers("vm1", "172.16.0.1")
	c.answers("vm1", "198.51.100.1")

	c.run("set", "subnet", "simple-172.16.0.0-24", "snat=false")
	c.run("apply")
	c.silent("vm1", "198.51.100.1")
	c.run("rollback", "1")
	c.answers("vm1", "198.51.100.1")

	// The address follows the way out at run time: the node is renumbered, and
	// nothing has to be applied.
	c.in("node1", "ip", "addr", "del", "192.168.0.1/24", "dev", "eth0")
	c.in("node1", "ip", "addr", "add", "192.168.0.77/24", "dev", "eth0")
	c.in("node1", "ip", "route", "replace", "default", "via", "192.168.0.253")
	c.answers("vm1", "198.51.100.1")
}

// The manual's "VXLAN Setup Example": three nodes, the MTU computed from the
// underlay, and frames of just that size.
func TestExampleVXLAN(t *testing.T) {
	c := newCluster(t, 3)
	plan := c.run("plan", "-f", "../../examples/vxlan")
	if !strings.Contains(plan, "mtu 1450") || !strings.Contains(plan, "50") {
		t.Errorf("the plan does not tell the computed MTU and its reason:\n%s", plan)
	}
	c.example("vxlan")
	c.answers("vm1", "10.0.3.101")
	c.answers("vm1", "10.0.3.101", "-M", "do", "-s", "1422")
	c.silent("vm1", "10.0.3.101", "-M", "do", "-s", "1423")
	for _, n := range []string{"node1", "node2", "node3"} {
		if mtu := c.links(n)["vxvnet1"].MTU; mtu != 1450 {
			t.Errorf("%s: vxvnet1 has MTU %d, want 1450", n, mtu)
		}
	}
	c.silent("node1", "10.0.3.101")

	// A guest that moves keeps its address and is found at its new place.
	c.labRun("guest", "move", "vm2", "node2")
	c.answers("vm2", "10.0.3.100")
	c.answers("vm1", "10.0.3.101")
	if _, left := c.links("node3")["veth101i0"]; left {
		t.Error("the moved guest's link is still on node3")
	}
	c.stands()
}

// The firewall of the DMZ decides by alias, set and group, and replies need no rule.
func TestExampleFirewall(t *testing.T) {
	c := newCluster(t, 1)
	// On a kernel that cannot filter inside a VNet the node is degraded; what is routed is
	// filtered there, too.
	c.run("apply", "-f", "../../examples/firewall", "--no-wait")
	c.labRun("guest", "start", "--all")
	c.becomes(true, "admin", "10.50.2.20")
	c.becomes(false, "desk", "10.50.1.10")
	c.answers("admin", "10.50.1.10")
	c.answers("desk", "198.51.100.1")
	c.silent("web", "198.51.100.1")
	c.silent("web", "10.50.2.20")
	for port, open := range map[string]bool{"80": true, "22": false} {
		// Nobody listens: a packet that passes is answered by a reset.
		r := c.exec("desk", "timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/10.50.1.10/"+port)
		if refused := strings.Contains(r.err, "refused"); refused != open {
			t.Errorf("TCP port %s of web: let through %v, want %v: %s", port, refused, open, r.err)
		}
	}
	c.stands()
}

// TestVXLANOverIPv6 runs the overlay on the IPv6 underlay and another port: 70
// bytes are for the tunnel.
func TestVXLANOverIPv6(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(`
kind: zone
id: six
type: vxlan
peers: [fd00:192:168::1, fd00:192:168::2]
vxlan-port: 4790
---
kind: vnet
id: sixnet
zone: six
tag: 6
---
kind: guest
id: 100
name: vm1
node: node1
nics: [{id: net0, vnet: sixnet, ips: [10.0.6.1, "fd00:6::1"]}]
---
kind: guest
id: 101
name: vm2
node: node2
nics: [{id: net0, vnet: sixnet, ips: [10.0.6.2, "fd00:6::2"]}]
`)
	c.labRun("guest", "start", "--all")
	if mtu := c.links("node1")["sixnet"].MTU; mtu != 1430 {
		t.Errorf("MTU %d, want 1430", mtu)
	}
	c.answers("vm1", "10.0.6.2", "-M", "do", "-s", "1402")
	c.silent("vm1", "10.0.6.2", "-M", "do", "-s", "1403")
	c.answers("vm1", "fd00:6::2")
	c.stands()
}

const twoOfEach = `
kind: zone
id: za
type: simple
---
kind: zone
id: zb
type: simple
---
kind: zone
id: xa
type: vxlan
peers: 192.168.0.1,192.168.0.2
---
kind: zone
id: xb
type: vxlan
peers: 192.168.0.1,192.168.0.2
---
kind: vnet
id: va
zone: za
---
kind: vnet
id: va2
zone: za
---
kind: vnet
id: vb
zone: zb
---
kind: vnet
id: oa
zone: xa
tag: 11
---
kind: vnet
id: oa2
zone: xa
tag: 12
---
kind: vnet
id: ob
zone: xb
tag: 13
---
kind: subnet
id: 10.1.0.0/24
vnet: va
gateway: 10.1.0.1
snat: true
---
kind: subnet
id: 10.2.0.0/24
vnet: va2
gateway: 10.2.0.1
---
kind: subnet
id: fd00:a::/64
vnet: va
gateway: fd00:a::1
snat: true
---
kind: subnet
id: 10.3.0.0/24
vnet: vb
gateway: 10.3.0.1
snat: true
---
kind: subnet
id: fd00:b::/64
vnet: vb
gateway: fd00:b::1
---
kind: guest
id: 201
name: ga
node: node1
nics: [{id: net0, vnet: va, ips: [10.1.0.10, "fd00:a::10"]}]
---
kind: guest
id: 202
name: ga2
node: node1
nics: [{id: net0, vnet: va2, ips: [10.2.0.10]}]
---
kind: guest
id: 203
name: gb
node: node1
nics: [{id: net0, vnet: vb, ips: [10.3.0.10, "fd00:b::10"]}]
---
kind: guest
id: 204
name: ha
node: node1
nics: [{id: net0, vnet: oa, ips: [10.9.0.1]}]
---
kind: guest
id: 205
name: ha2
node: node2
nics: [{id: net0, vnet: oa, ips: [10.9.0.2]}]
---
kind: guest
id: 206
name: hx
node: node2
nics: [{id: net0, vnet: oa2, ips: [10.9.0.3]}]
---
kind: guest
id: 207
name: hb
node: node2
nics: [{id: net0, vnet: ob, ips: [10.9.0.4]}]
`

// TestZonesAreIsolated tries every way out of a zone: at layer 2, routed, by the
// gateway of another zone, and by the addresses of the node.
func TestZonesAreIsolated(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(twoOfEach)
	c.labRun("guest", "start", "--all")

	c.answers("ga", "10.1.0.1")
	c.answers("ga", "10.2.0.10") // routed inside its zone
	c.answers("ga", "198.51.100.1")
	c.answers("ga", "fd00:a::1")
	c.answers("ga", "2001:db8:ffff::1") // IPv6, by source NAT
	c.silent("gb", "2001:db8:ffff::1")  // its IPv6 subnet has none
	c.silent("ga", "10.3.0.10")         // another zone's guest
	c.silent("ga", "fd00:b::10")
	c.silent("ga", "10.3.0.1") // another zone's gateway
	c.silent("ga", "fd00:b::1")
	c.silent("gb", "10.1.0.10")

	c.answers("ha", "10.9.0.2")
	c.silent("ha", "10.9.0.3") // another VNet of its zone
	c.silent("ha", "10.9.0.4") // another zone
	// The node answers no overlay guest, for whichever address it is asked.
	c.in("ha", "ip", "route", "add", "192.168.0.0/24", "dev", "eth0")
	c.silent("ha", "192.168.0.1")
	c.in("ha", "ip", "route", "add", "10.1.0.0/24", "dev", "eth0")
	c.silent("ha", "10.1.0.1")
	c.stands()
}

// TestIsolatePorts checks that guests of one node cannot reach each other, but
// do reach the gateway, and that it takes effect on guests that run.
func TestIsolatePorts(t *testing.T) {
	c := newCluster(t, 1)
	c.example("snat")
	c.labRun("guest", "add", "vm9", "--vnet", "vnet1", "--node", "node1", "--ip", "172.16.0.99")
	c.answers("vm9", "172.16.0.1")
	first := "172.16.0.99"
	c.answers("vm1", first)
	c.run("set", "vnet", "vnet1", "isolate-ports=true")
	c.run("apply")
	c.silent("vm1", first)
	c.answers("vm1", "172.16.0.1")
	c.run("set", "vnet", "vnet1", "isolate-ports=false")
	c.run("apply")
	c.answers("vm1", first)
}
