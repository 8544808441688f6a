package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// walled is a VNet of two guests behind a firewall that logs what it decides.
const walled = `
{kind: zone, id: edge, type: simple}
---
{kind: vnet, id: dmz, zone: edge}
---
{kind: subnet, id: 10.30.0.0/24, vnet: dmz, gateway: 10.30.0.1, snat: true}
---
{kind: vnet, id: inner, zone: edge}
---
{kind: subnet, id: 10.31.0.0/24, vnet: inner, gateway: 10.31.0.1, snat: true}
---
{kind: firewall, id: datacenter, enable: true}
---
kind: firewall
id: dmz
enable: true
policy-forward: DROP
log-level-forward: info
rules:
  - {type: forward, action: ACCEPT, macro: Ping, log: info, comment: "<b>pings</b> may pass"}
`

// TestWebFirewallLog: one page has what the firewalls of all nodes logged, with rule, comment
// and author, as it happens, and filters of it.
func TestWebFirewallLog(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(walled, "--no-wait", "--allow-errors") // inside of VNets this kernel may have no connections
	c.labRun("guest", "add", "vm1", "--vnet", "dmz", "--node", "node1")
	c.labRun("guest", "add", "vm2", "--vnet", "dmz", "--node", "node2")
	c.labRun("guest", "add", "vm3", "--vnet", "inner", "--node", "node2")
	c.labRun("guest", "start", "--all")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.open("/firewall-log")
	b.shows("No rule has logged a packet")

	c.becomes(true, "vm1", "198.51.100.1")
	c.becomes(true, "vm2", "198.51.100.1")
	c.exec("vm2", "timeout", "1", "bash", "-c", "echo >/dev/tcp/198.51.100.1/22")
	b.shows("<b>pings</b> may pass")
	b.shows("vnet dmz policy")
	b.shows("root@local")
	if n := b.count("main td b"); n != 0 {
		t.Errorf("a comment became %d elements of the page", n)
	}
	b.judge("/firewall-log")

	rows := func(condition string) {
		b.do("waiting for rows where "+condition, chromedp.Poll(fmt.Sprintf(`(() => { const rows = [...document.querySelectorAll("main tbody tr[data-index]")].map(r => r.innerText); return rows.length > 0 && rows.every(r => %s); })()`, condition), nil, chromedp.WithPollingTimeout(patience)))
	}
	choose := func(label, value string) {
		b.do("choosing "+value, chromedp.SetValue(fmt.Sprintf(`//label[starts-with(normalize-space(.), %q)]/select`, label), value, chromedp.BySearch),
			chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("label select")].find(s => s.closest("label").innerText.startsWith(%q)).dispatchEvent(new Event("change", {bubbles: true}))`, label), nil))
	}
	choose("Verdict", "DROP")
	rows(`r.includes("DROP") && r.includes("vnet dmz policy")`)
	choose("Verdict", "")
	choose("Guest", "101")
	rows(`r.includes("101") && r.includes("node2")`)
	choose("Guest", "")
	choose("VNet", "dmz")
	rows(`r.includes("dmz")`)
	b.do("finding the filter in the address", chromedp.Poll(`location.search === "?vnet=dmz"`, nil, chromedp.WithPollingTimeout(patience)))

	// What is paused stays as it is, and goes on with what came meanwhile.
	b.press("Pause")
	c.exec("vm1", "timeout", "1", "bash", "-c", "echo >/dev/tcp/198.51.100.1/4242")
	c.eventually(10*time.Second, func() error {
		if out := c.run("firewall", "log", "--verdict", "drop", "--guest", "100"); !strings.Contains(out, "198.51.100.1:4242") {
			return fmt.Errorf("the command prints:\n%s", out)
		}
		return nil
	})
	var text string
	b.do("reading the page", chromedp.Text("main", &text))
	if strings.Contains(text, ":4242") {
		t.Error("the page goes on although it is paused")
	}
	b.press("Follow again")
	b.shows("198.51.100.1:4242")
}
