package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Every node is the gateway of its guests, with one address and one MAC address, and of no
// others: it routes between the networks of the zone and to the outside.
func TestExampleAnycast(t *testing.T) {
	c := newCluster(t, 3)
	c.example("anycast")
	for _, gw := range []string{"10.20.1.1", "fd00:20:1::1"} {
		c.answeredBy("web1", gw, "node1", "node2")
		c.answeredBy("web2", gw, "node2", "node1")
	}
	if a, b := c.neighbour("web1", "10.20.1.1"), c.neighbour("web2", "10.20.1.1"); a != b || !strings.HasPrefix(a, "bc:24:11:") {
		t.Errorf("the gateway has MAC address %q for web1 and %q for web2", a, b)
	}
	for _, to := range []string{"10.20.2.101", "10.20.2.102", "fd00:20:2::101", "fd00:20:2::102", "10.20.1.102", "fd00:20:1::102"} {
		c.answers("web1", to)
	}
	c.answers("db2", "10.20.1.101")
	c.answers("web1", "10.20.2.102", "-M", "do", "-s", "1422")
	for _, guest := range []string{"web1", "web2"} {
		c.answers(guest, "198.51.100.1")
		c.answers(guest, "2001:db8:ffff::1")
	}
	c.silent("db1", "198.51.100.1")
	c.answers("node2", "10.20.2.102") // the node itself
	c.stands()
}

// A gateway that fails is that of its own node's guests only; the gateways of the others and
// their MAC address stay where they are, also when a guest moves or claims to be the gateway.
func TestAnycastFaults(t *testing.T) {
	c := newCluster(t, 3)
	c.example("anycast")
	c.claimsGateway()
	c.routesElsewhere()
	moved := c.fdbChanges("node2", func() {
		sent, lost := c.lossWhile("web2", "10.20.1.1", func() {
			sent, lost := c.lossWhile("web2", "10.20.2.102", func() {
				c.answers("web1", "10.20.2.102")
				c.kill("node1") // or its agent would repair the gateway
				c.in("node1", "ip", "link", "set", "gw_web", "down")
				c.silent("web1", "10.20.1.1")
				c.in("node1", "ip", "link", "set", "eth0", "down")
				c.answers("web2", "10.20.1.1")
			})
			if lost > 1 { // the last one may still be on its way
				t.Errorf("%d of %d pings from web2 to db2 were lost while node1 failed", lost, sent)
			}
		})
		if lost > 1 {
			t.Errorf("%d of %d pings from web2 to its gateway were lost while node1 failed", lost, sent)
		}
	})
	if mac := c.neighbour("web2", "10.20.1.1"); strings.Contains(moved, mac) {
		t.Errorf("the gateway's MAC address %s moved on node2:\n%s", mac, moved)
	}
	c.in("node1", "ip", "link", "set", "eth0", "up")
	c.in("node1", "ip", "route", "replace", "default", "via", "192.168.0.254")
	c.labRun("up")
	c.stands()
	c.answers("web1", "10.20.1.1")

	c.labRun("guest", "move", "web1", "node3")
	c.answers("web1", "10.20.1.1")
	c.answers("web1", "10.20.2.102")
	c.answers("web2", "10.20.1.101")
	c.answers("web1", "198.51.100.1")
	c.stands()
}

