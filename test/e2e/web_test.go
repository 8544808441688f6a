package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWebInterface is the life of a newcomer who has a browser only: networks are made,
// applied and taken back, guests ping in them, and a node that fails shows up by itself.
func TestWebInterface(t *testing.T) {
	c := newCluster(t, 2)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.shows("2 nodes ✓")
	b.shows("Make the first network")

	// The server checks as one types, and names the field.
	b.open("/zones?new=1&type=vxlan")
	b.fill("id", "web")
	b.fill("peers", "192.168.0.1")
	b.press("12 further")
	b.fill("mtu", "5")
	b.shows("1 to mend before it can be saved")
	b.fill("mtu", "1400")
	b.fill("peers", "192.168.0.1, 192.168.0.2")
	b.press("Create zone")
	b.shows("1 pending edit by you")

	b.open("/vnets?new=1&zone=web")
	b.fill("id", "red")
	b.press("5 further")
	b.fill("tag", "6000")
	b.fill("alias", "<img src=x onerror=alert(1)>")
	b.press("Create VNet")
	b.shows("2 pending edits by you")
	b.open("/vnets/red")
	b.shows("<img src=x onerror=alert(1)>")
	if n := b.count("img"); n != 0 {
		t.Errorf("an alias became %d elements of the page", n)
	}

	// What was typed in a form is not lost by another address without asking, and what is
	// pending is applied from its plan.
	b.press("Review and apply")
	b.shows("What an apply would change")
	b.do("giving the reason", chromedp.SendKeys(".apply input", "By the browser"))
	b.press("Apply 2 changes")
	b.shows("Revision 1: 2 of 2 nodes ✓")
	c.labRun("guest", "add", "vm1", "--vnet", "red", "--node", "node1", "--ip", "10.0.0.1")
	c.labRun("guest", "add", "vm2", "--vnet", "red", "--node", "node2", "--ip", "10.0.0.2")
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.0.2")
	b.open("/guests")
	b.shows("2 guests")

	// Somebody else's edit is seen without a reload, and discarded.
	b.open("/vnets/red")
	c.run("set", "vnet", "red", "alias=Changed elsewhere")
	b.shows("Changed elsewhere")
	b.shows("1 pending edit by root@local")
	b.press("Discard")
	b.do("confirming", chromedp.Click(`[role=dialog] button.danger`))
	b.do("waiting for the bar to go", chromedp.WaitNotPresent("footer.bar"))
	if out := c.run("get", "vnets"); strings.Contains(out, "elsewhere") {
		t.Errorf("it was not discarded:\n%s", out)
	}

	b.open("/nodes/node2")
	b.shows("It has no settings of its own")
	b.shows("Kernel")

	// A node that fails shows up, with what to do, and comes back.
	b.open("/")
	c.kill("node2")
	b.shows("check that the host runs")
	c.labRun("up")
	b.shows("Nothing needs attention")

	// The first revision comes back.
	c.run("delete", "guest", "100", "101")
	b.open("/vnets/red")
	b.press("Delete…")
	b.do("confirming", chromedp.Click(`[role=dialog] button.danger`))
	b.press("Review and apply")
	b.press("Apply 1 change")
	b.shows("Revision 2: 2 of 2 nodes ✓")
	b.open("/changes/1")
	b.press("Roll back to this…")
	b.do("confirming", chromedp.Click(`[role=dialog] button.primary`))
	b.shows("Revision 3: 2 of 2 nodes ✓")
	c.stands()
	if _, there := c.links("node1")["red"]; !there {
		t.Error("VNet red did not come back on node1")
	}
}

// TestWebInterfaceOfAnAuditor: who may only read is offered nothing that writes.
func TestWebInterfaceOfAnAuditor(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("kind: zone\nid: z1\ntype: simple\n---\nkind: vnet\nid: v1\nzone: z1\n")
	c.user("ana@pve", "a long password", "PVEAuditor")
	b := c.newBrowser()
	b.login("ana@pve", "a long password")
	for _, page := range []string{"/zones/z1", "/vnets/v1", "/nodes", "/firewalls", "/guests", "/changes/1"} {
		b.open(page)
		b.do("waiting for the data", chromedp.WaitVisible("aside, .teach, tbody tr"))
		var offered []string
		b.do("looking for buttons that write", chromedp.Evaluate(`[...document.querySelectorAll("main button, main a")].map(e => e.innerText.trim()).filter(text => /^(Add|Edit|Delete|Apply|Discard|Roll back|Pin|Create|Save)/.test(text))`, &offered))
		if len(offered) > 0 {
			t.Errorf("%s offers an auditor %q", page, offered)
		}
	}
}
