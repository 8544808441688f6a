package livequery

// Bridge is a bridge of a node, with its ports.
type Bridge struct {
	Name          string       `json:"name"`
	VLANFiltering bool         `json:"vlanFiltering"`
	Ports         []BridgePort `json:"ports"`
}

// BridgePort is one of its ports.
type BridgePort struct {
	Name string `json:"name"`
	// PVID is the VLAN of untagged frames, 0 for none; VLANs are all allowed ones, "5" or
	// "10-20".
	PVID  int      `json:"pvid,omitempty"`
	VLANs []string `json:"vlans,omitempty"`
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
