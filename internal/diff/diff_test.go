package diff

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// full is a state in which every field of every type of the host's space is set, and
// withSpace one with a named space of which that is so too.
func full() *desired.Node { return &desired.Node{Space: *space()} }

func withSpace() *desired.Node {
	return &desired.Node{Space: *space(), Spaces: []desired.NamedSpace{{Name: "red", Owner: "sector/red", Space: *space()}}}
}

func space() *desired.Space {
	return &desired.Space{
		Links: []desired.Link{{
			Name: "vx1", Kind: desired.LinkVXLAN, Owner: "vnet/a", MTU: 1450, Master: "vn1", ForeignMaster: true, MAC: "02:00:00:00:00:01", Alias: "text", NoLinkLocal: true,
			Port: &desired.BridgePort{NoLearning: true, NeighSuppress: true, AllVLANs: true, VLAN: 40, Tagged: true},
			VLAN: &desired.VLAN{Parent: "eth0", ID: 9, Protocol: "802.1ad", Self: true},
			Veth: &desired.Veth{Peer: "pr", Elsewhere: true}, VRF: &desired.VRF{Table: 1000},
			Bridge: &desired.Bridge{VLANFiltering: true},
			VXLAN:  &desired.VXLAN{ID: 7, Local: netip.MustParseAddr("10.0.0.1"), Port: 4789, Learning: true},
		}},
		Addresses:  []desired.Address{{Link: "vn1", Foreign: true, Prefix: netip.MustParsePrefix("10.0.1.1/24"), NoRoute: true, Owner: "subnet/a"}},
		Neighbours: []desired.Neighbour{{Link: "vx1", MAC: desired.FloodMAC, Dst: netip.MustParseAddr("10.0.0.2"), Owner: "vnet/a"}},
		RouteRules: []desired.RouteRule{{Mark: 0x7600000a, Family: "inet", Priority: 990, Table: 100, NoDefault: true, Owner: "zone/z"}},
		Routes: []desired.Route{{Dst: netip.MustParsePrefix("10.2.0.0/16"), Link: "vn1", Via: netip.MustParseAddr("10.0.1.2"),
			Table: 7, Type: "unreachable", Metric: 8, Src: netip.MustParseAddr("10.0.1.3"), Owner: "vnet/a"}},
		OVSBridges: []desired.OVSBridge{{Name: "z_q", Like: "vmbr0", Owner: "zone/q"}},
		OVSPorts:   []desired.OVSPort{{Name: "ln", Bridge: "vmbr0", Peer: "up", Tag: 5, QinQ: true, EtherType: "802.1ad", MTU: 1500, Owner: "vnet/a"}},
		DHCP: []desired.DHCPServer{{Zone: "a", Owner: "zone/a", Dynamic: true,
			Networks: []desired.DHCPNetwork{{Link: "vn1", Owner: "vnet/a", MTU: 1400, Quiet: true, Router: true,
				Hosts: []desired.DHCPHost{{MAC: "02:00:00:00:00:03", IPs: []netip.Addr{netip.MustParseAddr("10.0.1.9")}, Name: "web"}},
				Subnets: []desired.DHCPSubnet{{ID: "a-10.0.1.0-24", Owner: "subnet/a", CIDR: netip.MustParsePrefix("10.0.1.0/24"),
					Gateway: netip.MustParseAddr("10.0.1.1"), DNSServer: netip.MustParseAddr("10.0.1.2"), Domain: "lab", Shared: true, Autonomous: true,
					Ranges: []desired.DHCPRange{{Start: netip.MustParseAddr("10.0.1.3"), End: netip.MustParseAddr("10.0.1.4")}},
					Routes: []desired.DHCPRoute{{Dst: netip.MustParsePrefix("10.9.0.0/16"), Via: netip.MustParseAddr("10.0.1.5")}}}}}}}},
		FRR: &desired.FRR{Daemons: []string{"bgpd"}, Blocks: []desired.FRRBlock{{
			Head: "router bgp 1", Lines: []string{" address-family l2vpn evpn", "  advertise-all-vni", " exit-address-family"}, Owner: "controller/c",
		}}},
		NameServer: &desired.NameServer{
			Forwarders: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")},
			Views: []desired.NameView{{
				Zone: "z", Domain: "lab.example", Owner: "zone/z", Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
				Listen: []desired.NameListener{{Addr: netip.MustParseAddrPort("10.0.0.1:53"), Link: "vn1"}},
				Names:  []desired.NameEntry{{Name: "web1.lab.example", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}},
			}},
		},
		LoadBalancers: []desired.LoadBalancer{{
			Name: "web", Owner: "load-balancer/web", Space: "olvn1001", HTTP: true, Algorithm: desired.BalanceRoundRobin, Sticky: true, AcceptProxy: true, SendProxy: true,
			Panic: 50, MaxConnections: 1000, IdleTimeout: 60, Certificate: &desired.KeyPair{Chain: "chain", Key: "key"},
			Check:   &desired.HealthCheck{Interval: 2, Fall: 3, Rise: 2, Path: "/", Status: "200", Host: "web.example"},
			Listen:  []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort("10.0.0.1:80"), Redirect: true}},
			Servers: []desired.LoadBalancerServer{{Name: "101/net0", Addr: netip.MustParseAddrPort("10.0.1.9:8080"), Weight: 100}},
		}},
		Backend: "ifupdown2",
		Ports:   []desired.Port{{Names: []string{"tap1i0"}, Bridge: "vn1", Isolated: true, AllVLANs: true, MACs: []string{"02:00:00:00:00:02"}, MTU: 1400, Owner: "guest/1"}},
		Sysctls: []desired.Sysctl{{Key: "net.ipv4.ip_forward", Value: "1", Owner: "zone/a"}},
		Tables: []desired.Table{{
			Family: "inet", Name: "viaduct",
			Sets: []desired.Set{{Name: "s", Type: "ifname", Value: "verdict", Interval: true, Dynamic: true, Elements: []string{"a : accept"}}},
			Chains: []desired.Chain{{Name: "c", Type: "filter", Hook: "forward", Priority: "filter",
				Rules: []desired.Rule{{Text: "accept", Owner: "zone/a"}}}},
		}},
	}
}

