package schema

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// The property strings are those of the Proxmox VE SDN manual. Put reads them back
// without noting a spelling.
func TestOf(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::2")
	for _, c := range []struct {
		k    *Kind
		o    model.Object
		want Values
	}{
		{zones, &model.Zone{ID: "z", Type: model.ZoneEVPN, Nodes: []string{"b", "a"}, MTU: 1450, IPAM: "pve", BridgeDisableMACLearning: true, Peers: []netip.Addr{b, a},
			SecondaryControllers: []string{"d", "c"}, RTImport: []string{"65000:2", "65000:1"}},
			Values{"type": {"evpn"}, "nodes": {"a,b"}, "mtu": {"1450"}, "ipam": {"pve"}, "bridge-disable-mac-learning": {"1"}, "peers": {"fd00::2,10.0.0.1"},
				"secondary-controllers": {"d", "c"}, "rt-import": {"65000:2,65000:1"}}},
		{zones, &model.Zone{ID: "z", Type: model.ZoneSimple, Nodes: []string{}}, Values{"type": {"simple"}}},
		{vnets, &model.VNet{ID: "v", Zone: "z", Tag: 5, Alias: "a b"}, Values{"type": {"vnet"}, "zone": {"z"}, "tag": {"5"}, "alias": {"a b"}}},
		{subnets, &model.Subnet{VNet: "v", Gateway: a, SNAT: true, DHCPRange: []model.Range{{Start: a, End: a.Next()}}},
			Values{"type": {"subnet"}, "vnet": {"v"}, "gateway": {"10.0.0.1"}, "snat": {"1"}, "dhcp-range": {"start-address=10.0.0.1,end-address=10.0.0.2"}}},
		{controllers, &model.Controller{Type: model.ControllerBGP, ASN: 65000, Node: "n"}, Values{"type": {"bgp"}, "asn": {"65000"}, "node": {"n"}}},
		{fabrics, &model.Fabric{Protocol: model.FabricOSPF, IPPrefix: netip.MustParsePrefix("10.0.0.0/8"), Area: "0", Redistribute: []model.Redistribution{{Source: "static", Metric: "5"}, {Source: "bgp", RouteMap: "m"}}},
			Values{"type": {"ospf"}, "ip_prefix": {"10.0.0.0/8"}, "area": {"0"}, "redistribute": {"source=static,metric=5", "source=bgp,route-map=m"}}},
		{fabricNodes, &model.FabricNode{IP: a, AllowedIPs: []string{"10.0.0.0/8", "fd00::/8"},
			Interfaces: []model.FabricInterface{{Name: "wg1", ListenPort: 51820}, {Name: "eth0", IP: netip.MustParsePrefix("10.0.0.1/31"), HelloMultiplier: 3}},
			Peers:      []model.FabricPeer{{Type: "internal", Node: "b", NodeIFace: "wg0", IFace: "wg0", SkipRouteGeneration: true}}},
			Values{"ip": {"10.0.0.1"}, "allowed_ips": {"10.0.0.0/8", "fd00::/8"}, "interfaces": {"name=eth0,ip=10.0.0.1/31,hello_multiplier=3", "name=wg1,listen_port=51820"},
				"peers": {"type=internal,node=b,node_iface=wg0,iface=wg0,skip_route_generation=1"}}},
		{ipams, &model.IPAM{Type: model.IPAMTypePHPIPAM, URL: "https://a", Token: "secret", Section: 1}, Values{"type": {"phpipam"}, "url": {"https://a"}, "token": {"secret"}, "section": {"1"}}},
		{nameServers, &model.NameServer{Type: "powerdns", Key: "secret", TTL: 60}, Values{"type": {"powerdns"}, "key": {"secret"}, "ttl": {"60"}}},
	} {
		got := c.k.Of(c.o)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%T (-want +got):\n%s", c.o, d)
		}
		back := model.New(c.k.Model)
		if err := c.k.Put(back, got); err != nil || len(model.ClientSpellingOf(back)) != 0 {
			t.Errorf("%T: %v, notes %v", c.o, err, model.ClientSpellingOf(back))
		}
	}
}

// Every property of a table has a field in the model, so nothing that is put is lost.
func TestEveryPropertyHasAField(t *testing.T) {
	for _, k := range append(kinds(), IPAMs(), NameServers()) {
		for _, b := range k.bindings() {
			if b.field.Name != b.property.field() || b.field.Go == nil {
				t.Errorf("%s: property %s has no field %s in the model", k.Noun, b.property.Name, b.property.field())
			}
		}
	}
}

func TestPutClears(t *testing.T) {
	s := &model.Subnet{SNAT: true, Gateway: netip.MustParseAddr("10.0.0.1"), ClientSpelling: model.ClientSpelling{"snat": {"on"}}}
	if err := Subnets().Put(s, Values{"vnet": {"v"}, "gateway": {""}}); err != nil {
		t.Fatal(err)
	}
	if s.SNAT || s.Gateway.IsValid() || s.VNet != "v" || s.ClientSpelling["snat"] != nil {
		t.Errorf("got %+v", s)
	}
	f := &model.Fabric{IPPrefix: netip.MustParsePrefix("10.0.0.0/8")}
	if err := Fabrics().Put(f, Values{"ip_prefix": {""}}); err != nil || f.IPPrefix.IsValid() {
		t.Errorf("got %v, %v", f.IPPrefix, err)
	}
}

