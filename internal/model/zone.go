package model

import "net/netip"

// ZoneType says how a zone separates its VNets.
type ZoneType string

// The zone types of this release.
const (
	// ZoneSimple is an isolated bridge on each node, a layer 3 routing bridge.
	ZoneSimple ZoneType = "simple"
	// ZoneVXLAN is a layer 2 overlay in UDP tunnels between nodes (RFC 7348).
	ZoneVXLAN ZoneType = "vxlan"
)

// ZoneTypes returns the known zone types, sorted.
func ZoneTypes() []ZoneType { return []ZoneType{ZoneSimple, ZoneVXLAN} }

// DefaultVXLANPort is the UDP port of a VXLAN zone that sets none (RFC 7348).
const DefaultVXLANPort = 4789

// IPAMBuiltin is the address management system that always exists.
const IPAMBuiltin = "pve"

// Zone is a virtually separated network area: Proxmox VE SDN manual, "Zones".
type Zone struct {
	// ID is a letter, then letters and digits: 2 to 8 characters as Proxmox
	// checks it; up to MaxZoneID are taken, with a warning.
	ID   string   `json:"id"`
	Type ZoneType `json:"type"`
	// Nodes restricts the zone to these nodes. Empty means every node.
	Nodes []string `json:"nodes,omitempty"`
	// MTU of the zone's VNets in bytes. 0 means computed: 1500 for a simple zone,
	// the underlay's less the encapsulation for an overlay.
	MTU int `json:"mtu,omitempty"`
	// IPAM, DNS, ReverseDNS and DNSZone name the address management system and
	// name servers of the zone's subnets.
	IPAM       string `json:"ipam,omitempty"`
	DNS        string `json:"dns,omitempty"`
	ReverseDNS string `json:"reversedns,omitempty"`
	DNSZone    string `json:"dnszone,omitempty"`
	// DHCP names the DHCP server of the zone: "dnsmasq" or empty.
	DHCP string `json:"dhcp,omitempty"`

	// Peers are the tunnel ends of a VXLAN zone: every node's address, and
	// those of external ends. Exactly one of Peers and Fabric is set.
	Peers []netip.Addr `json:"peers,omitempty"`
	// Fabric names the fabric that a VXLAN zone takes its tunnel ends from.
	Fabric string `json:"fabric,omitempty"`
	// VXLANPort is the UDP destination port, 1 to 65535; 0 means 4789.
	VXLANPort int `json:"vxlan-port,omitempty"`
}

// ObjectKind implements Object.
func (*Zone) ObjectKind() Kind { return KindZone }

// ObjectID implements Object.
func (z *Zone) ObjectID() string { return z.ID }

// OnNode reports whether the zone is deployed on the node.
func (z *Zone) OnNode(node string) bool {
	if len(z.Nodes) == 0 {
		return true
	}
	for _, n := range z.Nodes {
		if n == node {
			return true
		}
	}
	return false
}
