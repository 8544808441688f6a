package compile

import (
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// qinq compiles a VNet of a QinQ zone. The zone has a VLAN-aware bridge of its
// own, with the service VLAN of the carrying bridge as uplink; a VNet is one VLAN of
// it, or its untagged frames (Proxmox VE SDN manual, "QinQ Zones").
func (n *zoneBuilder) qinq(z *model.Zone, v *model.VNet) {
	t := n.trunk(z)
	if !n.bridge(v, t.mtu, true) {
		return
	}
	ref := model.Ref(model.KindVNet, v.ID)
	if t.carrier == carrierOVS && (n.lacks(model.FeatureVLANFiltering) || n.lacks(model.FeatureVLAN)) {
		n.qinqOnOVS(z, t, v)
		return
	}
	if !n.qinqBridge(z, t) {
		n.noteOf(fault.Consequence, LevelError, ref, msgVNetLocalNoServiceVLAN, n.name, z.ID)
		return
	}
	zone := naming.ServiceBridge.Of(z.ID)
	if v.Tag != 0 {
		if !n.needs(ref, model.FeatureVLAN) {
			return
		}
		d := desired.VLAN{Parent: zone, ID: v.Tag, Self: true}
		n.link(desired.Link{
			Name: n.vlanName(naming.VLAN(zone, v.Tag), naming.ServiceUplink.Of(v.ID), d), Kind: desired.LinkVLAN, Owner: ref,
			MTU: t.mtu, Master: v.ID, NoLinkLocal: true, Port: uplinkPort(v), VLAN: &d,
		})
		return
	}
	// The port carries the VNets' VLANs only to a VNet that asks for VLANs: others
	// would be sent every broadcast of the zone.
	if !n.needs(ref, model.FeatureVeth) {
		return
	}
	inside, outside := naming.Outer.Of(z.ID), naming.Inner.Of(z.ID)
	if n.link(desired.Link{Name: inside, Kind: desired.LinkVeth, Owner: ref, MTU: t.mtu, Master: v.ID, NoLinkLocal: true,
		Port: uplinkPort(v), Veth: &desired.Veth{Peer: outside}}) {
		n.link(desired.Link{Name: outside, Kind: desired.LinkVeth, Owner: ref, MTU: t.mtu, Master: zone, NoLinkLocal: true,
			Port: uplinkPort(v), Veth: &desired.Veth{Peer: inside}})
	}
}

// qinqOnOVS compiles a VNet of a QinQ zone on a kernel without VLANs: Open vSwitch
// has them all the same, so the zone's bridge is one of its own, joined to the
// carrying bridge by a patch.
func (n *zoneBuilder) qinqOnOVS(z *model.Zone, t *trunk, v *model.VNet) {
	zone, outer, inner := naming.ServiceBridge.Of(z.ID), naming.Service.Of(z.ID), naming.ServicePatch.Of(z.ID)
	if !t.uplink {
		ref := model.Ref(model.KindZone, z.ID)
		for _, name := range []string{zone, outer, inner} {
			if pattern := n.reserved(name); pattern != "" {
				n.note(LevelError, ref, msgInterfaceReservedForZone, name, n.name, pattern)
				return
			}
		}
		t.uplink = true
		n.out.OVSBridges = append(n.out.OVSBridges, desired.OVSBridge{Name: zone, Like: t.bridge, Owner: ref})
		n.out.OVSPorts = append(n.out.OVSPorts,
			desired.OVSPort{Name: outer, Bridge: t.bridge, Peer: inner, Tag: z.Tag, QinQ: true, EtherType: etherType(z), Owner: ref},
			desired.OVSPort{Name: inner, Bridge: zone, Peer: outer, Owner: ref})
	}
	n.ovsPort(desired.OVSPort{Name: naming.Inner.Of(v.ID), Bridge: zone, Tag: v.Tag, MTU: z.MTU, Owner: model.Ref(model.KindVNet, v.ID)}, v.ID, false)
}

// etherType is the type of a zone's service VLAN.
func etherType(z *model.Zone) string {
	if z.VLANProtocol == "" {
		return model.Protocol8021Q
	}
	return z.VLANProtocol
}

// qinqBridge adds the zone's bridge with its service VLAN, once, and reports
// whether the node has them.
func (n *zoneBuilder) qinqBridge(z *model.Zone, t *trunk) bool {
	if t.compiled || t.carrier == carrierNone {
		return t.uplink
	}
	t.compiled = true
	ref := model.Ref(model.KindZone, z.ID)
	zone := naming.ServiceBridge.Of(z.ID)
	device := model.FeatureVLAN
	if z.VLANProtocol == model.Protocol8021AD && t.carrier != carrierOVS {
		device = model.FeatureVLANAD
	}
	if !n.needs(ref, model.FeatureVLANFiltering, device) {
		return false
	}
	if !n.link(desired.Link{Name: zone, Kind: desired.LinkBridge, Owner: ref, MTU: t.mtu, NoLinkLocal: true, Bridge: &desired.Bridge{VLANFiltering: true}}) {
		return false
	}
	t.uplink = true
	all := &desired.BridgePort{AllVLANs: true}
	switch t.carrier {
	case carrierOVS:
		n.ovsPort(desired.OVSPort{Name: naming.Service.Of(z.ID), Bridge: t.bridge, Tag: z.Tag, QinQ: true, EtherType: etherType(z), MTU: z.MTU, Owner: ref}, zone, true)
	case carrierAware:
		n.joinAware(awareVLAN{
			owner: ref, bridge: t.bridge, tag: z.Tag, protocol: z.VLANProtocol, mtu: t.mtu, master: zone, port: all, innerTags: true,
			usual: naming.VLAN(t.bridge, z.Tag), other: naming.Service.Of(z.ID), inside: naming.ServiceInner.Of(z.ID), outside: naming.ServiceOuter.Of(z.ID),
		})
	case carrierPlain:
		n.qinqOnPlain(z, t, all)
	case carrierNone:
	}
	return true
}

// qinqOnPlain joins the zone's bridge to its service VLAN on each port of a plain bridge,
// or to the bridge that the node has over it.
func (n *zoneBuilder) qinqOnPlain(z *model.Zone, t *trunk, all *desired.BridgePort) {
	ref, zone := model.Ref(model.KindZone, z.ID), naming.ServiceBridge.Of(z.ID)
	shared, free := n.bridgeOfVLAN(ref, t, z.Tag, z.VLANProtocol, naming.VLANBridge(t.bridge, z.Tag))
	switch {
	case !free:
		return
	case shared != nil:
		if n.needs(ref, model.FeatureVeth) {
			n.pair(ref, t.mtu, [2]string{naming.ServiceInner.Of(z.ID), naming.ServiceOuter.Of(z.ID)}, zone, all, shared.Name, true)
		}
		return
	}
	for i, port := range t.ports {
		name := naming.Service.Of(z.ID)
		if i > 0 {
			name = naming.Service.OnPort(i, z.ID)
		}
		n.link(desired.Link{Name: naming.Fit(name, naming.VLAN(port, z.Tag)), Kind: desired.LinkVLAN, Owner: ref, MTU: t.mtu, Master: zone, NoLinkLocal: true, Port: all,
			VLAN: &desired.VLAN{Parent: port, ID: z.Tag, Protocol: z.VLANProtocol}})
	}
}

// sameProtocol compares two types of VLAN; empty means 802.1q.
func sameProtocol(a, b string) bool {
	return (a == model.Protocol8021AD) == (b == model.Protocol8021AD)
}
