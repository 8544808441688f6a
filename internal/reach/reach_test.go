package reach_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/reach"
)

// networks are two zones of each node's own, one of which has two VNets, and an overlay.
const networks = `
kind: zone
id: one
type: simple
---
{kind: vnet, id: red, zone: one}
---
{kind: vnet, id: green, zone: one}
---
{kind: subnet, id: 10.1.0.0/24, vnet: red, gateway: 10.1.0.1, snat: true}
---
{kind: subnet, id: 10.2.0.0/24, vnet: green, gateway: 10.2.0.1}
---
kind: zone
id: two
type: simple
---
{kind: vnet, id: blue, zone: two}
---
{kind: subnet, id: 10.3.0.0/24, vnet: blue, gateway: 10.3.0.1}
---
{kind: zone, id: over, type: vxlan, peers: [192.168.0.1, 192.168.0.2]}
---
{kind: vnet, id: wide, zone: over, tag: 5}
---
{kind: subnet, id: 10.4.0.0/24, vnet: wide}
---
{kind: zone, id: any, type: vxlan, peers: [192.168.0.1, 192.168.0.2], anycast-gateway: true}
---
{kind: vnet, id: shop, zone: any, tag: 6}
---
{kind: vnet, id: store, zone: any, tag: 7}
---
{kind: subnet, id: 10.6.0.0/24, vnet: shop, gateway: 10.6.0.1, snat: true}
---
{kind: subnet, id: 10.7.0.0/24, vnet: store, gateway: 10.7.0.1}
---
{kind: guest, id: 109, name: s1, node: n1, nics: [{id: net0, vnet: shop, mac: "BC:24:11:00:00:09", ips: [10.6.0.11]}]}
---
{kind: guest, id: 110, name: s2, node: n2, nics: [{id: net0, vnet: shop, mac: "BC:24:11:00:00:0A", ips: [10.6.0.12]}]}
---
{kind: guest, id: 111, name: t2, node: n2, nics: [{id: net0, vnet: store, mac: "BC:24:11:00:00:0B", ips: [10.7.0.12]}]}
---
{kind: guest, id: 101, name: r1, node: n1, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:01", ips: [10.1.0.11]}]}
---
{kind: guest, id: 102, name: r2, node: n1, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:02", ips: [10.1.0.12]}]}
---
{kind: guest, id: 103, name: far, node: n2, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:03", ips: [10.1.0.13]}]}
---
{kind: guest, id: 104, name: g1, node: n1, nics: [{id: net0, vnet: green, mac: "BC:24:11:00:00:04", ips: [10.2.0.11]}]}
---
{kind: guest, id: 105, name: b1, node: n1, nics: [{id: net0, vnet: blue, mac: "BC:24:11:00:00:05", ips: [10.3.0.11]}]}
---
{kind: guest, id: 106, name: w1, node: n1, nics: [{id: net0, vnet: wide, mac: "BC:24:11:00:00:06", ips: [10.4.0.11]}]}
---
{kind: guest, id: 107, name: w2, node: n2, nics: [{id: net0, vnet: wide, mac: "BC:24:11:00:00:07", ips: [10.4.0.12]}]}
---
{kind: guest, id: 108, name: off, nics: [{id: net0, vnet: wide, ips: [10.4.0.13]}]}
`

const rules = `
---
{kind: firewall, id: datacenter, enable: true}
---
kind: security-group
id: web
rules:
  - {type: forward, action: ACCEPT, proto: tcp, dport: "80,8000:8010", comment: web servers}
---
kind: firewall
id: wide
enable: true
ip-filter: true
mac-filter: true
policy-forward: DROP
rules:
  - {type: group, action: web}
  - {type: forward, action: ACCEPT, macro: Ping, source: 10.4.0.11}
---
kind: firewall
id: green
enable: true
rules:
  - {type: forward, action: REJECT, proto: tcp, dport: "22", source: +sdn/red-all, comment: no shells}
`

// network compiles manifests as the server does.
func network(t *testing.T, text string) *reach.Network {
	t.Helper()
	set, err := manifest.Load([]string{"-"}, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, live := new(model.Config).Clone(), new(model.Config).Clone()
	for _, kind := range model.Kinds() {
		for _, o := range set.Objects {
			if o.ObjectKind() != kind {
				continue
			}
			if !kind.Revisioned() {
				live.Set(o)
			} else if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	merged := *cfg
	merged.Firewalls, merged.SecurityGroups = live.Firewalls, live.SecurityGroups
	n := &reach.Network{Config: &merged, Guests: live.Guests}
	n.Node = func(name string) *reach.Node {
		i := slices.Index([]string{"n1", "n2"}, name)
		if i < 0 {
			return nil
		}
		facts := &model.Facts{Node: name, Kernel: "6.12", Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("192.168.0.%d/24", i+1))}}},
			Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0"}, {Dst: netip.MustParsePrefix("192.168.0.0/24"), Dev: "eth0"}}}
		want, notes := compile.Node(compile.Project(cfg, live, 1, name), facts)
		out := &reach.Node{Name: name, Facts: facts, Want: &want.Space, Faults: map[string]string{}}
		for _, note := range notes {
			if note.Level == compile.LevelError {
				out.Faults[note.Object] = note.Message
			}
		}
		return out
	}
	return n
}

