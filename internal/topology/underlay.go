package topology

import (
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// underlayID is the band of what carries the zones.
const underlayID = "underlay"

// underlay places fabrics, controllers, links and routers.
func (p *painter) underlay() {
	if len(p.lines) == 0 && len(p.links) == 0 {
		return
	}
	lines := p.drawn()
	routers := p.routers[:min(len(p.routers), maxRouters)]
	height := bandHead + float64(len(p.lines))*lineHeight + bandFoot
	if len(p.links) > 0 {
		height += lineHeight
	}
	height += p.arcs(lines)
	height = max(height, bandHead+float64(len(routers))*lineHeight+bandFoot)
	p.add(api.Element{ID: underlayID, Kind: api.ElementUnderlay, Label: "Underlay", Detail: "what carries the zones", Links: len(p.links)},
		p.out.Width/2, p.y+height/2, p.out.Width-2*margin, height)
	y := p.y + bandHead + lineHeight/2
	for _, l := range p.lines {
		p.line(l, y)
		y += lineHeight
	}
	p.mesh(lines, y)
	for i, address := range routers {
		e := api.Element{ID: "router/" + address, Kind: api.ElementRouter, Parent: underlayID, Label: address, Detail: "not a node of the cluster"}
		if i == maxRouters-1 && len(p.routers) > maxRouters {
			e.Detail = "and " + counted(len(p.routers)-maxRouters, "other router")
		}
		p.add(e, p.right+margin+subnetWidth/2, p.y+bandHead+(float64(i)+0.5)*lineHeight, subnetWidth, 24)
	}
	p.y += height + gap
}

// arcs is the room below the ends of links: a link hangs as deep as it is long, to a bound.
func (p *painter) arcs(lines []*link) float64 {
	if len(lines) == 0 {
		return 0
	}
	at := make(map[string]float64, len(p.columns))
	for _, c := range p.columns {
		at[c.name] = c.x
	}
	longest := 0.0
	for _, l := range lines {
		to := at[l.b]
		if l.router != "" {
			to = p.right + margin + subnetWidth/2
		}
		longest = max(longest, to-at[l.a], at[l.a]-to)
	}
	return min(40+0.09*longest, 150)/2 + 6
}

func (p *painter) line(l *line, y float64) {
	state := p.known(l.ref())
	from, to := p.right, p.left
	for _, c := range p.columns {
		part, ok := l.members[c.name]
		if !ok {
			continue
		}
		from, to = min(from, c.x-p.width/2), max(to, c.x+p.width/2)
		e := api.Element{ID: l.ref() + "@" + c.name, Kind: api.ElementMember, Ref: part, Parent: l.ref(), Node: c.ref(), Detail: l.label + " on " + c.name}
		if part != l.ref() {
			state = worse(state, p.states.anywhere[part])
		}
		at := p.states.on(c.name, l.ref(), part)
		p.add(at.of(e), c.x, y, dot, dot)
	}
	if from > to {
		from, to = p.left, p.right
	}
	p.add(state.of(api.Element{ID: l.ref(), Kind: l.kind, Ref: l.ref(), Parent: underlayID, Label: l.label, Detail: l.detail}), (from+to)/2, y, to-from, 4)
}

// mesh places the ends of links, the links, and what stands for those that are too many.
func (p *painter) mesh(lines []*link, y float64) {
	if len(p.links) == 0 {
		return
	}
	ends := make(map[string]bool)
	for _, l := range p.links {
		ends[l.a], ends[l.b] = true, true
	}
	at := make(map[string]string)
	from, to := p.right, p.left
	for _, c := range p.columns {
		if !ends[c.name] {
			continue
		}
		from, to = min(from, c.x-p.width/2), max(to, c.x+p.width/2)
		at[c.name] = "vtep/" + c.name
		state := p.states.on(c.name)
		e := api.Element{ID: at[c.name], Kind: api.ElementVTEP, Parent: underlayID, Node: c.ref(), Detail: "links of " + c.name, Addresses: p.addresses[c.name]}
		p.add(state.of(e), c.x, y, dot, dot)
	}
	text := counted(len(p.links), "link")
	if p.bundled > 0 {
		text += ", " + strconv.Itoa(len(lines)) + " of them drawn"
	}
	p.add(api.Element{ID: "links", Kind: api.ElementLinks, Parent: underlayID, Label: "Links", Detail: text, Links: p.bundled}, (from+to)/2, y, to-from, 8)
	shown := p.routers[:min(len(p.routers), maxRouters)]
	for _, l := range lines {
		e := api.Element{Kind: api.ElementLink, Parent: underlayID, From: at[l.a], To: at[l.b], Label: l.a + " – " + l.b, Detail: l.detail(), Links: 1}
		if l.router != "" {
			if !slices.Contains(shown, l.router) {
				continue
			}
			e.To, e.Label = "router/"+l.router, l.a+" – "+l.router
		}
		e.ID = "link/" + strings.TrimPrefix(e.From, "vtep/") + "~" + strings.TrimPrefix(e.To, "vtep/")
		p.add(l.condition.of(e), 0, 0, 0, 0)
	}
}

// ports places a node's own interfaces: hardware at the bottom, on it bonds and VLAN devices,
// on top bridges.
func (p *painter) ports(c *column) {
	const width, step = 150.0, 46.0
	perRow := max(int((p.out.Width-p.left-margin)/(width+8)), 2)
	band := "ports/" + c.name
	var layers [3][]model.Interface
	if f := p.Facts[c.name]; f != nil {
		for _, i := range f.Interfaces[:min(len(f.Interfaces), maxInterfaces)] {
			at := 2
			switch {
			case i.Kind == "bridge" || i.Kind == "openvswitch":
				at = 0
			case i.Kind != "":
				at = 1
			}
			layers[at] = append(layers[at], i)
		}
	}
	y := p.y + bandHead
	names := make(map[string]bool)
	at := len(p.out.Elements) // the band is drawn before what is in it
	p.out.Elements = append(p.out.Elements, api.Element{})
	for _, layer := range layers {
		for i, one := range layer {
			x := p.left + (float64(i%perRow)+0.5)*(width+8)
			p.add(interfaceElement(band, c, one), x, y+float64(i/perRow)*step+step/2, width, 34)
			names[one.Name] = true
		}
		y += float64((len(layer)+perRow-1)/perRow) * step
	}
	for _, layer := range layers {
		for _, one := range layer {
			below := one.Master
			if below == "" && one.VLAN != nil {
				below = one.VLAN.Parent
			}
			if names[below] && below != one.Name {
				p.add(api.Element{ID: "port/" + c.name + "/" + one.Name, Kind: api.ElementPort, Parent: band, From: interfaceID(c, one.Name), To: interfaceID(c, below), Label: one.Name + " – " + below}, 0, 0, 0, 0)
			}
		}
	}
	detail := "its own interfaces, without those that Viaduct makes"
	if len(names) == 0 {
		detail = "it has not reported its interfaces"
	}
	height := y - p.y + bandFoot
	p.out.Width = max(p.out.Width, p.left+float64(perRow)*(width+8)+margin)
	e := api.Element{ID: band, Kind: api.ElementPorts, Parent: c.ref(), Node: c.ref(), Label: c.name, Detail: detail}
	p.out.Elements[at] = placed(e, p.out.Width/2, p.y+height/2, p.out.Width-2*margin, height)
	p.y += height + gap
}

func interfaceID(c *column, name string) string { return "interface/" + c.name + "/" + name }

func interfaceElement(band string, c *column, i model.Interface) api.Element {
	var addresses []string
	for _, a := range i.Addresses {
		addresses = append(addresses, a.String())
	}
	up, state := "up", protocol.Converged
	if !i.Up {
		up, state = "down", "" // which may be as it should be
	}
	return api.Element{ID: interfaceID(c, i.Name), Kind: api.ElementInterface, Parent: band, Node: c.ref(), Label: i.Name, State: state, Detail: joined(i.Kind, up, strings.Join(addresses, ", "))}
}
