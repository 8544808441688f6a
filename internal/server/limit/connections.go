package limit

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Connections limits how many connections may be open at once. All are positive.
type Connections struct {
	// Total limits all of them.
	Total int
	// PerAddress limits those from one address. An agent has one or two, but all
	// agents behind NAT or a proxy share an address.
	PerAddress int
	// PerNetwork limits those from one IPv6 /64 network: a single host has all of its
	// addresses, but a whole cluster may be in one.
	PerNetwork int
}

// Gate admits connections within limits. NewGate creates one.
type Gate struct {
	bounds Connections
	count  *counter

	mu        sync.Mutex
	all       int
	byAddress map[netip.Addr]int
	byNetwork map[netip.Prefix]int
}

// NewGate creates a gate for all listeners that share the limits.
func NewGate(bounds Connections, log *slog.Logger) *Gate {
	return &Gate{bounds: bounds, count: newCounter(log), byAddress: make(map[netip.Addr]int), byNetwork: make(map[netip.Prefix]int)}
}

// Open returns how many connections are open.
func (g *Gate) Open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all
}

// Log messages.
const (
	refusedTotal   = "connections are refused: as many are open as this server takes; close some, or raise --max-connections"
	refusedAddress = "connections are refused: as many are open from one address as this server takes; close some there, or raise --max-connections-per-address"
	refusedNetwork = "connections are refused: as many are open from one IPv6 /64 network as this server takes; close some there, or raise --max-connections"
	refusedSocket  = "connections to the unix socket are refused: as many are open as it takes; end some of the programs that hold them"
	acceptFailed   = "connections cannot be accepted at the moment, trying again"
)

// Listen puts the gate in front of a listener. It closes connections beyond the limits
// at once. It retries a failed accept after a delay, because the process or the system
// may be out of file descriptors: only closing the listener ends it.
func (g *Gate) Listen(l net.Listener) net.Listener {
	return &listener{Listener: l, gate: g, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	gate   *Gate
	once   sync.Once
	closed chan struct{}
}

// The delay after a failed accept.
const (
	leastWait = 5 * time.Millisecond
	mostWait  = time.Second
)

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	wait := leastWait
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			wait = leastWait
			if admitted := l.gate.admit(c); admitted != nil {
				return admitted, nil
			}
			_ = c.Close() // without an answer: that would need the scarce resources
			continue
		case final(err):
			return nil, err
		}
		l.gate.count.note(acceptFailed, "address", l.Addr().String(), "error", err, "in", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return nil, net.ErrClosed
		}
		wait = min(2*wait, mostWait)
	}
}

// final reports whether an error of a listener is permanent.
func final(err error) bool {
	for _, e := range []error{net.ErrClosed, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// admit counts a connection, and returns nil if it exceeds a limit.
func (g *Gate) admit(c net.Conn) net.Conn {
	addr, known := address(c)
	network := networkOf(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.all >= g.bounds.Total && !known:
		g.count.note(refusedSocket, "most", g.bounds.Total)
		return nil
	case g.all >= g.bounds.Total:
		g.count.note(refusedTotal, "most", g.bounds.Total, "from", addr)
		return nil
	case known && g.byAddress[addr] >= g.bounds.PerAddress:
		g.count.note(refusedAddress, "most", g.bounds.PerAddress, "from", addr)
		return nil
	case known && network.IsValid() && g.byNetwork[network] >= g.bounds.PerNetwork:
		g.count.note(refusedNetwork, "most", g.bounds.PerNetwork, "from", network)
		return nil
	}
	g.all++
	if known {
		g.byAddress[addr]++
		if network.IsValid() {
			g.byNetwork[network]++
		}
	}
	return &conn{Conn: c, leave: sync.OnceFunc(func() { g.leave(addr, network, known) })}
}

func (g *Gate) leave(addr netip.Addr, network netip.Prefix, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if !known {
		return
	}
	if g.byAddress[addr]--; g.byAddress[addr] == 0 {
		delete(g.byAddress, addr)
	}
	if !network.IsValid() {
		return
	}
	if g.byNetwork[network]--; g.byNetwork[network] == 0 {
		delete(g.byNetwork, network)
	}
}

// address returns the remote address of a connection; a unix socket has none.
func address(c net.Conn) (netip.Addr, bool) {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	return addr, addr.IsValid()
}

// networkOf returns the /64 of an IPv6 address; the zero value for IPv4.
func networkOf(addr netip.Addr) netip.Prefix {
	if !addr.Is6() {
		return netip.Prefix{}
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// conn is a counted connection.
type conn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite closes the sending direction, if the connection supports it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NetConn returns the connection itself, for callers that query the kernel about it.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Validate checks whether a server can work within the limits.
func (b Connections) Validate() error {
	if b.Total < 1 || b.PerAddress < 1 || b.PerNetwork < 1 {
		return fmt.Errorf("the bounds of connections %d, %d of one address and %d of one network must be at least 1", b.Total, b.PerAddress, b.PerNetwork)
	}
	return nil
}

// hostOf returns a remote address without its port; for a unix socket its whole text.
func hostOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
