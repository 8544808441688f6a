package compile

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about links, guests, subnets and the underlay of a node.
var (
	msgFeatureMissing = message.Define("feature-missing",
		"needs {feature}",
		"{part} is not available on node {node} (kernel {kernel}); install a kernel that has it, or leave the node out",
		"The node has probed its kernel for what the object needs. Everything else on the node is applied.")
	msgInterfaceNameConflict = message.Define("interface-name-conflict",
		"needs an interface {interface}, but {owner} has one of that name on node {node}",
		"rename one of the two",
		"Two objects would create interfaces of the same name.")
	msgInterfaceReserved = message.Define("interface-reserved",
		`the interface name {interface} is reserved on node {node} (pattern "{pattern}")`,
		"rename the object or change the node's reserved list",
		"The node's property reserved names interfaces that Viaduct must not touch.")
	msgInterfaceReservedForVNet = message.Define("interface-reserved-for-vnet",
		`the interface name {interface} is reserved on node {node} (pattern "{pattern}")`,
		"rename the VNet or change the node's reserved list",
		"The node's property reserved names interfaces that Viaduct must not touch.")
	msgInterfaceReservedForZone = message.Define("interface-reserved-for-zone",
		`the interface name {interface} is reserved on node {node} (pattern "{pattern}")`,
		"rename the zone or change the node's reserved list",
		"The node's property reserved names interfaces that Viaduct must not touch.")
	msgInterfaceNotMade = message.Define("interface-not-made",
		"interface {interface}: {other}, which it needs, could not be created on this node",
		"see {owner}",
		"An interface that this one is built on could not be created; its own problem states why.")
	msgVLANOfNode = message.Define("vlan-of-node",
		"VLAN {vlan} of {port}, a port of bridge {bridge}, is node {node}'s own ({holder}), whose interface receives the frames before a bridge can",
		"to share the VLAN with guests make a bridge {new-bridge} of port {interface} and move the addresses to it, or make {bridge} VLAN-aware and the node's interface {vlan-interface}; or choose another tag",
		"The kernel gives the frames of a VLAN to one device, which is the node's own interface.")
	msgVLANUntagged = message.Define("vlan-untagged",
		"{port} carries VLAN {vlan} without its tag: guests reach other nodes only where the switch has it as that port's native VLAN",
		"otherwise have it tagged: {remedy}",
		"A port of the zone's bridge sends the frames of this VLAN without a tag.")
	msgVLANNotCarried = message.Define("vlan-not-carried",
		"{port} does not carry VLAN {vlan}{also}: guests reach those of the same node only",
		"let it carry the VLAN: {remedy}",
		"No port of the zone's bridge that leads off the node carries the VLAN.")
	msgVLANNativeNotCarried = message.Define("vlan-native-not-carried",
		"port {port} of bridge {bridge} on node {node} does not carry VLAN {vlan}, in which the bridge has frames that are untagged or of 802.1ad: guests reach those of the same node only",
		"let it carry the VLAN: bridge vlan add dev {port} vid {vlan} pvid untagged, and bridge-pvid in /etc/network/interfaces",
		"The bridge has untagged frames in this VLAN, and the port that leads off the node does not carry it.")
	msgAnycastWithoutGateway = message.Define("anycast-without-gateway",
		"anycast-gateway has no effect yet: no subnet of the zone has a gateway,",
		"so set gateway of the subnets that the nodes are to route for",
		"The nodes have the addresses that the zone's subnets declare as gateway.")
	msgAnycastRepliesUntracked = message.Define("anycast-replies-untracked",
		"the kernel of node {node} does not track connections on bridges (module nf_conntrack_bridge): rules may drop the replies of guests here to connections that another node has routed to them",
		"allow both directions of such connections, or use a kernel that has the module",
		"With anycast gateways the sender's node routes each packet. A node knows a connection from another node only by tracking the frames that enter by the tunnel.")
	msgRAOfOtherSubnet = message.Define("ra-of-other-subnet",
		"is advertised to guests though ra is none, since vnet {vnet} has other IPv6 subnets that are:",
		"set ra of all of them",
		"Router advertisements concern all IPv6 subnets of a VNet.")
	msgDHCPv6SubnetTooLarge = message.Define("dhcpv6-subnet-too-large",
		"is too large for DHCP, so guests get no addresses of {cidr}: dnsmasq serves IPv6 networks of {min} bits and more",
		"use one",
		"dnsmasq does not serve IPv6 networks with longer host parts.")
	msgDHCPServerWithoutAddress = message.Define("dhcp-server-without-address",
		"has no room for the address of a DHCP server, so guests get no addresses of {cidr}:",
		"use a network of at most 120 bits, or a gateway that is the node's",
		"The DHCP server of a VNet without a gateway gets an address of its own, for which the network is too small.")
	msgDHCPAddressConflict = message.Define("dhcp-address-conflict",
		"the address {address} of {mac} is that of {other} too, which gets it by DHCP",
		"give one of them another",
		"Two NICs have one address, and DHCP can give it to one of them.")
	msgDHCPNotConfined = message.Define("dhcp-not-confined",
		"DHCP cannot be kept on its node, since the kernel of node {node} has no nftables for bridges (option CONFIG_NF_TABLES_BRIDGE): guests may be answered by another node, with the same addresses",
		"",
		"Without rules on bridges, DHCP requests of guests reach the servers of all nodes, which give the same answers.")
	msgAcceptRAReservedFabric = message.Define("accept-ra-reserved-fabric",
		"interface {interface} of node {node} is reserved, so it still accepts default routes from the router advertisements of its neighbours",
		"set its accept_ra to 0 by hand",
		"A member of a fabric has its routes from the fabric, and the interface is reserved from changes.")
	msgAcceptRALost = message.Define("accept-ra-lost",
		"node {node} becomes an IPv6 router and then drops what interface {interface} learned by router advertisement",
		"the interface is reserved, so set its accept_ra to 2 by hand if the node needs that",
		"Linux stops accepting router advertisements on an interface that forwards, unless accept_ra is 2.")
	msgForwardingReserved = message.Define("forwarding-reserved",
		"node {node} does not forward what comes by interface {interface}, so guests get no answers by it",
		"the interface is reserved, so set {key}{interface}.forwarding to 1 by hand",
		"Linux forwards packets of an interface only if its sysctl forwarding is 1, and the interface is reserved from changes.")
	msgNICVNetNotHere = message.Define("nic-vnet-not-here",
		"{nic}: vnet {vnet} is not on node {node}",
		"apply the VNet, or put the node on its zone's node list",
		"The guest is on this node, and its VNet is not, or not applied yet.")
	msgNICMACNeeded = message.Define("nic-mac-needed",
		"{nic}: zone {zone} learns no MAC addresses (bridge-disable-mac-learning), so the NIC needs its own declared:",
		"set mac",
		"The bridges of the zone forward to declared MAC addresses only.")
	msgNICMACUnfiltered = message.Define("nic-mac-unfiltered",
		"{nic}: may send under any MAC address, though vnet {vnet} filters them (mac-filter), because its own is not known:",
		"set mac",
		"The filter of sender addresses needs the MAC address of the NIC.")
	msgNamesNotServed = message.Define("names-not-served",
		"the names of {zone} are not served on node {node}, which has no gateway of the zone:",
		"set gateway in its subnets, or dhcp, or dns for a DNS server elsewhere",
		"Guests ask the DNS server of a node at their gateway.")
	msgNameNotDNS = message.Define("name-not-dns",
		`the name "{name}" of {object} is no DNS name and is not served`,
		"rename it",
		"The name of a guest cannot be a DNS name.")
	msgExitNodeNetworksUnreachable = message.Define("exit-node-networks-unreachable",
		"guests of subnets without snat, such as {subnet}, reach what is beyond exit node {node}, but not the networks that it is on itself ({networks})",
		"set node-networks to all if they need to",
		"Without address translation, the networks that an exit node is connected to have no route back to the guests.")
	msgSubnetConflictsWithNode = message.Define("subnet-conflicts-with-node",
		"{cidr} {what}: it is not routed on node {node}, which would lose its own traffic",
		"choose another network",
		"The network is also one of the node's own, or contains it.")
	msgVTEPUnknown = message.Define("vtep-unknown",
		"node {node} has no address to use as its VTEP: none of the peers {peers} is an address of the node, and no route to them has a source address",
		"add the node's address to peers, or set address on node {node}",
		"No address of the node is in the list of peers, so it cannot choose its VTEP.")
	msgVTEPNotInPeers = message.Define("vtep-not-in-peers",
		"node {node} uses {address} as its VTEP, which is not in peers: the other nodes do not send to it",
		"add it to peers",
		"The nodes of the zone send to the addresses in its list of peers.")
	msgVTEPAddressMissing = message.Define("vtep-address-missing",
		"node {node} does not have its address {address}, so its tunnels carry nothing",
		"give it to an interface there (ip -br addr), or correct address of node {node}",
		"The declared address of the node is on none of its interfaces.")
	msgVTEPNotInFabric = message.Define("vtep-not-in-fabric",
		"node {node} is not a member of fabric {fabric}, so it has no address to use as its VTEP",
		"declare fabric-node {member}, or take the node out of the zone's nodes",
		"The nodes of the zone have their VTEPs in the fabric.")
	msgRuleRejectsOnBridge = message.Define("rule-rejects-on-bridge",
		"rules[{rule}] rejects: inside the VNet it drops without notifying the sender, since Linux cannot reject on a bridge",
		"where traffic is routed the sender is notified",
		"Linux cannot send a rejection on a bridge, so the rule drops packets between guests of one VNet.")
	msgSNATWithoutGatewayOnNodes = message.Define("snat-without-gateway-on-nodes",
		"snat has no effect without a gateway: the nodes have no address in this network",
		"set gateway",
		"Nodes translate addresses of the traffic that they route, and without a gateway they route nothing.")
	msgSNATWithoutGatewayOnNode = message.Define("snat-without-gateway-on-node",
		"snat has no effect without a gateway: the node has no address in this network",
		"set gateway",
		"The node translates addresses of the traffic that it routes, and without a gateway it routes nothing.")
	msgBridgeIsOVSPort = message.Define("bridge-is-ovs-port",
		"{bridge} on node {node} is no bridge of its own but a port of Open vSwitch bridge {ovs-bridge} (a fake bridge, if ovs-vsctl list-br has it)",
		"set bridge to {ovs-bridge}, and the VLAN as the VNet's tag",
		"A fake bridge of Open vSwitch is one VLAN of another bridge.")
	msgBridgeMissing = message.Define("bridge-missing",
		"node {node} has no bridge {bridge}",
		"create it (a stanza in /etc/network/interfaces), correct bridge, or restrict the zone to the nodes that have it",
		"Zones of VLANs use a bridge that the node already has.")
	msgOVSNotRunning = message.Define("ovs-not-running",
		"bridge {bridge} of node {node} is Open vSwitch's, which does not answer",
		"start it (systemctl start openvswitch-switch)",
		"The daemons of Open vSwitch do not answer, so its bridges cannot be configured.")
	msgBridgeNotABridge = message.Define("bridge-not-a-bridge",
		"interface {interface} of node {node} is no bridge ({kind})",
		"make it a port of a bridge and name that one",
		"The interface that the zone names cannot have ports.")
	msgBridgeWithoutUplink = message.Define("bridge-without-uplink",
		"bridge {bridge} of node {node} has no port that leads off the node: guests reach those of the same node only",
		"add the network card to the bridge",
		"No port of the bridge is a network card, a bond or a VLAN device.")
	msgMTUComputed = message.Define("mtu-computed",
		"mtu {mtu}: {reason}",
		"",
		"The zone has no mtu of its own, so its VNets get what fits the underlay.")
	msgMTUAboveBridge = message.Define("mtu-above-bridge",
		"mtu {mtu} is more than bridge {bridge} of node {node} carries ({bridge-mtu}), which is used instead",
		"raise the bridge's or lower the zone's",
		"The VNets' frames pass the bridge, which carries smaller ones.")
	msgVLANSharedWithNode = message.Define("vlan-shared-with-node",
		"VLAN {vlan} of bridge {bridge} is node {node}'s own too ({addresses}): guests and node share it{reserved}",
		"",
		"The node has an interface in the VLAN of the VNet, so guests and node are in one network.")
	msgMTUUnknown = message.Define("mtu-unknown",
		"mtu cannot be computed: node {node} knows no path to another VTEP",
		"new VNets get the kernel's {mtu}, others keep what they have; repair the underlay or set mtu",
		"The MTU of VXLAN networks depends on the interface that leads to the other nodes.")
	msgMTUTooLarge = message.Define("mtu-too-large",
		"mtu {mtu} is more than fits: {reason} leaves {fits}",
		"larger frames are lost or fragmented; lower mtu to {fits} or raise the underlay's",
		"Encapsulated frames of this size exceed the underlay's MTU.")
	msgVNetLocalNoBridge = message.Define("vnet-local-no-bridge",
		"reaches guests of node {node} only, because zone {zone} has no bridge here",
		"see zone {zone}",
		"The zone's bridge is not usable on this node, so the VNet has no connection to other nodes.")
	msgVNetLocalNoTunnels = message.Define("vnet-local-no-tunnels",
		"reaches guests of node {node} only, because zone {zone} has no tunnels here",
		"see zone {zone}",
		"The zone has no VTEP on this node, so the VNet has no connection to other nodes.")
	msgVNetLocalNoServiceVLAN = message.Define("vnet-local-no-service-vlan",
		"reaches guests of node {node} only, because zone {zone} has no service VLAN here",
		"see zone {zone}",
		"The zone's service VLAN cannot be created on this node, so the VNet has no connection to other nodes.")
	msgVNetLocalNoRouting = message.Define("vnet-local-no-routing",
		"reaches guests of node {node} only, because zone {zone} has no routing here",
		"see zone {zone}",
		"The zone has no routing on this node, so the VNet has no connection to other nodes.")
)