// claimsGateway has web1 say that it is the gateway, by ARP and by neighbour discovery, and
// send from its MAC address: the guests of other nodes hear nothing of it.
func (c *cluster) claimsGateway() {
	c.t.Helper()
	c.answers("web2", "10.20.1.1")
	c.answers("web2", "fd00:20:1::1")
	mac := c.neighbour("web2", "10.20.1.1")
	moved := c.fdbChanges("node2", func() {
		c.in("web1", "ip", "addr", "add", "10.20.1.1/24", "dev", "eth0")
		c.in("web1", "ip", "addr", "add", "fd00:20:1::1/64", "dev", "eth0", "nodad")
		c.in("web1", "sysctl", "-qw", "net.ipv4.conf.eth0.arp_notify=1", "net.ipv6.conf.eth0.ndisc_notify=1")
		own := strings.TrimSpace(c.in("web1", "cat", "/sys/class/net/eth0/address"))
		for _, addr := range []string{mac, own} { // each is announced
			c.in("web1", "ip", "link", "set", "eth0", "down")
			c.in("web1", "ip", "link", "set", "eth0", "address", addr)
			c.in("web1", "ip", "link", "set", "eth0", "up")
			c.exec("web1", "ping", "-c", "2", "-i", "0.2", "-W", "1", "-I", "10.20.1.1", "10.20.1.102")
			c.answers("web2", "10.20.2.102")
		}
		c.in("web1", "ip", "addr", "del", "10.20.1.1/24", "dev", "eth0")
		c.in("web1", "ip", "addr", "replace", "10.20.1.101/24", "dev", "eth0")
		c.in("web1", "ip", "route", "replace", "default", "via", "10.20.1.1")
		c.exec("web1", "ip", "addr", "del", "fd00:20:1::1/64", "dev", "eth0")
		c.exec("web1", "ip", "addr", "replace", "fd00:20:1::101/64", "dev", "eth0", "nodad")
		c.exec("web1", "ip", "route", "replace", "default", "via", "fd00:20:1::1")
	})
	if strings.Contains(moved, mac) {
		c.t.Errorf("the gateway's MAC address %s moved on node2:\n%s", mac, moved)
	}
	for _, gw := range []string{"10.20.1.1", "fd00:20:1::1"} {
		if got := c.neighbour("web2", gw); got != mac {
			c.t.Errorf("web2 has MAC address %s for %s after web1 claimed to be it, want %s", got, gw, mac)
		}
		c.answeredBy("web2", gw, "node2", "node1")
	}
	c.answers("web1", "10.20.1.1")
	c.answers("web1", "10.20.2.102")
}

