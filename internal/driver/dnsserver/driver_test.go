package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/dnsserver"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// The first argument of the test binary when it is the server, or an agent that is
// killed when it has started one.
const (
	child  = "name-server-of-a-test"
	mortal = "agent-of-a-test"
)

// The user that the server becomes.
const (
	ownUser  = "60790:60791"
	ownGroup = 60791
)

// executable is the test binary, which also works from another directory.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// TestMain lets the test binary be the server too, as the agent's own binary is.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) >= 5 && os.Args[1] == child:
		p := dnsserver.Process{Version: os.Args[2], User: os.Args[3], Dir: os.Args[4], Args: os.Args, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
		if len(os.Args) == 6 {
			p.Inherited = strings.TrimPrefix(os.Args[5], "--inherited=")
		}
		err = p.Run(context.Background())
	case len(os.Args) == 3 && os.Args[1] == mortal:
		d := New(Options{Dir: os.Args[2], Command: []string{executable(), child, "1", ownUser}, Group: ownGroup, Version: "1"})
		node := &desired.Space{NameServer: &desired.NameServer{Views: []desired.NameView{view(0, "web1.lab.example 10.0.0.5")}}}
		if _, err = d.Reconcile(context.Background(), node, false); err == nil {
			err = unix.Kill(os.Getpid(), unix.SIGKILL)
		}
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lab is a node with two bridges of equal addresses, each with a guest.
type lab struct {
	t      *testing.T
	node   *netns.NS
	guests [2]*netns.NS
	d      *Driver
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, node: scratch.New(t)}
	dir, err := os.MkdirTemp("", "ns") // short: it is part of a socket's name
	if err != nil {
		t.Fatal(err)
	}
	l.d = l.driver(filepath.Join(dir, "d"), "1")
	t.Cleanup(func() {
		if err := l.d.stop(context.Background()); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	scratch.Run(t, l.node, "ip link set lo up")
	for i := range l.guests {
		l.guests[i] = scratch.New(t)
		br, at := fmt.Sprint("vn", i), fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), l.guests[i].FD())
		for _, command := range []string{
			"ip link add " + br + " type bridge", "ip link add tap" + br + " type veth peer name eth0 netns " + at,
			"ip link set tap" + br + " master " + br + " up", "ip link set " + br + " up",
			"ip addr add 10.0.0.1/24 dev " + br, "ip addr add 2001:db8::1/64 dev " + br + " nodad",
		} {
			scratch.Run(t, l.node, command)
		}
		for _, command := range []string{"ip addr add 10.0.0.5/24 dev eth0", "ip addr add 10.9.9.9/32 dev eth0", "ip addr add 2001:db8::5/64 dev eth0 nodad", "ip link set eth0 up", "ip link set lo up"} {
			scratch.Run(t, l.guests[i], command)
		}
	}
	return l
}

func (l *lab) driver(dir, version string) *Driver {
	return New(Options{Dir: dir, Command: []string{executable(), child, version, ownUser}, Group: ownGroup, Version: version, Namespace: l.node})
}

// view is that of one of the bridges, with names and their addresses.
func view(i int, names ...string) desired.NameView {
	link := fmt.Sprint("vn", i)
	v := desired.NameView{
		Zone: fmt.Sprint("z", i), Domain: "lab.example", Owner: fmt.Sprint("zone/z", i),
		Listen: []desired.NameListener{
			{Addr: netip.MustParseAddrPort("10.0.0.1:53"), Link: link}, {Addr: netip.MustParseAddrPort("[2001:db8::1]:53"), Link: link},
		},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")},
	}
	for _, n := range names {
		w := strings.Fields(n)
		e := desired.NameEntry{Name: w[0]}
		for _, ip := range w[1:] {
			e.IPs = append(e.IPs, netip.MustParseAddr(ip))
		}
		v.Names = append(v.Names, e)
	}
	return v
}

