package e2e

import (
	"github.com/viaduct-sdn/viaduct/test/chromium"

	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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

	mu sync.Mutex
	// faults are the errors that the console shows.
	faults []string
	// refusing is set while requests are meant to fail, which the browser itself reports.
	refusing bool
}

// patience is how long a page may take to show what it is asked for, on a busy machine.
const patience = 30 * time.Second

// url is the address of the lab's server.
func (c *cluster) url() string {
	c.t.Helper()
	url := regexp.MustCompile(`https://\S+`).FindString(c.labRun("status"))
	if url == "" {
		c.t.Fatal("the lab's server has no address")
	}
	return url
}

// newBrowser starts a browser on the server of a lab.
func (c *cluster) newBrowser() *browser {
	c.t.Helper()
	ctx, shut, err := chromium.Open(context.WithoutCancel(c.t.Context()), c.t.TempDir())
	c.t.Cleanup(func() {
		if err := shut(); err != nil {
			c.t.Logf("closing the browser: %v", err)
		}
	})
	if err == nil {
		err = chromedp.Run(ctx, log.Enable(), runtime.Enable(), emulation.SetFocusEmulationEnabled(true))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	b := &browser{t: c.t, ctx: ctx, url: c.url()}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError && (!b.refusing || e.Entry.Source != log.SourceNetwork) {
				b.faults = append(b.faults, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	c.t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
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

// faultsExpected runs f, in which requests to the server may fail.
func (b *browser) faultsExpected(f func()) {
	b.t.Helper()
	set := func(to bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refusing = to
	}
	set(true)
	f()
	b.do("hearing what is still reported", chromedp.Evaluate("null", nil))
	set(false)
}

// open goes to an address of the interface.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do("opening "+path, chromedp.Navigate(b.url+path), chromedp.WaitVisible("h1", chromedp.ByQuery))
}

// login logs a user in.
func (b *browser) login(user, password string) {
	b.t.Helper()
	b.do("logging in", chromium.Login(b.url, user, password))
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

// has waits until a field has a value.
func (b *browser) has(field, value string) {
	b.t.Helper()
	b.do(fmt.Sprintf("waiting for %q in %s", value, field), chromedp.Poll(fmt.Sprintf("document.querySelector(%q)?.value === %q", field, value), nil, chromedp.WithPollingTimeout(patience)))
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
