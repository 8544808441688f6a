// Package svg draws the picture of the network as an SVG document (W3C SVG 2) that stands
// alone: with its colours for light and dark, a title and a description.
//
// It is after topology in the one-way flow and is pure.
package svg

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// style has the colours of the web interface.
const style = `
svg { --ground: #fff; --raised: #f6f7f9; --line: #c3cad4; --text: #1a1f26; --muted: #57606b; --accent: #1a5fd0; --band: #eef3fb; --warning: #8a5a00; --warning-ground: #fff6e0; --bad: #b3261e; --bad-ground: #fdecea; --good: #1a6d33; --good-ground: #e7f6eb; }
@media (prefers-color-scheme: dark) { svg { --ground: #15181d; --raised: #1c2027; --line: #465061; --text: #e7eaee; --muted: #9fa9b6; --accent: #7cb0ff; --band: #1b2330; --warning: #e3b341; --warning-ground: #2f2712; --bad: #ff8a80; --bad-ground: #3a1c1a; --good: #6fd08c; --good-ground: #16301e; } }
text { font: 12px system-ui, "Liberation Sans", sans-serif; fill: var(--text); unicode-bidi: isolate; }
.ground { fill: var(--ground); }
.name { font-weight: 650; font-size: 13px; }
.head { font-weight: 650; font-size: 15px; }
.muted { fill: var(--muted); font-size: 11px; }
.dense .band-name { font-size: 23px; } .dense .band-detail { font-size: 17px; } .dense .column-name { font-size: 19px; }
.mid { text-anchor: middle; }
.mono { font-family: ui-monospace, "Liberation Mono", monospace; }
.column { fill: none; stroke: var(--line); stroke-dasharray: 1 5; }
.column.degraded, .column.unreachable { fill: var(--bad-ground); stroke: none; }
.band { fill: var(--band); }
.band.under { fill: var(--raised); stroke: var(--line); }
.box { fill: var(--ground); stroke: var(--line); }
.wire { stroke: var(--accent); stroke-width: 3; fill: none; }
.thin { stroke: var(--accent); stroke-width: 1.5; fill: none; }
.dot { fill: var(--ground); stroke: var(--accent); stroke-width: 2; }
.warning { stroke: var(--warning); } text.warning { fill: var(--warning); stroke: none; }
.degraded, .unreachable { stroke: var(--bad); stroke-width: 2.5; } text.degraded, text.unreachable { fill: var(--bad); stroke: none; font-weight: 650; }
.box.degraded, .box.unreachable { fill: var(--bad-ground); }
.box.warning { fill: var(--warning-ground); }
.unreachable:not(text) { stroke-dasharray: 5 4; }
.applying { stroke: var(--accent); } text.applying { fill: var(--accent); stroke: none; }
.added { stroke: var(--good); stroke-dasharray: 7 4; } text.added { fill: var(--good); stroke: none; font-weight: 650; }
.removed { stroke: var(--bad); stroke-dasharray: 2 4; } text.removed { fill: var(--bad); stroke: none; font-weight: 650; }
.changed { stroke: var(--warning); stroke-dasharray: 7 4; } text.changed { fill: var(--warning); stroke: none; font-weight: 650; }
`

// legendHeight is the height of the legend below the picture.
const legendHeight = 34

// letter is the mean width of a letter, in pixels.
const letter = 6.7

// signs are the shapes of states and changes, as in the web interface and the plan.
var signs = map[string]string{
	"converged": "✓", "warning": "▲", "degraded": "✕", "unreachable": "◌", "applying": "⟳",
	string(api.ChangeAdded): "+", string(api.ChangeChanged): "~", string(api.ChangeRemoved): "−",
}

// Sign is the shape of a state or a pending change.
func Sign(state string) string { return signs[state] }

type canvas struct {
	strings.Builder
	t  *api.Topology
	by map[string]*api.Element
}

// Draw returns the document.
func Draw(t *api.Topology) string {
	c := &canvas{t: t, by: make(map[string]*api.Element, len(t.Elements))}
	for i := range t.Elements {
		c.by[t.Elements[i].ID] = &t.Elements[i]
	}
	width, height := max(t.Width, 640), t.Height+legendHeight
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" class="%s" role="img" aria-labelledby="title desc">`+"\n", width, height, width, height, density(t))
	fmt.Fprintf(c, "<title id=\"title\">Network, revision %d</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", t.Revision, escaped(describe(t)), style)
	fmt.Fprintf(c, `<rect class="ground" width="%g" height="%g"/>`+"\n", width, height)
	c.layer(c.background)
	c.columns()
	c.layer(c.wire)
	c.layer(c.object)
	c.legend(t.Height + 6)
	c.WriteString("</svg>\n")
	return c.String()
}