// A value that is none is an error of its parameter.
func TestPutRefuses(t *testing.T) {
	for _, c := range []struct {
		k    *Kind
		name string
		v    []string
	}{
		{zones, "mtu", []string{"x"}},
		{zones, "mtu", []string{"1", "2"}},
		{zones, "advertise-subnets", []string{"maybe"}},
		{zones, "peers", []string{"10.0.0.1,x"}},
		{subnets, "gateway", []string{"x"}},
		{subnets, "dhcp-range", []string{"start-address=x,end-address=10.0.0.1"}},
		{subnets, "dhcp-range", []string{"start-address=10.0.0.1,more=1"}},
		{subnets, "dhcp-range", []string{"start-address"}},
		{fabrics, "ip_prefix", []string{"x"}},
		{fabricNodes, "interfaces", []string{"name=a", "listen_port=x"}},
	} {
		err := c.k.Put(model.New(c.k.Model), Values{c.name: c.v})
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(faults[c.name], "invalid format - ") {
			t.Errorf("%s %q: got %v", c.name, c.v, err)
		}
	}
}

func TestClip(t *testing.T) {
	long := strings.Repeat("a", 100)
	for in, want := range map[string]string{"": "", long: long, long + "b": long + "...", long[1:] + "ä": long[1:] + "..."} {
		if got := clip(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Unordered lists and arrays are equal in any order, other lists are not.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		k    *Kind
		name string
		a, b []string
		want bool
	}{
		{zones, "nodes", []string{"a,b"}, []string{"b a"}, true},
		{zones, "nodes", []string{"a,b"}, []string{"a"}, false},
		{zones, "rt-import", []string{"1:1,2:2"}, []string{"2:2,1:1"}, false},
		{zones, "rt-import", []string{"1:1"}, []string{"1:1"}, true},
		{zones, "secondary-controllers", []string{"a", "b"}, []string{"b", "a"}, true},
		{zones, "secondary-controllers", []string{"a"}, []string{"a", "b"}, false},
		{zones, "mtu", []string{"1"}, []string{"01"}, false},
		{zones, typeKey, []string{"evpn"}, []string{"evpn"}, true},
		{zones, typeKey, []string{"evpn"}, []string{"vlan"}, false},
	} {
		if got := c.k.same(c.name, c.a, c.b); got != c.want {
			t.Errorf("%s %q and %q: got %v", c.name, c.a, c.b, got)
		}
	}
}

// Numbers of the API are numbers, and lists are one text.
func TestView(t *testing.T) {
	want := Object{"zone": "z", "type": "evpn", "mtu": int64(1450), "advertise-subnets": int64(0), "nodes": "a,b", "rt-import": "2:2,1:1",
		"secondary-controllers": []string{"b", "a"}, "mac": "x", "tag": "many", "nosuch": "a,b", "vxlan-port": "x"}
	got := Zones().View("z", Values{"type": {"evpn"}, "mtu": {"01450"}, "advertise-subnets": {"0"}, "nodes": {"b a"}, "rt-import": {"2:2,1:1"},
		"secondary-controllers": {"b", "a"}, "mac": {"x"}, "tag": {"many"}, "nosuch": {"a", "b"}, "vxlan-port": {"x"}})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := (Values{"a": {"1", "2"}, "b": {}}); got.Get("a") != "1" || got.Get("b") != "" || got.Get("c") != "" {
		t.Error("Get returns the first text, or none")
	}
}

// The VNet of a new subnet is on the top level; that of a VNet itself is its name.
func TestPendingSubnet(t *testing.T) {
	got := Subnets().Pending("s", nil, Values{"type": {"subnet"}, "vnet": {"v"}, "snat": {"1"}})
	want := Object{"subnet": "s", "type": "subnet", "vnet": "v", "state": "new", "pending": Object{"snat": int64(1)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got = Zones().Pending("z", nil, Values{"vnet": {"v"}})
	if _, top := got["vnet"]; !top {
		t.Errorf("got %v", got)
	}
	got = VNets().Pending("v", nil, Values{"vnet": {"v2"}})
	if d := cmp.Diff(Object{"vnet": "v", "state": "new", "pending": Object{"vnet": "v2"}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Required properties come first, each part is sorted, and a boolean is 1 or 0.
func TestWrite(t *testing.T) {
	got := Zones().Write([]section.Section{{Type: "qinq", ID: "z", Values: Values{
		typeKey: {"qinq"}, "mtu": {"1400"}, "tag": {"5"}, "bridge": {"vmbr0"}, "nodes": {"b a"}, "bridge-disable-mac-learning": {"no"}, "aaa": {"x"},
	}}, {Type: "evpn", ID: "e", Values: Values{"advertise-subnets": {"on"}, "secondary-controllers": {"b", "a"}, "rt-import": {"2:2 1:1"}, "vrf-vxlan": {"7"}}}})
	const want = "qinq: z\n\tbridge vmbr0\n\ttag 5\n\taaa x\n\tbridge-disable-mac-learning 0\n\tmtu 1400\n\tnodes a,b\n\n" +
		"evpn: e\n\tvrf-vxlan 7\n\tadvertise-subnets 1\n\trt-import 2:2 1:1\n\tsecondary-controllers b\n\tsecondary-controllers a\n\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got = Fabrics().Write([]section.Section{{Type: "ospf_fabric", ID: "f", Values: Values{"bfd": {"1"}, "area": {"0"}}}})
	if d := cmp.Diff("ospf_fabric: f\n\tarea 0\n\tbfd 1\n\n", got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
