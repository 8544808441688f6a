package routing

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Intent is everything that FRR on one node should do.
type Intent struct {
	// Node is the name of the node.
	Node    string
	Dialect Dialect
	// BGPASN is the AS number of the node's BGP controller, also of one that is inactive;
	// 0 without one.
	BGPASN uint32
	// Restart makes the node's peers keep its routes while its bgpd restarts, and bgpd
	// adopt the routes in the kernel (RFC 4724): see model.FRRFacts.RestartsEVPN.
	Restart bool
	// PrefixLists and RouteMaps are the declared ones. One with the name of a generated
	// one replaces it.
	PrefixLists []*model.PrefixList
	RouteMaps   []*model.RouteMap
	// Controllers are those that are active on the node, in the order of their IDs: the
	// order decides which one's peer group is written first.
	Controllers []Controller
	// Zones are the EVPN zones of the node, in the order of their IDs. A zone without any
	// of its controllers among Controllers is skipped.
	Zones []Zone
	// Fabrics are those that the node is a member of, in the order of their IDs.
	Fabrics []Fabric
	// Local is the operator's own configuration, frr.conf.local, merged as
	// Proxmox does. The live driver leaves it empty and merges on the node, where
	// the file is (frr.Complete).
	Local string
}

// Dialect has the differences between Proxmox's files and the configuration for a node
// with a stock FRR. The zero value is the stock dialect.
type Dialect struct {
	// AutoRT uses "autort as N", which only the FRR of Proxmox knows, where the route
	// targets of the VNets need another AS number than the router's own. A stock FRR gets
	// the same targets VNI by VNI.
	AutoRT bool
	// OmitLines omits two base lines of the BGP router if a BGP controller creates it, as
	// Proxmox does: a node then advertises graceful restart to some neighbours and not to
	// others, depending on the controllers' names.
	OmitLines bool
	// PrefixFilters filters default routes by prefix lists, once for every zone
	// that the node is an exit node of, as Proxmox does. The filters are those of
	// all zones, and the FRR of Debian 12 does not apply prefix lists to EVPN.
	PrefixFilters bool
	// LongTargets writes route targets with AS numbers above 65535 in full, which FRR
	// rejects together with a VNI above 65535 and which differ from those that FRR derives
	// on its own (RFC 8365, section 5.1.2.1: the low 16 bits).
	LongTargets bool
	// Datacenter means that FRR runs with its profile of that name, as Proxmox's file sets
	// it for all. The live driver does not change the profile of the node's operator and
	// writes explicitly what it needs of this one: the timers of sessions, and filters
	// that permit everything, without which eBGP sessions exchange no routes in other
	// profiles (RFC 8212). It also makes IS-IS and OpenFabric announce changes within a
	// second, which otherwise needs up to 30 in every profile.
	Datacenter bool
	// AnyCommunity matches each extended community of a route separately, which only the
	// FRR of Proxmox knows ("any"), and uses only the targets to import of zones that have
	// them, as Proxmox does.
	AnyCommunity bool
	// OneAutoRT leaves the VNets of all zones to "autort as N", as Proxmox does,
	// also if their controllers have different AS numbers.
	OneAutoRT bool
	// InternalLocalAS uses another AS number than the router's in iBGP where the order of
	// the controllers requires it. FRR 8.4 rejects that ("local-as" equal to "remote-as"),
	// so that otherwise the router has the AS number of the first iBGP sessions.
	InternalLocalAS bool
	// Continue writes "continue N", which FRR reads as "on-match goto N".
	Continue bool
	// Multipath allows a node to use several exit nodes at once, as Proxmox does, instead
	// of the best one with the others in reserve.
	Multipath bool
	// ThirdParty advertises to external routers the next hops that the node itself has, as
	// Proxmox does.
	ThirdParty bool
	// SourceSix writes the map that chooses the source of IPv4 packets even if
	// the node's address is an IPv6 one, which then has no effect.
	SourceSix bool
}

// Proxmox is the dialect of the files that Proxmox VE generates.
func Proxmox() Dialect {
	return Dialect{
		AutoRT: true, OmitLines: true, PrefixFilters: true, LongTargets: true, Datacenter: true, Multipath: true, ThirdParty: true, SourceSix: true,
		AnyCommunity: true, OneAutoRT: true, InternalLocalAS: true, Continue: true,
	}
}

