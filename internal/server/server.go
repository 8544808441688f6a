// Package server is Viaduct's server: it connects the store, the configuration, the
// nodes and the certificates and serves them, over TLS to agents and administrators
// and over a unix socket to administrators on the host.
//
// A server has no state that is not in the store, so it may be killed at any moment,
// and any number of servers may share one store.
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/viaduct-sdn/viaduct/docs"
	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/backup"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/sector"
	"github.com/viaduct-sdn/viaduct/internal/server/agentapi"
	"github.com/viaduct-sdn/viaduct/internal/server/api"
	"github.com/viaduct-sdn/viaduct/internal/server/event"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/positions"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/internal/server/webui"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/web"
)

// Limits that prevent slow or silent clients from exhausting the server.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// pingAfter is the silence after which an HTTP/2 connection is probed. It detects nodes
	// with a host that vanished without closing its connections.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
	writeSlack  = time.Minute // in addition to a long poll, to send an answer
	maxHeader   = 64 << 10    // bytes
	stopTimeout = 5 * time.Second
)

// Config has the dependencies and settings of a server. Data and Store are required.
type Config struct {
	// Data is the server's directory: api.sock, and an administrator's
	// certificate (admin.crt, admin.key, ca.crt) for use over the network.
	Data string
	// Store has all state. The server does not close it.
	Store store.Store
	// Listeners accept TCP connections; the server adds TLS. Run closes them.
	Listeners []net.Listener
	// Names are DNS names and addresses for the server's certificate, in addition to the
	// host's name and the part of it before the first dot.
	Names []string
	// Advertise are the URLs at which others reach this server; empty means those that
	// follow from Listeners and Names. The servers of a cluster advertise each other's URLs
	// to agents and users.
	Advertise []string
	// UnixSocket is the socket for administrators on the host; empty means
	// api.sock in Data.
	UnixSocket string
	Logger     *slog.Logger
	// Version is the release.
	Version string
	// LabCommand is the command that controls the lab of this server, for people to copy; empty
	// outside of labs.
	LabCommand string
	// Ready, if set, is called when the server serves.
	Ready func()
	// Unreachable is the silence after which a node counts as unreachable; 0 means
	// fleet.DefaultUnreachable. MaxPoll limits long polls; 0 means
	// protocol.MaxPoll.
	Unreachable, MaxPoll time.Duration
	// NewCluster allows a data directory of another cluster to be used with the store,
	// even if that is empty.
	NewCluster bool
	// AuditSinks receive every audit entry. The server does not close them.
	AuditSinks []audit.Sink
	// Connections limits those of the network; the zero value means as many as the
	// process's file descriptors allow, at most limit.DefaultConnections. Bodies limits
	// the memory for requests' bodies; the zero value means limit.DefaultBodies.
	Connections limit.Connections
	Bodies      limit.Bodies
	// External has the settings for access to external systems, and their allowed addresses.
	External rest.Options

	// refresh is how often the administrator's certificate is checked; 0
	// means refreshAdmin.
	refresh time.Duration
	// hostname returns this host's name; nil means os.Hostname.
	hostname func() (string, error)
}

// Server serves. New creates one.
type Server struct {
	cfg  Config
	log  *slog.Logger
	stop chan struct{} // closed when long polls must end
	// pages is the web interface.
	pages *webui.Handler
	// admins knows which administrators' certificates are valid.
	admins *pki.Administrators
	// serving counts the active listeners.
	serving atomic.Int32
}

// New creates a server; Run starts it.
func New(cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Data == "" {
		return nil, errors.New("a server needs a store and a data directory")
	}
	if cfg.UnixSocket == "" {
		cfg.UnixSocket = filepath.Join(cfg.Data, "api.sock")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxPoll == 0 {
		cfg.MaxPoll = protocol.MaxPoll
	}
	if cfg.refresh == 0 {
		cfg.refresh = refreshAdmin
	}
	if cfg.hostname == nil {
		cfg.hostname = os.Hostname
	}
	if cfg.Bodies == (limit.Bodies{}) {
		cfg.Bodies = limit.DefaultBodies
	}
	if cfg.Connections == (limit.Connections{}) {
		files, err := limit.Descriptors()
		if err != nil {
			return nil, err
		}
		if cfg.Connections, err = limit.Bounds(0, 0, files); err != nil {
			return nil, err
		}
	}
	if err := cfg.Connections.Validate(); err != nil {
		return nil, err
	}
	pages, err := webui.New(web.Bundle(), docs.Files)
	if err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, log: cfg.Logger, stop: make(chan struct{}), pages: pages}, nil
}

