package link

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// plan is what one pass does: the changes as an operator reads them, and the
// requests that make them, in the order in which they are sent.
type plan struct {
	changes []diff.Change
	steps   []step
	errs    []error
	// ports are the links that are joined to their bridge once the steps are done.
	ports []string
}

// planner makes a plan.
type planner struct {
	plan
	st       *state
	want     *wanted
	reserved func(string) bool
	next     int // the index of the next new link
	// index is that of every wanted link, living or to be made; fresh tells
	// those to be made.
	index map[string]int
	fresh map[string]bool
	// replaced are links that have to go before their successors come.
	replaced map[string]bool
	// changeOf is the change that a link's steps serve.
	changeOf map[string]int

	// adds are the steps that add what is on a link, by its name; dels remove it.
	adds    map[string][]step
	dels    []step
	removed []removal
}

// removal is a link to delete.
type removal struct {
	link   *actual
	change int
}

// makePlan compares what stands with what is wanted. It is pure. New links are
// numbered from firstIndex on.
//
// The order: links that stand in the way of new ones go first; then come new
// and changed links, each bridge followed by its ports, each link by what is on
// it (making all bridges first takes the kernel twice as long for a thousand);
// then guests' ports; and last goes whatever nobody wants any more.
func makePlan(st *state, w *wanted, reserved func(string) bool, firstIndex int) *plan {
	p := &planner{
		plan: plan{errs: w.errs}, st: st, want: w, reserved: reserved, next: firstIndex,
		index: make(map[string]int, len(w.links)), fresh: map[string]bool{}, replaced: map[string]bool{}, changeOf: map[string]int{},
		adds: map[string][]step{},
	}
	p.compareLinks()
	early, late := p.splitRemovals()
	p.remove(early, late)
	p.compareAddresses()
	p.compareNeighbours()
	p.buildLinks()
	p.steps = append(p.steps, p.dels...)
	p.comparePorts()
	p.remove(late, nil)
	return &p.plan
}

// change notes a change and returns its index.
func (p *planner) change(c diff.Change) int {
	p.changes = append(p.changes, c)
	return len(p.changes) - 1
}

// compareLinks finds the links to make, to change and to remove.
func (p *planner) compareLinks() {
	var old []diff.Item[*actual]
	for _, l := range p.st.links {
		switch {
		case p.reserved(l.Name):
		case l.doomed():
			p.removed = append(p.removed, removal{link: l, change: -1})
		case l.ours():
			old = append(old, diff.Item[*actual]{Entry: p.actualEntry(l, p.want.byName[l.Name]), Value: l})
		}
	}
	wanted := make([]diff.Item[desired.Link], len(p.want.links))
	for i, l := range p.want.links {
		wanted[i] = diff.Item[desired.Link]{Entry: wantedEntry(l), Value: l}
		if a := p.st.byName[l.Name]; a != nil && a.ours() {
			p.index[l.Name] = a.Index
		}
	}
	diff.Each(diff.TypeLink, old, wanted, func(c diff.Change, a **actual, l *desired.Link) {
		n := p.change(c)
		switch c.Action {
		case diff.Delete, diff.Replace:
			p.removed = append(p.removed, removal{link: *a, change: n})
		}
		if c.Action == diff.Create || c.Action == diff.Replace {
			p.fresh[l.Name] = true
			p.replaced[l.Name] = c.Action == diff.Replace
		}
		if l != nil {
			p.changeOf[l.Name] = n
		}
	})
	// Indexes are given in the order of making, bridges first, so that ports
	// know the number of a bridge that does not exist yet.
	for _, l := range p.want.links {
		if p.fresh[l.Name] {
			p.index[l.Name] = p.next
			p.next++
		}
	}
}

// extraProps are the properties of a link that are always wanted the same.
func extraProps(up, spanningTree bool) []diff.Prop {
	state, stp := "up", "off"
	if !up {
		state = "down"
	}
	if spanningTree {
		stp = "on"
	}
	return []diff.Prop{{Name: "state", Value: state, Zero: "up"}, {Name: "spanning-tree", Value: stp, Zero: "off"}}
}

// wantedEntry describes a wanted link.
func wantedEntry(l desired.Link) diff.Entry {
	e := diff.LinkEntry(l)
	e.Props = append(e.Props, extraProps(true, false)...)
	return e
}

