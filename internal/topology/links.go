package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// link is everything between two nodes, sorted by name, or a node and a router.
type link struct {
	a, b   string // nodes; b is empty for a router
	router string
	// tunnels counts the zones with tunnels between them, sessions the BGP sessions.
	tunnels, sessions int
	condition         condition
}

func (l *link) detail() string {
	var tunnels, sessions string
	if l.tunnels > 0 {
		tunnels = fmt.Sprintf("tunnels of %s", counted(l.tunnels, "zone"))
	}
	if l.sessions > 0 {
		sessions = counted(l.sessions, "BGP session")
	}
	return joined(tunnels, sessions)
}

// mesh collects links. Nodes are numbers, since there is one counter for each pair.
type mesh struct {
	names    []string
	number   map[string]int
	tunnels  []int // by a*len(names)+b, a < b
	sessions []int
	routers  map[[2]string]*link // by node and address
}

func newMesh(columns []*column) *mesh {
	m := &mesh{number: make(map[string]int, len(columns)), routers: make(map[[2]string]*link)}
	for i, c := range columns {
		m.names = append(m.names, c.name)
		m.number[c.name] = i
	}
	m.tunnels, m.sessions = make([]int, len(columns)*len(columns)), make([]int, len(columns)*len(columns))
	return m
}

// full joins all nodes with each other.
func (m *mesh) full(into []int, nodes []int) {
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			into[min(a, b)*len(m.names)+max(a, b)]++
		}
	}
}

func (m *mesh) router(node int, address string) *link {
	key := [2]string{m.names[node], address}
	l := m.routers[key]
	if l == nil {
		l = &link{a: key[0], router: address}
		m.routers[key] = l
	}
	return l
}

// addressBook finds the nodes that have addresses.
func (g *graph) addressBook() map[netip.Addr]string {
	book := make(map[netip.Addr]string)
	for _, c := range g.columns {
		if f := g.Facts[c.name]; f != nil {
			for _, i := range f.Interfaces {
				for _, p := range i.Addresses {
					if a := p.Addr(); !a.IsLinkLocalUnicast() && !a.IsLoopback() {
						book[a] = c.name
					}
				}
			}
		}
	}
	for _, n := range merged(g.Running.Nodes, g.Pending.Nodes) {
		book[n.Address] = n.ID
	}
	for _, n := range merged(g.Running.FabricNodes, g.Pending.FabricNodes) {
		book[n.IP], book[n.IP6] = n.Node, n.Node
	}
	delete(book, netip.Addr{})
	return book
}

// addressesOf are the addresses of each node in an address book, sorted.
func addressesOf(book map[netip.Addr]string) map[string][]netip.Addr {
	out := make(map[string][]netip.Addr)
	for a, node := range book {
		out[node] = append(out[node], a)
	}
	for node, list := range out {
		slices.SortFunc(list, netip.Addr.Compare)
		out[node] = list[:min(len(list), api.MaxAddresses)]
	}
	return out
}

// collectLinks finds tunnels and BGP sessions, and their states.
func (g *graph) collectLinks() {
	m, book := newMesh(g.columns), g.addressBook()
	controllers := merged(g.Running.Controllers, g.Pending.Controllers)
	byID := make(map[string]*model.Controller, len(controllers))
	for _, c := range controllers {
		byID[c.ID] = c
	}
	for _, b := range g.bands {
		if b.zone == nil {
			continue
		}
		switch b.zone.Type {
		case model.ZoneVXLAN:
			g.tunnels(m, book, b, b.zone.Peers, b.zone.Fabric)
		case model.ZoneEVPN:
			if c := byID[b.zone.Controller]; c != nil {
				g.tunnels(m, book, b, c.Peers, c.Fabric)
			}
		case model.ZoneSimple, model.ZoneVLAN, model.ZoneQinQ:
		}
	}
	for _, l := range g.lines {
		if c, ok := l.object.(*model.Controller); ok {
			g.sessions(m, book, l, c)
		}
	}
	for i, a := range m.names {
		for j := i + 1; j < len(m.names); j++ {
			if at := i*len(m.names) + j; m.tunnels[at] > 0 || m.sessions[at] > 0 {
				g.links = append(g.links, &link{a: a, b: m.names[j], tunnels: m.tunnels[at], sessions: m.sessions[at]})
			}
		}
	}
	for _, l := range m.routers {
		g.links = append(g.links, l)
	}
	slices.SortFunc(g.links, func(a, b *link) int {
		return cmp.Or(diff.CompareNatural(a.a, b.a), diff.CompareNatural(a.b, b.b), diff.CompareNatural(a.router, b.router))
	})
	g.routers = routersOf(g.links)
	g.addresses = addressesOf(book)
	g.judge(book)
}

