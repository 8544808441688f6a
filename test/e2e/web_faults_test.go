package e2e

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestWebOfTwo: two people at two browsers see each other's edits, and where both changed
// the same property of one object the later one chooses; what only the other changed is
// taken over.
func TestWebOfTwo(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("kind: zone\nid: z1\ntype: simple\n---\nkind: vnet\nid: v1\nzone: z1\n")
	c.user("ana@pve", "a long password", "Administrator")
	c.user("ben@pve", "a long password", "Administrator")
	ana, ben := c.newBrowser(), c.newBrowser()
	ana.login("ana@pve", "a long password")
	ben.login("ben@pve", "a long password")

	ana.open("/vnets/v1")
	ana.press("Edit")
	ana.press("5 further")
	ana.fill("alias", "by ana")

	ben.open("/vnets/v1")
	ben.press("Edit")
	ben.press("5 further")
	ben.fill("alias", "by ben")
	ben.do("isolating", chromedp.Click("#f-isolate-ports"))
	ben.press("Save")
	ben.shows("1 pending edit by you")

	ana.shows("1 pending edit by ben@pve")
	ana.press("Save")
	ana.shows("Somebody else changed this VNet while you edited it")
	ana.shows("Taken over: isolate-ports")
	ana.shows("Theirs: by ben")
	ana.press("Mine: by ana")
	ana.press("Save")
	ana.shows("Edit")
	if out := c.run("get", "vnet", "v1", "-o", "yaml"); !strings.Contains(out, "alias: by ana") || !strings.Contains(out, "isolate-ports: true") {
		t.Errorf("the VNet does not have what both chose:\n%s", out)
	}
	ben.shows("by ana")
	ana.press("Delete…")
	ana.do("confirming", chromedp.Click(`[role=dialog] button.danger`))
	ben.shows("There is no VNet of this name")
}

// TestWebKeepsWhatWasTyped: neither a server that goes and comes back nor a session that
// ends takes from a form what was typed in it, and the page says what is the matter.
func TestWebKeepsWhatWasTyped(t *testing.T) {
	c := newCluster(t, 1)
	c.user("ana@pve", "a long password", "Administrator")
	b := c.newBrowser()
	b.login("ana@pve", "a long password")
	b.open("/zones?new=1&type=simple")
	b.fill("id", "typed")

	b.faultsExpected(func() {
		c.kill("server")
		b.shows("No connection to the server")
		c.labRun("up")
		b.do("waiting for the banner to go", chromedp.WaitNotPresent(".banner", chromedp.ByQuery))
	})
	b.hasTyped("id", "typed")

	// A new password ends the sessions of its user.
	b.faultsExpected(func() {
		if err := c.client.SetPassword(t.Context(), "ana@pve", "another password"); err != nil {
			t.Fatal(err)
		}
		b.press("Create zone")
		b.do("logging in again", chromedp.WaitVisible("input[name=user]"),
			chromedp.SendKeys("input[name=user]", "ana@pve"), chromedp.SendKeys("input[name=password]", "another password\r"), chromedp.WaitNotPresent("input[name=password]"))
	})
	b.hasTyped("id", "typed")
	b.press("Create zone")
	b.shows("1 pending edit by you")
}

// hasTyped fails the test if the field of a property does not hold a value.
func (b *browser) hasTyped(property, value string) {
	b.t.Helper()
	var now string
	b.do("reading "+property, chromedp.Value("#f-"+property, &now))
	if now != value {
		b.t.Fatalf("the field %s holds %q: what was typed, %q, is lost", property, now, value)
	}
}

// TestWebByKeyboard makes and applies a network without a mouse: what is needed can be
// reached by Tab, and shows that it has the focus.
func TestWebByKeyboard(t *testing.T) {
	c := newCluster(t, 1)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.do("opening the login", chromedp.Navigate(b.url+"/"), chromedp.WaitVisible("input[name=user]"))
	b.tabTo("input[name=user]")
	b.keys("root@pam")
	b.tabTo("input[name=password]")
	b.keys("a long password\r")
	b.shows("1 node ✓")

	// The palette leads to an action by its name.
	b.do("opening the palette", chromedp.KeyEvent("k", chromedp.KeyModifiers(input.ModifierCtrl)), chromedp.WaitVisible("[role=dialog] input"))
	b.keys("add zone")
	b.do("waiting for what it finds", chromedp.WaitVisible(`[role=option][data-selected], [data-command-item][data-selected]`))
	b.keys("\r")
	b.do("waiting for the form", chromedp.WaitVisible("#f-id"))
	b.tabTo("#f-id")
	b.keys("keys")
	b.tabTo("#f-type")
	b.keys("simple")
	b.tabBackTo("form button.primary")
	b.keys("\r")
	b.shows("1 pending edit by you")

	// From the top, the first Tab skips the navigation.
	b.open("/zones")
	b.keys("\t")
	b.focused("a.skip")
	b.keys("\r")
	b.tabTo("tbody tr")
	b.keys("\r")
	b.do("waiting for the panel", chromedp.WaitVisible("aside h2"))
	b.keys("\x1b")
	b.do("waiting for the panel to close", chromedp.WaitNotPresent("aside h2", chromedp.ByQuery))

	b.tabTo("footer.bar .primary")
	b.keys("\r")
	b.shows("What an apply would change")
	b.tabTo(".apply button.primary")
	b.keys("\r")
	b.shows("Revision 1: 1 of 1 node ✓")
	c.stands()
}

