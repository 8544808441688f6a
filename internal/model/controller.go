package model

import (
	"cmp"
	"net/netip"
	"slices"
)

// ControllerType is the routing protocol of a controller.
type ControllerType string

// The controller types.
const (
	// ControllerEVPN is the control plane of EVPN zones: BGP sessions between
	// all nodes that carry routes to guests (RFC 7432).
	ControllerEVPN ControllerType = "evpn"
	// ControllerBGP adds BGP sessions of one node with external routers.
	ControllerBGP ControllerType = "bgp"
	// ControllerISIS makes one node a member of an IS-IS domain (ISO 10589).
	ControllerISIS ControllerType = "isis"
)

// ControllerTypes returns the known controller types, sorted.
func ControllerTypes() []ControllerType {
	return []ControllerType{ControllerBGP, ControllerEVPN, ControllerISIS}
}

// BGPMode is the type of the BGP sessions of an EVPN controller.
type BGPMode string

// The modes.
const (
	// ModeAuto is eBGP on a node with a BGP controller of another AS number, and iBGP
	// elsewhere. An empty mode means the same.
	ModeAuto BGPMode = "auto"
	// ModeExternal and ModeInternal are eBGP and iBGP on every node.
	ModeExternal BGPMode = "external"
	ModeInternal BGPMode = "internal"
)

// BGPModes returns the known modes, sorted.
func BGPModes() []BGPMode { return []BGPMode{ModeAuto, ModeExternal, ModeInternal} }

// DefaultPeerGroup is the peer group of an EVPN controller that does not set one.
const DefaultPeerGroup = "VTEP"

