package livequery

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Interface is an interface of a node.
type Interface struct {
	Name string `json:"name"`
	// Kind is the kernel's name for the type of a virtual interface: "bridge", "vxlan",
	// "vrf"; empty for hardware.
	Kind string `json:"kind,omitempty"`
	Up   bool   `json:"up"`
	MTU  int    `json:"mtu"`
	MAC  string `json:"mac,omitempty"`
	// Master is the bridge, bond or VRF that it belongs to.
	Master    string         `json:"master,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

// What an interface with counters is to the networks.
const (
	RoleUplink     = "uplink"      // of the node: what all networks share
	RoleVNetUplink = "vnet-uplink" // what a VNet leaves the node by: a tunnel, a VLAN
	RoleGuest      = "guest"       // the port of a guest's NIC
)

// InterfaceCounters are what an interface received and sent since it was created. What a guest
// sends its port receives.
type InterfaceCounters struct {
	Name string `json:"name"`
	// Role is one of those above.
	Role  string `json:"role"`
	VNet  string `json:"vnet,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Time is when the counters were read, by the node's clock.
	Time            time.Time `json:"time"`
	ReceivedBytes   uint64    `json:"receivedBytes"`
	ReceivedPackets uint64    `json:"receivedPackets"`
	SentBytes       uint64    `json:"sentBytes"`
	SentPackets     uint64    `json:"sentPackets"`
	// Errors and Dropped are packets in both directions.
	Errors  uint64 `json:"errors"`
	Dropped uint64 `json:"dropped"`
}

// OfVNet implements InVNet.
func (c InterfaceCounters) OfVNet() string { return c.VNet }

// OfGuest implements InGuest.
func (c InterfaceCounters) OfGuest() string { return c.Guest }

// Route is a route in the kernel.
type Route struct {
	// Table is "main", the name of a VRF, or the number of another table.
	Table  string `json:"table"`
	Prefix string `json:"prefix"`
	// Via are its next hops: "10.0.0.1 eth0", "eth0", or "unreachable", "blackhole", "prohibit".
	Via []string `json:"via"`
	// Protocol is who made it: "kernel", "static", "bgp", or a number.
	Protocol string `json:"protocol"`
	Metric   int    `json:"metric,omitempty"`
}

// Neighbour is an entry of the neighbour table.
type Neighbour struct {
	Address   netip.Addr `json:"address"`
	MAC       string     `json:"mac,omitempty"`
	Interface string     `json:"interface"`
	// State is the kernel's, as ip-neighbour(8) has it: "reachable", "stale", "failed".
	State string `json:"state"`
}

// ForwardingEntry is an entry of a bridge's forwarding database.
type ForwardingEntry struct {
	MAC  string `json:"mac"`
	Port string `json:"port"`
	// VTEP is the node behind a tunnel that has the MAC address.
	VTEP string `json:"vtep,omitempty"`
	// State is "learned", "static", "permanent" (an address of the port itself) or
	// "control plane" (from BGP).
	State string `json:"state"`
}

// Session is a session or an adjacency of one of FRR's daemons.
type Session struct {
	// Protocol is "bgp", "ospf", "openfabric" or "isis".
	Protocol string `json:"protocol"`
	// VRF is empty for the default one.
	VRF       string `json:"vrf,omitempty"`
	Neighbour string `json:"neighbor"`
	// AS is the neighbour's autonomous system, for BGP.
	AS     int64  `json:"as,omitempty"`
	State  string `json:"state"`
	Uptime string `json:"uptime,omitempty"`
	// Families are the address families of a BGP session.
	Families []string `json:"families,omitempty"`
	// Prefixes is how many prefixes BGP received from it, in all families.
	Prefixes int `json:"prefixes,omitempty"`
}

// Service is a process of a node's networks.
type Service struct {
	Name string `json:"name"`
	// Object is the object that it serves, empty if it serves several.
	Object  string `json:"object,omitempty"`
	Running bool   `json:"running"`
	PID     int    `json:"pid,omitempty"`
}

// Lease is a DHCP lease.
type Lease struct {
	VNet    string     `json:"vnet"`
	Address netip.Addr `json:"address"`
	// MAC is empty for DHCPv6, which identifies clients by DUID.
	MAC  string `json:"mac,omitempty"`
	Name string `json:"name,omitempty"`
	// Expires is zero for a lease without end.
	Expires time.Time `json:"expires,omitzero"`
}

// OfVNet implements InVNet.
func (l Lease) OfVNet() string { return l.VNet }

// LogRecord is a record of the agent's log.
type LogRecord struct {
	Time time.Time `json:"time"`
	// Level is "DEBUG", "INFO", "WARN" or "ERROR".
	Level string `json:"level"`
	// Text is the message with its attributes: "applied revision=4 changes=3".
	Text string `json:"text"`
}

