package model

import (
	"net/netip"
	"slices"
)

// Binding describes one NIC in a VNet: its MAC address, its IP addresses and its name. Address
// management creates bindings from allocations and from the guests' declarations; nodes derive
// DHCP, DNS names and filters from them.
type Binding struct {
	Zone string `json:"zone"`
	VNet string `json:"vnet"`
	// MAC is in the form of NormalizeMAC and unique in a zone; empty if unknown.
	MAC string `json:"mac,omitempty"`
	// Guest and NIC own the binding, "100" and "net0"; empty if unknown.
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Node is where the guest runs; empty if unknown.
	Node string `json:"node,omitempty"`
	// Name is the host name: one DNS label or several, without the zone's domain.
	Name string `json:"name,omitempty"`
	// IPs are sorted: IPv4 first.
	IPs []netip.Addr `json:"ips,omitempty"`
}

// ID identifies a binding in the whole cluster: by zone and MAC address; without a MAC address
// by guest and NIC; without those by its first IP address.
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

// Equal reports whether two bindings, either of them possibly nil, have the same content.
func (b *Binding) Equal(o *Binding) bool {
	if b == nil || o == nil {
		return b == o
	}
	return b.Zone == o.Zone && b.VNet == o.VNet && b.MAC == o.MAC && b.Guest == o.Guest && b.NIC == o.NIC && b.Node == o.Node && b.Name == o.Name &&
		slices.Equal(b.IPs, o.IPs)
}
