package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/health"
	"golang.org/x/sys/unix"
)

// Each fabric protocol makes the underlay of an EVPN zone and of a VXLAN zone: three
// nodes in a ring of cables, whose links carry no addresses of their own.

// TestVMFabricOpenFabric has both families, then IPv6 alone.
func TestVMFabricOpenFabric(t *testing.T) {
	needsVM(t)
	f := newFabric(t, fabric{protocol: "openfabric", options: "hello-interval: 1", link: ", hello-multiplier: 3", daemon: "fabricd", four: true, six: true})
	f.carriesBoth()
	if testing.Short() {
		return
	}
	f.ringLinkDies(10 * time.Second)
	f.ringLinkDiesSilently(10 * time.Second)
	f.agentRestarts()
	f.routingSuiteDies()
	f.sixOnly()
}

// TestVMFabricOSPF is IPv4, as OSPF version 2 is.
func TestVMFabricOSPF(t *testing.T) {
	needsVM(t)
	f := newFabric(t, fabric{protocol: "ospf", options: "area: 0.0.0.0", daemon: "ospfd", four: true})
	f.carriesBoth()
	if testing.Short() {
		return
	}
	f.ringLinkDies(10 * time.Second)
	f.agentRestarts()
	f.routingSuiteDies()
}

// TestVMFabricBGP has sessions over the cables' link-local addresses, watched by
// BFD.
func TestVMFabricBGP(t *testing.T) {
	needsVM(t)
	f := newFabric(t, fabric{protocol: "bgp", options: "bfd: true", daemon: "bgpd", four: true, six: true})
	f.carriesBoth()
	if testing.Short() {
		return
	}
	f.ringLinkDies(2 * time.Second)
	f.ringLinkDiesSilently(5 * time.Second) // BFD takes 0.9, what follows is an emulated processor's time
	f.agentRestarts()
	f.routingSuiteDies()
	f.sixOnly()
}

// fabric is a lab with a ring, and the fabric that is declared over it.
type fabric struct {
	*cluster
	protocol, options string
	link              string // options of every link
	daemon            string // that speaks the protocol
	four, six         bool
}

const ring = `
nodes: [{name: node1}, {name: node2}, {name: node3}]
links:
- [node1.eth1, node2.eth2]
- [node2.eth1, node3.eth2]
- [node3.eth1, node1.eth2]
`

// newFabric starts the lab and applies the fabric, the zones and a guest of each
// zone on every node.
func newFabric(t *testing.T, f fabric) *fabric {
	f.cluster = specifiedCluster(t, ring)
	t.Cleanup(f.dumpNodes)
	f.apply(f.manifest()+zonesOverFabric+guestsOverFabric(), "--no-wait")
	f.converged(5 * time.Minute) // to start FRR takes an emulated processor long
	f.labRun("guest", "start", "--all")
	return &f
}

// manifest is the fabric.
func (f *fabric) manifest() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kind: fabric\nid: ring\nprotocol: %s\n%s\n", f.protocol, f.options)
	if f.four {
		b.WriteString("ip-prefix: 10.10.10.0/24\n")
	}
	if f.six {
		b.WriteString("ip6-prefix: fd00:10::/64\n")
	}
	for n := 1; n <= 3; n++ {
		fmt.Fprintf(&b, "---\nkind: fabric-node\nfabric: ring\nnode: node%d\n", n)
		if f.four {
			fmt.Fprintf(&b, "ip: 10.10.10.%d\n", n)
		}
		if f.six {
			fmt.Fprintf(&b, "ip6: fd00:10::%d\n", n)
		}
		if f.protocol == "bgp" {
			fmt.Fprintf(&b, "asn: %d\n", 65100+n)
		}
		fmt.Fprintf(&b, "interfaces: [{name: eth1%s}, {name: eth2%s}]\n", f.link, f.link)
	}
	return b.String()
}

const zonesOverFabric = `---
kind: controller
id: ctl
type: evpn
asn: 65000
fabric: ring
---
kind: zone
id: routed
type: evpn
controller: ctl
vrf-vxlan: 10000
---
kind: vnet
id: vone
zone: routed
tag: 11001
---
kind: subnet
id: 10.1.1.0/24
vnet: vone
gateway: 10.1.1.1
---
kind: vnet
id: vtwo
zone: routed
tag: 11002
---
kind: subnet
id: 10.1.2.0/24
vnet: vtwo
gateway: 10.1.2.1
---
kind: zone
id: flat
type: vxlan
fabric: ring
---
kind: vnet
id: vflat
zone: flat
tag: 12000
`

