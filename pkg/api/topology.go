package api

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// ElementKind is what an element of the picture of the network shows.
type ElementKind string

// The kinds of elements.
const (
	// ElementNode is a node: the head of a column.
	ElementNode ElementKind = "node"
	// ElementZone is a zone: a band across the columns, with a row for each VNet.
	ElementZone ElementKind = "zone"
	// ElementVNet is a VNet: a line through the nodes that carry it.
	ElementVNet ElementKind = "vnet"
	// ElementSubnet is a subnet with its gateway, at the end of its VNet's line.
	ElementSubnet ElementKind = "subnet"
	// ElementGuest is one NIC of a guest, where its node's column meets its VNet's line.
	ElementGuest ElementKind = "guest"
	// ElementGuests are all guests' NICs of a VNet or zone on one node. Without guests it
	// only shows that the node carries the VNet.
	ElementGuests ElementKind = "guests"
	// ElementUnderlay is the band of what carries the zones.
	ElementUnderlay ElementKind = "underlay"
	// ElementFabric and ElementController are lines through the nodes that take part, and
	// ElementMember is one node's part in them.
	ElementFabric     ElementKind = "fabric"
	ElementController ElementKind = "controller"
	ElementMember     ElementKind = "member"
	// ElementVTEP is where a node's links end.
	ElementVTEP ElementKind = "vtep"
	// ElementLink is everything between two nodes, or a node and a router: tunnels and BGP
	// sessions. ElementLinks is the row of the links' ends; its Links counts those that are not
	// drawn because they would be too many lines.
	ElementLink  ElementKind = "link"
	ElementLinks ElementKind = "links"
	// ElementRouter is a VTEP or a BGP neighbour that is no node.
	ElementRouter ElementKind = "router"
	// ElementPorts is the band of one node's own interfaces, ElementInterface one of them,
	// and ElementPort the attachment of one to the bridge, bond or link below it.
	ElementPorts     ElementKind = "ports"
	ElementInterface ElementKind = "interface"
	ElementPort      ElementKind = "port"
)

// ElementKinds are all kinds of elements.
func ElementKinds() []ElementKind {
	return []ElementKind{
		ElementNode, ElementZone, ElementVNet, ElementSubnet, ElementGuest, ElementGuests, ElementUnderlay, ElementFabric, ElementController, ElementMember,
		ElementVTEP, ElementLink, ElementLinks, ElementRouter, ElementPorts, ElementInterface, ElementPort,
	}
}

// PendingChange is what an apply does to an element.
type PendingChange string

// The pending changes.
const (
	ChangeAdded   PendingChange = "added"
	ChangeChanged PendingChange = "changed"
	ChangeRemoved PendingChange = "removed"
)

// Topology is the network as a picture, laid out: nodes are columns, zones bands of rows
// across them, VNets lines, guests dots where a line crosses their node.
type Topology struct {
	// Version identifies the picture; it is also the ETag.
	Version string `json:"version"`
	// Revision is the running revision; Pending counts the changes shown.
	Revision int64 `json:"revision"`
	Pending  int   `json:"pending"`
	// Summary is the picture in a sentence.
	Summary string `json:"summary"`
	// Width and Height are the size of the picture, whose upper left corner is at 0, 0.
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	// Dense is true if the columns are too narrow for horizontal names.
	Dense    bool      `json:"dense,omitempty"`
	Elements []Element `json:"elements"`
}

// Element is one part of the picture.
type Element struct {
	// ID is unique in the picture and stays the same: "vnet/web", "vnet/web@node1".
	ID   string      `json:"id"`
	Kind ElementKind `json:"kind"`
	// Ref is the object that it shows: "vnet/web"; empty for none.
	Ref string `json:"ref,omitempty"`
	// Label is its name, Detail what else is to be known.
	Label  string `json:"label"`
	Detail string `json:"detail,omitempty"`
	// State is empty where nothing reports one; Message is the cause.
	State   protocol.State `json:"state,omitempty"`
	Message string         `json:"message,omitempty"`
	// Change is what the pending configuration does to it; empty for nothing.
	Change PendingChange `json:"change,omitempty"`
	// Parent is the element that it is part of, Node the element of its node; From and To
	// are the ends of a link or port.
	Parent string `json:"parent,omitempty"`
	Node   string `json:"node,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// Addresses are those by which others know the node of a VTEP, at most MaxAddresses.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Guests, VNets and Links count what it stands for or holds.
	Guests int `json:"guests,omitempty"`
	VNets  int `json:"vnets,omitempty"`
	Links  int `json:"links,omitempty"`
	// Collapsed is true for a zone whose VNets are only counted: ask for them with expand.
	Collapsed bool `json:"collapsed,omitempty"`
	// Rank is its place among the nodes, the zones or the VNets of its zone: see Positions.
	Rank float64 `json:"rank,omitempty"`
	// X and Y are its centre, W and H its size. A link or port has none: it is drawn between
	// its ends.
	X float64 `json:"x"`
	Y float64 `json:"y"`
	W float64 `json:"w"`
	H float64 `json:"h"`
}

// MaxAddresses bounds the addresses of an element.
const MaxAddresses = 16

// Limits of Positions.
const (
	// MaxPositions bounds how many elements are moved, MaxRank how far, in both directions.
	MaxPositions = 4096
	MaxRank      = 1_000_000
)

// Positions moves elements of the picture, for all users: a rank for "node/node1" among the
// nodes, "zone/red" among the zones, "vnet/web" among the VNets of its zone. Elements that
// nobody moved have the ranks 0, 1, 2 and so on, by name, so 1.5 is after the second. Null
// puts an element back to its own place.
type Positions struct {
	Positions map[string]*float64 `json:"positions"`
}
