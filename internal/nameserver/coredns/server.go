// Package coredns is the name server of a node: CoreDNS as a library, in a process of
// its own (viaduct nameserver), which driver/nameserver starts and tells what to do by
// the files and words of package nameserver. It outlives the agent.
//
// Why this shape: CoreDNS's own configuration cannot bind a socket to an interface,
// which zones in VRFs take, since their gateways may have equal addresses; and its
// reload makes all sockets anew. So the sockets are made here, each with CoreDNS's
// server on it, and live as long as their interface; what changes behind them is a
// pointer, so that no question is lost. CoreDNS's forward and cache answer what is
// not ours; they are in the node's main routing table, where its resolvers are.
package coredns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/cache"
	"github.com/coredns/coredns/plugin/forward"
	"github.com/coredns/coredns/plugin/pkg/proxy"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/nameserver"
)

// Server serves what the files of a directory say.
type Server struct {
	dir, version string
	log          *slog.Logger

	mu      sync.Mutex
	files   map[string][]byte
	content string
	views   map[string]*view // by zone
	sockets map[desired.NameListener]*socket
	faults  map[string]string
	// upstream answers what no view has; nil without forwarders.
	upstream   plugin.Handler
	forward    *forward.Forward
	forwarders []netip.AddrPort
}

// New makes a server of a directory; version is the release that it tells.
func New(dir, version string, log *slog.Logger) *Server {
	return &Server{dir: dir, version: version, log: log, views: map[string]*view{}, sockets: map[desired.NameListener]*socket{}}
}

// Load reads the files and serves what they say; with files that cannot be read it
// goes on as before.
func (s *Server) Load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := readFiles(s.dir)
	if err != nil {
		return err
	}
	want, err := nameserver.Parse(files)
	if err != nil {
		return err
	}
	old := s.forward
	s.chooseUpstream(want.Forwarders)
	serial := uint32(time.Now().Unix())
	views := map[string]*view{}
	for i := range want.Views {
		v := &want.Views[i]
		views[v.Zone] = newView(v, serial, s.upstream)
	}
	s.views, s.files, s.content = views, files, nameserver.Hash(files)
	s.listen(want)
	if old != nil && old != s.forward {
		_ = old.OnShutdown() // ends its health checks, now that nobody asks it; it never fails
	}
	return nil
}

// readFiles reads the files of the directory that the server is told by.
func readFiles(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Name() != nameserver.Settings && !nameserver.IsNamesFile(e.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		files[e.Name()] = data
	}
	return files, nil
}

// chooseUpstream makes the chain of cache and forwarding, unless it stands.
func (s *Server) chooseUpstream(forwarders []netip.AddrPort) {
	if slices.Equal(forwarders, s.forwarders) {
		return
	}
	s.forwarders, s.forward, s.upstream = forwarders, nil, nil
	if len(forwarders) == 0 {
		return
	}
	s.forward = forward.New()
	for _, f := range forwarders {
		s.forward.SetProxy(proxy.NewProxy("forward", f.String(), transport.DNS))
	}
	c := cache.New()
	c.Next = s.forward
	s.upstream = c
}

// listen makes the sockets those that are wanted, each with its zone's view. A socket
// whose interface was made anew is made anew too.
func (s *Server) listen(want *desired.NameServer) {
	s.faults = map[string]string{}
	wanted := map[desired.NameListener]bool{}
	for _, v := range want.Views {
		for _, l := range v.Listen {
			wanted[l] = true
			if err := s.open(l, s.views[v.Zone]); err != nil {
				s.faults[v.Zone] = fmt.Sprintf("cannot listen on %s, interface %s: %v", l.Addr, l.Link, err)
			}
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(s.sockets), compareListeners) {
		if !wanted[l] {
			s.sockets[l].close()
			delete(s.sockets, l)
		}
	}
}

func compareListeners(a, b desired.NameListener) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Link, b.Link))
}

func (s *Server) open(l desired.NameListener, v *view) error {
	link, err := net.InterfaceByName(l.Link)
	if err != nil {
		return err
	}
	if have := s.sockets[l]; have != nil {
		if have.index == link.Index {
			have.view.Store(v)
			return nil
		}
		have.close()
		delete(s.sockets, l)
	}
	made, err := listen(l, link.Index, v)
	if err != nil {
		return err
	}
	s.sockets[l] = made
	s.log.Info("listening", "address", l.Addr, "interface", l.Link)
	return nil
}

// answer is what is said over the control socket.
func (s *Server) answer() nameserver.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return nameserver.Answer{Version: s.version, Content: s.content, Faults: maps.Clone(s.faults)}
}

// again looks after the sockets once more: an interface may have come or changed.
func (s *Server) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want, err := nameserver.Parse(s.files); err == nil {
		s.listen(want)
	}
}

// close ends all sockets.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listen(&desired.NameServer{})
	if s.forward != nil {
		_ = s.forward.OnShutdown()
	}
}

// socket is CoreDNS on one address of one interface, by UDP and TCP.
type socket struct {
	index  int // of the interface
	view   atomic.Pointer[view]
	server *dnsserver.Server
	udp    net.PacketConn
	tcp    net.Listener
}

// listen opens a socket and serves on it until it is closed.
func listen(l desired.NameListener, index int, v *view) (*socket, error) {
	x := &socket{index: index}
	x.view.Store(v)
	config := &dnsserver.Config{Zone: ".", Transport: transport.DNS}
	config.AddPlugin(func(plugin.Handler) plugin.Handler { return x })
	var err error
	if x.server, err = dnsserver.NewServer("dns://"+l.Addr.String(), []*dnsserver.Config{config}); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return bind(c, l) }}
	if x.udp, err = lc.ListenPacket(context.Background(), "udp", l.Addr.String()); err != nil {
		return nil, err
	}
	if x.tcp, err = lc.Listen(context.Background(), "tcp", l.Addr.String()); err != nil {
		_ = x.udp.Close()
		return nil, err
	}
	// Both end when the sockets are closed; until then they only return what is
	// fatal for a socket, after which the driver has it made anew.
	go func() { _ = x.server.ServePacket(x.udp) }()
	go func() { _ = x.server.Serve(x.tcp) }()
	return x, nil
}

// bind ties a socket to its interface, so that it serves a VRF beside others of equal
// addresses, and lets it have an address that the interface does not have yet.
func bind(c syscall.RawConn, l desired.NameListener) error {
	var err error
	ctl := c.Control(func(fd uintptr) {
		if err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, l.Link); err != nil {
			return
		}
		if l.Addr.Addr().Is4() {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
		}
	})
	return cmp.Or(ctl, err)
}

func (x *socket) close() {
	_ = x.udp.Close()
	_ = x.tcp.Close()
}

// ServeDNS implements plugin.Handler.
func (x *socket) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return x.view.Load().ServeDNS(ctx, w, r)
}

// Name implements plugin.Handler.
func (*socket) Name() string { return "viaduct" }
