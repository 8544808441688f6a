// Package desired is the contract between what compiles a configuration and
// what programs a node: the complete desired state of one node, as plain values.
//
// It is placed after compile and before diff in the one-way flow and is pure. Every
// element names the object it comes from, so that errors, plans and drift can be
// reported in the operator's terms.
package desired

import (
	"cmp"
	"net/netip"
	"slices"
)

// Node is the whole state that Viaduct owns on one node: that of the host and of the
// named spaces. Lists are sorted (see Sort), so equal states are equal values.
type Node struct {
	// Space is the host's. In JSON its sections are at the top level.
	Space
	// Spaces are sorted by name.
	Spaces []NamedSpace `json:"spaces,omitempty"`
}

// NamedSpace is a network namespace of Viaduct's own on the node, such as a tenant's router.
type NamedSpace struct {
	// Name follows naming.Namespace: a DNS label.
	Name  string `json:"name"`
	Owner string `json:"owner"`
	Space
}

// Entry describes the namespace itself.
func (s *NamedSpace) Entry() Entry { return Entry{Key: s.Name, Name: s.Name, Owner: s.Owner} }

// Space is the state of one network namespace.
type Space struct {
	Links      []Link      `json:"links,omitempty"`
	Addresses  []Address   `json:"addresses,omitempty"`
	Neighbours []Neighbour `json:"neighbours,omitempty"`
	Routes     []Route     `json:"routes,omitempty"`
	RouteRules []RouteRule `json:"routeRules,omitempty"`
	Ports      []Port      `json:"ports,omitempty"`
	Tables     []Table     `json:"tables,omitempty"`
	Sysctls    []Sysctl    `json:"sysctls,omitempty"`
	OVSBridges []OVSBridge `json:"ovsBridges,omitempty"`
	OVSPorts   []OVSPort   `json:"ovsPorts,omitempty"`
	// DHCP are the DHCP servers, one for each zone that has one.
	DHCP []DHCPServer `json:"dhcp,omitempty"`
	// FRR is what Viaduct declares of the routing suite; nil if nothing.
	FRR *FRR `json:"frr,omitempty"`
	// NameServer answers guests' questions for names; nil if no zone wants that.
	NameServer *NameServer `json:"nameServer,omitempty"`
	// LoadBalancers are served by one HAProxy of the node, also those in named spaces: only
	// the host's space has any.
	LoadBalancers []LoadBalancer `json:"loadBalancers,omitempty"`
	// Backend is how links are programmed: empty for netlink, or on the host "ifupdown2".
	Backend string `json:"backend,omitempty"`
}

// LinkGroup is the link group (ip link: group) of every link that Viaduct owns.
// The kernel sets it in the same request that creates the link, so Viaduct's links
// can be distinguished from others at any moment. "viad" in ASCII.
const LinkGroup = 0x76696164

// DoomedGroup is the link group of Viaduct's links that are about to be deleted.
const DoomedGroup = LinkGroup + 1

// LogGroup is the group of nfnetlink_log that firewalls log to, for the agent.
const LogGroup = 30309

// LinkKind is the kernel's name for a kind of link.
type LinkKind string

// The kinds of link.
const (
	LinkBridge LinkKind = "bridge"
	LinkVXLAN  LinkKind = "vxlan"
	LinkVLAN   LinkKind = "vlan"
	LinkVeth   LinkKind = "veth"
	LinkVRF    LinkKind = "vrf"
	LinkDummy  LinkKind = "dummy"
)

// Link is a network interface that Viaduct makes; it is always up.
type Link struct {
	Name  string   `json:"name"`
	Kind  LinkKind `json:"kind"`
	Owner string   `json:"owner"`
	// MTU in bytes; 0 leaves the kernel's choice.
	MTU int `json:"mtu,omitempty"`
	// Master is the bridge or VRF that the link belongs to. It is another link of
	// the state, or, with ForeignMaster, a bridge that something else made.
	Master        string `json:"master,omitempty"`
	ForeignMaster bool   `json:"foreignMaster,omitempty"`
	// MAC is the MAC address in lower-case colon form; empty leaves the kernel's
	// choice.
	MAC string `json:"mac,omitempty"`
	// Port holds the settings of a link with a bridge as master; nil leaves the
	// kernel's.
	Port *BridgePort `json:"port,omitempty"`
	// Alias is the link's description (ip link: alias).
	Alias string `json:"alias,omitempty"`
	// NoLinkLocal keeps the kernel from giving the link a link-local IPv6
	// address: ports that are no end point of traffic do not need one.
	NoLinkLocal bool    `json:"noLinkLocal,omitempty"`
	Bridge      *Bridge `json:"bridge,omitempty"`
	VXLAN       *VXLAN  `json:"vxlan,omitempty"`
	VLAN        *VLAN   `json:"vlan,omitempty"`
	Veth        *Veth   `json:"veth,omitempty"`
	VRF         *VRF    `json:"vrf,omitempty"`
}

