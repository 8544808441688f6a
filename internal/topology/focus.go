package topology

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// neighbours are the objects that refer to each other, by reference.
type neighbours map[string][]string

// add adds an object that may have no neighbours.
func (n neighbours) add(ref string) {
	if _, known := n[ref]; !known {
		n[ref] = nil
	}
}

func (n neighbours) join(a, b string) {
	n[a], n[b] = append(n[a], b), append(n[b], a)
}

// near finds the references of the picture. A node that carries a zone is near it only if the
// zone names the node: otherwise everything would be near everything.
func (g *graph) near() neighbours {
	n := make(neighbours)
	for _, c := range g.columns {
		n.add(c.ref())
	}
	for _, l := range g.lines {
		n.add(l.ref())
		for node, part := range l.members {
			n.join(l.ref(), model.Ref(model.KindNode, node))
			if part != l.ref() {
				n.join(part, l.ref())
				n.join(part, model.Ref(model.KindNode, node))
			}
		}
		if c, ok := l.object.(*model.Controller); ok && c.Fabric != "" {
			n.join(l.ref(), model.Ref(model.KindFabric, c.Fabric))
		}
	}
	for _, b := range g.bands {
		n.add(b.ref())
		g.nearZone(n, b)
	}
	return n
}

func (g *graph) nearZone(n neighbours, b *band) {
	if b.zone != nil {
		for _, name := range b.zone.Nodes {
			n.join(b.ref(), model.Ref(model.KindNode, name))
		}
		for _, id := range b.zone.Controllers() {
			n.join(b.ref(), model.Ref(model.KindController, id))
		}
		if b.zone.Fabric != "" {
			n.join(b.ref(), model.Ref(model.KindFabric, b.zone.Fabric))
		}
	}
	for _, r := range b.rows {
		n.join(b.ref(), r.ref())
		for _, s := range r.subnets {
			n.join(r.ref(), model.Ref(model.KindSubnet, s.ID))
		}
		for node, list := range r.nics {
			for _, one := range list {
				guest := model.Ref(model.KindGuest, one.guest.ID)
				n.join(r.ref(), guest)
				if node != "" {
					n.join(guest, model.Ref(model.KindNode, node))
				}
			}
			if node != "" {
				n.join(r.ref(), model.Ref(model.KindNode, node))
			}
		}
	}
}

// focus removes what is further than depth references from an object; false if there is no
// such object.
func (g *graph) focus(ref string, depth int) bool {
	n := g.near()
	if _, ok := n[ref]; !ok {
		return false
	}
	kept := map[string]bool{ref: true}
	edge := []string{ref}
	for range depth {
		var next []string
		for _, at := range edge {
			for _, other := range n[at] {
				if !kept[other] {
					kept[other] = true
					next = append(next, other)
				}
			}
		}
		edge = next
	}
	g.keep(kept)
	return true
}

// keep removes what is not kept. A kept VNet keeps the band that it is in.
func (g *graph) keep(kept map[string]bool) {
	g.columns = slices.DeleteFunc(g.columns, func(c *column) bool { return !kept[c.ref()] })
	node := make(map[string]bool)
	for _, c := range g.columns {
		node[c.name] = true
	}
	g.lines = slices.DeleteFunc(g.lines, func(l *line) bool { return !kept[l.ref()] })
	for _, l := range g.lines {
		maps.DeleteFunc(l.members, func(name, _ string) bool { return !node[name] })
	}
	for _, b := range g.bands {
		b.rows = slices.DeleteFunc(b.rows, func(r *row) bool { return !kept[r.ref()] })
		for _, r := range b.rows {
			r.subnets = slices.DeleteFunc(r.subnets, func(s *model.Subnet) bool { return !kept[model.Ref(model.KindSubnet, s.ID)] })
			for name, list := range r.nics {
				r.nics[name] = slices.DeleteFunc(list, func(one nic) bool { return !kept[model.Ref(model.KindGuest, one.guest.ID)] })
				if len(r.nics[name]) == 0 || name != "" && !node[name] {
					delete(r.nics, name)
				}
			}
		}
	}
	g.bands = slices.DeleteFunc(g.bands, func(b *band) bool { return !kept[b.ref()] && len(b.rows) == 0 })
	g.links = slices.DeleteFunc(g.links, func(l *link) bool { return !node[l.a] || l.router == "" && !node[l.b] })
	g.routers = routersOf(g.links)
	maps.DeleteFunc(g.changes, func(ref string, _ api.PendingChange) bool { return !kept[ref] })
}
