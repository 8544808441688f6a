package model

import (
	"cmp"
	"net/netip"
	"strconv"
)

// ZoneType is how a zone separates its VNets.
type ZoneType string

// The zone types of this release.
const (
	// ZoneSimple is an isolated bridge on each node, with layer 3 routing.
	ZoneSimple ZoneType = "simple"
	// ZoneVLAN maps each VNet to a VLAN of an existing bridge on the nodes (IEEE 802.1Q).
	ZoneVLAN ZoneType = "vlan"
	// ZoneQinQ puts the VNets' VLANs inside one service VLAN (IEEE 802.1ad).
	ZoneQinQ ZoneType = "qinq"
	// ZoneVXLAN is a layer 2 overlay in UDP tunnels between nodes (RFC 7348).
	ZoneVXLAN ZoneType = "vxlan"
	// ZoneEVPN is a routed overlay: VXLAN with forwarding tables filled by BGP, and a VRF
	// and a gateway on every node (RFC 7432, RFC 8365, RFC 9136).
	ZoneEVPN ZoneType = "evpn"
)

// ZoneTypes returns the known zone types, sorted.
func ZoneTypes() []ZoneType {
	return []ZoneType{ZoneEVPN, ZoneQinQ, ZoneSimple, ZoneVLAN, ZoneVXLAN}
}

// The values of Zone.VLANProtocol: EtherTypes 0x8100 and 0x88a8.
const (
	Protocol8021Q  = "802.1q"
	Protocol8021AD = "802.1ad"
)

// DHCPDnsmasq is the value of Zone.DHCP for a server on each of its nodes.
const DHCPDnsmasq = "dnsmasq"

// DefaultVXLANPort is the default UDP port of a VXLAN zone (RFC 7348).
const DefaultVXLANPort = 4789