// Bridge is a bridge of a node, with its ports.
type Bridge struct {
	Name          string       `json:"name"`
	VLANFiltering bool         `json:"vlanFiltering"`
	Ports         []BridgePort `json:"ports"`
}

// OfVNet implements InVNet: the bridge of a VNet has its name.
func (b Bridge) OfVNet() string { return b.Name }

// BridgePort is one of its ports.
type BridgePort struct {
	Name string `json:"name"`
	// PVID is the VLAN of untagged frames, 0 for none; VLANs are all allowed ones, "5" or
	// "10-20".
	PVID  int      `json:"pvid,omitempty"`
	VLANs []string `json:"vlans,omitempty"`
}

// String is the port with its VLANs, if it has any: "tap100i1 (pvid 5, vlans 5 10-20)".
func (p BridgePort) String() string {
	var more []string
	if p.PVID != 0 {
		more = append(more, fmt.Sprintf("pvid %d", p.PVID))
	}
	if len(p.VLANs) > 0 {
		more = append(more, "vlans "+strings.Join(p.VLANs, " "))
	}
	if len(more) == 0 {
		return p.Name
	}
	return p.Name + " (" + strings.Join(more, ", ") + ")"
}

// VRFRoute is a route of a VRF, by FRR.
type VRFRoute struct {
	Prefix   string   `json:"prefix"`
	Metric   int      `json:"metric"`
	Protocol string   `json:"protocol"`
	NextHops []string `json:"nextHops"`
}

// MAC is a host that BGP has a route to (EVPN route type 2, RFC 7432).
type MAC struct {
	IP      string `json:"ip,omitempty"`
	MAC     string `json:"mac"`
	NextHop string `json:"nextHop"`
}

// PoolServer is a guest of a load balancer's pool, or the load balancer as a whole, on one node.
// Counters begin when HAProxy starts there, which a change of the load balancer's other
// properties has it do.
type PoolServer struct {
	// Name is the guest and its NIC, "100/net0"; "all" for the load balancer as a whole.
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	// State is "up", "down", "drain", or as HAProxy shows a server between two of them ("down
	// 1/2").
	State string `json:"state"`
	// Since is the time of the last change of the state.
	Since time.Time `json:"since"`
	// Check is the result of the last check: "L4OK", "L4CON Connection refused", "L7STS 503".
	Check  string `json:"check,omitempty"`
	Weight int    `json:"weight"`
	// Connections are open ones (requests with HTTP), Total those until now, In and Out bytes
	// from and to clients.
	Connections int64 `json:"connections"`
	Total       int64 `json:"total"`
	In          int64 `json:"in"`
	Out         int64 `json:"out"`
}

// Where a rule of a firewall counts.
const (
	FirewallInside = "inside" // between the ports of a VNet
	FirewallRouted = "routed" // into and out of a VNet
)

// FirewallCounter is the count of a firewall rule since it was created on the node.
type FirewallCounter struct {
	// Where is one of those above.
	Where string `json:"where"`
	// What names the rule: "vnet vnet1 rule 3", "vnet vnet1 policy", "group web rule 0".
	What    string `json:"what"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// FirewallLogEntry is a packet that a rule with a log level, or a policy, decided on.
type FirewallLogEntry struct {
	// Sequence counts the entries of a node's agent since it started, from 1.
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
	// VNet is the VNet whose rule it is, or that the packet enters or leaves by; empty if unknown.
	VNet string `json:"vnet,omitempty"`
	// In and Out are the interfaces that the packet entered and leaves by.
	In          string     `json:"in,omitempty"`
	Out         string     `json:"out,omitempty"`
	Source      netip.Addr `json:"source,omitzero"`
	Destination netip.Addr `json:"destination,omitzero"`
	// Protocol is the name or the number of the protocol. The ports are 0 for those without.
	Protocol        string `json:"protocol,omitempty"`
	SourcePort      int    `json:"sourcePort,omitempty"`
	DestinationPort int    `json:"destinationPort,omitempty"`
	// Verdict is ACCEPT, DROP or REJECT.
	Verdict string `json:"verdict"`
	// Guests are the node's guests whose ports or addresses the packet has.
	Guests []string `json:"guests,omitempty"`
	// Rule names what decided, as model.ParseRuleName reads it, or "spoofed".
	Rule string `json:"rule"`
	// Comment, Author and Changed are of the rule's object: the server adds them as far as the
	// reader may know them.
	Comment string `json:"comment,omitempty"`
	Author  string `json:"author,omitempty"`
	Changed string `json:"changed,omitempty"`
}

// FabricRoute is a route through a fabric.
type FabricRoute struct {
	Prefix string   `json:"prefix"`
	Via    []string `json:"via"`
}

// FabricNeighbour is a neighbour in a fabric's protocol.
type FabricNeighbour struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Uptime string `json:"uptime"`
}

// FabricLink is an interface that takes part in a fabric.
type FabricLink struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	State string `json:"state"`
}
