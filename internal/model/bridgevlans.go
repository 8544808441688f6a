package model

import "slices"

// BridgeVLANs is a bridge that separates VLANs (a VLAN-aware Linux bridge or an Open vSwitch
// bridge) with the VLANs of its ports. Ports of guests and of Viaduct, and the node's own
// ports (internal ports of Open vSwitch), are left out.
type BridgeVLANs struct {
	// Bridge is its name.
	Bridge string `json:"bridge"`
	// Native is the VLAN of the node's own untagged frames on a VLAN-aware bridge; 0
	// without one, and always 0 for Open vSwitch.
	Native int `json:"native,omitempty"`
	// Ports are sorted by name.
	Ports []PortVLANs `json:"ports,omitempty"`
}

// PortVLANs is a port of such a bridge.
type PortVLANs struct {
	Name string `json:"name"`
	// Kind is as in Interface.Kind, or the Open vSwitch interface type ("patch", "vxlan",
	// "dpdk"); a port with several interfaces is a "bond".
	Kind string `json:"kind,omitempty"`
	// Peer is the other end of a patch, a port of another Open vSwitch bridge.
	Peer string `json:"peer,omitempty"`
	// Tagged are the VLANs that the port carries tagged, in ascending order. Native is the
	// VLAN of untagged frames; 0 if the port rejects them.
	Tagged []VLANRange `json:"tagged,omitempty"`
	Native int         `json:"native,omitempty"`
}

// VLANRange is a range of VLANs, 1 to 4094; a single VLAN has First equal to Last.
type VLANRange struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Carries reports whether the port carries a VLAN with its tag.
func (p *PortVLANs) Carries(vlan int) bool {
	return slices.ContainsFunc(p.Tagged, func(r VLANRange) bool { return r.First <= vlan && vlan <= r.Last })
}

// LeadsOff reports whether a port may lead off the node, by the kind of its interface, and
// whether that is sure: it is for a network card, a bond, a VLAN on either, a tunnel, or a
// patch to the bridge with the card. A veth or netkit pair may lead into a container, or to
// the network outside if the node itself is a container. A tap belongs to a virtual machine,
// and a dummy leads nowhere.
func (p *PortVLANs) LeadsOff() (may, sure bool) {
	switch p.Kind {
	case "tun", "tap", "macvtap", "dummy", "ifb", "internal", "dpdkvhostuser", "dpdkvhostuserclient":
		return false, false
	case "veth", "netkit":
		return true, false
	}
	return true, true
}

// VLANsOf returns the VLANs of a bridge's ports; nil if the bridge does not separate VLANs, or
// if the node's agent is of a release that does not report them.
func (f *Facts) VLANsOf(bridge string) *BridgeVLANs {
	for i := range f.BridgeVLANs {
		if f.BridgeVLANs[i].Bridge == bridge {
			return &f.BridgeVLANs[i]
		}
	}
	return nil
}

// Uplinks returns the ports that surely lead off the node or, if there are none, those that
// may. On a bridge with a network card, a container's port gives no information about the
// outside network.
func (b *BridgeVLANs) Uplinks() []*PortVLANs {
	var sure, may []*PortVLANs
	for i := range b.Ports {
		p := &b.Ports[i]
		switch some, certain := p.LeadsOff(); {
		case certain:
			sure = append(sure, p)
		case some:
			may = append(may, p)
		}
	}
	if len(sure) > 0 {
		return sure
	}
	return may
}
