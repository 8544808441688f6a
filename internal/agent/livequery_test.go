package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/florianl/go-nflog/v2"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/livequery"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// viewedNode is a node with bridges, whose FRR prints what was recorded.
type viewedNode struct {
	*fakeNode
	prints map[string]string
}

func (v *viewedNode) Bridges(context.Context) ([]livequery.Bridge, error) {
	return []livequery.Bridge{{Name: "vmbr0"}, {Name: "vnet1"}, {Name: "vnet2"}}, nil
}

func (v *viewedNode) Show(_ context.Context, _, command string) (string, error) {
	text, ok := v.prints[command]
	if !ok {
		return "", errors.New("FRR's fabricd does not run")
	}
	return text, nil
}

func (v *viewedNode) Counters(context.Context) ([]livequery.FirewallCounter, error) {
	var out []livequery.FirewallCounter
	for i, what := range []string{"vnet vnet1 rule 0", "vnet vnet2 policy", "group web rule 3", "group other rule 0", "of another sender"} {
		out = append(out, livequery.FirewallCounter{Where: livequery.FirewallInside, What: what, Packets: uint64(i), Bytes: 100})
	}
	return out, nil
}

// recorded is what FRR 8.4 and 10.3 print, as far as it is read.
var recorded = map[string]string{
	"show ip route vrf vrf_z1 json": `{"10.0.2.0/24":[{"prefix":"10.0.2.0/24","protocol":"bgp","metric":20,"nexthops":[{"ip":"192.0.2.2","interfaceName":"vrfbr_1"}]}],
		"0.0.0.0/0":[{"prefix":"0.0.0.0/0","protocol":"kernel","metric":8192,"nexthops":[{"unreachable":true}]}]}`,
	"show ipv6 route vrf vrf_z1 json": `{}`,
	// The compiler's name for a zone whose ID is too long for an interface.
	"show ip route vrf vrf_4711 json":   `{"10.0.3.0/24":[{"prefix":"10.0.3.0/24","protocol":"bgp","nexthops":[{"ip":"192.0.2.3"}]}]}`,
	"show ipv6 route vrf vrf_4711 json": `{}`,
	"show bgp l2vpn evpn route vni 100 type 2 json": `{"[2]:[0]:[48]:[02:00:00:00:00:01]:[32]:[10.0.1.5]":{"prefixLen":352,"paths":[[{"bestpath":true,"mac":"02:00:00:00:00:01","ip":"10.0.1.5","nexthops":[{"ip":"192.0.2.1"}]}],
		[{"mac":"02:00:00:00:00:01","ip":"10.0.1.5","nexthops":[{"ip":"192.0.2.9"}]}]]},"numPrefix":1,"numPaths":2}`,
	"show openfabric neighbor detail json": `{"areas":[{"area":"ring","circuits":[{"circuit":0,"adj":"node2","interface":{"name":"eth1","state":"Up","last-ago":"24s"}},{"circuit":0}]}]}`,
	"show openfabric interface json":       `{"areas":[{"area":"ring","circuits":[{"interface":{"name":"eth1","state":"Up","type":"p2p"}},{"interface":{"name":"dummy_ring","state":"Up","type":"loopback"}}]}]}`,
	"show ip ospf neighbor json":           `{"neighbors":{"10.9.0.2":[{"nbrState":"Full/-","upTime":"15.3s","ifaceAddress":"10.9.0.2","ifaceName":"eth2:10.9.0.1"},{"nbrState":"Init","ifaceAddress":"10.8.0.2","ifaceName":"other:10.8.0.1"}]}}`,
	"show ip ospf interface json":          `{"interfaces":{"eth2":{"ifUp":true,"interfaceIp":{"10.9.0.1":{"networkType":"POINTOPOINT"}}},"dummy_spine":{"ifUp":false,"networkType":"LOOPBACK"},"other":{"ifUp":true}}}`,
	"show bgp summary json":                `{"ipv4Unicast":{"peers":{"eth3":{"state":"Established","peerUptime":"00:01:00"},"192.0.2.1":{"state":"Idle"}}},"ipv6Unicast":{"peers":{"eth3":{"state":"Established","peerUptime":"00:01:00"}}}}`,
	"show ip route json":                   `{"10.9.0.2/32":[{"prefix":"10.9.0.2/32","protocol":"openfabric","nexthops":[{"ip":"10.9.0.2","interfaceName":"eth1"},{"interfaceName":"eth9"}]}],"10.7.0.0/16":[{"prefix":"10.7.0.0/16","nexthops":[{"interfaceName":"eth9"}]}]}`,
	"show ipv6 route json":                 ``,
}

