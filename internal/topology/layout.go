package topology

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Measures, in units of the picture: the width of a letter is about 7.
const (
	margin      = 16
	gutter      = 210 // left of the columns, for names
	nodeHeight  = 56
	denseHeight = 150 // of nodes with vertical names
	bandHead    = 30  // above the rows of a zone
	bandFoot    = 10
	collapsedBy = 62 // height of a zone without rows
	gap         = 14
	rowPitch    = 36
	smallPitch  = 26
	subnetWidth = 270
	lineHeight  = 34 // of a fabric or controller
	dot         = 14
)

// pitch is the distance of columns, by their number.
func pitch(columns int) (width float64, dense bool) {
	switch {
	case columns <= 8:
		return 176, false
	case columns <= 20:
		return 104, false
	}
	return 28, true
}

// collapse decides which zones only count their VNets.
func (g *graph) collapse() {
	vnets := 0
	for _, b := range g.bands {
		vnets += len(b.rows)
	}
	for _, b := range g.bands {
		few := g.Detail == DetailZone || g.Detail != DetailCluster && vnets <= maxVNets
		asked := slices.Contains(g.Expand, b.ref()) || g.Focus == b.ref()
		b.collapsed = len(b.rows) > 0 && !few && !asked
	}
}

// order sorts columns, zones and rows: those that users moved by their ranks, among the
// others by name.
func (g *graph) order() {
	slices.SortFunc(g.bands, func(a, b *band) int { return diff.CompareNatural(a.id, b.id) })
	sortMoved(g.Ranks, g.columns, (*column).ref, func(c *column) *float64 { return &c.rank })
	sortMoved(g.Ranks, g.bands, (*band).ref, func(b *band) *float64 { return &b.rank })
	for _, b := range g.bands {
		sortMoved(g.Ranks, b.rows, (*row).ref, func(r *row) *float64 { return &r.rank })
	}
}

// sortMoved ranks a list that is sorted by name, and sorts it by rank.
func sortMoved[T any](moved map[string]float64, list []T, ref func(T) string, rank func(T) *float64) {
	for i, one := range list {
		*rank(one) = float64(i)
		if len(moved) > 0 {
			if r, ok := moved[ref(one)]; ok {
				*rank(one) = r
			}
		}
	}
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(*rank(a), *rank(b)) })
}

func (g *graph) rowStep(b *band) float64 {
	if len(b.rows) > maxVNets {
		return smallPitch
	}
	return rowPitch
}

func (g *graph) bandHeight(b *band) float64 {
	switch {
	case b.collapsed:
		return collapsedBy
	case len(b.rows) == 0:
		return collapsedBy - 12
	}
	return bandHead + float64(len(b.rows))*g.rowStep(b) + bandFoot
}

// top is where the first zone begins.
func (g *graph) top() float64 {
	if _, dense := pitch(len(g.columns)); dense {
		return margin + denseHeight + gap
	}
	return margin + nodeHeight + gap
}

// painter places the elements of a graph.
type painter struct {
	*graph
	out *api.Topology
	// left and right bound the columns, width is the distance between them.
	left, right, width float64
	// y is below what was placed so far.
	y float64
	// marks is set if crossings without guests are marked.
	marks bool
}

func (g *graph) layout(t *api.Topology) {
	p := &painter{graph: g, out: t, left: gutter, marks: g.crossings() <= maxMarks}
	p.width, t.Dense = pitch(len(g.columns))
	p.right = p.left + p.width*float64(max(len(g.columns), 1))
	for i, c := range g.columns {
		c.x = p.left + (float64(i)+0.5)*p.width
	}
	t.Width = p.right + margin
	if beside := max(g.mostSubnets(), min(len(g.routers), 1)); beside > 0 {
		t.Width += float64(beside)*(subnetWidth+8) + margin
	}
	t.Elements = make([]api.Element, 0, 64)
	p.nodes()
	for _, b := range g.bands {
		p.band(b)
	}
	p.underlay()
	for _, c := range g.columns {
		if slices.Contains(g.Expand, c.ref()) || g.Focus == c.ref() {
			p.ports(c)
		}
	}
	t.Height = p.y - gap + margin
}

