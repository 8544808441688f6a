package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about controllers, fabrics, prefix lists and route maps.
var (
	msgControllerNameInvalid = message.Define("controller-name-invalid",
		"is not a controller name:",
		"use 2 to 64 letters, digits, _ and -, a letter first, a letter or digit last",
		"The name is also used in Proxmox VE's files and FRR's configuration.")
	msgControllerPeerGroupUsed = message.Define("controller-peer-group-used",
		"is already that of controller {controller}, which runs on {node} too",
		"give one of them another name, or nodes of its own",
		"Two EVPN controllers on a common node would configure the same BGP peer group of FRR.")
	msgControllerNodeUsed = message.Define("controller-node-used",
		"runs the {type} controller {controller} already",
		"a node runs one of a type: give both peers to one, or choose another node",
		"FRR runs one instance of a protocol on a node, so it has one controller of each type besides EVPN.")
	msgASNMissing = message.Define("asn-missing",
		"is missing:",
		"the autonomous system number, 1 to {max}; 64512 to 65534 and 4200000000 to 4294967294 are for private use (RFC 6996)",
		"BGP needs an autonomous system number.")
	msgControllerPeersAndFabric = message.Define("controller-peers-and-fabric",
		`excludes fabric "{fabric}": an evpn controller has one of the two`,
		"remove the other",
		"The neighbours of an EVPN controller are either listed or the members of a fabric.")
	msgControllerPeersMissing = message.Define("controller-peers-missing",
		"is missing:",
		"list the address of every node, like 192.168.0.1, 192.168.0.2, or name a fabric",
		"An EVPN controller needs neighbours to exchange routes with.")
	msgPeerGroupNameInvalid = message.Define("peer-group-name-invalid",
		"is not a name:",
		"use 2 to 64 letters, digits, _ and -, a letter first, a letter or digit last",
		"The name becomes a peer group in FRR's configuration.")
	msgPeerGroupNameReserved = message.Define("peer-group-name-reserved",
		"is the peer group of bgp controllers",
		"choose another",
		"FRR's peer group BGP is that of controllers of type bgp.")
	msgPeerGroupNameOfFabric = message.Define("peer-group-name-of-fabric",
		"is the peer group of fabric {fabric}",
		"choose another",
		"A fabric of BGP has a peer group with its own name on the same nodes.")
	msgEBGPMultihopInternal = message.Define("ebgp-multihop-internal",
		"has no effect with bgp-mode internal",
		"",
		"Sessions within one autonomous system are not limited to neighbours on the same link.")
	msgBGPPeersMissing = message.Define("bgp-peers-missing",
		"is missing:",
		"list the addresses of the routers outside",
		"A BGP controller connects a node to routers outside the cluster.")
	msgEBGPMultihopWithoutEBGP = message.Define("ebgp-multihop-without-ebgp",
		"has no effect without ebgp",
		"",
		"The number of hops counts for external sessions only.")
	msgISISDomainMissing = message.Define("isis-domain-missing",
		"is missing:",
		"a name for the domain, like evpn",
		"IS-IS needs a name for the routing domain.")
	msgISISDomainInvalid = message.Define("isis-domain-invalid",
		"is not a name:",
		"use up to 64 letters, digits, dots, hyphens and underscores",
		"The name of the routing domain is a word in FRR's configuration.")
	msgISISNetMissing = message.Define("isis-net-missing",
		"is missing:",
		"the node's network entity title, like 49.0001.1921.6800.1002.00",
		"Every IS-IS router has a network entity title (ISO 10589, section 7.1).")
	msgISISNetInvalid = message.Define("isis-net-invalid",
		"is not a network entity title:",
		"write it like 49.0001.1921.6800.1002.00, with 3 to 9 groups of four hexadecimal digits in the middle",
		"The network entity title cannot be read (ISO 10589, section 7.1).")
	msgISISInterfacesMissing = message.Define("isis-interfaces-missing",
		"is missing:",
		"list the interfaces that lead to the other routers",
		"IS-IS runs on the interfaces that are listed.")
	msgControllerNodeMissing = message.Define("controller-node-missing",
		"is missing:",
		"name the node that the controller runs on",
		"Controllers of this type run on one node.")
	msgControllerNodeNotJoined = message.Define("controller-node-not-joined",
		"has not joined{hint}",
		"the controller runs there once it has",
		"No node of this name has joined the cluster.")
	msgFabricNameInvalid = message.Define("fabric-name-invalid",
		"is not a fabric name:",
		"use 2 to 8 letters, digits and hyphens, no hyphen at the ends",
		"The name is used in FRR's configuration and in the name of an interface, so it is short.")
	msgFabricWireGuardNotRun = message.Define("fabric-wireguard-not-run",
		"is kept, exported and imported, but does not run: this release makes no encrypted tunnels yet",
		"",
		"Fabrics of WireGuard can be stored and imported, so that a configuration of Proxmox VE is complete.")
	msgFabricAreaMissing = message.Define("fabric-area-missing",
		"is missing:",
		"the OSPF area, a number or like 0.0.0.0",
		"OSPF routers exchange routes within an area.")
	msgFabricAreaInvalid = message.Define("fabric-area-invalid",
		"is not an area:",
		"use 0 to 4294967295, or four numbers like 0.0.0.1",
		"The OSPF area cannot be read.")
	msgFabricAreaUsed = message.Define("fabric-area-used",
		"is already that of fabric {fabric}",
		"ospf fabrics have areas of their own",
		"Two OSPF fabrics with one area would be one fabric.")
	msgRouteFilterLacksFamily = message.Define("route-filter-lacks-family",
		"has no network of the family of {prefix}, so none of the fabric's routes there are used",
		"add one to the prefix list",
		"A prefix list with no entry for an address family denies all routes of it.")
	msgRedistributeSourceMissing = message.Define("redistribute-source-missing",
		"is missing",
		"it is one of {sources}",
		"A row of redistribute names the source of the routes.")
	msgRedistributeSourceUnknown = message.Define("redistribute-source-unknown",
		"is not a source that a fabric of {protocol} can advertise",
		"it is one of {sources}",
		"The routing daemon of the fabric's protocol cannot redistribute these routes.")
	msgRedistributeSourceRepeated = message.Define("redistribute-source-repeated",
		"is given twice",
		"once is enough",
		"Each source of routes has one row.")
	msgRedistributeMetricInvalid = message.Define("redistribute-metric-invalid",
		"is not a metric:",
		"use 0 to {max}, or leave it out",
		"The metric is not a number that the fabric's protocol can carry.")
	msgFabricOSPFIPv6 = message.Define("fabric-ospf-ipv6",
		"cannot be used by OSPF version 2, which routes IPv4 only",
		"remove it, or use openfabric or bgp",
		"OSPF version 2 (RFC 2328) carries IPv4 routes only.")
	msgFabricOSPFPrefixMissing = message.Define("fabric-ospf-prefix-missing",
		"is missing:",
		"the network of the nodes' addresses, like 10.10.10.0/24",
		"The addresses of the fabric's nodes are in this network.")
	msgFabricPrefixMissing = message.Define("fabric-prefix-missing",
		"is missing:",
		"give the network of the nodes' addresses, like 10.10.10.0/24, or ip6-prefix, or both",
		"The addresses of the fabric's nodes are in one network of each address family.")
	msgFabricPrefixFamily = message.Define("fabric-prefix-family",
		"is of the other family",
		"IPv4 goes to ip-prefix, IPv6 to ip6-prefix",
		"The network is in the property of the other address family.")
	msgFabricPrefixOverlaps = message.Define("fabric-prefix-overlaps",
		"overlaps the network of fabric {fabric}",
		"choose another one",
		"Two fabrics with common addresses could not be told apart by their routes.")
	msgFabricNodeValueUsed = message.Define("fabric-node-value-used",
		"is already {what} of {node}",
		"",
		"Addresses, router IDs and interfaces belong to one member of a fabric.")
	msgFabricNodeNotJoined = message.Define("fabric-node-not-joined",
		"has not joined{hint}",
		"it takes part once it has",
		"No node of this name has joined the cluster.")
	msgFabricNodeASNNotUsed = message.Define("fabric-node-asn-not-used",
		"is not an option of an {protocol} fabric, only of bgp",
		"remove it",
		"Only BGP fabrics use an autonomous system number for each node.")
	msgFabricNodeAddressWithoutPrefix = message.Define("fabric-node-address-without-prefix",
		"has no network: fabric {fabric} has no prefix of this family",
		"add one or remove the address",
		"The node's address has to be in the fabric's network, and there is none.")
	msgFabricNodeAddressMissing = message.Define("fabric-node-address-missing",
		"is missing:",
		"give the node an address of {prefix}",
		"Every member of a fabric has an address in its network.")
	msgFabricNodeAddressOutside = message.Define("fabric-node-address-outside",
		"is not in {prefix}, the network of fabric {fabric}",
		"",
		"Other members accept routes to addresses in the fabric's network only.")
	msgFabricInterfaceNameMissing = message.Define("fabric-interface-name-missing",
		"is missing:",
		"name the interface",
		"An interface of a fabric's member has no name.")
	msgFabricInterfaceUnnumbered = message.Define("fabric-interface-unnumbered",
		"is not an option in a bgp fabric, whose links are unnumbered",
		"remove it",
		"Sessions over the links of a BGP fabric use IPv6 link-local addresses (RFC 7938, RFC 8950).")
	msgFabricInterfaceFamily = message.Define("fabric-interface-family",
		"is of the other family",
		"IPv4 goes to ip, IPv6 to ip6",
		"The address is in the property of the other address family.")
	msgFabricInterfaceOSPFIPv6 = message.Define("fabric-interface-ospf-ipv6",
		"cannot be used by OSPF version 2",
		"remove it",
		"OSPF version 2 (RFC 2328) carries IPv4 routes only.")
	msgFabricInterfaceOpenfabricOnly = message.Define("fabric-interface-openfabric-only",
		"is an option of openfabric only",
		"remove it",
		"The property tunes OpenFabric's hello packets.")
	msgFabricInterfaceOSPFOnly = message.Define("fabric-interface-ospf-only",
		"is an option of ospf only",
		"remove it",
		"The property is the OSPF network type of the link.")
	msgFabricNodeWireGuardOnly = message.Define("fabric-node-wireguard-only",
		"is not an option of an {protocol} fabric, only of wireguard",
		"remove it",
		"The property describes a WireGuard tunnel.")
	msgFabricNodeRoleNotUsed = message.Define("fabric-node-role-not-used",
		"is not possible in an {protocol} fabric",
		"remove it",
		"Roles tell internal nodes of a WireGuard fabric from external peers.")
	msgFabricNodeRoleUnknown = message.Define("fabric-node-role-unknown",
		"is neither internal nor external",
		"",
		"A member of a WireGuard fabric is a node of the cluster or a peer outside.")
	msgFabricNodePublicKeyInternal = message.Define("fabric-node-public-key-internal",
		"is the property of external nodes",
		"an internal node has public keys on its interfaces",
		"An internal node has a key for each of its interfaces.")
	msgFabricNodeEndpointInvalid = message.Define("fabric-node-endpoint-invalid",
		"is no address or host name",
		"the port is that of the interface",
		"Other members reach the node at this address.")
	msgWireGuardPortUsed = message.Define("wireguard-port-used",
		"is already the port of interface {interface}",
		"",
		"Two WireGuard interfaces of a node cannot listen on one UDP port.")
	msgWireGuardPeerKeyInvalid = message.Define("wireguard-peer-key-invalid",
		"is not the public key of the external node: 32 bytes in base64, as wg pubkey writes it",
		"",
		"An external peer is identified by its public key.")
	msgWireGuardPeerEndpointInvalid = message.Define("wireguard-peer-endpoint-invalid",
		"is not where the external node is:",
		"write it like vpn.example.com:51820",
		"Tunnels are opened to this address and UDP port of the external peer.")
	msgFabricNodeExternalSettings = message.Define("fabric-node-external-settings",
		"is that of a node which Viaduct does not configure",
		"remove its interfaces and peers",
		"Viaduct configures nodes of the cluster only.")
	msgWireGuardInterfaceUnknown = message.Define("wireguard-interface-unknown",
		"is no interface of this node",
		"name one of its interfaces",
		"A tunnel starts at one of the node's own WireGuard interfaces.")
	msgWireGuardEndpointInvalid = message.Define("wireguard-endpoint-invalid",
		"is no endpoint: a host for an internal peer, host:port for an external one",
		"",
		"The address of the other end of a tunnel cannot be read.")
	msgWireGuardPeerUnknown = message.Define("wireguard-peer-unknown",
		"is no node of fabric {fabric}",
		"declare fabric-node {node} first",
		"A tunnel leads to another member of the fabric.")
	msgWireGuardPeerRole = message.Define("wireguard-peer-role",
		"is not the role of node {node}",
		"",
		"The type of a peer and the role of its node differ.")
	msgWireGuardPeerInterfaceUnknown = message.Define("wireguard-peer-interface-unknown",
		"is no interface of node {node}",
		"name one of its interfaces",
		"A tunnel ends at a WireGuard interface of the other node.")
	msgAllowedIpsInvalid = message.Define("allowed-ips-invalid",
		"is no network",
		"write it like 10.0.1.0/24 or fd00::/64",
		"A tunnel carries packets of these networks.")
	msgFabricInterfaceWireGuardOnly = message.Define("fabric-interface-wireguard-only",
		"is an option of wireguard only",
		"remove it",
		"The property describes a WireGuard interface.")
	msgWireGuardInterfaceNameInvalid = message.Define("wireguard-interface-name-invalid",
		"is no name for a WireGuard interface:",
		"use up to 8 letters, digits and hyphens, no hyphen at the ends",
		"The name is also part of a file name in Proxmox VE.")
	msgWireGuardPortMissing = message.Define("wireguard-port-missing",
		"is missing:",
		"the UDP port, 1 to {max}",
		"A WireGuard interface listens on a UDP port.")
	msgWireGuardKeyInvalid = message.Define("wireguard-key-invalid",
		"is no public key: 32 bytes in base64, as wg pubkey writes it",
		"",
		"The public key cannot be read.")
	msgPolicyNameInvalid = message.Define("policy-name-invalid",
		"is not the name of a {what}:",
		"use 1 to 32 letters, digits, _ and -, a letter or digit first",
		"The name is used in FRR's configuration.")
	msgPrefixListNameReserved = message.Define("prefix-list-name-reserved",
		"is the name of a list that is generated",
		"choose another",
		"Viaduct and Proxmox VE generate a list of this name in FRR's configuration.")
	msgPrefixListSeqUsed = message.Define("prefix-list-seq-used",
		"is already that of entries[{entry}]",
		"give each its own, or leave it out",
		"Entries are tried in the order of their numbers.")
	msgPrefixListEmpty = message.Define("prefix-list-empty",
		"has no entry, so it permits nothing",
		"",
		"A list without entries denies all routes.")
	msgEntryActionMissing = message.Define("entry-action-missing",
		"is missing:",
		"permit or deny",
		"Every entry permits or denies.")
	msgPrefixMissing = message.Define("prefix-missing",
		"is missing:",
		"a network like 10.0.0.0/8 or fd00::/8; 0.0.0.0/0 with le 32 means all",
		"An entry of a prefix list matches networks.")
	msgPrefixHostBits = message.Define("prefix-host-bits",
		"has bits set behind its mask:",
		"write {prefix}",
		"The network has bits set in its host part.")
	msgPrefixLengthInvalid = message.Define("prefix-length-invalid",
		"is not a length of networks in {prefix}:",
		"use {min} to {max}, ge not above le, or leave it out",
		"Lengths in an entry are at least that of its network; ge is the shortest and le the longest.")
	msgRouteMapNameReserved = message.Define("route-map-name-reserved",
		"is the name of a map that is generated",
		"choose another, which does not begin with {prefix} either",
		"Viaduct and Proxmox VE generate a map of this name in FRR's configuration.")
	msgRouteMapNameGenerated = message.Define("route-map-name-generated",
		"is the name of a map that is generated",
		"choose another",
		"Viaduct generates a map of this name in FRR's configuration; Proxmox VE does not.")
	msgRouteMapReplacesGenerated = message.Define("route-map-replaces-generated",
		"replaces the map that is generated for the peer group of that name, with all that it keeps apart",
		"",
		"The generated route map separates zones and filters what their peers send; this one replaces it.")
	msgRouteMapOrderUsed = message.Define("route-map-order-used",
		"is already that of entries[{entry}]",
		"give each its own",
		"Entries are tried in their order.")
	msgRouteMapEmpty = message.Define("route-map-empty",
		"has no entry, so it denies every route",
		"",
		"A map without entries denies all routes.")
	msgRouteMapCycle = message.Define("route-map-cycle",
		"calls itself",
		"remove one of the calls",
		"A route map calls others, and one of them calls it.")
	msgRouteMapOrderMissing = message.Define("route-map-order-missing",
		"is missing, or 0, which FRR refuses:",
		"give the entry's place in the map, 1 to {max}",
		"The order is the place of an entry in its map.")
	msgRouteMapEntryDenies = message.Define("route-map-entry-denies",
		"has no effect on routes that are denied",
		"",
		"An entry that denies a route does not change it and does not continue.")
	msgClauseTakesNoValue = message.Define("clause-takes-no-value",
		"takes no value:",
		"write {key}",
		"The word stands alone in FRR's configuration.")
	msgRouteMapExitTarget = message.Define("route-map-exit-target",
		"leads to no later entry:",
		"write {key}=N with the order of one behind {order}",
		"A jump in a route map leads to a later entry.")
	msgRouteMapExitUnknown = message.Define("route-map-exit-unknown",
		"is not known:",
		"use {next}, {goto}=N or {continue}=N",
		"FRR knows three ways to continue after an entry.")
	msgClauseUnknown = message.Define("clause-unknown",
		"is not known",
		"{hint}",
		"FRR has no such condition or change, or Viaduct does not support it.")
	msgClauseRepeated = message.Define("clause-repeated",
		"is given twice",
		"an entry has one {key}",
		"An entry of a route map has each condition and each change at most once.")
	msgClauseLacksValue = message.Define("clause-lacks-value",
		"lacks its value:",
		"write {key}=..., {form}",
		"The condition or change needs a value.")
	msgClauseValueInvalid = message.Define("clause-value-invalid",
		"has a value that does not fit: it is {form}",
		"",
		"The value of the condition or change cannot be read.")
	msgPrefixListMissing = message.Define("prefix-list-missing",
		"does not exist: prefix-list {id} is used by {kind} {user}",
		"{hint}",
		"A condition names a prefix list that does not exist.")
)