func TestLook(t *testing.T) {
	cfg := model.Config{
		Zones: map[string]*model.Zone{"z1": {ID: "z1", Type: model.ZoneEVPN}, "z2": {ID: "z2", Type: model.ZoneSimple},
			"twelveletter": {ID: "twelveletter", Type: model.ZoneEVPN, VRFVXLAN: 4711}},
		VNets:     map[string]*model.VNet{"vnet1": {ID: "vnet1", Zone: "z1", Tag: 100}, "vnet2": {ID: "vnet2", Zone: "z2"}},
		Firewalls: map[string]*model.Firewall{"vnet1": {ID: "vnet1", Rules: []model.FirewallRule{{Type: model.RuleGroup, Action: "web"}}}},
		Fabrics: map[string]*model.Fabric{
			"ring":  {ID: "ring", Protocol: model.FabricOpenFabric},
			"spine": {ID: "spine", Protocol: model.FabricOSPF},
			"clos":  {ID: "clos", Protocol: model.FabricBGP, IPPrefix: netip.MustParsePrefix("10.0.0.0/8")},
		},
		FabricNodes: map[string]*model.FabricNode{
			"ring_n1":  {ID: "ring_n1", Fabric: "ring", Node: "n1", Interfaces: []model.FabricInterface{{Name: "eth1"}}},
			"spine_n1": {ID: "spine_n1", Fabric: "spine", Node: "n1", Interfaces: []model.FabricInterface{{Name: "eth2"}}},
			"clos_n1":  {ID: "clos_n1", Fabric: "clos", Node: "n1", Interfaces: []model.FabricInterface{{Name: "eth3"}}},
		},
	}
	a := &Agent{Config: Config{System: &viewedNode{newFakeNode(), recorded}}, doc: &document.Document{Node: "n1", Config: cfg}}
	for _, c := range []struct {
		subject  livequery.Subject
		of, want string
	}{
		{livequery.Bridges.Subject, "z1", `[{"name":"vnet1","vlanFiltering":false,"ports":null}]`},
		{livequery.Bridges.Subject, "localnetwork", `[{"name":"vmbr0","vlanFiltering":false,"ports":null}]`},
		{livequery.Bridges.Subject, "none", `zone none is not on this node`},
		{livequery.Routes.Subject, "z1", `[{"prefix":"0.0.0.0/0","metric":8192,"protocol":"kernel","nextHops":["unreachable"]},{"prefix":"10.0.2.0/24","metric":20,"protocol":"bgp","nextHops":["192.0.2.2"]}]`},
		{livequery.Routes.Subject, "twelveletter", `[{"prefix":"10.0.3.0/24","metric":0,"protocol":"bgp","nextHops":["192.0.2.3"]}]`},
		{livequery.Routes.Subject, "z2", `zone z2 is no evpn zone of this node`},
		{livequery.MACs.Subject, "vnet1", `[{"ip":"10.0.1.5","mac":"02:00:00:00:00:01","nextHop":"192.0.2.1"}]`},
		{livequery.MACs.Subject, "vnet2", `vnet vnet2 is of no evpn zone of this node`},
		{livequery.FirewallCounters.Subject, "vnet1", `[{"where":"inside","what":"vnet vnet1 rule 0","packets":0,"bytes":100},{"where":"inside","what":"group web rule 3","packets":2,"bytes":100}]`},
		{livequery.FirewallCounters.Subject, "vnet2", `[{"where":"inside","what":"vnet vnet2 policy","packets":1,"bytes":100}]`},
		{livequery.FirewallCounters.Subject, "vnet3", `vnet vnet3 is not on this node`},
		{livequery.FabricNeighbours.Subject, "ring", `[{"name":"node2","state":"Up","uptime":"24s"}]`},
		{livequery.FabricLinks.Subject, "ring", `[{"name":"dummy_ring","type":"Loopback","state":"Up"},{"name":"eth1","type":"Point-To-Point","state":"Up"}]`},
		{livequery.FabricRoutes.Subject, "ring", `[{"prefix":"10.9.0.2/32","via":["10.9.0.2"]}]`},
		{livequery.FabricNeighbours.Subject, "spine", `[{"name":"10.9.0.2","state":"Full/-","uptime":"15.3s"}]`},
		{livequery.FabricLinks.Subject, "spine", `[{"name":"dummy_spine","type":"Loopback","state":"down"},{"name":"eth2","type":"Point-To-Point","state":"up"}]`},
		{livequery.FabricNeighbours.Subject, "clos", `[{"name":"eth3","state":"Established","uptime":"00:01:00"}]`},
		{livequery.FabricLinks.Subject, "clos", `[{"name":"eth3","type":"Point-To-Point","state":"Up"}]`},
		{livequery.FabricRoutes.Subject, "none", `fabric none is not on this node`},
		{"weather", "z1", `this agent does not know the live query "weather"; upgrade it`},
	} {
		got := a.answer(t.Context(), &protocol.LiveQuery{Subject: c.subject, Of: c.of})
		text := got.Error
		if text == "" {
			text = string(got.Data)
		}
		if d := cmp.Diff(c.want, text); d != "" {
			t.Errorf("%s of %s: %s", c.subject, c.of, d)
		}
	}
	a.System = &viewedNode{newFakeNode(), nil}
	if got := a.answer(t.Context(), &protocol.LiveQuery{Subject: livequery.FabricNeighbours.Subject, Of: "ring"}); got.Error != "FRR's fabricd does not run" || got.Data != nil {
		t.Errorf("without FRR: %s %s", got.Data, got.Error)
	}
	if b, err := json.Marshal(a.answer(t.Context(), &protocol.LiveQuery{})); err != nil || len(b) == 0 {
		t.Error(err)
	}
}

