package e2e

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// drawn waits until a condition holds for what the map draws: cy is Cytoscape's handle.
func (b *browser) drawn(what, condition string) {
	b.t.Helper()
	b.do("waiting for "+what+" on the map", chromedp.Poll(`(() => { const cy = document.querySelector('.map-canvas')?._cyreg?.cy; return !!cy && (`+condition+`); })()`,
		nil, chromedp.WithPollingTimeout(patience)))
}

// has is the condition that an element of the map has a class.
func has(id, class string) string {
	return fmt.Sprintf("cy.getElementById(%q).hasClass(%q)", id, class)
}

// place is where the middle of an element of the map is on the page.
func (b *browser) place(id string) (x, y float64) {
	b.t.Helper()
	var at [2]float64
	b.do("finding "+id, chromedp.Evaluate(fmt.Sprintf(`(() => {
		const cy = document.querySelector('.map-canvas')._cyreg.cy, box = cy.container().getBoundingClientRect(), p = cy.getElementById(%q).renderedPosition();
		return [box.left + p.x, box.top + p.y];
	})()`, id), &at))
	return at[0], at[1]
}

// drag drags from one place to another with the mouse.
func (b *browser) drag(x, y, toX, toY float64) {
	b.t.Helper()
	const steps = 8
	actions := []chromedp.Action{chromedp.MouseEvent(input.MouseMoved, x, y), chromedp.MouseEvent(input.MousePressed, x, y, chromedp.ButtonLeft)}
	for i := 1.0; i <= steps; i++ {
		actions = append(actions, chromedp.MouseEvent(input.MouseMoved, x+(toX-x)*i/steps, y+(toY-y)*i/steps, chromedp.ButtonLeft))
	}
	b.do("dragging", append(actions, chromedp.MouseEvent(input.MouseReleased, toX, toY, chromedp.ButtonLeft))...)
}

// at is the path of the page's address.
func (b *browser) at() string {
	b.t.Helper()
	var path string
	b.do("reading the address", chromedp.Evaluate("location.pathname", &path))
	return path
}

// TestWebMap: the map follows the network by itself, and whoever may changes its order for all.
func TestWebMap(t *testing.T) {
	c := newCluster(t, 2)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.open("/map")
	b.shows("There is no zone yet")
	b.drawn("both nodes", has("node/node1", "converged")+" && "+has("node/node2", "converged"))

	// What is declared and applied appears without a reload.
	c.apply("kind: zone\nid: web\ntype: vxlan\npeers: [192.168.0.1, 192.168.0.2]\n---\nkind: vnet\nid: red\nzone: web\ntag: 100\nalias: <img src=x onerror=alert(1)>\n")
	c.labRun("guest", "add", "vm1", "--vnet", "red", "--node", "node1", "--ip", "10.0.0.1")
	b.drawn("the VNet", has("vnet/red", "converged"))
	b.drawn("the guest", "cy.nodes().some((n) => n.data('label') === 'vm1')")
	b.drawn("the tunnel", has("link/node1~node2", "converged"))
	if n := b.count("img"); n != 0 {
		t.Errorf("an alias became %d elements of the page", n)
	}

	// A pending change is shown over it, and goes when it is discarded.
	c.run("create", "vnet", "green", "zone=web", "tag=101")
	c.run("delete", "vnet", "red")
	b.drawn("what is pending", has("vnet/green", "added")+" && "+has("vnet/red", "removed"))
	c.run("discard")
	b.drawn("the running network", "cy.getElementById('vnet/green').empty() && "+has("vnet/red", "converged"))

	b.selectsOnTheMap(c)
	b.arrangesTheMap(c)
	b.seesAFailedNode(c)

	var doc strings.Builder
	doc.WriteString(c.run("topology", "-o", "svg"))
	for d := xml.NewDecoder(strings.NewReader(doc.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture of the command line is not XML: %v\n%s", err, &doc)
		}
	}
	if !strings.Contains(doc.String(), "vm1") {
		t.Error("the picture of the command line lacks the guest")
	}

	c.user("ana@pve", "a long password", "PVEAuditor")
	auditor := c.newBrowser()
	auditor.login("ana@pve", "a long password")
	auditor.open("/map")
	auditor.drawn("the VNet", "cy.getElementById('vnet/red').nonempty()")
	if n := auditor.count("main .map-tools button"); n != 5 { // zoom out, in, whole, throughput, table
		t.Errorf("an auditor has %d buttons at the map, want 5", n)
	}
}