// Controller is a routing control plane that FRR runs on the nodes: Proxmox VE
// SDN manual, "Controllers".
type Controller struct {
	// ID is a letter, then letters, digits, _ and -: 2 to 64 characters.
	ID   string         `json:"id"`
	Type ControllerType `json:"type"`
	// ASN is the autonomous system number, 1 to 4294967294 (EVPN, BGP).
	ASN int `json:"asn,omitempty"`
	// Peers are the other ends of the sessions: for an EVPN controller the addresses of
	// all nodes and route reflectors, for a BGP controller the external routers.
	Peers []netip.Addr `json:"peers,omitempty"`
	// Fabric is an alternative to Peers: the nodes of this fabric are the peers of an EVPN
	// controller.
	Fabric string `json:"fabric,omitempty"`
	// Nodes restricts an EVPN controller to these nodes. Empty means every node with a
	// zone of the controller.
	Nodes []string `json:"nodes,omitempty"`
	// PeerGroupName is FRR's name for the peers of an EVPN controller; empty means
	// DefaultPeerGroup. Controllers that share a node have different ones.
	PeerGroupName string `json:"peer-group-name,omitempty"`
	// BGPMode is the mode of an EVPN controller's sessions; empty means ModeAuto.
	BGPMode BGPMode `json:"bgp-mode,omitempty"`
	// Node is where a BGP or IS-IS controller runs.
	Node string `json:"node,omitempty"`
	// EBGP is true if the peers are in other autonomous systems (BGP).
	EBGP bool `json:"ebgp,omitempty"`
	// EBGPMultihop is how many hops away eBGP peers may be (EVPN, BGP); 0 means neighbours
	// only, and 10 for an EVPN controller with sessions from a loopback.
	EBGPMultihop int `json:"ebgp-multihop,omitempty"`
	// RouteMapIn and RouteMapOut name the route maps for routes from and to the peers
	// (EVPN, BGP).
	RouteMapIn  string `json:"route-map-in,omitempty"`
	RouteMapOut string `json:"route-map-out,omitempty"`
	// Loopback names the interface with the source address of the sessions and VTEPs (BGP,
	// IS-IS).
	Loopback string `json:"loopback,omitempty"`
	// BGPMultipathASPathRelax spreads traffic over paths of equal length through
	// different autonomous systems (BGP).
	BGPMultipathASPathRelax bool `json:"bgp-multipath-as-path-relax,omitempty"`
	// ISISDomain, ISISNet and ISISIfaces are the IS-IS area tag, the network
	// entity title ("49.0001.1921.6800.1002.00") and the interfaces.
	ISISDomain string   `json:"isis-domain,omitempty"`
	ISISNet    string   `json:"isis-net,omitempty"`
	ISISIfaces []string `json:"isis-ifaces,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindController is the kind of Controller.
const KindController Kind = "controller"

func controllerKind() *Descriptor {
	return &Descriptor{
		Kind:         KindController,
		check:        (*checker).controllers,
		slot:         in(func(c *Config) *map[string]*Controller { return &c.Controllers }),
		Doc:          "A routing control plane that FRR runs on the nodes.",
		TypeProperty: "type",
		Example: `kind: controller
id: overlay
type: evpn
asn: 65000
fabric: ring
route-map-in: from-peers
`,
		Permissions: []Permission{sdnPermission("/sdn/controllers/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 64 letters, digits, _ and -", Pattern: controllerForm.String()},
			{Name: "type", Required: true, Doc: "what the controller does", Values: words(ControllerTypes()...), Noun: "a controller type"},
			{Name: "asn", Doc: "autonomous system number", Min: 1, Max: MaxASN, Noun: "an autonomous system number", Lax: always, Types: words(ControllerBGP, ControllerEVPN)},
			{Name: "peers", Doc: "addresses of the nodes (evpn) or of external routers (bgp)", Types: words(ControllerBGP, ControllerEVPN)},
			{Name: "fabric", Doc: "fabric whose nodes are the peers", Ref: KindFabric, Use: true, Types: words(ControllerEVPN)},
			{Name: "nodes", Doc: "nodes it runs on; all with a zone of it if left out", Ref: KindNode, Types: words(ControllerEVPN)},
			{Name: "peer-group-name", Doc: "FRR's name for the peers, VTEP if left out", Pattern: controllerForm.String(), Types: words(ControllerEVPN)},
			{Name: "bgp-mode", Doc: "whether sessions are eBGP or iBGP; auto if left out", Values: words(BGPModes()...), Noun: "a mode", Types: words(ControllerEVPN)},
			{Name: "node", Doc: "node it runs on", Ref: KindNode, Types: words(ControllerBGP, ControllerISIS)},
			{Name: "ebgp", Doc: "peers are in other autonomous systems (eBGP)", Types: words(ControllerBGP)},
			{Name: "ebgp-multihop", Doc: "hops to eBGP peers", Min: 1, Max: 255, Noun: "a number of hops", Without: ", or leave it out", Types: words(ControllerBGP, ControllerEVPN)},
			{Name: "route-map-in", Doc: "route map for routes from the peers", Ref: KindRouteMap, Use: true, Types: words(ControllerBGP, ControllerEVPN)},
			{Name: "route-map-out", Doc: "route map for routes to the peers", Ref: KindRouteMap, Use: true, Types: words(ControllerBGP, ControllerEVPN)},
			{Name: "loopback", Doc: "interface whose address sessions and VTEPs use", Types: words(ControllerBGP, ControllerISIS)},
			{Name: "bgp-multipath-as-path-relax", Doc: "use equal-cost paths through different autonomous systems", Types: words(ControllerBGP)},
			{Name: "isis-domain", Doc: "name of the IS-IS domain", Types: words(ControllerISIS)},
			{Name: "isis-net", Doc: "network entity title, like 49.0001.1921.6800.1002.00", Types: words(ControllerISIS)},
			{Name: "isis-ifaces", Doc: "interfaces that speak IS-IS", Types: words(ControllerISIS)},
		},
		Columns: []Column{
			column("CONTROLLER", func(c *Controller) string { return c.ID }),
			column("TYPE", func(c *Controller) string { return string(c.Type) }),
			column("ASN", func(c *Controller) string { return numberText(c.ASN, "") }),
			column("NODE", func(c *Controller) string { return c.Node }),
			column("PEERS", func(c *Controller) string { return peersText(c.Peers, c.Fabric) }),
			wideColumn("LOOPBACK", func(c *Controller) string { return c.Loopback }),
			wideColumn("DOMAIN", func(c *Controller) string { return c.ISISDomain }),
			wideColumn("NODES", func(c *Controller) string { return fewTexts(c.Nodes) }),
			wideColumn("PEER-GROUP", func(c *Controller) string { return c.peerGroupText() }),
			wideColumn("ROUTE-MAPS", func(c *Controller) string { return inOutText(c.RouteMapIn, c.RouteMapOut) }),
		},
	}
}

// ObjectKind implements Object.
func (*Controller) ObjectKind() Kind { return KindController }

// ObjectID implements Object.
func (c *Controller) ObjectID() string { return c.ID }

// OnNode reports whether the controller may run on the node: an EVPN controller runs on Nodes,
// the others on Node.
func (c *Controller) OnNode(node string) bool {
	if c.Type == ControllerEVPN {
		return len(c.Nodes) == 0 || slices.Contains(c.Nodes, node)
	}
	return c.Node == node
}

// PeerGroup returns the name of an EVPN controller's peer group.
func (c *Controller) PeerGroup() string { return cmp.Or(c.PeerGroupName, DefaultPeerGroup) }

// peerGroupText returns the peer group of an EVPN controller; others have none.
func (c *Controller) peerGroupText() string {
	if c.Type != ControllerEVPN {
		return ""
	}
	return c.PeerGroup()
}