// routesElsewhere demands that guests find addresses of their network that their own node
// routes elsewhere, here to a namespace, by the gateway (proxy ARP).
func (c *cluster) routesElsewhere() {
	c.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(c.in("node1", "sh", "-c", `unshare -n sleep 100 >/dev/null 2>&1 & echo $!`)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
	c.in("node1", "sh", "-ce", fmt.Sprintf(`
until [ "$(readlink /proc/%[1]d/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add leg type veth peer name leg0
ip link set leg0 netns %[1]d
ip link set leg up
ip addr add 169.254.9.1/32 dev leg
ip route add 10.20.2.200/32 dev leg
nsenter -t %[1]d -n sh -ce 'ip link set leg0 up; ip addr add 10.20.2.200/32 dev leg0; ip route add 169.254.9.1 dev leg0; ip route add default via 169.254.9.1'`, pid))
	c.answers("db1", "10.20.2.200")
	if got, want := c.neighbour("db1", "10.20.2.200"), c.neighbour("web2", "10.20.1.1"); got != want {
		c.t.Errorf("db1 has MAC address %q for an address that node1 routes elsewhere, want the gateway's, %s", got, want)
	}
	c.silent("db2", "10.20.2.200") // node2 does not route it
	c.silent("db1", "10.20.2.77")  // nobody has it
	if got := c.neighbour("db1", "10.20.2.77"); got != "" {
		c.t.Errorf("%s answers ARP for 10.20.2.77, which nobody has", got)
	}
}

// fdbChanges are the changes of the MAC tables of a node's bridges while f runs.
func (c *cluster) fdbChanges(node string, f func()) string {
	c.t.Helper()
	cmd := exec.Command(binary, c.labArgs([]string{"exec", node, "--", "bridge", "monitor", "fdb"})...)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	out := lockedBuffer{b: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	heard := func(mac string) { // it listens, and has told all that was before
		c.eventually(10*time.Second, func() error {
			c.exec(node, "bridge", "fdb", "replace", mac, "dev", "gwp_db", "master", "static")
			c.exec(node, "bridge", "fdb", "del", mac, "dev", "gwp_db", "master")
			if !strings.Contains(out.String(), mac) {
				return fmt.Errorf("bridge monitor told nothing: %s", out.String())
			}
			return nil
		})
	}
	heard("02:00:00:00:00:98")
	f()
	heard("02:00:00:00:00:99")
	_ = unix.Kill(cmd.Process.Pid, unix.SIGINT)
	_ = cmd.Wait()
	return out.String()
}

// The datacenter's rules hold between networks of the zone, on one node and between two.
func TestAnycastFirewall(t *testing.T) {
	c := newCluster(t, 2)
	c.example("anycast")
	near, far, closed := c.listens("db1"), c.listens("db2"), c.listens("db2")
	c.answers("web1", "fd00:20:2::102") // duplicate address detection is over
	c.apply(fmt.Sprintf("kind: firewall\nid: datacenter\nenable: true\npolicy-forward: DROP\nrules: [{type: forward, action: ACCEPT, proto: tcp, dport: %d}, {type: forward, action: ACCEPT, proto: tcp, dport: %d}]\n", near, far))
	c.becomes(false, "web1", "10.20.2.102") // nodes take a firewall after the command has ended
	c.becomes(false, "web2", "10.20.2.101")
	for range 3 {
		c.dials("web1", "10.20.2.101", near, true)
		c.dials("web1", "10.20.2.102", far, true)
		c.dials("web1", "fd00:20:2::102", far, true)
	}
	c.dials("web1", "10.20.2.102", closed, false)
	c.silent("db2", "10.20.1.101")
	c.answers("web1", "10.20.1.102") // inside a network
	c.answers("web1", "10.20.1.1")
}

// answeredBy demands that a node answers a guest's pings and another one sees none of them.
func (c *cluster) answeredBy(guest, addr, node, other string) {
	c.t.Helper()
	const pings = 20
	own, far := c.received(node, "gw_web"), c.received(other, "gw_web")
	c.answers(guest, addr, "-c", strconv.Itoa(pings), "-i", "0.01")
	if got := c.received(node, "gw_web") - own; got < pings {
		c.t.Errorf("%s sent %d packets to %s, and the gateway on its node %s received %d", guest, pings, addr, node, got)
	}
	if got := c.received(other, "gw_web") - far; got >= pings {
		c.t.Errorf("%s sent %d packets to %s, and the gateway on node %s received %d", guest, pings, addr, other, got)
	}
}

// received is how many packets a link has received.
func (c *cluster) received(node, link string) int {
	c.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(c.in(node, "cat", fmt.Sprintf("/sys/class/net/%s/statistics/rx_packets", link))))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// neighbour is the MAC address that a guest knows of an address.
func (c *cluster) neighbour(guest, addr string) string {
	c.t.Helper()
	_, mac, _ := strings.Cut(c.in(guest, "ip", "neigh", "show", addr), "lladdr ")
	mac, _, _ = strings.Cut(mac, " ")
	return mac
}

const anycastDHCP = `
kind: zone
id: lease
type: vxlan
peers: [192.168.0.1, 192.168.0.2]
anycast-gateway: true
ipam: pve
dhcp: dnsmasq
dnszone: lab.example
node-services: none
---
kind: vnet
id: desks
zone: lease
tag: 66
---
kind: subnet
id: 10.66.0.0/24
vnet: desks
gateway: 10.66.0.1
snat: true
---
kind: subnet
id: fd00:66::/64
vnet: desks
gateway: fd00:66::1
ra: slaac
---
kind: guest
id: 100
name: vm1
node: node1
nics: [{id: net0, vnet: desks, mac: "BC:24:11:00:00:64", ips: [10.66.0.100]}]
`

// The gateway on a guest's own node serves DHCP, names and router advertisements, also after
// the guest has moved; the router of IPv6 is the same one on every node.
func TestAnycastDHCP(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(anycastDHCP)
	c.labRun("guest", "start", "--all")
	const told = "ip=10.66.0.100 router=10.66.0.1 dns=10.66.0.1 mtu=1450 server=10.66.0.1"
	c.servesGuest(told)
	router := c.in("vm1", "ip", "-6", "route", "show", "default", "proto", "ra")
	c.labRun("guest", "move", "vm1", "node2")
	c.servesGuest(told)
	if now := c.in("vm1", "ip", "-6", "route", "show", "default", "proto", "ra"); routerOf(now) != routerOf(router) || routerOf(now) == "" {
		t.Errorf("the router of vm1 was %q on node1 and is %q on node2", routerOf(router), routerOf(now))
	}
	c.answers("vm1", "198.51.100.1")
	c.dials("vm1", "192.168.0.2", c.listens("node2"), false)
	c.stands()
}

// routerOf is the next hop of a default route as ip(8) prints it.
func routerOf(route string) string {
	_, via, _ := strings.Cut(route, "via ")
	via, _, _ = strings.Cut(via, " ")
	return via
}
