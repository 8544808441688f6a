package api

import (
	"net/netip"
	"time"
)

// Address is an IP address that somebody has.
type Address struct {
	Zone string     `json:"zone"`
	VNet string     `json:"vnet,omitempty"`
	IP   netip.Addr `json:"ip"`
	// MAC is the hardware address of the NIC, Guest and NIC whose it is ("100",
	// "net0"), Name the host name; empty as far as nobody said so.
	MAC   string `json:"mac,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	Name  string `json:"name,omitempty"`
	// Gateway marks the gateway of a subnet: nobody gave it, it follows from that.
	Gateway bool `json:"gateway,omitempty"`
	// Since is when it was given.
	Since time.Time `json:"since,omitzero"`
	// IPAM is the external system that has it too.
	IPAM string `json:"ipam,omitempty"`
	// Domain is where the name is registered with a name server.
	Domain string `json:"domain,omitempty"`
}

// AddressRequest asks for addresses of a NIC in a VNet.
type AddressRequest struct {
	VNet string `json:"vnet"`
	// MAC, or Guest and NIC, say whose they are to be.
	MAC   string `json:"mac,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	Name  string `json:"name,omitempty"`
	// IP is a certain address. Without, the NIC gets a free one of each family that it
	// has none of.
	IP netip.Addr `json:"ip,omitzero"`
	// Move gives IP in place of the address of its family that the NIC has.
	Move bool `json:"move,omitempty"`
}

// Usage is how much of a subnet is used.
type Usage struct {
	Subnet string       `json:"subnet"`
	Zone   string       `json:"zone"`
	VNet   string       `json:"vnet"`
	CIDR   netip.Prefix `json:"cidr"`
	// Used counts the addresses that somebody has, Size those that can be given: in
	// its ranges, if it has any. Size is at most 2^53, beyond which numbers in JSON are
	// not exact; then SizeLog2 is the binary logarithm of what it really is: 64 for an
	// IPv6 /64.
	Used     int64   `json:"used"`
	Size     int64   `json:"size"`
	SizeLog2 float64 `json:"size-log2,omitempty"`
}

// ImportResult is what became of addresses that were to be taken over.
type ImportResult struct {
	// Added counts those that are new, Known those that were there already.
	Added int `json:"added"`
	Known int `json:"known"`
	// Refused says why the others were not taken over.
	Refused []string `json:"refused,omitempty"`
}
