package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// OrbitLab's networks: two sectors with the same network leave at once, each with its own
// address of the backplane, and reach neither each other nor the backplane.
func TestExampleOrbitLab(t *testing.T) {
	c := newCluster(t, 3)
	c.example("orbitlab")
	nodes := c.listens("node2")
	for _, guest := range []string{"app1", "app2", "shop1", "shop2"} {
		c.answers(guest, "172.16.0.1")
		c.answers(guest, "198.51.100.1")
		c.silent(guest, "10.200.0.1")
		c.dials(guest, "192.168.0.2", nodes, false)
	}
	c.answers("app1", "172.16.0.43")
	c.answers("shop2", "172.16.0.42")
	c.answers("app1", "172.16.0.43", "-M", "do", "-s", "1422")
	c.in("outside", "ip", "route", "add", "172.16.0.0/24", "via", "192.168.0.1")
	c.silent("outside", "172.16.0.42")
	c.stands()
	c.sectorOfItsOwn()
}

// sectorOfItsOwn demands that equal addresses of two sectors are different guests.
func (c *cluster) sectorOfItsOwn() {
	c.t.Helper()
	app, shop := c.neighbour("app1", "172.16.0.43"), c.neighbour("shop1", "172.16.0.43")
	if shop == "" {
		c.answers("shop1", "172.16.0.43")
		shop = c.neighbour("shop1", "172.16.0.43")
	}
	if app == shop {
		c.t.Errorf("172.16.0.43 is %s in both sectors", app)
	}
}

// One address of the backplane serves guests on all nodes: whichever node a reply arrives at
// hands it over by its port.
func TestSectorAddress(t *testing.T) {
	c := newCluster(t, 3)
	c.example("orbitlab")
	c.run("set", "backplane", "bckplane", "routed=true")
	c.run("apply", "-y")
	seen := c.echoes("outside")
	ports := map[string]uint16{} // first of the slice
	for slice, guest := range map[int]string{1: "app1", 2: "app2", 3: "shop2"} {
		ports[guest] = uint16(32768 + (slice-1)*4096)
	}
	for _, via := range []string{"192.168.0.1", "192.168.0.2", "192.168.0.3"} {
		c.in("outside", "ip", "route", "replace", "10.200.0.0/16", "via", via)
		for guest, first := range ports {
			c.answers(guest, "198.51.100.1")
			from := c.asks(guest, seen)
			want := "10.200.0.10"
			if strings.HasPrefix(guest, "shop") {
				want = "10.200.0.11"
			}
			if from.Addr().String() != want || from.Port() < first || from.Port() > first+4095 {
				t.Errorf("%s is seen as %s with replies by %s, want %s and a port from %d on", guest, from, via, want, first)
			}
			c.toldUnreachable(guest, "198.51.100.1")
		}
		c.answers("outside", "10.200.0.10")
	}
	c.stands()
}

// echoes answers TCP connections on a machine with the address that it sees.
func (c *cluster) echoes(machine string) (addr string) {
	c.t.Helper()
	port := c.serves(machine, func(conn net.Conn) { _, _ = io.WriteString(conn, conn.RemoteAddr().String()) })
	return fmt.Sprintf("198.51.100.1:%d", port)
}

// asks returns the address by which a guest is seen.
func (c *cluster) asks(guest, server string) netip.AddrPort {
	c.t.Helper()
	var told []byte
	err := c.inside(guest, func() error {
		conn, err := net.DialTimeout("tcp", server, 3*time.Second)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		told, err = io.ReadAll(conn)
		return err
	})
	from, parse := netip.ParseAddrPort(string(told))
	if err := errors.Join(err, parse); err != nil {
		c.t.Errorf("%s asks %s: %v", guest, server, err)
	}
	return from
}

// toldUnreachable demands that a guest hears of a port that nobody listens on: the ICMP error
// is handed over by the packet in it.
func (c *cluster) toldUnreachable(guest, addr string) {
	c.t.Helper()
	err := c.inside(guest, func() error {
		conn, err := net.Dial("udp", net.JoinHostPort(addr, "9"))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.Write([]byte("x")); err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		_, err = conn.Read(make([]byte, 1))
		return err
	})
	if !errors.Is(err, syscall.ECONNREFUSED) {
		c.t.Errorf("%s was not told that port 9 of %s is closed: %v", guest, addr, err)
	}
}

