package compile

import (
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// carrier is what kind of bridge carries the VLANs of a zone.
type carrier int

const (
	carrierNone  carrier = iota // there is none
	carrierPlain                // a Linux bridge that knows nothing of VLANs
	carrierAware                // a VLAN-aware Linux bridge
	carrierOVS                  // an Open vSwitch bridge
)

// trunk is the bridge of a VLAN or QinQ zone on the node.
type trunk struct {
	bridge  string
	carrier carrier
	// mtu of the zone's VNets in bytes; 0 if the bridge is not known.
	mtu int
	// ports are the interfaces by which a plain bridge leads off the node.
	ports []string
	// compiled is true for a QinQ zone after its own bridge was compiled, and uplink if
	// the node has it.
	compiled, uplink bool
}

// serviceTag is the size of a second VLAN tag, in bytes (IEEE 802.1ad).
const serviceTag = 4

// userspacePort is the kind of an interface of an Open vSwitch bridge that works
// in user space. Such a bridge sends by a packet socket, which lets a frame exceed
// the MTU by a tag only if the outermost tag is 802.1Q's (the kernel's
// packet_snd); otherwise the inner tag too needs room within the MTU.
const (
	userspacePort = "tun"
	innerTag      = 4
)

// trunk works out the bridge of a zone, once.
func (n *zoneBuilder) trunk(z *model.Zone) *trunk {
	if t := n.trunks[z.ID]; t != nil {
		return t
	}
	t := &trunk{bridge: z.Bridge, mtu: z.MTU}
	n.trunks[z.ID] = t
	ref := model.Ref(model.KindZone, z.ID)
	b := n.facts.Interface(z.Bridge)
	switch {
	case slices.Contains(n.facts.OVSBridges, z.Bridge):
		t.carrier = carrierOVS
	case b != nil && slices.Contains(n.facts.OVSBridges, b.Master):
		n.note(LevelError, ref, msgBridgeIsOVSPort, z.Bridge, n.name, b.Master)
		return t
	case b == nil:
		n.noteOf(fault.Link, LevelError, ref, msgBridgeMissing, n.name, z.Bridge)
		return t
	case b.Kind == "openvswitch":
		n.noteOf(fault.Lacking, LevelError, ref, msgOVSNotRunning, z.Bridge, n.name)
		return t
	case b.Kind != "bridge":
		n.note(LevelError, ref, msgBridgeNotABridge, z.Bridge, n.name, kindWord(b.Kind))
		return t
	case b.VLANFiltering:
		t.carrier = carrierAware
	default:
		t.carrier = carrierPlain
		t.ports = n.portsOf(z.Bridge)
	}
	n.trunkPorts(z, t)
	n.trunkMTU(z, t, b)
	return t
}

// trunkPorts warns of a bridge without a port off the node, or without what all VNets of
// the zone need.
func (n *node) trunkPorts(z *model.Zone, t *trunk) {
	ref := model.Ref(model.KindZone, z.ID)
	b := n.facts.VLANsOf(t.bridge)
	switch {
	case t.carrier == carrierPlain && len(t.ports) == 0, b != nil && len(b.Uplinks()) == 0:
		n.noteOf(fault.Link, LevelWarning, ref, msgBridgeWithoutUplink, z.Bridge, n.name)
	case t.carrier == carrierPlain:
		n.noteGaps(ref, t.bridge, n.plainGaps(t.ports))
	case b == nil || z.Type != model.ZoneQinQ:
	case t.carrier == carrierAware && !sameProtocol(n.facts.Interface(t.bridge).VLANProtocol, z.VLANProtocol):
		n.untaggedCarried(ref, b)
	default:
		n.carried(ref, t.bridge, z.Tag)
	}
}

func kindWord(kind string) string {
	if kind == "" {
		return "a network card"
	}
	return "a " + kind
}

// portsOf lists the interfaces that are ports of a bridge; guests' are no facts.
func (n *node) portsOf(bridge string) []string {
	var out []string
	for _, i := range n.facts.Interfaces {
		if i.Master == bridge {
			out = append(out, i.Name)
		}
	}
	return out
}

// trunkMTU sets the MTU: as declared, or what the bridge has. A second tag needs
// room in the frame that network cards do not promise.
func (n *node) trunkMTU(z *model.Zone, t *trunk, b *model.Interface) {
	if b == nil || b.MTU == 0 {
		return
	}
	ref := model.Ref(model.KindZone, z.ID)
	fits, reason := b.MTU, fmt.Sprintf("that of bridge %s", b.Name)
	if z.Type == model.ZoneQinQ {
		room := serviceTag
		if t.carrier == carrierOVS && b.Kind == userspacePort && z.VLANProtocol == model.Protocol8021AD {
			room += innerTag
		}
		fits -= room
		reason = fmt.Sprintf("%d bytes of bridge %s less %d for the service tag", b.MTU, b.Name, room)
	}
	switch {
	case z.MTU == 0:
		t.mtu = fits
		if z.Type == model.ZoneQinQ {
			n.note(LevelInfo, ref, msgMTUComputed, fits, reason)
		}
	case z.MTU > b.MTU:
		t.mtu = b.MTU
		n.note(LevelWarning, ref, msgMTUAboveBridge, z.MTU, b.Name, n.name, b.MTU)
	}
}

// vlan compiles a VNet of a VLAN zone: a bridge with one VLAN of the zone's bridge as
// uplink (Proxmox VE SDN manual, "VLAN Zones").
func (n *zoneBuilder) vlan(z *model.Zone, v *model.VNet) {
	t := n.trunk(z)
	if !n.bridge(v, t.mtu, true) {
		return
	}
	ref := model.Ref(model.KindVNet, v.ID)
	if t.carrier == carrierNone {
		n.noteOf(fault.Consequence, LevelError, ref, msgVNetLocalNoBridge, n.name, z.ID)
		return
	}
	switch t.carrier {
	case carrierOVS:
		p := desired.OVSPort{Name: naming.Inner.Of(v.ID), Bridge: t.bridge, Tag: v.Tag, MTU: z.MTU, Owner: ref}
		if v.VLANAware {
			p.QinQ, p.EtherType = true, model.Protocol8021Q
		}
		n.ovsPort(p, v.ID, v.VLANAware)
		n.silentBridge(ref, v.ID) // the node's own address may be on another internal port of the VLAN
		n.carried(ref, t.bridge, v.Tag)
	case carrierAware:
		n.joinAware(awareVLAN{
			owner: ref, bridge: t.bridge, tag: v.Tag, mtu: t.mtu, master: v.ID, port: uplinkPort(v), device: model.FeatureVLAN, innerTags: v.VLANAware,
			usual: naming.VLAN(t.bridge, v.Tag), other: naming.VLANUplink.Of(v.ID), inside: naming.Inner.Of(v.ID), outside: naming.Outer.Of(v.ID),
		})
		if sameProtocol(n.facts.Interface(t.bridge).VLANProtocol, "") {
			n.carried(ref, t.bridge, v.Tag)
		}
	case carrierPlain:
		n.vlanOnPlainBridge(t, v)
	case carrierNone: // the zone has said why
	}
}

// vlanName is the name of a VLAN device: the usual one, or the other where that is too
// long or in use by an interface that carries something else.
func (n *zoneBuilder) vlanName(usual, other string, v desired.VLAN) string {
	l, existing := n.table[usual]
	if n.facts.Named(usual) != nil || existing && (l.VLAN == nil || l.VLAN.Parent != v.Parent || l.VLAN.ID != v.ID || !sameProtocol(l.VLAN.Protocol, v.Protocol)) {
		return other
	}
	return naming.Fit(usual, other)
}

// ovsPort adds an internal port of an Open vSwitch bridge and joins the
// interface that appears with it to one of Viaduct's bridges.
func (n *zoneBuilder) ovsPort(p desired.OVSPort, bridge string, allVLANs bool) {
	if pattern := n.reserved(p.Name); pattern != "" {
		n.note(LevelError, p.Owner, msgInterfaceReserved, p.Name, n.name, pattern)
		return
	}
	if c := n.portConflict(p.Name); c != nil {
		n.withhold(fault.Foreign, p.Owner, c.Report())
		return
	}
	n.out.OVSPorts = append(n.out.OVSPorts, p)
	n.out.Ports = append(n.out.Ports, desired.Port{Names: []string{p.Name}, Bridge: bridge, AllVLANs: allVLANs, Owner: p.Owner})
}
