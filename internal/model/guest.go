package model

import "net/netip"

// Guest is a virtual machine or container and the node it runs on.
type Guest struct {
	// ID is the guest's number (VMID), 100 to 999999999.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Node is where the guest runs; empty while it runs nowhere.
	Node string `json:"node,omitempty"`
	NICs []NIC  `json:"nics,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// NIC is one network interface of a guest. On the guest's node it is a link
// called veth<vmid>i<n>, tap<vmid>i<n> or fwpr<vmid>p<n>, the names Proxmox
// gives; the agent joins that link to the VNet's bridge.
type NIC struct {
	// ID is net0 to net31.
	ID   string `json:"id"`
	VNet string `json:"vnet"`
	// MAC is the guest's hardware address; empty if it is not known.
	MAC string `json:"mac,omitempty"`
	// IPs are the addresses the guest uses on this NIC.
	IPs []netip.Addr `json:"ips,omitempty"`
}

// KindGuest is the kind of Guest.
const KindGuest Kind = "guest"

func guestKind() *Descriptor {
	return &Descriptor{
		Kind: KindGuest,
		Live: true,
		slot: in(func(c *Config) *map[string]*Guest { return &c.Guests }),
	}
}

// ObjectKind implements Object.
func (*Guest) ObjectKind() Kind { return KindGuest }

// ObjectID implements Object.
func (g *Guest) ObjectID() string { return g.ID }
