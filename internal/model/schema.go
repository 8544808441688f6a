package model

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// FieldType is the kind of value a property takes.
type FieldType string

// The types of property.
const (
	FieldText    FieldType = "text"
	FieldInt     FieldType = "whole number"
	FieldBool    FieldType = "boolean"
	FieldAddr    FieldType = "IP address"
	FieldPrefix  FieldType = "network"
	FieldTexts   FieldType = "list of names"
	FieldAddrs   FieldType = "list of IP addresses"
	FieldRanges  FieldType = "list of address ranges"
	FieldNICs    FieldType = "list of NICs"
	FieldIfaces  FieldType = "list of interfaces"
	FieldSources FieldType = "list of route sources"
	FieldEntries FieldType = "list of entries"
	FieldUnknown FieldType = ""
)

// FieldInfo describes one property of a kind of object.
type FieldInfo struct {
	// Name is the property as written in a manifest: "vxlan-port".
	Name string
	Type FieldType
	// Doc says in a few words what the property is.
	Doc string
	// Index is the field's place in the Go struct, for package reflect.
	Index int
	// Go is the type of the field.
	Go reflect.Type
}

// Fields returns the properties of a kind in the order of declaration, which
// is that in which they are written; nil for an unknown kind.
func Fields(k Kind) []FieldInfo {
	o := New(k)
	if o == nil {
		return nil
	}
	return fieldsOf(reflect.TypeOf(o).Elem(), string(k))
}

// ItemFields returns the properties of one item of a list of objects, and what
// an item is called; nil for other types of property.
func (f FieldInfo) ItemFields() (infos []FieldInfo, owner string) {
	for _, l := range itemTypes {
		if l.list == f.Go {
			return fieldsOf(l.list.Elem(), l.owner), l.owner
		}
	}
	return nil, ""
}

// itemTypes are the lists of objects inside objects.
var itemTypes = []struct {
	list  reflect.Type
	owner string
	field FieldType
	// key is the property that tells items apart; empty where only their place does.
	key string
}{
	{reflect.TypeFor[[]Range](), "range", FieldRanges, "start-address"},
	{reflect.TypeFor[[]NIC](), "nic", FieldNICs, "id"},
	{reflect.TypeFor[[]FabricInterface](), "interface", FieldIfaces, "name"},
	{reflect.TypeFor[[]FabricPeer](), "peer", FieldEntries, ""},
	{reflect.TypeFor[[]Redistribution](), "source", FieldSources, "source"},
	{reflect.TypeFor[[]PrefixEntry](), "prefix-list entry", FieldEntries, "seq"},
	{reflect.TypeFor[[]RouteMapEntry](), "route-map entry", FieldEntries, "order"},
	{reflect.TypeFor[[]FirewallRule](), "rule", FieldEntries, ""},
	{reflect.TypeFor[[]IPSetEntry](), "ip-set entry", FieldEntries, "cidr"},
}

// IsStructures reports whether the property is a list of structures.
func (f FieldInfo) IsStructures() bool {
	infos, _ := f.ItemFields()
	return infos != nil
}

// ItemKey is the property that tells the items of a list of structures apart; empty
// if only their place in the list does, and for other types of property.
func (f FieldInfo) ItemKey() string {
	for _, l := range itemTypes {
		if l.list == f.Go {
			return l.key
		}
	}
	return ""
}

func fieldsOf(t reflect.Type, owner string) []FieldInfo {
	out := make([]FieldInfo, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type == reflect.TypeFor[Written]() {
			continue // no property, but how others are written
		}
		doc := fieldDocs[owner+"."+name]
		if doc == "" && name == "set" {
			doc = setDoc
		}
		out = append(out, FieldInfo{Name: name, Type: fieldType(f.Type), Doc: doc, Index: i, Go: f.Type})
	}
	return out
}

