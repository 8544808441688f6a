package model

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Facts is a node's report about itself. Compile derives the node's desired state from it and
// the configuration; interfaces, addresses and routes created by Viaduct are left out, so that
// applying a configuration does not change the facts it was compiled from.
type Facts struct {
	// Node is the node's name; Version and Kernel are the releases it runs.
	Node    string `json:"node"`
	Version string `json:"version,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// Features is, for each probed capability, whether the node has it.
	Features map[Feature]bool `json:"features,omitempty"`
	// Interfaces are sorted by name.
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Routes are those of the main table that lead off the node, sorted.
	// A node with very many routes reports the widest MaxFactRoutes of them and
	// sets RoutesTruncated.
	Routes          []FactRoute `json:"routes,omitempty"`
	RoutesTruncated bool        `json:"routesTruncated,omitempty"`
	// Resolvers are the DNS servers that the node itself uses, in order of preference.
	Resolvers []netip.Addr `json:"resolvers,omitempty"`
	// FRR is the installed routing suite; nil without one.
	FRR *FRRFacts `json:"frr,omitempty"`
	// OVS is true if Open vSwitch responds; OVSBridges are its bridges, sorted.
	OVS        bool     `json:"ovs,omitempty"`
	OVSBridges []string `json:"ovsBridges,omitempty"`
	// HAProxy is the release of the installed HAProxy ("2.6.12-1+deb12u4"); empty without one.
	HAProxy string `json:"haproxy,omitempty"`
	// BridgeVLANs are the VLANs of the ports of VLAN-separating bridges, sorted by bridge.
	// Agents of earlier releases do not report them.
	BridgeVLANs []BridgeVLANs `json:"bridgeVLANs,omitempty"`
	// FRRLocal is the text of the operator's own FRR configuration,
	// frr.conf.local. It may hold passwords and stays on the node.
	FRRLocal string `json:"-"`
}

// FRRFacts are the capabilities of a node's FRR.
type FRRFacts struct {
	// Version is the release: "8.4.4".
	Version string `json:"version"`
	// AutoRT is true for Proxmox's own build, which has "autort as".
	AutoRT bool `json:"autoRT,omitempty"`
	// ASN is the AS number of the operator's own BGP router in the default VRF; 0 without
	// one.
	ASN int `json:"asn,omitempty"`
}

// IPv6Tunnels reports whether EVPN tunnels may run over IPv6, which FRR supports since release
// 10.6 (https://github.com/FRRouting/frr/pull/19721).
func (f *FRRFacts) IPv6Tunnels() bool {
	return f.since10(6, false)
}

// InternalLocalAS reports whether iBGP sessions may present another AS number than the
// router's ("local-as" equal to "remote-as"): FRR 8.4 refuses it, 10.3 accepts it. It is true
// for an unknown release.
func (f *FRRFacts) InternalLocalAS() bool {
	return f.since10(0, true)
}

// StuckBFD reports whether an iBGP session with BFD between neighbours of one network never
// comes up: releases 10.2 to 10.3 wait for BFD, with one end in single-hop and the other in
// multihop mode (https://github.com/FRRouting/frr/issues/18742).
func (f *FRRFacts) StuckBFD() bool {
	return f.since10(2, false) && !f.since10(4, false) && (!f.since10(3, false) || f.Version == "10.3" || f.Version == "10.3.0")
}

// RestartsEVPN reports whether peers keep EVPN routes while bgpd restarts, which FRR supports
// since release 10.6 (https://github.com/FRRouting/frr/pull/19778).
func (f *FRRFacts) RestartsEVPN() bool {
	return f.since10(6, false)
}

// since10 reports whether the release is 10.minor or later; it returns unknown for a release
// that it cannot parse.
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
	// Kind is the link type: "bridge", "bond", "vlan", "openvswitch"; empty for hardware.
	Kind string `json:"kind,omitempty"`
	// Master is the bridge, bond or VRF that the interface belongs to; for a port of an
	// Open vSwitch bridge it is that bridge.
	Master string `json:"master,omitempty"`
	// AltNames are other names of the interface (ip link: altname).
	AltNames []string `json:"altNames,omitempty"`
	// VLAN describes a VLAN device; nil for other interfaces.
	VLAN *VLANDevice `json:"vlan,omitempty"`
	// VLANFiltering is true for a VLAN-aware bridge.
	VLANFiltering bool `json:"vlanFiltering,omitempty"`
	// VLANProtocol is the tag type by which such a bridge filters: 802.1ad, or empty for
	// 802.1q.
	VLANProtocol string         `json:"vlanProtocol,omitempty"`
	Addresses    []netip.Prefix `json:"addresses,omitempty"`
	// AcceptRA is whether the interface accepts router advertisements: 0 never, 1 unless
	// it forwards, 2 always (ip-sysctl, accept_ra).
	AcceptRA int `json:"acceptRA,omitempty"`
	// NoForwarding is true if the interface does not forward IPv4 although the node does
	// (ip-sysctl, conf/INTERFACE/forwarding).
	NoForwarding bool `json:"noForwarding,omitempty"`
}

// VLANDevice is the VLAN of an interface; the kernel allows one interface for each.
type VLANDevice struct {
	// Parent is the underlying interface, ID the VLAN.
	Parent string `json:"parent"`
	ID     int    `json:"id"`
	// Protocol is the type of the tag: 802.1ad, or empty for 802.1q.
	Protocol string `json:"protocol,omitempty"`
}

// FactRoute is one unicast route of a node's main table. A route with several next hops counts
// as one for each outgoing interface.
type FactRoute struct {
	Dst netip.Prefix `json:"dst"`
	Dev string       `json:"dev"`
	// Src is the preferred source address, if the route has one.
	Src netip.Addr `json:"src,omitzero"`
	// MTU is the route's MTU in bytes; 0 means the device's.
	MTU    int `json:"mtu,omitempty"`
	Metric int `json:"metric,omitempty"`
}

// Feature is a capability of a node's kernel or userland.
type Feature string

// The features that this release probes.
const (
	FeatureBridge        Feature = "bridge"
	FeatureVXLAN         Feature = "vxlan"
	FeatureVLANFiltering Feature = "bridge-vlan-filtering"
	FeatureNFTNAT        Feature = "nftables-nat"
	// FeatureNFTBridge is nftables on bridges, and FeatureNFTBridgeState bridge rules that
	// match a frame's bridge and connection state.
	FeatureNFTBridge      Feature = "nftables-bridge"
	FeatureNFTBridgeState Feature = "nftables-bridge-state"
	// FeatureNFTLog is the log target of nftables that programs read (NFLOG).
	FeatureNFTLog Feature = "nftables-log"
	FeatureVLAN   Feature = "vlan"        // module 8021q
	FeatureVLANAD Feature = "vlan-8021ad" // 802.1ad VLAN devices
	FeatureVRF    Feature = "vrf"
	FeatureVeth   Feature = "veth"
	FeatureDummy  Feature = "dummy"
)

// featureWords are the operator's names of features, and the parts of the kernel that provide
// them.
var featureWords = map[Feature][2]string{
	FeatureBridge:         {"bridges", "module bridge"},
	FeatureVXLAN:          {"VXLAN devices", "module vxlan"},
	FeatureVLANFiltering:  {"VLAN filtering on bridges", "kernel option CONFIG_BRIDGE_VLAN_FILTERING"},
	FeatureNFTNAT:         {"nftables with NAT (to keep zones apart and for SNAT)", "module nft_masq or nft_ct"},
	FeatureNFTBridge:      {"nftables on bridges (to filter inside VNets)", "kernel option CONFIG_NF_TABLES_BRIDGE"},
	FeatureNFTBridgeState: {"nftables that know VNets and connections (for rules inside the VNet; those for routed traffic are in force)", "module nf_conntrack_bridge or nft_meta_bridge"},
	FeatureNFTLog:         {"nftables that log to programs (for the live log of firewalls)", "module nfnetlink_log"},
	FeatureVLAN:           {"VLAN devices", "module 8021q"},
	FeatureVLANAD:         {"802.1ad VLAN devices", "module 8021q"},
	FeatureVRF:            {"VRFs", "module vrf"},
	FeatureVeth:           {"veth devices", "module veth"},
	FeatureDummy:          {"dummy devices", "module dummy"},
}

// Features returns all features, sorted.
func Features() []Feature { return slices.Sorted(maps.Keys(featureWords)) }

// Words returns the operator's name of the feature ("VRFs") and the part of the kernel that
// provides it ("module vrf").
func (f Feature) Words() (what, part string) {
	w := featureWords[f]
	return w[0], w[1]
}
