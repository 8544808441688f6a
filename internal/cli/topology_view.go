package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/topology/svg"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// topologyView draws the picture of the network as text: a line for each VNet, a column for
// each node.
type topologyView struct {
	style style
	// width is the room, in letters.
	width int
	nodes []*api.Element
	// cells are the elements of a row on a node, by the row's and the node's IDs.
	cells   map[[2]string][]*api.Element
	subnets map[string][]string
	// each is the width of a column, more counts the nodes that have none.
	each, more int
}

// nameWidth is the width of the names of rows.
const nameWidth = 24

func (v topologyView) render(t *api.Topology) string {
	var b strings.Builder
	b.WriteString(v.style.bold(runningText(t.Revision)) + ": " + t.Summary + "\n\n")
	v.prepare(t)
	v.heads(&b)
	for i := range t.Elements {
		e := &t.Elements[i]
		switch e.Kind {
		case api.ElementZone, api.ElementUnderlay, api.ElementPorts:
			v.band(&b, e)
		case api.ElementVNet, api.ElementFabric, api.ElementController:
			v.row(&b, e)
		case api.ElementLinks:
			b.WriteString("  " + v.style.bold(e.Label) + "  " + v.style.faint(e.Detail) + "\n")
		case api.ElementLink:
			if e.State != protocol.Converged && e.State != "" {
				b.WriteString("  " + v.signed(e, e.Label+": "+e.Message) + "\n")
			}
		case api.ElementRouter, api.ElementInterface:
			b.WriteString("  " + printed(e.Label) + "  " + v.style.faint(printed(e.Detail)) + "\n")
		default:
		}
	}
	v.problems(&b, t)
	return b.String()
}

// prepare sorts the elements, and chooses the nodes that have a column: all, or if they do
// not fit those in trouble first.
func (v *topologyView) prepare(t *api.Topology) {
	v.cells, v.subnets = make(map[[2]string][]*api.Element), make(map[string][]string)
	for i := range t.Elements {
		e := &t.Elements[i]
		switch e.Kind {
		case api.ElementNode:
			v.nodes = append(v.nodes, e)
		case api.ElementGuest, api.ElementGuests, api.ElementMember:
			v.cells[[2]string{e.Parent, e.Node}] = append(v.cells[[2]string{e.Parent, e.Node}], e)
		case api.ElementSubnet:
			v.subnets[e.Parent] = append(v.subnets[e.Parent], v.signed(e, e.Label)+" "+v.style.faint(printed(e.Detail)))
		default:
		}
	}
	const narrowest, widest, forSubnets = 10, 18, 34
	room := v.width - nameWidth
	if len(v.subnets) > 0 {
		room -= forSubnets
	}
	fit := max(room/narrowest, 1)
	if len(v.nodes) > fit {
		trouble := func(e *api.Element) int {
			if e.State == protocol.Converged || e.State == "" {
				return 1
			}
			return 0
		}
		chosen := slices.Clone(v.nodes)
		slices.SortStableFunc(chosen, func(a, b *api.Element) int { return trouble(a) - trouble(b) })
		chosen = chosen[:max(fit-1, 1)]
		v.more = len(v.nodes) - len(chosen)
		v.nodes = slices.DeleteFunc(slices.Clone(v.nodes), func(e *api.Element) bool { return !slices.Contains(chosen, e) })
	}
	v.each = min(max(room/max(len(v.nodes)+min(v.more, 1), 1), narrowest), widest)
}

// fitted is a text in exactly a width, coloured afterwards.
func fitted(text string, width int, fill string) string {
	text = printed(svg.Cut(text, width-1))
	return text + strings.Repeat(fill, max(width-len([]rune(text)), 0))
}

// paintElement colours a text by a pending change, or else by a state.
func (v topologyView) paintElement(e *api.Element, text string) string {
	switch {
	case e.Change == api.ChangeAdded:
		return v.style.green(text)
	case e.Change == api.ChangeRemoved, e.State == protocol.Degraded, e.State == protocol.Unreachable:
		return v.style.red(text)
	case e.Change == api.ChangeChanged, e.State == protocol.Warning, e.State == protocol.Applying:
		return v.style.yellow(text)
	}
	return text
}

