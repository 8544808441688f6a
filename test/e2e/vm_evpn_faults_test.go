package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/lab"
)

// What changes and faults cost the guests of an EVPN zone, as a ping every 10 ms
// sees it. The bounds leave room for an emulated processor; what was seen is told.
func TestVMEVPNFaults(t *testing.T) {
	needsVM(t)
	c := newCluster(t, 3)
	t.Cleanup(c.dumpNodes)
	c.run("apply", "-f", "../../examples/evpn", "--no-wait")
	c.run("set", "subnet", "10.0.1.0/24", "snat=true")
	c.run("set", "subnet", "10.0.2.0/24", "snat=true")
	c.run("apply")
	c.labRun("guest", "start", "--all")
	c.settledEVPN()

	p := c.pings("vm1", "10.0.2.100")
	c.apply(`
kind: vnet
id: third
zone: myevpnzone
tag: 13000
---
kind: subnet
id: 10.0.3.0/24
vnet: third
gateway: 10.0.3.1
`)
	c.run("delete", "subnet", "10.0.3.0/24")
	c.run("delete", "vnet", "third")
	c.run("apply")
	p.goOn(c, 20)
	g := p.ends()
	if g.lost > 0 {
		t.Errorf("a VNet beside was made and deleted, and %d of %d packets between others were lost", g.lost, g.sent)
	}
	t.Logf("figure: gap/unrelated-change %d packets", g.lost)
	c.proved("a VNet of the zone is made and deleted: no packet between others is lost")

	p = c.pings("vm1", "10.0.2.100")
	for _, n := range c.lab.Spec.Nodes {
		c.kill(n.Name)
	}
	c.labRun("up")
	c.stands()
	p.goOn(c, 20)
	if g := p.ends(); g.lost > 0 {
		t.Errorf("all agents were killed and restarted, and %d of %d packets were lost", g.lost, g.sent)
	}
	c.proved("all agents are killed and restarted: no packet is lost")

	p = c.pings("vm1", "10.0.2.100")
	c.labRun("guest", "move", "vm2", "node2")
	p.goOn(c, 20)
	g = p.ends()
	c.costs("moved-guest", g, 5*time.Second, "vm2 moves from node3 to node2")
	c.labRun("guest", "move", "vm2", "node3")
	c.settledEVPN()

	c.exitNodesDie()
	c.routingDies()
	c.stands()
}

// settledEVPN waits until every session of the manual's EVPN example stands and is
// watched by BFD, and the guests reach each other and the outside.
func (c *cluster) settledEVPN() {
	c.t.Helper()
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(90*time.Second, func() error { return c.established(n.Name, 2) })
		c.eventually(60*time.Second, func() error { return c.watched(n.Name, 2) })
	}
	c.answers("vm2", "10.0.2.1")
	c.reaches("vm1", "10.0.2.100", 30*time.Second)
	c.reaches("vm2", lab.OutsideHost.String(), 30*time.Second)
}

// watched checks how many sessions of BFD of a node are up, and that no other is there.
func (c *cluster) watched(node string, want int) error {
	out, err := c.vtysh(node, "show bfd peers json")
	if err != nil {
		return err
	}
	var peers []struct{ Peer, Status string }
	if err := json.Unmarshal([]byte(out), &peers); err != nil {
		return fmt.Errorf("%s: %w: %s", node, err, out)
	}
	up := 0
	for _, p := range peers {
		if p.Status == "up" {
			up++
		}
	}
	if up != want || len(peers) != want {
		return fmt.Errorf("%s: %d of %d BFD sessions are up, want %d: %s", node, up, len(peers), want, out)
	}
	return nil
}

// costs tells what something cost, as a figure of the benchmarks too, and demands
// that it was less than the bound.
func (c *cluster) costs(figure string, g gap, bound time.Duration, what string) {
	c.t.Helper()
	c.t.Logf("figure: gap/%s %.2f s", figure, g.longest.Seconds())
	if g.longest > bound {
		c.t.Errorf("%s: a gap of %s, more than %s", what, g.longest, bound)
	}
	c.proved("%s: a gap of %s, %d of %d packets lost", what, g.longest, g.lost, g.sent)
}

// exitNodesDie takes each exit node off the underlay, so that the others hear
// nothing more of it, and puts it back. One of them was the way of vm2.
func (c *cluster) exitNodesDie() {
	c.t.Helper()
	var gaps []gap
	for _, n := range []string{"node1", "node2"} {
		p := c.pings("vm2", lab.OutsideHost.String())
		c.in(n, "ip", "link", "set", "eth0", "down")
		p.goOn(c, 200)
		gaps = append(gaps, p.ends())
		c.in(n, "ip", "link", "set", "eth0", "up")
		c.in(n, "ip", "route", "replace", "default", "via", "192.168.0.253")
		c.settledEVPN()
	}
	worst := slices.MaxFunc(gaps, func(a, b gap) int { return int(a.longest - b.longest) })
	// Without BFD it would be the 6 to 9 seconds of the session's own timers.
	c.costs("dead-exit-node", worst, 4*time.Second, "the exit node in use dies, and the other one takes over")
	if worst.lost == 0 {
		c.t.Error("neither exit node was in use")
	}
}

// routingDies ends FRR on node3 as a crash would. Its agent starts it again.
func (c *cluster) routingDies() {
	c.t.Helper()
	p := c.pings("vm2", "10.0.2.1")
	c.killFRR("node3", "zebra")
	c.killFRR("node3", "bgpd")
	c.eventually(180*time.Second, func() error { return c.established("node3", 2) })
	p.goOn(c, 20)
	if g := p.ends(); g.lost > 0 {
		c.t.Errorf("FRR of node3 died, and of the packets between its guest and its gateway %d of %d were lost", g.lost, g.sent)
	}
	c.settledEVPN()
	c.proved("zebra and bgpd of node3 are killed: its guest goes on reaching its gateway, and the agent brings FRR back")

	p = c.pings("vm1", "10.0.2.100")
	c.killFRR("node3", "zebra")
	c.eventually(180*time.Second, func() error { return c.established("node3", 2) })
	p.goOn(c, 100)
	c.costs("dead-zebra", p.ends(), 30*time.Second, "zebra of node3 is killed, with bgpd alive")
}
