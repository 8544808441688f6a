package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shownRate is the script of a rate that the page shows after a name, in Mbit/s; -1 for none.
const shownRate = `(() => {
	const li = [...document.querySelectorAll(".traffic .keys li")].find(l => l.innerText.trim().startsWith(%q));
	const [, value, unit] = li?.innerText.match(/([\d.]+) (k|M)?bit\/s/) ?? [];
	return value ? Number(value) * ({k: 1e-3, M: 1}[unit] ?? 1e-6) : -1;
})()`

// measures waits until a rate of the open panel is near one in Mbit/s.
func (b *browser) measures(name string, want float64) {
	b.t.Helper()
	rate := fmt.Sprintf(shownRate, name)
	b.do(fmt.Sprintf("waiting for %s at %g Mbit/s", name, want), chromedp.Poll(fmt.Sprintf("Math.abs(%s - %g) < %g", rate, want, want*0.3), nil, chromedp.WithPollingTimeout(patience)))
}

// receives measures what a guest receives, in Mbit/s, by its own counters.
func (c *cluster) receives(guest string) float64 {
	c.t.Helper()
	const over = 3 * time.Second
	read := func() (bytes float64, at time.Time) {
		text := strings.TrimSpace(c.in(guest, "sh", "-c", "cat /sys/class/net/eth0/statistics/rx_bytes"))
		bytes, err := strconv.ParseFloat(text, 64)
		if err != nil {
			c.t.Fatal(err)
		}
		return bytes, time.Now()
	}
	before, since := read()
	time.Sleep(over)
	after, until := read()
	if after == before {
		c.t.Fatalf("%s receives nothing", guest)
	}
	return 8 * (after - before) / until.Sub(since).Seconds() / 1e6
}

// TestWebThroughput: panels, the map and the command line show what guests really send.
func TestWebThroughput(t *testing.T) {
	c := newCluster(t, 2)
	c.apply("kind: zone\nid: web\ntype: vxlan\npeers: [192.168.0.1, 192.168.0.2]\n---\nkind: vnet\nid: red\nzone: web\ntag: 100\n")
	c.labRun("guest", "add", "vm1", "--vnet", "red", "--node", "node1", "--ip", "10.0.0.1")
	c.labRun("guest", "add", "vm2", "--vnet", "red", "--node", "node2", "--ip", "10.0.0.2")
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.0.2")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")

	// Packets of 1242 bytes in both directions.
	ctx, stop := context.WithCancel(t.Context())
	ping := exec.CommandContext(ctx, binary, c.labArgs([]string{"exec", "vm1", "--", "ping", "-q", "-i", "0.01", "-s", "1200", "10.0.0.2"})...)
	if err := ping.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = ping.Wait()
	}()
	rate := c.receives("vm2")

	b.open("/guests/100")
	b.measures("Receives", rate)
	b.measures("Sends", rate)
	b.do("looking at the chart", chromedp.WaitVisible(".chart canvas"))
	b.judge("/throughput-of-a-guest")
	b.open("/vnets/red")
	b.measures("Guests send", 2*rate)
	b.measures("Between nodes", 2*rate)
	b.open("/nodes/node1")
	b.measures("Sent", rate*1292/1242)
	b.press("As a table")
	b.shows("At most")

	b.open("/map")
	b.press("Throughput")
	const width = "cy.getElementById('%s').data('width') > 6"
	b.drawn("the VNet's line by its throughput", fmt.Sprintf(width, "vnet/red"))
	b.drawn("the link's line", fmt.Sprintf(width, "link/node1~node2"))
	b.shows("Throughput of 2 of 2 nodes")
	x, y := b.place("vnet/red")
	b.do("pointing at the line", chromedp.MouseEvent("mouseMoved", x, y-60), chromedp.MouseEvent("mouseMoved", x, y), chromedp.WaitVisible(".map-tip"))
	b.shows("between nodes, guests send")
	b.judge("/map-with-throughput")
	b.press("Table")
	b.shows("Mbit/s") // in the column of the table
	b.open("/map/vnet/red")
	b.press("Throughput") // off again
	b.drawn("the line as it was", "cy.getElementById('vnet/red').data('width') === undefined")

	watch := exec.CommandContext(t.Context(), "timeout", "-s", "INT", "5", binary, "live", "vnet-counters", "red", "--watch", "--node", "node1")
	watch.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	out, _ := watch.CombinedOutput() // timeout's exit code is its own
	if !strings.Contains(string(out), "vxlan_red") || !strings.Contains(string(out), "bit/s") {
		t.Errorf("live --watch prints:\n%s", out)
	}

	// A tenant has the throughput of their VNet, and no node's.
	c.user("ten@pve", "a long password", "NoAccess")
	c.run("acl", "add", "/sdn/zones/web", "PVEAuditor", "--user", "ten@pve")
	tenant := c.newBrowser()
	tenant.login("ten@pve", "a long password")
	tenant.open("/map")
	tenant.drawn("the VNet", "cy.getElementById('vnet/red').nonempty()")
	if n := tenant.count(`.map-tools button[title^="Measure"]`); n != 0 {
		t.Error("a tenant is offered to measure nodes that they may not read")
	}
}
