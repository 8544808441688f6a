package model

import "slices"

// BridgeVLANs is a bridge that tells VLANs apart, VLAN-aware or of Open vSwitch, with
// the VLANs that its ports carry. Ports of guests and of Viaduct are left out, and the
// bridge's own ends on the node (internal ports of Open vSwitch).
type BridgeVLANs struct {
	// Bridge is its name.
	Bridge string `json:"bridge"`
	// Native is the VLAN of what the node itself sends and takes untagged by a
	// VLAN-aware bridge; 0 if there is none, and of Open vSwitch.
	Native int `json:"native,omitempty"`
	// Ports are sorted by name.
	Ports []PortVLANs `json:"ports,omitempty"`
}

// PortVLANs is a port of such a bridge.
type PortVLANs struct {
	Name string `json:"name"`
	// Kind is as of Interface, or for Open vSwitch's own kinds of interfaces theirs
	// ("patch", "vxlan", "dpdk"); a port of several interfaces is a "bond".
	Kind string `json:"kind,omitempty"`
	// Peer is the other end of a patch, a port of another Open vSwitch bridge.
	Peer string `json:"peer,omitempty"`
	// Tagged are the VLANs, in rising order, whose frames the port takes and sends with
	// their tag, and Native that of those without one; 0 if it takes no such frames.
	Tagged []VLANRange `json:"tagged,omitempty"`
	Native int         `json:"native,omitempty"`
}

// VLANRange is a range of VLANs, 1 to 4094; a single one is its own last.
type VLANRange struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Carries reports whether the port carries a VLAN with its tag.
func (p *PortVLANs) Carries(vlan int) bool {
	return slices.ContainsFunc(p.Tagged, func(r VLANRange) bool { return r.First <= vlan && vlan <= r.Last })
}

// LeadsOff reports whether a port leads off the node, by what kind of interface it is.
// A network card, a bond, a VLAN of one, a tunnel or a patch to the bridge that has the
// card does; sure tells so. A pair of veth devices may: it leads out of a container, or to
// the network that the node itself is a container in, as netkit does. A tap belongs to a virtual machine,
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

// VLANsOf returns what is known of the VLANs of a bridge's ports; nil if it is not of those
// that tell VLANs apart, or if the node's agent is of a release that does not look.
func (f *Facts) VLANsOf(bridge string) *BridgeVLANs {
	for i := range f.BridgeVLANs {
		if f.BridgeVLANs[i].Bridge == bridge {
			return &f.BridgeVLANs[i]
		}
	}
	return nil
}

// Uplinks are the ports by which the bridge leads off the node: those that do for sure,
// and only without any the others that may. In a bridge that has its network card, a
// container's port tells nothing of the network beyond.
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