// Controller is an EVPN, BGP or ISIS.
type Controller interface{ build(b *builder) }

// EVPN is the control plane of EVPN zones on the node: BGP sessions with the other VTEPs
// (RFC 8365).
type EVPN struct {
	// ID is the controller's; zones name it. Owner is "controller/<ID>".
	ID, Owner string
	// ASN is the controller's AS number, part of route targets.
	ASN uint32
	// Mode determines which AS numbers the node and its peers have: see Session.
	Mode model.BGPMode
	// Group is FRR's name of the peer group; empty means "VTEP".
	Group string
	// RouterID is the router's, an IPv4 address.
	RouterID netip.Addr
	// Own is the node's own VTEP; Peers' sessions exclude it. It is not valid while the
	// node has none.
	Own netip.Addr
	// Peers are the VTEPs, with or without the own one, in order.
	Peers []netip.Addr
	// Loopback names the interface with the source address of the sessions; empty leaves
	// it to the kernel. If set, eBGP peers are not direct neighbours.
	Loopback string
	// Multihop is how many hops away eBGP peers may be; 0 means 10 with a Loopback, and
	// FRR's default without.
	Multihop int
	// RouteMapIn and RouteMapOut name further maps of the sessions; empty means
	// none.
	RouteMapIn, RouteMapOut string
	// Source is the source address of the sessions. It has precedence over the address of
	// Loopback.
	Source netip.Addr
	// Connected are the peers in a network of the node, for which the kernel chooses
	// Source without configuration: they get no explicit source, since then both ends use
	// single-hop BFD from the start.
	Connected []netip.Addr
	// NoBFD leaves iBGP sessions to their own timers: see model.FRRFacts.StuckBFD.
	NoBFD bool
	// Apart are the VNIs of the node's VXLAN zones. FRR treats every VXLAN device as one
	// of EVPN, and would remove the remote VTEPs of those zones whenever a session ends.
	Apart []uint32
}

// Session returns the AS number that the node uses with the controller's peers, and
// whether they are routers of other autonomous systems. bgp is the AS number of the node's
// BGP controller, or 0: in the mode auto the node uses that number, so that its peers are
// external if it differs from the controller's.
func (e *EVPN) Session(bgp uint32) (local uint32, external bool) {
	switch {
	case e.Mode == model.ModeExternal:
		return e.ASN, true
	case e.Mode == model.ModeInternal || bgp == 0:
		return e.ASN, false
	}
	return bgp, bgp != e.ASN
}

// BGP adds sessions of the node with external routers.
type BGP struct {
	// Owner is "controller/<ID>".
	Owner string
	ASN   uint32
	// RouterID is an IPv4 address.
	RouterID netip.Addr
	// Own is the node's address: that of Loopback if there is one. Its family is that of
	// the routes exchanged; IPv4 while there is none, and it is not valid.
	Own   netip.Addr
	Peers []netip.Addr
	// EBGP means that the peers are in other autonomous systems.
	EBGP bool
	// EBGPMultihop is how many hops away they may be; 0 keeps FRR's default.
	EBGPMultihop int
	// Loopback names the interface with the address that is advertised and is the source
	// of the node's own traffic.
	Loopback string
	// RouteMapIn and RouteMapOut name maps of the sessions; empty means none.
	RouteMapIn, RouteMapOut string
	// MultipathRelax spreads traffic over paths through different autonomous
	// systems.
	MultipathRelax bool
}

// ISIS makes the node take part in an IS-IS domain (ISO 10589).
type ISIS struct {
	// Owner is "controller/<ID>".
	Owner string
	// Domain is the area tag, Net the network entity title.
	Domain, Net string
	// Interfaces are kernel names; Build sorts them.
	Interfaces []string
}