// actualEntry describes a link as it stands in the words of the desired state.
// What the wanted link leaves to the kernel is taken as it is.
func (p *planner) actualEntry(a *actual, want *desired.Link) diff.Entry {
	l := desired.Link{Name: a.Name, Kind: desired.LinkKind(a.Kind), MTU: a.MTU, Alias: a.Alias}
	if m := p.st.byIdx[a.Master]; m != nil && !p.goes(m) {
		l.Master = m.Name
	}
	spanningTree := false
	switch {
	case a.Bridge != nil:
		l.Bridge = &desired.Bridge{VLANFiltering: a.Bridge.VLANFiltering != nil && *a.Bridge.VLANFiltering}
		spanningTree = a.Bridge.STP || a.Bridge.ForwardDelay != 0
	case a.VXLAN != nil:
		l.VXLAN = &desired.VXLAN{ID: a.VXLAN.ID, Local: a.VXLAN.Local, Port: a.VXLAN.Port, Learning: a.VXLAN.Learning}
	}
	l.NoLinkLocal = a.AddrGenMode == rtnl.AddrGenNone
	if want != nil {
		if want.MTU == 0 {
			l.MTU = 0
		}
		if a.AddrGenMode < 0 { // no IPv6 here, or it cannot be used with the link's MTU
			l.NoLinkLocal = want.NoLinkLocal
		}
	}
	e := diff.LinkEntry(l)
	e.Unowned = true
	e.Props = append(e.Props, extraProps(a.Up, spanningTree)...)
	return e
}

// goes reports whether a bridge is deleted although its name is wanted, so that
// its ports have to join the new one.
func (p *planner) goes(l *actual) bool {
	want := p.want.byName[l.Name]
	return l.doomed() || (want != nil && l.ours() && string(want.Kind) != l.Kind)
}

// buildLinks emits the steps that make and change links.
func (p *planner) buildLinks() {
	for i := range p.want.links {
		l := &p.want.links[i]
		n, differs := p.changeOf[l.Name]
		switch {
		case p.fresh[l.Name]:
			p.make(l, n)
		case differs:
			p.update(l, p.st.byName[l.Name], n)
		}
		p.overlayVLANs(l)
		p.steps = append(p.steps, p.adds[l.Name]...)
	}
}

// make creates a link in as few requests as the kernel allows.
func (p *planner) make(l *desired.Link, change int) {
	s := step{owner: l.Owner, link: l.Name, change: change, index: p.index[l.Name]}
	create := s
	create.op, create.create, create.master = opCreate, l, p.index[l.Master]
	var after settings
	if l.Kind == desired.LinkBridge {
		after.mtu = l.MTU // see encodeCreate: it must be a change
	}
	if l.Alias != "" {
		after.alias = &l.Alias
	}
	if !l.NoLinkLocal && !after.linkSet() {
		create.set.up = true
		p.steps = append(p.steps, create)
		return
	}
	p.steps = append(p.steps, create)
	if l.NoLinkLocal {
		// Before the link goes up, when the kernel would make the address.
		addrGen := s
		addrGen.op = opAddrGen
		p.steps = append(p.steps, addrGen)
	}
	after.up = true
	s.op, s.set = opSet, after
	p.steps = append(p.steps, s)
}

// update changes a link where it stands.
func (p *planner) update(l *desired.Link, a *actual, change int) {
	s := step{owner: l.Owner, link: l.Name, change: change, index: a.Index}
	var set settings
	for _, f := range p.changes[change].Fields {
		switch f.Name {
		case "mtu":
			set.mtu = l.MTU
		case "alias":
			set.alias = &l.Alias
		case "master":
			master := p.index[l.Master]
			set.master = &master
		case "state":
			set.up = true
		case "learning":
			set.learning = &l.VXLAN.Learning
		case "vlan-filtering":
			on := l.Bridge != nil && l.Bridge.VLANFiltering
			set.vlanFiltering = &on
		case "spanning-tree":
			// In one request the kernel would set the delay first, and refuse
			// zero while spanning tree is still on.
			off := s
			off.op, off.set.noSpanningTree = opInfo, true
			p.steps = append(p.steps, off)
			set.noDelay = true
		case "link-local":
			addrGen := s
			addrGen.op, addrGen.on = opAddrGen, !l.NoLinkLocal
			p.steps = append(p.steps, addrGen)
		}
	}
	s.set = set
	if set.infoSet() {
		s.op = opInfo
		p.steps = append(p.steps, s)
	}
	if set.linkSet() {
		s.op = opSet
		p.steps = append(p.steps, s)
	}
}