// flip changes every field below v, one at a time, and calls check after each;
// the field is as before afterwards.
func flip(t *testing.T, v reflect.Value, path string, check func(path string)) {
	t.Helper()
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	switch x := v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(x.Next()))
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(x.Addr(), x.Port()+1)))
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(x.Addr().Next(), x.Bits())))
	default:
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				flip(t, v.Field(i), path+"."+v.Type().Field(i).Name, check)
			}
			return
		case reflect.Pointer:
			flip(t, v.Elem(), path, check)
			return
		case reflect.Slice:
			if v.Len() == 0 {
				t.Fatalf("%s: the full state has none", path)
			}
			for i := range v.Len() {
				flip(t, v.Index(i), fmt.Sprintf("%s[%d]", path, i), check)
			}
			return
		case reflect.String:
			v.SetString(v.String() + "2")
		case reflect.Bool:
			if !v.Bool() {
				t.Fatalf("%s: not set in the full state", path)
			}
			v.SetBool(false)
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		case reflect.Uint32, reflect.Uint16:
			v.SetUint(v.Uint() + 1)
		default:
			t.Fatalf("%s: the test does not know how to change a %s", path, v.Type())
		}
	}
	check(path)
	v.Set(before)
}

func TestEveryFieldCounts(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		node := withSpace()
		flip(t, reflect.ValueOf(node).Elem(), "Node", func(path string) {
			a, b := withSpace(), node
			if reverse {
				a, b = b, a
			}
			if len(Nodes(a, b)) == 0 {
				t.Errorf("%s: a change of it makes no difference", path)
			}
			if a.Hash() == b.Hash() {
				t.Errorf("%s: a change of it makes no other hash", path)
			}
		})
		if d := Nodes(node, withSpace()); len(d) != 0 {
			t.Fatalf("the test does not restore the state: %v", d)
		}
	}
}

