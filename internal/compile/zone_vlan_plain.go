package compile

import (
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// vlanOnPlainBridge gives a VNet a VLAN of a bridge that is not VLAN-aware: an
// additional bridge, over the VLAN of each of its ports, that a veth pair joins to
// the VNet. Proxmox uses such a bridge for guests with a tag too, so an existing one
// is shared.
func (n *zoneBuilder) vlanOnPlainBridge(t *trunk, v *model.VNet) {
	ref := model.Ref(model.KindVNet, v.ID)
	usual := naming.VLANBridge(t.bridge, v.Tag)
	beside := naming.Fit(usual, naming.PlainBridge.Of(v.ID))
	if !n.needs(ref, model.FeatureVeth, model.FeatureVLAN) {
		return
	}
	foreign := n.facts.Interface(beside)
	if foreign == nil {
		shared, free := n.bridgeOfVLAN(ref, t, v.Tag, "", usual)
		if !free {
			return
		}
		foreign = shared
	}
	switch {
	case foreign == nil:
		if !n.addPlainVLANBridge(ref, beside, t, v.Tag, v.ID) {
			return
		}
	case foreign.Kind != string(desired.LinkBridge):
		n.withhold(fault.Foreign, ref, desired.LinkInTheWay(beside, foreign.Name, foreign.Kind).Report())
		return
	default:
		beside = foreign.Name
	}
	n.pair(ref, t.mtu, [2]string{naming.Inner.Of(v.ID), naming.Outer.Of(v.ID)}, v.ID, uplinkPort(v), beside, foreign != nil)
	if foreign != nil {
		n.silentBridge(ref, v.ID)
	}
}

// addPlainVLANBridge adds the bridge over the VLAN of each of a plain bridge's ports.
func (n *zoneBuilder) addPlainVLANBridge(ref, beside string, t *trunk, tag int, id string) bool {
	if !n.link(desired.Link{Name: beside, Kind: desired.LinkBridge, Owner: ref, MTU: t.mtu, NoLinkLocal: true, Bridge: &desired.Bridge{}}) {
		return false
	}
	for i, port := range t.ports {
		v := desired.VLAN{Parent: port, ID: tag}
		n.link(desired.Link{
			Name: n.vlanName(naming.VLAN(port, tag), naming.Uplink.OnPort(i, id), v), Kind: desired.LinkVLAN, Owner: ref,
			MTU: t.mtu, Master: beside, NoLinkLocal: true, VLAN: &v,
		})
	}
	return true
}

// pair joins one of Viaduct's bridges to a second bridge by a veth pair.
func (n *zoneBuilder) pair(ref string, mtu int, names [2]string, inner string, port *desired.BridgePort, outer string, foreign bool) {
	if n.link(desired.Link{Name: names[0], Kind: desired.LinkVeth, Owner: ref, MTU: mtu, Master: inner, NoLinkLocal: true,
		Port: port, Veth: &desired.Veth{Peer: names[1]}}) {
		out := desired.Link{Name: names[1], Kind: desired.LinkVeth, Owner: ref, MTU: mtu, Master: outer, ForeignMaster: foreign, NoLinkLocal: true, Veth: &desired.Veth{Peer: names[0]}}
		if foreign {
			out.MAC, out.MTU = n.guestMAC(out.Name), n.outerMTU(outer)
		}
		n.link(out)
	}
}

// bridgeOfVLAN finds the node's own bridge over a VLAN of the ports of a plain bridge; nil
// if the VLAN is free. A VLAN that the node has without a bridge cannot be shared, and free
// is false then: its interface receives the frames before any bridge.
func (n *zoneBuilder) bridgeOfVLAN(ref string, t *trunk, tag int, tagType, beside string) (shared *model.Interface, free bool) {
	for _, port := range t.ports {
		i := n.holder(port, tag, tagType)
		if i == nil {
			continue
		}
		if m := n.facts.Interface(i.Master); m != nil && m.Kind == string(desired.LinkBridge) && !m.VLANFiltering {
			shared = m
			continue
		}
		n.withhold(fault.Foreign, ref, msgVLANOfNode.Of(tag, port, t.bridge, n.name, withAddresses(i), beside, i.Name, naming.VLAN(t.bridge, tag)))
		return nil, false
	}
	return shared, true
}

// plainGaps finds where the ports of a plain bridge end, if all of them are VLANs of
// bridges that do not carry these.
func (n *node) plainGaps(ports []string) []gap {
	var out []gap
	for _, name := range ports {
		i := n.facts.Interface(name)
		if i == nil || i.VLAN == nil {
			return nil
		}
		g := n.gaps(i.VLAN.Parent, i.VLAN.ID)
		if len(g) == 0 {
			return nil
		}
		out = append(out, g...)
	}
	return out
}
