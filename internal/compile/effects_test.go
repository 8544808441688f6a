package compile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// effectsBase declares one of each kind and type, all in use, so that any property
// that is changed could change what nodes get.
const effectsBase = `
{kind: node, id: node1, address: 192.168.0.1}
---
{kind: zone, id: simp, type: simple, ipam: pve, dhcp: dnsmasq, dnszone: lab.example}
---
{kind: vnet, id: simpv, zone: simp}
---
{kind: subnet, id: 10.1.0.0/24, vnet: simpv, gateway: 10.1.0.1, dhcp-range: ["start-address=10.1.0.100,end-address=10.1.0.199"]}
---
{kind: subnet, id: "fd00:1::/64", vnet: simpv, gateway: "fd00:1::1"}
---
{kind: zone, id: vlan, type: vlan, bridge: vmbr0, ipam: pve, dhcp: dnsmasq}
---
{kind: vnet, id: vlanv, zone: vlan, tag: 10}
---
{kind: subnet, id: 10.2.0.0/24, vnet: vlanv, gateway: 10.2.0.1}
---
{kind: zone, id: qinq, type: qinq, bridge: vmbr0, tag: 20, ipam: pve, dhcp: dnsmasq}
---
{kind: vnet, id: qinqv, zone: qinq, tag: 30}
---
{kind: subnet, id: 10.3.0.0/24, vnet: qinqv}
---
{kind: zone, id: vx, type: vxlan, peers: [192.168.0.1, 192.168.0.2], ipam: pve, dhcp: dnsmasq}
---
{kind: vnet, id: vxv, zone: vx, tag: 4000}
---
{kind: subnet, id: 10.4.0.0/24, vnet: vxv, gateway: 10.4.0.1}
---
{kind: zone, id: vxg, type: vxlan, peers: [192.168.0.1, 192.168.0.2], anycast-gateway: true, ipam: pve, dhcp: dnsmasq, dnszone: gw.example}
---
{kind: vnet, id: vxgv, zone: vxg, tag: 4002}
---
{kind: subnet, id: 10.7.0.0/24, vnet: vxgv, gateway: 10.7.0.1}
---
{kind: subnet, id: "fd00:7::/64", vnet: vxgv, gateway: "fd00:7::1"}
---
{kind: zone, id: vxf, type: vxlan, fabric: ospf}
---
{kind: vnet, id: vxfv, zone: vxf, tag: 4001}
---
{kind: subnet, id: 10.6.0.0/24, vnet: vxfv}
---
{kind: subnet, id: "fd00:6::/64", vnet: vxfv}
---
{kind: controller, id: evpn, type: evpn, asn: 65000, peers: [192.168.0.1, 192.168.0.2]}
---
{kind: controller, id: far, type: evpn, asn: 65009, peers: [192.168.0.9], nodes: [node1], bgp-mode: external, peer-group-name: FAR}
---
{kind: controller, id: bgpnode1, type: bgp, asn: 65000, peers: [192.168.0.8], node: node1}
---
{kind: controller, id: isisnode1, type: isis, node: node1, isis-domain: dom, isis-net: 49.0001.1921.6800.1002.00, isis-ifaces: [eth1]}
---
{kind: zone, id: evpn, type: evpn, controller: evpn, secondary-controllers: [far], vrf-vxlan: 5000, exitnodes: [node1], node-networks: snat, ipam: pve, dhcp: dnsmasq}
---
{kind: vnet, id: evpnv, zone: evpn, tag: 5001}
---
{kind: subnet, id: 10.5.0.0/24, vnet: evpnv, gateway: 10.5.0.1}
---
{kind: prefix-list, id: nets, entries: [{action: permit, prefix: 10.0.0.0/8, seq: 5}, {action: permit, prefix: "fd00::/8", seq: 10}]}
---
{kind: route-map, id: rm, entries: [{order: 10, action: permit, match: [ip-address-prefix-list=nets]}]}
---
{kind: route-map, id: rm2, entries: [{order: 10, action: deny}]}
---
{kind: fabric, id: opf, protocol: openfabric, ip-prefix: 10.90.0.0/24, ip6-prefix: "fd00:90::/64", route-filter: nets}
---
{kind: fabric-node, id: opf_node1, fabric: opf, node: node1, ip: 10.90.0.1, ip6: "fd00:90::1", interfaces: [{name: eth1}]}
---
{kind: fabric-node, id: opf_node2, fabric: opf, node: node2, ip: 10.90.0.2, ip6: "fd00:90::2", interfaces: [{name: eth1}]}
---
{kind: fabric, id: ospf, protocol: ospf, area: 0, ip-prefix: 10.91.0.0/24}
---
{kind: fabric-node, id: ospf_node1, fabric: ospf, node: node1, ip: 10.91.0.1, interfaces: [{name: eth2}]}
---
{kind: fabric-node, id: ospf_node2, fabric: ospf, node: node2, ip: 10.91.0.2, interfaces: [{name: eth2}]}
---
{kind: fabric, id: bgp, protocol: bgp, ip-prefix: 10.92.0.0/24, route-map-in: rm, route-map-out: rm2}
---
{kind: fabric-node, id: bgp_node1, fabric: bgp, node: node1, ip: 10.92.0.1, asn: 65101, interfaces: [{name: eth3}]}
---
{kind: fabric-node, id: bgp_node2, fabric: bgp, node: node2, ip: 10.92.0.2, asn: 65102, interfaces: [{name: eth3}]}
---
{kind: firewall, id: datacenter, enable: true, rules: [{type: forward, action: DROP, dest: 192.0.2.0/24}]}
---
{kind: firewall, id: simpv, enable: true, rules: [{type: forward, action: ACCEPT, proto: tcp, dport: 80, source: +dc/set}, {type: group, action: grp}, {type: forward, action: DROP, proto: icmp}, {type: forward, action: DROP, source: dc/alias}]}
---
{kind: ip-set, id: set, entries: [{cidr: 192.0.2.0/25}]}
---
{kind: alias, id: alias, cidr: 192.0.2.9}
---
{kind: security-group, id: grp, rules: [{type: forward, action: ACCEPT, proto: tcp, dport: 22}]}
---
{kind: guest, id: 101, name: a1, node: node1, nics: [{id: net0, vnet: vlanv, mac: "BC:24:11:00:01:01", ips: [10.2.0.101]}, {id: net1, vnet: qinqv, mac: "BC:24:11:00:01:02", ips: [10.3.0.101]}, {id: net2, vnet: vxv, mac: "BC:24:11:00:01:03", ips: [10.4.0.101]}, {id: net3, vnet: evpnv, mac: "BC:24:11:00:01:04", ips: [10.5.0.101]}, {id: net4, vnet: vxfv, mac: "BC:24:11:00:01:05"}, {id: net5, vnet: vxgv, mac: "BC:24:11:00:01:06", ips: [10.7.0.101]}]}
---
{kind: guest, id: 102, name: a2, node: node2, nics: [{id: net0, vnet: vlanv, mac: "BC:24:11:00:02:01", ips: [10.2.0.102]}, {id: net1, vnet: qinqv, mac: "BC:24:11:00:02:02", ips: [10.3.0.102]}, {id: net2, vnet: vxv, mac: "BC:24:11:00:02:03", ips: [10.4.0.102]}, {id: net3, vnet: evpnv, mac: "BC:24:11:00:02:04", ips: [10.5.0.102]}, {id: net4, vnet: vxfv, mac: "BC:24:11:00:02:05"}]}
---
{kind: guest, id: 100, name: web, node: node1, nics: [{id: net0, vnet: simpv, mac: "BC:24:11:00:00:01", ips: [10.1.0.100]}]}
`

