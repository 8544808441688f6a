package e2e

import (
	"testing"
	"time"
)

// What a bgpd that crashes costs the guests of its node.
func TestVMEVPNRestart(t *testing.T) {
	needsVM(t)
	c := newCluster(t, 3)
	t.Cleanup(c.dumpNodes)
	c.example("evpn")
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(180*time.Second, func() error { return c.established(n.Name, 2) })
	}
	for _, pair := range [][2]string{{"vm1", "10.0.2.100"}, {"vm2", "10.0.1.100"}} {
		c.reaches(pair[0], pair[1], 60*time.Second)
	}
	c.bgpdDies()
	c.stands()
}

// bgpdDies ends bgpd on node3 alone. Where FRR has graceful restart for EVPN the
// others go on sending to the node's guests; elsewhere they forget them until it is
// back.
func (c *cluster) bgpdDies() {
	c.t.Helper()
	in, out := c.pings("vm1", "10.0.2.100"), c.pings("vm2", "10.0.1.100")
	c.killFRR("node3", "bgpd")
	c.eventually(180*time.Second, func() error { return c.established("node3", 2) })
	in.goOn(c, 500)
	out.goOn(c, 500)
	g, back := in.ends(), out.ends()
	c.t.Logf("figure: lost/dead-bgpd %d packets", g.lost+back.lost)
	if f := installedFRR(c.t); !f.RestartsEVPN() {
		c.costs("dead-bgpd", g, 30*time.Second, "bgpd of node3 is killed (FRR "+f.Version+" has no graceful restart for EVPN: the others forget its guests)")
		return
	}
	// What zebra takes out of the kernel is put back at once, but not before it is gone.
	c.costs("dead-bgpd", g, 500*time.Millisecond, "bgpd of node3 is killed and started again, to its guest")
	c.costs("dead-bgpd-from", back, 500*time.Millisecond, "bgpd of node3 is killed and started again, from its guest")
}
