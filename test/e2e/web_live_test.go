package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// TestWebLiveState: panels show what runs on nodes, and say how old it is when a node is silent.
func TestWebLiveState(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(dhcpOverlay)
	c.labRun("guest", "start", "--all")
	c.leases("web", "ip=10.5.0.100 "+dhcpFar)
	c.leases("db", "ip=10.5.0.101 "+dhcpFar)
	c.answers("web", "10.5.0.101")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")

	b.open("/vnets/blue")
	b.press("MAC addresses")
	b.shows("bc:24:11:00:00:64")
	b.shows("192.168.0.2") // the VTEP of the other guest
	b.press("DHCP leases")
	b.shows("10.5.0.100")
	b.press("node2")
	b.shows("10.5.0.101")
	b.open("/zones/over")
	b.press("Bridges")
	b.shows("vxlan_blue")
	b.open("/nodes/node1")
	b.press("Services")
	b.shows("✓ runs")
	b.press("Drift")
	b.shows("The node is as the running revision declares")
	b.press("Agent’s log")
	b.shows("applied revision=1")
	b.press("Routes")
	b.shows("10.6.0.0/24")
	agent := c.pid("node1")
	if err := unix.Kill(agent, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b.faultsExpected(func() { // 504, until the agent goes on
		b.shows("the node does not answer: node1")
		b.shows(" old") // and the rows stay
		b.shows("10.6.0.0/24")
		if err := unix.Kill(agent, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		b.do("waiting for rows that are new", chromedp.WaitNotPresent("aside .badge", chromedp.ByQuery))
	})
}