// selectsOnTheMap: what is selected has its panel and its address, by mouse, search and link,
// and the table shows the same.
func (b *browser) selectsOnTheMap(c *cluster) {
	b.t.Helper()
	x, y := b.place("node/node1")
	b.do("clicking at node1", chromedp.MouseClickXY(x, y))
	b.do("waiting for its panel", chromedp.WaitVisible(`aside[aria-label="node node1"]`))
	if at := b.at(); at != "/map/node/node1" {
		b.t.Errorf("the address is %s", at)
	}
	b.drawn("its interfaces", "cy.getElementById('ports/node1').nonempty()")
	b.do("searching", chromedp.SendKeys("#map-search", "red"), chromedp.WaitVisible(`.menu-item`), chromedp.SendKeys("#map-search", kb.ArrowDown+kb.Enter), chromedp.WaitVisible(`aside[aria-label="VNet red"]`))
	b.drawn("what is beside it faded", has("link/node1~node2", "faded")+" && !"+has("vnet/red", "faded"))
	b.press("Table")
	b.do("waiting for the table", chromedp.WaitVisible(`table[aria-label="The network as a table"]`))
	b.shows("vm1")
	b.open("/map/vnet/red")
	b.do("waiting for its panel", chromedp.WaitVisible(`aside[aria-label="VNet red"]`))
	b.do("closing it", chromedp.KeyEvent(kb.Escape), chromedp.WaitNotPresent("aside"))
	b.drawn("everything clear", "!"+has("link/node1~node2", "faded"))
}

// arrangesTheMap moves a node before another one, for everybody, and back.
func (b *browser) arrangesTheMap(c *cluster) {
	b.t.Helper()
	order := func() string {
		head, _, _ := strings.Cut(c.run("topology", "-o", "text"), "converged")
		if strings.Index(head, "node2") < strings.Index(head, "node1") {
			return "node2 node1"
		}
		return "node1 node2"
	}
	const x1, x2 = "cy.getElementById('node/node1').position().x", "cy.getElementById('node/node2').position().x"
	b.press("Arrange")
	fromX, fromY := b.place("node/node2")
	toX, _ := b.place("node/node1")
	b.drag(fromX, fromY, toX-60, fromY)
	b.drawn("the new order", x2+" < "+x1)
	if got := order(); got != "node2 node1" {
		b.t.Errorf("for others the order is %s", got)
	}
	b.drawn("nothing selected", "cy.$('.selected').empty()")
	x, y := b.place("node/node2")
	b.do("selecting node2", chromedp.MouseClickXY(x, y), chromedp.WaitVisible(`aside[aria-label="node node2"]`))
	b.press("Move later")
	b.drawn("the order by the button", x1+" < "+x2)
	b.press("Move earlier")
	b.drawn("the new order again", x2+" < "+x1)
	b.press("Reset positions…")
	b.do("confirming", chromedp.Click(`[role=dialog] button.primary`))
	b.drawn("the old order", x1+" < "+x2)
	if got := order(); got != "node1 node2" {
		b.t.Errorf("after the reset the order is %s", got)
	}
	b.press("Done arranging")
}

// TestWebSessions: the map says what the nodes at the ends of a link say of their BGP sessions.
func TestWebSessions(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(`{kind: controller, id: bgpnode1, type: bgp, node: node1, asn: 65000, peers: [192.168.0.2]}
---
{kind: controller, id: bgpnode2, type: bgp, node: node2, asn: 65000, peers: [192.168.0.1]}
`)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.open("/map/link/node1~node2")
	b.shows("BGP at node1: ✓ established")
	b.shows("BGP at node2: ✓ established")
}

// seesAFailedNode: it is the first thing that one sees, as a sentence and on the map.
func (b *browser) seesAFailedNode(c *cluster) {
	b.t.Helper()
	c.kill("node2")
	began := time.Now()
	b.drawn("the failed node", has("node/node2", "unreachable"))
	b.t.Logf("the failed node shows after %s", time.Since(began).Round(time.Millisecond))
	b.shows("check that the host runs")
	b.drawn("its links", has("link/node1~node2", "unreachable"))
	c.labRun("up")
	b.drawn("the node again", has("node/node2", "converged"))
}