func (l *lab) apply(views ...desired.NameView) driver.Result {
	l.t.Helper()
	r, err := l.reconcile(&desired.NameServer{Views: views})
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *lab) reconcile(s *desired.NameServer) (driver.Result, error) {
	return l.d.Reconcile(l.t.Context(), &desired.Space{NameServer: s}, false)
}

// ask asks as a guest; the answer is the code and the records without their times.
func (l *lab) ask(guest int, network, server, from, question string) string {
	l.t.Helper()
	var out string
	err := l.guests[guest].Run(func() error {
		w := strings.Fields(question)
		m := new(dns.Msg).SetQuestion(w[0], dns.StringToType[w[1]])
		c := &dns.Client{Net: network, Timeout: 2 * time.Second, Dialer: &net.Dialer{LocalAddr: local(network, from)}}
		a, _, err := c.Exchange(m, server)
		if err != nil {
			return err
		}
		out = dns.RcodeToString[a.Rcode]
		if a.Authoritative {
			out += " aa"
		}
		for _, r := range a.Answer {
			out += " " + strings.Join(strings.Fields(strings.TrimPrefix(r.String(), r.Header().String())), " ")
		}
		for _, r := range a.Ns {
			out += " [" + r.Header().Name + " " + dns.TypeToString[r.Header().Rrtype] + "]"
		}
		return nil
	})
	if err != nil {
		out = err.Error()
	}
	return out
}

func local(network, from string) net.Addr {
	if from == "" {
		return nil
	}
	if network == "tcp" {
		return &net.TCPAddr{IP: net.ParseIP(from)}
	}
	return &net.UDPAddr{IP: net.ParseIP(from)}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// Each guest is answered from its zone's names, on equal addresses, and strangers are
// refused.
func TestViews(t *testing.T) {
	l := newLab(t)
	l.apply(view(0, "a.b.lab.example 10.0.0.8", "web1.lab.example 10.0.0.5 10.0.0.6 2001:db8::5"), view(1, "web1.lab.example 10.0.0.77"))
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct{ question, want string }{
			{"web1.lab.example. A", "NOERROR aa 10.0.0.5 10.0.0.6"},
			{"WeB1.lab.EXAMPLE. AAAA", "NOERROR aa 2001:db8::5"},
			{"web1.lab.example. MX", "NOERROR aa [lab.example. SOA]"},
			{"b.lab.example. A", "NOERROR aa [lab.example. SOA]"},
			{"web2.lab.example. A", "NXDOMAIN aa [lab.example. SOA]"},
			{"x.web1.lab.example. A", "NXDOMAIN aa [lab.example. SOA]"},
			{"lab.example. NS", "NOERROR aa ns.lab.example."},
			{"ns.lab.example. A", "NOERROR aa 10.0.0.1"},
			{"5.0.0.10.in-addr.arpa. PTR", "NOERROR aa web1.lab.example."},
			{"9.0.0.10.in-addr.arpa. PTR", "NXDOMAIN aa [0.0.10.in-addr.arpa. SOA]"},
			{"0.0.10.in-addr.arpa. MX", "NOERROR aa [0.0.10.in-addr.arpa. SOA]"},
			{"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR", "NOERROR aa web1.lab.example."},
			{"6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR", "NXDOMAIN aa [0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. SOA]"},
			{"debian.org. A", "REFUSED"}, // nobody to forward to
			{"1.1.168.192.in-addr.arpa. PTR", "REFUSED"},
			{"lab.example. AXFR", "REFUSED"},
		} {
			same(t, network+" "+c.question, l.ask(0, network, "10.0.0.1:53", "10.0.0.5", c.question), c.want)
		}
		same(t, "by IPv6", l.ask(0, network, "[2001:db8::1]:53", "", "web1.lab.example. AAAA"), "NOERROR aa 2001:db8::5")
		same(t, "of the other zone", l.ask(1, network, "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.77")
	}
	scratch.Run(t, l.node, "ip route add 10.9.9.9/32 dev vn0")
	same(t, "a stranger", l.ask(0, "udp", "10.0.0.1:53", "10.9.9.9", "web1.lab.example. A"), "REFUSED")
}

// What is not the zone's is asked of the node's resolvers, and kept.
func TestForwarding(t *testing.T) {
	l := newLab(t)
	var asked atomic.Int32
	resolver := startResolver(t, l.node, &asked)
	s := &desired.NameServer{Views: []desired.NameView{view(0, "web1.lab.example 10.0.0.5")}, Forwarders: []netip.AddrPort{resolver}}
	if _, err := l.reconcile(s); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		same(t, "elsewhere", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "www.elsewhere.example. A"), "NOERROR 198.51.100.7")
	}
	same(t, "ours", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.5")
	if n := asked.Load(); n != 1 {
		t.Errorf("the resolver was asked %d times for one name", n)
	}
}

