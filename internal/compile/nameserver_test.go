package compile_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

const namedZones = `
kind: zone
id: simple
type: simple
dnszone: Lab.example
---
kind: zone
id: plain
type: simple
---
kind: zone
id: away
type: simple
nodes: [node2]
dnszone: away.example
---
kind: vnet
id: vnet1
zone: simple
---
kind: vnet
id: vnet2
zone: simple
---
kind: vnet
id: vnet3
zone: plain
---
kind: subnet
id: 10.0.1.0/24
vnet: vnet1
gateway: 10.0.1.1
dnszoneprefix: web
---
kind: subnet
id: fd00:1::/64
vnet: vnet1
gateway: fd00:1::1
---
kind: subnet
id: 10.0.2.0/24
vnet: vnet2
---
kind: subnet
id: 10.0.3.0/24
vnet: vnet3
gateway: 10.0.3.1
`

// Guests and gateways are named in their zone's view, whose gateways the node has.
func TestNameServer(t *testing.T) {
	cfg, guests := &model.Config{}, map[string]*model.Guest{}
	load(t, namedZones, cfg, guests)
	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	bindings := []*model.Binding{
		{Zone: "simple", VNet: "vnet1", MAC: "BC:24:11:00:00:01", Name: "Web1", IPs: addrs("10.0.1.5", "fd00:1::5")},
		{Zone: "simple", VNet: "vnet2", MAC: "BC:24:11:00:00:02", Name: "db1.sub", IPs: addrs("10.0.2.5")},
		{Zone: "simple", VNet: "vnet2", MAC: "BC:24:11:00:00:03", Name: "db1.sub", IPs: addrs("10.0.2.4")},
		{Zone: "simple", VNet: "vnet2", MAC: "BC:24:11:00:00:04", Name: "no name", IPs: addrs("10.0.2.6")},
		{Zone: "simple", VNet: "vnet2", MAC: "BC:24:11:00:00:05", IPs: addrs("10.0.2.7")},
		{Zone: "plain", VNet: "vnet3", MAC: "BC:24:11:00:00:06", Name: "other", IPs: addrs("10.0.3.5")},
	}
	facts := &model.Facts{Node: "node1", Resolvers: addrs("192.0.2.53", "10.0.1.1")}
	const want = `{"views":[{"zone":"simple","domain":"lab.example","owner":"zone/simple",` +
		`"listen":[{"addr":"10.0.1.1:53","link":"vnet1"},{"addr":"[fd00:1::1]:53","link":"vnet1"}],` +
		`"networks":["10.0.1.0/24","10.0.2.0/24","fd00:1::/64"],"names":[` +
		`{"name":"db1.sub.lab.example","ips":["10.0.2.4","10.0.2.5"]},` +
		`{"name":"vnet1-gw.lab.example","ips":["fd00:1::1"]},{"name":"vnet1-gw.web.lab.example","ips":["10.0.1.1"]},` +
		`{"name":"web1.lab.example","ips":["fd00:1::5"]},{"name":"web1.web.lab.example","ips":["10.0.1.5"]}]}],` +
		`"forwarders":["192.0.2.53:53"]}`
	for range 5 {
		rand.Shuffle(len(bindings), func(i, j int) { bindings[i], bindings[j] = bindings[j], bindings[i] })
		doc := compile.Project(cfg, &model.Config{Guests: guests}, 1, "node1")
		doc.Bindings = bindings
		out, notes := compile.Node(doc, facts)
		got, err := json.Marshal(out.NameServer)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(want, "},"), strings.Split(string(got), "},")); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
		found := false
		for _, n := range notes {
			found = found || n.Object == "zone/simple" && strings.Contains(n.Message, `"no name"`)
		}
		if !found {
			t.Errorf("a name that is none is not told: %v", notes)
		}
	}
}

// Where a name server outside has the domain, or no gateway is on the node, there is
// no view.
func TestNoNameServer(t *testing.T) {
	cfg, guests := &model.Config{}, map[string]*model.Guest{}
	load(t, namedZones, cfg, guests)
	cfg.Zones["simple"].DNS = "pdns"
	if out, _ := compile.Node(compile.Project(cfg, &model.Config{Guests: guests}, 1, "node1"), &model.Facts{Node: "node1"}); out.NameServer != nil {
		t.Errorf("got %v", out.NameServer)
	}
	cfg.Zones["simple"].DNS = ""
	for _, s := range cfg.Subnets {
		s.Gateway = netip.Addr{}
	}
	out, notes := compile.Node(compile.Project(cfg, &model.Config{Guests: guests}, 1, "node1"), &model.Facts{Node: "node1"})
	if out.NameServer != nil || len(notes) != 1 || notes[0].Object != "zone/simple" || !strings.Contains(notes[0].Message, "set gateway") {
		t.Errorf("without gateways: %v, %v", out.NameServer, notes)
	}
	if out, _ := compile.Node(compile.Project(cfg, &model.Config{Guests: guests}, 1, "node2"), &model.Facts{Node: "node2"}); out.NameServer != nil {
		t.Errorf("got %v of a zone without subnets", out.NameServer)
	}
}
