// Package dhcp tests DHCP between nodes: what compile makes of a configuration is
// brought about by the real drivers in network namespaces, and real clients ask.
package dhcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/driver/sysctl"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

const patience = 20 * time.Second

// node is a node in a network namespace, with the drivers that matter here.
type node struct {
	t       *testing.T
	name    string
	ns      *netns.NS
	drivers []driver.Driver
	facts   *model.Facts
}

// newNode makes a node whose underlay has an address.
func newNode(t *testing.T, name, address string) *node {
	t.Helper()
	ns := newNS(t)
	root, err := os.MkdirTemp("", "viaduct-dhcp-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil { // dnsmasq reads as a user of its own
		t.Fatal(err)
	}
	links, err := link.New(link.Options{Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	routes, err := route.New(ns)
	if err != nil {
		t.Fatal(err)
	}
	servers := dnsmasq.New(dnsmasq.Options{Namespace: ns, Root: root})
	t.Cleanup(func() {
		if _, err := servers.Reconcile(context.Background(), &desired.Space{}, false); err != nil {
			t.Errorf("end the DHCP servers: %v", err)
		}
		_ = links.Close()
		_ = os.RemoveAll(root)
	})
	return &node{t: t, name: name, ns: ns,
		drivers: []driver.Driver{nft.New(nft.Options{Namespace: ns}), links, sysctl.New(ns), routes, servers},
		facts: &model.Facts{Node: name, Kernel: "test", Interfaces: []model.Interface{
			{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix(address + "/24")}},
		}, Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Dev: "eth0", Src: netip.MustParseAddr(address)}}},
	}
}

func newNS(t *testing.T) *netns.NS {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	in(t, ns, "ip", "link", "set", "lo", "up")
	in(t, ns, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
	return ns
}

// in runs a program in a namespace.
func in(t *testing.T, ns *netns.NS, program string, args ...string) string {
	t.Helper()
	out, err := try(ns, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func try(ns *netns.NS, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := ns.Run(cmd.Run)
	return out.String(), err
}

// connect joins two namespaces by a cable.
func connect(t *testing.T, a *netns.NS, nameA string, b *netns.NS, nameB string, args ...string) {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(b.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "netns")
	defer file.Close()
	cmd := exec.Command("ip", append([]string{"link", "add", nameA, "type", "veth", "peer", "name", nameB, "netns", "/proc/self/fd/3"}, args...)...)
	cmd.ExtraFiles = []*os.File{file}
	if err := a.Run(cmd.Run); err != nil {
		t.Fatalf("connect %s: %v", nameA, err)
	}
	in(t, a, "ip", "link", "set", nameA, "up")
	in(t, b, "ip", "link", "set", nameB, "up")
}

// apply makes the node what the configuration says. The rules of the node are part
// of it, and a second time there is nothing to do.
func (n *node) apply(cfg *model.Config, bindings []*model.Binding) *desired.Space {
	n.t.Helper()
	doc := compile.Project(cfg, nil, 1, n.name)
	doc.Bindings = bindings
	return n.carryOut(doc)
}

func (n *node) carryOut(doc *document.Document) *desired.Space {
	n.t.Helper()
	want, notes := compile.Node(doc, n.facts)
	for _, note := range notes {
		if note.Level == compile.LevelError {
			n.t.Fatalf("%s: %s: %s", n.name, note.Object, note.Message)
		}
	}
	for pass := range 2 {
		for _, d := range n.drivers {
			r, err := d.Reconcile(context.Background(), &want.Space, false)
			if err != nil {
				n.t.Fatalf("%s: %s: %v", n.name, d.Name(), err)
			}
			if pass == 1 && r.Writes > 0 {
				n.t.Errorf("%s: %s is not content with what it made: %v", n.name, d.Name(), r.Changes)
			}
		}
	}
	return &want.Space
}

// guest is a namespace with the interface eth0, which is plugged into nodes.
type guest struct {
	t   *testing.T
	ns  *netns.NS
	mac string
	log string
	cmd *exec.Cmd
}

func newGuest(t *testing.T, mac string) *guest {
	t.Helper()
	g := &guest{t: t, ns: newNS(t), mac: mac, log: filepath.Join(t.TempDir(), "log")}
	in(t, g.ns, "sysctl", "-qw", "net.ipv6.conf.default.router_solicitation_delay=0")
	return g
}

// plug connects the guest with a VNet of a node.
func (g *guest) plug(n *node, vnet string) {
	g.t.Helper()
	end := "g" + strings.ReplaceAll(g.mac[9:], ":", "")
	connect(g.t, n.ns, end, g.ns, "eth0", "address", g.mac)
	in(g.t, n.ns, "ip", "link", "set", end, "master", vnet)
}

func (g *guest) unplug() { in(g.t, g.ns, "ip", "link", "delete", "eth0") }

const script = `#!/bin/sh
echo "$1 ip=$ip router=$router server=$serverid mtu=$mtu" >> %LOG%
case $1 in bound|renew)
	ip address replace $ip/${mask:-24} dev $interface
	set -- $staticroutes
	while [ $# -ge 2 ]; do
		[ $2 = 0.0.0.0 ] && ip route replace $1 dev $interface
		shift 2
	done ;;
esac
`

// udhcpc starts a client and waits for what it is told first.
func (g *guest) udhcpc() string {
	g.t.Helper()
	path := g.log + ".sh"
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(script, "%LOG%", g.log)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	g.cmd = exec.Command("busybox", "udhcpc", "-f", "-i", "eth0", "-s", path, "-t", "30", "-T", "1", "-A", "1", "-O", "staticroutes", "-O", "mtu")
	if err := g.ns.Run(g.cmd.Start); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(g.stop)
	return g.event("bound", 1)
}

func (g *guest) stop() {
	if g.cmd != nil && g.cmd.ProcessState == nil {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	}
}

// event waits for the n-th event of a kind.
func (g *guest) event(kind string, n int) (line string) {
	g.t.Helper()
	eventually(g.t, g.mac+" was told no "+kind, func() bool {
		b, _ := os.ReadFile(g.log)
		seen := 0
		for l := range strings.Lines(string(b)) {
			if strings.HasPrefix(l, kind+" ") {
				if seen++; seen == n {
					line = strings.TrimSpace(l)
				}
			}
		}
		return line != ""
	})
	return line
}

func eventually(t *testing.T, otherwise string, is func() bool) {
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

// seen counts what goes through a link.
type seen struct{ dhcp, advert, service, other atomic.Int64 }

// watch counts the frames on a node's link until the test ends.
func (n *node) watch(name string) *seen {
	n.t.Helper()
	s := &seen{}
	fd := -1
	err := n.ns.Run(func() error {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL))); err != nil {
			return err
		}
		index, err := indexOf(name)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index})
	})
	if err != nil {
		n.t.Fatal(err)
	}
	// A read ends after a while, so that the reader sees that the test does.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for ctx.Err() == nil {
			if k, err := unix.Read(fd, buf); err == nil && k > 0 {
				s.count(buf[:k])
			}
		}
	}()
	n.t.Cleanup(func() {
		cancel()
		<-done
		_ = unix.Close(fd)
	})
	return s
}

