package schema

import (
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// types parses "vlan:r qinq:o" as a column of a table.
func types(text string) map[string]byte {
	out := map[string]byte{}
	for word := range strings.FieldsSeq(text) {
		name, how, _ := strings.Cut(word, ":")
		out[name] = how[0]
	}
	return out
}

// Zones describes zones (Proxmox VE SDN manual, "Zones").
func Zones() *Kind { return zones }

// VNets describes VNets (Proxmox VE SDN manual, "VNets").
func VNets() *Kind { return vnets }

// Subnets describes subnets (Proxmox VE SDN manual, "Subnets").
func Subnets() *Kind { return subnets }

// Controllers describes controllers (Proxmox VE SDN manual, "Controllers").
func Controllers() *Kind { return controllers }

var zones = &Kind{
	Model: model.KindZone, ID: "zone", Noun: "zone",
	Types: []string{"evpn", "qinq", "simple", "vlan", "vxlan"},
	Properties: []Property{
		{Name: "nodes", Form: List, Unordered: true, Check: nodeName, Doc: "nodes that the zone is on; all if left out"},
		{Name: "mtu", Form: Integer, Doc: "MTU of the VNets, in bytes"},
		{Name: "ipam", Form: Text, Check: pluginID, Doc: "address management of the subnets"},
		{Name: "dns", Form: Text, Check: pluginID, Doc: "name server of forward records"},
		{Name: "reversedns", Form: Text, Check: pluginID, Doc: "name server of reverse records"},
		{Name: "dnszone", Form: Text, Check: dnsName, Doc: "DNS domain of the guests"},
		{Name: "dhcp", Form: Text, Enum: []string{"dnsmasq"}, Doc: "DHCP server"},
		{Name: "bridge", Form: Text, Types: types("vlan:r qinq:r"), Doc: "bridge of the nodes that carries the VLANs"},
		{Name: "bridge-disable-mac-learning", Form: Boolean, Types: types("vlan:o qinq:o evpn:o"), Doc: "configure guests' MAC addresses instead of learning them"},
		{Name: "tag", Form: Integer, Types: types("qinq:r"), Doc: "service VLAN"},
		{Name: "vlan-protocol", Form: Text, Types: types("qinq:o"), Enum: []string{"802.1q", "802.1ad"}, Doc: "type of the service VLAN"},
		{Name: "peers", Form: List, Types: types("vxlan:o"), Check: Address, Doc: "address of every node, the ends of the tunnels"},
		{Name: "fabric", Form: Text, Types: types("vxlan:o"), Check: fabricID, Doc: "fabric with the VTEPs"},
		{Name: "vxlan-port", Form: Integer, Types: types("vxlan:o evpn:o"), Min: 1, Max: 65536, Doc: "UDP port of the tunnels"},
		{Name: "controller", Form: Text, Types: types("evpn:r"), Doc: "EVPN controller"},
		{Name: "secondary-controllers", Form: Array, Names: true, Types: types("evpn:o"), Doc: "further EVPN controllers that get the zone's routes"},
		{Name: "vrf-vxlan", Form: Integer, Types: types("evpn:r"), Min: 1, Max: 16777215, Doc: "VXLAN network identifier of routed traffic"},
		{Name: "mac", Form: Text, Types: types("evpn:o"), Check: MAC, Doc: "MAC address of the gateways"},
		{Name: "exitnodes", Form: List, Types: types("evpn:o"), Unordered: true, Check: nodeName, Doc: "nodes that route to the world outside"},
		{Name: "exitnodes-primary", Form: Text, Types: types("evpn:o"), Check: nodeName, Doc: "exit node that is preferred"},
		{Name: "exitnodes-local-routing", Form: Boolean, Types: types("evpn:o"), Doc: "exit nodes themselves reach guests"},
		{Name: "advertise-subnets", Form: Boolean, Types: types("evpn:o"), Doc: "announce whole subnets"},
		{Name: "disable-arp-nd-suppression", Form: Boolean, Types: types("evpn:o"), Doc: "flood ARP and neighbour discovery"},
		{Name: "rt-import", Form: List, Types: types("evpn:o"), Check: routeTarget, Doc: "further route targets to import"},
	},
}

var vnets = &Kind{
	Model: model.KindVNet, ID: "vnet", Noun: "vnet",
	Types: []string{"vnet"},
	Properties: []Property{
		{Name: "zone", Form: Text, Need: 'r', Doc: "zone that the VNet belongs to"},
		{Name: "tag", Form: Integer, Min: 1, Max: 16777215, Doc: "VLAN or VXLAN network identifier"},
		{Name: "alias", Form: Text, MaxLength: 256, Check: aliasText, Doc: "description"},
		{Name: "vlanaware", Form: Boolean, Doc: "guests may use VLAN tags inside"},
		{Name: "isolate-ports", Form: Boolean, Doc: "guests cannot reach each other"},
	},
}

var subnets = &Kind{
	Model: model.KindSubnet, ID: "subnet", Noun: "subnet",
	Types: []string{"subnet"},
	Properties: []Property{
		{Name: "vnet", Form: Text, Need: 'r', Doc: "VNet that the subnet belongs to"},
		{Name: "gateway", Form: Text, Check: Address, Doc: "default gateway"},
		{Name: "snat", Form: Boolean, Doc: "guests reach outside through the node's own address"},
		{Name: "dnszoneprefix", Form: Text, Check: dnsName, Doc: "put between host name and DNS domain"},
		{Name: "dhcp-range", Form: Array, Doc: "addresses to give out: start-address=A,end-address=B"},
		{Name: "dhcp-dns-server", Form: Text, Check: Address, Doc: "DNS server for guests"},
	},
}

var controllers = &Kind{
	Model: model.KindController, ID: "controller", Noun: "controller",
	Types: []string{"bgp", "evpn", "isis"},
	Properties: []Property{
		{Name: "asn", Form: Integer, Types: types("evpn:r bgp:r"), Max: 4294967295, Doc: "autonomous system number"},
		{Name: "peers", Form: List, Types: types("evpn:o bgp:r"), Check: Address, Doc: "addresses of the peers"},
		{Name: "fabric", Form: Text, Types: types("evpn:o"), Check: fabricID, Doc: "fabric with the peers"},
		{Name: "node", Form: Text, Types: types("bgp:r isis:r"), Check: nodeName, Doc: "node that it runs on"},
		{Name: "nodes", Form: List, Types: types("evpn:o"), Unordered: true, Check: nodeName, Doc: "nodes that it runs on; all if left out"},
		{Name: "peer-group-name", Form: Text, Types: types("evpn:o"), Check: configID, Doc: "FRR's name for the peers"},
		{Name: "bgp-mode", Form: Text, Types: types("evpn:o"), Enum: []string{"auto", "external", "internal"}, Doc: "eBGP or iBGP"},
		{Name: "ebgp", Form: Boolean, Types: types("bgp:o"), Doc: "peers are of other autonomous systems"},
		{Name: "ebgp-multihop", Form: Integer, Types: types("bgp:o evpn:o"), Doc: "hops to eBGP peers"},
		{Name: "loopback", Form: Text, Types: types("bgp:o isis:o"), Doc: "interface with the address of sessions and tunnels"},
		{Name: "bgp-multipath-as-path-relax", Form: Boolean, Types: types("bgp:o"), Doc: "use equal paths through different systems"},
		{Name: "route-map-in", Form: Text, Types: types("evpn:o bgp:o"), Check: configID, Doc: "route map for routes from the peers"},
		{Name: "route-map-out", Form: Text, Types: types("evpn:o bgp:o"), Check: configID, Doc: "route map for routes to the peers"},
		{Name: "isis-domain", Form: Text, Types: types("isis:r"), Doc: "name of the IS-IS domain"},
		{Name: "isis-net", Form: Text, Types: types("isis:r"), Check: entityTitle, Doc: "network entity title"},
		{Name: "isis-ifaces", Form: List, Types: types("isis:r"), Doc: "interfaces that speak IS-IS"},
	},
}

// Fabrics and FabricNodes describe fabrics and their nodes (Proxmox VE SDN manual,
// "Fabrics"). The type of their sections contains the protocol.
func Fabrics() *Kind { return fabrics }

// FabricNodes describes the nodes of fabrics; see Fabrics.
func FabricNodes() *Kind { return fabricNodes }

var fabrics = &Kind{
	Model: model.KindFabric, ID: "id", Noun: "fabric",
	Types: []string{"bgp", "openfabric", "ospf", "wireguard"},
	Properties: []Property{
		{Name: "ip_prefix", Field: "ip-prefix", Form: Text, Check: prefix4, Doc: "network of the nodes' IPv4 addresses"},
		{Name: "ip6_prefix", Field: "ip6-prefix", Form: Text, Check: prefix6, Doc: "network of the nodes' IPv6 addresses"},
		{Name: "hello_interval", Field: "hello-interval", Form: Integer, Types: types("openfabric:o"), Min: 1, Max: 600, Doc: "seconds between hellos"},
		{Name: "csnp_interval", Field: "csnp-interval", Form: Integer, Types: types("openfabric:o"), Min: 1, Max: 600, Doc: "seconds between full summaries"},
		{Name: "area", Form: Text, Types: types("ospf:r"), Check: ospfArea, Doc: "area, a number or like 0.0.0.0"},
		{Name: "bfd", Form: Boolean, Types: types("bgp:o"), Doc: "watch the sessions with BFD"},
		{Name: "persistent_keepalive", Field: "persistent-keepalive", Form: Integer, Types: types("wireguard:o"), Max: 65535, Doc: "seconds between packets that keep tunnels open through NAT; 0 for none"},
		{Name: "route_filter", Field: "route-filter", Form: Text, Types: types("openfabric:o ospf:o bgp:o"), Check: configID, Doc: "prefix list of the fabric's routes"},
		{Name: "redistribute", Form: Array, Types: types("ospf:o bgp:o"), Doc: "other routes to announce: source=connected,metric=N,route-map=M"},
		{Name: "route_map_in", Field: "route-map-in", Form: Text, Types: types("bgp:o"), Check: configID, Doc: "route map for routes from other nodes"},
		{Name: "route_map_out", Field: "route-map-out", Form: Text, Types: types("bgp:o"), Check: configID, Doc: "route map for routes to other nodes"},
	},
}

var fabricNodes = &Kind{
	Model: model.KindFabricNode, ID: "id", Noun: "node",
	Types: []string{"bgp", "openfabric", "ospf", "wireguard"},
	Properties: []Property{
		{Name: "ip", Form: Text, Check: address4, Doc: "the node's IPv4 address in the fabric"},
		{Name: "ip6", Form: Text, Check: address6, Doc: "the node's IPv6 address in the fabric"},
		{Name: "interfaces", Form: Array, Unordered: true, Doc: "links to other nodes: name=eth1,ip=10.0.0.1/31; of wireguard: name=wg0,listen_port=51820"},
		{Name: "asn", Form: Integer, Types: types("bgp:r"), Max: 4294967295, Doc: "the node's autonomous system number"},
		{Name: "role", Form: Text, Types: types("bgp:o wireguard:r"), Enum: []string{model.RoleInternal, model.RoleExternal}, Doc: "internal: a member of the cluster; external (wireguard): none"},
		{Name: "endpoint", Form: Text, Types: types("wireguard:o"), MaxLength: 264, Doc: "host that others send to; host:port of an external node"},
		{Name: "public_key", Field: "public-key", Form: Text, Types: types("wireguard:o"), Check: publicKey, Doc: "key of an external node"},
		{Name: "allowed_ips", Field: "allowed-ips", Form: Array, Names: true, Types: types("wireguard:o"), Check: prefix, Doc: "networks reached through the node"},
		{Name: "peers", Form: Array, Types: types("wireguard:o"), Doc: "ends of tunnels: type=internal,node=node2,node_iface=wg0,iface=wg0"},
	},
}

// IPAMs describes IPAM systems, and NameServers DNS servers (Proxmox VE SDN manual,
// "IPAM" and "DNS"). They are not part of the revisioned configuration: changes take
// effect at once.
func IPAMs() *Kind { return ipams }

// NameServers describes DNS servers; see IPAMs.
func NameServers() *Kind { return nameServers }

var ipams = &Kind{
	Model: model.KindIPAM, ID: "ipam", Noun: "ipam",
	Types: []string{"netbox", "phpipam", "pve"},
	Properties: []Property{
		{Name: "url", Form: Text, Types: types("netbox:r phpipam:r"), Doc: "where its API is"},
		{Name: "token", Form: Text, Types: types("netbox:r phpipam:r"), Doc: "API token; one of NetBox's version 2 begins with nbt_"},
		{Name: "section", Form: Integer, Types: types("phpipam:r"), Doc: "number of the section"},
		{Name: "fingerprint", Form: Text, Types: types("netbox:o phpipam:o"), Check: fingerprint, Doc: "SHA-256 fingerprint of its certificate"},
	},
}

var nameServers = &Kind{
	Model: model.KindDNS, ID: "dns", Noun: "dns",
	Types: []string{"powerdns"},
	Properties: []Property{
		{Name: "url", Form: Text, Types: types("powerdns:r"), Doc: "where its API is"},
		{Name: "key", Form: Text, Types: types("powerdns:r"), Doc: "API key"},
		{Name: "ttl", Form: Integer, Types: types("powerdns:o"), Doc: "time to live of records, in seconds"},
		{Name: "reversemaskv6", Form: Integer, Types: types("powerdns:o"), Max: 128, Doc: "length of IPv6 reverse zones, in bits"},
		{Name: "fingerprint", Form: Text, Types: types("powerdns:o"), Check: fingerprint, Doc: "SHA-256 fingerprint of its certificate"},
	},
}