// Run serves until ctx ends, then waits a few seconds for open requests. It then returns
// nil, and otherwise the reason why the server cannot continue. It can be called
// once.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel() // before the wait
	defer s.closeListeners()

	if err := s.checkStore(ctx); err != nil {
		return err
	}
	nodes, err := fleet.Open(ctx, fleet.Options{Store: s.cfg.Store, Unreachable: s.cfg.Unreachable, Logger: s.log})
	if err != nil {
		return err
	}
	config, err := revision.Open(ctx, s.cfg.Store, revision.Options{Known: nodes.Names, Logger: s.log})
	if err != nil {
		return err
	}
	nodes.Use(config)
	config.Use(sector.New(s.cfg.Store, config, nodes)) // before addresses: what it makes has some
	external := systems.Clients{Options: s.cfg.External}
	addresses, err := ipam.Open(ctx, ipam.Options{Store: s.cfg.Store, Config: config, Plugins: external, Logger: s.log})
	if err != nil {
		return err
	}
	authority, err := pki.Open(ctx, s.cfg.Store, nil)
	if err != nil {
		return err
	}
	if s.admins, err = pki.OpenAdministrators(ctx, s.cfg.Store, nil, s.log); err != nil {
		return err
	}
	if err := s.writeAdmin(ctx, authority); err != nil {
		return err
	}
	users, err := access.Open(ctx, s.cfg.Store, access.Options{Logger: s.log})
	if err != nil {
		return err
	}
	tasks, err := task.Open(ctx, s.cfg.Store, task.Options{Node: hostName(), Logger: s.log})
	if err != nil {
		return err
	}
	places, err := positions.Open(ctx, s.cfg.Store, s.log)
	if err != nil {
		return err
	}
	others, err := s.openPeers(ctx)
	if err != nil {
		return err
	}
	socket, err := listenUnix(s.cfg.UnixSocket)
	if err != nil {
		return err
	}
	trail := audit.Open(s.cfg.Store, audit.Options{Logger: s.log, Sinks: s.cfg.AuditSinks})
	events := event.New(event.Options{Config: config, Fleet: nodes, Warnings: s.warnings, Logger: s.log, Moved: places.Changed})
	for _, run := range []func(context.Context){others.run, nodes.Run, config.Run, addresses.Run, users.Run, trail.Run, events.Run, tasks.Run, places.Run, s.admins.Run} {
		background.Go(func() { run(ctx) })
	}
	background.Go(func() { s.keepAdmin(ctx, authority) })
	tlsConfig := authority.ServerTLS(s.certificateNames())
	checks := &checker{s: s, load: func(ctx context.Context) error {
		_, err := config.View(ctx)
		return err
	}}
	return s.serve(ctx, socket, tlsConfig, s.routes(checks,
		&api.Handler{
			Config: config, Addresses: addresses, External: external, Ping: external.Ping, Fleet: nodes, Authority: authority, Access: users, Events: events, Positions: places, Audit: trail, Administrator: s.administrator, Administrators: s.admins, Servers: others.urls, Warnings: s.warnings,
			Backup: func(ctx context.Context, w io.Writer) error {
				return backup.Write(ctx, s.cfg.Store, s.cfg.Version, time.Now(), w)
			},
			Version: s.cfg.Version, LabCommand: s.cfg.LabCommand, MaxPoll: s.cfg.MaxPoll, Stop: s.stop, Log: s.log,
		},
		&agentapi.Handler{Servers: others.urls, Authority: authority, Fleet: nodes, Addresses: addresses, MaxPoll: s.cfg.MaxPoll, Stop: s.stop, Log: s.log},
		&pveapi.Handler{
			Config: config, Addresses: addresses, Fleet: nodes, Access: users, Tasks: tasks, Audit: trail, Store: s.cfg.Store, Version: s.cfg.Version, Node: hostName(), External: external,
			Local: throughSocket, Certificate: func() (*x509.Certificate, error) { return pki.CertificateOf(tlsConfig) }, Log: s.log, Stop: s.stop,
		}))
}