// Forwards and floating IPs lead to guests from outside, from the nodes and from the sector
// itself, whichever node is asked, and guests leave with their floating IP.
func TestSectorForwards(t *testing.T) {
	c := newCluster(t, 3)
	c.example("orbitlab")
	c.run("set", "backplane", "bckplane", "routed=true")
	c.run("sector", "float", "app", "10.200.0.99", "172.16.0.43")
	c.run("apply", "-y")
	c.in("outside", "ip", "route", "replace", "10.200.0.0/16", "via", "192.168.0.3")
	port := c.listens("app1")
	c.run("sector", "forward", "app", "tcp/8080", fmt.Sprintf("172.16.0.42:%d", port))
	c.run("sector", "forward", "app", "tcp/9000-9001", "172.16.0.42")
	c.run("apply", "-y")
	for _, from := range []string{"outside", "node1", "node2", "node3", "app1", "app2"} {
		c.dials(from, "10.200.0.10", 8080, true)
	}
	c.dials("outside", "10.200.0.10", 8081, false)
	c.dials("shop1", "10.200.0.10", 8080, false)
	floating := c.listens("app2")
	for _, from := range []string{"outside", "node1", "node2", "node3", "app1"} {
		c.dials(from, "10.200.0.99", floating, true)
	}
	if from := c.asks("app2", c.echoes("outside")); from.Addr().String() != "10.200.0.99" {
		t.Errorf("app2 leaves with %s, want its floating IP", from)
	}
	// They follow a guest that moves.
	c.labRun("guest", "move", "app1", "node3")
	c.dials("outside", "10.200.0.10", 8080, true)
	c.dials("node2", "10.200.0.10", 8080, true)
	c.answers("app1", "198.51.100.1")
	c.run("sector", "unforward", "app", "tcp/8080")
	c.run("sector", "unfloat", "app", "10.200.0.99")
	c.run("apply", "-y")
	c.dials("outside", "10.200.0.10", 8080, false)
	c.dials("outside", "10.200.0.99", floating, false)
	c.stands()
}

// A sector is deleted with everything that it stands for, but not from under its guests. A
// node that dies, or an agent, costs others nothing.
func TestSectorLife(t *testing.T) {
	c := newCluster(t, 3)
	c.run("backplane", "init")
	c.run("sector", "create", "shop", "--subnet", "172.16.0.0/24")
	c.run("apply", "-y")
	c.labRun("guest", "add", "shop1", "--vnet", "olvn1001", "--node", "node1", "--ip", "172.16.0.5")
	c.answers("shop1", "198.51.100.1")
	r := c.try("sector", "delete", "shop")
	if r.code == 0 || !strings.Contains(r.err, "guest 100") {
		t.Errorf("a sector with a guest: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	sent, lost := c.lossWhile("shop1", "198.51.100.1", func() {
		c.kill("node2")
		c.in("node2", "ip", "link", "set", "eth0", "down")
		c.run("sector", "create", "other", "--subnet", "172.16.0.0/24")
		c.run("apply", "-y", "--no-wait")
	})
	if lost > 1 {
		t.Errorf("%d of %d pings of a guest on node1 were lost while node2 died", lost, sent)
	}
	c.in("node2", "ip", "link", "set", "eth0", "up")
	c.labRun("up")
	c.labRun("guest", "rm", "shop1")
	c.run("sector", "delete", "shop")
	c.run("sector", "delete", "other")
	c.run("apply", "-y")
	c.stands()
	for _, node := range []string{"node1", "node2", "node3"} {
		for name := range c.links(node) {
			if strings.Contains(name, "olvn") {
				t.Errorf("%s has %s after its sector was deleted", node, name)
			}
		}
	}
	if out := c.run("get", "all", "-o", "name"); strings.Contains(out, "olvn") {
		t.Errorf("left after the sectors were deleted:\n%s", out)
	}
}
