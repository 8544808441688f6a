package model

import (
	"net/netip"
	"slices"
)

// Binding is what is known of one NIC in a VNet: its hardware address, the addresses
// that it has, and its name. Address management makes bindings of what was allocated
// and of what guests declare; DHCP, names and filters are made of them on the nodes.
type Binding struct {
	Zone string `json:"zone"`
	VNet string `json:"vnet"`
	// MAC is the hardware address in the form of NormalizeMAC; empty if it is not
	// known. A zone has no two bindings with one.
	MAC string `json:"mac,omitempty"`
	// Guest and NIC are whose it is, "100" and "net0"; empty if nobody said so.
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Node is where the guest runs; empty if it is not known.
	Node string `json:"node,omitempty"`
	// Name is the host name: one DNS label or several, without the zone's domain.
	Name string `json:"name,omitempty"`
	// IPs are sorted: IPv4 first.
	IPs []netip.Addr `json:"ips,omitempty"`
}

// ID identifies a binding in the whole cluster: by its hardware address in a zone,
// without one by guest and NIC, and without those by its address.
func (b *Binding) ID() string {
	switch {
	case b.MAC != "":
		return b.Zone + "/" + b.MAC
	case b.Guest != "":
		return b.Zone + "/" + b.Guest + "." + b.NIC
	case len(b.IPs) > 0:
		return b.Zone + "/" + b.IPs[0].String()
	}
	return b.Zone + "/"
}

// Equal reports whether two bindings, of which either may be nil, say the same.
func (b *Binding) Equal(o *Binding) bool {
	if b == nil || o == nil {
		return b == o
	}
	return b.Zone == o.Zone && b.VNet == o.VNet && b.MAC == o.MAC && b.Guest == o.Guest && b.NIC == o.NIC && b.Node == o.Node && b.Name == o.Name &&
		slices.Equal(b.IPs, o.IPs)
}
