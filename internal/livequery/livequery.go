// Package livequery lists what a server can ask a node about its present state: which
// bridges a zone has there, which routes, which neighbours.
//
// It stands beside package protocol, which carries queries and answers, and imports
// nothing that asks or answers. A query is registered once, here: its subject on the wire,
// the kind of object that it is about, who may ask, and the type of what it lists. The
// agent has an answer for each (agent.answers); the Proxmox API has an operation.
package livequery

import "github.com/viaduct-sdn/viaduct/internal/model"

// Subject names a query on the wire.
type Subject string

// Query asks for a list of T.
type Query[T any] struct {
	Subject Subject
	// About is the kind of the object that is asked about: a zone, a VNet or a fabric.
	About model.Kind
	// Writers lets those ask who may change the object, beside those who may read it.
	Writers bool
}

// The queries.
var (
	// Bridges asks for the bridges of a zone's VNets and their ports, or with LocalNetwork
	// in place of the zone for the node's own.
	Bridges = Query[Bridge]{Subject: "bridges", About: model.KindZone}
	// Routes asks for the routes of an EVPN zone's VRF.
	Routes = Query[VRFRoute]{Subject: "ip-vrf", About: model.KindZone}
	// MACs asks for the hosts that BGP has routes to in a VNet of an EVPN zone.
	MACs = Query[MAC]{Subject: "mac-vrf", About: model.KindVNet}
	// FirewallCounters asks for what the rules of a VNet's firewall counted.
	FirewallCounters = Query[FirewallCounter]{Subject: "firewall", About: model.KindVNet, Writers: true}
	// FabricRoutes asks for the routes by way of a fabric.
	FabricRoutes = Query[FabricRoute]{Subject: "fabric-routes", About: model.KindFabric}
	// FabricNeighbours asks for the node's neighbours in a fabric.
	FabricNeighbours = Query[FabricNeighbour]{Subject: "fabric-neighbors", About: model.KindFabric}
	// FabricLinks asks for the node's interfaces in a fabric.
	FabricLinks = Query[FabricLink]{Subject: "fabric-interfaces", About: model.KindFabric}
)

// Subjects are those of all queries.
func Subjects() []Subject {
	return []Subject{Bridges.Subject, Routes.Subject, MACs.Subject, FirewallCounters.Subject, FabricRoutes.Subject, FabricNeighbours.Subject, FabricLinks.Subject}
}

// LocalNetwork stands for the node's own bridges in place of a zone.
const LocalNetwork = "localnetwork"