// Every live query has an answer, and nothing else has.
func TestEveryLiveQueryIsAnswered(t *testing.T) {
	want := slices.Sorted(slices.Values(livequery.Subjects()))
	if got := slices.Sorted(maps.Keys(answers)); !slices.Equal(got, want) {
		t.Errorf("answers to %v, queries %v", got, want)
	}
}

// Leases and Services implement ServiceReader.
func (v *viewedNode) Leases(_, vnet string) ([]livequery.Lease, error) {
	return []livequery.Lease{{VNet: vnet, Address: netip.MustParseAddr("10.0.0.9"), MAC: "02:00:00:00:00:09"}}, nil
}

func (v *viewedNode) Services(_ context.Context, want *desired.Node) []livequery.Service {
	return []livequery.Service{{Name: "DNS server", Running: want != nil}}
}

// Queries about the node itself, its services and its agent.
func TestNodeQueries(t *testing.T) {
	cfg := model.Config{
		Zones: map[string]*model.Zone{"z1": {ID: "z1", Type: model.ZoneSimple}},
		VNets: map[string]*model.VNet{"b": {ID: "b", Zone: "z1"}, "a": {ID: "a", Zone: "z1"}, "c": {ID: "c", Zone: "z2"}},
	}
	node := &viewedNode{newFakeNode(), map[string]string{
		"show bgp vrf all summary json": `{"default":{"ipv4Unicast":{"peers":{"192.0.2.1":{"state":"Established","peerUptime":"1d","remoteAs":65001,"pfxRcd":3}}},
			"l2VpnEvpn":{"peers":{"192.0.2.1":{"state":"Established","peerUptime":"1d","remoteAs":65001,"pfxRcd":4}}}},"vrf_z1":{"ipv4Unicast":{"peers":{"10.0.0.2":{"state":"Active","remoteAs":65002}}}}}`,
		"show ip ospf neighbor json": `{"neighbors":{"10.9.0.2":[{"nbrState":"Full/-","upTime":"15.3s","ifaceName":"eth2:10.9.0.1"}]}}`,
	}}
	a := &Agent{Config: Config{System: node, Log: slog.New(slog.DiscardHandler)}, bindings: newBindings(), recent: newRecentLog()}
	if got := a.answer(t.Context(), &protocol.LiveQuery{Subject: livequery.Log.Subject}); got.Error != "the node has no configuration yet" {
		t.Errorf("without a document: %+v", got)
	}
	a.doc = &document.Document{Node: "n1", Config: cfg}
	for subject, want := range map[livequery.Subject]string{
		livequery.Sessions.Subject: `[{"protocol":"bgp","neighbor":"192.0.2.1","as":65001,"state":"Established","uptime":"1d","families":["ipv4Unicast","l2VpnEvpn"],"prefixes":7},` +
			`{"protocol":"bgp","vrf":"vrf_z1","neighbor":"10.0.0.2","as":65002,"state":"Active","families":["ipv4Unicast"]},` +
			`{"protocol":"ospf","neighbor":"10.9.0.2 (eth2)","state":"Full/-","uptime":"15.3s"}]`,
		livequery.Services.Subject:   `the agent has not finished its first pass yet`,
		livequery.Interfaces.Subject: `this agent does not answer live queries`,
		livequery.Drift.Subject:      `[{"action":"create","type":"link","name":"a","owner":"vnet/a"},{"action":"create","type":"link","name":"b","owner":"vnet/b"}]`,
		livequery.ZoneLeases.Subject: `[{"vnet":"a","address":"10.0.0.9","mac":"02:00:00:00:00:09"},{"vnet":"b","address":"10.0.0.9","mac":"02:00:00:00:00:09"}]`,
		livequery.Leases.Subject:     `vnet z1 is not on this node`,
	} {
		got := a.answer(t.Context(), &protocol.LiveQuery{Subject: subject, Of: "z1"})
		if d := cmp.Diff(want, got.Error+string(got.Data)); d != "" {
			t.Errorf("%s: %s", subject, d)
		}
	}
	if node.passes == 0 || len(node.links) != 0 {
		t.Errorf("after the query for drift: %d passes, links %v", node.passes, node.links)
	}
}

