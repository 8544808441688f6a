package conntrack

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// gateways are a client and a server with two gateways between them that translate to the same
// address, each to its own range of ports; the client uses the first one.
type gateways struct {
	t              *testing.T
	client, server *netns.NS
	gateway        [2]*netns.NS
}

func newGateways(t *testing.T) *gateways {
	g := &gateways{t: t, client: scratch.New(t), server: scratch.New(t)}
	addr := func(ns *netns.NS, link, prefix string) { scratch.Run(t, ns, "ip addr add "+prefix+" dev "+link) }
	for _, ns := range []*netns.NS{g.client, g.server} {
		scratch.Run(t, ns, "ip link set lo up")
		scratch.Run(t, ns, "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0")
	}
	addr(g.client, "lo", "10.0.1.2/32")
	addr(g.server, "lo", "10.0.2.2/32")
	for i, ports := range []string{"1024-32767", "32768-65535"} {
		ns := scratch.New(t)
		g.gateway[i] = ns
		scratch.Run(t, ns, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0")
		g.veth(g.client, fmt.Sprint("e", i), ns, "in")
		g.veth(ns, "out", g.server, fmt.Sprint("r", i))
		addr(ns, "in", "10.0.1.1/32")
		addr(ns, "out", fmt.Sprintf("192.0.2.1%d/32", i))
		scratch.Run(t, ns, "ip route add 10.0.1.2 dev in")
		scratch.Run(t, ns, "ip route add 10.0.2.2 dev out")
		rules(t, ns, fmt.Sprintf(`table ip t {
 chain post { type nat hook postrouting priority srcnat;
  oifname "out" meta l4proto tcp snat to 198.51.100.1:%s
 }
 chain forward { type filter hook forward priority filter;
  ct state invalid drop
  ct state new tcp flags & (syn | ack) != syn drop
 }
}
`, ports))
	}
	g.uses(0)
	return g
}

// veth joins two namespaces.
func (g *gateways) veth(a *netns.NS, one string, b *netns.NS, other string) {
	scratch.Run(g.t, a, fmt.Sprintf("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", one, other, os.Getpid(), b.FD()))
	scratch.Run(g.t, a, "ip link set "+one+" up")
	scratch.Run(g.t, b, "ip link set "+other+" up")
}

// uses leads both ways through a gateway.
func (g *gateways) uses(i int) {
	scratch.Run(g.t, g.client, fmt.Sprintf("ip route replace default via 10.0.1.1 dev e%d onlink src 10.0.1.2", i))
	scratch.Run(g.t, g.server, fmt.Sprintf("ip route replace 198.51.100.1 via 192.0.2.1%d dev r%d onlink", i, i))
}

// connect opens connections from the client to a server that returns what it receives.
func (g *gateways) connect(n int) []net.Conn {
	g.t.Helper()
	var l net.Listener
	if err := g.server.Run(func() (err error) {
		l, err = net.Listen("tcp4", "10.0.2.2:7")
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	var out []net.Conn
	if err := g.client.Run(func() error {
		for range n {
			c, err := net.DialTimeout("tcp4", "10.0.2.2:7", 5*time.Second)
			if err != nil {
				return err
			}
			g.t.Cleanup(func() { _ = c.Close() })
			out = append(out, c)
		}
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	return out
}

// alive counts the connections that return what is sent.
func alive(conns []net.Conn) int {
	n := 0
	results := make(chan bool)
	for i, c := range conns {
		go func() {
			text := []byte(fmt.Sprintf("message of connection %05d", i))
			_ = c.SetDeadline(time.Now().Add(3 * time.Second))
			_, err := c.Write(text)
			got := make([]byte, len(text))
			if err == nil {
				_, err = io.ReadFull(c, got)
			}
			results <- err == nil && string(got) == string(text)
		}()
	}
	for range conns {
		if <-results {
			n++
		}
	}
	return n
}

// Established connections with translated source addresses go on at another gateway with their
// entries, and not without.
func TestMoveOfConnections(t *testing.T) {
	g := newGateways(t)
	const all = 201
	conns := g.connect(all)
	if n := alive(conns); n != all {
		t.Fatalf("%d of %d connections work at the first gateway", n, all)
	}
	from, to := connTo(t, g.gateway[0]), connTo(t, g.gateway[1])
	entries, err := from.Dump(t.Context(), Filter{ReplyDst: netip.MustParseAddr("198.51.100.1"), Proto: unix.IPPROTO_TCP, FirstPort: 1024, LastPort: 32767})
	if err != nil || len(entries) != all {
		t.Fatalf("%d entries of %d connections: %v", len(entries), all, err)
	}
	left := entries[0].Orig.SrcPort
	b, err := Encode(entries[1:])
	if err != nil {
		t.Fatal(err)
	}
	moved, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if n, existing, err := to.Restore(t.Context(), moved); err != nil || n != all-1 || len(existing) > 0 {
		t.Fatalf("%d of %d entries restored, %d exist: %v", n, all-1, len(existing), err)
	}
	g.uses(1)
	if n, err := from.Delete(t.Context(), entries); err != nil || n != all {
		t.Errorf("%d of %d entries deleted at the first gateway: %v", n, all, err)
	}
	var with, without []net.Conn
	for _, c := range conns {
		if c.LocalAddr().(*net.TCPAddr).Port == int(left) {
			without = append(without, c)
		} else {
			with = append(with, c)
		}
	}
	if n := alive(with); n != len(with) || n != all-1 {
		t.Errorf("%d of %d moved connections work at the second gateway", n, len(with))
	}
	if n := alive(without); n != 0 || len(without) != 1 {
		t.Errorf("%d of %d connections without an entry work", n, len(without))
	}
	if rest, err := from.Dump(t.Context(), Filter{}); err != nil || len(rest) > 0 {
		t.Errorf("%d entries are left at the first gateway: %v", len(rest), err)
	}
}

// connTo opens a connection to a namespace's connection tracking.
func connTo(t testing.TB, ns *netns.NS) *Conn {
	t.Helper()
	c, err := Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
