package e2e

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

// An apply of zones that the kernel cannot make beside one that it can: the latter
// works, and the former are told by name, with what is missing, not as an errno.
func TestZonesThatTheKernelLacks(t *testing.T) {
	requires.Without(t, "lo.5", "link", "lo", "type", "vlan", "proto", "802.1ad", "id", "5")
	c := startedCluster(t, "--file", "../../examples/vlan/lab/lab.yaml")
	manifest := c.file("zones.yaml", `
kind: zone
id: myqinq
type: qinq
bridge: vmbr0
tag: 20
vlan-protocol: 802.1ad
---
kind: vnet
id: qinqnet
zone: myqinq
tag: 100
---
kind: controller
id: ctl
type: evpn
asn: 65000
peers: [192.168.0.1, 192.168.0.2, 192.168.0.3]
---
kind: zone
id: routed
type: evpn
controller: ctl
vrf-vxlan: 4000
---
kind: vnet
id: routnet
zone: routed
tag: 4001
---
kind: zone
id: tunnels
type: vxlan
peers: [192.168.0.1, 192.168.0.2, 192.168.0.3]
---
kind: vnet
id: tunnet
zone: tunnels
tag: 7
---
kind: guest
id: 100
name: vm1
node: node1
nics: [{id: net0, vnet: tunnet, ips: [10.0.7.1]}]
---
kind: guest
id: 101
name: vm2
node: node2
nics: [{id: net0, vnet: tunnet, ips: [10.0.7.2]}]
`)
	says := []string{
		"zone/myqinq", "needs 802.1ad VLAN devices; module 8021q is not available",
		"zone/routed", "needs VRFs; module vrf is not available",
	}
	c.demand(6, []string{"plan", "-f", manifest}, says...)
	c.demand(4, []string{"apply", "--allow-errors", "-f", manifest}, says[0])
	c.demand(0, []string{"status"}, says...)
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.7.2")
	c.answers("vm2", "10.0.7.1")

	// Once they are gone nothing is left to complain of.
	for _, ref := range [][2]string{{"vnet", "qinqnet"}, {"zone", "myqinq"}, {"vnet", "routnet"}, {"zone", "routed"}} {
		c.run("delete", ref[0], ref[1])
	}
	c.run("apply")
	c.answers("vm1", "10.0.7.2")
	c.stands()
}
