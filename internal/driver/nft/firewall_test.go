package nft_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// fence is a node in a namespace, with the links that its tables speak of made by
// hand, and guests in namespaces of their own.
type fence struct {
	t        *testing.T
	name     string
	ns       *netns.NS
	d        *nft.Driver
	cfg      *model.Config
	live     *model.Config
	bindings []*model.Binding
	// features are those of the kernel that the test does not have anyway.
	facts *model.Facts
}

func newFence(t *testing.T, name string, cfg, live *model.Config) *fence {
	t.Helper()
	f := &fence{t: t, name: name, ns: scratch.New(t), cfg: cfg, live: live}
	requires.Program(t, "nft")
	// Where the kernel shows bridged packets to the filter of routed ones, it drops
	// those that are not as good as a host's.
	f.run("sysctl -eqw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0")
	f.d = nft.New(nft.Options{Namespace: f.ns})
	f.facts = &model.Facts{Node: name, Features: map[model.Feature]bool{model.FeatureNFTBridgeState: false}, Interfaces: []model.Interface{
		{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0." + name[4:] + "/24")}},
	}}
	return f
}

// apply puts the node's tables in force; a second pass must find nothing to do.
func (f *fence) apply() {
	f.t.Helper()
	doc := compile.Project(f.cfg, f.live, 1, f.name)
	doc.Bindings = f.bindings
	want, _ := compile.Node(doc, f.facts)
	node := &desired.Space{Tables: want.Tables}
	if _, err := f.d.Reconcile(context.Background(), node, false); err != nil {
		f.t.Fatal(err)
	}
	if r, err := f.d.Reconcile(context.Background(), node, false); err != nil || r.Writes != 0 {
		f.t.Errorf("second pass: %+v %v", r, err)
	}
}

func (f *fence) run(commands ...string) {
	f.t.Helper()
	for _, c := range commands {
		scratch.Run(f.t, f.ns, c)
	}
}

// guest makes a guest's namespace, with the link of its NIC on a bridge of the node.
func (f *fence) guest(port, bridge, mac string) *guest {
	f.t.Helper()
	g := &guest{t: f.t, ns: scratch.New(f.t), mac: mac}
	f.run(fmt.Sprintf("ip link add %s type veth peer name eth0 address %s netns /proc/%d/fd/%d", port, mac, os.Getpid(), g.ns.FD()),
		fmt.Sprintf("ip link set %s master %s up", port, bridge))
	scratch.Run(f.t, g.ns, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
	scratch.Run(f.t, g.ns, "ip link set eth0 up")
	return g
}

// guest is a namespace with one NIC, eth0.
type guest struct {
	t   *testing.T
	ns  *netns.NS
	mac string
}

// socket opens one for whole frames.
func (g *guest) socket() int {
	g.t.Helper()
	var fd int
	err := g.ns.Run(func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index})
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// frame is an Ethernet frame with a payload in hexadecimal digits.
func frame(dst, src, payload string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(dst+src, ":", "") + strings.ReplaceAll(payload, " ", ""))
	if err != nil {
		panic(err)
	}
	return append(b, make([]byte, 64)...)
}

// The payloads of frames, with a place for addresses in them.
func ip4(src string, rest string) string {
	return "0800 45000040 00000000 4011 0000" + addr(src) + rest
}
func ip6(src string, next, rest string) string {
	return "86dd 60000000 0040" + next + "ff" + addr(src) + addr("ff02::1") + rest
}
func arp(mac, src string) string {
	return "0806 0001 0800 0604 0001" + strings.ReplaceAll(mac, ":", "") + addr(src) + "000000000000 0a000009"
}
func addr(a string) string { return hex.EncodeToString(netip.MustParseAddr(a).AsSlice()) }

const (
	everybody = "ff:ff:ff:ff:ff:ff"
	marked    = 0xfeed
)

// passes sends frames and returns those that arrived: each has its number at its end,
// behind what anything looks at. The last has to come, so nothing is waited for.
func passes(from *guest, to *guest, frames ...[]byte) []bool {
	from.t.Helper()
	out, in := from.socket(), to.socket()
	last := frame(everybody, from.mac, "88b5") // an experiment's own (IEEE 802)
	frames = append(frames, last)
	for i, f := range frames {
		binary.BigEndian.PutUint16(f[len(f)-4:], marked)
		binary.BigEndian.PutUint16(f[len(f)-2:], uint16(i))
		if _, err := unix.Write(out, f); err != nil {
			from.t.Fatal(err)
		}
	}
	got := make([]bool, len(frames))
	timeout := unix.NsecToTimeval((5 * time.Second).Nanoseconds())
	_ = unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	b := make([]byte, 2048)
	for !got[len(frames)-1] {
		n, err := unix.Read(in, b)
		if err != nil {
			from.t.Fatalf("the last frame did not come: %v", err)
		}
		if n >= 18 && binary.BigEndian.Uint16(b[n-4:]) == marked {
			got[binary.BigEndian.Uint16(b[n-2:])] = true
		}
	}
	return got[:len(frames)-1]
}

// config puts objects together.
func config(objects ...model.Object) (cfg, live *model.Config) {
	cfg, live = &model.Config{}, &model.Config{}
	for _, o := range objects {
		into := cfg
		if !o.ObjectKind().Revisioned() {
			into = live
		}
		if err := into.Put(o); err != nil {
			panic(err)
		}
	}
	return cfg, live
}

const (
	macA = "bc:24:11:00:00:01"
	macB = "bc:24:11:00:00:02"
	macX = "bc:24:11:00:00:99"
)

func aGuest(id, node, vnet, mac string, ips ...string) *model.Guest {
	g := &model.Guest{ID: id, Node: node, NICs: []model.NIC{{ID: "net0", VNet: vnet, MAC: strings.ToUpper(mac)}}}
	for _, ip := range ips {
		g.NICs[0].IPs = append(g.NICs[0].IPs, netip.MustParseAddr(ip))
	}
	return g
}

// TestSpoofing sends what guests must not and what they may.
func TestSpoofing(t *testing.T) {
	cfg, live := config(
		&model.Zone{ID: "s", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "s"},
		&model.Firewall{ID: model.FirewallDatacenter, Enable: true}, &model.Firewall{ID: "vnet1", MACFilter: true, IPFilter: true},
		aGuest("100", "node1", "vnet1", macA, "10.0.0.1", "fd00::1"), aGuest("101", "node1", "vnet1", macB))
	f := newFence(t, "node1", cfg, live)
	f.run("ip link add vnet1 type bridge", "ip link set vnet1 up")
	a, b := f.guest("veth100i0", "vnet1", macA), f.guest("tap101i0", "vnet1", macB)
	frames := []struct {
		what  string
		pass  bool
		frame []byte
	}{
		{"its own address", true, frame(macB, macA, ip4("10.0.0.1", "0a000002"))},
		{"another address", false, frame(macB, macA, ip4("10.0.0.3", "0a000002"))},
		{"another MAC address", false, frame(macB, macX, ip4("10.0.0.1", "0a000002"))},
		{"asking for an address", true, frame(everybody, macA, ip4("0.0.0.0", "ffffffff 00440043 0030 0000"))},
		{"no address, but no question for one", false, frame(everybody, macA, ip4("0.0.0.0", "ffffffff 00440044 0030 0000"))},
		{"ARP of its own", true, frame(everybody, macA, arp(macA, "10.0.0.1"))},
		{"ARP to find out whether an address is free", true, frame(everybody, macA, arp(macA, "0.0.0.0"))},
		{"ARP for another address", false, frame(everybody, macA, arp(macA, "10.0.0.254"))},
		{"ARP for another MAC address", false, frame(everybody, macA, arp(macX, "10.0.0.1"))},
		{"its own IPv6 address", true, frame(macB, macA, ip6("fd00::1", "3b", ""))},
		{"the address made of its MAC address", true, frame(macB, macA, ip6("fe80::be24:11ff:fe00:1", "3b", ""))},
		{"another IPv6 address", false, frame(macB, macA, ip6("fd00::2", "3b", ""))},
		{"duplicate address detection", true, frame(macB, macA, ip6("::", "3a", "87 00 0000 00000000"+addr("fd00::1")))},
		{"no IPv6 address otherwise", false, frame(macB, macA, ip6("::", "3a", "80 00 0000 00000000"))},
		{"to be a neighbour that it is", true, frame(macB, macA, ip6("fd00::1", "3a", "88 00 0000 20000000"+addr("fd00::1")))},
		{"to be a neighbour that it is not", false, frame(macB, macA, ip6("fd00::1", "3a", "88 00 0000 20000000"+addr("fd00::2")))},
		{"a VLAN inside a VLAN", false, frame(macB, macA, "8100 0005 8100 0006"+ip4("10.0.0.3", "0a000002"))},
		{"another address in a VLAN", false, frame(macB, macA, "8100 0005"+ip4("10.0.0.3", "0a000002"))},
		{"no IP at all", true, frame(everybody, macA, "88b6")},
	}
	check := func(when string, filtered bool) {
		t.Helper()
		var list [][]byte
		for _, x := range frames {
			list = append(list, append([]byte(nil), x.frame...))
		}
		for i, got := range passes(a, b, list...) {
			if want := frames[i].pass || !filtered; got != want {
				t.Errorf("%s, %s: came %v, want %v", when, frames[i].what, got, want)
			}
		}
	}
	f.apply()
	check("with filters", true)
	// The switch of all is one of filters too.
	live.Set(&model.Firewall{ID: model.FirewallDatacenter})
	f.apply()
	check("switched off", false)
	// An address that comes by a binding counts at once.
	live.Set(&model.Firewall{ID: model.FirewallDatacenter, Enable: true})
	f.bindings = []*model.Binding{{Zone: "s", VNet: "vnet1", Guest: "100", NIC: "net0", MAC: strings.ToUpper(macA), IPs: []netip.Addr{netip.MustParseAddr("10.0.0.3")}}}
	f.apply()
	if got := passes(a, b, frame(macB, macA, ip4("10.0.0.3", "0a000002")), frame(macB, macA, ip4("10.0.0.4", "0a000002"))); !got[0] || got[1] {
		t.Errorf("after a binding: %v", got)
	}
	if out := scratch.Run(t, f.ns, "nft list chain bridge viaduct_fw spoofed"); strings.Contains(out, "counter packets 0 ") {
		t.Errorf("what was dropped is not counted:\n%s", out)
	}
}

// TestIsolationAcrossNodes has two nodes with a VXLAN between them, an isolated guest
// on each, and a router beside one.
func TestIsolationAcrossNodes(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")}
	cfg, live := config(
		&model.Zone{ID: "o", Type: model.ZoneVXLAN, Peers: addresses}, &model.VNet{ID: "vnet1", Zone: "o", Tag: 5, IsolatePorts: true},
		aGuest("100", "node1", "vnet1", macA), aGuest("101", "node2", "vnet1", macB))
	one, two := newFence(t, "node1", cfg, live), newFence(t, "node2", cfg, live)
	one.run(fmt.Sprintf("ip link add eth0 type veth peer name eth0 netns /proc/%d/fd/%d", os.Getpid(), two.ns.FD()))
	for i, f := range []*fence{one, two} {
		f.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1", fmt.Sprintf("ip addr add %s/24 dev eth0", addresses[i]), "ip link set eth0 up",
			fmt.Sprintf("ip link add vxlan_vnet1 type vxlan id 5 local %s remote %s dstport 4789", addresses[i], addresses[1-i]),
			"ip link add vnet1 type bridge", "ip link set vnet1 up", "ip link set vxlan_vnet1 master vnet1 up")
		for _, b := range live.Guests {
			f.bindings = append(f.bindings, &model.Binding{Zone: "o", VNet: "vnet1", Guest: b.ID, NIC: "net0", Node: b.Node, MAC: b.NICs[0].MAC})
		}
	}
	a, b := one.guest("veth100i0", "vnet1", macA), two.guest("veth101i0", "vnet1", macB)
	router := two.guest("router", "vnet1", macX)
	hello := func(from *guest, to string) []byte { return frame(to, from.mac, ip4("10.0.0.1", "0a000002")) }
	// What ends a round has to come from each to each, whatever is isolated.
	one.apply()
	for _, x := range []struct {
		what     string
		from, to *guest
		frame    []byte
		pass     bool
	}{
		{"guest to a guest elsewhere", b, a, hello(b, macA), false},
		{"guest to all", b, a, hello(b, everybody), false},
		{"router to a guest", router, a, hello(router, macA), true},
		{"guest to the router", a, router, hello(a, macX), true},
		{"guest to a guest elsewhere, which does not filter", a, b, hello(a, macB), false},
	} {
		// A frame from the router ends the round: those of isolated guests do not come.
		in, out := x.to.socket(), x.from.socket()
		last, end := router, frame(everybody, macX, "88b5")
		if x.to == router {
			last = x.from
			end = frame(everybody, x.from.mac, "88b5")
		}
		outLast := last.socket()
		if got := came(t, in, out, x.frame, outLast, end); got != x.pass {
			t.Errorf("%s: came %v, want %v", x.what, got, x.pass)
		}
	}
	if out := scratch.Run(t, one.ns, "nft list chain bridge viaduct_fw forward"); strings.Contains(out, "counter packets 0 ") {
		t.Errorf("what was dropped is not counted:\n%s", out)
	}
}

