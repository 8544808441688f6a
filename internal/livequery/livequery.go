// Package livequery lists the queries of a server to a node about its present state: the
// bridges of a zone there, routes, neighbours.
//
// It is next to package protocol, which carries queries and answers, and imports neither
// side. A query is registered once, here: its subject on the wire, the kind of object that
// it is about, who may send it, and the type of the listed elements. The agent has an
// answer for each (agent.answers); the Proxmox API has an operation.
package livequery

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Subject names a query on the wire.
type Subject string

// Query requests a list of T.
type Query[T any] struct {
	Subject Subject
	// About is the kind of the queried object: a zone, a VNet or a fabric.
	About model.Kind
	// Writers allows the query for those who may change the object, in addition to those
	// who may read it.
	Writers bool
}

// The queries.
var (
	// Bridges requests the bridges of a zone's VNets and their ports, or with LocalNetwork
	// in place of the zone those of the node.
	Bridges = register(Query[Bridge]{Subject: "bridges", About: model.KindZone})
	// Routes requests the routes of an EVPN zone's VRF.
	Routes = register(Query[VRFRoute]{Subject: "ip-vrf", About: model.KindZone})
	// MACs requests the hosts that BGP has routes to in a VNet of an EVPN zone.
	MACs = register(Query[MAC]{Subject: "mac-vrf", About: model.KindVNet})
	// FirewallCounters requests the counters of the rules of a VNet's firewall.
	FirewallCounters = register(Query[FirewallCounter]{Subject: "firewall", About: model.KindVNet, Writers: true})
	// FabricRoutes requests the routes through a fabric.
	FabricRoutes = register(Query[FabricRoute]{Subject: "fabric-routes", About: model.KindFabric})
	// FabricNeighbours requests the node's neighbours in a fabric.
	FabricNeighbours = register(Query[FabricNeighbour]{Subject: "fabric-neighbors", About: model.KindFabric})
	// FabricLinks requests the node's interfaces in a fabric.
	FabricLinks = register(Query[FabricLink]{Subject: "fabric-interfaces", About: model.KindFabric})
)

// subjects are those of all queries.
var subjects []Subject

func register[T any](q Query[T]) Query[T] {
	subjects = append(subjects, q.Subject)
	return q
}

// Subjects returns those of all queries.
func Subjects() []Subject { return slices.Clone(subjects) }

// LocalNetwork selects the node's own bridges in place of a zone.
const LocalNetwork = "localnetwork"
