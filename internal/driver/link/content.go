package link

import (
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// living returns the link as it stands, or nil if it is made anew.
func (p *planner) living(name string) *actual {
	if p.fresh[name] {
		return nil
	}
	return p.st.byName[name]
}

// compareAddresses finds the addresses to add and to remove, link by link.
func (p *planner) compareAddresses() {
	for i := range p.want.links {
		l := &p.want.links[i]
		wanted := p.want.addresses[l.Name]
		var old []diff.Item[rtnl.Address]
		if a := p.living(l.Name); a != nil {
			old = p.actualAddresses(l, a, wanted)
		}
		if len(old) == 0 && len(wanted) == 0 {
			continue
		}
		items := make([]diff.Item[desired.Address], len(wanted))
		for i, a := range wanted {
			e := diff.AddressEntry(a)
			e.Props = lifetime(false)
			items[i] = diff.Item[desired.Address]{Entry: e, Value: a}
		}
		diff.Each(diff.TypeAddress, old, items, func(c diff.Change, a *rtnl.Address, w *desired.Address) {
			n := p.content(c, l)
			if w != nil {
				p.adds[l.Name] = append(p.adds[l.Name], step{op: opAddAddress, owner: w.Owner, link: l.Name, change: n, index: p.index[l.Name], prefix: w.Prefix})
				return
			}
			p.dropAddress(l, *a, wanted, n)
		})
	}
}

// content notes the change of something on a link. Of a link that is replaced
// nothing is told: all that was on it comes back with it.
func (p *planner) content(c diff.Change, l *desired.Link) int {
	if p.replaced[l.Name] {
		return p.changeOf[l.Name]
	}
	return p.change(c)
}

// actualAddresses describes the addresses on a link that are wanted or ours to
// remove.
func (p *planner) actualAddresses(l *desired.Link, a *actual, wanted []desired.Address) []diff.Item[rtnl.Address] {
	var out []diff.Item[rtnl.Address]
	for _, have := range a.addresses {
		isWanted := false
		for _, w := range wanted {
			isWanted = isWanted || w.Prefix == have.Prefix
		}
		if !isWanted && p.st.kernelMade(have, l.NoLinkLocal) {
			continue
		}
		e := diff.AddressEntry(desired.Address{Link: l.Name, Prefix: have.Prefix})
		e.Unowned = true
		e.Props = lifetime(have.Flags&unix.IFA_F_PERMANENT == 0)
		out = append(out, diff.Item[rtnl.Address]{Entry: e, Value: have})
	}
	return out
}

// lifetime is the property that an address of ours never expires.
func lifetime(limited bool) []diff.Prop {
	if limited {
		return []diff.Prop{{Name: "lifetime", Value: "limited"}}
	}
	return []diff.Prop{{Name: "lifetime", Value: "forever", Zero: "forever"}}
}

// dropAddress removes an address. With the first IPv4 address of a network the
// kernel also removes the others of it (unless promote_secondaries is set), so
// those that are wanted are renewed, which does nothing if they stayed.
func (p *planner) dropAddress(l *desired.Link, a rtnl.Address, wanted []desired.Address, change int) {
	p.dels = append(p.dels, step{op: opDelAddress, owner: l.Owner, link: l.Name, change: change, index: p.index[l.Name], prefix: a.Prefix})
	if !a.Prefix.Addr().Is4() || a.Flags&unix.IFA_F_SECONDARY != 0 {
		return
	}
	for _, w := range wanted {
		if subnetOf(w.Prefix, a.Prefix) {
			p.dels = append(p.dels, step{op: opAddAddress, owner: w.Owner, link: l.Name, change: change, index: p.index[l.Name], prefix: w.Prefix})
		}
	}
}

// compareNeighbours finds the forwarding entries to add and to remove.
func (p *planner) compareNeighbours() {
	for i := range p.want.links {
		l := &p.want.links[i]
		if l.Kind != desired.LinkVXLAN {
			continue
		}
		var have []desired.Neighbour
		if a := p.living(l.Name); a != nil {
			have = a.neighbours
		}
		wanted := p.want.neighbours[l.Name]
		if len(have) == 0 && len(wanted) == 0 {
			continue
		}
		diff.Each(diff.TypeNeighbour, neighbourItems(have, true), neighbourItems(wanted, false), func(c diff.Change, a, w *desired.Neighbour) {
			s := step{link: l.Name, change: p.content(c, l), index: p.index[l.Name]}
			if w != nil { // also changes the far end of a MAC that stands
				s.op, s.owner, s.neigh = opAddNeigh, w.Owner, *w
				p.adds[l.Name] = append(p.adds[l.Name], s)
				return
			}
			s.op, s.owner, s.neigh = opDelNeigh, l.Owner, *a
			p.dels = append(p.dels, s)
		})
	}
}

func neighbourItems(list []desired.Neighbour, unowned bool) []diff.Item[desired.Neighbour] {
	out := make([]diff.Item[desired.Neighbour], len(list))
	for i, n := range list {
		e := diff.NeighbourEntry(n)
		e.Unowned = unowned
		out[i] = diff.Item[desired.Neighbour]{Entry: e, Value: n}
	}
	return out
}

// comparePorts joins guests' links to their bridges. Ports that nobody wants
// are left alone: an operator may have put them there.
func (p *planner) comparePorts() {
	var have, wanted []diff.Item[port]
	for _, w := range p.want.ports {
		now := desired.Port{Names: []string{w.link.Name}}
		if m := p.st.byIdx[w.link.Master]; m != nil {
			now.Bridge = m.Name
		}
		now.Isolated = w.link.Port != nil && w.link.Port.Isolated
		then := desired.Port{Names: now.Names, Bridge: w.Bridge, Isolated: w.Isolated, Owner: w.Owner}
		p.ports = append(p.ports, w.link.Name)
		if now.Bridge != "" && p.fresh[now.Bridge] {
			now.Bridge, now.Isolated = "", false // the bridge is replaced and lets its ports go
		}
		e := portEntry(then, true)
		wanted = append(wanted, diff.Item[port]{Entry: e, Value: w})
		if w.link.Master != 0 {
			e = portEntry(now, w.link.Up)
			e.Unowned = true
			have = append(have, diff.Item[port]{Entry: e, Value: w})
		}
	}
	diff.Each(diff.TypePort, have, wanted, func(c diff.Change, _, w *port) {
		p.port(p.change(c), c, *w)
	})
}

// portEntry describes a port with its state.
func portEntry(d desired.Port, up bool) diff.Entry {
	e := diff.PortEntry(d)
	e.Props = append(e.Props, extraProps(up, false)[0])
	return e
}

// port emits the steps that join a link or change how it is joined.
func (p *planner) port(change int, c diff.Change, w port) {
	s := step{owner: w.Owner, link: w.link.Name, change: change, index: w.link.Index}
	joins := c.Action == diff.Create
	for _, f := range c.Fields {
		joins = joins || f.Name == "bridge"
	}
	isolated := !joins && w.link.Port != nil && w.link.Port.Isolated // a new port is not
	if joins || !w.link.Up {
		set := s
		set.op, set.set.up = opPort, !w.link.Up
		if joins {
			master := p.index[w.Bridge]
			set.set.master = &master
		}
		p.steps = append(p.steps, set)
	}
	if isolated != w.Isolated {
		s.op, s.on = opIsolate, w.Isolated
		p.steps = append(p.steps, s)
	}
}
