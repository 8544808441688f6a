package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about zones, VNets and subnets.
var (
	msgSubnetOverlapsOtherZone = message.Define("subnet-overlaps-other-zone",
		"overlaps {cidr} of zone {zone}, which the same nodes route: one would get the other's traffic",
		"choose another network, or other nodes for one of the zones",
		"Nodes route both networks in one routing table, where the more specific one gets the traffic of the other.")
	msgSubnetCIDRMissing = message.Define("subnet-cidr-missing",
		"is missing or not a network",
		"write it like 10.0.1.0/24 or fd00:1::/64",
		"A subnet needs the network that its addresses are in.")
	msgSubnetGatewayUsed = message.Define("subnet-gateway-used",
		"is already the gateway of subnet {subnet} of the same vnet",
		"a bridge has an address once",
		"Two subnets of a VNet have the same gateway, which is one address of the VNet's bridge.")
	msgSNATWithoutRouter = message.Define("snat-without-router",
		"has no effect: nodes are no routers of this {type} zone",
		"let the router that has the gateway's address translate, or use a simple or evpn zone, or a vxlan zone with anycast-gateway",
		"Nodes translate addresses of the traffic that they route, and in zones of this type they route nothing.")
	msgGatewayWithoutEgress = message.Define("gateway-without-egress",
		"leads its guests through zone {zone}, but not out of it: the zone's exitnodes-via ({next-hops}) has no next hop of this address family",
		"add one",
		"The zone sends outgoing traffic to the next hops in exitnodes-via, and has none of the subnet's address family.")
	msgSubnetOptionWithoutDHCP = message.Define("subnet-option-without-dhcp",
		"has no effect: no node advertises it to guests without a DHCP server in zone {zone}",
		"set dhcp of the zone (to dnsmasq)",
		"DNS servers and router advertisements reach guests by the DHCP server of the zone.")
	msgDNSPrefixWithoutZone = message.Define("dns-prefix-without-zone",
		"has no effect: it is a part of names, and zone {zone} has none",
		"set dnszone of the zone",
		"The prefix is the part of a guest's name before the zone's domain.")
	msgDHCPRangeWithoutAllocation = message.Define("dhcp-range-without-allocation",
		"has no effect: nothing allocates addresses in zone {zone}",
		"set ipam of the zone (to {ipam}), or dhcp-dynamic with dhcp",
		"Addresses of the range are allocated by the zone's address management, or leased by a DHCP server to unknown guests.")
	msgSubnetVNetMissing = message.Define("subnet-vnet-missing",
		"is missing:",
		"name the vnet that the subnet belongs to",
		"A subnet is a network of one VNet.")
	msgSubnetVNetMoved = message.Define("subnet-vnet-moved",
		"is in zone {zone}, where this subnet would be called {id}",
		"a vnet cannot change its zone while it has subnets",
		"The ID of a subnet contains the zone of its VNet.")
	msgSubnetMaskInvalid = message.Define("subnet-mask-invalid",
		"has a mask of {length} bits:",
		"use /{min} to /{max}",
		"The length of the network's mask is not possible.")
	msgSubnetMappedIPv4 = message.Define("subnet-mapped-ipv4",
		"is an IPv4 network in IPv6 form",
		"write it as IPv4",
		"The network is written in the form ::ffff:a.b.c.d.")
	msgSubnetHostBits = message.Define("subnet-host-bits",
		"is not a network but an address in one: the network is {network}",
		"",
		"The value has bits set in its host part.")
	msgSubnetMulticast = message.Define("subnet-multicast",
		"is a multicast range, which hosts cannot have addresses of",
		"",
		"Multicast addresses belong to groups and not to hosts.")
	msgSNATWithoutGateway = message.Define("snat-without-gateway",
		"has no gateway to go through:",
		"the node is no router for this subnet until gateway is set",
		"Address translation happens where the guests' traffic leaves the subnet, which is the gateway.")
	msgGatewayOutside = message.Define("gateway-outside",
		"is not in the subnet {subnet}",
		"use an address of it, like {example}",
		"Guests reach their gateway in their own network.")
	msgGatewayReserved = message.Define("gateway-reserved",
		"is the {role} of {subnet}, which no host can have",
		"use an address between, like {example}",
		"The first and the last address of an IPv4 network belong to no host.")
	msgGatewayAnycast = message.Define("gateway-anycast",
		"is the address that every IPv6 router of the network answers (RFC 4291 section 2.6.1)",
		"use an address of the node's own, like {example}",
		"Every router of an IPv6 network has its first address as an anycast address (RFC 4291).")
	msgRAWithoutIPv6 = message.Define("ra-without-ipv6",
		"is about IPv6, and {cidr} is not",
		"leave it out",
		"Router advertisements (RFC 4861) exist in IPv6 networks.")
	msgRASlaacLength = message.Define("ra-slaac-length",
		"needs a network of 64 bits, from which guests derive their addresses (RFC 4862)",
		"{cidr} has {length}: use {stateful}, or another network",
		"Guests derive their addresses from a prefix of 64 bits (RFC 4862).")
	msgDNSPrefixInvalid = message.Define("dns-prefix-invalid",
		"is not a DNS name",
		"write it like lab or lab.dc1",
		"The prefix is a part of DNS names.")
	msgDHCPDNSServerFamily = message.Define("dhcp-dns-server-family",
		"is of another family than {cidr}, to whose guests it is not advertised",
		"name one of theirs",
		"DHCP of one IP version cannot carry addresses of the other.")
	msgDHCPRangeIncomplete = message.Define("dhcp-range-incomplete",
		"needs both start-address and end-address",
		"",
		"A range has a first and a last address.")
	msgDHCPRangeReversed = message.Define("dhcp-range-reversed",
		"ends before it starts",
		"swap the two addresses",
		"The last address of the range is before the first.")
	msgDHCPRangeOutside = message.Define("dhcp-range-outside",
		"is not inside the subnet {subnet}",
		"",
		"Addresses are allocated in their subnet.")
	msgDHCPRangeOverlaps = message.Define("dhcp-range-overlaps",
		"overlaps the range {range}",
		"make them one",
		"Two ranges of a subnet contain the same addresses.")
	msgDHCPRangeIncludesReserved = message.Define("dhcp-range-includes-reserved",
		"includes {edges} of {network}, which no guest can have: skipped in allocations",
		"{correction}",
		"Some addresses of the range are reserved and not allocated.")
	msgSubnetOverlaps = message.Define("subnet-overlaps",
		"overlaps subnet {cidr} of vnet {vnet} in the same zone",
		"choose another network, or put one of the two vnets in another zone",
		"Networks of one zone are in one routing table or one layer 2 network.")
	msgVLANAwareWithSubnets = message.Define("vlan-aware-with-subnets",
		"is not compatible with subnets: the vnet has {subnets}",
		"delete them or turn vlanaware off",
		"A VLAN-aware VNet carries several networks, and a subnet would not belong to one of them.")
	msgVNetZoneMissing = message.Define("vnet-zone-missing",
		"is missing:",
		"name the zone that the vnet belongs to",
		"A VNet is a network in a zone.")
	msgVNetTagInSimpleZone = message.Define("vnet-tag-in-simple-zone",
		"is not allowed in simple zone {zone}, which separates its vnets without tags",
		"remove it",
		"A simple zone has one bridge for each VNet on each node and no tags.")
	msgVLANAwareInEVPNZone = message.Define("vlan-aware-in-evpn-zone",
		"is not possible in evpn zone {zone}, whose vnets are routed",
		"turn it off",
		"The VNets of EVPN zones are routed and carry untagged frames.")
	msgVNetNameReservedOnNode = message.Define("vnet-name-reserved-on-node",
		`would be the name of a bridge that node {node} reserves (pattern "{pattern}")`,
		"choose another name, or change the node's reserved list",
		"The bridge of a VNet has the VNet's name, and a node reserves interfaces of this name.")
	msgVNetNameInvalid = message.Define("vnet-name-invalid",
		"is not a vnet name:",
		"use 2 to {max} letters and digits, a letter first (it becomes the name of a bridge)",
		"The name of a VNet is the name of its bridge, and Proxmox VE accepts the same characters.")
	msgVNetNameOfKernel = message.Define("vnet-name-of-kernel",
		"means something else to the Linux kernel and cannot be the name of a bridge",
		"choose another",
		"Linux uses the word for something else.")
	msgVNetNameOfGuestLink = message.Define("vnet-name-of-guest-link",
		"has the form of the name of a guest's network link",
		"choose another, which cannot conflict with a guest's",
		"Proxmox VE uses such names for the interfaces of guests.")
	msgAliasTooLong = message.Define("alias-too-long",
		"is longer than {max} characters",
		"shorten it",
		"The alias of a bridge in the kernel is limited.")
	msgAliasCharacters = message.Define("alias-characters",
		"has a character that is not allowed:",
		`use letters, digits, spaces and ( ) * + , - . / : ; < = > ? @ [ \ ] ^ _`,
		"The alias has a character that Proxmox VE does not accept.")
	msgVLANTagMissing = message.Define("vlan-tag-missing",
		"is missing:",
		"every vnet of a vlan zone has its own VLAN, 1 to {max}",
		"VNets of a VLAN zone are VLANs of one bridge.")
	msgVLANTagInvalid = message.Define("vlan-tag-invalid",
		"is not a VLAN:",
		"use 1 to {max}",
		"VLAN identifiers are 1 to 4094 (IEEE 802.1Q).")
	msgQinQTagMissing = message.Define("qinq-tag-missing",
		"is missing as in vnet {vnet}: one vnet of a qinq zone may do without",
		"give this one a VLAN, 1 to {max}",
		"One VNet of a QinQ zone can use the service VLAN without an inner tag.")
	msgVLANTagUsed = message.Define("vlan-tag-used",
		"is already that of vnet {vnet} in the same zone",
		"choose another VLAN",
		"Two VNets of a zone with one VLAN would be one network.")
	msgVXLANTagMissing = message.Define("vxlan-tag-missing",
		"is missing:",
		"every vnet of a vxlan or evpn zone has its own VXLAN network identifier, 1 to {max}",
		"VNets of VXLAN and EVPN zones are told apart by their VXLAN network identifiers (RFC 7348).")
	msgVXLANTagUsed = message.Define("vxlan-tag-used",
		"is already that of vnet {vnet} in zone {zone}",
		"tags differ over all vxlan and evpn zones",
		"Nodes tell VXLAN networks apart by their identifiers, whichever zone they are in.")
	msgVXLANTagIsL3VNI = message.Define("vxlan-tag-is-l3vni",
		"is the vrf-vxlan of zone {zone}",
		"a VXLAN network identifier is that of one network",
		"The identifier is that of the zone's routed traffic (L3VNI).")
	msgNodeNetworksWithEgress = message.Define("node-networks-with-egress",
		"excludes a declared egress, which translated packets use like all others",
		"use {all} to have these networks reached directly, or {none}",
		"The property selects which guests reach the networks of the nodes; a zone with a declared egress sends everything there.")
	msgEgressWithoutExitNodes = message.Define("egress-without-exit-nodes",
		"has no effect without exitnodes: nothing leaves the zone",
		"",
		"The egress of a zone is at its exit nodes.")
	msgNodeServicesNone = message.Define("node-services-none",
		"excludes the other services",
		"remove it, or them",
		"The value none means no service at all.")
	msgNodeServiceInvalid = message.Define("node-service-invalid",
		"is not a service of the nodes:",
		"write protocol and ports, like tcp/22 or udp/8000-8100, or {none}",
		"A service is a protocol and its ports.")
	msgEgressInterfaceIsVNet = message.Define("egress-interface-is-vnet",
		"is a VNet, from which nothing leads out",
		"name an interface of the exit nodes' own, like eth1",
		"The egress interface of exit nodes leads out of the cluster.")
	msgEgressTableReserved = message.Define("egress-table-reserved",
		"is a table of the kernel's own (253 default, 254 main, 255 local):",
		"name one of yours, or leave it out for main",
		"The kernel uses these routing tables itself.")
	msgEgressTableWithNextHop = message.Define("egress-table-with-next-hop",
		"excludes exitnodes-interface and exitnodes-via: an egress is a table, or an interface and next hops",
		"remove one of the two",
		"The egress of a zone is either a routing table or an interface and next hops.")
	msgNextHopInvalid = message.Define("next-hop-invalid",
		"is not a next hop:",
		"use the address of a router in a network of the exit nodes",
		"A next hop is the unicast address of a router.")
	msgNextHopLinkLocal = message.Define("next-hop-link-local",
		"is a link-local address, which is unique on one interface only:",
		"set exitnodes-interface",
		"Link-local addresses exist on every link, so the interface is part of the next hop.")
	msgNextHopSecond = message.Define("next-hop-second",
		"is a second next hop of its address family in addition to {other}:",
		"name one of each",
		"A zone sends outgoing traffic of each address family to one next hop.")
	msgZoneBridgeMissing = message.Define("zone-bridge-missing",
		"is missing:",
		"name the bridge of the nodes that carries the VLANs, like vmbr0",
		"Zones of VLANs use a bridge that exists on their nodes.")
	msgQinQServiceVLANMissing = message.Define("qinq-service-vlan-missing",
		"is missing:",
		"the zone's service VLAN, 1 to {max}",
		"The frames of a QinQ zone have the service VLAN as their outer tag (IEEE 802.1ad).")
	msgL3VNIMissing = message.Define("l3vni-missing",
		"is missing:",
		"the L3VNI of the zone, 1 to {max}, that no vnet has",
		"Routed traffic of an EVPN zone has a VXLAN network identifier of its own (RFC 9135).")
	msgL3VNIUsed = message.Define("l3vni-used",
		"is already that of zone {zone}",
		"every evpn zone has its own",
		"Two EVPN zones with one L3VNI would be one routing domain.")
	msgGatewayMACInvalid = message.Define("gateway-mac-invalid",
		"is not a MAC address",
		"write it like BC:24:11:00:00:01",
		"Guests of an EVPN zone, or of a VXLAN zone with anycast-gateway, see their gateway with this MAC address on every node.")
	msgWithoutAnycastGateway = message.Define("without-anycast-gateway",
		"has no effect: the nodes of a vxlan zone without anycast-gateway route nothing for guests",
		"set anycast-gateway, or remove this",
		"The property is about the nodes as gateways of guests, which they are in a VXLAN zone only with anycast-gateway.")
	msgGatewayMACMulticast = message.Define("gateway-mac-multicast",
		"is a multicast address (its first byte is odd), which no gateway can have",
		"use one like BC:24:11:00:00:01",
		"The lowest bit of the first byte of a MAC address tells groups from hosts (IEEE 802).")
	msgRouteTargetInvalid = message.Define("route-target-invalid",
		"is not a route target:",
		"write it as two numbers up to 4294967295, like 65000:1",
		"Route targets select the routes that a zone imports (RFC 4360).")
	msgZoneControllerMissing = message.Define("zone-controller-missing",
		"is missing:",
		"name the evpn controller that the zone's routes go through",
		"An EVPN zone exchanges its routes by a controller.")
	msgZoneControllerRepeated = message.Define("zone-controller-repeated",
		"is a controller of the zone already",
		"once is enough",
		"The zone names a controller more than once.")
	msgZoneControllerNotOnNode = message.Define("zone-controller-not-on-node",
		"does not run on node {node} of the zone, and no secondary controller does: the zone has no routing there",
		"add the node to the controller's nodes",
		"The controllers of a zone have to run on all of its nodes.")
	msgZoneControllerType = message.Define("zone-controller-type",
		"is a controller of type {type}",
		"an evpn zone needs one of type evpn",
		"The controllers of an EVPN zone are of type evpn.")
	msgExitNodeNotInZone = message.Define("exit-node-not-in-zone",
		"is not a node of the zone, which is deployed on {nodes}",
		"add it to nodes, or take it out of exitnodes",
		"Exit nodes are nodes of their zone.")
	msgExitNodeNotJoined = message.Define("exit-node-not-joined",
		"has not joined{hint}",
		"it routes for the zone once it has",
		"No node of this name has joined the cluster.")
	msgExitNodePrimaryUnknown = message.Define("exit-node-primary-unknown",
		"is not one of exitnodes ({exit-nodes})",
		"add it there, or choose one of them",
		"The primary exit node is one of the exit nodes.")
	msgLocalRoutingWithoutExitNodes = message.Define("local-routing-without-exit-nodes",
		"has no effect without exitnodes",
		"",
		"The property changes how exit nodes route.")
	msgZoneNameInvalid = message.Define("zone-name-invalid",
		"is not a zone name:",
		"use 2 to {max} letters and digits, a letter first",
		"The name of a zone is a part of interface names, and Proxmox VE accepts the same characters.")
	msgZoneNameLocalnetwork = message.Define("zone-name-localnetwork",
		"is the name Proxmox VE gives to the node's own bridges",
		"choose another",
		"Proxmox VE shows the bridges of a node as a zone of this name.")
	msgZoneNameTooLongForQinQ = message.Define("zone-name-too-long-for-qinq",
		"is too long for a qinq zone, whose interface names contain it:",
		"use at most {max} characters",
		"Interfaces of a QinQ zone have longer names, and the kernel limits them to 15 characters.")
	msgDNSWithoutDomain = message.Define("dns-without-domain",
		"has no effect: guests of zone {zone} have no names without a domain",
		"set dnszone",
		"Guests have names in the domain of their zone.")
	msgDomainWithoutServer = message.Define("domain-without-server",
		"has no effect: nodes answer for names where they are the gateway or a DHCP server, and in this {type} zone they are neither",
		"set dhcp, or dns to a DNS server",
		"Nodes serve names where guests can ask them.")
	msgDHCPWithoutIPAM = message.Define("dhcp-without-ipam",
		"gives guests only the addresses that their NICs declare, since the zone has no address management",
		"set ipam to {ipam} to have others allocated",
		"Without address management only addresses that NICs declare are leased.")
	msgDHCPDynamicWithoutDHCP = message.Define("dhcp-dynamic-without-dhcp",
		"needs a DHCP server:",
		"set dhcp to {dhcp}, or leave dhcp-dynamic out",
		"The property lets the DHCP server lease addresses to unknown guests.")
	msgVXLANPeersAndFabric = message.Define("vxlan-peers-and-fabric",
		`excludes fabric "{fabric}": a vxlan zone has one of the two`,
		"remove the other",
		"The VTEPs of a VXLAN zone are either listed or the members of a fabric.")
	msgVXLANPeersMissing = message.Define("vxlan-peers-missing",
		"is missing:",
		"list the address of every node of the zone, like 192.168.0.1, 192.168.0.2, or name a fabric",
		"A VXLAN zone needs the addresses of its nodes.")
	msgFabricDoesNotRun = message.Define("fabric-does-not-run",
		"is a wireguard fabric, which this release keeps but does not run",
		"use one of openfabric, ospf or bgp, or peers",
		"Tunnels need a fabric that provides addresses and routes.")
	msgPeerNotUnicast = message.Define("peer-not-unicast",
		"is not an address a node can have",
		"list the nodes' own unicast addresses",
		"Peers are addresses of nodes.")
	msgPeerFamilyDiffers = message.Define("peer-family-differs",
		"is of another family than {first}: the tunnels of one zone are all IPv4 or all IPv6",
		"",
		"A VXLAN device has a local address of one IP version.")
	msgZoneNodeNotJoined = message.Define("zone-node-not-joined",
		"has not joined{hint}",
		"the zone is deployed there once it has",
		"No node of this name has joined the cluster.")
	msgMTUBelowIPv6 = message.Define("mtu-below-ipv6",
		"is too small for the zone's IPv6 subnets, which need at least {min} bytes",
		"",
		"IPv6 demands this MTU of every link (RFC 8200).")
	msgDomainInvalid = message.Define("domain-invalid",
		"is not a DNS name",
		"write it like example.com",
		"The names of guests in a zone or a sector end with its domain.")
)