func fieldType(t reflect.Type) FieldType {
	switch t {
	case reflect.TypeFor[netip.Addr]():
		return FieldAddr
	case reflect.TypeFor[netip.Prefix]():
		return FieldPrefix
	case reflect.TypeFor[[]string]():
		return FieldTexts
	case reflect.TypeFor[[]netip.Addr]():
		return FieldAddrs
	}
	for _, l := range itemTypes {
		if l.list == t {
			return l.field
		}
	}
	switch t.Kind() {
	case reflect.String:
		return FieldText
	case reflect.Int:
		return FieldInt
	case reflect.Bool:
		return FieldBool
	}
	return FieldUnknown
}

// setDoc explains the owner set, which every kind has.
const setDoc = "owner set: manifests that it was applied from, which prune it"

// fieldDocs explains every property; a test keeps it complete.
var fieldDocs = map[string]string{
	"node.id":       "name under which the host joined",
	"node.address":  "own end of tunnels, unless a peer list decides it",
	"node.reserved": "interface names or patterns never to touch",

	"node.backend": "netlink (default) or ifupdown2",

	"prefix-list.id":      "1 to 32 letters, digits, _ and -",
	"prefix-list.entries": "networks to permit or deny",

	"prefix-list entry.action": "permit or deny",
	"prefix-list entry.prefix": "the network, like 10.0.0.0/8",
	"prefix-list entry.ge":     "shortest length of networks inside it, in bits",
	"prefix-list entry.le":     "longest length of networks inside it, in bits",
	"prefix-list entry.seq":    "place in the list; behind all others if left out",

	"route-map.id":      "1 to 32 letters, digits, _ and -",
	"route-map.entries": "steps; the first that matches decides",

	"route-map entry.order":       "place in the map, 1 to 65535",
	"route-map entry.action":      "permit or deny",
	"route-map entry.match":       "conditions, like vni=10100 or ip-address-prefix-list=mylist",
	"route-map entry.set":         "changes, like local-preference=200 or metric=+10",
	"route-map entry.call":        "route map that must permit the route too",
	"route-map entry.exit-action": "on-match-next, on-match-goto=N or continue=N",

	"fabric.route-filter":  "prefix list of the fabric's routes, instead of its networks",
	"fabric.redistribute":  "other routes to announce: source=connected,metric=N,route-map=M (ospf, bgp)",
	"fabric.route-map-in":  "route map for routes from other nodes (bgp)",
	"fabric.route-map-out": "route map for routes to other nodes (bgp)",

	"source.source":    "connected, kernel, static, bgp, isis, openfabric, ospf or ospf6",
	"source.metric":    "metric of the routes",
	"source.route-map": "route map that the routes pass",

	"fabric.id":             "2 to 8 letters, digits and hyphens",
	"fabric.protocol":       "openfabric, ospf, bgp, or wireguard, which is kept and does not run yet",
	"fabric.ip-prefix":      "network of the nodes' IPv4 addresses",
	"fabric.ip6-prefix":     "network of the nodes' IPv6 addresses",
	"fabric.hello-interval": "seconds between hellos, 1 to 600 (openfabric)",
	"fabric.csnp-interval":  "seconds between full summaries, 1 to 600 (openfabric)",
	"fabric.area":           "area, a number or like 0.0.0.0 (ospf)",

	"fabric.persistent-keepalive": "seconds between packets that keep tunnels open through NAT (wireguard)",

	"fabric.bfd": "watch the sessions with BFD (bgp)",

	"fabric-node.id":         "<fabric>_<node>",
	"fabric-node.fabric":     "fabric that the node takes part in",
	"fabric-node.node":       "name of the node",
	"fabric-node.ip":         "the node's IPv4 address in the fabric",
	"fabric-node.ip6":        "the node's IPv6 address in the fabric",
	"fabric-node.asn":        "the node's autonomous system number (bgp)",
	"fabric-node.interfaces": "links to other nodes",

	"fabric-node.role":        "internal, or external for a peer outside the cluster (wireguard)",
	"fabric-node.endpoint":    "host that others send to; with a port for an external node (wireguard)",
	"fabric-node.public-key":  "key of an external node (wireguard)",
	"fabric-node.allowed-ips": "networks reached through the node (wireguard)",
	"fabric-node.peers":       "ends of tunnels (wireguard)",

	"peer.type":                  "internal, or external for a node outside the cluster",
	"peer.node":                  "node at the other end",
	"peer.node-iface":            "its interface (internal)",
	"peer.iface":                 "the node's own interface",
	"peer.endpoint":              "in the place of the other node's own endpoint",
	"peer.allowed-ips":           "further networks behind it, apart by semicolons",
	"peer.skip-route-generation": "make no routes to what is behind it",

	"interface.name":             "name of the interface",
	"interface.ip":               "IPv4 address with mask; unnumbered if left out",
	"interface.ip6":              "IPv6 address with mask",
	"interface.listen-port":      "UDP port, 1 to 65535 (wireguard)",
	"interface.public-key":       "key that others know the interface by (wireguard)",
	"interface.ip6-ll":           "give it an IPv6 link-local address (wireguard)",
	"interface.hello-multiplier": "lost hellos that end a neighbour, 2 to 100 (openfabric)",
	"interface.network-type":     "broadcast, non-broadcast, point-to-point or point-to-multipoint (ospf)",

	"controller.id":                          "2 to 64 letters, digits, _ and -",
	"controller.type":                        "evpn, bgp or isis",
	"controller.asn":                         "autonomous system number (evpn, bgp)",
	"controller.peers":                       "addresses of the nodes (evpn) or of routers outside (bgp)",
	"controller.fabric":                      "fabric whose nodes are the peers (evpn)",
	"controller.nodes":                       "nodes it runs on; all with a zone of it if left out (evpn)",
	"controller.peer-group-name":             "FRR's name for the peers, VTEP if left out (evpn)",
	"controller.bgp-mode":                    "auto, external or internal (evpn)",
	"controller.route-map-in":                "route map for routes from the peers (evpn, bgp)",
	"controller.route-map-out":               "route map for routes to the peers (evpn, bgp)",
	"controller.node":                        "node it runs on (bgp, isis)",
	"controller.ebgp":                        "peers are of other autonomous systems (bgp)",
	"controller.ebgp-multihop":               "hops to eBGP peers (evpn, bgp)",
	"controller.loopback":                    "interface whose address sessions and tunnels use (bgp, isis)",
	"controller.bgp-multipath-as-path-relax": "use equal paths through different systems (bgp)",
	"controller.isis-domain":                 "name of the IS-IS domain (isis)",
	"controller.isis-net":                    "network entity title, like 49.0001.1921.6800.1002.00 (isis)",
	"controller.isis-ifaces":                 "interfaces that speak IS-IS (isis)",

	"zone.id":           "2 to 8 letters and digits",
	"zone.type":         "simple, vlan, qinq, vxlan or evpn",
	"zone.nodes":        "nodes the zone is deployed on; all if left out",
	"zone.mtu":          "bytes; computed if left out",
	"zone.ipam":         "address management: pve",
	"zone.dns":          "name server of forward records",
	"zone.reversedns":   "name server of reverse records",
	"zone.dnszone":      "DNS domain of the zone's guests",
	"zone.dhcp":         "DHCP server: dnsmasq",
	"zone.dhcp-dynamic": "unknown guests get addresses of the subnets' ranges, too",
	"zone.peers":        "address of every node, the ends of the tunnels (vxlan)",
	"zone.fabric":       "fabric to take the tunnel ends from (vxlan)",
	"zone.vxlan-port":   "UDP port of the tunnels, 4789 if left out (vxlan, evpn)",

	"zone.bridge":                      "bridge of the nodes that carries the VLANs (vlan, qinq)",
	"zone.bridge-disable-mac-learning": "enter guests' hardware addresses instead of learning them",
	"zone.tag":                         "service VLAN, 1 to 4094 (qinq)",
	"zone.vlan-protocol":               "service VLAN's type: 802.1q or 802.1ad (qinq)",
	"zone.controller":                  "EVPN controller (evpn)",
	"zone.secondary-controllers":       "further EVPN controllers that get the zone's routes (evpn)",
	"zone.vrf-vxlan":                   "VXLAN identifier of routed traffic (evpn)",
	"zone.mac":                         "hardware address of the gateways (evpn)",
	"zone.exitnodes":                   "nodes that route to the world outside (evpn)",
	"zone.exitnodes-primary":           "exit node that is preferred (evpn)",
	"zone.exitnodes-local-routing":     "exit nodes themselves reach guests (evpn)",
	"zone.exitnodes-interface":         "exit nodes' interface that what leaves the zone takes (evpn)",
	"zone.exitnodes-via":               "next hops of what leaves the zone, one of each family (evpn)",
	"zone.exitnodes-table":             "exit nodes' routing table that leads out, instead of interface and next hops (evpn)",
	"zone.node-networks":               "whose guests reach the networks the nodes are on: all, snat or none (simple: all if left out; evpn: snat)",
	"zone.node-services":               "what guests reach of the nodes themselves, like tcp/22, or none; everything if left out (simple, evpn)",
	"zone.advertise-subnets":           "announce whole subnets (evpn)",
	"zone.disable-arp-nd-suppression":  "flood ARP and neighbour discovery (evpn)",
	"zone.rt-import":                   "further route targets to import, like 65000:1 (evpn)",

	"vnet.id":            "2 to 8 letters and digits; the name of the bridge",
	"vnet.zone":          "zone the vnet belongs to",
	"vnet.tag":           "VLAN, 1 to 4094, or VXLAN network identifier, 1 to 16777215",
	"vnet.alias":         "description",
	"vnet.vlanaware":     "guests may use VLAN tags inside",
	"vnet.isolate-ports": "guests of one node cannot reach each other",

	"subnet.id":              "the network, like 10.0.1.0/24, or <zone>-10.0.1.0-24",
	"subnet.cidr":            "the network, if id does not give it",
	"subnet.vnet":            "vnet the subnet belongs to",
	"subnet.gateway":         "the network's default gateway",
	"subnet.snat":            "guests reach outside through the node's own address",
	"subnet.dnszoneprefix":   "put between host name and DNS domain",
	"subnet.dhcp-range":      "addresses to give out: start-address=A,end-address=B",
	"subnet.dhcp-dns-server": "name server told to guests",
	"subnet.ra":              "way to IPv6 addresses: stateful (DHCPv6), slaac or none; stateful if left out",

	"ipam.id":          "2 or more letters and digits",
	"ipam.type":        "pve, netbox or phpipam",
	"ipam.url":         "where its API is (netbox, phpipam)",
	"ipam.token":       "API token (netbox: of version 1, or of version 2, which begins with nbt_; phpipam)",
	"ipam.section":     "number of the section for subnets (phpipam)",
	"ipam.fingerprint": "SHA-256 fingerprint of its certificate, if no authority signed it",

	"dns.id":            "2 or more letters and digits",
	"dns.type":          "powerdns",
	"dns.url":           "where the server is in its API, like http://pdns:8081/api/v1/servers/localhost",
	"dns.key":           "API key",
	"dns.ttl":           "seconds that records may be kept, 14400 if left out",
	"dns.reversemaskv6": "length of IPv6 reverse zones in bits; the subnet's if left out",
	"dns.fingerprint":   "SHA-256 fingerprint of its certificate, if no authority signed it",

	"alias.id":      "2 to 64 lower-case letters, digits, - and _",
	"alias.cidr":    "address or network",
	"alias.comment": "description",

	"ip-set.id":            "2 to 64 lower-case letters, digits, - and _",
	"ip-set.comment":       "description",
	"ip-set.entries":       "addresses, networks, ranges and aliases",
	"ip-set entry.cidr":    "address, network, range A-B, or name of an alias",
	"ip-set entry.nomatch": "these addresses are not in the set",
	"ip-set entry.comment": "description",

	"security-group.id":      "2 to 20 lower-case letters, digits, - and _",
	"security-group.comment": "description",
	"security-group.rules":   "the first that a packet matches decides",

	"firewall.id":                "name of the vnet, or datacenter for that of the cluster",
	"firewall.enable":            "put rules and policy in force",
	"firewall.policy-forward":    "for what no rule decides: ACCEPT (default) or DROP",
	"firewall.log-level-forward": "level at which drops by the policy are logged; none if left out",
	"firewall.mac-filter":        "NICs send under their own hardware address only",
	"firewall.ip-filter":         "NICs send under their own IP addresses only",
	"firewall.log-ratelimit":     "bound on what is logged: enable=1,rate=1/second,burst=5 (datacenter)",
	"firewall.policy-in":         "of hosts and guests; kept, without effect (datacenter)",
	"firewall.policy-out":        "of hosts and guests; kept, without effect (datacenter)",
	"firewall.ebtables":          "0 or 1, of the firewall of guests; kept, without effect (datacenter)",
	"firewall.rules":             "the first that a packet matches decides",

	"rule.type":      "forward or group; in security groups and the datacenter also in or out",
	"rule.action":    "ACCEPT, DROP, REJECT, or a security group",
	"rule.macro":     "name for protocols and ports, like SSH",
	"rule.source":    "addresses, networks, ranges, dc/<alias>, +dc/<ip set>, +sdn/<vnet>-all",
	"rule.dest":      "as source",
	"rule.proto":     "protocol, like tcp",
	"rule.sport":     "source ports, like 1024:65535",
	"rule.dport":     "destination ports, like 80,443",
	"rule.icmp-type": "type of an ICMP message, like echo-request",
	"rule.log":       "level at which matches are logged; none if left out",
	"rule.iface":     "interface of the node, for in and out (datacenter)",
	"rule.disable":   "keep the rule without effect",
	"rule.comment":   "description",

	"guest.id":   "guest number, 100 to 999999999",
	"guest.name": "host name",
	"guest.node": "node the guest runs on",
	"guest.nics": "network interfaces",

	"nic.id":   "net0 to net31",
	"nic.vnet": "vnet the NIC joins",
	"nic.mac":  "hardware address",
	"nic.ips":  "addresses the guest uses",

	"range.start-address": "first address of the range",
	"range.end-address":   "last address of the range",
}

// maxNearest bounds the length of names that are compared, in bytes.
const maxNearest = 64

// Nearest returns the candidate that somebody who wrote name most likely
// meant: the one at the smallest edit distance, at most 2 and less than half
// the name, or else the first that starts with name. It returns "" if none is
// near, and prefers earlier candidates.
func Nearest(name string, candidates []string) string {
	if name == "" || len(name) > maxNearest {
		return ""
	}
	lower := strings.ToLower(name)
	best, bestDistance := "", min(2, (len(name)-1)/2)+1
	for _, c := range candidates {
		if diff := len(c) - len(name); diff >= bestDistance || -diff >= bestDistance {
			continue
		}
		if d := editDistance(lower, strings.ToLower(c)); d < bestDistance && c != name {
			best, bestDistance = c, d
		}
	}
	if best != "" || len(name) < 2 {
		return best
	}
	i := slices.IndexFunc(candidates, func(c string) bool {
		return strings.HasPrefix(strings.ToLower(c), lower) && c != name
	})
	if i >= 0 {
		return candidates[i]
	}
	return ""
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment), in bytes.
func editDistance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