// overlayVLANs lets the overlay port of a VLAN-aware bridge carry all VLANs.
func (p *planner) overlayVLANs(l *desired.Link) {
	bridge := p.want.byName[l.Master]
	if bridge == nil || bridge.Bridge == nil || !bridge.Bridge.VLANFiltering {
		return
	}
	a := p.st.byName[l.Name]
	moved := a == nil || p.fresh[l.Name] || a.Master != p.index[l.Master]
	if !moved && a.carriesOverlayVLANs() {
		return
	}
	n, told := p.changeOf[l.Name]
	if !told {
		n = p.change(diff.Change{Action: diff.Update, Type: diff.TypeLink, Name: l.Name, Owner: l.Owner, Fields: []diff.Field{{Name: "vlans", New: "2-4094"}}})
	}
	p.steps = append(p.steps, step{op: opVLANs, owner: l.Owner, link: l.Name, change: n, index: p.index[l.Name]})
}

// splitRemovals tells the links that must go before new ones are made, because
// the kernel would refuse those: they have the name, or the VXLAN identifier
// and port, of a new one.
func (p *planner) splitRemovals() (early, late []removal) {
	type tunnel struct {
		id   uint32
		port uint16
	}
	taken := map[tunnel]bool{}
	for _, l := range p.want.links {
		if p.fresh[l.Name] && l.VXLAN != nil {
			taken[tunnel{l.VXLAN.ID, l.VXLAN.Port}] = true
		}
	}
	for _, r := range p.removed {
		vx := r.link.VXLAN
		if p.fresh[r.link.Name] || (vx != nil && taken[tunnel{vx.ID, vx.Port}]) {
			early = append(early, r)
		} else {
			late = append(late, r)
		}
	}
	return early, late
}

// remove emits the steps that delete links, in one group if there are several.
// pending are others that are deleted later: they stay out of it.
func (p *planner) remove(list, pending []removal) {
	slices.SortFunc(list, func(a, b removal) int { return a.link.Index - b.link.Index })
	if len(list) == 0 {
		return
	}
	single := len(list) == 1 || !p.pure(Doomed)
	if !single && len(list) <= maxDoomed && p.whole(list) {
		// Every link of ours goes: their own group will do. pure has been
		// asked, so that it takes nobody else along.
		p.deleteGroup(Group, list)
		if slices.ContainsFunc(list, func(r removal) bool { return r.link.doomed() }) {
			p.deleteGroup(Doomed, list)
		}
		return
	}
	if slices.ContainsFunc(pending, func(r removal) bool { return r.link.doomed() }) {
		single = true // the group holds others too, which are deleted later
	}
	for group := range slices.Chunk(list, maxDoomed) {
		for _, r := range group {
			s := step{op: opDoom, link: r.link.Name, change: r.change, index: r.link.Index}
			if single {
				s.op = opDelete
			}
			if single || !r.link.doomed() {
				p.steps = append(p.steps, s)
			}
		}
		if !single {
			p.deleteGroup(Doomed, group)
		}
	}
}

// maxDoomed bounds how many links are deleted at once. The kernel takes about
// 10 ms for each and lets nobody else change a link meanwhile, so thousands at
// once would stop everything on the node for a minute.
const maxDoomed = 128

// deleteGroup emits the deletion of a group. Its failure is that of the first
// change it serves; the others are found again by the next pass.
func (p *planner) deleteGroup(group uint32, list []removal) {
	p.steps = append(p.steps, step{op: opDeleteGroup, change: list[0].change, group: group})
}

// pure reports whether all links of a group are of kinds that we make and none
// is reserved, so that the group may be deleted as a whole.
func (p *planner) pure(group uint32) bool {
	for _, l := range p.st.links {
		if l.Group == group && (!l.madeKind() || p.reserved(l.Name)) {
			return false
		}
	}
	return true
}

// whole reports whether the list holds all links of ours, and no other link has
// our group.
func (p *planner) whole(list []removal) bool {
	if len(p.fresh) > 0 || !p.pure(Group) {
		return false
	}
	n := 0
	for _, l := range p.st.links {
		if l.Group == Group || l.doomed() {
			n++
		}
	}
	return n == len(list)
}
