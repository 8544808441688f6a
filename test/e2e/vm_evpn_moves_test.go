package e2e

import (
	"fmt"
	"testing"
	"time"
)

// manyMoves is how often a guest moves: what goes wrong with moves goes wrong once in
// some.
const manyMoves = 50

// A guest that moves between two nodes again and again is found after every move by a
// guest that is routed to it, and by its gateway.
func TestVMEVPNMoves(t *testing.T) {
	needsVM(t)
	c := newCluster(t, 3)
	t.Cleanup(c.dumpNodes)
	c.example("evpn")
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(90*time.Second, func() error { return c.established(n.Name, 2) })
	}
	c.reaches("vm1", "10.0.2.100", 30*time.Second)
	worst := c.moves(manyMoves)
	t.Logf("figure: gap/found-after-move %.2f s", worst.Seconds())
	c.proved("vm2 moves %d times between node2 and node3 and is found every time, at the latest after %s", manyMoves, worst.Round(10*time.Millisecond))
	c.stands()
}

// moves has vm2 of the manual's EVPN example move between node2 and node3, and
// returns the longest time that it took to be found by vm1.
func (c *cluster) moves(times int) time.Duration {
	c.t.Helper()
	var worst time.Duration
	for n := range times {
		to := []string{"node2", "node3"}[n%2]
		c.labRun("guest", "move", "vm2", to)
		start := time.Now()
		c.eventually(30*time.Second, func() error {
			if r := c.exec("vm1", "ping", "-c", "1", "-W", "1", "10.0.2.100"); r.code != 0 {
				return fmt.Errorf("vm1 does not reach vm2 after move %d, to %s:\n%s%s", n+1, to, r.out, r.err)
			}
			return nil
		})
		took := time.Since(start)
		worst = max(worst, took)
		if took > 5*time.Second { // was it a session that ended, or FRR that did not see the guest?
			c.t.Logf("move %d, to %s: found after %s", n+1, to, took.Round(10*time.Millisecond))
			for _, node := range c.lab.Spec.Nodes {
				out, err := c.vtysh(node.Name, "show bgp l2vpn evpn summary")
				c.t.Logf("%s: %v\n%s", node.Name, err, out)
			}
		}
	}
	return worst
}
