package model

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
)

// FabricNode is the membership of a node in a fabric.
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
	// Role is RoleInternal for a member of the cluster, RoleExternal for a peer outside
	// (WireGuard only); empty means internal.
	Role string `json:"role,omitempty"`
	// Endpoint is the address for tunnel packets to the node (WireGuard): the host of an
	// internal node, host:port of an external one.
	Endpoint string `json:"endpoint,omitempty"`
	// PublicKey is the key of an external node.
	PublicKey string `json:"public-key,omitempty"`
	// AllowedIPs are networks reached through the node (WireGuard).
	AllowedIPs []string `json:"allowed-ips,omitempty"`
	// Interfaces are the links to other nodes; for WireGuard the interfaces to create.
	Interfaces []FabricInterface `json:"interfaces,omitempty"`
	// Peers are the remote ends of tunnels (WireGuard).
	Peers []FabricPeer `json:"peers,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindFabricNode is the kind of FabricNode.
const KindFabricNode Kind = "fabric-node"

func fabricNodeKind() *Descriptor {
	return &Descriptor{
		Kind:     KindFabricNode,
		Complete: completing(completeFabricNode),
		check:    (*checker).fabricNodes,
		slot:     in(func(c *Config) *map[string]*FabricNode { return &c.FabricNodes }),
		Doc:      "One node's part in a fabric.",
		Example: `kind: fabric-node
