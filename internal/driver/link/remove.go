package link

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// unique holds the settings that only one link of a kind can have, and that keep
// the kernel from creating another one with them.
type unique struct {
	vni   uint32 // of a VXLAN device, with its port
	port  uint16
	vlan  carried
	table uint32 // of a VRF
}

// uniqueOf returns those settings of an existing link.
func uniqueOf(l *actual) unique {
	switch {
	case l.VXLAN != nil:
		return unique{vni: l.VXLAN.ID, port: l.VXLAN.Port}
	case l.VLAN != nil && !l.ParentElsewhere:
		return unique{vlan: carried{l.Parent, l.VLAN.ID, l.VLAN.Protocol}}
	}
	return unique{table: l.VRFTable}
}

// splitRemovals separates the links to delete before new ones are created, because
// the kernel would refuse the new ones: they share a name or a unique setting.
func (p *planner) splitRemovals() (early, late []removal) {
	taken := map[unique]bool{}
	for i := range p.want.links {
		l := &p.want.links[i]
		switch {
		case !p.fresh[l.Name]:
		case l.VXLAN != nil:
			taken[unique{vni: l.VXLAN.ID, port: l.VXLAN.Port}] = true
		case l.VLAN != nil:
			taken[unique{vlan: carried{p.parent(l.VLAN), uint16(l.VLAN.ID), protocol(l.VLAN)}}] = true
		case l.VRF != nil:
			taken[unique{table: l.VRF.Table}] = true
		}
	}
	rejoined := p.rejoined()
	for _, r := range p.removed {
		// A VRF that was about to be deleted flushes its members' addresses when it
		// is.
		doomedVRF := r.link.VRFTable != 0 && r.link.doomed()
		if p.fresh[r.link.Name] || taken[uniqueOf(r.link)] || doomedVRF || rejoined[r.link] {
			early = append(early, r)
		} else {
			late = append(late, r)
		}
	}
	return early, late
}

// rejoined returns the VLAN devices and veth ends that joined a bridge to another one, and are
// replaced by new ones: while both exist, frames would loop.
func (p *planner) rejoined() map[*actual]bool {
	joins := func(kind string) bool { return kind == string(desired.LinkVLAN) || kind == string(desired.LinkVeth) }
	bridges := map[int]bool{} // existing ones, by index
	for i := range p.want.links {
		if l := &p.want.links[i]; p.fresh[l.Name] && joins(string(l.Kind)) && l.Master != "" && !l.ForeignMaster && !p.fresh[l.Master] {
			bridges[p.index[l.Master]] = true
		}
	}
	out := map[*actual]bool{}
	if len(bridges) == 0 {
		return out
	}
	for _, r := range p.removed {
		if joins(r.link.Kind) && bridges[r.link.Master] {
			out[r.link] = true
			if other := p.st.parent(r.link); other != nil && (other.owned() || other.doomed()) {
				out[other] = true
			}
		}
	}
	return out
}

// leaveVLANs removes VLAN-aware bridges from the VLANs that they are members of for
// a VLAN device to be deleted, unless another device, owned or not, carries the
// same VLAN of the bridge. Only the device is evidence of that, so it happens
// before the deletion: a kill in between leaves no trace.
func (p *planner) leaveVLANs() {
	type membership struct{ bridge, vlan int }
	var needed map[membership]bool
	for _, r := range p.removed {
		bridge := p.st.parent(r.link)
		if r.link.VLAN == nil || !bridge.vlanAware() || bridge.owned() || bridge.doomed() {
			continue // an owned bridge has only owned VLAN devices
		}
		if needed == nil {
			needed = map[membership]bool{}
			doomed := map[*actual]bool{}
			for _, r := range p.removed {
				doomed[r.link] = true
			}
			for _, l := range p.st.links {
				if l.VLAN != nil && !l.ParentElsewhere && !doomed[l] {
					needed[membership{l.Parent, int(l.VLAN.ID)}] = true
				}
			}
			for i := range p.want.links {
				if v := p.want.links[i].VLAN; v != nil {
					needed[membership{p.parent(v), v.ID}] = true
				}
			}
		}
		m := membership{bridge.Index, int(r.link.VLAN.ID)}
		if member, native := bridge.inVLAN(m.vlan); !member || native || needed[m] {
			continue
		}
		needed[m] = true // once
		p.steps = append(p.steps, step{op: opBridgeVLAN, link: bridge.Name, change: r.change, index: m.bridge, vlan: m.vlan})
	}
}

// remove emits the steps that delete links, in one group if there are several.
// pending are deleted later: they stay out of the group.
func (p *planner) remove(list, pending []removal) {
	slices.SortFunc(list, func(a, b removal) int { return a.link.Index - b.link.Index })
	if len(list) == 0 {
		return
	}
	single := len(list) == 1 || !p.deletable(Doomed)
	if !single && len(list) <= maxDoomed && p.coversGroup(list) {
		// Every owned link is deleted: their own group suffices. deletable has verified
		// that no other link is deleted with it.
		p.deleteGroup(Group, list)
		if slices.ContainsFunc(list, func(r removal) bool { return r.link.doomed() }) {
			p.deleteGroup(Doomed, list)
		}
		return
	}
	if slices.ContainsFunc(pending, func(r removal) bool { return r.link.doomed() }) {
		single = true // the group also holds others, which are deleted later
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

// maxDoomed bounds how many links are deleted at once. The kernel needs about 10 ms
// for each and blocks all other link changes during that, so thousands at once
// would stop everything on the node for a minute.
const maxDoomed = 128

// deleteGroup emits the deletion of a group. Its failure is assigned to the first
// change it serves; the next pass finds the others again.
func (p *planner) deleteGroup(group uint32, list []removal) {
	p.steps = append(p.steps, step{op: opDeleteGroup, change: list[0].change, group: group})
}

// deletable reports whether all links of a group are of kinds that Viaduct creates and
// none is reserved, so that the group may be deleted as a whole.
func (p *planner) deletable(group uint32) bool {
	for _, l := range p.st.links {
		if l.Group == group && (!l.madeKind() || p.reserved(l.Name)) {
			return false
		}
	}
	return true
}

// coversGroup reports whether the list holds all owned links, and no other link has their
// group.
func (p *planner) coversGroup(list []removal) bool {
	if len(p.fresh) > 0 || !p.deletable(Group) {
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
