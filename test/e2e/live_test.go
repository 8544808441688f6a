package e2e

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLiveState queries nodes about what runs on them, and compares it with what happens there.
func TestLiveState(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(dhcpOverlay)
	c.labRun("guest", "start", "--all")
	c.leases("web", "ip=10.5.0.100 "+dhcpFar)
	c.leases("db", "ip=10.5.0.101 "+dhcpFar)
	c.answers("web", "10.5.0.101")
	c.stands()

	node1 := func(args ...string) []string { return append(append([]string{"live"}, args...), "--node", "node1") }
	c.demand(0, node1("interfaces"), "blue", "bridge", "vxlan_blue", "10.6.0.1/24", "192.168.0.1/24")
	c.demand(0, node1("routes"), "main", "192.168.0.0/24", "10.6.0.0/24", "kernel")
	c.demand(0, node1("bridges", "over"), "blue", "vxlan_blue", "veth100i0")
	c.demand(0, node1("fdb", "blue"), "bc:24:11:00:00:64", "veth100i0", "bc:24:11:00:00:65", "vxlan_blue", "192.168.0.2")
	c.demand(0, node1("leases", "blue"), "10.5.0.100", "bc:24:11:00:00:64")
	if out := c.demand(0, []string{"live", "zone-leases", "over"}, "10.5.0.100", "10.5.0.101", "node1", "node2"); strings.Contains(out, "10.6.0.") {
		t.Errorf("leases of another zone:\n%s", out)
	}
	c.in("web", "ping", "-c1", "-W2", "10.5.0.101")
	c.demand(0, node1("neighbors"), "192.168.0.2", "reachable")
	c.demand(0, node1("services"), "vnet/blue", "vnet/red", "DNS server")
	c.demand(0, node1("drift"), "nothing")
	c.demand(0, node1("log"), "applied revision=1")

	// A process that is stopped shows, and so does a node that does not answer.
	if out := c.run(node1("services")...); strings.Contains(out, " no") {
		t.Errorf("a service does not run:\n%s", out)
	}
	agent := c.pid("node1")
	if err := unix.Kill(agent, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.demand(4, []string{"live", "routes"}, "node2", "node1: the node does not answer", "no answer from node1")
	if err := unix.Kill(agent, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.demand(1, []string{"live", "fdb", "nowhere"}, "nowhere")
	c.demand(4, node1("ip-vrf", "over"), "zone over is no evpn zone of this node")
}