// ends are the nodes among those that carry something and are peers or in a fabric, and the
// peers that are no node.
func (g *graph) ends(m *mesh, book map[netip.Addr]string, carries func(node string) bool, peers []netip.Addr, fabric string) (nodes []int, others []string) {
	named := make(map[string]bool)
	for _, p := range peers {
		name, known := book[p]
		if _, column := m.number[name]; known && column {
			named[name] = true
		} else if !known {
			others = append(others, p.String())
		}
	}
	if fabric != "" {
		for _, l := range g.lines {
			if l.ref() == model.Ref(model.KindFabric, fabric) {
				for name := range l.members {
					named[name] = true
				}
			}
		}
	}
	for i, name := range m.names {
		if named[name] && carries(name) {
			nodes = append(nodes, i)
		}
	}
	return nodes, others
}

// tunnels joins the nodes of a zone, all with each other.
func (g *graph) tunnels(m *mesh, book map[netip.Addr]string, b *band, peers []netip.Addr, fabric string) {
	nodes, others := g.ends(m, book, b.on, peers, fabric)
	m.full(m.tunnels, nodes)
	if b.zone.Type == model.ZoneEVPN { // other peers are route reflectors, or not known to be VTEPs
		return
	}
	for _, other := range others {
		for _, n := range nodes {
			m.router(n, other).tunnels++
		}
	}
}

// sessions joins the nodes of a controller with its peers.
func (g *graph) sessions(m *mesh, book map[netip.Addr]string, l *line, c *model.Controller) {
	if c.Type == model.ControllerISIS { // finds its neighbours itself
		return
	}
	member := func(name string) bool { _, ok := l.members[name]; return ok }
	anyNode := func(string) bool { return true }
	peers, others := g.ends(m, book, anyNode, c.Peers, c.Fabric)
	for i, name := range m.names {
		if !member(name) {
			continue
		}
		for _, p := range peers {
			// A pair of members is joined once.
			if p != i && (i < p || !member(m.names[p])) {
				m.sessions[min(i, p)*len(m.names)+max(i, p)]++
			}
		}
		for _, other := range others {
			m.router(i, other).sessions++
		}
	}
}

func routersOf(links []*link) []string {
	var out []string
	for _, l := range links {
		if l.router != "" {
			out = append(out, l.router)
		}
	}
	slices.SortFunc(out, diff.CompareNatural)
	return slices.Compact(out)
}

// judge finds the states of links: what either end reports of the other.
func (g *graph) judge(book map[netip.Addr]string) {
	// pairs are the complaints by the ends of the link.
	type pair struct{ a, b string }
	pairs := make(map[pair]condition)
	for node, peers := range g.states.peers {
		for peer, c := range peers {
			other := peer
			if a, err := netip.ParseAddr(peer); err == nil && book[a] != "" {
				other = book[a]
			}
			c.message = node + ": " + c.message
			for _, p := range []pair{{node, other}, {other, node}} {
				pairs[p] = worse(pairs[p], c)
			}
		}
	}
	for _, l := range g.links {
		l.condition = condition{state: protocol.Converged}
		for _, end := range []string{l.a, l.b} {
			n, ok := g.states.nodes[end]
			switch {
			case end == "":
			case !ok:
				l.condition.state = ""
			case n.state == protocol.Unreachable:
				l.condition = condition{protocol.Unreachable, "node " + end + " is unreachable"}
			}
		}
		if l.condition.state == protocol.Converged {
			l.condition = worse(l.condition, pairs[pair{l.a, cmp.Or(l.b, l.router)}])
		}
	}
}

// drawn are the links that are lines: all, or if they are too many those in trouble. bundled
// counts the others.
func (g *graph) drawn() (lines []*link) {
	g.bundled = 0
	if len(g.links) <= maxLinks {
		return g.links
	}
	for _, l := range g.links {
		if s := l.condition.state; s != "" && s != protocol.Converged && len(lines) < maxLinks {
			lines = append(lines, l)
		} else {
			g.bundled++
		}
	}
	return lines
}
