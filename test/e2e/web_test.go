package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a page of a real browser on a lab's server. Every error in its console fails
// the test.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string
	// expected is a text of errors in the console that a test provokes; empty for none.
	expected string
}

// patience is how long a page may take to show what it is asked for, on a busy machine.
const patience = 30 * time.Second

// newBrowser starts a browser on the server of a lab.
func (c *cluster) newBrowser() *browser {
	c.t.Helper()
	m := regexp.MustCompile(`https://\S+`).FindString(c.labRun("status"))
	if m == "" {
		c.t.Fatal("the lab's server has no address")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1440, 900), chromedp.UserDataDir(c.t.TempDir()),
		chromedp.WSURLReadTimeout(patience*2))
	start, cancel := chromedp.NewExecAllocator(context.WithoutCancel(c.t.Context()), options...)
	ctx, closePage := chromedp.NewContext(start)
	c.t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			c.t.Logf("closing the browser: %v", err)
		}
		closePage()
		cancel()
	})
	// The context of the first run decides how long the browser lives.
	if err := chromedp.Run(ctx, log.Enable(), runtime.Enable()); err != nil {
		c.t.Fatal(err)
	}
	b := &browser{t: c.t, ctx: ctx, url: m}
	var mu sync.Mutex
	var faults []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			faults = append(faults, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				faults = append(faults, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	c.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range faults {
			if b.expected != "" && strings.Contains(f, b.expected) {
				continue
			}
			c.t.Errorf("in the browser's console: %s", f)
		}
	})
	return b
}

// do runs actions, each of which waits for what it needs.
func (b *browser) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Text("body", &text))
		b.t.Fatalf("%s: %v; the page shows:\n%s", what, err, text)
	}
}

// open goes to an address of the interface.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do("opening "+path, chromedp.Navigate(b.url+path), chromedp.WaitVisible("h1"))
}

// login logs a user in.
func (b *browser) login(user, password string) {
	b.t.Helper()
	b.do("logging in", chromedp.Navigate(b.url+"/"), chromedp.WaitVisible("input[name=user]"),
		chromedp.SendKeys("input[name=user]", user), chromedp.SendKeys("input[name=password]", password+kb.Enter), chromedp.WaitVisible("#navigation"))
}

// shows waits until the page shows a text.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.do(fmt.Sprintf("waiting for %q", text), chromedp.Poll(fmt.Sprintf("document.body.innerText.includes(%q)", text), nil, chromedp.WithPollingTimeout(patience)))
}

// press presses the button or link with a text, by its beginning.
func (b *browser) press(text string) {
	b.t.Helper()
	b.do("pressing "+text, chromedp.Click(fmt.Sprintf(`(//*[self::button or self::a or self::summary][starts-with(normalize-space(.), %q)])[last()]`, text), chromedp.BySearch, chromedp.NodeEnabled))
}

// fill types into the field of a property.
func (b *browser) fill(property, value string) {
	b.t.Helper()
	field := "#f-" + property
	b.do("filling in "+property, chromedp.WaitVisible(field), chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q).select()", field), nil), chromedp.SendKeys(field, value+kb.Tab))
}

// count is the number of elements that a CSS selector finds.
func (b *browser) count(selector string) int {
	b.t.Helper()
	var n int
	b.do("counting "+selector, chromedp.Evaluate(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n))
	return n
}

// user adds a user who may log in with a password.
func (c *cluster) user(name, password, role string) {
	c.t.Helper()
	c.status() // opens the client
	if name != "root@pam" {
		c.run("user", "add", name)
		c.run("acl", "add", "/", role, "--user", name)
	}
	if err := c.client.SetPassword(c.t.Context(), name, password); err != nil {
		c.t.Fatal(err)
	}
}

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
	b.press("9 further")
	b.fill("mtu", "5")
	b.shows("1 to mend before it can be saved")
	b.fill("mtu", "1400")
	b.fill("peers", "192.168.0.1, 192.168.0.2")
	b.press("Create zone")
	b.shows("1 object pending: 1 by you")

	b.open("/vnets?new=1&zone=web")
	b.fill("id", "red")
	b.press("5 further")
	b.fill("tag", "6000")
	b.fill("alias", "<img src=x onerror=alert(1)>")
	b.press("Create VNet")
	b.shows("2 objects pending: 2 by you")
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
	b.shows("1 by root@local")
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
