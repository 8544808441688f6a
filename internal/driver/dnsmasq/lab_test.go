package dnsmasq

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// patience bounds how long a test waits for what has to happen.
const patience = 20 * time.Second

// node is a node of its own network namespace with the bridge vn1, and a driver of
// DHCP servers whose files are in a directory of the test.
type node struct {
	*Driver
	t    *testing.T
	ns   *netns.NS
	root string
}

// newNode makes a node whose bridge has the addresses.
func newNode(t *testing.T, addresses ...string) *node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces take root")
	}
	root, err := os.MkdirTemp("", "viaduct-dnsmasq-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil { // dnsmasq reads as a user of its own
		t.Fatal(err)
	}
	n := &node{t: t, ns: newNS(t), root: root}
	n.Driver = New(Options{Namespace: n.ns, Root: root})
	t.Cleanup(func() {
		for _, zone := range []string{"z1", "z6"} {
			if p, runs := (&pass{d: n.Driver}).find(instance{zone, "vn1"}); runs {
				_ = stop(p)
			}
		}
		_ = os.RemoveAll(root)
	})
	settle(t, n.ns)
	n.ip("link set lo up")
	n.ip("link add vn1 type bridge")
	n.ip("link set vn1 up")
	for _, a := range addresses {
		n.ip("address add " + a + " dev vn1")
	}
	return n
}

func newNS(t *testing.T) *netns.NS {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

func (n *node) ip(args string) { n.t.Helper(); in(n.t, n.ns, "ip", strings.Fields(args)...) }

// settle lets the IPv6 addresses of new links be used at once, without duplicate
// address detection.
func settle(t *testing.T, ns *netns.NS) {
	t.Helper()
	in(t, ns, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=1", "net.ipv6.conf.default.router_solicitation_delay=0")
}

// in runs a program in a namespace.
func in(t *testing.T, ns *netns.NS, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := ns.Run(cmd.Run); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// reconcile makes the node as it is wanted.
func (n *node) reconcile(servers ...desired.DHCPServer) driver.Result {
	n.t.Helper()
	r, err := n.Reconcile(context.Background(), &desired.Space{DHCP: servers}, false)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

// restarted is the same node with the driver of another life of the agent.
func (n *node) restarted() { n.Driver = New(Options{Namespace: n.ns, Root: n.root}) }

func (n *node) mustRun(zone string) process {
	n.t.Helper()
	p, runs := (&pass{d: n.Driver}).find(instance{zone, "vn1"})
	if !runs {
		n.t.Fatalf("no dnsmasq of zone %s runs", zone)
	}
	return p
}

func (n *node) read(path string) string {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.root, path))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(b)
}

func (n *node) write(path, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.root, path), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// guest is a network namespace with the interface eth0 on the node's bridge.
type guest struct {
	t   *testing.T
	ns  *netns.NS
	dir string
	mac string
}

func (n *node) guest(mac string) *guest {
	n.t.Helper()
	g := &guest{t: n.t, ns: newNS(n.t), dir: n.t.TempDir(), mac: mac}
	end := "g" + strings.ReplaceAll(mac[9:], ":", "")
	settle(n.t, g.ns)
	in(n.t, g.ns, "ip", "link", "set", "lo", "up")
	cmd := exec.Command("ip", "link", "add", end, "master", "vn1", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", "/proc/self/fd/3")
	cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(dup(n.t, g.ns.FD())), "netns"))
	if err := n.ns.Run(cmd.Run); err != nil {
		n.t.Fatalf("make the guest's link: %v", err)
	}
	_ = cmd.ExtraFiles[0].Close()
	n.ip("link set " + end + " up")
	in(n.t, g.ns, "ip", "link", "set", "eth0", "up")
	return g
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// client is a running udhcpc. Its script appends each event with the data that it received.
type client struct {
	*guest
	cmd *exec.Cmd
	log string
}

const udhcpcScript = `#!/bin/sh
echo "$1 ip=$ip mask=$subnet router=$router dns=$dns domain=$domain mtu=$mtu routes=$staticroutes server=$serverid name=$hostname" >> %LOG%
case $1 in bound|renew)
	ip address replace $ip/${mask:-32} dev $interface
	set -- $staticroutes
	while [ $# -ge 2 ]; do
		if [ $2 = 0.0.0.0 ]; then ip route replace $1 dev $interface; else ip route replace $1 via $2 dev $interface onlink; fi
		shift 2
	done ;;
esac
`

// udhcpc starts busybox's DHCP client, which asks for everything.
func (g *guest) udhcpc() *client {
	g.t.Helper()
	c := &client{guest: g, log: filepath.Join(g.dir, "log")}
	script := filepath.Join(g.dir, "script")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(udhcpcScript, "%LOG%", c.log)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	c.cmd = exec.Command("busybox", "udhcpc", "-f", "-i", "eth0", "-s", script, "-t", "30", "-T", "1", "-A", "1", "-O", "staticroutes", "-O", "mtu")
	if err := g.ns.Run(c.cmd.Start); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.stop)
	return c
}

func (c *client) stop() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// event waits for the n-th event of a kind and returns its data.
func (c *client) event(kind string, n int) string {
	c.t.Helper()
	line := ""
	c.t.Cleanup(func() {
		if b, _ := os.ReadFile(c.log); line == "" {
			c.t.Logf("the events of udhcpc:\n%s", b)
		}
	})
	eventually(c.t, func() bool {
		b, _ := os.ReadFile(c.log)
		count := 0
		for l := range strings.Lines(string(b)) {
			if strings.HasPrefix(l, kind+" ") {
				if count++; count == n {
					line = strings.TrimSpace(l)
					return true
				}
			}
		}
		return false
	}, "udhcpc told no "+kind)
	return line
}

// asks makes the client renew its lease, and again every few seconds until the test ends:
// udhcpc itself sends one request and then waits for half of the lease, so that a lost
// datagram would take hours.
func (c *client) asks() {
	c.t.Helper()
	ask := func() error { return c.cmd.Process.Signal(unix.SIGUSR1) }
	if err := ask(); err != nil {
		c.t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	c.t.Cleanup(func() { close(stop); asking.Wait() })
	asking.Go(func() {
		again := time.NewTicker(patience / 3)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				_ = ask() // it has ended
			case <-stop:
				return
			}
		}
	})
}

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool, otherwise string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
		<-tick.C
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// host is a NIC with addresses.
func host(mac, name string, ips ...string) desired.DHCPHost {
	h := desired.DHCPHost{MAC: mac, Name: name}
	for _, ip := range ips {
		h.IPs = append(h.IPs, addr(ip))
	}
	return h
}

const (
	mac1 = "02:00:00:00:00:01"
	mac2 = "02:00:00:00:00:02"
)

// far is a server on a bridge that has no address of the network: its gateway is
// elsewhere.
func far(hosts ...desired.DHCPHost) desired.DHCPServer {
	return desired.DHCPServer{Zone: "z1", Owner: "zone/z1", Networks: []desired.DHCPNetwork{{
		Link: "vn1", Owner: "vnet/vn1", MTU: 1450, Hosts: hosts,
		Subnets: []desired.DHCPSubnet{{
			ID: "z1-10.0.1.0-24", Owner: "subnet/z1-10.0.1.0-24", CIDR: prefix("10.0.1.0/24"),
			Gateway: addr("10.0.1.1"), DNSServer: addr("10.0.1.53"), Domain: "lab.example", Shared: true,
			Routes: []desired.DHCPRoute{{Dst: netip.MustParsePrefix("169.254.67.67/32")}},
		}},
	}}}
}