// came sends a frame, and then another one that has to come, and tells whether the
// first did.
func came(t *testing.T, in, out int, f []byte, outLast int, last []byte) bool {
	t.Helper()
	for i, x := range []struct {
		fd    int
		frame []byte
	}{{out, f}, {outLast, last}} {
		binary.BigEndian.PutUint16(x.frame[len(x.frame)-4:], marked)
		binary.BigEndian.PutUint16(x.frame[len(x.frame)-2:], uint16(i))
		if _, err := unix.Write(x.fd, x.frame); err != nil {
			t.Fatal(err)
		}
	}
	timeout := unix.NsecToTimeval((5 * time.Second).Nanoseconds())
	_ = unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	b := make([]byte, 2048)
	for first := false; ; {
		n, err := unix.Read(in, b)
		if err != nil {
			t.Fatalf("the last frame did not come: %v", err)
		}
		if n >= 18 && binary.BigEndian.Uint16(b[n-4:]) == marked {
			if binary.BigEndian.Uint16(b[n-2:]) == 1 {
				return first
			}
			first = true
		}
	}
}

// TestRoutedRules has two VNets, for which the node routes, and rules between them.
func TestRoutedRules(t *testing.T) {
	cfg, live := config(
		&model.Zone{ID: "s", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "s"}, &model.VNet{ID: "vnet2", Zone: "s"},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.1.0.0/24"), VNet: "vnet1", Gateway: netip.MustParseAddr("10.1.0.1")},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.2.0.0/24"), VNet: "vnet2", Gateway: netip.MustParseAddr("10.2.0.1")},
		&model.Firewall{ID: model.FirewallDatacenter, Enable: true},
		&model.IPSet{ID: "friends"},
		&model.SecurityGroup{ID: "web", Rules: []model.FirewallRule{{Type: model.RuleForward, Action: model.FirewallAccept, Macro: "HTTP"}}},
		&model.Firewall{ID: "vnet2", Enable: true, PolicyForward: model.FirewallDrop, Rules: []model.FirewallRule{
			{Type: model.RuleForward, Action: model.FirewallAccept, Source: "+sdn/vnet1-all", Dest: "+sdn/vnet2-no-gateway", Macro: "HTTP"},
			{Type: model.RuleForward, Action: model.FirewallReject, Proto: "tcp", Dport: "81"},
			{Type: model.RuleForward, Action: model.FirewallAccept, Source: "+friends", Proto: "tcp", Dport: "82"},
		}})
	f := newFence(t, "node1", cfg, live)
	guests := map[int]*guest{}
	f.run("sysctl -qw net.ipv4.ip_forward=1")
	for i := 1; i <= 2; i++ {
		f.run(fmt.Sprintf("ip link add vnet%d group %d type bridge", i, uint32(desired.LinkGroup)), fmt.Sprintf("ip addr add 10.%d.0.1/24 dev vnet%d", i, i), fmt.Sprintf("ip link set vnet%d up", i))
		guests[i] = f.guest(fmt.Sprintf("veth10%di0", i), fmt.Sprintf("vnet%d", i), fmt.Sprintf("bc:24:11:00:00:0%d", i))
		for _, c := range []string{"ip link set lo up", "ip addr add 10.%d.0.5/24 dev eth0", "ip route add default via 10.%d.0.1"} {
			if strings.Contains(c, "%d") {
				c = fmt.Sprintf(c, i)
			}
			scratch.Run(t, guests[i].ns, c)
		}
	}
	f.apply()
	for port := 80; port <= 83; port++ {
		guests[2].listen(t, fmt.Sprintf("10.2.0.5:%d", port))
	}
	guests[1].listen(t, "10.1.0.5:80")
	check := func(when string, from int, to string, want error) {
		t.Helper()
		if err := guests[from].dial(to); !errors.Is(err, want) {
			t.Errorf("%s, %s: %v, want %v", when, to, err, want)
		}
	}
	timedOut := os.ErrDeadlineExceeded
	check("at first", 1, "10.2.0.5:80", nil) // and what is answered comes back
	check("at first", 1, "10.2.0.5:81", unix.ECONNREFUSED)
	check("at first", 1, "10.2.0.5:82", timedOut)
	check("at first", 2, "10.1.0.5:80", timedOut)

	// A set that gets an element.
	live.Set(&model.IPSet{ID: "friends", Entries: []model.IPSetEntry{{CIDR: "10.1.0.0/24"}}})
	f.apply()
	check("a friend", 1, "10.2.0.5:82", nil)
	live.Set(&model.IPSet{ID: "friends", Entries: []model.IPSetEntry{{CIDR: "10.1.0.0/24"}, {CIDR: "10.1.0.5", NoMatch: true}}})
	f.apply()
	check("taken out", 1, "10.2.0.5:82", timedOut)

	// The rules of both VNets count.
	live.Set(&model.Firewall{ID: "vnet1", Enable: true, PolicyForward: model.FirewallDrop, Rules: []model.FirewallRule{{Type: model.RuleGroup, Action: "web"}}})
	f.apply()
	check("both", 1, "10.2.0.5:80", nil)
	check("both", 1, "10.2.0.5:81", timedOut)
	live.Set(&model.Firewall{ID: "vnet1", Enable: true, PolicyForward: model.FirewallDrop})
	f.apply()
	check("the other one's policy", 1, "10.2.0.5:80", timedOut)
	counters, err := nft.Counters(context.Background(), f.ns, "inet", compile.FirewallTable)
	if err != nil || !slices.ContainsFunc(counters, func(c nft.Counter) bool { return c.Comment == "vnet vnet1 policy" && c.Packets > 0 && c.Bytes > 0 }) {
		t.Errorf("counters: %+v %v", counters, err)
	}
	live.Set(&model.Firewall{ID: model.FirewallDatacenter})
	f.apply()
	check("switched off", 1, "10.2.0.5:83", nil)
	if counters, err := nft.Counters(context.Background(), f.ns, "inet", compile.FirewallTable); err != nil || len(counters) != 0 {
		t.Errorf("counters of nothing: %+v %v", counters, err)
	}
}

