package api

import (
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// The kinds of object.
const (
	KindNode          = model.KindNode
	KindPrefixList    = model.KindPrefixList
	KindRouteMap      = model.KindRouteMap
	KindFabric        = model.KindFabric
	KindFabricNode    = model.KindFabricNode
	KindController    = model.KindController
	KindZone          = model.KindZone
	KindVNet          = model.KindVNet
	KindSubnet        = model.KindSubnet
	KindBackplane     = model.KindBackplane
	KindSector        = model.KindSector
	KindLoadBalancer  = model.KindLoadBalancer
	KindIPAM          = model.KindIPAM
	KindDNS           = model.KindDNS
	KindAlias         = model.KindAlias
	KindIPSet         = model.KindIPSet
	KindSecurityGroup = model.KindSecurityGroup
	KindFirewall      = model.KindFirewall
	KindGuest         = model.KindGuest
)

// The objects, one type for each kind, and their parts. Their fields have the names and
// meanings of the properties that docs/reference/kinds.md describes.
type (
	// Node holds settings of one node (KindNode).
	Node = model.Node
	// PrefixList permits or denies networks (KindPrefixList).
	PrefixList = model.PrefixList
	// PrefixEntry is one network of a PrefixList.
	PrefixEntry = model.PrefixEntry
	// RouteMap filters and changes routes (KindRouteMap).
	RouteMap = model.RouteMap
	// RouteMapEntry is one step of a RouteMap.
	RouteMapEntry = model.RouteMapEntry
	// Fabric is a routed underlay (KindFabric).
	Fabric = model.Fabric
	// Redistribution is a source of further routes that a Fabric advertises.
	Redistribution = model.Redistribution
	// FabricNode is a node's part in a Fabric (KindFabricNode).
	FabricNode = model.FabricNode
	// FabricInterface is a link of a FabricNode.
	FabricInterface = model.FabricInterface
	// FabricPeer is a WireGuard peer of a FabricNode.
	FabricPeer = model.FabricPeer
	// Controller is routing that FRR does on the nodes (KindController).
	Controller = model.Controller
	// Zone is a separated network area (KindZone).
	Zone = model.Zone
	// VNet is a virtual network (KindVNet).
	VNet = model.VNet
	// Subnet is an address range of a VNet (KindSubnet).
	Subnet = model.Subnet
	// Range is a range of addresses of a Subnet.
	Range = model.Range
	// Backplane is a network that gateways of sectors have a leg in (KindBackplane).
	Backplane = model.Backplane
	// BackplaneMember is a node with a Backplane.
	BackplaneMember = model.BackplaneMember
	// Sector is an isolated tenant network (KindSector).
	Sector = model.Sector
	// SectorSubnet is a network of a Sector.
	SectorSubnet = model.SectorSubnet
	// SectorForward leads a port of a Sector's address to a guest.
	SectorForward = model.SectorForward
	// FloatingIP leads an address of a Backplane to a guest of a Sector.
	FloatingIP = model.FloatingIP
	// LoadBalancer distributes connections over guests of a Sector (KindLoadBalancer).
	LoadBalancer = model.LoadBalancer
	// PoolGuest is a guest of a LoadBalancer's pool.
	PoolGuest = model.PoolGuest
	// IPAM is an address management system (KindIPAM).
	IPAM = model.IPAM
	// DNS is a DNS server outside the cluster (KindDNS).
	DNS = model.NameServer
	// Alias is a name for an address or network in firewall rules (KindAlias).
	Alias = model.Alias
	// IPSet is a set of addresses and networks for firewall rules (KindIPSet).
	IPSet = model.IPSet
	// IPSetEntry is one address or network of an IPSet.
	IPSetEntry = model.IPSetEntry
	// SecurityGroup is a list of rules that firewalls refer to (KindSecurityGroup).
	SecurityGroup = model.SecurityGroup
	// Firewall is the firewall of the datacenter or of a VNet (KindFirewall).
	Firewall = model.Firewall
	// FirewallRule is one rule of a Firewall or SecurityGroup.
	FirewallRule = model.FirewallRule
	// Guest is a virtual machine or container (KindGuest).
	Guest = model.Guest
	// NIC is a network interface of a Guest.
	NIC = model.NIC
	// Config is the objects of all kinds, by their IDs.
	Config = model.Config
	// Others are the objects of kinds that Config has no field for.
	Others = model.Others
	// Secret is a text that is only shown to those who may change it.
	Secret = model.Secret
	// ClientSpelling is the spelling of properties by a client of the Proxmox API.
	ClientSpelling = model.ClientSpelling
)

// Values of properties.
type (
	// ZoneType is the type of a Zone.
	ZoneType = model.ZoneType
	// NodeNetworks selects the guests that reach the networks of the nodes.
	NodeNetworks = model.NodeNetworks
	// ControllerType is the type of a Controller.
	ControllerType = model.ControllerType
	// BGPMode is whether a Controller's sessions are internal or external.
	BGPMode = model.BGPMode
	// FabricProtocol is the routing protocol of a Fabric.
	FabricProtocol = model.FabricProtocol
	// IPAMType is the type of an IPAM.
	IPAMType = model.IPAMType
	// Severity ranks a Problem.
	Severity = model.Severity
	// Action is the kind of a Change.
	Action = diff.Action
)

// The values of ZoneType, ControllerType, FabricProtocol and IPAMType.
const (
	ZoneSimple = model.ZoneSimple
	ZoneVLAN   = model.ZoneVLAN
	ZoneQinQ   = model.ZoneQinQ
	ZoneVXLAN  = model.ZoneVXLAN
	ZoneEVPN   = model.ZoneEVPN

	ControllerEVPN = model.ControllerEVPN
	ControllerBGP  = model.ControllerBGP
	ControllerISIS = model.ControllerISIS

	FabricOpenFabric = model.FabricOpenFabric
	FabricOSPF       = model.FabricOSPF
	FabricBGP        = model.FabricBGP
	FabricWireGuard  = model.FabricWireGuard

	IPAMTypePVE     = model.IPAMTypePVE
	IPAMTypeNetBox  = model.IPAMTypeNetBox
	IPAMTypePHPIPAM = model.IPAMTypePHPIPAM
)

// What nodes report.
type (
	// State is the state of a node or of an object on a node.
	State = protocol.State
	// Class is the class of a fault.
	Class = fault.Class
	// ObjectStatus is the state of one object on one node.
	ObjectStatus = protocol.ObjectStatus
	// Drift is a difference between a node's desired and actual state.
	Drift = protocol.Drift
	// Load is how busy a node is.
	Load = protocol.Load
	// Facts describe a node's hardware, network and software.
	Facts = model.Facts
	// FRRFacts describe a node's FRR.
	FRRFacts = model.FRRFacts
	// Interface is a network interface of a node.
	Interface = model.Interface
	// VLANDevice is the VLAN and the link of an Interface for it.
	VLANDevice = model.VLANDevice
	// FactRoute is a route of a node.
	FactRoute = model.FactRoute
	// Feature is a feature of a node's kernel or programs.
	Feature = model.Feature
	// BridgeVLANs are the VLANs that the ports of a bridge carry.
	BridgeVLANs = model.BridgeVLANs
	// PortVLANs are the VLANs that one port carries.
	PortVLANs = model.PortVLANs
	// VLANRange is a range of VLANs.
	VLANRange = model.VLANRange
)