// crossings counts where lines of VNets cross nodes.
func (g *graph) crossings() int {
	n := 0
	for _, b := range g.bands {
		if b.collapsed {
			n += len(g.columns)
		} else {
			n += len(b.rows) * len(g.columns)
		}
	}
	return n
}

// mostSubnets is how many subnets are drawn beside each other.
func (g *graph) mostSubnets() int {
	most := 0
	for _, b := range g.bands {
		for _, r := range b.rows {
			if !b.collapsed {
				most = max(most, len(r.subnets))
			}
		}
	}
	return min(most, maxSubnets)
}

// add adds an element with its centre and size.
func (p *painter) add(e api.Element, x, y, w, h float64) {
	if e.Ref != "" {
		e.Change = p.changes[e.Ref]
	}
	p.out.Elements = append(p.out.Elements, placed(e, x, y, w, h))
}

func (c condition) of(el api.Element) api.Element {
	el.State, el.Message = c.state, c.message
	return el
}

func (p *painter) nodes() {
	guests := make(map[string]int)
	for _, b := range p.bands {
		b.countGuests(guests)
	}
	height := float64(nodeHeight)
	if p.out.Dense {
		height = denseHeight
	}
	for _, c := range p.columns {
		state := p.states.nodes[c.name]
		e := state.of(api.Element{ID: c.ref(), Kind: api.ElementNode, Ref: c.ref(), Label: c.name, Rank: c.rank, Guests: guests[c.name], Detail: counted(guests[c.name], "guest NIC")})
		p.add(e, c.x, margin+height/2, p.width-min(16, p.width/7), height)
	}
	p.y = p.top()
}

func (p *painter) band(b *band) {
	height := p.bandHeight(b)
	e := api.Element{ID: b.ref(), Kind: api.ElementZone, Label: b.id, Detail: zoneDetail(b), VNets: len(b.rows), Guests: b.guests(), Collapsed: b.collapsed, Rank: b.rank}
	worst := condition{}
	if b.zone != nil {
		e.Ref, worst = b.ref(), p.known(b.ref())
	}
	for _, r := range b.rows {
		worst = worse(worst, p.rowState(r))
	}
	p.add(worst.of(e), p.out.Width/2, p.y+height/2, p.out.Width-2*margin, height)
	if b.collapsed {
		p.cells(b)
	}
	step := p.rowStep(b)
	for i, r := range b.rows {
		if !b.collapsed {
			p.row(b, r, p.y+bandHead+(float64(i)+0.5)*step)
		}
	}
	p.y += height + gap
}

// cells are the guests of a collapsed zone on each node.
func (p *painter) cells(b *band) {
	refs := []string{b.ref()}
	guests := make(map[string]int)
	for _, r := range b.rows {
		refs = append(refs, r.ref())
	}
	b.countGuests(guests)
	everywhere := b.zone == nil || len(b.zone.Nodes) == 0
	for _, c := range p.columns {
		state := p.states.on(c.name, refs...)
		dull := guests[c.name] == 0 && everywhere && !p.marks && (state.state == "" || health.InPlace(state.state) && state.message == "")
		if (b.on(c.name) || guests[c.name] > 0) && !dull {
			p.cell(b.ref(), b.id, c, guests[c.name], state, p.y+collapsedBy/2+6)
		}
	}
}

// cell is what is on one node of a VNet or zone.
func (p *painter) cell(of, name string, c *column, guests int, state condition, y float64) {
	e := api.Element{
		ID: of + "@" + c.name, Kind: api.ElementGuests, Ref: of, Parent: of, Node: c.ref(), Guests: guests,
		Label: counted(guests, "guest"), Detail: name + " on " + c.name,
	}
	w, h := float64(dot), float64(dot)
	switch {
	case guests == 0:
		e.Label = ""
	case p.out.Dense:
		w, h = p.width-4, 18
		e.Label = short(guests)
	default:
		w, h = min(p.width-24, 84), 22
	}
	e = state.of(e)
	p.out.Elements = append(p.out.Elements, placed(e, c.x, y, w, h))
}