// guestsOverFabric are e1, e2 and e3 in the EVPN zone, the last in another network,
// and x1, x2 and x3 in the VXLAN zone.
func guestsOverFabric() string {
	var b strings.Builder
	for n := 1; n <= 3; n++ {
		vnet := max(1, n-1)
		fmt.Fprintf(&b, "---\nkind: guest\nid: %d\nname: e%d\nnode: node%d\nnics: [{id: net0, vnet: %s, ips: [10.1.%d.1%d]}]\n",
			100+n, n, n, [...]string{"", "vone", "vtwo"}[vnet], vnet, n)
		fmt.Fprintf(&b, "---\nkind: guest\nid: %d\nname: x%d\nnode: node%d\nnics: [{id: net0, vnet: vflat, ips: [10.2.0.%d]}]\n", 200+n, n, n, n)
	}
	return b.String()
}

// carriesBoth pings between guests on all nodes.
func (f *fabric) carriesBoth() {
	f.t.Helper()
	for _, family := range []struct {
		on     bool
		prefix string
	}{{f.four, "10.10.10."}, {f.six, "fd00:10::"}} {
		for n := 1; n <= 3 && family.on; n++ {
			f.reaches("node1", fmt.Sprint(family.prefix, n), 60*time.Second)
			f.reaches(fmt.Sprint("node", n), family.prefix+"1", 60*time.Second)
		}
	}
	f.proved("%s: every node reaches the fabric's addresses of the others", f.protocol)
	f.flat()
	for _, n := range f.lab.Spec.Nodes {
		f.eventually(90*time.Second, func() error { return f.established(n.Name, 2) })
	}
	f.reaches("e1", "10.1.1.12", 60*time.Second)
	f.reaches("e1", "10.1.2.13", 60*time.Second)
	f.reaches("e2", "10.1.2.13", 60*time.Second)
	f.reaches("e3", "10.1.1.11", 60*time.Second)
	if mtu := f.links("node1")["vone"].MTU; mtu != 1450 {
		f.t.Errorf("vone has MTU %d, want 1450", mtu)
	}
	f.answers("e1", "10.1.2.13", "-M", "do", "-s", "1422")
	f.proved("an EVPN zone over it: guests on three nodes reach each other within and between VNets, with packets of 1450 bytes")
	f.stands()
}

// flat pings in the VXLAN zone.
func (f *fabric) flat() {
	f.t.Helper()
	for _, pair := range [][2]string{{"x1", "10.2.0.2"}, {"x2", "10.2.0.3"}, {"x3", "10.2.0.1"}} {
		f.reaches(pair[0], pair[1], 60*time.Second)
	}
	f.proved("a VXLAN zone over it: guests on three nodes reach each other")
}

// ringLinkDies takes away the cable between node1 and node2, which then reach
// each other through node3, and puts it back.
func (f *fabric) ringLinkDies(within time.Duration) {
	f.t.Helper()
	f.onTheCable()
	p := f.pings("e1", "10.1.1.12")
	f.in("node1", "ip", "link", "set", "eth1", "down")
	p.goOn(f.cluster, 100)
	down := p.ends()
	f.costs("cut-ring-link-"+f.protocol, down, within, "the cable between node1 and node2 is cut, and node3 leads from one to the other")
	p = f.pings("e1", "10.1.1.12")
	f.in("node1", "ip", "link", "set", "eth1", "up")
	f.onTheCable()
	p.goOn(f.cluster, 20)
	up := p.ends()
	f.proved("it is back: the cable is used again, gap %s (%d of %d packets lost)", up.longest, up.lost, up.sent)
	if up.longest > within {
		f.t.Errorf("the gap of %s is longer than %s", up.longest, within)
	}
	f.stands()
}

// ringLinkDiesSilently keeps all frames off the same cable, whose ends stay up. A
// filter of what comes in would not do: routing daemons see packets before it.
func (f *fabric) ringLinkDiesSilently(within time.Duration) {
	f.t.Helper()
	f.onTheCable()
	p := f.pings("e1", "10.1.1.12")
	for node, device := range map[string]string{"node1": "eth1", "node2": "eth2"} {
		f.in(node, "nft", "table netdev cut { chain out { type filter hook egress device "+device+" priority 0; policy drop; }; }")
	}
	p.goOn(f.cluster, 100)
	g := p.ends()
	for _, node := range []string{"node1", "node2"} {
		f.in(node, "nft", "delete table netdev cut")
	}
	f.costs("silent-ring-link-"+f.protocol, g, within, "the cable loses everything and tells nobody")
	f.onTheCable()
}

