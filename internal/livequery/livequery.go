// Package livequery lists the queries of a server to a node about its present state: its
// interfaces, the bridges of a zone there, routes, neighbours.
//
// It is next to package protocol, which carries queries and answers, and imports neither
// side. A query is registered once, here: its subject on the wire, the kind of object that
// it is about, who may send it, and the type of the listed elements. The agent has an
// answer for each (agent.answers), the native API an operation made from the registration,
// and the Proxmox API one for those that Proxmox VE has too.
package livequery

import (
	"reflect"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Subject names a query on the wire.
type Subject string

// Bounds of an answer: how many items it has and how many bytes they take. An agent omits
// what exceeds them and says how many items those are.
const (
	MaxItems = 5000
	MaxBytes = 900 << 10
)

// Query requests a list of T.
type Query[T any] struct {
	Subject Subject
	// About is the kind of the queried object: a zone, a VNet or a fabric; or a node, for
	// queries about the node itself.
	About model.Kind
	// Writers allows the query for those who may change the object, in addition to those
	// who may read it.
	Writers bool
	// Shared lets readers who ask within ShareFor share one answer of the node, because many
	// read it again and again.
	Shared bool
	// Doc says what is listed.
	Doc string
}

// Info describes a query regardless of its type.
type Info struct {
	Subject Subject
	About   model.Kind
	Shared  bool
	Doc     string
	// Item is the type of the listed elements.
	Item reflect.Type
}

// InVNet is an item that belongs to a VNet: a list about more than one VNet has it for those
// who may read that VNet.
type InVNet interface{ OfVNet() string }

// InGuest is an item that belongs to a guest: a list has it for those who may read that guest.
type InGuest interface{ OfGuest() string }

// ShareFor is how old an answer may be that readers of a shared query get. Those who compute
// rates ask at longer intervals.
const ShareFor = 2 * time.Second

// The queries.
var (
	// Interfaces requests the interfaces of a node with their addresses.
	Interfaces = register(Query[Interface]{Subject: "interfaces", About: model.KindNode, Doc: "Lists the interfaces of a node with their addresses."})
	// NodeRoutes requests the kernel's routes of a node, in all tables but the one of its own addresses.
	NodeRoutes = register(Query[Route]{Subject: "routes", About: model.KindNode, Doc: "Lists the routes in the kernel of a node, in the main table and in those of its VRFs."})
	// Neighbours requests the node's neighbour table (ARP and neighbour discovery).
	Neighbours = register(Query[Neighbour]{Subject: "neighbors", About: model.KindNode, Doc: "Lists the neighbours of a node: the addresses that ARP and neighbour discovery resolved."})
	// Counters and VNetCounters request what interfaces received and sent: a node's uplinks, and
	// the uplinks and guests' ports of its VNets.
	Counters     = register(Query[InterfaceCounters]{Subject: "counters", About: model.KindNode, Shared: true, Doc: "Lists what the interfaces of a node received and sent: its own uplinks, and the uplinks and guests' ports of its VNets. Two answers give rates, by their times."})
	VNetCounters = register(Query[InterfaceCounters]{Subject: "vnet-counters", About: model.KindVNet, Shared: true, Doc: "Lists what the uplinks and guests' ports of a VNet received and sent on a node. Two answers give rates, by their times."})
	// Sessions requests the sessions of FRR on a node.
	Sessions = register(Query[Session]{Subject: "sessions", About: model.KindNode, Shared: true, Doc: "Lists the sessions of FRR on a node: BGP peers, OSPF, OpenFabric and IS-IS adjacencies."})
	// Services requests the processes that serve a node's networks.
	Services = register(Query[Service]{Subject: "services", About: model.KindNode, Doc: "Lists the processes of a node's networks: FRR's daemons, the DHCP server of each VNet, the DNS server."})
	// Drift requests what a pass of the agent would change now.
	Drift = register(Query[diff.Change]{Subject: "drift", About: model.KindNode, Doc: "Lists what the agent of a node would change if it ran now: what differs from the running revision."})
	// Log requests the newest records of the agent's log, newest first.
	Log = register(Query[LogRecord]{Subject: "log", About: model.KindNode, Doc: "Lists the newest records of the agent's log, newest first."})
	// Bridges requests the bridges of a zone's VNets and their ports, or with LocalNetwork
	// in place of the zone those of the node.
	Bridges = register(Query[Bridge]{Subject: "bridges", About: model.KindZone, Doc: "Lists the bridges of a zone on a node, and their ports. localnetwork in place of a zone means bridges that belong to none."})
	// Routes requests the routes of an EVPN zone's VRF.
	Routes = register(Query[VRFRoute]{Subject: "ip-vrf", About: model.KindZone, Doc: "Lists the routes of an EVPN zone's VRF on a node."})
	// ZoneLeases requests the DHCP leases of a zone.
	ZoneLeases = register(Query[Lease]{Subject: "zone-leases", About: model.KindZone, Doc: "Lists the DHCP leases that a node has assigned in a zone."})
	// MACs requests the hosts that BGP has routes to in a VNet of an EVPN zone.
	MACs = register(Query[MAC]{Subject: "mac-vrf", About: model.KindVNet, Doc: "Lists the hosts that BGP knows of in a VNet of an EVPN zone, on a node."})
	// Forwarding requests the forwarding database of a VNet's bridge.
	Forwarding = register(Query[ForwardingEntry]{Subject: "fdb", About: model.KindVNet, Doc: "Lists the forwarding database of a VNet's bridge on a node: which MAC address is behind which port or VTEP."})
	// Leases requests the DHCP leases of a VNet.
	Leases = register(Query[Lease]{Subject: "leases", About: model.KindVNet, Doc: "Lists the DHCP leases that a node has assigned in a VNet."})
	// FirewallCounters requests the counters of the rules of a VNet's firewall.
	FirewallCounters = register(Query[FirewallCounter]{Subject: "firewall", About: model.KindVNet, Writers: true, Doc: "Lists what the rules of a VNet's firewall counted on a node since they were created there."})
	// NodeFirewallLog and FirewallLog request the packets that rules with a log level decided
	// on, newest first: all of a node, and those of a VNet.
	NodeFirewallLog = register(Query[FirewallLogEntry]{Subject: "node-firewall-log", About: model.KindNode, Shared: true, Doc: "Lists the newest packets that firewall rules with a log level decided on, on a node; newest first."})
	FirewallLog     = register(Query[FirewallLogEntry]{Subject: "firewall-log", About: model.KindVNet, Writers: true, Doc: "Lists the newest packets of a VNet that firewall rules with a log level decided on, on a node; newest first."})
	// LoadBalancer requests the listener of a load balancer and the guests of its pool.
	LoadBalancer = register(Query[PoolServer]{Subject: "load-balancer", About: model.KindLoadBalancer, Doc: "Lists the guests of a load balancer's pool as HAProxy on a node sees them, after the load balancer as a whole."})
	// FabricRoutes requests the routes through a fabric.
	FabricRoutes = register(Query[FabricRoute]{Subject: "fabric-routes", About: model.KindFabric, Doc: "Lists the routes through a fabric on a node."})
	// FabricNeighbours requests the node's neighbours in a fabric.
	FabricNeighbours = register(Query[FabricNeighbour]{Subject: "fabric-neighbors", About: model.KindFabric, Doc: "Lists the neighbours of a node in a fabric."})
	// FabricLinks requests the node's interfaces in a fabric.
	FabricLinks = register(Query[FabricLink]{Subject: "fabric-interfaces", About: model.KindFabric, Doc: "Lists the interfaces of a node in a fabric."})
)

// queries are all queries, in the order above.
var queries []Info

func register[T any](q Query[T]) Query[T] {
	queries = append(queries, Info{q.Subject, q.About, q.Shared, q.Doc, reflect.TypeFor[T]()})
	return q
}

// All returns all queries.
func All() []Info { return slices.Clone(queries) }

// Subjects returns the subjects of all queries.
func Subjects() []Subject {
	out := make([]Subject, len(queries))
	for i, q := range queries {
		out[i] = q.Subject
	}
	return out
}

// LocalNetwork selects the node's own bridges in place of a zone.
const LocalNetwork = "localnetwork"
