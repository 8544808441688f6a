package compile

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// inTheWay finds what on the node keeps it from having a link: an interface that is
// not Viaduct's, by its name or by what it carries. The link driver finds the same
// when it applies; found here, the plan says it before.
func (n *node) inTheWay(l desired.Link) *desired.Conflict {
	if i := n.facts.Named(l.Name); i != nil {
		return desired.LinkInTheWay(l.Name, i.Name, i.Kind)
	}
	if l.VLAN == nil {
		return nil
	}
	if i := n.holder(l.VLAN.Parent, l.VLAN.ID, l.VLAN.Protocol); i != nil {
		return desired.VLANInTheWay(i.Name, l.VLAN.Parent, l.VLAN.ID)
	}
	return nil
}

// holder is the interface, not one of Viaduct's, that carries a VLAN of another one; nil
// if there is none.
func (n *node) holder(parent string, id int, protocol string) *model.Interface {
	for k := range n.facts.Interfaces {
		i := &n.facts.Interfaces[k]
		if v := i.VLAN; v != nil && v.Parent == parent && v.ID == id && sameProtocol(v.Protocol, protocol) {
			return i
		}
	}
	return nil
}

// portInTheWay finds what keeps the node from having a port of an Open vSwitch
// bridge, which is an interface too.
func (n *node) portInTheWay(name string) *desired.Conflict {
	switch i := n.facts.Named(name); {
	case i == nil:
		return nil
	case i.Name == name && slices.Contains(n.facts.OVSBridges, i.Master):
		return desired.OVSPortInTheWay(name, i.Master)
	default:
		return desired.LinkInTheWay(name, i.Name, i.Kind)
	}
}

// withhold leaves an object out of the node, whole, and tells why, once.
func (n *node) withhold(class fault.Class, owner, why string) {
	if !n.withheld[owner] {
		n.withheld[owner] = true
		n.noteOf(class, LevelError, owner, "%s", why)
	}
}

// leaveOut takes away what belongs to withheld objects, and the objects whose links
// need one of theirs: a network without its uplink would be worse than none.
func (n *node) leaveOut() {
	if len(n.withheld) == 0 {
		return
	}
	for more := true; more; {
		more = false
		for _, l := range n.out.Links {
			need := n.neededFrom(l)
			if need == nil || n.withheld[l.Owner] {
				continue
			}
			more = true
			n.withhold(fault.Consequence, l.Owner, "interface "+l.Name+": "+need.Name+", which it needs, could not be made on this node; see "+need.Owner)
		}
	}
	gone := func(owner string) bool { return n.withheld[owner] }
	n.out.Links = slices.DeleteFunc(n.out.Links, func(l desired.Link) bool {
		if gone(l.Owner) {
			delete(n.links, l.Name)
		}
		return gone(l.Owner)
	})
	n.out.Addresses = slices.DeleteFunc(n.out.Addresses, func(a desired.Address) bool { return gone(a.Owner) || !a.Foreign && n.links[a.Link].Name == "" })
	n.out.Neighbours = slices.DeleteFunc(n.out.Neighbours, func(a desired.Neighbour) bool { return gone(a.Owner) })
	n.out.Routes = slices.DeleteFunc(n.out.Routes, func(r desired.Route) bool { return gone(r.Owner) })
	n.out.RouteRules = slices.DeleteFunc(n.out.RouteRules, func(r desired.RouteRule) bool { return gone(r.Owner) })
	n.out.OVSBridges = slices.DeleteFunc(n.out.OVSBridges, func(b desired.OVSBridge) bool { return gone(b.Owner) })
	n.out.OVSPorts = slices.DeleteFunc(n.out.OVSPorts, func(p desired.OVSPort) bool { return gone(p.Owner) })
	n.out.Ports = slices.DeleteFunc(n.out.Ports, func(p desired.Port) bool { return gone(p.Owner) })
	n.out.Sysctls = slices.DeleteFunc(n.out.Sysctls, func(s desired.Sysctl) bool { return gone(s.Owner) })
	for id, f := range n.vrfs {
		f.ok = f.ok && !gone(model.Ref(model.KindZone, id))
	}
}

// neededFrom is the link of a withheld object that a link needs; nil if there is none.
func (n *node) neededFrom(l desired.Link) *desired.Link {
	names := []string{}
	if !l.ForeignMaster {
		names = append(names, l.Master)
	}
	if l.VLAN != nil {
		names = append(names, l.VLAN.Parent)
	}
	if l.Veth != nil {
		names = append(names, l.Veth.Peer)
	}
	for _, name := range names {
		if have, made := n.links[name]; made && n.withheld[have.Owner] {
			return &have
		}
	}
	return nil
}
