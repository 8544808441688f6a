package compile_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// balancedBase is a sector on two nodes of two, with a guest on each and one that does not run.
const balancedBase = `
{kind: backplane, id: bp, type: vxlan, cidr: 10.200.0.0/16, vnet: bp, tag: 100, slices: 8, members: [{node: node1, address: 192.168.0.1, slice: 1}, {node: node2, address: 192.168.0.2, slice: 2}]}
---
{kind: zone, id: bp, type: vxlan, peers: [192.168.0.1, 192.168.0.2], anycast-gateway: true}
---
{kind: vnet, id: bp, zone: bp, tag: 100}
---
{kind: subnet, id: 10.200.0.0/16, vnet: bp, gateway: 10.200.0.1}
---
{kind: sector, id: shop, backplane: bp, vnet: olvn1001, address: 10.200.0.10, subnets: [172.16.0.0/24, 172.16.1.0/24]}
---
{kind: zone, id: olvn1001, type: vxlan, peers: [192.168.0.1, 192.168.0.2]}
---
{kind: vnet, id: olvn1001, zone: olvn1001, tag: 1001}
---
{kind: subnet, id: 172.16.0.0/24, vnet: olvn1001, gateway: 172.16.0.1}
---
{kind: subnet, id: 172.16.1.0/24, vnet: olvn1001, gateway: 172.16.1.1}
---
{kind: guest, id: 100, name: a, node: node1, nics: [{id: net1, vnet: olvn1001, mac: "BC:24:11:00:00:02", ips: [172.16.1.42]}, {id: net0, vnet: olvn1001, mac: "BC:24:11:00:00:01", ips: [172.16.0.42]}]}
---
{kind: guest, id: 101, name: b, node: node2, nics: [{id: net0, vnet: olvn1001, mac: "BC:24:11:00:00:03", ips: [172.16.0.43]}]}
---
{kind: guest, id: 102, name: c, nics: [{id: net0, vnet: olvn1001, mac: "BC:24:11:00:00:04", ips: [172.16.0.44]}]}
`

// balancedNode is what a node makes of the base and a load balancer, whose properties are YAML.
func balancedNode(t *testing.T, node, haproxy, properties string) (*desired.Node, []compile.Note) {
	t.Helper()
	cfg, live := &model.Config{}, &model.Config{}
	load(t, balancedBase+"---\n{kind: load-balancer, id: web, sector: shop, port: 80, "+properties+"}\n", cfg, live)
	doc := compile.Project(cfg, live, 1, node)
	doc.Bindings = bindingsOf(cfg, live)
	facts := effectsFacts(node, node[len(node)-1]-'0')
	facts.HAProxy = haproxy
	return compile.Node(doc, facts)
}