// keys types into what has the focus.
func (b *browser) keys(text string) {
	b.t.Helper()
	b.do(fmt.Sprintf("typing %q", text), chromedp.KeyEvent(text))
}

// tabTo presses Tab until an element that a CSS selector finds has the focus.
func (b *browser) tabTo(selector string) { b.t.Helper(); b.tab(selector, input.ModifierNone) }

// tabBackTo presses Shift-Tab instead.
func (b *browser) tabBackTo(selector string) { b.t.Helper(); b.tab(selector, input.ModifierShift) }

func (b *browser) tab(selector string, modifiers input.Modifier) {
	b.t.Helper()
	b.do("waiting for "+selector, chromedp.WaitVisible(selector, chromedp.ByQuery))
	for range 80 {
		if b.hasFocus(selector) {
			b.focused(selector)
			return
		}
		b.do("pressing Tab", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(modifiers)))
	}
	b.t.Fatalf("%s cannot be reached by Tab", selector)
}

func (b *browser) hasFocus(selector string) (has bool) {
	b.t.Helper()
	b.do("finding the focus", chromedp.Evaluate(fmt.Sprintf("document.activeElement.matches(%q)", selector), &has))
	return has
}

// focused fails the test if an element does not have the focus, or does not show it.
func (b *browser) focused(selector string) {
	b.t.Helper()
	var shown bool
	b.do("looking at the focus", chromedp.Evaluate(fmt.Sprintf(`(e => e.matches(%q) && e.checkVisibility() && (getComputedStyle(e).outlineStyle !== "none" || getComputedStyle(e).boxShadow !== "none"))(document.activeElement)`, selector), &shown))
	if !shown {
		b.t.Fatalf("%s has no focus that can be seen", selector)
	}
}

// TestWebShowsAFailedNode: a node whose agent is gone is shown by a page that is open.
func TestWebShowsAFailedNode(t *testing.T) {
	c := newCluster(t, 2)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.shows("2 nodes ✓")
	c.kill("node2")
	killed := time.Now()
	b.shows("1 of 2 nodes ✕")
	t.Logf("the page showed it after %s", time.Since(killed).Round(10*time.Millisecond))
	c.labRun("up")
	b.shows("2 nodes ✓")
}

// TestWebLoginLink: a link logs in once, and leaves its secret neither in the address bar
// nor in the history.
func TestWebLoginLink(t *testing.T) {
	c := newCluster(t, 1)
	c.user("ana@pve", "a long password", "PVEAuditor")
	link := strings.TrimSpace(c.run("user", "login-link", "ana@pve"))
	_, secret, ok := strings.Cut(link, "/login#ana@pve:")
	if !ok {
		t.Fatalf("the link is %q", link)
	}
	b := c.newBrowser()
	open := func() {
		t.Helper()
		b.do("opening the link", chromedp.Navigate(b.url+"/login#ana@pve:"+secret), chromedp.WaitVisible("form button.primary"))
		b.shows("This link logs you in once, as ana@pve")
	}
	open()
	b.press("Log in as ana@pve")
	b.shows("1 node ✓")
	var address string
	b.do("reading the address", chromedp.Location(&address))
	if address != b.url+"/" {
		t.Errorf("the address is %s", address)
	}
	b.faultsExpected(func() {
		b.do("leaving", chromedp.Navigate("about:blank"))
		open()
		b.press("Log in as ana@pve")
		b.shows("The link was used, replaced or has expired")
	})
	b.do("looking for the other way in", chromedp.WaitVisible("input[name=password]"))
}

// TestWebMissesNothing: what changes while a page has been read and its stream of events is
// not open yet is shown.
func TestWebMissesNothing(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("kind: zone\nid: z1\ntype: simple\n---\nkind: vnet\nid: v1\nzone: z1\n")
	c.user("root@pam", "a long password", "")
	server, err := url.Parse(c.url())
	if err != nil {
		t.Fatal(err)
	}
	edited := make(chan struct{})
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // on the loopback of this test
		Rewrite: func(r *httputil.ProxyRequest) {
			if strings.HasSuffix(r.In.URL.Path, "/events") {
				select {
				case <-edited:
				case <-r.In.Context().Done():
				}
			}
			r.SetURL(server)
			r.Out.Host = r.In.Host
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // of requests that end with their page
	})
	t.Cleanup(proxy.Close)
	b := c.newBrowser()
	b.url = proxy.URL
	b.login("root@pam", "a long password")
	b.do("going to the VNet", chromedp.Click(`a[href="/vnets"]`), chromedp.WaitVisible(`a[href="/vnets/v1"]`), chromedp.Click(`a[href="/vnets/v1"]`), chromedp.WaitVisible("aside h2"))
	c.run("set", "vnet", "v1", "alias=Changed early")
	close(edited)
	b.shows("Changed early")
}