// ask asks for "FROM TO [PORT]" and returns the verdict with the last steps' texts.
func ask(t *testing.T, n *reach.Network, from, to string, proto int, port uint16) *reach.Answer {
	t.Helper()
	a, b, err := n.Pair(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return n.Ask(reach.Query{From: a, To: b, Proto: proto, Port: port})
}

func TestPaths(t *testing.T) {
	open, guarded := network(t, networks), network(t, networks+rules)
	for _, c := range []struct {
		n        *reach.Network
		from, to string
		proto    int
		port     uint16
		verdict  reach.Verdict
		says     string
	}{
		{open, "r1", "r2", 0, 0, reach.Pass, "It reaches net0 of guest 102"},
		{open, "r1", "far", 0, 0, reach.Drop, "network of its own on each node"},
		{open, "r1", "g1", model.ProtoTCP, 22, reach.Pass, "It reaches net0 of guest 104"},
		{open, "r1", "b1", 0, 0, reach.Drop, "zones are isolated from each other"},
		{open, "b1", "10.1.0.1", 0, 0, reach.Drop, "gateways of other zones"},
		{open, "r1", "10.1.0.1", 0, 0, reach.Pass, "address of node n1"},
		{open, "r1", "203.0.113.5", model.ProtoTCP, 443, reach.Unknown, "(SNAT)"},
		{open, "g1", "203.0.113.5", model.ProtoTCP, 443, reach.Unknown, "with its own address as source"},
		{open, "w1", "w2", 0, 0, reach.Pass, "It reaches net0 of guest 107"},
		{open, "w1", "r1", 0, 0, reach.Unknown, "has no gateway"},
		{open, "w1", "off", 0, 0, reach.Drop, "runs on no node"},
		{open, "n1", "r1", 0, 0, reach.Pass, "It reaches net0 of guest 101"},
		{open, "r1", "10.2.0.99", 0, 0, reach.Unknown, "no guest is known to have the address"},
		{open, "s1", "s2", 0, 0, reach.Pass, "By vxlan_shop to node n2"},
		{open, "s1", "10.6.0.1", 0, 0, reach.Pass, "10.6.0.1 is an address of node n1"},
		{open, "s2", "10.6.0.1", 0, 0, reach.Pass, "10.6.0.1 is an address of node n2"},
		{open, "s1", "t2", model.ProtoTCP, 22, reach.Pass, "It reaches net0 of guest 111"},
		{open, "s2", "t2", model.ProtoTCP, 22, reach.Pass, "It reaches net0 of guest 111"},
		{open, "s1", "r1", 0, 0, reach.Drop, "zones are isolated from each other"},
		{open, "s1", "203.0.113.5", model.ProtoTCP, 443, reach.Unknown, "(SNAT)"},
		{open, "t2", "203.0.113.5", model.ProtoTCP, 443, reach.Unknown, "with its own address as source"},
		{open, "n1", "t2", 0, 0, reach.Drop, "which is node n2"},
		{open, "n2", "t2", 0, 0, reach.Pass, "It reaches net0 of guest 111"},
		{guarded, "w1", "w2", model.ProtoTCP, 80, reach.Pass, "group web rule 0 accepts it"},
		{guarded, "w1", "w2", model.ProtoTCP, 8005, reach.Pass, "group web rule 0 accepts it"},
		{guarded, "w1", "w2", model.ProtoTCP, 22, reach.Drop, "vnet wide policy drops it"},
		{guarded, "w1", "w2", model.ProtoUDP, 80, reach.Drop, "vnet wide policy drops it"},
		{guarded, "w1", "w2", 0, 0, reach.Pass, "vnet wide rule 1 accepts it"},
		{guarded, "w2", "w1", 0, 0, reach.Drop, "vnet wide policy drops it"},
		{guarded, "r1", "g1", model.ProtoTCP, 22, reach.Reject, "vnet green rule 0 rejects it"},
		{guarded, "r1", "g1", model.ProtoTCP, 23, reach.Pass, "It reaches"},
		{guarded, "g1", "r1", model.ProtoTCP, 22, reach.Pass, "It reaches"},
	} {
		got := ask(t, c.n, c.from, c.to, c.proto, c.port)
		text := ""
		for _, s := range got.Steps {
			text += s.Text + " [" + string(s.Verdict) + "]\n"
		}
		if got.Verdict != c.verdict || !strings.Contains(text, c.says) {
			t.Errorf("%s to %s, protocol %d port %d: %s, want %s with %q\n%s", c.from, c.to, c.proto, c.port, got.Verdict, c.verdict, c.says, text)
		}
	}
}

// The rule that decides is named with its object, place and comment.
func TestRuleThatDecides(t *testing.T) {
	n := network(t, networks+rules)
	for _, c := range []struct {
		from, to string
		port     uint16
		want     string
	}{
		{"w1", "w2", 80, "security-group/web 0 web servers"},
		{"w1", "w2", 22, "firewall/wide -1 "},
		{"r1", "g1", 22, "firewall/green 0 no shells"},
		{"r1", "b1", 22, "zone/one -1 "},
	} {
		got := ""
		for _, s := range ask(t, n, c.from, c.to, model.ProtoTCP, c.port).Steps {
			if s.Rule != nil {
				got = fmt.Sprintf("%s %d %s", s.Rule.Object, s.Rule.Position, s.Rule.Comment)
			}
		}
		if got != c.want {
			t.Errorf("%s to %s port %d: %q, want %q", c.from, c.to, c.port, got, c.want)
		}
	}
}

// A sender with a foreign address is dropped by the filter of its NIC.
func TestSpoofedSender(t *testing.T) {
	n := network(t, networks+rules)
	a, b, err := n.Pair("w1", "w2")
	if err != nil {
		t.Fatal(err)
	}
	a.IP = netip.MustParseAddr("10.4.0.66")
	if got := n.Ask(reach.Query{From: a, To: b}); got.Verdict != reach.Drop || !strings.Contains(got.Steps[0].Text, "of another sender") {
		t.Errorf("a foreign address: %+v", got)
	}
	a.IP, a.MAC = netip.MustParseAddr("10.4.0.11"), "BC:24:11:00:00:99"
	if got := n.Ask(reach.Query{From: a, To: b}); got.Verdict != reach.Drop {
		t.Errorf("a foreign MAC address: %+v", got)
	}
}

func TestNamesOfEnds(t *testing.T) {
	n := network(t, networks)
	for _, c := range [][3]string{
		{"nobody", "r1", `from: "nobody" is no guest`},
		{"203.0.113.1", "r1", "from: 203.0.113.1 is no address of a guest"},
		{"r1", "two/10.1.0.11", `to: "two/10.1.0.11": no guest of zone two`},
		{"r1", "fd00::1", "no addresses of one family"},
	} {
		if _, _, err := n.Pair(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s to %s: %v, want %q", c[0], c[1], err, c[2])
		}
	}
	for _, from := range []string{"101", "r1", "101/net0", "10.1.0.11", "one/10.1.0.11"} {
		if a, _, err := n.Pair(from, "n1"); err != nil || a.Guest != "101" || a.Zone != "one" {
			t.Errorf("%s: %+v %v", from, a, err)
		}
	}
	guests := slices.Sorted(maps.Keys(n.Guests))
	if len(guests) != 11 {
		t.Errorf("guests %v", guests)
	}
}

// The reply goes the way back: filters that saw the packet let it pass, others may not.
func TestReplies(t *testing.T) {
	open, guarded := network(t, networks), network(t, networks+rules)
	for _, c := range []struct {
		n        *reach.Network
		from, to string
		proto    int
		port     uint16
		foreign  bool // the receiver replies under another MAC address
		verdict  reach.Verdict
		says     string
	}{
		{n: open, from: "r1", to: "r2", verdict: reach.Pass, says: "The reply reaches net0 of guest 101"},
		{n: open, from: "r1", to: "g1", verdict: reach.Pass, says: "By the gateway 10.2.0.1"},
		{n: guarded, from: "w1", to: "w2", verdict: reach.Pass, says: "it belongs to an established connection"},
		{n: guarded, from: "w1", to: "w2", proto: model.ProtoTCP, port: 80, verdict: reach.Pass, says: "The reply reaches net0 of guest 106"},
		{n: guarded, from: "w1", to: "w2", foreign: true, verdict: reach.Drop, says: "of another sender drops it"},
		{n: guarded, from: "g1", to: "r1", proto: model.ProtoTCP, port: 22, verdict: reach.Pass, says: "The reply reaches net0 of guest 104"},
		{n: guarded, from: "r1", to: "g1", proto: model.ProtoTCP, port: 22, verdict: reach.Reject},
		{n: open, from: "r1", to: "203.0.113.5", verdict: reach.Unknown, says: "undoes the source NAT: to 10.1.0.11"},
		{n: open, from: "g1", to: "203.0.113.5", verdict: reach.Unknown, says: "must be the way back to 10.2.0.11"},
		{n: open, from: "r1", to: "10.1.0.1", verdict: reach.Pass, says: "Node n1 replies"},
		{n: open, from: "n1", to: "r1", verdict: reach.Pass, says: "10.1.0.1 is an address of node n1"},
	} {
		a, b, err := c.n.Pair(c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if c.foreign {
			b.MAC = "BC:24:11:00:00:99"
		}
		got := c.n.Ask(reach.Query{From: a, To: b, Proto: c.proto, Port: c.port})
		text := ""
		if got.Reply != nil {
			for _, s := range got.Reply.Steps {
				text += s.Text + " [" + string(s.Verdict) + "]\n"
			}
		}
		if got.Verdict != c.verdict || (got.Reply == nil) != (c.says == "") || !strings.Contains(text, c.says) {
			t.Errorf("%s to %s, protocol %d port %d: %s, want %s with the reply %q\n%s", c.from, c.to, c.proto, c.port, got.Verdict, c.verdict, c.says, text)
		}
	}
}