// BridgePort holds the settings of a bridge's port.
type BridgePort struct {
	// NoLearning keeps the bridge from learning addresses from the port.
	NoLearning bool `json:"noLearning,omitempty"`
	// NeighSuppress answers ARP and neighbour discovery for hosts behind the
	// port from the bridge's own tables (ip link: neigh_suppress).
	NeighSuppress bool `json:"neighSuppress,omitempty"`
	// AllVLANs makes the port of a VLAN-aware bridge carry VLANs 2 to 4094 tagged
	// in addition to the untagged default VLAN.
	AllVLANs bool `json:"allVLANs,omitempty"`
	// VLAN, 1 to 4094, is the only one that the port of a VLAN-aware bridge carries:
	// untagged, or with Tagged in frames that have its tag. 0 leaves the kernel's choice.
	VLAN   int  `json:"vlan,omitempty"`
	Tagged bool `json:"tagged,omitempty"`
}

// VLAN holds the settings of a LinkVLAN: a device for one VLAN of its parent.
// Neither ID nor protocol can be changed on an existing device.
type VLAN struct {
	// Parent is the link that carries the VLAN: one of the state or one that
	// something else made.
	Parent string `json:"parent"`
	// ID is 1 to 4094.
	ID int `json:"id"`
	// Protocol is 802.1q (also when empty) or 802.1ad.
	Protocol string `json:"protocol,omitempty"`
	// Self makes the parent, a VLAN-aware bridge, a member of the VLAN itself
	// (bridge vlan add ... self), for as long as the device exists.
	Self bool `json:"self,omitempty"`
}