// density is the class of the whole picture.
func density(t *api.Topology) string {
	if t.Dense {
		return "dense"
	}
	return "wide"
}

// describe is the picture in words: the summary, and what is wrong.
func describe(t *api.Topology) string {
	const most = 20
	text, n := t.Summary+".", 0
	for _, e := range t.Elements {
		if e.Message == "" || e.Kind == api.ElementGuest || e.Kind == api.ElementGuests || e.Kind == api.ElementMember {
			continue
		}
		if n++; n <= most {
			text += fmt.Sprintf(" %s %s is %s: %s.", e.Kind, e.Label, e.State, e.Message)
		}
	}
	if n > most {
		text += fmt.Sprintf(" And %d more problems.", n-most)
	}
	return text
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder does not fail
	return b.String()
}

// layer draws those elements that draw knows.
func (c *canvas) layer(draw func(e *api.Element)) {
	for i := range c.t.Elements {
		draw(&c.t.Elements[i])
	}
}

// text writes a text that is cut to a width.
func (c *canvas) text(class string, x, y, width float64, text string) {
	if text != "" {
		fmt.Fprintf(c, `<text class="%s" x="%g" y="%g">%s</text>`+"\n", class, x, y, escaped(Cut(text, int(width/letter))))
	}
}

// Cut cuts the middle out of a text that is longer than n letters.
func Cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	if n < 3 {
		return string(r[:max(n, 1)])
	}
	head := n / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}

// look is the class of an element's shape: a pending change counts more than a state.
func look(e *api.Element) string {
	if e.Change != "" {
		return string(e.Change)
	}
	return string(e.State)
}

// Mark is the sign of an element that is not simply in place, empty for others: a pending
// change counts more than a state.
func Mark(e *api.Element) string {
	switch {
	case e.Change != "":
		return signs[string(e.Change)]
	case e.State != "" && e.State != "converged":
		return signs[string(e.State)]
	}
	return ""
}

// marked is the text of an element after its mark.
func marked(e *api.Element, text string) string {
	if m := Mark(e); m != "" {
		return m + " " + text
	}
	return text
}

// group draws something with a tooltip.
func (c *canvas) group(e *api.Element, draw func()) {
	tip := e.Label
	for _, part := range []string{e.Detail, string(e.State), string(e.Change), e.Message} {
		if part != "" {
			tip += "\n" + part
		}
	}
	fmt.Fprintf(c, "<g><title>%s</title>\n", escaped(tip))
	draw()
	c.WriteString("</g>\n")
}

func (c *canvas) rect(e *api.Element, class string, radius float64) {
	fmt.Fprintf(c, `<rect class="%s" x="%g" y="%g" width="%g" height="%g" rx="%g"/>`+"\n", class, e.X-e.W/2, e.Y-e.H/2, e.W, e.H, radius)
}

// background draws bands.
func (c *canvas) background(e *api.Element) {
	class := "band"
	switch e.Kind {
	case api.ElementUnderlay, api.ElementPorts:
		class = "band under"
	case api.ElementZone:
		if e.Change != "" {
			class += " " + string(e.Change)
		}
	default:
		return
	}
	c.group(e, func() {
		c.rect(e, class, 8)
		left, top, each := e.X-e.W/2+12, e.Y-e.H/2+20, 9.2
		if c.t.Dense {
			each = 14
		}
		name := Cut(marked(e, e.Label), 28)
		c.text("head band-name "+look(e), left, top, 420, name)
		c.text("muted band-detail", left+float64(utf8.RuneCountInString(name))*each+10, top, 560, e.Detail)
	})
}

// columns draws what leads the eye from a node down through its column.
func (c *canvas) columns() {
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		if e.Kind != api.ElementNode {
			continue
		}
		top := e.Y + e.H/2
		if e.State == "degraded" || e.State == "unreachable" {
			fmt.Fprintf(c, `<rect class="column %s" x="%g" y="%g" width="%g" height="%g"/>`+"\n", e.State, e.X-e.W/2, top, e.W, c.t.Height-top)
			continue
		}
		fmt.Fprintf(c, `<path class="column" d="M%g %gV%g"/>`+"\n", e.X, top, c.t.Height)
	}
}

