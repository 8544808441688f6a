package api

import "github.com/viaduct-sdn/viaduct/internal/livequery"

// LiveQuery describes a live query: its subject, the kind of object that it is about, what it
// lists, and the type of the listed items.
type LiveQuery = livequery.Info

// The items of live queries.
type (
	// LiveInterface is an interface of a node.
	LiveInterface = livequery.Interface
	// LiveInterfaceCounters are what an interface received and sent.
	LiveInterfaceCounters = livequery.InterfaceCounters
	// LiveRoute is a route in the kernel of a node.
	LiveRoute = livequery.Route
	// LiveNeighbour is an entry of a neighbour table.
	LiveNeighbour = livequery.Neighbour
	// LiveSession is a session of one of FRR's daemons.
	LiveSession = livequery.Session
	// LiveService is a process of a node's networks.
	LiveService = livequery.Service
	// LiveLogRecord is a record of an agent's log.
	LiveLogRecord = livequery.LogRecord
	// LiveBridge is a bridge with its ports.
	LiveBridge = livequery.Bridge
	// LiveVRFRoute is a route of a VRF, by FRR.
	LiveVRFRoute = livequery.VRFRoute
	// LiveMAC is a host that BGP has a route to.
	LiveMAC = livequery.MAC
	// LiveForwardingEntry is an entry of a bridge's forwarding database.
	LiveForwardingEntry = livequery.ForwardingEntry
	// LiveLease is a DHCP lease.
	LiveLease = livequery.Lease
	// LiveFirewallCounter is the count of a rule of a firewall.
	LiveFirewallCounter = livequery.FirewallCounter
	// LiveFirewallLogEntry is a packet that a rule of a firewall logged.
	LiveFirewallLogEntry = livequery.FirewallLogEntry
	// LivePoolServer is a guest of a load balancer's pool.
	LivePoolServer = livequery.PoolServer
	// LiveFabricRoute is a route through a fabric.
	LiveFabricRoute = livequery.FabricRoute
	// LiveFabricNeighbour is a neighbour in a fabric.
	LiveFabricNeighbour = livequery.FabricNeighbour
	// LiveFabricLink is an interface in a fabric.
	LiveFabricLink = livequery.FabricLink
)

// LiveQueries returns all live queries.
func LiveQueries() []LiveQuery { return livequery.All() }