// Zone is a virtually separated network area: Proxmox VE SDN manual, "Zones".
type Zone struct {
	// ID is a letter, then letters and digits: 2 to 8 characters as Proxmox checks it; up
	// to MaxZoneID are accepted, with a warning.
	ID   string   `json:"id"`
	Type ZoneType `json:"type"`
	// Nodes restricts the zone to these nodes. Empty means every node.
	Nodes []string `json:"nodes,omitempty"`
	// MTU of the zone's VNets in bytes. 0 means derived: 1500 for a simple zone, the
	// bridge's MTU for VLANs, the underlay's minus the encapsulation for an overlay.
	MTU int `json:"mtu,omitempty"`
	// IPAM, DNS, ReverseDNS and DNSZone name the IPAM, the DNS servers and the domain of
	// the zone's subnets.
	IPAM       string `json:"ipam,omitempty"`
	DNS        string `json:"dns,omitempty"`
	ReverseDNS string `json:"reversedns,omitempty"`
	DNSZone    string `json:"dnszone,omitempty"`
	// DHCP names the DHCP server of the zone: DHCPDnsmasq or empty.
	DHCP string `json:"dhcp,omitempty"`
	// DHCPDynamic also leases addresses of the subnets' dhcp-ranges to undeclared guests,
	// for an hour; address management then does not allocate from those ranges. Proxmox VE
	// has no such property.
	DHCPDynamic bool `json:"dhcp-dynamic,omitempty"`

	// Bridge names the nodes' bridge for the VLANs of a VLAN or QinQ zone: a Linux bridge,
	// VLAN-aware or not, or an Open vSwitch bridge.
	Bridge string `json:"bridge,omitempty"`
	// BridgeDisableMACLearning disables learning on the ports of guests; their MAC
	// addresses become static forwarding entries instead.
	BridgeDisableMACLearning bool `json:"bridge-disable-mac-learning,omitempty"`
	// Tag is the service VLAN of a QinQ zone, 1 to 4094.
	Tag int `json:"tag,omitempty"`
	// VLANProtocol is the EtherType of the service VLAN: 802.1q (also when
	// empty) or 802.1ad.
	VLANProtocol string `json:"vlan-protocol,omitempty"`

	// Peers are the VTEPs of a VXLAN zone: the address of every node and of external
	// VTEPs. Exactly one of Peers and Fabric is set.
	Peers []netip.Addr `json:"peers,omitempty"`
	// Fabric names the fabric that provides the VTEPs of a VXLAN zone.
	Fabric string `json:"fabric,omitempty"`
	// VXLANPort is the UDP destination port, 1 to 65535; 0 means 4789.
	VXLANPort int `json:"vxlan-port,omitempty"`

	// Controller names the EVPN controller of an EVPN zone.
	Controller string `json:"controller,omitempty"`
	// SecondaryControllers name further EVPN controllers: their peers learn the zone's
	// routes too. On a node without Controller the first of them replaces it.
	SecondaryControllers []string `json:"secondary-controllers,omitempty"`
	// VRFVXLAN is the zone's L3VNI (RFC 9135), 1 to 16777215; no VNet and no other zone
	// may have it.
	VRFVXLAN int `json:"vrf-vxlan,omitempty"`
	// AnycastGateway makes every node of a VXLAN zone the gateway of its guests: all nodes
	// have the subnets' gateway addresses with one MAC address, and route and translate for
	// the guests that run on them, as in an EVPN zone but without VRF and BGP. Proxmox VE has
	// no such property.
	AnycastGateway bool `json:"anycast-gateway,omitempty"`
	// MAC is the anycast MAC address of the gateways of an EVPN zone or of a VXLAN zone with
	// AnycastGateway, the same on all nodes. Empty means derived from the zone's name.
	MAC string `json:"mac,omitempty"`
	// ExitNodes route between the EVPN zone and external networks.
	ExitNodes []string `json:"exitnodes,omitempty"`
	// ExitNodesPrimary is the exit node that the other nodes prefer; empty means that the
	// exit nodes share the traffic.
	ExitNodesPrimary string `json:"exitnodes-primary,omitempty"`
	// ExitNodesLocalRouting allows the exit nodes themselves to reach the guests of the
	// zone.
	ExitNodesLocalRouting bool `json:"exitnodes-local-routing,omitempty"`
	// ExitNodesInterface, ExitNodesVia and ExitNodesTable declare the egress: all traffic
	// that leaves the zone uses it, and none leaves while it is down. Without one the exit
	// nodes' main routing table decides. Proxmox VE has none of them.
	//
	// ExitNodesInterface is the egress interface of the exit nodes. Without a next hop,
	// all destinations must be reachable on-link: through a tunnel, or a router that
	// answers for all (proxy ARP, proxy NDP).
	ExitNodesInterface string `json:"exitnodes-interface,omitempty"`
	// ExitNodesVia are the next hops, at most one of each address family.
	ExitNodesVia []netip.Addr `json:"exitnodes-via,omitempty"`
	// ExitNodesTable is the number of the egress routing table of the exit nodes, 1 to
	// 4294967295 except the kernel's own; it excludes the other two.
	ExitNodesTable int `json:"exitnodes-table,omitempty"`
	// AdvertiseSubnets advertises the whole subnets of the zone (type-5 routes, RFC 9136),
	// so that silent guests can be reached.
	AdvertiseSubnets bool `json:"advertise-subnets,omitempty"`
	// DisableARPNDSuppression floods ARP and neighbour discovery instead of
	// answering for remote guests.
	DisableARPNDSuppression bool `json:"disable-arp-nd-suppression,omitempty"`
	// RTImport lists route targets, "ASN:number", that are imported in addition to the
	// zone's own.
	RTImport []string `json:"rt-import,omitempty"`
	// NodeNetworks is which guests can reach the connected networks of the nodes that
	// route for the zone. Empty means NodeNetworksAll for a simple or VXLAN zone; for an EVPN
	// zone NodeNetworksSNAT, or NodeNetworksNone with a declared egress. Proxmox VE has no
	// such property.
	NodeNetworks NodeNetworks `json:"node-networks,omitempty"`
	// NodeServices lists the services of the nodes that guests can reach in addition to
	// gateway, DHCP and DNS: "tcp/22", "udp/8000-8100", or NodeServicesNone alone. Empty
	// means everything. Proxmox VE has no such property.
	NodeServices []string `json:"node-services,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindZone is the kind of Zone.
const KindZone Kind = "zone"

func zoneKind() *Descriptor {
	return &Descriptor{
		Kind:         KindZone,
		check:        checking((*checker).zone),
		slot:         in(func(c *Config) *map[string]*Zone { return &c.Zones }),
		Doc:          "A virtually separated network area: how its VNets are carried, and on which nodes.",
		TypeProperty: "type",
		Example: `kind: zone
id: prod
type: evpn
controller: overlay
vrf-vxlan: 4000
exitnodes: [node1]
ipam: netbox
dns: pdns
dnszone: prod.example.com
`,
		Permissions: []Permission{sdnPermission("/sdn/zones/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 8 letters and digits", Pattern: idForm.String(), MaxLength: MaxZoneID},
			{Name: "type", Required: true, Doc: "how VNets are carried and kept apart", Values: words(ZoneTypes()...), Noun: "a zone type of this release"},
			{Name: "nodes", Doc: "nodes the zone is deployed on; all if left out", Ref: KindNode},
			{Name: "mtu", Doc: "MTU of the VNets; computed if left out", Min: MinMTU, Max: MaxMTU, Unit: "bytes", Lax: always, Without: ", or leave it out to have it computed"},
			{Name: "ipam", Doc: "IPAM of the zone's addresses: pve, or one that is declared", Ref: KindIPAM, Use: true, Unguarded: IPAMBuiltin},
			{Name: "dns", Doc: "DNS server of forward records", Ref: KindDNS, Use: true},
			{Name: "reversedns", Doc: "DNS server of reverse records", Ref: KindDNS, Use: true},
			{Name: "dnszone", Doc: "DNS domain of the zone's guests"},
			{Name: "dhcp", Doc: "DHCP server on the nodes", Values: []string{DHCPDnsmasq}, Noun: "a DHCP server"},
			{Name: "dhcp-dynamic", Doc: "also lease addresses from dhcp-range to undeclared guests"},
			{Name: "bridge", Doc: "bridge of the nodes that carries the VLANs", UsePath: "/sdn/zones/localnetwork", Types: words(ZoneQinQ, ZoneVLAN)},
			{Name: "bridge-disable-mac-learning", Doc: "enter guests' MAC addresses statically instead of learning them", Types: words(ZoneEVPN, ZoneQinQ, ZoneVLAN)},
			{Name: "tag", Doc: "service VLAN", Min: 1, Max: MaxVLAN, Noun: "a VLAN", Lax: always, Types: words(ZoneQinQ)},
			{Name: "vlan-protocol", Doc: "EtherType of the service VLAN", Values: []string{Protocol8021Q, Protocol8021AD}, Noun: "a type of VLAN", Types: words(ZoneQinQ)},
			{Name: "peers", Doc: "addresses of every node, the VTEPs", Types: words(ZoneVXLAN)},
			{Name: "fabric", Doc: "fabric to take the VTEPs from", Ref: KindFabric, Use: true, Types: words(ZoneVXLAN)},
			{Name: "vxlan-port", Doc: "UDP port of the tunnels, 4789 if left out", Min: 1, Max: MaxPort, Noun: "a UDP port", Types: words(ZoneEVPN, ZoneVXLAN),
				Lax:     func(n int) bool { return n == MaxPort+1 }, // off by one in Proxmox VE
				Without: ", or leave it out for " + strconv.Itoa(DefaultVXLANPort)},
			{Name: "controller", Doc: "EVPN controller", Ref: KindController, Use: true, Types: words(ZoneEVPN)},
			{Name: "secondary-controllers", Doc: "further EVPN controllers that get the zone's routes", Ref: KindController, Use: true, Types: words(ZoneEVPN)},
			{Name: "vrf-vxlan", Doc: "L3VNI: VXLAN network identifier of routed traffic", Min: 1, Max: MaxTag, Noun: "a VXLAN network identifier", Types: words(ZoneEVPN)},
			{Name: "anycast-gateway", Doc: "every node has the gateway addresses, with one MAC address, and routes for its guests", Types: words(ZoneVXLAN)},
			{Name: "mac", Doc: "anycast MAC address of the gateways", Types: words(ZoneEVPN, ZoneVXLAN)},
			{Name: "exitnodes", Doc: "nodes that route between the zone and the outside", Ref: KindNode, Types: words(ZoneEVPN)},
			{Name: "exitnodes-primary", Doc: "exit node that is preferred", Ref: KindNode, Types: words(ZoneEVPN)},
			{Name: "exitnodes-local-routing", Doc: "exit nodes themselves reach guests", Types: words(ZoneEVPN)},
			{Name: "exitnodes-interface", Doc: "exit nodes' egress interface", Types: words(ZoneEVPN)},
			{Name: "exitnodes-via", Doc: "egress next hops, one of each address family", Types: words(ZoneEVPN)},
			{Name: "exitnodes-table", Doc: "exit nodes' egress routing table, instead of interface and next hops", Min: 1, Max: maxTable, Noun: "the number of a routing table", Types: words(ZoneEVPN)},
			{Name: "advertise-subnets", Doc: "advertise whole subnets", Types: words(ZoneEVPN)},
			{Name: "disable-arp-nd-suppression", Doc: "flood ARP and neighbour discovery", Types: words(ZoneEVPN)},
			{Name: "rt-import", Doc: "further route targets to import, like 65000:1", Types: words(ZoneEVPN)},
			{Name: "node-networks", Doc: "whose guests reach the networks the nodes are on; if left out, all in a simple or vxlan zone, snat in an evpn zone", Noun: "a choice of guests that reach the networks of the nodes",
				Values: words(NodeNetworksAll, NodeNetworksSNAT, NodeNetworksNone), Types: words(ZoneEVPN, ZoneSimple, ZoneVXLAN)},
			{Name: "node-services", Doc: "what guests reach of the nodes themselves, like tcp/22, or none; everything if left out", Types: words(ZoneEVPN, ZoneSimple, ZoneVXLAN)},
		},
		Columns: []Column{
			column("ZONE", func(z *Zone) string { return z.ID }),
			column("TYPE", func(z *Zone) string { return string(z.Type) }),
			column("NODES", func(z *Zone) string { return cmp.Or(fewTexts(z.Nodes), "all") }),
			column("MTU", func(z *Zone) string { return numberText(z.MTU, "computed") }),
			wideColumn("BRIDGE", func(z *Zone) string { return z.Bridge }),
			wideColumn("TAG", func(z *Zone) string { return numberText(z.Tag, "") }),
			wideColumn("PEERS", func(z *Zone) string { return peersText(z.Peers, z.Fabric) }),
			wideColumn("PORT", func(z *Zone) string { return z.portText() }),
			wideColumn("CONTROLLERS", func(z *Zone) string { return fewTexts(z.Controllers()) }),
			wideColumn("VRF-VXLAN", func(z *Zone) string { return numberText(z.VRFVXLAN, "") }),
			wideColumn("EXITNODES", func(z *Zone) string { return fewTexts(z.ExitNodes) }),
			wideColumn("IPAM", func(z *Zone) string { return z.IPAM }),
			wideColumn("DHCP", func(z *Zone) string { return z.DHCP }),
		},
	}
}

// ObjectKind implements Object.
func (*Zone) ObjectKind() Kind { return KindZone }

// ObjectID implements Object.
func (z *Zone) ObjectID() string { return z.ID }

// routed reports whether nodes are the gateways of the zone's subnets.
func (z *Zone) routed() bool { return z.Type == ZoneSimple || z.Type == ZoneEVPN || z.Anycast() }

// Anycast reports whether the zone is a VXLAN zone with a gateway on every node; nil is none.
func (z *Zone) Anycast() bool { return z != nil && z.Type == ZoneVXLAN && z.AnycastGateway }

// Controllers returns the zone's EVPN controllers, the primary one first.
func (z *Zone) Controllers() []string {
	if z.Controller == "" {
		return z.SecondaryControllers
	}
	return append([]string{z.Controller}, z.SecondaryControllers...)
}

// OnNode reports whether the zone is deployed on the node.
func (z *Zone) OnNode(node string) bool {
	if len(z.Nodes) == 0 {
		return true
	}
	for _, n := range z.Nodes {
		if n == node {
			return true
		}
	}
	return false
}

// portText returns the UDP port of an overlay's tunnels.
func (z *Zone) portText() string {
	if !overlay(z.Type) {
		return ""
	}
	return strconv.Itoa(cmp.Or(z.VXLANPort, DefaultVXLANPort))
}
