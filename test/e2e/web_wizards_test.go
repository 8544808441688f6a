package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWebWizards makes a network of each sort by its wizard, from what it proposes. Each ends
// in a plan; the tenant's network is applied, and guests on two nodes reach each other in it.
func TestWebWizards(t *testing.T) {
	c := newCluster(t, 2)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.shows("Make the first network")
	b.press("Tenant network")

	// A step goes on once the server has nothing against it, and keeps what is typed when one
	// goes back and forth in the browser.
	b.shows("Where shall guests of this network reach each other?")
	b.fill("zone-id", "a name that is too long")
	b.press("Next")
	b.do("waiting for the refusal", chromedp.WaitVisible("form.wizard small.error"))
	b.fill("zone-id", "acme")
	b.do("choosing a gateway on every node", chromedp.Click("#f-zone-anycast-gateway"))
	b.press("Next")
	b.shows("VXLAN network identifier")
	b.fill("vnet-id", "red")
	b.do("going back", chromedp.Evaluate("history.back()", nil))
	b.shows("Where shall guests of this network reach each other?")
	b.has("#f-zone-id", "acme")
	b.do("going forth", chromedp.Evaluate("history.forward()", nil))
	b.shows("VXLAN network identifier")
	b.has("#f-vnet-id", "red")
	b.press("Next")
	b.shows("A subnet gives the network its addresses")
	b.fill("subnet-id", "10.7.0.0/24")
	b.has("[id^=f-dhcp-range-0--start-address]", "10.7.0.128")
	b.has("#f-subnet-gateway", "10.7.0.1")
	b.press("Next")
	b.press("Create 3 objects")
	b.shows("What an apply would change")
	b.press("Apply 3 changes")
	b.shows("Revision 1: 2 of 2 nodes ✓")
	c.labRun("guest", "add", "vm1", "--vnet", "red", "--node", "node1", "--ip", "10.7.0.10")
	c.labRun("guest", "add", "vm2", "--vnet", "red", "--node", "node2", "--ip", "10.7.0.11")
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.7.0.11")
	for _, guest := range []string{"vm1", "vm2"} {
		c.answers(guest, "10.7.0.1")
		c.answers(guest, "198.51.100.1")
	}

	// A second network goes into the zone that exists, which stays as it is.
	b.open("/new/tenant")
	b.do("choosing the zone", chromedp.Click(`//label[contains(., "In zone acme")]`, chromedp.BySearch))
	b.press("Next")
	b.shows("VXLAN network identifier")
	b.press("Next")
	b.shows("A subnet gives the network its addresses")
	b.press("Next")
	b.press("Create 2 objects")
	b.shows("What an apply would change")
	if out := c.run("get", "vnets"); strings.Count(out, "acme") != 2 {
		t.Errorf("the second VNet is not in the zone:\n%s", out)
	}
	c.run("discard", "-y")

	// What is taken is not proposed again.
	b.open("/new/vlan")
	b.fill("zone-bridge", "vmbr0")
	b.press("Next")
	b.shows("The number that the switches know it by")
	b.press("Next")
	b.shows("Optional: with a subnet")
	b.press("Next")
	b.press("Create 2 objects")
	b.shows("What an apply would change")
	c.run("discard", "-y")

	b.open("/new/evpn")
	b.shows("How do the nodes reach each other?")
	b.press("Next")
	b.shows("VXLAN identifier of routed traffic")
	b.press("Next")
	b.shows("How many networks")
	b.fill("options-count", "2")
	b.shows("This makes net1 (10002, 10.0.1.0/24); net2 (10003, 10.0.2.0/24).")
	b.press("Next")
	b.press("Create 6 objects")
	b.shows("What an apply would change")
}

// TestWebUndo takes edits back in a browser: the last one by the bar, what is pending of an
// object in the plan; and compares revisions.
func TestWebUndo(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("kind: zone\nid: z1\ntype: simple\n---\nkind: vnet\nid: v1\nzone: z1\nalias: first\n")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	alias := func(to string) {
		t.Helper()
		b.open("/vnets/v1")
		b.press("Edit")
		b.fill("alias", to)
		b.press("Save")
		b.shows(to)
	}
	alias("second")
	b.shows("1 pending edit by you")
	alias("third")
	b.shows("2 pending edits by you")
	b.press("Undo last")
	b.shows("1 pending edit by you")
	b.shows("second")
	c.run("set", "vnet", "v1", "alias=theirs")
	b.shows("1 pending edit by you, 1 by root@local")
	b.press("Review and apply")
	b.shows("What an apply would change")
	b.do("taking the VNet back", chromedp.Click(`button[aria-label="Undo vnet v1"]`))
	b.do("waiting for the bar to go", chromedp.WaitNotPresent("footer.bar"))
	if out := c.run("get", "vnets"); !strings.Contains(out, "first") {
		t.Errorf("the VNet is not as it runs:\n%s", out)
	}
	b.press("Compare two revisions")
	b.shows("2 objects differ from 0 to running")
}
