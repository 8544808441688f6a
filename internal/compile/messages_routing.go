package compile

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about routing on a node.
var (
	msgFabricNotRunOnNode = message.Define("fabric-not-run-on-node",
		"is a wireguard fabric, which this release keeps but does not run: node {node} makes no tunnels of it",
		"",
		"This release stores WireGuard fabrics and does not run them.")
	msgFabricInterfaceMissing = message.Define("fabric-interface-missing",
		"node {node} has no interface {interface}",
		"the fabric runs without this link; correct the name, or plug it in",
		"A link of the fabric names an interface that the node does not have.")
	msgFabricInterfaceDown = message.Define("fabric-interface-down",
		"interface {interface} of node {node} is down",
		"the fabric runs without this link until it is up (ip link set {interface} up)",
		"A link of the fabric is declared and its interface is down.")
	msgFabricAddressReserved = message.Define("fabric-address-reserved",
		`address {address} is not set: interface {interface} is reserved on node {node} (pattern "{pattern}")`,
		"set it by hand, or change the reserved list",
		"The interface of the link is reserved from changes.")
	msgBGPRouterConflict = message.Define("bgp-router-conflict",
		"does not run on node {node}: it needs a BGP router of AS {asn}, and the node's own FRR configuration has one of AS {own}, and FRR runs only one",
		"set asn to {own}, or remove the router there (vtysh: configure, no router bgp {own}, end, write)",
		"FRR runs one BGP router of the default VRF, and the node's own configuration has one with another AS number.")
	msgZoneNotRouted = message.Define("zone-not-routed",
		"is not routed to other nodes from node {node}",
		"see controller {controller}",
		"The zone's controller does not run on this node; its own problem states why.")
	msgFRRLocalLinesIgnored = message.Define("frr-local-lines-ignored",
		"lines of {file} are left out: {error}",
		"",
		"A file with additional lines for FRR cannot be used.")
	msgIBGPMultipleASN = message.Define("ibgp-multiple-asn",
		"does not run on node {node}: its FRR {version} supports iBGP in one autonomous system only, which is {asn}",
		"set bgp-mode external on one of the controllers, give them one asn, or install FRR 10",
		"FRR before 10 cannot have internal sessions in several autonomous systems.")
	msgEBGPMultihopOnInternal = message.Define("ebgp-multihop-on-internal",
		"ebgp-multihop has no effect on node {node}, whose sessions of this controller are internal",
		"take it out, or set bgp-mode external",
		"The number of hops counts for external sessions only.")
	msgBGPPeerUsed = message.Define("bgp-peer-used",
		"node {node} has a session with peer {peer} for {other} already, and a neighbour has one session",
		"remove it from one of the two",
		"FRR has one session with a neighbour, and another controller has it.")
	msgBGPSourceMissing = message.Define("bgp-source-missing",
		"node {node} has no address to speak BGP from: no route leads to the peers {peers}",
		"add one, or set loopback to an interface with an address",
		"Sessions start at an address of the node in the network that leads to the peer.")
	msgBGPSourcePending = message.Define("bgp-source-pending",
		"node {node} has no address to speak BGP from yet: sessions with the peers {peers} come up once the interface that leads to them has one",
		"",
		"The interface that leads to the peer has no address yet.")
	msgLoopbackWithoutAddress = message.Define("loopback-without-address",
		"loopback {interface} of node {node} has no address that others can reach, so it is not used",
		"give it one",
		"The declared loopback interface has no unicast address, so another one is used.")
	msgISISInterfaceMissing = message.Define("isis-interface-missing",
		"node {node} has no interface {interface}",
		"IS-IS begins there once it exists",
		"The controller lists an interface that the node does not have.")
	msgBFDNotUsed = message.Define("bfd-not-used",
		"node {node} detects the loss of a peer after 9 seconds instead of one, without BFD: its sessions with neighbour {peer} have to come from {address}, which is not its only address in their network, and its FRR {version} never establishes such a session with BFD (FRRouting#18742)",
		"install FRR 10.4 there",
		"FRR before 10.4 does not establish BFD sessions from an address that is not the first one in its network.")
	msgEgressInterfaceMissing = message.Define("egress-interface-missing",
		"nothing leaves the zone by exit node {node}, which has no interface {interface}",
		"correct exitnodes-interface, or take the node out of exitnodes",
		"The zone's outgoing traffic leaves exit nodes by an interface that this one does not have.")
	msgEgressNextHopUnreachable = message.Define("egress-next-hop-unreachable",
		"nothing leaves the zone by exit node {node} towards {next-hop}, which is on none of its networks",
		"correct exitnodes-via, or give the node an address in the same network",
		"A next hop has to be in a network that the exit node is connected to.")
	msgSNATWithoutExitNode = message.Define("snat-without-exit-node",
		"snat has no effect: zone {zone} has no exit node that leads outside",
		"set exitnodes",
		"Traffic leaves an EVPN zone by its exit nodes.")
	msgControllerWithoutVTEP = message.Define("controller-without-vtep",
		"node {node} has no VTEP",
		"see controller {controller}",
		"The controller has no address for tunnels on this node; its own problem states why.")
	msgZoneControllerNotHere = message.Define("zone-controller-not-here",
		"no controller of the zone runs on node {node}, so the zone's VNets stay separated there",
		"add the node to the nodes of controller {controller}",
		"The zone is deployed on a node on which none of its controllers runs.")
	msgZoneControllerNotEVPN = message.Define("zone-controller-not-evpn",
		`controller "{controller}" is not an evpn controller`,
		"the zone's VNets stay separated on every node; correct controller",
		"The zone names a controller of another type, or one that does not exist.")
	msgExitRouteConflict = message.Define("exit-route-conflict",
		"exit node {node} leads to {network} of {other} already: what comes from outside, and answers to what left, goes there",
		"use another network, or other exit nodes for one of the zones",
		"Exit nodes route to the networks of several zones in one table, where each network has one route.")
	msgVTEPIPv4FabricNeeded = message.Define("vtep-ipv4-fabric-needed",
		"node {node} has no address to use as its VTEP: its FRR {version} supports EVPN over IPv4 only (IPv6 needs FRR 10.6), and fabric {fabric} has no IPv4 addresses",
		"set ip-prefix of the fabric and ip of its nodes",
		"FRR before 10.6 supports VTEPs with IPv4 addresses only.")
	msgVTEPIPv4Needed = message.Define("vtep-ipv4-needed",
		"node {node} has no address to use as its VTEP: its FRR {version} supports EVPN over IPv4 only (IPv6 needs FRR 10.6), and interface{interface} with {session} has no IPv4 address",
		"give it one that the other nodes reach",
		"FRR before 10.6 supports VTEPs with IPv4 addresses only.")
	msgFRRMissing = message.Define("frr-missing",
		"needs the routing suite FRR, which node {node} does not have",
		"install it there (apt install frr)",
		"Zones and fabrics with routing need FRR on their nodes.")
)
