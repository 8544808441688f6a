package model

import "net/netip"

// Facts is what a node reports of itself. Together with the configuration it
// decides what compile makes for the node; interfaces, addresses and routes
// that Viaduct itself made are left out, so that applying a configuration does
// not change the facts it was compiled from.
type Facts struct {
	// Node is the node's name; Version and Kernel are the releases it runs.
	Node    string `json:"node"`
	Version string `json:"version,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// Features holds, for each capability probed, whether the node has it.
	Features map[Feature]bool `json:"features,omitempty"`
	// Interfaces are sorted by name.
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Routes are those of the main table that lead off the node, sorted.
	// A node with very many routes reports the widest MaxFactRoutes of them and
	// sets RoutesTruncated.
	Routes          []FactRoute `json:"routes,omitempty"`
	RoutesTruncated bool        `json:"routesTruncated,omitempty"`
}

// MaxFactRoutes bounds Facts.Routes.
const MaxFactRoutes = 512

// Interface is one network interface of a node.
type Interface struct {
	Name string `json:"name"`
	// MTU in bytes.
	MTU       int            `json:"mtu"`
	MAC       string         `json:"mac,omitempty"`
	Up        bool           `json:"up,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// AcceptRA tells whether the interface takes router advertisements: 0 not,
	// 1 as long as it does not forward, 2 always (ip-sysctl, accept_ra).
	AcceptRA int `json:"acceptRA,omitempty"`
}

// FactRoute is one unicast route of a node's main table.
type FactRoute struct {
	Dst netip.Prefix `json:"dst"`
	Dev string       `json:"dev"`
	// Src is the preferred source address, if the route has one.
	Src netip.Addr `json:"src,omitzero"`
	// MTU is the route's own limit in bytes; 0 means the device's.
	MTU    int `json:"mtu,omitempty"`
	Metric int `json:"metric,omitempty"`
}

// Feature is a capability of a node's kernel or userland.
type Feature string

// The features this release asks for.
const (
	FeatureBridge        Feature = "bridge"
	FeatureVXLAN         Feature = "vxlan"
	FeatureVLANFiltering Feature = "bridge-vlan-filtering"
	FeatureNFTNAT        Feature = "nftables-nat"
)
