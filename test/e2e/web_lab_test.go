package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// offered runs a command that the page offers under a heading, as somebody who copied it.
func (c *cluster) offered(b *browser, heading string) {
	c.t.Helper()
	var text string
	b.shows(heading)
	b.do("reading the command", chromedp.Evaluate(`[...document.querySelectorAll(".tries .card")].find(c => c.innerText.startsWith(`+"`"+heading+"`"+`)).querySelector("pre").innerText`, &text))
	program, ok := strings.CutPrefix(text, "viaduct ")
	if !ok {
		c.t.Fatalf("the command is %q", text)
	}
	cmd := exec.CommandContext(c.t.Context(), "sh", "-c", binary+" "+program)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", text, err, out)
	}
}

// TestWebTryLab: the overview of a lab offers commands that work as they are, and says what
// they did.
func TestWebTryLab(t *testing.T) {
	c := newCluster(t, 3)
	c.run("apply", "-f", "../../examples/quickstart", "-m", "Quickstart")
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.3.101")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")
	b.shows("Try it: this is a lab")
	b.judge("/")
	c.offered(b, "Move vm2 to node1")
	b.shows("vm2 is on node1 now")
	c.answers("vm1", "10.0.3.101")
	c.offered(b, "Move vm2 to node3")
	b.shows("It runs on node3")

	c.offered(b, "Break something: take the uplink of node3 down")
	began := time.Now()
	b.shows("Bring node3 back")
	b.shows("Needs attention")
	t.Logf("the node without an uplink shows after %s", time.Since(began).Round(time.Millisecond))
	c.offered(b, "Bring node3 back")
	b.shows("Break something")
	b.press("Hide")
	b.do("waiting for it to go", chromedp.WaitNotPresent("#try"))
	b.open("/")
	b.shows("Recent changes")
	if b.count("#try") != 0 {
		t.Error("what was hidden is back")
	}
}
