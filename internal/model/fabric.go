package model

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// FabricProtocol is the routing protocol of a fabric.
type FabricProtocol string

// The fabric protocols.
const (
	// FabricOpenFabric is a link-state protocol for spine and leaf networks
	// (draft-white-openfabric), for IPv4 and IPv6.
	FabricOpenFabric FabricProtocol = "openfabric"
	// FabricOSPF is OSPF version 2 (RFC 2328), for IPv4.
	FabricOSPF FabricProtocol = "ospf"
	// FabricBGP is eBGP over unnumbered links (RFC 7938, RFC 8950), for IPv4 and
	// IPv6.
	FabricBGP FabricProtocol = "bgp"
	// FabricWireGuard are encrypted tunnels between nodes, and to others outside
	// (Proxmox VE 9.2). This release keeps such fabrics and does not run them.
	FabricWireGuard FabricProtocol = "wireguard"
)

// FabricProtocols returns the known fabric protocols, sorted.
func FabricProtocols() []FabricProtocol {
	return []FabricProtocol{FabricBGP, FabricOpenFabric, FabricOSPF, FabricWireGuard}
}

// Fabric is a routed underlay between nodes: Proxmox VE SDN manual, "Fabrics".
// Every node of it has an address that all others reach whichever links stand.
type Fabric struct {
	// ID is 2 to 8 letters, digits and hyphens, no hyphen at either end.
	ID       string         `json:"id"`
	Protocol FabricProtocol `json:"protocol"`
	// IPPrefix and IP6Prefix hold the nodes' addresses; at least one is set, but for
	// WireGuard, whose interfaces have addresses of their own.
	IPPrefix  netip.Prefix `json:"ip-prefix,omitzero"`
	IP6Prefix netip.Prefix `json:"ip6-prefix,omitzero"`
	// HelloInterval and CSNPInterval are in seconds, 1 to 600 (OpenFabric); 0
	// leaves FRR's own.
	HelloInterval int `json:"hello-interval,omitempty"`
	CSNPInterval  int `json:"csnp-interval,omitempty"`
	// PersistentKeepalive is the time between packets that keep a tunnel open through
	// NAT, in seconds, 1 to 65535 (WireGuard); 0 sends none.
	PersistentKeepalive int `json:"persistent-keepalive,omitempty"`
	// Area is the OSPF area, a number or a dotted quad, as it was written.
	Area string `json:"area,omitempty"`
	// BFD watches the sessions of a BGP fabric (RFC 5880).
	BFD bool `json:"bfd,omitempty"`
	// RouteFilter names the prefix list of the routes that are the fabric's; empty
	// means those in IPPrefix and IP6Prefix.
	RouteFilter string `json:"route-filter,omitempty"`
	// Redistribute are other routes that the members announce (OSPF, BGP).
	Redistribute []Redistribution `json:"redistribute,omitempty"`
	// RouteMapIn and RouteMapOut name route maps that the routes from and to other
	// members pass (BGP).
	RouteMapIn  string `json:"route-map-in,omitempty"`
	RouteMapOut string `json:"route-map-out,omitempty"`

	// Written is how a client of the Proxmox API wrote the properties.
	Written Written `json:"written,omitempty"`
}

// Redistribution is a source of routes that a fabric announces.
type Redistribution struct {
	// Source is FRR's name of it: see RedistributionSources.
	Source string `json:"source"`
	// Metric is that of the announced routes, 0 to 16777214 (OSPF, RFC 2328
	// appendix B) or 4294967295 (BGP); empty leaves FRR's own.
	Metric string `json:"metric,omitempty"`
	// RouteMap names a route map that the routes pass.
	RouteMap string `json:"route-map,omitempty"`
}

// RedistributionSources returns the sources that a fabric of the protocol can
// have, sorted; none for OpenFabric.
func RedistributionSources(p FabricProtocol) []string {
	switch p {
	case FabricOSPF:
		return []string{"bgp", "connected", "kernel", "static"}
	case FabricBGP:
		return []string{"connected", "isis", "kernel", "openfabric", "ospf", "ospf6", "static"}
	case FabricOpenFabric, FabricWireGuard:
	}
	return nil
}

// ObjectKind implements Object.
func (*Fabric) ObjectKind() Kind { return KindFabric }

// ObjectID implements Object.
func (f *Fabric) ObjectID() string { return f.ID }