// onTheCable waits until node1 and node2 reach each other directly, and their
// EVPN session stands.
func (f *fabric) onTheCable() {
	f.t.Helper()
	for _, end := range []struct{ node, addr, device string }{{"node1", "10.10.10.2", "eth1"}, {"node2", "10.10.10.1", "eth2"}} {
		f.eventually(90*time.Second, func() error {
			if out := f.in(end.node, "ip", "route", "get", end.addr); !strings.Contains(out, "dev "+end.device+" ") {
				return fmt.Errorf("%s does not reach %s over the cable: %s", end.node, end.addr, out)
			}
			return nil
		})
		f.eventually(90*time.Second, func() error { return f.established(end.node, 2) })
	}
	f.reaches("e1", "10.1.1.12", 60*time.Second)
}

// agentRestarts ends the agent of node1 and starts it again.
func (f *fabric) agentRestarts() {
	f.t.Helper()
	within, between := f.pings("x1", "10.2.0.2"), f.pings("e1", "10.1.2.13")
	f.kill("node1")
	f.labRun("up")
	f.alive("node1")
	f.stands()
	for _, p := range []*pinging{within, between} {
		p.goOn(f.cluster, 20)
		if g := p.ends(); g.lost != 0 {
			f.t.Errorf("%s: %d of %d packets lost", p.what, g.lost, g.sent)
		}
	}
	f.proved("the agent of node1 is killed and restarted: no packet is lost, in either zone")
}

// routingSuiteDies ends FRR on node3, first while there is no agent to start it
// again.
func (f *fabric) routingSuiteDies() {
	f.t.Helper()
	flat, routed, p := f.pings("x3", "10.2.0.1"), f.pings("e1", "10.1.1.12"), f.pings("x3", "10.2.0.1")
	f.kill("node3")
	for _, daemon := range []string{"zebra", "bgpd", f.daemon} {
		f.killFRR("node3", daemon)
	}
	// The other end of a BGP session knows at once that it is over, and lets go of
	// what it learned by it.
	if f.daemon != "bgpd" {
		p.goOn(f.cluster, 100)
		g := p.ends()
		if g.lost != 0 {
			f.t.Errorf("%d of %d packets lost without FRR", g.lost, g.sent)
		}
		f.proved("FRR of node3 is killed: node3 goes on forwarding in the VXLAN zone (%d of %d packets lost, gap %s)", g.lost, g.sent, g.longest)
	}
	f.labRun("up")
	f.eventually(90*time.Second, func() error { return f.established("node3", 2) })
	f.reaches("e3", "10.1.1.11", 60*time.Second)
	f.stands()
	flat.goOn(f.cluster, 20)
	routed.goOn(f.cluster, 20)
	g, other := flat.ends(), routed.ends()
	f.proved("FRR dies, and its agent starts it again: gap %s (%d of %d packets lost), between the other nodes %s (%d of %d)",
		g.longest, g.lost, g.sent, other.longest, other.lost, other.sent)
}

// converged waits until every node is done with the running revision.
func (c *cluster) converged(within time.Duration) {
	c.t.Helper()
	c.eventually(within, func() error {
		for _, n := range c.status().Nodes {
			if !health.InPlace(n.State) {
				return fmt.Errorf("node %s is %s: %+v", n.Name, n.State, n.Report)
			}
		}
		return nil
	})
}

// killFRR ends a daemon of a node's FRR as a crash would.
func (c *cluster) killFRR(node, daemon string) {
	c.t.Helper()
	path := filepath.Join("/run/frr", c.lab.FRRPathspace(node), daemon+".pid")
	b, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH { //nolint:errorlint // an errno
		c.t.Fatal(err)
	}
}

// sixOnly takes IPv4 away from the fabric. Its nodes' FRR makes no EVPN tunnels
// over IPv6 yet, and the zone says so; the VXLAN zone goes on.
func (f *fabric) sixOnly() {
	f.t.Helper()
	f.four = false
	f.apply(f.manifest(), "--no-wait")
	f.eventually(60*time.Second, func() error {
		var routes []struct{ Dst string }
		if err := json.Unmarshal([]byte(f.in("node1", "bridge", "-json", "fdb", "show", "dev", "vxlan_vflat")), &routes); err != nil {
			return err
		}
		for _, r := range routes {
			if r.Dst == "fd00:10::2" {
				return nil
			}
		}
		return fmt.Errorf("node1 floods to %v", routes)
	})
	f.flat()
	if mtu := f.links("node1")["vflat"].MTU; mtu != 1430 {
		f.t.Errorf("vflat has MTU %d, want 1430", mtu)
	}
	f.proved("with IPv6 alone the VXLAN zone's tunnels move to it, and its MTU is 1430")
	f.eventually(3*time.Minute, func() error {
		if told := f.try("status").out; !strings.Contains(told, "IPv6 needs FRR 10.6") {
			return fmt.Errorf("that FRR makes no EVPN tunnels over IPv6 is not told:\n%s", told)
		}
		return nil
	})
	f.proved("that no EVPN tunnel runs over IPv6 with this FRR is told on the controller")
}