// noEffectOnNodes are the properties that change nothing on a node, each with what it
// changes instead.
var noEffectOnNodes = map[string]string{
	"zone.ipam":               "which system gives addresses: internal/ipam",
	"zone.reversedns":         "which system keeps the names of addresses: internal/external/powerdns",
	"subnet.dhcp-range":       "what addresses are given out of: internal/ipam",
	"range.start-address":     "what addresses are given out of: internal/ipam",
	"range.end-address":       "what addresses are given out of: internal/ipam",
	"alias.comment":           "a description",
	"ip-set.comment":          "a description",
	"ip-set entry.comment":    "a description",
	"security-group.comment":  "a description",
	"rule.comment":            "a description",
	"firewall.log-ratelimit":  "said to have no effect where it is set",
	"fabric-node.endpoint":    "of wireguard, which is told to be kept only",
	"fabric-node.role":        "of wireguard, which is told to be kept only",
	"fabric-node.public-key":  "of wireguard, which is told to be kept only",
	"fabric-node.allowed-ips": "of wireguard, which is told to be kept only",
}

// alternatives are values for properties, other than those of the base; more special
// names go first: "zone/vlan.tag", then "zone.tag". Those that only count together with
// another change are in companions.
var alternatives = map[string]string{
	"node.address": "192.168.0.77", "node.reserved": "simpv", "node.backend": "ifupdown2",

	"zone.type": "simple", "zone/simp.type": "vxlan", "zone.nodes": "node2", "zone.mtu": "1300", "zone.ipam": "other", "zone.dns": "pdns", "zone.reversedns": "pdns",
	"zone.dnszone": "other.example", "zone.dhcp": "", "zone/vxf.dhcp": "dnsmasq", "zone.dhcp-dynamic": "true", "zone.peers": "192.168.0.1,192.168.0.3", "zone.fabric": "opf", "zone.vxlan-port": "4790",
	"zone.bridge": "vmbr1", "zone.bridge-disable-mac-learning": "true", "zone.tag": "21", "zone.vlan-protocol": "802.1ad", "zone.controller": "far",
	"zone.secondary-controllers": "far", "zone/evpn.secondary-controllers": "", "zone.vrf-vxlan": "5009", "zone.mac": "BC:24:11:99:00:01", "zone.exitnodes": "node2", "zone.exitnodes-primary": "node1",
	"zone.exitnodes-local-routing": "true", "zone.advertise-subnets": "true", "zone.disable-arp-nd-suppression": "true", "zone.rt-import": "65000:77",
	"zone.exitnodes-interface": "eth1", "zone.exitnodes-via": "192.168.0.254", "zone.exitnodes-table": "100", "zone.node-networks": "all", "zone/simp.node-networks": "none", "zone.node-services": "tcp/22", "zone/vxg.node-networks": "none",
	"zone.anycast-gateway": "true", "zone/vxg.anycast-gateway": "false",

	"vnet.zone": "vx", "vnet/vxv.zone": "vxf", "vnet.tag": "77", "vnet.alias": "words", "vnet.vlanaware": "true", "vnet.isolate-ports": "true",

	"subnet.cidr": "10.77.0.0/24", "subnet.vnet": "vxv", "subnet/vx-10.4.0.0-24.vnet": "simpv", "subnet.gateway": "10.1.0.2", "subnet/simp-fd00:1::-64.gateway": "fd00:1::2", "subnet/vlan-10.2.0.0-24.gateway": "10.2.0.2",
	"subnet/qinq-10.3.0.0-24.gateway": "10.3.0.2", "subnet/vx-10.4.0.0-24.gateway": "10.4.0.2", "subnet/evpn-10.5.0.0-24.gateway": "10.5.0.2",
	"subnet/vxg-10.7.0.0-24.gateway": "10.7.0.2", "subnet/vxg-fd00:7::-64.gateway": "fd00:7::2", "subnet/vxg-10.7.0.0-24.vnet": "simpv", "subnet/vxg-fd00:7::-64.dhcp-dns-server": "fd00:7::53",
	"subnet/vxg-10.7.0.0-24.dhcp-range": `["start-address=10.7.0.20,end-address=10.7.0.30"]`, "subnet/vxg-fd00:7::-64.dhcp-range": `["start-address=fd00:7::20,end-address=fd00:7::30"]`,
	"subnet.snat": "true", "subnet.dnszoneprefix": "pre", "subnet.dhcp-range": `["start-address=10.1.0.20,end-address=10.1.0.30"]`,
	"subnet.dhcp-dns-server": "10.1.0.53", "subnet/simp-fd00:1::-64.dhcp-dns-server": "fd00:1::53", "subnet.ra": "slaac", "subnet/vxf-fd00:6::-64.dhcp-dns-server": "fd00:6::53",
	"subnet/vlan-10.2.0.0-24.dhcp-range": `["start-address=10.2.0.20,end-address=10.2.0.30"]`, "subnet/qinq-10.3.0.0-24.dhcp-range": `["start-address=10.3.0.20,end-address=10.3.0.30"]`,
	"subnet/vx-10.4.0.0-24.dhcp-range": `["start-address=10.4.0.20,end-address=10.4.0.30"]`, "subnet/evpn-10.5.0.0-24.dhcp-range": `["start-address=10.5.0.20,end-address=10.5.0.30"]`,
	"subnet/simp-fd00:1::-64.dhcp-range": `["start-address=fd00:1::20,end-address=fd00:1::30"]`,

	"controller.type": "bgp", "controller/bgpnode1.type": "isis", "controller.asn": "65099", "controller.peers": "192.168.0.1,192.168.0.7", "controller.fabric": "ospf", "controller.nodes": "node2", "controller/far.nodes": "",
	"controller.peer-group-name": "OTHER", "controller.bgp-mode": "external", "controller/far.bgp-mode": "internal", "controller.route-map-in": "rm", "controller.route-map-out": "rm", "controller.node": "node2",
	"controller.ebgp": "true", "controller.ebgp-multihop": "3", "controller.loopback": "eth9", "controller.bgp-multipath-as-path-relax": "true",
	"controller.isis-domain": "other", "controller.isis-net": "49.0001.1921.6800.1009.00", "controller.isis-ifaces": "eth2",

	"fabric.protocol": "ospf", "fabric/ospf.protocol": "openfabric", "fabric.ip-prefix": "10.99.0.0/24", "fabric.ip6-prefix": "fd00:99::/64", "fabric.hello-interval": "7", "fabric.csnp-interval": "17", "fabric.area": "0.0.0.7",
	"fabric.bfd": "true", "fabric.route-filter": "", "fabric/ospf.route-filter": "nets", "fabric/bgp.route-filter": "nets", "fabric.redistribute": "[{source: connected}]", "fabric.route-map-in": "rm2", "fabric.route-map-out": "rm",
	"fabric.persistent-keepalive": "25",

	"fabric-node.fabric": "bgp", "fabric-node/bgp_node1.fabric": "ospf", "fabric-node/bgp_node2.fabric": "ospf", "fabric-node.node": "node3", "fabric-node.ip": "10.90.0.7", "fabric-node/ospf_node1.ip": "10.91.0.7", "fabric-node/ospf_node2.ip": "10.91.0.8", "fabric-node/bgp_node1.ip": "10.92.0.7", "fabric-node/bgp_node2.ip": "10.92.0.8",
	"fabric-node.ip6": "fd00:90::7", "fabric-node/opf_node2.ip6": "fd00:90::8", "fabric-node/ospf_node1.ip6": "fd00:91::7", "fabric-node/ospf_node2.ip6": "fd00:91::8", "fabric-node/bgp_node1.ip6": "fd00:92::7", "fabric-node/bgp_node2.ip6": "fd00:92::8",
	"fabric-node.asn": "65177", "fabric-node.interfaces": "", "fabric-node.role": "external", "fabric-node.endpoint": "192.0.2.1:51820", "fabric-node.public-key": "Kf1yZqvXlfVNJTTNp2wY1cHRmq2WlJxYp0r9Y7bYx0g=", "fabric-node.allowed-ips": "10.0.0.0/8", "fabric-node.peers": "[{type: internal, node: node2, iface: wg0}]",

	"prefix-list.entries": "", "prefix-list entry.action": "deny", "prefix-list entry.prefix": "10.0.0.0/9", "prefix-list entry.ge": "20", "prefix-list entry.le": "24", "prefix-list entry.seq": "6",
	"route-map.entries": "", "route-map entry.order": "11", "route-map entry.action": "deny", "route-map/rm2 action": "permit", "route-map entry.match": "metric=5", "route-map entry.set": "metric=7", "route-map entry.call": "rm2", "route-map/rm2 call": "rm", "route-map entry.exit-action": "continue=20",

	"ip-set.comment": "words", "ip-set.entries": "", "ip-set entry.cidr": "192.0.2.128/25", "ip-set entry.nomatch": "true", "ip-set entry.comment": "words",
	"alias.cidr": "192.0.2.10", "alias.comment": "words", "security-group.comment": "words", "security-group.rules": "",
	"firewall.enable": "false", "firewall.policy-forward": "DROP", "firewall.log-level-forward": "info", "firewall.mac-filter": "true", "firewall.ip-filter": "true", "firewall.rules": "",
	"firewall.log-ratelimit": "enable=1,rate=5/second,burst=9", "firewall.policy-in": "DROP", "firewall.policy-out": "DROP", "firewall.ebtables": "0",
	"rule.type": "in", "security-group/grp type": "in", "rule.action": "REJECT", "rule.macro": "DNS", "rule.source": "192.0.2.77", "rule.dest": "192.0.2.78", "rule.proto": "udp", "rule.sport": "99", "rule.dport": "98", "rule.icmp-type": "echo-request",
	"rule.log": "info", "rule.iface": "eth0", "rule.disable": "true", "rule.comment": "words",

	"guest.name": "other", "guest.node": "node2", "guest/102.node": "node1", "guest.nics": "", "nic.id": "net1", "nic.vnet": "vxv", "nic.mac": "BC:24:11:00:00:99", "nic.ips": "10.1.0.101",

	"interface.name": "eth9", "interface.ip": "10.200.0.1/30", "interface.ip6": "fd00:200::1/64", "interface.hello-multiplier": "7", "interface.network-type": "broadcast",
	"interface.listen-port": "51820", "interface.public-key": "Kf1yZqvXlfVNJTTNp2wY1cHRmq2WlJxYp0r9Y7bYx0g=", "interface.ip6-ll": "true",
	"range.start-address": "10.1.0.110", "range.end-address": "10.1.0.190",
}

