// Package desired is the contract between what compiles a configuration and
// what programs a node: the complete state one node shall have, as plain values.
//
// It stands after compile and before diff in the one-way flow and is pure. Every
// element names the object it comes from, so that errors, plans and drift can be
// told in the operator's words.
package desired

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
)

// Node is the whole state that Viaduct owns on one node. Lists are sorted
// (see Sort), so equal states are equal values.
type Node struct {
	Links      []Link      `json:"links,omitempty"`
	Addresses  []Address   `json:"addresses,omitempty"`
	Neighbours []Neighbour `json:"neighbours,omitempty"`
	Routes     []Route     `json:"routes,omitempty"`
	Ports      []Port      `json:"ports,omitempty"`
	Tables     []Table     `json:"tables,omitempty"`
	Sysctls    []Sysctl    `json:"sysctls,omitempty"`
}

// LinkGroup is the link group (ip link: group) that every link of ours is in.
// The kernel sets it in the same request that makes the link, so no moment
// exists at which a link of ours cannot be told from others. "viad" in ASCII.
const LinkGroup = 0x76696164

// DoomedGroup is the link group of links of ours that are about to be deleted.
const DoomedGroup = LinkGroup + 1

// LinkKind is the kernel's name for a kind of link.
type LinkKind string

// The kinds of link.
const (
	LinkBridge LinkKind = "bridge"
	LinkVXLAN  LinkKind = "vxlan"
)

// Link is a network interface that Viaduct makes; it is always up.
type Link struct {
	Name  string   `json:"name"`
	Kind  LinkKind `json:"kind"`
	Owner string   `json:"owner"`
	// MTU in bytes; 0 leaves the kernel's choice.
	MTU int `json:"mtu,omitempty"`
	// Master is the bridge the link is a port of.
	Master string `json:"master,omitempty"`
	// Alias is the link's description (ip link: alias).
	Alias string `json:"alias,omitempty"`
	// NoLinkLocal keeps the kernel from giving the link a link-local IPv6
	// address: ports that are no end point of traffic do not need one.
	NoLinkLocal bool    `json:"noLinkLocal,omitempty"`
	Bridge      *Bridge `json:"bridge,omitempty"`
	VXLAN       *VXLAN  `json:"vxlan,omitempty"`
}

// Bridge holds the settings of a LinkBridge. Spanning tree is always off and
// the forward delay zero, as Proxmox has it.
type Bridge struct {
	// VLANFiltering makes the bridge VLAN-aware; its overlay port then carries
	// VLANs 2 to 4094 tagged.
	VLANFiltering bool `json:"vlanFiltering,omitempty"`
}

// VXLAN holds the settings of a LinkVXLAN (RFC 7348). They cannot be changed on
// a living device but for Learning.
type VXLAN struct {
	// ID is the network identifier, 1 to 16777215.
	ID uint32 `json:"id"`
	// Local is the address of this end of the tunnels.
	Local netip.Addr `json:"local,omitzero"`
	// Port is the UDP destination port.
	Port uint16 `json:"port"`
	// Learning fills the forwarding table from received frames.
	Learning bool `json:"learning,omitempty"`
}

// Address is an address on a link of ours.
type Address struct {
	Link   string       `json:"link"`
	Prefix netip.Prefix `json:"prefix"`
	Owner  string       `json:"owner"`
}

// Neighbour is a static entry of a VXLAN device's forwarding table. With a
// zero MAC it is a remote end that gets flooded frames.
type Neighbour struct {
	Link string `json:"link"`
	// MAC is in lower-case colon form.
	MAC   string     `json:"mac"`
	Dst   netip.Addr `json:"dst"`
	Owner string     `json:"owner"`
}

// FloodMAC is the hardware address of a flood entry (bridge fdb append
// 00:00:00:00:00:00).
const FloodMAC = "00:00:00:00:00:00"

// Route is a unicast route, programmed with Viaduct's protocol number.
type Route struct {
	Dst   netip.Prefix `json:"dst"`
	Link  string       `json:"link,omitempty"`
	Via   netip.Addr   `json:"via,omitzero"`
	Table int          `json:"table,omitempty"` // 0 means main
	Owner string       `json:"owner"`
}

// Port joins an interface that something else makes and removes, such as a
// guest's NIC, to a bridge. It takes effect while a link with one of the names
// exists; the link itself is never created or deleted.
type Port struct {
	// Names are the link's possible names, the first that exists counts.
	Names []string `json:"names"`
	// Bridge is the bridge to join.
	Bridge string `json:"bridge"`
	// Isolated keeps the port from talking to other isolated ports.
	Isolated bool   `json:"isolated,omitempty"`
	Owner    string `json:"owner"`
}

// Sysctl is one setting below /proc/sys; dots separate the path's parts, and a
// slash stands for a dot inside a part, as sysctl(8) has it.
type Sysctl struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Owner string `json:"owner"`
}

// Table is one nftables table, replaced as a whole when it differs.
type Table struct {
	// Family is inet, ip, ip6, bridge or netdev.
	Family string  `json:"family"`
	Name   string  `json:"name"`
	Sets   []Set   `json:"sets,omitempty"`
	Chains []Chain `json:"chains,omitempty"`
}

// Set is a named set, or a map when Value is set.
type Set struct {
	Name string `json:"name"`
	// Type is the key's type as nft(8) writes it ("ifname", "ipv4_addr . ifname").
	Type string `json:"type"`
	// Value is the type of a map's values ("verdict"); empty for a set.
	Value string `json:"value,omitempty"`
	// Interval allows prefixes and ranges as elements.
	Interval bool `json:"interval,omitempty"`
	// Elements are sorted; a map's are "key : value".
	Elements []string `json:"elements,omitempty"`
}

// Chain is a chain; Type, Hook and Priority are empty for one that is only
// jumped to.
type Chain struct {
	Name     string `json:"name"`
	Type     string `json:"type,omitempty"`
	Hook     string `json:"hook,omitempty"`
	Priority string `json:"priority,omitempty"`
	Rules    []Rule `json:"rules,omitempty"`
}

// Rule is one rule in nft(8)'s syntax.
type Rule struct {
	Text  string `json:"text"`
	Owner string `json:"owner,omitempty"`
}

// Sort puts every list in its canonical order. Chains, rules and sysctls keep
// theirs: their order has a meaning.
func (n *Node) Sort() {
	slices.SortFunc(n.Links, func(a, b Link) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Addresses, func(a, b Address) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	slices.SortFunc(n.Neighbours, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.MAC, b.MAC), a.Dst.Compare(b.Dst))
	})
	slices.SortFunc(n.Routes, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), a.Dst.Addr().Compare(b.Dst.Addr()), cmp.Compare(a.Dst.Bits(), b.Dst.Bits()), cmp.Compare(a.Link, b.Link))
	})
	slices.SortFunc(n.Ports, func(a, b Port) int { return slices.Compare(a.Names, b.Names) })
	slices.SortFunc(n.Tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
}

// Hash identifies the state: equal states have equal hashes. It is lower-case
// hexadecimal SHA-256 of the JSON form.
func (n *Node) Hash() string {
	b, err := json.Marshal(n)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