func (g *guest) listen(t *testing.T, address string) {
	t.Helper()
	var l net.Listener
	err := g.ns.Run(func() (err error) {
		l, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

// patience is how long a connection may take to be made on a busy machine, and so how
// long one that is dropped is waited for.
const patience = 400 * time.Millisecond

func (g *guest) dial(address string) error {
	return g.ns.Run(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		timeout := unix.NsecToTimeval(patience.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
			return err
		}
		to := netip.MustParseAddrPort(address)
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
		if errors.Is(err, unix.EINPROGRESS) || errors.Is(err, unix.EHOSTUNREACH) {
			return fmt.Errorf("%w (%w)", os.ErrDeadlineExceeded, err)
		}
		return err
	})
}

// TestRulesInsideVNets has nft read the rules that need more of the kernel than this
// test's may have: what it refuses then is no fault of the words.
func TestRulesInsideVNets(t *testing.T) {
	cfg, live := config(
		&model.Zone{ID: "o", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.168.0.1")}}, &model.VNet{ID: "vnet1", Zone: "o", Tag: 5},
		&model.Firewall{ID: model.FirewallDatacenter, Enable: true},
		&model.IPSet{ID: "friends", Entries: []model.IPSetEntry{{CIDR: "10.0.0.0/8"}, {CIDR: "10.0.0.1", NoMatch: true}}})
	rules := &model.Firewall{ID: "vnet1", Enable: true, PolicyForward: model.FirewallDrop, LogLevelForward: "debug"}
	for _, m := range model.Macros() {
		rules.Rules = append(rules.Rules, model.FirewallRule{Type: model.RuleForward, Action: model.FirewallAccept, Macro: m.Name, Source: "+friends,fd00::1,10.0.0.5-10.0.0.7"})
	}
	for protocol, name := range map[int]string{model.ProtoICMP: "icmp", model.ProtoICMPv6: "icmpv6"} {
		for _, typ := range model.ICMPTypeNames(protocol) {
			rules.Rules = append(rules.Rules, model.FirewallRule{Type: model.RuleForward, Action: model.FirewallReject, Proto: name, ICMPType: typ, Log: "err"})
		}
	}
	live.Set(rules)
	f := newFence(t, "node1", cfg, live)
	f.facts.Features = nil
	want, _ := compile.Node(compile.Project(cfg, live, 1, "node1"), f.facts)
	_, err := f.d.Reconcile(context.Background(), &want.Space, false)
	if err == nil {
		return // the kernel has all that it takes
	}
	for _, complaint := range strings.Split(err.Error(), "\n") {
		if !strings.Contains(complaint, "Could not process rule") {
			t.Errorf("%s", complaint)
		}
	}
}