func TestPrinted(t *testing.T) {
	var got []string
	for _, c := range Nodes(nil, full()) {
		got = append(got, c.String())
	}
	want := []string{
		"+ link vx1: kind vxlan, vni 7, local 10.0.0.1, port 4789, learning on, parent eth0, vlan 9, protocol 802.1ad, vlan-of-bridge on, " +
			"peer pr, peer-elsewhere on, table 1000, mtu 1450, mac 02:00:00:00:00:01, master vn1, foreign-master on, alias text, link-local off, vlan-filtering on, " +
			"port-learning off, neigh-suppress on, all-vlans on, port-vlan 40 tagged",
		"+ address 10.0.1.1/24 dev vn1: foreign-link on, network-route off",
		"+ neighbour 00:00:00:00:00:00 dst 10.0.0.2 dev vx1",
		"+ route 10.2.0.0/16 table 7 metric 8: type unreachable, via 10.0.1.2, src 10.0.1.3, dev vn1",
		"+ route-rule 990 mark 0x7600000a table 100 without default inet",
		"+ port tap1i0: bridge vn1, isolated on, all-vlans on, macs 02:00:00:00:00:02, mtu 1400",
		"+ ovs-bridge z_q: like vmbr0",
		"+ ovs-port ln: bridge vmbr0, peer up, tag 5, qinq on, ethertype 802.1ad, mtu 1500",
		"+ dhcp a: dynamic on",
		"+ dhcp a vn1: mtu 1400, advertised off, router on",
		"+ dhcp a 10.0.1.0/24 dev vn1: gateway 10.0.1.1, dns-server 10.0.1.2, domain lab, addresses autonomous, ranges 10.0.1.3-10.0.1.4, routes 10.9.0.0/16 10.0.1.5, shared on",
		"~ dhcp a vn1 hosts: added 1",
		"+ frr daemon bgpd",
		"+ frr router bgp 1 / address-family l2vpn evpn",
		"+ frr router bgp 1 / address-family l2vpn evpn / advertise-all-vni",
		"+ name-view z: domain lab.example, listen 10.0.0.1:53 on vn1, networks 10.0.0.0/24, forwarders 192.0.2.1:53",
		"+ name web1.lab.example: addresses 10.0.0.5",
		"+ load-balancer web: space olvn1001, mode http, listen 10.0.0.1:80 to https, certificate 38e47590ce0e49b9, algorithm roundrobin, sticky on, accept-proxy on, send-proxy on, " +
			"check http web.example / 200 every 2 s, down after 3, up after 2, panic 50, max-connections 1000, idle-timeout 60",
		"+ load-balancer web server 101/net0 10.0.1.9:8080: weight 100",
		"~ backend links: backend ifupdown2",
		"+ rule inet viaduct",
		"+ rule inet viaduct chain c: type filter, hook forward, priority filter",
		"+ rule inet viaduct chain c: accept",
		"+ rule inet viaduct set s: type ifname, value verdict, interval on, elements 1 (5650d05c)",
		"+ sysctl net.ipv4.ip_forward: value 1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	changed := full()
	changed.Links[0].MTU, changed.Links[0].VXLAN.ID, changed.Links[0].Alias = 1400, 8, ""
	changed.Tables[0].Chains[0].Rules = []desired.Rule{{Text: "drop"}, {Text: "accept", Owner: "zone/a"}}
	got = nil
	for _, c := range Nodes(full(), changed) {
		got = append(got, c.String())
	}
	want = []string{"± link vx1: vni 7 -> 8, mtu 1450 -> 1400, alias text removed", "+ rule inet viaduct chain c: drop"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Changes in a named space have its name; the content of a removed space is removed with
// it.
func TestNamedSpaces(t *testing.T) {
	red := func(mtu int) *desired.Node {
		return &desired.Node{Spaces: []desired.NamedSpace{{Name: "red", Owner: "sector/red", Space: desired.Space{
			Links: []desired.Link{{Name: "eth0", Kind: desired.LinkDummy, Owner: "sector/red", MTU: mtu}},
		}}}}
	}
	for _, c := range []struct {
		old, new *desired.Node
		want     []string
	}{
		{nil, red(1400), []string{"+ space red", "+ link eth0 in space red: kind dummy, mtu 1400"}},
		{red(1400), red(1300), []string{"~ link eth0 in space red: mtu 1400 -> 1300"}},
		{red(1400), nil, []string{"- space red"}},
		{red(1400), red(1400), nil},
	} {
		var got []string
		for _, change := range Nodes(c.old, c.new) {
			got = append(got, change.String())
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestOrderOfRulesCounts(t *testing.T) {
	a, b := full(), full()
	a.Tables[0].Chains[0].Rules = []desired.Rule{{Text: "one"}, {Text: "two"}, {Text: "one"}}
	b.Tables[0].Chains[0].Rules = []desired.Rule{{Text: "one"}, {Text: "one"}, {Text: "two"}}
	got := Nodes(a, b)
	if len(got) != 1 || got[0].String() != "~ rule inet viaduct chain c: order one; two; one -> one; one; two" {
		t.Errorf("got %v", got)
	}
}

// TestKeyed checks the comparison against a model: carrying the changes out
// on the old set gives the new one, and equal sets do not differ.
func TestKeyed(t *testing.T) {
	entries := rapid.Custom(func(t *rapid.T) []desired.Entry {
		var out []desired.Entry
		for _, n := range rapid.SliceOfDistinct(rapid.IntRange(0, 12), rapid.ID[int]).Draw(t, "names") {
			name := fmt.Sprint("e", n)
			out = append(out, desired.Entry{Key: name, Name: name, Owner: "o", Props: []desired.Prop{
				{Name: "x", Value: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "x")},
				{Name: "y", Value: rapid.SampledFrom([]string{"", "1"}).Draw(t, "y"), Fixed: true},
			}})
		}
		return out
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := entries.Draw(t, "a"), entries.Draw(t, "b")
		if d := Keyed("t", b, b); len(d) != 0 {
			t.Fatalf("equal sets differ: %v", d)
		}
		changes := Keyed("t", a, b)
		if !slices.IsSortedFunc(changes, func(x, y Change) int { return CompareNatural(x.Name, y.Name) }) {
			t.Fatalf("not sorted: %v", changes)
		}
		if got, want := carryOut(state(a), changes), state(b); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v carried out gives %v, want %v", changes, got, want)
		}
	})
}

// state is a set as name -> property -> value.
func state(entries []desired.Entry) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, e := range entries {
		out[e.Name] = map[string]string{}
		for _, p := range e.Props {
			if p.Value != "" {
				out[e.Name][p.Name] = p.Value
			}
		}
	}
	return out
}

// carryOut makes the changes.
func carryOut(s map[string]map[string]string, changes []Change) map[string]map[string]string {
	for _, c := range changes {
		if c.Action == Delete {
			delete(s, c.Name)
			continue
		}
		if c.Action == Create {
			s[c.Name] = map[string]string{}
		}
		for _, f := range c.Fields {
			if f.New == "" {
				delete(s[c.Name], f.Name)
			} else {
				s[c.Name][f.Name] = f.New
			}
		}
	}
	return s
}

func TestNaturalOrder(t *testing.T) {
	names := []string{"vn10", "vn2", "a", "vn1", "vn02", "10.0.1.1/24", "10.0.0.1/24", "vn"}
	slices.SortFunc(names, CompareNatural)
	want := []string{"10.0.0.1/24", "10.0.1.1/24", "a", "vn", "vn1", "vn02", "vn2", "vn10"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Numbers count as a whole, in decimal, and leading zeros only decide between equals.
func TestNaturalOrderOfNumbers(t *testing.T) {
	for _, c := range [][2]string{{"vn9", "vn10"}, {"vn09", "vn10"}, {"vn89", "vn90"}, {"vn99x", "vn100a"}, {"vn0", "vn1"}, {"vn007", "vn7"}, {"a1b9", "a1b10"}, {"9", "a"}} {
		if CompareNatural(c[0], c[1]) >= 0 || CompareNatural(c[1], c[0]) <= 0 {
			t.Errorf("%s does not sort before %s", c[0], c[1])
		}
	}
}

// A rule that goes does not change the order of those that stay, even if an equal one stays.
func TestRemovedRuleIsNoOtherOrder(t *testing.T) {
	chain := func(rules ...string) []desired.Table {
		c := desired.Chain{Name: "c"}
		for _, r := range rules {
			c.Rules = append(c.Rules, desired.Rule{Text: r})
		}
		return []desired.Table{{Family: "inet", Name: "t", Chains: []desired.Chain{c}}}
	}
	for _, c := range []struct{ old, new []desired.Table }{
		{chain("one", "two", "one"), chain("one", "two")},
		{chain("one", "two"), chain("one", "two", "one")},
	} {
		got := Tables(c.old, c.new)
		if len(got) != 1 || got[0].Action == Update {
			t.Errorf("got %v, want one rule created or removed", got)
		}
	}
}