// short is a number in at most four characters.
func short(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n)
	case n < 10_000:
		return strconv.Itoa(n/1000) + "." + strconv.Itoa(n%1000/100) + "k"
	}
	return strconv.Itoa(n/1000) + "k"
}

func placed(e api.Element, x, y, w, h float64) api.Element {
	e.X, e.Y, e.W, e.H = x, y, w, h
	return e
}

// known is the condition of an object on all nodes; one that does not run yet has none.
func (p *painter) known(ref string) condition {
	if p.changes[ref] == api.ChangeAdded {
		return condition{}
	}
	return p.states.known(ref)
}

func (p *painter) rowState(r *row) condition {
	c := p.known(r.ref())
	for _, s := range r.subnets {
		c = worse(c, p.states.anywhere[model.Ref(model.KindSubnet, s.ID)])
	}
	return c
}

func (p *painter) row(b *band, r *row, y float64) {
	state := p.rowState(r)
	from, to := p.span(b, r)
	e := state.of(api.Element{ID: r.ref(), Kind: api.ElementVNet, Ref: r.ref(), Parent: b.ref(), Label: r.vnet.ID, Detail: vnetDetail(r), Guests: r.guests(), Rank: r.rank})
	p.add(e, (from+to)/2, y, to-from, 4)
	ref := r.ref()
	for _, c := range p.columns {
		list := r.nics[c.name]
		_, reported := p.states.objects[c.name][ref]
		if len(list) == 0 && (!b.on(c.name) || !p.marks && !reported) {
			continue
		}
		at := p.states.on(c.name, ref)
		if p.changes[ref] == api.ChangeAdded {
			at = condition{}
		}
		if len(list) == 0 || len(list) > maxGuests || p.width < 150 {
			p.cell(ref, r.vnet.ID, c, len(list), at, y)
		} else {
			p.guests(r, c, list, at, y)
		}
	}
	for i, s := range r.subnets[:min(len(r.subnets), maxSubnets)] {
		ref := model.Ref(model.KindSubnet, s.ID)
		state := p.known(ref)
		e := state.of(api.Element{ID: ref, Kind: api.ElementSubnet, Ref: ref, Parent: r.ref(), Label: s.CIDR.String(), Detail: subnetDetail(s)})
		if more := len(r.subnets) - maxSubnets; i == maxSubnets-1 && more > 0 {
			e.Detail += " · and " + counted(more, "more subnet")
		}
		p.add(e, p.right+margin+subnetWidth/2+float64(i)*(subnetWidth+8), y, subnetWidth, 24)
	}
}

// span is where the line of a VNet begins and ends: it passes all nodes that carry it.
func (p *painter) span(b *band, r *row) (from, to float64) {
	from, to = p.right, p.left
	for _, c := range p.columns {
		if b.on(c.name) || len(r.nics[c.name]) > 0 {
			from, to = min(from, c.x-p.width/2), max(to, c.x+p.width/2)
		}
	}
	if from > to {
		return p.left, p.right
	}
	return from, to
}

// guests are few guests of a VNet on a node, side by side.
func (p *painter) guests(r *row, c *column, list []nic, state condition, y float64) {
	step := (p.width - 16) / float64(len(list))
	for i, n := range list {
		e := state.of(api.Element{
			ID: "guest/" + n.guest.ID + "/" + n.id, Kind: api.ElementGuest, Ref: model.Ref(model.KindGuest, n.guest.ID), Parent: r.ref(), Node: c.ref(),
			Label: guestLabel(n), Detail: guestDetail(n), Guests: 1,
		})
		x := c.x - p.width/2 + 8 + (float64(i)+0.5)*step
		p.out.Elements = append(p.out.Elements, placed(e, x, y, min(step-6, 100), 24))
	}
}