// FabricNode is one node's part in a fabric.
type FabricNode struct {
	// ID is "<fabric>_<node>"; Config.Put completes it.
	ID     string `json:"id"`
	Fabric string `json:"fabric"`
	Node   string `json:"node"`
	// IP and IP6 are the node's addresses, inside the fabric's prefixes.
	IP  netip.Addr `json:"ip,omitzero"`
	IP6 netip.Addr `json:"ip6,omitzero"`
	// ASN is the node's autonomous system number in a BGP fabric.
	ASN int `json:"asn,omitempty"`
	// Role is RoleInternal for a member of the cluster, RoleExternal for a peer
	// outside (WireGuard; in BGP only the former); empty means internal.
	Role string `json:"role,omitempty"`
	// Endpoint is where others send to (WireGuard): the host of an internal node,
	// host:port of an external one.
	Endpoint string `json:"endpoint,omitempty"`
	// PublicKey is that of an external node.
	PublicKey string `json:"public-key,omitempty"`
	// AllowedIPs are networks that are reached through the node (WireGuard).
	AllowedIPs []string `json:"allowed-ips,omitempty"`
	// Interfaces are the links to other nodes; in WireGuard those that are made.
	Interfaces []FabricInterface `json:"interfaces,omitempty"`
	// Peers are the ends of tunnels (WireGuard).
	Peers []FabricPeer `json:"peers,omitempty"`

	// Written is how a client of the Proxmox API wrote the properties.
	Written Written `json:"written,omitempty"`
}

// ObjectKind implements Object.
func (*FabricNode) ObjectKind() Kind { return KindFabricNode }

// ObjectID implements Object.
func (n *FabricNode) ObjectID() string { return n.ID }

// FabricNodeID is the identifier of a node's part in a fabric.
func FabricNodeID(fabric, node string) string { return fabric + "_" + node }

// FabricInterface is a link of a fabric node.
type FabricInterface struct {
	Name string `json:"name"`
	// ListenPort and PublicKey are WireGuard's: the UDP port, and the key that others
	// know the interface by, 32 bytes in base64.
	ListenPort int    `json:"listen-port,omitempty"`
	PublicKey  string `json:"public-key,omitempty"`
	// IP and IP6 are the link's own addresses with their masks. Without one the
	// link is unnumbered.
	IP  netip.Prefix `json:"ip,omitzero"`
	IP6 netip.Prefix `json:"ip6,omitzero"`
	// IP6LL gives the interface a link-local address (WireGuard).
	IP6LL bool `json:"ip6-ll,omitempty"`
	// HelloMultiplier is how many lost hellos end a neighbour, 2 to 100
	// (OpenFabric); 0 leaves FRR's own.
	HelloMultiplier int `json:"hello-multiplier,omitempty"`
	// NetworkType is OSPF's: broadcast, non-broadcast, point-to-point or
	// point-to-multipoint. Empty means point-to-point on unnumbered links.
	NetworkType string `json:"network-type,omitempty"`
}

// The roles of fabric nodes and the types of peers.
const (
	RoleInternal = "internal"
	RoleExternal = "external"
)

// FabricPeer is the other end of a WireGuard tunnel.
type FabricPeer struct {
	// Type is RoleInternal or RoleExternal, that of the peer's node.
	Type string `json:"type"`
	// Node is the peer's node, NodeIFace its interface there (internal).
	Node      string `json:"node"`
	NodeIFace string `json:"node-iface,omitempty"`
	// IFace is the own interface.
	IFace string `json:"iface"`
	// Endpoint stands in the place of the peer's own one.
	Endpoint string `json:"endpoint,omitempty"`
	// AllowedIPs are further networks behind the peer, apart by semicolons.
	AllowedIPs string `json:"allowed-ips,omitempty"`
	// SkipRouteGeneration makes no routes to what is reached through the peer.
	SkipRouteGeneration bool `json:"skip-route-generation,omitempty"`
}

// RouterID is the router identifier of the node in a fabric.
func (n *FabricNode) RouterID() netip.Addr {
	if n.IP.Is4() {
		return n.IP
	}
	return RouterID(n.IP6)
}

// RouterID makes a router identifier, which is written as an IPv4 address, of an
// address: itself, or a number made of an IPv6 address (32-bit FNV-1a).
func RouterID(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	h := fnv.New32a()
	_, _ = h.Write(a.AsSlice())
	var out [4]byte
	binary.BigEndian.PutUint32(out[:], h.Sum32())
	return netip.AddrFrom4(out)
}
