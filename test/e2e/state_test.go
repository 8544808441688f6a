package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// standsAs waits until a node is in a state, and its problems say all of this.
func (c *cluster) standsAs(node string, state protocol.State, within time.Duration, says ...string) {
	c.t.Helper()
	c.eventually(within, func() error {
		st := c.status()
		var text strings.Builder
		for _, p := range st.Problems {
			if slices.Contains(p.Nodes, node) {
				fmt.Fprintf(&text, "%s %s: %s\n", p.State, p.Object, p.Message)
			}
		}
		for _, n := range st.Nodes {
			if n.Name == node && n.State != state {
				return fmt.Errorf("%s is %s, want %s:\n%s", node, n.State, state, &text)
			}
		}
		for _, s := range says {
			if !strings.Contains(text.String(), s) {
				return fmt.Errorf("of %s nothing says %q:\n%s", node, s, &text)
			}
		}
		return nil
	})
}

// TestAgentGone ends an agent: its node is suspect within seconds, at the server, in what
// the command line shows and in events, and is back with the agent. A restart of the
// server makes no node suspect.
func TestAgentGone(t *testing.T) {
	c := newCluster(t, 2)
	c.apply("kind: zone\nid: flat\ntype: simple\n---\nkind: vnet\nid: vnet1\nzone: flat\n")
	events := c.nodeEvents("node2")
	c.kill("node2")
	c.standsAs("node2", protocol.Unreachable, 10*time.Second, "suspect")
	c.demand(4, []string{"status", "--exit-code"}, "unreachable", "suspect", "node2: suspect: the connection of its agent ended")
	c.demand(0, []string{"describe", "node", "node2"}, "unreachable", "suspect")
	if n := c.node("node1"); n.State != protocol.Converged {
		t.Errorf("node1 is %s", n.State)
	}
	for e := range events { // of the apply before there may still be one
		if e.State == protocol.Unreachable {
			if !strings.Contains(e.Message, "suspect") {
				t.Errorf("the event says %+v", e)
			}
			break
		}
	}
	c.labRun("up")
	c.standsAs("node2", protocol.Converged, 10*time.Second)
	for e := range events {
		if e.State == protocol.Converged {
			break
		}
	}

	c.kill("server")
	c.labRun("up")
	for range 40 {
		for _, n := range c.status().Nodes {
			if n.State == protocol.Unreachable {
				t.Fatalf("%s is unreachable after a restart of the server", n.Name)
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// nodeEvents follows what events tell of nodes.
func (c *cluster) nodeEvents(names ...string) <-chan api.NodeEvent {
	c.t.Helper()
	cl, err := c.lab.Client()
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, ready := make(chan api.NodeEvent, 100), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for e, err := range cl.Events(ctx, "") {
			switch {
			case err != nil:
				return
			case e.Type == api.EventReady:
				close(ready)
			case e.Node != nil && slices.Contains(names, e.Node.Name):
				out <- *e.Node
			}
		}
	}()
	c.t.Cleanup(func() { cancel(); <-done })
	select {
	case <-ready:
	case <-done:
		c.t.Fatal("no events")
	}
	return out
}

const routedZone = `
kind: zone
id: routed
type: simple
ipam: pve
dnszone: lab.example
---
kind: vnet
id: vnet1
zone: routed
---
kind: subnet
id: 10.6.0.0/24
vnet: vnet1
gateway: 10.6.0.1
`

// TestForeignFilters puts filters of somebody else in guests' way: each is named, with what
// to do, and forgotten once that is done.
func TestForeignFilters(t *testing.T) {
	c := newCluster(t, 1)
	c.apply(routedZone)
	c.standsAs("node1", protocol.Converged, 10*time.Second)

	// What Docker makes of iptables.
	c.nft("node1", `
table ip filter {
	chain DOCKER-USER {
		counter return
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter jump DOCKER-USER
		oifname "docker0" ct state related,established counter accept
		iifname "docker0" oifname != "docker0" counter accept
	}
}
`)
	c.standsAs("node1", protocol.Warning, 15*time.Second, "zone/routed: chain FORWARD of table ip filter", "guests of vnet1", "iptables -I DOCKER-USER -i vnet1 -j ACCEPT")
	c.demand(0, []string{"status", "--exit-code"}, "1 warning", "node1: warning: zone/routed: chain FORWARD of table ip filter")
	// As told, in nft's words.
	c.nft("node1", "insert rule ip filter DOCKER-USER iifname vnet1 accept\ninsert rule ip filter DOCKER-USER oifname vnet1 accept\n")
	c.standsAs("node1", protocol.Converged, 15*time.Second)
	c.nft("node1", "delete table ip filter\ntable inet mine {\n chain forward {\n type filter hook forward priority 10; policy accept;\n ct state vmap { established : accept, related : accept, invalid : drop }\n counter drop\n }\n}\n")
	c.standsAs("node1", protocol.Warning, 15*time.Second, "chain forward of table inet mine", "nft insert rule inet mine forward iifname vnet1 accept")
	c.nft("node1", "delete table inet mine\n")
	c.standsAs("node1", protocol.Converged, 15*time.Second)
}

// nft changes the filters of a node.
func (c *cluster) nft(node, rules string) {
	c.t.Helper()
	c.in(node, "nft", "-f", c.file("rules.nft", rules))
}

// TestPortOfTheNameServerTaken has another dnsmasq at port 53 before the name server.
func TestPortOfTheNameServerTaken(t *testing.T) {
	c := newCluster(t, 1)
	pidFile := c.t.TempDir() + "/pid"
	c.in("node1", "dnsmasq", "--no-resolv", "--conf-file=/dev/null", "--user=root", "--pid-file="+pidFile)
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	path := c.file("net.yaml", routedZone)
	c.demand(4, []string{"apply", "-f", path}, "zone/routed", fmt.Sprintf("port 53 of this node is already in use by dnsmasq (process %d", pid))
	c.standsAs("node1", protocol.Degraded, 10*time.Second, fmt.Sprintf("dnsmasq (process %d", pid))
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.standsAs("node1", protocol.Converged, 60*time.Second)
}

// TestNeighboursGone ends the router of one node, and later its network: the other node
// names it, after the node itself, which is the cause.
func TestNeighboursGone(t *testing.T) {
	c := newCluster(t, 3)
	var b strings.Builder
	for i := 1; i <= 3; i++ {
		fmt.Fprintf(&b, "kind: controller\nid: bgpnode%d\ntype: bgp\nnode: node%d\nasn: 65000\npeers:\n", i, i)
		for k := 1; k <= 3; k++ {
			if k != i {
				fmt.Fprintf(&b, "  - 192.168.0.%d\n", k)
			}
		}
		b.WriteString("---\n")
	}
	b.WriteString("kind: zone\nid: flat\ntype: vxlan\npeers: [192.168.0.1, 192.168.0.2, 192.168.0.3]\n---\nkind: vnet\nid: vnet1\nzone: flat\ntag: 100\n")
	c.apply(b.String())
	for _, n := range []string{"node1", "node2", "node3"} {
		c.eventually(60*time.Second, func() error {
			out, err := c.vtysh(n, "show bgp summary json")
			if err == nil && strings.Count(out, "Established") != 2 {
				err = errors.New("not all stand")
			}
			if err != nil {
				return fmt.Errorf("sessions of %s: %w\n%s", n, err, out)
			}
			return nil
		})
		c.standsAs(n, protocol.Converged, 30*time.Second)
	}

	c.kill("node3")
	c.killFRR("node3", "bgpd")
	c.standsAs("node1", protocol.Warning, 60*time.Second, "controller/bgpnode1: has no BGP session with neighbour 192.168.0.3 (node3) (FRR: ")
	c.standsAs("node2", protocol.Warning, 60*time.Second, "192.168.0.3 (node3)")
	if all := c.status().Problems; len(all) < 3 || all[0].State != protocol.Unreachable || all[0].Nodes[0] != "node3" {
		t.Errorf("the node that is gone is not the first cause: %+v", all)
	}
	c.labRun("up")
	for _, n := range []string{"node1", "node2", "node3"} {
		c.standsAs(n, protocol.Converged, 90*time.Second)
	}

	// The sessions end, and the tunnels' other end does not answer: once for both nodes.
	c.in("node3", "ip", "link", "set", "eth0", "down")
	c.standsAs("node3", protocol.Unreachable, 30*time.Second)
	c.standsAs("node1", protocol.Warning, 90*time.Second, "zone/flat: does not reach the VTEP 192.168.0.3 (node3): nothing answers at its address")
	c.eventually(60*time.Second, func() error {
		for _, p := range c.status().Problems {
			if p.Object == "zone/flat" && slices.Equal(p.Nodes, []string{"node1", "node2"}) {
				return nil
			}
		}
		return fmt.Errorf("the problem of node1 and node2 is not one: %+v", c.status().Problems)
	})
	c.demand(4, []string{"status", "--exit-code"}, "node1, node2: warning: zone/flat: does not reach the VTEP 192.168.0.3 (node3)")
	c.in("node3", "ip", "link", "set", "eth0", "up")
	c.standsAs("node3", protocol.Converged, 90*time.Second)
	c.standsAs("node1", protocol.Converged, 90*time.Second)
}
