package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/lab"
)

// The manual's "EVPN Setup Example", as far as its networks reach each other: two
// routed networks over three nodes.
func TestVMEVPN(t *testing.T) {
	needsVM(t)
	c := newCluster(t, 3)
	c.example("evpn")
	c.eventually(90*time.Second, func() error { return c.established("node1", 2) })
	c.answers("vm1", "10.0.1.1")
	c.answers("vm2", "10.0.2.1")
	c.reaches("vm1", "10.0.2.100", 30*time.Second)
	c.proved("vm1 on node1 reaches vm2 on node3 in the other VNet, and each its gateway on its own node")
	c.demand(0, []string{"reach", "vm1", "vm2"})
	c.seenByProxmox()

	// "You need to add a reverse route on your router", says the manual.
	for _, net := range []string{"10.0.1.0/24", "10.0.2.0/24"} {
		c.in("outside", "ip", "route", "add", net, "nexthop", "via", "192.168.0.1", "nexthop", "via", "192.168.0.2")
	}
	c.reaches("vm2", lab.OutsideHost.String(), 30*time.Second)
	c.reaches("vm1", lab.OutsideHost.String(), 30*time.Second)
	c.answers("outside", "10.0.2.100")
	c.proved("vm2 on node3, which does not lead outside, reaches the outside host through node1 or node2, as does vm1 on node1 itself")
	for _, n := range []string{"node1", "node2"} {
		if r := c.exec(n, "ip", "route", "show", "vrf", "vrf_myevpnzone", "default"); strings.Contains(r.out, "via") {
			t.Errorf("the exit node %s sends what leaves the zone to the other one:\n%s", n, r.out)
		}
	}
	c.proved("no exit node takes the default route of the other")

	c.labRun("guest", "move", "vm2", "node2")
	c.reaches("vm1", "10.0.2.100", 10*time.Second)
	c.proved("a guest that moved from node3 to node2 is found there")
	c.stands()
	c.proved("every node is as its document says, FRR included")
}

// reaches demands that a ping is answered before long.
func (c *cluster) reaches(guest, addr string, within time.Duration) {
	c.t.Helper()
	c.eventually(within, func() error {
		if r := c.exec(guest, "ping", "-c", "1", "-W", "1", addr); r.code != 0 {
			return fmt.Errorf("%s does not reach %s:\n%s%s", guest, addr, r.out, r.err)
		}
		return nil
	})
}

// vtysh runs a command of FRR's shell on a node.
func (c *cluster) vtysh(node, command string) (string, error) {
	r := c.exec(node, "vtysh", "-c", command)
	if r.code != 0 {
		return "", fmt.Errorf("%s: vtysh: %s%s", node, r.out, r.err)
	}
	return r.out, nil
}

// established checks how many EVPN sessions of a node stand.
func (c *cluster) established(node string, want int) error {
	out, err := c.vtysh(node, "show bgp l2vpn evpn summary json")
	if err != nil {
		return err
	}
	var summary struct {
		Peers map[string]struct{ State string }
	}
	if err := json.Unmarshal([]byte(out), &summary); err != nil {
		return fmt.Errorf("%s: %w: %s", node, err, out)
	}
	n := 0
	for _, p := range summary.Peers {
		if p.State == "Established" {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("%s: %d of %d EVPN sessions stand: %s", node, n, want, out)
	}
	return nil
}