// Veth holds the settings of a LinkVeth. Both ends are links of the state, and
// name each other.
type Veth struct {
	Peer string `json:"peer"`
	// Elsewhere is true if the ends are in two spaces. The one in a named space makes the
	// pair, the one on the host is completed when it exists.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// VRF holds the settings of a LinkVRF (kernel: networking/vrf).
type VRF struct {
	// Table is the routing table of the VRF; it cannot be changed.
	Table uint32 `json:"table"`
}

// OVSBridge is an Open vSwitch bridge that Viaduct makes.
type OVSBridge struct {
	Name string `json:"name"`
	// Like is the bridge that it shares the datapath with, so that patches join the two.
	Like  string `json:"like"`
	Owner string `json:"owner"`
}

// OVSPort is a port of an Open vSwitch bridge that Viaduct makes: an internal one,
// with an interface that a Port joins to one of Viaduct's bridges, or with Peer the end
// of a patch. The bridge is one of the state or one that something else made.
type OVSPort struct {
	Name   string `json:"name"`
	Bridge string `json:"bridge"`
	// Peer is the other end of a patch, a port of another bridge that names this one.
	Peer string `json:"peer,omitempty"`
	// Tag is the VLAN, 1 to 4094. 0 means untagged frames, but with Peer all VLANs.
	Tag int `json:"tag"`
	// QinQ makes the port a tunnel of the VLANs inside (vlan_mode dot1q-tunnel);
	// EtherType of the outer one is then 802.1q or 802.1ad.
	QinQ      bool   `json:"qinq,omitempty"`
	EtherType string `json:"etherType,omitempty"`
	// MTU in bytes; 0 leaves the bridge's.
	MTU   int    `json:"mtu,omitempty"`
	Owner string `json:"owner"`
}

// FRR is the part of FRR's configuration that is Viaduct's. Configuration by others
// is kept.
type FRR struct {
	// Daemons are those that the configuration needs in addition to zebra and
	// staticd, sorted: bfdd, bgpd, fabricd, isisd, ospfd.
	Daemons []string   `json:"daemons,omitempty"`
	Blocks  []FRRBlock `json:"blocks,omitempty"`
}

// FRRBlock is one top-level entry of FRR's configuration: a single line
// ("ip protocol bgp route-map correct_src"), or a context with the lines below
// it. Blocks with the same head, such as the parts of a router that come from
// several objects, are one context.
type FRRBlock struct {
	Head string `json:"head"`
	// Lines are those below the head in FRR's own order and indentation, one
	// blank for each level; " address-family ..." closes with
	// " exit-address-family". The context's own end ("exit", "exit-vrf") is not
	// among them.
	Lines []string `json:"lines,omitempty"`
	Owner string   `json:"owner"`
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

// Address is an address on a link of the state or, with Foreign, on one that
// something else made. IPv6 addresses are used at once, without duplicate
// address detection: gateways have the same address on every node.
type Address struct {
	Link    string       `json:"link"`
	Foreign bool         `json:"foreign,omitempty"`
	Prefix  netip.Prefix `json:"prefix"`
	// NoRoute keeps the kernel from routing the address's network to the link (ip
	// address: noprefixroute).
	NoRoute bool   `json:"noRoute,omitempty"`
	Owner   string `json:"owner"`
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

// FloodMAC is the MAC address of a flood entry (bridge fdb append
// 00:00:00:00:00:00).
const FloodMAC = "00:00:00:00:00:00"

// Route is a unicast route, programmed with Viaduct's protocol number.
type Route struct {
	Dst  netip.Prefix `json:"dst"`
	Link string       `json:"link,omitempty"`
	// Via is the next hop; it may be of the other family (RFC 5549).
	Via   netip.Addr `json:"via,omitzero"`
	Table int        `json:"table,omitempty"` // 0 means main
	// Src is the source address of what the node itself sends there.
	Src netip.Addr `json:"src,omitzero"`
	// Type is empty for a route that leads somewhere, or "unreachable".
	Type string `json:"type,omitempty"`
	// Metric is the route's priority; the smallest wins. 0 leaves the kernel's.
	Metric uint32 `json:"metric,omitempty"`
	Owner  string `json:"owner"`
}

// RouteRule has packets with a mark, which is set by a rule of one of Viaduct's tables,
// looked up in a routing table (ip-rule(8)).
type RouteRule struct {
	Mark uint32 `json:"mark"`
	// Family is FamilyIPv4 or FamilyIPv6.
	Family string `json:"family"`
	// Priority is the rule's place among the others; the smallest comes first.
	Priority uint32 `json:"priority"`
	// Table is the number of the table; 0 rejects the packet as unreachable.
	Table int `json:"table,omitempty"`
	// NoDefault passes over the table's default route.
	NoDefault bool   `json:"noDefault,omitempty"`
	Owner     string `json:"owner"`
}

// The values of RouteRule.Family.
const (
	FamilyIPv4 = "inet"
	FamilyIPv6 = "inet6"
)

// Port joins an interface that something else makes and removes, such as a
// guest's NIC, to a bridge. It is effective while a link with one of the names
// exists; the link itself is never created or deleted.
type Port struct {
	// Names are the link's possible names, the first that exists counts.
	Names []string `json:"names"`
	// Bridge is the bridge to join.
	Bridge string `json:"bridge"`
	// Isolated keeps the port from talking to other isolated ports.
	Isolated bool `json:"isolated,omitempty"`
	// AllVLANs is as of BridgePort.
	AllVLANs bool `json:"allVLANs,omitempty"`
	// MACs are entered statically into the bridge's table instead of learning
	// from the port; nil leaves learning on.
	MACs []string `json:"macs,omitempty"`
	// MTU in bytes that the link is given; 0 leaves its own.
	MTU   int    `json:"mtu,omitempty"`
	Owner string `json:"owner"`
}

// Sysctl is one setting below /proc/sys; dots separate the path's parts, and a
// slash means a dot inside a part, as in sysctl(8).
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
	// Dynamic is true if the elements change independently of the table, and may be many:
	// a change of them keeps the table. If one set of a table is dynamic, all are, and it
	// has no maps. Elements are then addresses, networks and ranges of an Interval set, or
	// names of interfaces and addresses.
	Dynamic bool `json:"dynamic,omitempty"`
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

// Sort puts every list of every space in its canonical order, and the spaces in that of
// their names. Chains, rules, sysctls and FRR's blocks keep theirs: their order has a
// meaning.
func (n *Node) Sort() {
	n.Space.Sort()
	for i := range n.Spaces {
		n.Spaces[i].Sort()
	}
	slices.SortFunc(n.Spaces, func(a, b NamedSpace) int { return cmp.Compare(a.Name, b.Name) })
}

// Sort puts every list in its canonical order: see Node.Sort.
func (n *Space) Sort() {
	slices.SortFunc(n.Links, func(a, b Link) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Addresses, func(a, b Address) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	slices.SortFunc(n.Neighbours, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.MAC, b.MAC), a.Dst.Compare(b.Dst))
	})
	slices.SortFunc(n.Routes, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), a.Dst.Addr().Compare(b.Dst.Addr()), cmp.Compare(a.Dst.Bits(), b.Dst.Bits()), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Link, b.Link))
	})
	slices.SortFunc(n.RouteRules, func(a, b RouteRule) int {
		return cmp.Or(cmp.Compare(a.Mark, b.Mark), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Family, b.Family))
	})
	slices.SortFunc(n.Ports, func(a, b Port) int { return slices.Compare(a.Names, b.Names) })
	slices.SortFunc(n.OVSBridges, func(a, b OVSBridge) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(n.OVSPorts, func(a, b OVSPort) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
	sortDHCP(n.DHCP)
	sortLoadBalancers(n.LoadBalancers)
}