// sign is the shape of an element that is not simply in place, or a space.
func sign(e *api.Element) string { return cmp.Or(svg.Mark(e), " ") }

func (v topologyView) signed(e *api.Element, text string) string {
	return v.paintElement(e, printed(strings.TrimSpace(sign(e)+" "+text)))
}

func (v topologyView) heads(b *strings.Builder) {
	names, states := strings.Repeat(" ", nameWidth), strings.Repeat(" ", nameWidth)
	for _, n := range v.nodes {
		names += v.paintElement(n, v.style.bold(fitted(n.Label, v.each, " ")))
		state := string(n.State)
		if state == "" {
			state = "unknown"
		}
		states += v.paintElement(n, fitted(strings.TrimSpace(svg.Sign(state)+" "+state), v.each, " "))
	}
	if v.more > 0 {
		names += fmt.Sprintf("and %d more", v.more)
	}
	b.WriteString(strings.TrimRight(names, " ") + "\n" + strings.TrimRight(states, " ") + "\n")
}

func (v topologyView) band(b *strings.Builder, e *api.Element) {
	b.WriteString("\n" + v.style.bold(v.signed(e, e.Label)) + "  " + v.style.faint(printed(e.Detail)) + "\n")
	if e.Collapsed {
		v.row(b, e)
	}
}

// row draws a line through the nodes that carry it, with what is there.
func (v topologyView) row(b *strings.Builder, e *api.Element) {
	name := e.Label
	if e.Kind == api.ElementZone {
		name = fmt.Sprintf("%d VNets", e.VNets)
	}
	b.WriteString(v.paintElement(e, fitted(sign(e)+" "+name, nameWidth, " ")))
	for _, n := range v.nodes {
		here := v.cells[[2]string{e.ID, n.ID}]
		carried := e.Kind == api.ElementZone || n.X > e.X-e.W/2 && n.X < e.X+e.W/2
		var texts []string
		worst := &api.Element{}
		for _, c := range here {
			if sign(c) != " " || worst.ID == "" {
				worst = c
			}
			switch {
			case c.Label != "":
				texts = append(texts, c.Label)
			default:
				texts = append(texts, "○")
			}
		}
		switch {
		case len(here) > 0:
			mark := strings.TrimSpace(sign(worst))
			b.WriteString(v.paintElement(worst, fitted(mark+strings.Join(texts, ","), v.each, "─")))
		case carried && e.Kind != api.ElementZone:
			b.WriteString(strings.Repeat("─", v.each))
		default:
			b.WriteString(strings.Repeat(" ", v.each))
		}
	}
	if v.more > 0 {
		b.WriteString(fitted(v.others(e), v.each, " "))
	}
	if list := v.subnets[e.ID]; len(list) > 0 {
		b.WriteString("  " + strings.Join(list, ", "))
	}
	b.WriteString("\n")
}

// others counts the guests on nodes without a column.
func (v topologyView) others(e *api.Element) string {
	n := e.Guests
	for _, node := range v.nodes {
		for _, c := range v.cells[[2]string{e.ID, node.ID}] {
			n -= c.Guests
		}
	}
	if n == 0 {
		return ""
	}
	return count(n, "guest")
}

// problems lists the causes of what is not in place, once.
func (v topologyView) problems(b *strings.Builder, t *api.Topology) {
	const most = 20
	var lines []string
	last := make(map[string]int) // by message: what holds something has its problem, too
	for i := range t.Elements {
		e := &t.Elements[i]
		switch e.Kind {
		case api.ElementNode, api.ElementZone, api.ElementVNet, api.ElementSubnet, api.ElementFabric, api.ElementController:
			text := v.signed(e, string(e.Kind)+" "+e.Label+": "+e.Message)
			if at, again := last[e.Message]; again && e.Kind != api.ElementNode {
				lines[at] = text
			} else if e.Message != "" {
				last[e.Message] = len(lines)
				lines = append(lines, text)
			}
		default:
		}
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + v.style.bold("Problems") + "\n")
	for _, l := range lines[:min(len(lines), most)] {
		b.WriteString("  " + l + "\n")
	}
	if more := len(lines) - most; more > 0 {
		fmt.Fprintf(b, "  and %d more: viaduct status\n", more)
	}
}