// Every node of the sector has the load balancer with all running guests, where its gateway is.
func TestLoadBalancer(t *testing.T) {
	server := func(name, addr string, weight int) desired.LoadBalancerServer {
		return desired.LoadBalancerServer{Name: name, Addr: netip.MustParseAddrPort(addr), Weight: weight}
	}
	base := func(change func(l *desired.LoadBalancer)) desired.LoadBalancer {
		l := desired.LoadBalancer{
			Name: "web", Owner: "load-balancer/web", Space: "olvn1001", Algorithm: "roundrobin", MaxConnections: 10000, IdleTimeout: 3600,
			Check:   &desired.HealthCheck{Interval: 2, Fall: 3, Rise: 2},
			Listen:  []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort("172.16.0.1:80")}, {Addr: netip.MustParseAddrPort("172.16.1.1:80")}},
			Servers: []desired.LoadBalancerServer{server("100/net0", "172.16.0.42:80", 100), server("101/net0", "172.16.0.43:80", 100)},
		}
		change(&l)
		return l
	}
	for properties, change := range map[string]func(l *desired.LoadBalancer){
		"pool: [100, 101, 102]": func(*desired.LoadBalancer) {},
		"pool: []":              func(l *desired.LoadBalancer) { l.Servers = nil },
		"target-port: 8080, pool: [{guest: 101, weight: 7}, {guest: 100, weight: 9, drain: true}]": func(l *desired.LoadBalancer) {
			l.Servers = []desired.LoadBalancerServer{server("100/net0", "172.16.0.42:8080", 0), server("101/net0", "172.16.0.43:8080", 7)}
		},
		"pool: [100, 101], mode: http, check: http, sticky: true, algorithm: leastconn": func(l *desired.LoadBalancer) {
			l.HTTP, l.Sticky, l.Algorithm = true, true, "leastconn"
			l.Check.Path, l.Check.Status = "/", "200-399"
		},
		"pool: [100, 101], check: http, check-path: /up, check-host: shop.example, check-status: \"204\", check-interval: 9": func(l *desired.LoadBalancer) {
			l.Check = &desired.HealthCheck{Interval: 9, Fall: 3, Rise: 2, Path: "/up", Host: "shop.example", Status: "204"}
		},
		"pool: [100, 101], check: none, accept-proxy: true, send-proxy: true, max-connections: 5, idle-timeout: 6": func(l *desired.LoadBalancer) {
			l.Check, l.AcceptProxy, l.SendProxy, l.MaxConnections, l.IdleTimeout = nil, true, true, 5, 6
		},
		"pool: [100, 101], when-unhealthy: fail-open":                      func(l *desired.LoadBalancer) { l.Panic = 1 },
		"pool: [100, 101], when-unhealthy: fail-open, panic-threshold: 50": func(l *desired.LoadBalancer) { l.Panic = 50 },
		"pool: [100, 101], mode: http, certificate: chain, key: key, redirect: 79": func(l *desired.LoadBalancer) {
			l.HTTP, l.Certificate = true, &desired.KeyPair{Chain: "chain", Key: "key"}
			l.Listen = []desired.LoadBalancerListener{
				{Addr: netip.MustParseAddrPort("172.16.0.1:79"), Redirect: true}, {Addr: netip.MustParseAddrPort("172.16.0.1:80")},
				{Addr: netip.MustParseAddrPort("172.16.1.1:79"), Redirect: true}, {Addr: netip.MustParseAddrPort("172.16.1.1:80")},
			}
		},
	} {
		for _, node := range []string{"node1", "node2"} {
			got, _ := balancedNode(t, node, "2.6.12", properties)
			if d := cmp.Diff([]desired.LoadBalancer{base(change)}, got.LoadBalancers, cmpopts.EquateComparable(netip.AddrPort{})); d != "" {
				t.Errorf("%s on %s (-want +got):\n%s", properties, node, d)
			}
		}
	}
}

// The gateway leads the sector's address to the load balancer, takes connections of its ports
// and no others, and has guests' answers handed over.
func TestLoadBalancerRules(t *testing.T) {
	n, _ := balancedNode(t, "node2", "2.6.12", "pool: [100]")
	var rules []string
	for _, c := range n.Spaces[0].Tables[0].Chains {
		for _, r := range c.Rules {
			rules = append(rules, c.Name+": "+r.Text)
		}
	}
	for _, want := range []string{
		"prerouting: ip daddr 10.200.0.10 tcp dport @balanced4 dnat ip to 172.16.0.1",
		"input: ip daddr { 172.16.0.1, 172.16.1.1 } tcp dport @balanced4 accept",
		`postrouting: oifname "node0" ip saddr { 172.16.0.1, 172.16.1.1 } meta l4proto tcp snat ip to 10.200.0.10:36864-40959`,
		`hand_over: iifname "eth0" ip daddr 10.200.0.10 meta l4proto tcp meta mark set th dport map { 32768-36863 : 0x76696101 } notrack accept`,
	} {
		if !slices.Contains(rules, want) {
			t.Errorf("no rule %s in\n%s", want, strings.Join(rules, "\n"))
		}
	}
}

// What keeps a load balancer from serving is said once, of the load balancer.
func TestLoadBalancerNotes(t *testing.T) {
	for _, c := range []struct{ node, haproxy, properties, want string }{
		{"node1", "2.6.12", "pool: [100, 101]", ""},
		{"node1", "2.6.12", "pool: [100, 102, 999]", "warning load-balancer/web does without the guests 102, 999 of its pool"},
		{"node2", "2.6.12", "pool: [100, 102, 999]", ""},
		{"node1", "2.6.12", "pool: [102]", "warning load-balancer/web has no guest that runs"},
		{"node1", "", "pool: [100]", "error load-balancer/web does not serve on node node1, which has no HAProxy"},
	} {
		n, notes := balancedNode(t, c.node, c.haproxy, c.properties)
		var got []string
		for _, note := range notes {
			if note.Object == "load-balancer/web" {
				got = append(got, fmt.Sprintf("%s %s %s", note.Level, note.Object, note.Message))
			}
		}
		if text := strings.Join(got, "; "); !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s %q %s: %s, want %s", c.node, c.haproxy, c.properties, text, c.want)
		}
		if has := len(n.LoadBalancers) > 0; has != (c.haproxy != "") {
			t.Errorf("%s %q %s: %v", c.node, c.haproxy, c.properties, n.LoadBalancers)
		}
	}
}