// wire draws lines: VNets, fabrics, controllers, links.
func (c *canvas) wire(e *api.Element) {
	switch e.Kind {
	case api.ElementVNet, api.ElementFabric, api.ElementController:
		c.group(e, func() {
			fmt.Fprintf(c, `<path class="wire %s" d="M%g %gH%g"/>`+"\n", look(e), e.X-e.W/2, e.Y, e.X+e.W/2)
			c.rowName(e)
		})
	case api.ElementLinks:
		c.group(e, func() {
			if e.Links > 0 {
				fmt.Fprintf(c, `<path class="wire" stroke-opacity="0.5" d="M%g %gH%gM%g %gH%g"/>`+"\n", e.X-e.W/2, e.Y-3, e.X+e.W/2, e.X-e.W/2, e.Y+3, e.X+e.W/2)
			}
			c.rowName(e)
		})
	case api.ElementLink, api.ElementPort:
		a, b := c.by[e.From], c.by[e.To]
		if a == nil || b == nil {
			return
		}
		c.group(e, func() { c.arc(e, a, b) })
	default:
	}
}

// rowName writes the name of a row left of the columns.
func (c *canvas) rowName(e *api.Element) {
	const left, room = 34.0, 172.0
	c.text("name "+look(e), left, e.Y, room, marked(e, e.Label))
	c.text("muted", left, e.Y+13, room, e.Detail)
}

// arc draws a link below the row of its ends.
func (c *canvas) arc(e, a, b *api.Element) {
	if e.Kind == api.ElementPort {
		fmt.Fprintf(c, `<path class="thin" d="M%g %gL%g %g"/>`+"\n", a.X, a.Y, b.X, b.Y)
		return
	}
	depth := min(150, 40+0.09*abs(b.X-a.X))
	x, y := (a.X+b.X)/2, max(a.Y, b.Y)+depth
	fmt.Fprintf(c, `<path class="thin %s" d="M%g %gQ%g %g %g %g"/>`+"\n", look(e), a.X, a.Y, x, y, b.X, b.Y)
	c.text("mid "+look(e), x, (a.Y+2*y+b.Y)/4+4, 40, Mark(e))
}

func abs(f float64) float64 {
	if f < 0 {
		return -f
	}
	return f
}

// object draws boxes and dots.
func (c *canvas) object(e *api.Element) {
	switch e.Kind {
	case api.ElementNode:
		c.group(e, func() { c.node(e) })
	case api.ElementSubnet, api.ElementRouter, api.ElementInterface:
		c.group(e, func() {
			c.rect(e, "box "+look(e), 4)
			class := "mono mid " + look(e)
			if e.H >= 34 || float64(utf8.RuneCountInString(e.Label+e.Detail)+4)*letter > e.W {
				c.text(class, e.X, e.Y+4, e.W-8, marked(e, e.Label))
				return
			}
			fmt.Fprintf(c, `<text class="%s" x="%g" y="%g">%s <tspan class="muted">%s</tspan></text>`+"\n", class, e.X, e.Y+4, escaped(marked(e, e.Label)), escaped(e.Detail))
		})
	case api.ElementGuest:
		c.group(e, func() {
			c.rect(e, "box "+look(e), e.H/2)
			c.text("mid "+look(e), e.X, e.Y+4, e.W-10, marked(e, e.Label))
		})
	case api.ElementGuests, api.ElementMember, api.ElementVTEP:
		c.group(e, func() {
			if e.Guests > 0 {
				c.rect(e, "box "+look(e), e.H/2)
				c.text("mid "+look(e), e.X, e.Y+4, e.W, e.Label)
				return
			}
			c.rect(e, "dot "+look(e), e.H/2)
			c.text("mid "+look(e), e.X, e.Y+4, 20, Mark(e))
		})
	default:
	}
}

// node draws the head of a column, with vertical text if columns are narrow.
func (c *canvas) node(e *api.Element) {
	class := look(e)
	c.rect(e, "box "+class, 6)
	if c.t.Dense {
		fmt.Fprintf(c, `<text class="name column-name %s" transform="translate(%g %g) rotate(-90)">%s</text>`+"\n", class, e.X+4.5, e.Y+e.H/2-6, escaped(Cut(marked(e, e.Label), 13)))
		return
	}
	c.text("head mid "+class, e.X, e.Y-4, e.W-12, e.Label)
	state := string(e.State)
	if state == "" {
		state = "unknown"
	}
	if e.Change != "" {
		state += ", " + string(e.Change)
	}
	c.text("mid "+class, e.X, e.Y+15, e.W-8, strings.TrimSpace(signs[string(e.State)]+" "+state))
}

// legend explains the signs.
func (c *canvas) legend(y float64) {
	var parts []string
	for _, s := range []string{"converged", "warning", "degraded", "unreachable", "applying"} {
		parts = append(parts, signs[s]+" "+s)
	}
	for _, s := range []api.PendingChange{api.ChangeAdded, api.ChangeChanged, api.ChangeRemoved} {
		parts = append(parts, signs[string(s)]+" "+string(s)+" by the next apply")
	}
	c.text("muted", 34, y+12, 2000, strings.Join(parts, " · "))
}