// openPeers creates the list of the servers that share the store, including this one.
func (s *Server) openPeers(ctx context.Context) (*peers, error) {
	own, err := advertised(s.cfg.Advertise, s.cfg.Names, s.cfg.Listeners)
	if err != nil {
		return nil, err
	}
	if len(own) == 0 && len(s.cfg.Listeners) > 0 {
		s.log.Warn("the addresses at which others reach this server are not known, so nodes and users do not learn of it: name them with --advertise")
	}
	return openPeers(ctx, s.cfg.Store, own, s.log)
}

// routes combines the interfaces.
func (s *Server) routes(checks *checker, native *api.Handler, agents *agentapi.Handler, pve *pveapi.Handler) http.Handler {
	proxmox := pve.Routes()
	mux := http.NewServeMux()
	mux.Handle("/agent/v1/", agents.Routes())
	mux.Handle("/", native.Routes())
	checks.routes(mux)
	return limit.NewBudget(s.cfg.Bodies, s.log).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer problem.Recover(w, r, s.log)
		// The client must accept the answer in time, not counting a wait for a poll.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.MaxPoll + writeSlack))
		if strings.HasPrefix(r.URL.Path, pveapi.Prefix) { // a mux would clean their paths
			proxmox.ServeHTTP(w, r)
			return
		}
		if s.pages.Serves(r) {
			s.pages.ServeHTTP(w, r)
			return
		}
		r, done := s.guarded(r)
		defer done()
		mux.ServeHTTP(w, r)
	}))
}

// serve serves until ctx ends, a listener fails, or the store fails.
func (s *Server) serve(ctx context.Context, socket net.Listener, tlsConfig *tls.Config, routes http.Handler) error {
	local, remote := s.httpServer(routes), s.httpServer(routes)
	local.ConnContext = peerContext
	failed := make(chan error, 1+len(s.cfg.Listeners))
	run := func(srv *http.Server, l net.Listener) {
		s.serving.Add(1)
		defer s.serving.Add(-1)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving %s: %w", l.Addr(), err)
		}
	}
	var serving sync.WaitGroup
	// A client that exhausts the network's connections leaves the socket to administrators.
	reserved := limit.Connections{Total: limit.SocketConnections, PerAddress: limit.SocketConnections, PerNetwork: limit.SocketConnections}
	socket = limit.NewGate(reserved, s.log).Listen(socket)
	gate := limit.NewGate(s.cfg.Connections, s.log)
	serving.Go(func() { run(local, socket) })
	for _, l := range s.cfg.Listeners {
		serving.Go(func() { run(remote, tls.NewListener(gate.Listen(l), tlsConfig)) })
		s.log.Info("serving", "address", l.Addr().String())
	}
	s.log.Info("serving", "socket", s.cfg.UnixSocket, "max-connections", s.cfg.Connections.Total, "max-connections-per-address", s.cfg.Connections.PerAddress)
	if s.cfg.Ready != nil {
		s.cfg.Ready()
	}
	err := s.wait(ctx, failed)
	close(s.stop)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, srv := range []*http.Server{local, remote} {
		if srv.Shutdown(stopping) != nil {
			_ = srv.Close() // the remaining clients have had their time
		}
	}
	serving.Wait()
	return err
}

// failing is a store that can fail permanently, as an embedded one does when its disk
// fails.
type failing interface {
	Failed() <-chan struct{}
	Err() error
}

func (s *Server) wait(ctx context.Context, failed <-chan error) error {
	var gaveUp <-chan struct{}
	st, ok := s.cfg.Store.(failing)
	if ok {
		gaveUp = st.Failed()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case <-gaveUp:
		return st.Err()
	}
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, // includes the TLS handshake
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) closeListeners() {
	for _, l := range s.cfg.Listeners {
		_ = l.Close() // Shutdown may have closed it before
	}
}