// An answer stays within its bounds, and tells how much it omits.
func TestAnswersAreBounded(t *testing.T) {
	items := []string{"a", "b", "c", "d"}
	for _, c := range []struct {
		most, bytes int
		want        string
		omitted     int
	}{{4, 100, `["a","b","c","d"]`, 0}, {3, 100, `["a","b","c"]`, 1}, {4, 10, `["a","b"]`, 2}, {0, 100, `[]`, 4}} {
		list, omitted, err := bounded(items, c.most, c.bytes)
		if err != nil || string(list) != c.want || omitted != c.omitted || len(list) > c.bytes {
			t.Errorf("at most %d items in %d bytes: %s, %d omitted, %v", c.most, c.bytes, list, omitted, err)
		}
	}
}

// The newest records are kept with their attributes, and no more than the bound.
func TestRecentLog(t *testing.T) {
	l := newRecentLog()
	if got := l.newest(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	var printed bytes.Buffer
	log := l.recording(slog.New(slog.NewTextHandler(&printed, nil)))
	log.Debug("not printed, and so not kept")
	for i := range maxRecords + 2 {
		log.Info("pass", "n", i)
	}
	log.With("node", "n1").WithGroup("g").Warn("odd", "why", "x y", "key", model.Secret("hunter2"))
	log.Error(strings.Repeat("long ", maxRecord))
	got := l.newest()
	if len(got) != maxRecords || len(got[0].Text) > maxRecord+3 || got[0].Level != "ERROR" {
		t.Fatalf("%d records, the newest has %d bytes: %s", len(got), len(got[0].Text), got[0].Level)
	}
	if got[1].Text != `odd node=n1 g.why="x y" g.key=`+model.Secret("hunter2").String() || got[1].Level != "WARN" || got[1].Time.IsZero() {
		t.Errorf("with attributes: %+v", got[1])
	}
	if got[2].Text != "pass n=501" || got[maxRecords-1].Text != "pass n=4" {
		t.Errorf("order: %q, last %q", got[2].Text, got[maxRecords-1].Text)
	}
	if !strings.Contains(printed.String(), "n=501") || strings.Contains(fmt.Sprint(got), "hunter2") {
		t.Error("the log itself lacks records, or a secret is in it")
	}
}

// FirewallLog implements FirewallLogger.
func (v *viewedNode) FirewallLog() []livequery.FirewallLogEntry {
	return []livequery.FirewallLogEntry{
		{Sequence: 4, In: "eth0", Rule: "datacenter policy"}, {Sequence: 3, In: "tap100i0", Rule: "spoofed"},
		{Sequence: 2, In: "a", Out: "b", Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.1.1"), Rule: "group web rule 0"}, {Sequence: 1, In: "a", Out: "b", Rule: "vnet b rule 2"},
	}
}

func (v *viewedNode) FollowFirewallLog(context.Context) {}

// An entry is of the VNet whose rule it is, and otherwise of one that the packet is in.
func TestFirewallLogOfVNet(t *testing.T) {
	doc := &document.Document{
		Node: "n1", Config: model.Config{VNets: map[string]*model.VNet{"a": {ID: "a"}, "b": {ID: "b"}}},
		Guests: map[string]*model.Guest{
			"100": {ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "a"}}},
			"101": {ID: "101", NICs: []model.NIC{{ID: "net0", VNet: "a", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, {ID: "net1", VNet: "b", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}}},
			"102": {ID: "102", NICs: []model.NIC{{ID: "net0", VNet: "b", IPs: []netip.Addr{netip.MustParseAddr("10.0.1.1")}}}},
			"103": {ID: "103", NICs: []model.NIC{{ID: "net0", VNet: "c", IPs: []netip.Addr{netip.MustParseAddr("10.0.1.1")}}}},
		},
	}
	a := &Agent{Config: Config{System: &viewedNode{newFakeNode(), nil}}, doc: doc}
	for of, want := range map[string][]string{"a": {"3 [100]", "2 [101 102]"}, "b": {"1 []"}} {
		var got []string
		var list []livequery.FirewallLogEntry
		answer := a.answer(t.Context(), &protocol.LiveQuery{Subject: livequery.FirewallLog.Subject, Of: of})
		if err := json.Unmarshal(answer.Data, &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Sequence, e.Guests))
		}
		if !slices.Equal(got, want) {
			t.Errorf("vnet %s: entries %q, want %q", of, got, want)
		}
	}
}

