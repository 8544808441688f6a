package link

import (
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// extraProps are the properties of a link that always have the same wanted value.
func extraProps(up, spanningTree bool) []desired.Prop {
	state, stp := "up", "off"
	if !up {
		state = "down"
	}
	if spanningTree {
		stp = "on"
	}
	return []desired.Prop{{Name: "state", Value: state, Zero: "up"}, {Name: "spanning-tree", Value: stp, Zero: "off"}}
}

// wantedEntry describes a wanted link.
func wantedEntry(l desired.Link) desired.Entry {
	e := desired.LinkEntry(l)
	e.Props = append(e.Props, extraProps(true, false)...)
	return e
}

// findReplaced finds the owned links that must be deleted although their names are
// wanted: they are of another kind, or differ in an immutable setting. A link that
// vanishes with another one, a VLAN device with its parent or a veth end with its
// peer, is replaced with it.
func (p *planner) findReplaced() {
	var tied []*actual
	for _, l := range p.st.links {
		want := p.want.byName[l.Name]
		switch {
		case l.doomed():
			p.recreated[l] = true
		case want == nil || !l.owned():
		case !p.canUpdate(l, want):
			p.recreated[l] = true
		case l.VLAN != nil || want.Veth != nil:
			tied = append(tied, l)
		}
	}
	for before := -1; before != len(p.recreated) && len(tied) > 0; {
		before = len(p.recreated)
		for _, l := range tied {
			if p.recreated[p.st.parent(l)] {
				p.recreated[l] = true
			}
		}
	}
}

// canUpdate reports whether a link can become the wanted one in place.
func (p *planner) canUpdate(a *actual, want *desired.Link) bool {
	if a.Kind != string(want.Kind) {
		return false
	}
	tied := ""
	if o := p.st.parent(a); o != nil {
		tied = o.Name
	}
	switch want.Kind {
	case desired.LinkVXLAN:
		return a.VXLAN != nil && a.VXLAN.ID == want.VXLAN.ID && a.VXLAN.Local == want.VXLAN.Local && a.VXLAN.Port == want.VXLAN.Port
	case desired.LinkVLAN:
		return a.VLAN != nil && int(a.VLAN.ID) == want.VLAN.ID && a.VLAN.Protocol == protocol(want.VLAN) && tied == want.VLAN.Parent
	case desired.LinkVeth:
		if want.Veth.Elsewhere {
			return a.joinsSpaces()
		}
		return tied == want.Veth.Peer
	case desired.LinkVRF:
		return a.VRFTable == want.VRF.Table
	case desired.LinkBridge, desired.LinkDummy: // which have nothing that cannot be changed
	}
	return true
}

// actualEntry describes an existing link in terms of the desired state. Settings
// that the wanted link leaves to the kernel keep their actual value.
func (p *planner) actualEntry(a *actual, want *desired.Link) desired.Entry {
	l := desired.Link{Name: a.Name, Kind: desired.LinkKind(a.Kind), MTU: a.MTU, Alias: a.Alias}
	if m := p.st.byIdx[a.Master]; m != nil && !p.recreated[m] {
		l.Master, l.ForeignMaster = m.Name, !m.owned()
	}
	spanningTree := p.actualKind(a, want, &l)
	l.NoLinkLocal = a.AddrGenMode == rtnl.AddrGenNone
	if want != nil {
		if want.MTU == 0 {
			l.MTU = 0
		}
		if want.MAC != "" {
			l.MAC = a.MAC.String()
		}
		if a.AddrGenMode < 0 { // no IPv6 on this node, or the link's MTU is too small for it
			l.NoLinkLocal = want.NoLinkLocal
		}
		l.Port = actualPort(a, want, l.Master == want.Master)
	}
	e := desired.LinkEntry(l)
	e.Unowned = true
	e.Props = append(e.Props, extraProps(a.Up, spanningTree)...)
	return e
}

// actualKind fills in the settings of the link's kind, and reports whether a bridge
// has spanning tree on.
func (p *planner) actualKind(a *actual, want *desired.Link, l *desired.Link) (spanningTree bool) {
	tied := "" // the link that this one vanishes with
	if o := p.st.parent(a); o != nil && !p.recreated[o] {
		tied = o.Name
	}
	switch {
	case a.Bridge != nil:
		l.Bridge = &desired.Bridge{VLANFiltering: a.vlanAware()}
		return a.Bridge.STP || a.Bridge.ForwardDelay != 0
	case a.VXLAN != nil:
		l.VXLAN = &desired.VXLAN{ID: a.VXLAN.ID, Local: a.VXLAN.Local, Port: a.VXLAN.Port, Learning: a.VXLAN.Learning}
	case a.VLAN != nil:
		l.VLAN = &desired.VLAN{Parent: tied, ID: int(a.VLAN.ID), Protocol: protocolQ}
		if a.VLAN.Protocol == unix.ETH_P_8021AD {
			l.VLAN.Protocol = protocolAD
		}
		if want != nil && want.VLAN != nil {
			if want.VLAN.Protocol == "" && l.VLAN.Protocol == protocolQ {
				l.VLAN.Protocol = "" // two spellings of one protocol
			}
			if o := p.st.parent(a); want.VLAN.Self && o != nil {
				l.VLAN.Self, _ = o.inVLAN(want.VLAN.ID)
			}
		}
	case a.VRFTable != 0:
		l.VRF = &desired.VRF{Table: a.VRFTable}
	case l.Kind == desired.LinkVeth:
		l.Veth = &desired.Veth{Peer: tied}
		if want != nil && want.Veth != nil && want.Veth.Elsewhere && a.joinsSpaces() {
			l.Veth = want.Veth // the name of the other end is not visible from here
		}
	}
	return false
}

// actualPort returns a link's settings as a port of its bridge. A port that joins another
// bridge starts with the kernel's defaults. VLANs are added, and removed only from a port that
// is to carry a single one.
func actualPort(a *actual, want *desired.Link, stays bool) *desired.BridgePort {
	if a.Port == nil || !stays {
		return nil
	}
	p := &desired.BridgePort{
		NoLearning: !a.Port.Learning, NeighSuppress: a.Port.NeighSuppress,
		AllVLANs: want.Port != nil && want.Port.AllVLANs && a.carriesAllVLANs(),
	}
	if onlyVLAN(want) {
		p.VLAN, p.Tagged = a.onlyVLAN()
	}
	return p
}
