// Package dnsserver is the DNS server of a node: CoreDNS as a library, in a separate
// process (viaduct nameserver), which driver/nameserver starts and controls by the files
// and commands of package coredns. It outlives the agent.
//
// Why this design: CoreDNS's own configuration cannot bind a socket to an interface, which
// zones in VRFs need, since their gateways may have equal addresses; and its reload opens
// all sockets again. So the driver, which has the privileges, opens the sockets and passes
// them to this process, which has none (see Process). Each has CoreDNS's server on it and
// exists as long as its interface; a change only replaces a pointer behind them, so that
// no query is lost. CoreDNS's forward and cache answer queries for other names; they use
// the node's main routing table, where its resolvers are.
package dnsserver

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
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// Server serves the content of a directory's files.
type Server struct {
	dir, version string
	log          *slog.Logger

	mu      sync.Mutex
	files   map[string][]byte
	content string
	views   map[string]*view // by zone
	sockets map[desired.NameListener]*socket
	faults  map[string]string
	// missing are the listeners without a socket, and zones maps each listener to its
	// zone.
	missing []desired.NameListener
	zones   map[desired.NameListener]string
	// upstream answers for names outside all views; nil without forwarders.
	upstream   plugin.Handler
	forward    *forward.Forward
	forwarders []netip.AddrPort
}

// New creates a server of a directory; version is the release that it reports.
func New(dir, version string, log *slog.Logger) *Server {
	return &Server{dir: dir, version: version, log: log, views: map[string]*view{}, sockets: map[desired.NameListener]*socket{}}
}

// Load reads the files and serves their content; with unreadable files it keeps the
// previous content.
func (s *Server) Load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := readFiles(s.dir)
	if err != nil {
		return err
	}
	want, err := coredns.Parse(files)
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
	s.views, s.files, s.content = views, files, coredns.Hash(files)
	s.listen(want)
	if old != nil && old != s.forward {
		_ = old.OnShutdown() // ends its health checks, since it gets no more queries; it never fails
	}
	return nil
}

// readFiles reads the configuration files in the directory.
func readFiles(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Name() != coredns.Settings && !coredns.IsNamesFile(e.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed concurrently
		}
		if err != nil {
			return nil, err
		}
		files[e.Name()] = data
	}
	return files, nil
}

// chooseUpstream builds the chain of cache and forwarding, unless it exists.
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

// listen changes the sockets to the wanted ones, each with its zone's view, as far as they
// were passed. One with a recreated interface is missing.
func (s *Server) listen(want *desired.NameServer) {
	s.faults, s.missing = map[string]string{}, nil
	wanted := map[desired.NameListener]string{}
	indexOf := interfaces()
	for _, v := range want.Views {
		for _, l := range v.Listen {
			wanted[l] = v.Zone
			index, err := indexOf(l.Link)
			if err != nil {
				s.faults[v.Zone] = fmt.Sprintf("cannot listen on %s, interface %s: %v", l.Addr, l.Link, err)
			}
			have := s.sockets[l]
			switch {
			case have != nil && err == nil && have.index == index:
				have.view.Store(s.views[v.Zone])
				continue
			case have != nil:
				have.close()
				delete(s.sockets, l)
			}
			if err == nil {
				s.missing = append(s.missing, l)
			}
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(s.sockets), compareListeners) {
		if _, ok := wanted[l]; !ok {
			s.sockets[l].close()
			delete(s.sockets, l)
		}
	}
	s.zones = wanted
}

// interfaces returns a function for the indexes of the present interfaces. They are read once:
// net.InterfaceByName reads all of them for each name.
func interfaces() func(name string) (int, error) {
	all, err := net.Interfaces()
	index := make(map[string]int, len(all))
	for _, i := range all {
		index[i.Name] = i.Index
	}
	return func(name string) (int, error) {
		i, ok := index[name]
		if err == nil && !ok {
			return 0, errors.New("no such network interface")
		}
		return i, err
	}
}

func compareListeners(a, b desired.NameListener) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Link, b.Link))
}

// addSockets uses sockets that were passed for listeners: for each its UDP and its TCP
// socket, all of which are closed here or with their server.
func (s *Server) addSockets(listeners []desired.NameListener, files []*os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer closeAll(files)
	if len(files) != 2*len(listeners) {
		return fmt.Errorf("%d sockets came for %d listeners", len(files), len(listeners))
	}
	var errs []error
	for i, l := range listeners {
		if !slices.Contains(s.missing, l) {
			continue
		}
		made, err := serve(l, files[2*i], files[2*i+1], s.views[s.zones[l]])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, interface %s: %w", l.Addr, l.Link, err))
			continue
		}
		s.sockets[l] = made
		s.missing = slices.DeleteFunc(s.missing, func(m desired.NameListener) bool { return m == l })
		s.log.Info("listening", "address", l.Addr, "interface", l.Link)
	}
	return errors.Join(errs...)
}

// answer is the answer over the control socket.
func (s *Server) answer() coredns.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return coredns.Answer{Version: s.version, Content: s.content, Faults: maps.Clone(s.faults), Missing: slices.Clone(s.missing)}
}

// refresh checks the sockets again: an interface may have appeared or changed.
func (s *Server) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want, err := coredns.Parse(s.files); err == nil {
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

// serve makes CoreDNS serve on two sockets until they are closed.
func serve(l desired.NameListener, udp, tcp *os.File, v *view) (*socket, error) {
	index, err := unix.GetsockoptInt(int(udp.Fd()), unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
	if err != nil {
		return nil, err
	}
	x := &socket{index: index}
	x.view.Store(v)
	config := &dnsserver.Config{Zone: ".", Transport: transport.DNS}
	config.AddPlugin(func(plugin.Handler) plugin.Handler { return x })
	if x.server, err = dnsserver.NewServer("dns://"+l.Addr.String(), []*dnsserver.Config{config}); err != nil {
		return nil, err
	}
	if x.udp, err = net.FilePacketConn(udp); err != nil {
		return nil, err
	}
	if x.tcp, err = net.FileListener(tcp); err != nil {
		_ = x.udp.Close()
		return nil, err
	}
	// Both end when the sockets are closed; until then they only return errors that are
	// fatal for a socket, after which the driver has it opened again.
	go func() { _ = x.server.ServePacket(x.udp) }()
	go func() { _ = x.server.Serve(x.tcp) }()
	return x, nil
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
