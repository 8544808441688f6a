package model

import (
	"net/netip"
	"strconv"
	"strings"
)

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
	// Resolvers are the name servers that the node itself asks, in their order.
	Resolvers []netip.Addr `json:"resolvers,omitempty"`
	// FRR is the routing suite that is installed; nil without one.
	FRR *FRRFacts `json:"frr,omitempty"`
	// OVS tells that Open vSwitch answers; OVSBridges are its bridges, sorted.
	OVS        bool     `json:"ovs,omitempty"`
	OVSBridges []string `json:"ovsBridges,omitempty"`
	// BridgeVLANs are the VLANs of the ports of bridges that tell them apart, sorted by
	// bridge. Agents of earlier releases do not report them.
	BridgeVLANs []BridgeVLANs `json:"bridgeVLANs,omitempty"`
	// FRRLocal is the text of the operator's own FRR configuration,
	// frr.conf.local. It may hold passwords and stays on the node.
	FRRLocal string `json:"-"`
}

// FRRFacts is what a node's FRR can do.
type FRRFacts struct {
	// Version is the release: "8.4.4".
	Version string `json:"version"`
	// AutoRT tells that it is Proxmox's own build, which has "autort as".
	AutoRT bool `json:"autoRT,omitempty"`
	// ASN is the AS number of a BGP router outside all VRFs that the node's operator has
	// configured; 0 without one.
	ASN int `json:"asn,omitempty"`
}

// IPv6Tunnels tells whether EVPN tunnels may run over IPv6, which FRR knows from
// release 10.6 on (https://github.com/FRRouting/frr/pull/19721).
func (f *FRRFacts) IPv6Tunnels() bool {
	return f.since10(6, false)
}

// InternalLocalAS tells whether iBGP sessions may show another AS number than
// the router's ("local-as" equal to "remote-as"): FRR 8.4 refuses it, 10.3 takes
// it. An unknown release is trusted.
func (f *FRRFacts) InternalLocalAS() bool {
	return f.since10(0, true)
}

// StuckBFD tells whether an iBGP session between neighbours of one network that BFD
// watches never comes up: releases 10.2 to 10.3 wait for BFD, whose two ends speak
// of one hop and of several (https://github.com/FRRouting/frr/issues/18742).
func (f *FRRFacts) StuckBFD() bool {
	return f.since10(2, false) && !f.since10(4, false) && (!f.since10(3, false) || f.Version == "10.3" || f.Version == "10.3.0")
}

// RestartsEVPN tells whether peers keep EVPN routes while bgpd restarts, which FRR can
// from release 10.6 on (https://github.com/FRRouting/frr/pull/19778).
func (f *FRRFacts) RestartsEVPN() bool {
	return f.since10(6, false)
}

// since10 reports whether the release is 10 with the given second number, or a later
// one; unknown is the answer for one that cannot be read.
func (f *FRRFacts) since10(minor int, unknown bool) bool {
	x, rest, _ := strings.Cut(f.Version, ".")
	y, _, _ := strings.Cut(rest, ".")
	y = strings.TrimRightFunc(y, func(r rune) bool { return r < '0' || r > '9' })
	a, err1 := strconv.Atoi(x)
	b, err2 := strconv.Atoi(y)
	if err1 != nil || err2 != nil {
		return unknown
	}
	return a > 10 || a == 10 && b >= minor
}

// MaxFactRoutes bounds Facts.Routes.
const MaxFactRoutes = 512

// Interface is one network interface of a node.
type Interface struct {
	Name string `json:"name"`
	// MTU in bytes.
	MTU int    `json:"mtu"`
	MAC string `json:"mac,omitempty"`
	Up  bool   `json:"up,omitempty"`
	// Kind is what made it: "bridge", "bond", "vlan", "openvswitch"; empty for
	// hardware.
	Kind string `json:"kind,omitempty"`
	// Master is the bridge, bond or VRF that the interface belongs to; of a port
	// of an Open vSwitch bridge it is that bridge.
	Master string `json:"master,omitempty"`
	// AltNames are other names of the interface (ip link: altname).
	AltNames []string `json:"altNames,omitempty"`
	// VLAN is what a VLAN device carries; nil for other interfaces.
	VLAN *VLANDevice `json:"vlan,omitempty"`
	// VLANFiltering tells of a bridge that it is VLAN-aware.
	VLANFiltering bool `json:"vlanFiltering,omitempty"`
	// VLANProtocol is the type of VLAN that such a bridge filters by: 802.1ad, or
	// empty for 802.1q.
	VLANProtocol string         `json:"vlanProtocol,omitempty"`
	Addresses    []netip.Prefix `json:"addresses,omitempty"`
	// AcceptRA tells whether the interface takes router advertisements: 0 not,
	// 1 as long as it does not forward, 2 always (ip-sysctl, accept_ra).
	AcceptRA int `json:"acceptRA,omitempty"`
	// NoForwarding tells that the interface does not forward IPv4 although the node
	// does (ip-sysctl, conf/INTERFACE/forwarding).
	NoForwarding bool `json:"noForwarding,omitempty"`
}

// VLANDevice is the VLAN that an interface carries, of which the kernel makes one
// interface only.
type VLANDevice struct {
	// Parent is the interface whose VLAN it is, ID the VLAN.
	Parent string `json:"parent"`
	ID     int    `json:"id"`
	// Protocol is the type of the tag: 802.1ad, or empty for 802.1q.
	Protocol string `json:"protocol,omitempty"`
}

// FactRoute is one unicast route of a node's main table. A route with several next
// hops is one for each interface that it leads out by.
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
	// FeatureNFTBridge is nftables on bridges, and FeatureNFTBridgeState that rules
	// there know the bridge and the conversation of a frame.
	FeatureNFTBridge      Feature = "nftables-bridge"
	FeatureNFTBridgeState Feature = "nftables-bridge-state"
	FeatureVLAN           Feature = "vlan"        // module 8021q
	FeatureVLANAD         Feature = "vlan-8021ad" // 802.1ad VLAN devices
	FeatureVRF            Feature = "vrf"
	FeatureVeth           Feature = "veth"
	FeatureDummy          Feature = "dummy"
)

// featureWords says what features are to an operator, and what of the kernel they
// come from.
var featureWords = map[Feature][2]string{
	FeatureBridge:         {"bridges", "module bridge"},
	FeatureVXLAN:          {"VXLAN devices", "module vxlan"},
	FeatureVLANFiltering:  {"VLAN filtering on bridges", "kernel option CONFIG_BRIDGE_VLAN_FILTERING"},
	FeatureNFTNAT:         {"nftables with NAT (to keep zones apart and for SNAT)", "module nft_masq or nft_ct"},
	FeatureNFTBridge:      {"nftables on bridges (to filter inside VNets)", "kernel option CONFIG_NF_TABLES_BRIDGE"},
	FeatureNFTBridgeState: {"nftables that know VNets and connections (for rules inside the VNet; those for routed traffic are in force)", "module nf_conntrack_bridge or nft_meta_bridge"},
	FeatureVLAN:           {"VLAN devices", "module 8021q"},
	FeatureVLANAD:         {"802.1ad VLAN devices", "module 8021q"},
	FeatureVRF:            {"VRFs", "module vrf"},
	FeatureVeth:           {"veth devices", "module veth"},
	FeatureDummy:          {"dummy devices", "module dummy"},
}

// Words are what the feature is to an operator ("VRFs"), and what of the kernel it
// comes from ("module vrf").
func (f Feature) Words() (what, part string) {
	w := featureWords[f]
	return w[0], w[1]
}