// What the kernel logs is read: of TCP over IPv4, of ICMP over IPv6, cut, and of others.
func TestFirewallLogEntries(t *testing.T) {
	name := func(i uint32) string { return fmt.Sprintf("if%d", i) }
	one, two := uint32(1), uint32(2)
	four := append([]byte{0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, 0xc0, 0, 0, 22)
	six := make([]byte, 60)
	six[0], six[6], six[23], six[39] = 0x60, 58, 1, 2
	for _, c := range []struct {
		prefix  string
		payload []byte
		want    string
	}{
		{"viaduct: vnet v1 rule 3 DROP: ", four, "vnet v1 rule 3 DROP if1 if2 10.0.0.1 10.0.0.2 tcp 49152 22"},
		{"viaduct: spoofed: ", six, "spoofed DROP if1 if2 ::1 ::2 icmpv6 0 0"},
		{"viaduct: group web rule 0 ACCEPT: ", four[:21], "group web rule 0 ACCEPT if1 if2 10.0.0.1 10.0.0.2 tcp 0 0"},
		{"viaduct: datacenter policy REJECT: ", nil, "datacenter policy REJECT if1 if2 invalid IP invalid IP  0 0"},
		{"viaduct: vnet v1 policy DROP: ", six[:30], "vnet v1 policy DROP if1 if2 invalid IP invalid IP  0 0"},
		{"other: ", four, ""},
	} {
		got := ""
		if e, ok := logEntry(&nflog.Attribute{Prefix: &c.prefix, Payload: &c.payload, InDev: &one, OutDev: &two}, name); ok {
			got = fmt.Sprintln(e.Rule, e.Verdict, e.In, e.Out, e.Source, e.Destination, e.Protocol, e.SourcePort, e.DestinationPort)
		}
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%q: %q, want %q", c.prefix, got, c.want)
		}
	}
	l := newFirewallLog()
	for range maxLogEntries + 3 {
		l.add(livequery.FirewallLogEntry{})
	}
	if got := l.newest(); len(got) != maxLogEntries || got[0].Sequence != maxLogEntries+3 || got[maxLogEntries-1].Sequence != 4 {
		t.Errorf("%d entries, from %d to %d", len(got), got[0].Sequence, got[len(got)-1].Sequence)
	}
}
