package api

import (
	"net/netip"
	"time"
)

// Address is an allocated IP address.
type Address struct {
	Zone string     `json:"zone"`
	VNet string     `json:"vnet,omitempty"`
	IP   netip.Addr `json:"ip"`
	// MAC is the MAC address of the NIC, Guest and NIC identify the owner ("100",
	// "net0"), Name is the host name; empty if unknown.
	MAC   string `json:"mac,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	Name  string `json:"name,omitempty"`
	// Gateway marks the gateway of a subnet: it was not allocated, but follows from the
	// subnet.
	Gateway bool `json:"gateway,omitempty"`
	// Since is when it was allocated.
	Since time.Time `json:"since,omitzero"`
	// IPAM is the external system that also holds it.
	IPAM string `json:"ipam,omitempty"`
	// Domain is where the name is registered with a DNS server.
	Domain string `json:"domain,omitempty"`
}

// AddressRequest requests addresses for a NIC in a VNet.
type AddressRequest struct {
	VNet string `json:"vnet"`
	// MAC, or Guest and NIC, identify the owner.
	MAC   string `json:"mac,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	Name  string `json:"name,omitempty"`
	// IP requests a certain address. Otherwise, the NIC gets a free one of each family
	// that it has no address of.
	IP netip.Addr `json:"ip,omitzero"`
	// Move replaces the NIC's address of the family of IP by IP.
	Move bool `json:"move,omitempty"`
}

// Usage is how much of a subnet is used.
type Usage struct {
	Subnet string       `json:"subnet"`
	Zone   string       `json:"zone"`
	VNet   string       `json:"vnet"`
	CIDR   netip.Prefix `json:"cidr"`
	// Used counts the allocated addresses, Size the allocatable ones: in its ranges, if
	// it has any. Size is at most 2^53, beyond which numbers in JSON are not exact; then
	// SizeLog2 is the binary logarithm of the real size: 64 for an IPv6 /64.
	Used     int64   `json:"used"`
	Size     int64   `json:"size"`
	SizeLog2 float64 `json:"size-log2,omitempty"`
}

// ImportResult is the result of an import of addresses.
type ImportResult struct {
	// Added counts those that are new, Known those that already existed.
	Added int `json:"added"`
	Known int `json:"known"`
	// Refused are the reasons why the others were not imported.
	Refused []string `json:"refused,omitempty"`
}
