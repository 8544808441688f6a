package model

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
)

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
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// Written is how a client of the Proxmox API wrote the properties.
	Written Written `json:"written,omitempty"`
}

// KindFabricNode is the kind of FabricNode.
const KindFabricNode Kind = "fabric-node"

func fabricNodeKind() *Descriptor {
	return &Descriptor{
		Kind:     KindFabricNode,
		Complete: completing(completeFabricNode),
		slot:     in(func(c *Config) *map[string]*FabricNode { return &c.FabricNodes }),
	}
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

// completeFabricNode fills in the ID from fabric and node, or those from the ID.
func completeFabricNode(_ *Config, n *FabricNode) error {
	fabric, node, _ := strings.Cut(n.ID, "_")
	if n.Fabric == "" {
		n.Fabric = fabric
	}
	if n.Node == "" {
		n.Node = node
	}
	want := FabricNodeID(n.Fabric, n.Node)
	if n.ID != "" && n.ID != want {
		return Problems{{Severity: Error, Kind: KindFabricNode, ID: n.ID, Field: "id", Value: n.ID,
			Message: fmt.Sprintf("does not fit: node %s of fabric %s is called %s", n.Node, n.Fabric, want)}}
	}
	n.ID = want
	return nil
}