// startResolver answers every question for an address with 198.51.100.7.
func startResolver(t *testing.T, ns *netns.NS, asked *atomic.Int32) netip.AddrPort {
	t.Helper()
	var conn net.PacketConn
	err := ns.Run(func() (err error) {
		conn, err = net.ListenPacket("udp", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if r.Question[0].Qtype == dns.TypeA {
			asked.Add(1)
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.IPv4(198, 51, 100, 7)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// With nothing to change nothing is written; a name more is one file and no restart;
// an agent that starts finds the server that runs.
func TestOnlyWhatDiffers(t *testing.T) {
	l := newLab(t)
	first := l.apply(view(0, "web1.lab.example 10.0.0.5"), view(1))
	if first.Writes != 4 || len(first.Changes) != 3 {
		t.Errorf("%d writes, changes %v", first.Writes, first.Changes)
	}
	pid := l.pid()
	if again := l.apply(view(0, "web1.lab.example 10.0.0.5"), view(1)); again.Writes != 0 || len(again.Changes) != 0 {
		t.Errorf("%d writes, changes %v", again.Writes, again.Changes)
	}
	want := &desired.Space{NameServer: &desired.NameServer{Views: []desired.NameView{view(0, "db1.lab.example 10.0.0.6", "web1.lab.example 10.0.0.5"), view(1)}}}
	l.d = l.driver(l.d.o.Dir, "1") // another agent
	for _, dryRun := range []bool{true, false} {
		r, err := l.d.Reconcile(t.Context(), want, dryRun)
		if err != nil || r.Writes != 1 || len(r.Changes) != 1 || r.Changes[0].String() != "+ name db1.lab.example: addresses 10.0.0.6" {
			t.Errorf("dry run %v: %d writes, changes %v, %v", dryRun, r.Writes, r.Changes, err)
		}
	}
	same(t, "the new name", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "db1.lab.example. A"), "NOERROR aa 10.0.0.6")
	if l.pid() != pid {
		t.Error("the server was started anew")
	}
	if _, err := l.d.Reconcile(t.Context(), &desired.Space{}, false); err != nil {
		t.Fatal(err)
	}
	left, err := l.d.read()
	if _, _, say := l.d.send(t.Context(), coredns.CommandStatus); err != nil || len(left) != 0 || !errors.Is(say, errNone) {
		t.Errorf("without zones %v is left, %v, %v", left, err, say)
	}
}

func (l *lab) pid() int {
	l.t.Helper()
	_, pid, err := l.d.send(l.t.Context(), coredns.CommandStatus)
	if err != nil {
		l.t.Fatal(err)
	}
	return pid
}

// A server that died, hangs, or is of another release is replaced; an interface that
// was recreated is listened on again; one that is missing is told.
func TestRepair(t *testing.T) {
	l := newLab(t)
	l.d.o.Timeout = 500 * time.Millisecond
	v := view(0, "web1.lab.example 10.0.0.5")
	served := func(what string) {
		t.Helper()
		same(t, what, l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.5")
	}
	l.apply(v)
	for _, signal := range []unix.Signal{unix.SIGKILL, unix.SIGSTOP} {
		pid := l.pid()
		if err := unix.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
		l.awaitGone(pid, signal)
		want := &desired.Space{NameServer: &desired.NameServer{Views: []desired.NameView{v}}}
		for _, dryRun := range []bool{true, false} {
			r, err := l.d.Reconcile(t.Context(), want, dryRun)
			if err != nil || r.Writes != 1 || len(r.Changes) != 1 || r.Changes[0].String() != "+ process name server" {
				t.Errorf("%s, dry run %v: %d writes, %v, %v", signal, dryRun, r.Writes, r.Changes, err)
			}
		}
		served(signal.String())
	}
	l.d = l.driver(l.d.o.Dir, "2")
	l.apply(v)
	served("another release")
	if err := os.WriteFile(filepath.Join(l.d.o.Dir, coredns.Settings), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.apply(v)
	served("damaged settings")

	scratch.Run(t, l.node, "ip link set tapvn0 nomaster")
	scratch.Run(t, l.node, "ip link del vn0")
	_, err := l.reconcile(&desired.NameServer{Views: []desired.NameView{v}})
	if got := driver.ObjectErrors(err); len(got) != 1 || got[0].Owner != "zone/z0" || !strings.Contains(err.Error(), "interface vn0") {
		t.Errorf("without the interface: %v", err)
	}
	for _, command := range []string{"ip link add vn0 type bridge", "ip link set vn0 up", "ip link set tapvn0 master vn0", "ip addr add 10.0.0.1/24 dev vn0"} {
		scratch.Run(t, l.node, command)
	}
	l.apply(v)
	served("the interface made anew")
}

// An agent that is killed leaves the server running, and the next one finds it.
func TestAgentKilled(t *testing.T) {
	l := newLab(t)
	agent := exec.Command(executable(), mortal, l.d.o.Dir)
	agent.Stderr = os.Stderr
	err := l.node.Run(agent.Run)
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Fatalf("the agent was not killed: %v", err)
	}
	const question, want = "web1.lab.example. A", "NOERROR aa 10.0.0.5"
	same(t, "after the agent's end", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", question), want)
	pid := l.pid()
	if r := l.apply(view(0, "web1.lab.example 10.0.0.5")); r.Writes != 0 || l.pid() != pid {
		t.Errorf("the next agent made %d writes, and process %d of %d", r.Writes, l.pid(), pid)
	}
}

// Zones in VRFs have equal addresses, and their guests ask their own zone.
func TestVRF(t *testing.T) {
	requires.VM(t)
	l := newLab(t)
	for i := range l.guests {
		scratch.Run(t, l.node, fmt.Sprintf("ip link add vrf%d type vrf table %d", i, 1000+i))
		scratch.Run(t, l.node, fmt.Sprintf("ip link set vrf%d up", i))
		scratch.Run(t, l.node, fmt.Sprintf("ip link set vn%d master vrf%d", i, i))
		scratch.Run(t, l.node, fmt.Sprintf("ip addr add 2001:db8::1/64 dev vn%d nodad", i)) // joining flushed it
	}
	l.apply(view(0, "web1.lab.example 10.0.0.5"), view(1, "web1.lab.example 10.0.0.77"))
	for _, network := range []string{"udp", "tcp"} {
		same(t, network, l.ask(0, network, "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.5")
		same(t, network, l.ask(1, network, "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.77")
		same(t, network, l.ask(1, network, "[2001:db8::1]:53", "", "web1.lab.example. A"), "NOERROR aa 10.0.0.77")
	}
}

// awaitGone waits until a process that was killed has let go of its socket, or all
// threads of one that was stopped have stopped, which takes a moment too.
func (l *lab) awaitGone(pid int, signal unix.Signal) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 5*time.Second)
	defer cancel()
	reached := func() bool { return unix.Kill(pid, 0) != nil }
	if signal == unix.SIGSTOP {
		reached = func() bool { return stopped(pid) }
	}
	for !reached() && sleep.Context(ctx, time.Millisecond) {
	}
}

// stopped reports whether all threads of a process are stopped (proc(5)).
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		text, gone := os.ReadFile(path)
		if _, state, _ := strings.Cut(string(text), ") "); gone == nil && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return err == nil
}

// No question is lost while settings and names change.
func TestReloadLosesNothing(t *testing.T) {
	l := newLab(t)
	v := view(0, "web1.lab.example 10.0.0.5")
	l.apply(v)
	ctx, cancel := context.WithCancel(t.Context())
	type count struct {
		asked int
		lost  []string
	}
	done := make(chan count)
	go func() {
		var c count
		for ; ctx.Err() == nil && c.asked < 100000; c.asked++ {
			if got := l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"); got != "NOERROR aa 10.0.0.5" {
				c.lost = append(c.lost, got)
			}
		}
		done <- c
	}()
	for i := range 30 {
		w := view(0, "web1.lab.example 10.0.0.5", fmt.Sprintf("x%02d.lab.example 10.0.0.6", i))
		w.Networks = append(w.Networks, netip.MustParsePrefix(fmt.Sprintf("10.1.%d.0/24", i)))
		l.apply(w)
	}
	cancel()
	c := <-done
	if len(c.lost) > 0 || c.asked < 30 {
		t.Errorf("of %d questions %d were lost: %v", c.asked, len(c.lost), c.lost)
	}
}

// One name more of 10,000 is answered when the driver's call is over; test/bench/dhcp
// has how fast.
func TestTenThousandNames(t *testing.T) {
	l := newLab(t)
	v := view(0)
	for i := range 10000 {
		v.Names = append(v.Names, desired.NameEntry{Name: fmt.Sprintf("n%05d.lab.example", i), IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}})
	}
	l.apply(v)
	for i := range 5 {
		v.Names = append(v.Names, desired.NameEntry{Name: fmt.Sprintf("new%d.lab.example", i), IPs: []netip.Addr{netip.MustParseAddr("10.0.0.9")}})
		l.apply(v)
		same(t, "the new name", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", fmt.Sprintf("new%d.lab.example. A", i)), "NOERROR aa 10.0.0.9")
	}
}

// A server that cannot start reports the reason.
func TestServerThatFails(t *testing.T) {
	l := newLab(t)
	l.d.o.Command, l.d.o.Timeout = []string{"/bin/sh", "-c", "echo no luck today >&2"}, 200*time.Millisecond
	_, err := l.reconcile(&desired.NameServer{Views: []desired.NameView{view(0)}})
	if err == nil || !strings.Contains(err.Error(), "no luck today") {
		t.Errorf("got %v", err)
	}
}

// Whoever holds an address of the DNS server is named, until it lets go.
func TestHolderOfTheAddressIsNamed(t *testing.T) {
	l := newLab(t)
	for _, network := range []string{"udp4", "tcp4"} {
		var held io.Closer
		err := l.node.Run(func() (err error) {
			if network == "udp4" {
				held, err = net.ListenPacket(network, "0.0.0.0:53")
			} else {
				held, err = net.Listen(network, "0.0.0.0:53")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := &desired.NameServer{Views: []desired.NameView{view(0, "web1.lab.example 10.0.0.5")}}
		_, err = l.reconcile(want)
		says := fmt.Sprintf("%s port 53 of this node is already in use by dnsserver.test (process %d", strings.ToUpper(network[:3]), os.Getpid())
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "10.0.0.1 (interface vn0)") {
			t.Errorf("%s: got %v, want %q", network, err, says)
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.reconcile(want); err != nil {
			t.Errorf("%s: when the address is free: %v", network, err)
		}
		if _, err := l.reconcile(nil); err != nil {
			t.Fatal(err)
		}
	}
}
