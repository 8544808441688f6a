package link

import (
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// existing returns the existing link, or nil if it is to be created or replaced.
func (p *planner) existing(name string) *actual {
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
		if a := p.existing(l.Name); a != nil {
			old = p.actualAddresses(l, a, wanted)
		}
		if len(old) == 0 && len(wanted) == 0 {
			continue
		}
		flushed := p.flushed(l)
		items := make([]diff.Item[desired.Address], len(wanted))
		for i, a := range wanted {
			e := desired.AddressEntry(a)
			e.Props = addressProps(false, a.NoRoute)
			items[i] = diff.Item[desired.Address]{Entry: e, Value: a}
			if flushed && a.Prefix.Addr().Is6() { // it exists, and is about to be flushed
				n, reported := p.changeOf[l.Name]
				if !reported {
					n = -1
				}
				p.adds[l.Name] = append(p.adds[l.Name], p.addAddress(l, a, n))
			}
		}
		diff.Each(desired.TypeAddress, old, items, func(c diff.Change, a *rtnl.Address, w *desired.Address) {
			n := p.contentChange(c, l)
			if w != nil {
				p.adds[l.Name] = append(p.adds[l.Name], p.addAddress(l, *w, n))
				return
			}
			p.dropAddress(l, *a, wanted, n)
		})
	}
}

// addAddress returns the step that adds or renews an address.
func (p *planner) addAddress(l *desired.Link, a desired.Address, change int) step {
	return step{op: opAddAddress, owner: a.Owner, link: l.Name, change: change, index: p.index[l.Name], prefix: a.Prefix, noRoute: a.NoRoute}
}

// flushed reports whether an existing link loses its IPv6 addresses: the kernel
// brings it down and up again when it joins or leaves a VRF.
func (p *planner) flushed(l *desired.Link) bool {
	a := p.existing(l.Name)
	if a == nil {
		return false
	}
	old := p.st.byIdx[a.Master]
	if old != nil && !p.recreated[old] && a.Master == p.master(l) {
		return false
	}
	joined := p.want.byName[l.Master]
	return old != nil && old.VRFTable != 0 || joined != nil && joined.Kind == desired.LinkVRF
}

// contentChange records a change of an address, entry or VLAN on a link. For a
// replaced link nothing is reported: its contents are restored with it.
func (p *planner) contentChange(c diff.Change, l *desired.Link) int {
	if p.replaced[l.Name] {
		return p.changeOf[l.Name]
	}
	return p.change(c)
}

// actualAddresses describes the addresses on a link that are wanted, or that
// Viaduct may remove.
func (p *planner) actualAddresses(l *desired.Link, a *actual, wanted []desired.Address) []diff.Item[rtnl.Address] {
	var out []diff.Item[rtnl.Address]
	for _, have := range a.addresses {
		isWanted := false
		for _, w := range wanted {
			isWanted = isWanted || w.Prefix == have.Prefix
		}
		if !isWanted && (p.st.kernelMade(have, l.NoLinkLocal) || p.st.claimed(a)) {
			continue
		}
		e := desired.AddressEntry(desired.Address{Link: l.Name, Prefix: have.Prefix})
		e.Unowned = true
		e.Props = addressProps(have.Flags&unix.IFA_F_PERMANENT == 0, have.Flags&unix.IFA_F_NOPREFIXROUTE != 0)
		out = append(out, diff.Item[rtnl.Address]{Entry: e, Value: have})
	}
	return out
}

// addressProps are the properties of an existing address: those of Viaduct never
// expire.
func addressProps(limited, noRoute bool) []desired.Prop {
	lifetime := desired.Prop{Name: "lifetime", Value: "forever", Zero: "forever"}
	if limited {
		lifetime = desired.Prop{Name: "lifetime", Value: "limited"}
	}
	route := desired.Prop{Name: "network-route", Value: "on", Zero: "on"}
	if noRoute {
		route.Value = "off"
	}
	return []desired.Prop{lifetime, route}
}

// dropAddress removes an address. With the first IPv4 address of a network the
// kernel also removes the other ones (unless promote_secondaries is set), so the
// wanted ones are renewed, which has no effect if they remained.
func (p *planner) dropAddress(l *desired.Link, a rtnl.Address, wanted []desired.Address, change int) {
	p.dels = append(p.dels, step{op: opDelAddress, owner: l.Owner, link: l.Name, change: change, index: p.index[l.Name], prefix: a.Prefix})
	if !a.Prefix.Addr().Is4() || a.Flags&unix.IFA_F_SECONDARY != 0 {
		return
	}
	for _, w := range wanted {
		if subnetOf(w.Prefix, a.Prefix) {
			p.dels = append(p.dels, p.addAddress(l, w, change))
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
		if a := p.existing(l.Name); a != nil {
			have = a.neighbours
		}
		wanted := p.want.neighbours[l.Name]
		if len(have) == 0 && len(wanted) == 0 || len(wanted) == 0 && controlled(l) {
			continue
		}
		diff.Each(desired.TypeNeighbour, neighbourItems(have, true), neighbourItems(wanted, false), func(c diff.Change, a, w *desired.Neighbour) {
			s := step{link: l.Name, change: p.contentChange(c, l), index: p.index[l.Name]}
			if w != nil { // also changes the remote end of an existing MAC
				s.op, s.owner, s.neigh = opAddNeigh, w.Owner, *w
				p.adds[l.Name] = append(p.adds[l.Name], s)
				return
			}
			s.op, s.owner, s.neigh = opDelNeigh, l.Owner, *a
			p.dels = append(p.dels, s)
		})
	}
}

// controlled reports whether a control plane, such as FRR's EVPN, fills the
// forwarding table of a VXLAN device: nothing else could, because neither the
// device nor its bridge learns. FRR's flood entries look the same as Viaduct's
// (bridge fdb shows them as "self permanent"), so the whole table is left to it.
func controlled(l *desired.Link) bool {
	return !l.VXLAN.Learning && l.Port != nil && l.Port.NoLearning
}

func neighbourItems(list []desired.Neighbour, unowned bool) []diff.Item[desired.Neighbour] {
	out := make([]diff.Item[desired.Neighbour], len(list))
	for i, n := range list {
		e := desired.NeighbourEntry(n)
		e.Unowned = unowned
		out[i] = diff.Item[desired.Neighbour]{Entry: e, Value: n}
	}
	return out
}
