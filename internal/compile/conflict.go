package compile

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// linkConflict finds the interface that keeps the node from having a link: one that is
// not Viaduct's, with the same name or the same VLAN. The link driver finds the same
// when it applies; found here, the plan shows it in advance.
func (n *node) linkConflict(l desired.Link) *desired.Conflict {
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

// holder is the interface, not one of Viaduct's, that carries a VLAN of a parent; nil
// without one.
func (n *node) holder(parent string, id int, protocol string) *model.Interface {
	for k := range n.facts.Interfaces {
		i := &n.facts.Interfaces[k]
		if v := i.VLAN; v != nil && v.Parent == parent && v.ID == id && sameProtocol(v.Protocol, protocol) {
			return i
		}
	}
	return nil
}

// portConflict finds what keeps the node from having a port of an Open vSwitch
// bridge, which is an interface too.
func (n *node) portConflict(name string) *desired.Conflict {
	switch i := n.facts.Named(name); {
	case i == nil:
		return nil
	case i.Name == name && slices.Contains(n.facts.OVSBridges, i.Master):
		return desired.OVSPortInTheWay(name, i.Master)
	default:
		return desired.LinkInTheWay(name, i.Name, i.Kind)
	}
}
