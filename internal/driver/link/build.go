package link

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
)

// buildLinks emits the steps that create and change links.
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
		p.steps = append(p.steps, p.adds[l.Name]...)
	}
}

// master returns the index of a link's master; 0 for none.
func (p *planner) master(l *desired.Link) int {
	if l.ForeignMaster {
		return p.st.byName[l.Master].Index
	}
	return p.index[l.Master]
}

// parent returns the index of a VLAN device's parent: one of the wanted links, or a
// link that Viaduct does not own.
func (p *planner) parent(v *desired.VLAN) int {
	if i, owned := p.index[v.Parent]; owned {
		return i
	}
	return p.st.byName[v.Parent].Index
}

// make creates a link in as few requests as the kernel allows.
func (p *planner) make(l *desired.Link, change int) {
	s := step{owner: l.Owner, link: l.Name, change: change, index: p.index[l.Name]}
	var after settings
	if l.Kind == desired.LinkBridge {
		after.mtu = l.MTU // see identity: it must be a change
	}
	if l.Alias != "" {
		after.alias = &l.Alias
	}
	if p.paired[l.Name] {
		// The peer's request created it, except for attributes that the kernel
		// accepts for one end only.
		if master := p.master(l); master != 0 {
			after.master = &master
		}
		after.up = !onlyVLAN(l)
	} else {
		up := !l.NoLinkLocal && !after.linkSet() && !onlyVLAN(l)
		p.create(s, l, up)
		after.up = !up && !onlyVLAN(l)
	}
	if l.NoLinkLocal {
		// This precedes bringing the link up, when the kernel would generate the
		// address.
		addrGen := s
		addrGen.op = opAddrGen
		p.steps = append(p.steps, addrGen)
	}
	if after.linkSet() {
		set := s
		set.op, set.set = opSet, after
		p.steps = append(p.steps, set)
	}
	p.attach(s, l, newlyDiffers(l))
	if onlyVLAN(l) { // before it is in its VLAN, its frames would be in the untagged VLAN
		set := s
		set.op, set.set = opSet, settings{up: true}
		p.steps = append(p.steps, set)
	}
}

// onlyVLAN reports whether a link is a port that carries a single VLAN.
func onlyVLAN(l *desired.Link) bool { return l.Port != nil && l.Port.VLAN != 0 }

// create emits the creation of a link, and of the peer of a veth pair.
func (p *planner) create(s step, l *desired.Link, up bool) {
	s.op, s.create, s.master, s.set.up = opCreate, l, p.master(l), up
	switch {
	case l.VLAN != nil:
		s.parent = p.parent(l.VLAN)
	case l.Veth != nil && l.Veth.Elsewhere:
		s.peer, s.outer = &desired.Link{Name: l.Veth.Peer}, p.st.outer
	case l.Veth != nil:
		s.peer, s.parent = p.want.byName[l.Veth.Peer], p.index[l.Veth.Peer]
		p.paired[l.Veth.Peer] = true
	}
	p.steps = append(p.steps, s)
}

// newlyDiffers returns a function that reports whether a setting of a new link's
// bridge membership differs from the kernel's default.
func newlyDiffers(l *desired.Link) func(field string) bool {
	return func(field string) bool {
		switch field {
		case fieldLearning:
			return l.Port != nil && l.Port.NoLearning
		case fieldSuppress:
			return l.Port != nil && l.Port.NeighSuppress
		case fieldAllVLANs:
			return l.Port != nil && l.Port.AllVLANs
		case fieldVLAN:
			return onlyVLAN(l)
		case fieldSelf:
			return l.VLAN != nil && l.VLAN.Self
		}
		return false
	}
}

// The properties of a link's bridge membership (desired.LinkEntry) that attach
// sets.
const (
	fieldLearning = "port-learning"
	fieldSuppress = "neigh-suppress"
	fieldAllVLANs = "all-vlans"
	fieldVLAN     = "port-vlan"
	fieldSelf     = "vlan-of-bridge"
)

// attach emits the steps that configure a link as a port of its bridge, which it
// has joined already, and its parent bridge for the VLAN that it carries.
func (p *planner) attach(s step, l *desired.Link, differs func(field string) bool) {
	var port desired.BridgePort
	if l.Port != nil {
		port = *l.Port
	}
	set := s
	set.op, set.set = opBridgePort, settings{}
	if differs(fieldLearning) {
		on := !port.NoLearning
		set.set.portLearning = &on
	}
	if differs(fieldSuppress) {
		set.set.neighSuppress = &port.NeighSuppress
	}
	if set.set.portSet() {
		p.steps = append(p.steps, set)
	}
	if differs(fieldAllVLANs) {
		vlans := s
		vlans.op = opVLANs
		p.steps = append(p.steps, vlans)
	}
	if differs(fieldVLAN) && port.VLAN != 0 {
		vlan := s
		vlan.op, vlan.vlan, vlan.tagged = opPortVLAN, port.VLAN, port.Tagged
		others := s
		others.op, others.vlan = opOtherVLANs, port.VLAN
		p.steps = append(p.steps, vlan, others)
	}
	if differs(fieldSelf) {
		self := s
		self.op, self.on, self.vlan, self.link, self.index = opBridgeVLAN, true, l.VLAN.ID, l.VLAN.Parent, p.parent(l.VLAN)
		p.steps = append(p.steps, self)
	}
}

// update changes an existing link in place.
func (p *planner) update(l *desired.Link, a *actual, change int) {
	s := step{owner: l.Owner, link: l.Name, change: change, index: a.Index}
	var set settings
	fields := p.changes[change].Fields
	for _, f := range fields {
		switch f.Name {
		case "mtu":
			set.mtu = l.MTU
		case "mac":
			set.mac = l.MAC
		case "alias":
			set.alias = &l.Alias
		case "master":
			master := p.master(l)
			set.master = &master
		case "state":
			set.up = true
		case "learning":
			set.learning = &l.VXLAN.Learning
		case "vlan-filtering":
			on := l.Bridge != nil && l.Bridge.VLANFiltering
			set.vlanFiltering = &on
		case "spanning-tree":
			// In one request the kernel would set the delay first, and refuse zero
			// while spanning tree is still on.
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
	changed := s
	changed.set = set
	if set.infoSet() {
		changed.op = opInfo
		p.steps = append(p.steps, changed)
	}
	if set.linkSet() {
		changed.op = opSet
		p.steps = append(p.steps, changed)
	}
	p.attach(s, l, func(field string) bool {
		return slices.ContainsFunc(fields, func(f diff.Field) bool { return f.Name == field })
	})
}