func indexOf(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req)
	return int(req.Uint32()), err
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// count sorts a frame.
func (s *seen) count(frame []byte) {
	if len(frame) < 42 {
		return
	}
	payload := frame[14:]
	port := func(at int) uint16 { return binary.BigEndian.Uint16(payload[at:]) }
	switch typ := binary.BigEndian.Uint16(frame[12:]); {
	case typ == unix.ETH_P_IP && payload[9] == unix.IPPROTO_UDP && (port(22) == 67 || port(22) == 68),
		typ == unix.ETH_P_IPV6 && payload[6] == unix.IPPROTO_UDP && (port(42) == 546 || port(42) == 547):
		s.dhcp.Add(1)
	case typ == unix.ETH_P_IPV6 && payload[6] == unix.IPPROTO_ICMPV6 && payload[40] == 134:
		s.advert.Add(1)
	case typ == unix.ETH_P_ARP && (bytes.Equal(payload[24:28], []byte{169, 254, 67, 67}) || bytes.Equal(payload[14:18], []byte{169, 254, 67, 67})):
		s.service.Add(1)
	default:
		s.other.Add(1)
	}
}

const (
	mac1 = "02:00:00:00:01:01"
	mac2 = "02:00:00:00:01:02"
)

// overlay is a VXLAN zone over two nodes with DHCP, whose gateway is elsewhere, and a
// simple zone.
func overlay(t *testing.T) (*model.Config, []*model.Binding) {
	t.Helper()
	cfg := &model.Config{}
	for _, o := range []model.Object{
		&model.Zone{ID: "over", Type: model.ZoneVXLAN, DHCP: model.DHCPDnsmasq, Peers: []netip.Addr{addr("192.168.0.1"), addr("192.168.0.2")}},
		&model.Zone{ID: "alone", Type: model.ZoneSimple, DHCP: model.DHCPDnsmasq},
		&model.VNet{ID: "blue", Zone: "over", Tag: 5},
		&model.VNet{ID: "green", Zone: "over", Tag: 6},
		&model.VNet{ID: "red", Zone: "alone"},
		&model.Subnet{ID: "over-10.5.0.0-24", CIDR: netip.MustParsePrefix("10.5.0.0/24"), VNet: "blue", Gateway: addr("10.5.0.1")},
		&model.Subnet{ID: "over-fd00:5::-64", CIDR: netip.MustParsePrefix("fd00:5::/64"), VNet: "blue", RAMode: model.RASLAAC},
		&model.Subnet{ID: "over-10.6.0.0-24", CIDR: netip.MustParsePrefix("10.6.0.0/24"), VNet: "green", Gateway: addr("10.6.0.1")},
		&model.Subnet{ID: "alone-10.7.0.0-24", CIDR: netip.MustParsePrefix("10.7.0.0/24"), VNet: "red", Gateway: addr("10.7.0.1")},
	} {
		if err := cfg.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	return cfg, []*model.Binding{
		{Zone: "over", VNet: "blue", MAC: mac1, Guest: "101", NIC: "net0", Name: "web", IPs: []netip.Addr{addr("10.5.0.11")}},
		{Zone: "over", VNet: "blue", MAC: mac2, Guest: "102", NIC: "net0", Name: "db", IPs: []netip.Addr{addr("10.5.0.12")}},
		{Zone: "alone", VNet: "red", MAC: mac2, Guest: "103", NIC: "net0", Name: "one", IPs: []netip.Addr{addr("10.7.0.12")}},
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// The server of its own node answers a guest, and nothing of that crosses the
// overlay; a guest that moves goes on with the server of its new node.
func TestNearestNodeAnswers(t *testing.T) {
	a, b := newNode(t, "node1", "192.168.0.1"), newNode(t, "node2", "192.168.0.2")
	connect(t, a.ns, "eth0", b.ns, "eth0")
	in(t, a.ns, "ip", "address", "add", "192.168.0.1/24", "dev", "eth0")
	in(t, b.ns, "ip", "address", "add", "192.168.0.2/24", "dev", "eth0")
	cfg, bindings := overlay(t)
	for _, n := range []*node{a, b} {
		n.apply(cfg, bindings)
	}
	crossing := a.watch("vxlan_blue")
	for _, family := range []string{"-4", "-6"} { // the node itself goes on without these networks
		if got := in(t, a.ns, "ip", family, "route", "show", "dev", "blue"); strings.Contains(got, "10.5.") || strings.Contains(got, "fd00:5:") {
			t.Errorf("the node has a route to the guests of a VNet that it is no gateway of:\n%s", got)
		}
	}

	g1, g2 := newGuest(t, mac1), newGuest(t, mac2)
	g1.plug(a, "blue")
	g2.plug(b, "blue")
	const far = "router=10.5.0.1 server=169.254.67.67 mtu=1450"
	for g, want := range map[*guest]string{g1: "bound ip=10.5.0.11 " + far, g2: "bound ip=10.5.0.12 " + far} {
		if got := g.udhcpc(); got != want {
			t.Errorf("%s was told %q, want %q", g.mac, got, want)
		}
	}
	for _, g := range []*guest{g1, g2} {
		eventually(t, g.mac+" has no address of its own", func() bool {
			return strings.Contains(in(t, g.ns, "ip", "-6", "address", "show", "dev", "eth0", "scope", "global"), " fd00:5::ff:fe00:")
		})
		if got := in(t, g.ns, "ip", "-6", "route", "show", "default"); got != "" {
			t.Errorf("a node that is no router became the default gateway: %s", got)
		}
	}
	in(t, g1.ns, "ping", "-c", "3", "-i", "0.1", "-W", "5", "10.5.0.12")
	eventually(t, "what guests say to each other is not seen on the overlay", func() bool { return crossing.other.Load() > 0 })

	// Renewed with its own node, whose address is found there too.
	if err := g1.cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	g1.event("renew", 1)

	// The guest moves, and its node is lost.
	g1.unplug()
	in(t, a.ns, "ip", "link", "set", "eth0", "down")
	g1.plug(b, "blue")
	g1.stop()
	if got := g1.udhcpcAgain(); got != "bound ip=10.5.0.11 "+far {
		t.Errorf("after its move the guest was told %q", got)
	}
	if n := crossing.dhcp.Load() + crossing.advert.Load() + crossing.service.Load(); n != 0 {
		t.Errorf("the overlay carried DHCP %d times, advertisements %d times, questions for the server %d times",
			crossing.dhcp.Load(), crossing.advert.Load(), crossing.service.Load())
	}
	// Two zones may have the same MAC: the VNet tells which.
	g3 := newGuest(t, mac2)
	g3.plug(a, "red")
	if got, want := g3.udhcpc(), "bound ip=10.7.0.12 router=10.7.0.1 server=10.7.0.1 mtu=1500"; got != want {
		t.Errorf("in the simple zone the guest was told %q, want %q", got, want)
	}
}

// udhcpcAgain is udhcpc of a guest that has used it before.
func (g *guest) udhcpcAgain() string {
	g.t.Helper()
	g.log += fmt.Sprintf(".%d", time.Now().UnixNano())
	return g.udhcpc()
}
