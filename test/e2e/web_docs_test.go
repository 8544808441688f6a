package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWebDocumentation: the documentation is read from the server itself, on any screen, and
// leads from page to page.
func TestWebDocumentation(t *testing.T) {
	c := newCluster(t, 1)
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	var to string
	b.do("finding the documentation", chromedp.Evaluate(`[...document.querySelectorAll("#navigation a")].find(a => a.innerText.startsWith("Documentation")).pathname`, &to))
	for _, path := range []string{to, "/docs/how-to/web-interface.md", "/docs/how-to/firewall.md", "/docs/reference/kinds.md", "/docs/tutorials/first-hour.md"} {
		b.open(path)
		b.judge(path)
	}
	b.open(to)
	b.press("glossary")
	b.do("waiting for the page", chromedp.WaitVisible("h1#glossary", chromedp.ByQuery))
	b.do("going back to the interface", chromedp.Click(`header a[href="/"]`, chromedp.ByQuery), chromedp.WaitVisible("#attention", chromedp.ByQuery))
}