// Zone is an EVPN zone on the node.
type Zone struct {
	// ID is the zone's, Owner "zone/<ID>", VRF the name of its device.
	ID, Owner, VRF string
	// Controller is the ID of the EVPN controller, Secondary are those of further ones.
	// The first that is on the node carries the zone, all get its routes.
	Controller string
	Secondary  []string
	// ASN is the AS number in the zone's route targets, on all nodes; 0 means that of the
	// controller which carries the zone.
	ASN uint32
	// VNI is the L3VNI, VNIs are those of the VNets.
	VNI  uint32
	VNIs []uint32
	// Exit is set on an exit node.
	Exit *Exit
	// AdvertiseSubnets advertises whole subnets. Exit nodes do not need it: they advertise
	// the default route.
	AdvertiseSubnets bool
	// RTImport lists further route targets to import, "65001:1000".
	RTImport []string
}

// controllers are the IDs of the zone's controllers.
func (z *Zone) controllers() []string { return append([]string{z.Controller}, z.Secondary...) }

// Exit is the configuration of an exit node for a zone.
type Exit struct {
	// Secondary is true if another node is the primary exit node, so that this one's
	// default route is the worse one.
	Secondary bool
	// NullRoutes are the subnets of other zones, which must not be reached
	// through the exit node, in the order of their writing.
	NullRoutes []netip.Prefix
	// Not4 and Not6 omit the default route of a family that no subnet of the zone has.
	// Proxmox advertises both; FRR 8.4 forgets how a node is reached by IPv4 when its last
	// route of IPv6 is withdrawn (FRRouting#14808).
	Not4, Not6 bool
	// Local is set if the node itself reaches the zone's guests.
	Local *LocalRouting
}

// LocalRouting is the path from an exit node itself into a zone: routes through a pair of
// veth devices instead of an import of the zone's routes.
type LocalRouting struct {
	// Link is the device outside the VRF; Via4 and Via6 are the addresses of the
	// other end, inside it.
	Link       string
	Via4, Via6 netip.Addr
	// Subnets are those of the zone's VNets, in order.
	Subnets []LocalSubnet
}

// LocalSubnet is a subnet and the ID of its VNet. The routes of all zones are
// written in the order of the VNets.
type LocalSubnet struct {
	VNet   string
	Prefix netip.Prefix
}

// Protocol is the routing protocol of a fabric.
type Protocol string

// The protocols of fabrics.
const (
	OpenFabric Protocol = "openfabric"
	OSPF       Protocol = "ospf"
	BGPFabric  Protocol = "bgp"
)

// Fabric is the node's part in a fabric.
type Fabric struct {
	// ID is the fabric's; Owner is "fabric/<ID>".
	ID, Owner string
	Protocol  Protocol
	// IPPrefix and IP6Prefix contain the addresses of all members. A family without a
	// valid prefix is not used.
	IPPrefix, IP6Prefix netip.Prefix
	// IP and IP6 are the node's own addresses.
	IP, IP6 netip.Addr
	// HelloInterval and CSNPInterval are in seconds (OpenFabric); 0 keeps FRR's defaults.
	HelloInterval, CSNPInterval int
	// Area is OSPF's, a number or a dotted quad.
	Area string
	// RouteFilter names a prefix list that selects the routes of the fabric, instead of
	// its prefixes; empty means those.
	RouteFilter string
	// Redistribute are other routes that the fabric advertises (OSPF, BGP).
	Redistribute []Redistribution
	// RouteMapIn and RouteMapOut name further maps of the sessions (BGP).
	RouteMapIn, RouteMapOut string
	// BFD monitors the sessions, ASN is the node's AS number (BGP).
	BFD bool
	ASN uint32
	// Interfaces are the node's links to other members.
	Interfaces []FabricLink
}

// Redistribution is a source of routes as FRR names it: "connected". Metric and
// RouteMap may be empty.
type Redistribution struct{ Source, Metric, RouteMap string }

// FabricLink is a link of the node to other members of a fabric.
type FabricLink struct {
	Name string
	// Numbered means that the link has its own IPv4 address.
	Numbered bool
	// HelloMultiplier is how many lost hellos end a neighbour (OpenFabric); 0 keeps FRR's
	// default.
	HelloMultiplier int
	// NetworkType is OSPF's; empty means point-to-point unless the link is
	// numbered.
	NetworkType string
}
