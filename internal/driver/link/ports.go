package link

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// comparePorts joins guests' links to their bridges. Unwanted ports are left alone:
// an operator may have added them.
func (p *planner) comparePorts() {
	var have, wanted []diff.Item[port]
	for _, w := range p.want.ports {
		p.ports = append(p.ports, w.link.Name)
		wanted = append(wanted, diff.Item[port]{Entry: wantedPort(w), Value: w})
		if w.link.Master != 0 {
			have = append(have, diff.Item[port]{Entry: p.actualPortEntry(w), Value: w})
		}
	}
	diff.Each(desired.TypePort, have, wanted, func(c diff.Change, _, w *port) {
		p.port(p.change(c), c, *w)
	})
}

// wantedPort describes a wanted port by its current link.
func wantedPort(w port) desired.Entry {
	d := w.Port
	d.Names, d.MACs = []string{w.link.Name}, sorted(w.MACs)
	return portEntry(d, true, w.MACs == nil)
}

// actualPortEntry describes an existing port.
func (p *planner) actualPortEntry(w port) desired.Entry {
	now := desired.Port{Names: []string{w.link.Name}}
	learning := true
	if w.MTU != 0 {
		now.MTU = w.link.MTU
	}
	// A replaced bridge releases its ports.
	if m := p.st.byIdx[w.link.Master]; m != nil && !p.fresh[m.Name] {
		now.Bridge = m.Name
		if w.link.Port != nil {
			now.Isolated, learning = w.link.Port.Isolated, w.link.Port.Learning
			now.AllVLANs = w.AllVLANs && w.link.carriesAllVLANs() // otherwise its VLANs are managed elsewhere
		}
		now.MACs = p.boundMACs(w)
	}
	e := portEntry(now, w.link.Up, learning)
	e.Unowned = true
	return e
}

// boundMACs returns the MACs that are bound to a port and relevant: on a port that
// learns, unwanted ones were bound by somebody else.
func (p *planner) boundMACs(w port) []string {
	if w.MACs == nil && (w.link.Port == nil || w.link.Port.Learning) {
		return nil
	}
	return sorted(w.link.macs)
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

// portEntry describes a port with its state.
func portEntry(d desired.Port, up, learning bool) desired.Entry {
	e := desired.PortEntry(d)
	state := extraProps(up, false)[0]
	text := "on"
	if !learning {
		text = "off"
	}
	e.Props = append(e.Props, state, desired.Prop{Name: "learning", Value: text, Zero: "on"})
	return e
}

// port emits the steps that join a link or change its port settings. Its MTU is a
// separate request: an invalid one must not keep the guest off its network.
func (p *planner) port(change int, c diff.Change, w port) {
	s := step{owner: w.Owner, link: w.link.Name, change: change, index: w.link.Index}
	joins := c.Action == diff.Create
	for _, f := range c.Fields {
		joins = joins || f.Name == "bridge"
	}
	if joins || !w.link.Up {
		set := s
		set.op, set.set.up = opPort, !w.link.Up
		if joins {
			master := p.index[w.Bridge]
			set.set.master = &master
		}
		p.steps = append(p.steps, set)
	}
	if w.MTU != 0 && w.MTU != w.link.MTU {
		set := s
		set.op, set.set.mtu = opSet, w.MTU
		p.steps = append(p.steps, set)
	}
	if w.AllVLANs && (joins || !w.link.carriesAllVLANs()) {
		set := s
		set.op = opVLANs
		p.steps = append(p.steps, set)
	}
	now := rtnl.PortInfo{Learning: true} // a new port
	var bound []string
	if !joins && w.link.Port != nil {
		now, bound = *w.link.Port, p.boundMACs(w)
	}
	p.bind(s, bound, w.MACs)
	set := s
	set.op = opBridgePort
	if now.Isolated != w.Isolated {
		set.set.isolated = &w.Isolated
	}
	if learns := w.MACs == nil; now.Learning != learns {
		set.set.portLearning = &learns
	}
	if set.set.portSet() {
		p.steps = append(p.steps, set)
	}
}

// bind emits the steps that bind MACs to a port and unbind others. It precedes
// switching learning: on a port that learns, leftovers of a kill would count as
// somebody else's.
func (p *planner) bind(s step, bound, macs []string) {
	emit := func(op op, list, except []string) {
		for _, mac := range sorted(list) {
			if !slices.Contains(except, mac) {
				s.op, s.neigh = op, desired.Neighbour{Link: s.link, MAC: mac}
				p.steps = append(p.steps, s)
			}
		}
	}
	emit(opAddStatic, macs, bound)
	emit(opDelStatic, bound, macs)
}
