package e2e

import (
	"github.com/viaduct-sdn/viaduct/test/chromium"

	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shots is where the pictures of all pages are left, to be looked at.
const shots = "../../build/ui"

// axe is the checker of accessibility, which npm puts there (make web-check).
const axe = "../../web/node_modules/axe-core/axe.min.js"

// everyKind has an object of every kind that examples/quickstart leaves out.
const everyKind = `
{kind: prefix-list, id: internal, entries: [{action: permit, prefix: 10.0.0.0/8}]}
---
{kind: route-map, id: in, entries: [{order: 10, action: permit, match: [ip-address-prefix-list=internal]}]}
---
{kind: fabric, id: underlay, protocol: openfabric, ip-prefix: 10.99.0.0/24}
---
{kind: fabric-node, id: underlay_node1, fabric: underlay, node: node1, ip: 10.99.0.1, interfaces: [{name: eth0}]}
---
{kind: controller, id: core, type: evpn, asn: 65000, peers: [192.168.0.1, 192.168.0.2]}
---
{kind: ipam, id: pve, type: pve}
---
{kind: zone, id: managed, type: simple, ipam: pve}
---
{kind: vnet, id: desk, zone: managed}
---
{kind: subnet, id: 10.60.0.0/24, vnet: desk, gateway: 10.60.0.1}
---
{kind: backplane, id: trunk, type: vxlan, members: [{node: node1, address: 192.168.0.1}, {node: node2, address: 192.168.0.2}]}
---
{kind: sector, id: shop, alias: "The <b>shop</b>", subnets: [172.31.0.0/24], forwards: [{port: tcp/8080, to: 172.31.0.42}]}
---
{kind: load-balancer, id: shop-web, sector: shop, port: 80}
---
{kind: dns, id: corp, type: powerdns, url: "https://pdns.example.com:8081/api/v1/servers/localhost", key: secret}
---
{kind: alias, id: admin, cidr: 10.50.2.10, comment: "مكتب 👩‍💻 <b>x</b>"}
---
{kind: ip-set, id: trusted, entries: [{cidr: admin}, {cidr: 10.50.2.128/25}]}
---
{kind: security-group, id: web, rules: [{type: forward, action: ACCEPT, proto: tcp, dport: "80,443"}]}
---
{kind: firewall, id: blue, enable: true, policy-forward: DROP, rules: [{type: group, action: web}, {type: forward, action: ACCEPT, source: +dc/trusted, macro: Ping}]}
---
{kind: node, id: node1, reserved: [eth9]}
`

// look is how a page is looked at: a width in pixels and the colours.
type look struct {
	width  int64
	scheme string
	// axe is set where the page is checked too: each width and each scheme once.
	axe bool
}

var looks = []look{{1440, "light", true}, {1440, "dark", false}, {390, "light", false}, {390, "dark", true}}

// TestWebPages opens every page, of every kind the list, an object and the form, at two
// widths and in both colours: none breaks a rule of WCAG 2.2 A and AA that axe knows, none
// is wider than the screen, and each has one heading of the first level. What is left to
// the eye is in build/ui.
func TestWebPages(t *testing.T) {
	c := newCluster(t, 3)
	c.run("apply", "-f", "../../examples/quickstart", "-m", "Quickstart")
	c.labRun("guest", "start", "--all")
	c.apply(everyKind, "--allow-errors", "--no-wait")
	c.run("set", "vnet", "blue", "alias=Blue and beautiful")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	if err := os.RemoveAll(shots); err != nil {
		t.Fatal(err)
	}
	b.do("opening the login", chromedp.Navigate(b.url+"/"), chromedp.WaitVisible("input[name=user]"))
	b.judge("/login")
	b.login("root@pam", "a long password")
	for _, path := range b.pages() {
		b.open(path)
		b.judge(path)
	}
	// Open menus are parts of the page, too.
	b.open("/zones")
	for _, menu := range []string{"Columns", "root@pam"} {
		b.press(menu)
		b.do("opening the menu "+menu, chromedp.WaitVisible(".menu-list"))
		b.accessible("menu " + menu)
		b.do("closing it", chromedp.KeyEvent(kb.Escape), chromedp.WaitNotPresent(".menu-list"))
	}
	// An address map is shown only where something assigns the addresses.
	b.open("/subnets/managed-10.60.0.0-24")
	b.do("waiting for the address map", chromedp.WaitVisible(".cells .gateway"))
	b.open("/subnets/local-172.16.0.0-24")
	b.shows("Which addresses are in use is not known")
}

// pages are the addresses of all pages: those of the navigation and the tabs in them, of
// each kind an object and the form, and those that others lead to.
func (b *browser) pages() []string {
	b.t.Helper()
	var out []string
	b.do("reading the navigation", chromedp.Evaluate(`[...document.querySelectorAll("#navigation a:not([target])")].map(a => a.pathname)`, &out))
	var kinds []struct{ Plural, First string }
	b.do("finding objects", chromium.Await(`(async () => {
		const read = async path => (await fetch(path)).json();
		const kinds = await read("/api/v1/kinds");
		return Promise.all(kinds.map(async k => ({Plural: k.plural, First: (await read("/api/v1/" + k.plural))[0]?.id ?? ""})));
	})()`, &kinds))
	for _, k := range kinds {
		if k.First == "" {
			b.t.Errorf("there is no object of %s to look at", k.Plural)
		}
		var id string
		b.do("escaping", chromedp.Evaluate(fmt.Sprintf("encodeURIComponent(%q)", k.First), &id))
		out = append(out, "/"+k.Plural+"/"+id, "/"+k.Plural+"?new=1")
	}
	for _, tabbed := range []string{"/access", "/changes"} {
		b.open(tabbed)
		var tabs []string
		b.do("finding tabs", chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("main a")].map(a => a.pathname).filter(p => p.startsWith(%q))`, tabbed+"/"), &tabs))
		out = append(out, tabs...)
	}
	return append(out, "/map/vnet/blue", "/map?table=1", "/subnets/managed-10.60.0.0-24", "/new/tenant", "/new/vlan", "/new/evpn", "/reach?from=100&to=102", "/explain/firewall-off")
}

var unsafe = regexp.MustCompile(`[^a-z0-9.-]+`)

// judge looks at the page that is open, in every look.
func (b *browser) judge(path string) {
	b.t.Helper()
	b.do("waiting for "+path, chromedp.Poll(`!/Reading…|Loading…/.test(document.body.innerText) && ![...document.querySelectorAll(".number")].some(n => n.innerText === "…")`, nil, chromedp.WithPollingTimeout(patience)))
	name := strings.Trim(unsafe.ReplaceAllString(path, "-"), "-")
	if name == "" {
		name = "overview"
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, l := range looks {
		var picture []byte
		b.do("looking at "+path, l.emulate(), capture(&picture))
		if err := os.WriteFile(filepath.Join(shots, fmt.Sprintf("%s-%d-%s.png", name, l.width, l.scheme)), picture, 0o644); err != nil {
			b.t.Fatal(err)
		}
		var width, headings int64
		b.do("measuring "+path, chromedp.Evaluate(`document.documentElement.scrollWidth`, &width), chromedp.Evaluate(`[...document.querySelectorAll("h1")].filter(h => h.checkVisibility()).length`, &headings))
		if width > l.width {
			b.t.Errorf("%s is %d pixels wide on a screen of %d", path, width, l.width)
		}
		if headings != 1 {
			b.t.Errorf("%s has %d headings of the first level at %d pixels", path, headings, l.width)
		}
		if l.axe {
			b.accessible(fmt.Sprintf("%s at %d pixels, %s", path, l.width, l.scheme))
		}
	}
	b.do("returning to the first look", looks[0].emulate())
}

// emulate takes the screen and the colours of a look, until the page stands in them.
func (l look) emulate() chromedp.Action {
	return chromedp.Tasks{
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.EmulateViewport(l.width, 900),
		chromium.Await(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))`, nil),
	}
}

// capture takes a picture of what the screen shows.
func capture(picture *[]byte) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) (err error) {
		*picture, err = page.CaptureScreenshot().Do(ctx)
		return err
	})
}

// accessible checks the page that is open by axe's rules of WCAG 2.2, levels A and AA, and
// its best practices.
func (b *browser) accessible(what string) {
	b.t.Helper()
	source, err := os.ReadFile(axe)
	if errors.Is(err, os.ErrNotExist) {
		b.t.Fatalf("axe is not there: make web-check fetches it: %v", err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var found string
	b.do("checking "+what, chromedp.Evaluate(string(source)+"\n;null", nil), chromium.Await(`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))}))))`, &found))
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		b.t.Errorf("%s: %s (%s):\n\t%s", what, v.Help, v.ID, strings.Join(v.Nodes, "\n\t"))
	}
}