// companions are changes of the same object without which an alternative has no
// meaning: what is compared is with the companion alone.
var companions = map[string][2]string{
	"zone.dhcp-dynamic":      {"dhcp", "dnsmasq"},
	"zone.exitnodes-primary": {"exitnodes", "node1,node2"},
}

// named picks the alternative with the most special name.
func named(names ...string) (string, bool) {
	for _, n := range names {
		if v, ok := alternatives[n]; ok {
			return v, true
		}
	}
	return "", false
}

// effectsFacts are those of a node that has all that the base needs.
func effectsFacts(node string, last byte) *model.Facts {
	f := &model.Facts{Node: node, Features: map[model.Feature]bool{}, FRR: &model.FRRFacts{Version: "10.7"}}
	for _, feature := range []model.Feature{
		model.FeatureBridge, model.FeatureVXLAN, model.FeatureVLANFiltering, model.FeatureNFTNAT, model.FeatureNFTBridge, model.FeatureNFTBridgeState,
		model.FeatureVLAN, model.FeatureVLANAD, model.FeatureVRF, model.FeatureVeth, model.FeatureDummy,
	} {
		f.Features[feature] = true
	}
	address := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 0, last}), 24)
	f.Interfaces = []model.Interface{{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{address}}}
	for _, name := range []string{"eth1", "eth2", "eth3", "eth4", "eth5"} {
		f.Interfaces = append(f.Interfaces, model.Interface{Name: name, MTU: 1500, Up: true})
	}
	for _, name := range []string{"vmbr0", "vmbr1"} {
		f.Interfaces = append(f.Interfaces, model.Interface{Name: name, MTU: 1500, Up: true, Kind: "bridge"})
		f.Interfaces = append(f.Interfaces, model.Interface{Name: "nic-" + name, MTU: 1500, Up: true, Master: name})
	}
	f.Routes = []model.FactRoute{{Dst: address.Masked(), Dev: "eth0", Src: address.Addr()}, {Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0"}}
	return f
}

// outcome is what a configuration means: the state of the nodes, and what is said of
// it at edit and plan time.
type outcome struct {
	state   string
	told    []string
	refused bool
}

// bindingsOf are what address management makes of guests that declare all themselves.
func bindingsOf(cfg, live *model.Config) []*model.Binding {
	var out []*model.Binding
	for _, o := range live.List(model.KindGuest) {
		g := o.(*model.Guest)
		for _, nic := range g.NICs {
			if v := cfg.VNets[nic.VNet]; v != nil {
				out = append(out, &model.Binding{Zone: v.Zone, VNet: v.ID, MAC: nic.MAC, Guest: g.ID, NIC: nic.ID, Node: g.Node, Name: g.Name, IPs: nic.IPs})
			}
		}
	}
	return out
}

// copyOf is a shallow copy of an object.
func copyOf(o model.Object) model.Object {
	v := reflect.New(reflect.TypeOf(o).Elem())
	v.Elem().Set(reflect.ValueOf(o).Elem())
	return v.Interface().(model.Object)
}

func outcomeOf(t *testing.T, cfg, live *model.Config) outcome {
	t.Helper()
	var o outcome
	problems := model.Validate(cfg, []string{"node1", "node2", "node3"})
	var edits []model.Edit
	for _, kind := range model.Kinds() {
		if !kind.Revisioned() {
			for _, obj := range live.List(kind) {
				edits = append(edits, model.Edit{Put: obj})
			}
		}
	}
	problems = append(problems, model.ValidateLive(edits, live, cfg, []string{"node1", "node2", "node3"})...)
	for _, p := range problems {
		o.told = append(o.told, p.String())
	}
	if o.refused = len(problems.Errors(false)) > 0; o.refused {
		return o
	}
	var b strings.Builder
	for i, node := range []string{"node1", "node2"} {
		doc := compile.Project(cfg, live, 1, node)
		doc.Bindings = bindingsOf(cfg, live)
		want, notes := compile.Node(doc, effectsFacts(node, byte(i+1)))
		j, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(j)
		for _, n := range notes {
			o.told = append(o.told, n.Object+": "+n.Message)
		}
	}
	o.state = b.String()
	return o
}

// effects runs one change of the base.
type effects struct {
	t         *testing.T
	cfg, live *model.Config
}

func newEffects(t *testing.T) *effects {
	e := &effects{t: t, cfg: &model.Config{}, live: &model.Config{}}
	load(t, effectsBase, e.cfg, e.live)
	if o := outcomeOf(t, e.cfg, e.live); o.refused || slices.ContainsFunc(o.told, func(s string) bool { return !strings.Contains(s, ": mtu 14") }) {
		t.Fatalf("the base is not flawless: %s", strings.Join(o.told, "\n"))
	}
	return e
}

// with returns the outcome of the base in which f changed a copy of an object.
func (e *effects) with(o model.Object, f func(reflect.Value)) outcome {
	e.t.Helper()
	cfg, live := &model.Config{}, &model.Config{}
	for _, kind := range model.Kinds() {
		from, to := e.cfg, cfg
		if !kind.Revisioned() {
			from, to = e.live, live
		}
		for _, other := range from.List(kind) {
			if other.ObjectKind() == o.ObjectKind() && other.ObjectID() == o.ObjectID() {
				other = copyOf(other)
				f(reflect.ValueOf(other).Elem())
				if s, is := other.(*model.Subnet); is && s.CIDR != o.(*model.Subnet).CIDR {
					s.ID = ""
					if err := cfg.Put(s); err != nil {
						e.t.Fatal(err)
					}
					continue
				}
			}
			to.Set(other)
		}
	}
	return outcomeOf(e.t, cfg, live)
}

// set gives a field of v the value of a text.
func (e *effects) set(v reflect.Value, f model.FieldInfo, text string) {
	e.t.Helper()
	if text == "" {
		v.Field(f.Index).SetZero()
		return
	}
	value, err := manifest.ParseValue(f, text)
	if err != nil {
		e.t.Fatalf("%s=%s: %v", f.Name, text, err)
	}
	v.Field(f.Index).Set(reflect.ValueOf(value).Convert(f.Go))
}

// judge demands that a change has an effect or is told.
func (e *effects) judge(what, property, reason string, before, after outcome) {
	e.t.Helper()
	told := slices.ContainsFunc(after.told, func(s string) bool { return strings.Contains(s, property) && !slices.Contains(before.told, s) })
	changed := after.state != before.state
	switch {
	case after.refused:
	case reason == "" && !changed && !told:
		e.t.Errorf("%s: is taken without an effect and without a word", what)
	case reason != "" && changed:
		e.t.Errorf("%s: changes a node, which noEffectOnNodes denies (%s)", what, reason)
	}
}

// Every property of every kind and type changes what nodes get, or it is told that it
// does not, or it is known what it changes instead.
func TestEveryPropertyHasAnEffect(t *testing.T) {
	e := newEffects(t)
	seen := map[string]bool{}
	for _, kind := range model.Kinds() {
		for _, o := range append(e.cfg.List(kind), e.live.List(kind)...) {
			ref := string(kind) + "/" + o.ObjectID()
			for _, f := range model.Fields(kind) {
				name := string(kind) + "." + f.Name
				if f.Name == "id" || f.Name == "set" { // whose it is, which pruning asks for
					continue
				}
				seen[name] = true
				if items, owner := f.ItemFields(); owner != "" {
					e.items(o, ref, f, items, owner, seen)
				}
				text, ok := named(ref+"."+f.Name, name)
				if !ok {
					if _, owner := f.ItemFields(); owner == "" {
						t.Errorf("%s has no alternative value", name)
					}
					continue
				}
				with := func(text string) func(v reflect.Value) {
					return func(v reflect.Value) {
						if c, ok := companions[name]; ok {
							for _, other := range model.Fields(kind) {
								if other.Name == c[0] {
									e.set(v, other, c[1])
								}
							}
						}
						if text != "unchanged" {
							e.set(v, f, text)
						}
					}
				}
				before := e.with(o, with("unchanged"))
				e.judge(fmt.Sprintf("%s %s=%s", ref, f.Name, text), f.Name, noEffectOnNodes[name], before, e.with(o, with(text)))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(noEffectOnNodes)) {
		if !seen[name] {
			t.Errorf("noEffectOnNodes has %s, which is no property of an object of the base", name)
		}
	}
}

// items changes each property of the first item of a list of objects.
func (e *effects) items(o model.Object, ref string, list model.FieldInfo, fields []model.FieldInfo, owner string, seen map[string]bool) {
	e.t.Helper()
	if reflect.ValueOf(o).Elem().Field(list.Index).Len() == 0 {
		return
	}
	before := e.with(o, func(reflect.Value) {})
	for _, f := range fields {
		name := owner + "." + f.Name
		seen[name] = true
		text, ok := named(ref+" "+f.Name, name)
		if !ok {
			e.t.Errorf("%s has no alternative value", name)
			continue
		}
		after := e.with(o, func(v reflect.Value) {
			items := v.Field(list.Index)
			items.Set(reflect.AppendSlice(reflect.MakeSlice(items.Type(), 0, items.Len()), items))
			e.set(items.Index(0), f, text)
		})
		e.judge(fmt.Sprintf("%s %s[0].%s=%s", ref, list.Name, f.Name, text), f.Name, noEffectOnNodes[name], before, after)
	}
}