fabric: ring
node: node1
ip: 10.10.10.1
interfaces: [eth1, eth2]
`,
		Permissions: []Permission{sdnPermission("/sdn/fabrics/{fabric}"), {Path: "/nodes/{node}", Read: []string{privSysAudit, privSysModify}, Write: []string{privSysModify}}},
		pathPart:    partOfFabricNode,
		Properties: []Property{
			{Name: "id", Required: true, Doc: "<fabric>_<node>"},
			{Name: "fabric", Required: true, Doc: "fabric that the node takes part in", Ref: KindFabric},
			{Name: "node", Required: true, Doc: "name of the node", Ref: KindNode},
			{Name: "ip", Doc: "the node's IPv4 address in the fabric"},
			{Name: "ip6", Doc: "the node's IPv6 address in the fabric"},
			{Name: "asn", Doc: "the node's autonomous system number", Min: 1, Max: MaxASN, Noun: "an autonomous system number", Lax: always, Types: words(FabricBGP), Conditional: true},
			{Name: "role", Doc: "external for a peer outside the cluster, internal if left out", Values: []string{RoleInternal, RoleExternal}, Noun: "a role", Types: words(FabricWireGuard), Conditional: true},
			{Name: "endpoint", Doc: "host that others send to; with a port for an external node", Types: words(FabricWireGuard)},
			{Name: "public-key", Doc: "key of an external node", Types: words(FabricWireGuard)},
			{Name: "allowed-ips", Doc: "networks reached through the node", Types: words(FabricWireGuard)},
			{Name: "interfaces", Doc: "links to other nodes", Items: &Items{
				Type: "list of interfaces", Name: "interface", Key: "name", Bare: "name",
				Properties: []Property{
					{Name: "name", Required: true, Doc: "name of the interface"},
					{Name: "listen-port", Doc: "UDP port", Min: 1, Max: MaxPort, Noun: "a UDP port", Types: words(FabricWireGuard), Conditional: true},
					{Name: "public-key", Doc: "key that others know the interface by", Types: words(FabricWireGuard)},
					{Name: "ip", Doc: "IPv4 address with mask; unnumbered if left out"},
					{Name: "ip6", Doc: "IPv6 address with mask"},
					{Name: "ip6-ll", Doc: "give it an IPv6 link-local address", Types: words(FabricWireGuard)},
					{Name: "hello-multiplier", Doc: "lost hellos that end an adjacency", Min: 2, Max: 100, Types: words(FabricOpenFabric), Conditional: true},
					{Name: "network-type", Doc: "kind of network that the link is", Noun: "a network type of OSPF", Types: words(FabricOSPF), Conditional: true,
						Values: []string{"broadcast", "non-broadcast", "point-to-point", "point-to-multipoint"}},
				},
			}},
			{Name: "peers", Doc: "ends of tunnels", Types: words(FabricWireGuard), Items: &Items{
				Type: FieldEntries, Name: "peer",
				Properties: []Property{
					{Name: "type", Required: true, Doc: "internal, or external for a node outside the cluster", Values: []string{RoleInternal, RoleExternal}, Noun: "a type of peer", Conditional: true},
					{Name: "node", Required: true, Doc: "node at the other end"},
					{Name: "node-iface", Doc: "its interface, of an internal peer"},
					{Name: "iface", Required: true, Doc: "the node's own interface"},
					{Name: "endpoint", Doc: "replaces the other node's own endpoint"},
					{Name: "allowed-ips", Doc: "further networks behind it, separated by semicolons"},
					{Name: "skip-route-generation", Doc: "make no routes to what is behind it"},
				},
			}},
		},
		Columns: []Column{
			column("FABRIC", func(n *FabricNode) string { return n.Fabric }),
			column("NODE", func(n *FabricNode) string { return n.Node }),
			column("ADDRESSES", func(n *FabricNode) string { return n.addressesText() }),
			column("INTERFACES", func(n *FabricNode) string { return n.interfacesText() }),
			wideColumn("ASN", func(n *FabricNode) string { return numberText(n.ASN, "") }),
		},
	}
}

// ObjectKind implements Object.
func (*FabricNode) ObjectKind() Kind { return KindFabricNode }

// ObjectID implements Object.
func (n *FabricNode) ObjectID() string { return n.ID }

// FabricNodeID returns the ID of a node's membership in a fabric.
func FabricNodeID(fabric, node string) string { return fabric + "_" + node }

// FabricInterface is a link of a fabric node.
type FabricInterface struct {
	Name string `json:"name"`
	// ListenPort is the UDP port and PublicKey the public key of the interface, 32 bytes
	// in base64 (WireGuard).
	ListenPort int    `json:"listen-port,omitempty"`
	PublicKey  string `json:"public-key,omitempty"`
	// IP and IP6 are the link's addresses with their masks. A link without one is
	// unnumbered.
	IP  netip.Prefix `json:"ip,omitzero"`
	IP6 netip.Prefix `json:"ip6,omitzero"`
	// IP6LL gives the interface a link-local address (WireGuard).
	IP6LL bool `json:"ip6-ll,omitempty"`
	// HelloMultiplier is after how many lost hellos a neighbour is down, 2 to 100
	// (OpenFabric); 0 means FRR's default.
	HelloMultiplier int `json:"hello-multiplier,omitempty"`
	// NetworkType is the OSPF network type: broadcast, non-broadcast, point-to-point or
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
	// Type is the role of the peer's node, RoleInternal or RoleExternal.
	Type string `json:"type"`
	// Node is the peer's node, NodeIFace the interface on it (internal).
	Node      string `json:"node"`
	NodeIFace string `json:"node-iface,omitempty"`
	// IFace is the local interface.
	IFace string `json:"iface"`
	// Endpoint replaces the Endpoint of the peer's node.
	Endpoint string `json:"endpoint,omitempty"`
	// AllowedIPs are further networks behind the peer, separated by semicolons.
	AllowedIPs string `json:"allowed-ips,omitempty"`
	// SkipRouteGeneration disables routes to the networks behind the peer.
	SkipRouteGeneration bool `json:"skip-route-generation,omitempty"`
}

// RouterID returns the router ID of the node in the fabric.
func (n *FabricNode) RouterID() netip.Addr {
	if n.IP.Is4() {
		return n.IP
	}
	return RouterID(n.IP6)
}

// RouterID returns the router ID, in the form of an IPv4 address, for an address: an IPv4
// address itself, or a 32-bit FNV-1a hash of an IPv6 address.
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

// completeFabricNode fills in the ID from fabric and node, or fabric and node from the ID.
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

// partOfFabricNode returns fabric or node from the ID where the object does not set them.
func partOfFabricNode(o Object, name string, _ ZoneOf) (string, bool) {
	n := o.(*FabricNode)
	fabric, node, _ := strings.Cut(n.ID, "_")
	switch name {
	case "fabric":
		return cmp.Or(n.Fabric, fabric), true
	case "node":
		return cmp.Or(n.Node, node), true
	}
	return "", false
}

func (n *FabricNode) addressesText() string {
	addrs := slices.DeleteFunc([]netip.Addr{n.IP, n.IP6}, func(a netip.Addr) bool { return !a.IsValid() })
	return fewTexts(stringTexts(addrs))
}

func (n *FabricNode) interfacesText() string {
	var names []string
	for _, l := range n.Interfaces {
		names = append(names, l.Name)
	}
	return fewTexts(names)
}
