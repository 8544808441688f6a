package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// reachNetworks are two zones of each node's own and an overlay.
const reachNetworks = `
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
{kind: zone, id: two, type: simple}
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
{kind: guest, id: 101, name: r1, node: node1, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:01", ips: [10.1.0.11]}]}
---
{kind: guest, id: 102, name: r2, node: node1, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:02", ips: [10.1.0.12]}]}
---
{kind: guest, id: 103, name: far, node: node2, nics: [{id: net0, vnet: red, mac: "BC:24:11:00:00:03", ips: [10.1.0.13]}]}
---
{kind: guest, id: 104, name: g1, node: node1, nics: [{id: net0, vnet: green, mac: "BC:24:11:00:00:04", ips: [10.2.0.11]}]}
---
{kind: guest, id: 105, name: b1, node: node1, nics: [{id: net0, vnet: blue, mac: "BC:24:11:00:00:05", ips: [10.3.0.11]}]}
---
{kind: guest, id: 106, name: w1, node: node1, nics: [{id: net0, vnet: wide, mac: "BC:24:11:00:00:06", ips: [10.4.0.11]}]}
---
{kind: guest, id: 107, name: w2, node: node2, nics: [{id: net0, vnet: wide, mac: "BC:24:11:00:00:07", ips: [10.4.0.12]}]}
`

const reachRules = `
{kind: firewall, id: datacenter, enable: true}
---
kind: firewall
id: wide
enable: true
ip-filter: true
mac-filter: true
policy-forward: DROP
rules:
  - {type: forward, action: ACCEPT, macro: Ping, source: 10.4.0.11}
---
kind: firewall
id: green
enable: true
rules:
  - {type: forward, action: DROP, macro: Ping, source: +sdn/red-all, log: info, comment: no pings}
  - {type: forward, action: REJECT, proto: tcp, dport: "2222", source: +sdn/red-all}
`

// listening is a port on which guests accept connections.
const listening = 2222

// TestReach compares the computed paths of all pairs of guests, and to their gateways, with
// pings that the guests send: with and without rules.
func TestReach(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(reachNetworks)
	c.labRun("guest", "start", "--all")
	addresses := map[string]string{"r1": "10.1.0.11", "r2": "10.1.0.12", "far": "10.1.0.13", "g1": "10.2.0.11", "b1": "10.3.0.11", "w1": "10.4.0.11", "w2": "10.4.0.12", "red": "10.1.0.1", "green": "10.2.0.1", "blue": "10.3.0.1"}
	c.answers("w1", "10.4.0.12")
	compare := func(when string) {
		for _, from := range []string{"r1", "far", "g1", "b1", "w1", "w2"} {
			for to, address := range addresses {
				if from == to {
					continue
				}
				answer, err := c.client.Reach(t.Context(), api.ReachRequest{From: from, To: address})
				if err != nil {
					t.Fatal(err)
				}
				ping := c.exec(from, "ping", "-c1", "-W1", address)
				if ping.code != 0 && answer.Verdict == api.ReachPass { // the first packet may be lost while neighbours are found
					ping = c.exec(from, "ping", "-c3", "-i0.2", "-W1", address)
				}
				arrives := ping.code == 0
				// An address that some other node has too is not known to be the other guest's.
				if (answer.Verdict == api.ReachPass) != arrives && answer.Verdict != api.ReachUnknown {
					t.Errorf("%s: %s to %s (%s): computed %s, and the ping arrives: %v\n%s\n%s", when, from, to, address, answer.Verdict, arrives, reachSteps(answer), ping.out)
				}
				if answer.Verdict == api.ReachUnknown && arrives {
					t.Errorf("%s: %s to %s (%s) is unknown, and the ping arrives\n%s", when, from, to, address, reachSteps(answer))
				}
			}
		}
	}
	c.status()
	stop := c.listen([]string{"r1", "r2", "far", "g1", "b1", "w1", "w2"})
	defer stop()
	connect := func(when string) {
		for _, from := range []string{"r1", "far", "g1", "b1", "w1", "w2"} {
			for to, address := range addresses {
				if from == to || slices.Contains([]string{"red", "green", "blue"}, to) { // gateways listen to nothing
					continue
				}
				answer, err := c.client.Reach(t.Context(), api.ReachRequest{From: from, To: address, Protocol: "tcp", Port: listening})
				if err != nil {
					t.Fatal(err)
				}
				err = c.connects(from, address)
				if (answer.Verdict == api.ReachPass) != (err == nil) && answer.Verdict != api.ReachUnknown || answer.Verdict == api.ReachUnknown && err == nil {
					t.Errorf("%s: TCP from %s to %s (%s): computed %s, and the connection: %v\n%s", when, from, to, address, answer.Verdict, err, reachSteps(answer))
				}
			}
		}
	}
	compare("without rules")
	connect("without rules")
	c.apply(reachRules)
	c.stands()
	compare("with rules")
	connect("with rules")
	c.demand(4, []string{"reach", "r1", "g1"}, "vnet green rule 0 drops it", "firewall/green rules[0]", "last changed", "by root@local")
	if features := c.node("node1").Report.Facts.Features; features[model.FeatureNFTBridge] && features[model.FeatureNFTBridgeState] {
		c.demand(0, []string{"reach", "w1", "w2"}, "vnet wide rule 0 accepts it")
		c.demand(4, []string{"reach", "w1", "w2", "--port", "22"}, "vnet wide policy drops it")
	} else { // the pings have shown that nothing filters them
		c.demand(0, []string{"reach", "w2", "w1"}, "is not in force on the node")
	}
	if c.node("node1").Report.Facts.Features[model.FeatureNFTLog] {
		c.in("r1", "sh", "-c", "ping -c1 -W1 10.2.0.11 || true")
		c.eventually(patience, func() error {
			if out := c.run("firewall", "log", "green", "--node", "node1"); !strings.Contains(out, "DROP") || !strings.Contains(out, "icmp 10.1.0.11 -> 10.2.0.11") || !strings.Contains(out, "vnet green rule 0 \"no pings\"") || !strings.Contains(out, "by root@local") {
				return fmt.Errorf("the log of the firewall:\n%s", out)
			}
			return nil
		})
	} else {
		t.Log("the kernel cannot log to programs: the log of firewalls is not compared")
	}
	c.demand(1, []string{"reach", "nobody", "w2"}, "nobody")
}

// listen makes guests accept connections until the returned function is called.
func (c *cluster) listen(guests []string) (stop func()) {
	c.t.Helper()
	var all []net.Listener
	for _, guest := range guests {
		err := c.inside(guest, func() error {
			l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", listening))
			if err == nil {
				all = append(all, l)
			}
			return err
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	for _, l := range all {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_ = conn.Close()
			}
		}()
	}
	return func() {
		for _, l := range all {
			_ = l.Close()
		}
	}
}

// connects opens a TCP connection from a guest to an address, and returns why it cannot.
func (c *cluster) connects(guest, address string) error {
	return c.inside(guest, func() error {
		conn, err := net.DialTimeout("tcp4", fmt.Sprintf("%s:%d", address, listening), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

func reachSteps(a *api.ReachAnswer) string {
	var out []string
	for _, s := range a.Steps {
		out = append(out, fmt.Sprintf("  %s %s: %s", s.Verdict, s.Node, s.Text))
	}
	if a.Reply != nil {
		for _, s := range a.Reply.Steps {
			out = append(out, fmt.Sprintf("  reply: %s %s: %s", s.Verdict, s.Node, s.Text))
		}
	}
	return strings.Join(out, "\n")
}
