package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/backup"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

const (
	// defaultServerData is the server's data directory.
	defaultServerData = "/var/lib/viaduct/server"
	// aliveEvery is the interval of notifications to systemd's watchdog.
	aliveEvery = 20 * time.Second
	// gcPercent is how much a server's heap may grow before a collection, unless GOGC is
	// set: with some tens of MiB in use, memory is cheaper than the time that the
	// runtime's default of 100 would spend on it during many writes.
	gcPercent = 200
	// memoryTarget is the size in bytes from which memory is collected eagerly, unless
	// GOMEMLIMIT is set; more may be in use.
	memoryTarget = 1 << 30
)

// serverFlags configure a server.
type serverFlags struct {
	data      string
	listen    []string
	names     []string
	advertise []string
	etcd      []string
	etcdCA    string
	etcdCert  string
	etcdKey   string
	verbose   bool

	connections, perAddress int

	labCommand  string
	auditFile   string
	auditSyslog bool
	newCluster  bool
	external    []string
}

func (f *serverFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.listen, "listen", []string{defaultListen}, "addresses to listen on, or else those in $VIADUCT_LISTEN; sockets passed by systemd replace them")
	fs.StringSliceVar(&f.names, "name", nil, "additional names and addresses of the server in its certificate")
	fs.StringSliceVar(&f.external, "allow-external", nil, "local or link-local networks in which external systems (NetBox, phpIPAM, PowerDNS) are allowed, for example 127.0.0.0/8; without it only administrators may name this host")
	fs.StringSliceVar(&f.advertise, "advertise", nil, "URLs of this server that nodes and clients learn (default: derived from --listen and --name)")
	f.registerEtcd(cmd)
	fs.IntVar(&f.connections, "max-connections", 0, "maximum number of network connections; an agent has one or two (default: derived from the limit of open files, at most "+strconv.Itoa(limit.DefaultConnections)+")")
	fs.IntVar(&f.perAddress, "max-connections-per-address", 0, "maximum number of connections from one address; raise it for agents behind NAT or a proxy (default: an eighth)")
	fs.StringVar(&f.auditFile, "audit-file", "", "also append audit entries to this file, one JSON object per line; reopened on SIGHUP")
	fs.BoolVar(&f.auditSyslog, "audit-syslog", false, "also send audit entries to the local syslog (facility authpriv)")
	fs.BoolVar(&f.newCluster, "new-cluster", false, "start a new cluster in the data directory of another one that lost its store; all nodes have to join again")
	fs.StringVar(&f.labCommand, "lab-command", "", "the command that controls the lab of this server, which the web interface shows; viaduct lab up sets it")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "log debug messages")
}

// registerEtcd registers the flags for an external etcd cluster.
func (f *serverFlags) registerEtcd(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.etcd, "etcd", nil, "keep the state in this etcd cluster (URLs) instead of the embedded one")
	fs.StringVar(&f.etcdCA, "etcd-ca", "", "CA certificate of the etcd cluster, PEM file")
	fs.StringVar(&f.etcdCert, "etcd-cert", "", "client certificate for the etcd cluster, PEM file")
	fs.StringVar(&f.etcdKey, "etcd-key", "", "key of the client certificate, PEM file")
}

func serverCommand() *cobra.Command {
	f := &serverFlags{}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the server of a cluster",
		Long: `The server stores the configuration as numbered revisions in an embedded etcd, or in an
existing etcd cluster. At its first start it creates the certificate authority of the
cluster.

Access to api.sock in the data directory grants everything, as does the certificate
admin.crt over the network. Users have passwords; set the first one of root@pam with
viaduct user passwd root@pam.`,
		Example: `  viaduct server --listen 0.0.0.0:8006
  viaduct server --etcd https://10.0.0.1:2379,https://10.0.0.2:2379 --etcd-ca ca.pem`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.listenAsEnvironment(cmd)
			return runServer(cmd.Context(), cmd.Root().Version, f, notifyReady)
		},
	}
	cmd.Flags().StringVar(&f.data, "data", defaultServerData, "directory of the server's state")
	f.register(cmd)
	return cmd
}

// runServer runs a server until ctx ends, or the store fails.
func runServer(ctx context.Context, version string, f *serverFlags, ready func()) error {
	log := logger(f.verbose)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryTarget)
	}
	files, err := limit.Descriptors()
	if err != nil {
		return err
	}
	connections, err := limit.Bounds(f.connections, f.perAddress, files)
	if err != nil {
		return err
	}
	allowed, err := rest.ParseNetworks(f.external)
	if err != nil {
		return fmt.Errorf("--allow-external: %w", err)
	}
	listeners, err := listen(f.listen)
	if err != nil {
		return err
	}
	sinks, err := f.auditSinks()
	defer func() {
		for _, s := range sinks {
			_ = s.Close()
		}
	}()
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	st, err := openStore(ctx, f, log)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	defer st.Close()
	if err := backup.Unfinished(ctx, st); err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	go reopenOnHangup(ctx, sinks, log)
	s, err := server.New(server.Config{
		Data: f.data, Store: st, Listeners: listeners, Names: f.names, Advertise: f.advertise, Logger: log, Version: version, LabCommand: f.labCommand,
		Ready: ready, Connections: connections, AuditSinks: sinks, NewCluster: f.newCluster, External: rest.Options{Allowed: allowed},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go watch(ctx, st, cancel)
	if err := s.Run(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// watch ends the server when its store has failed, and until then notifies systemd's
// watchdog.
func watch(ctx context.Context, st *etcd.Store, end context.CancelCauseFunc) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-st.Failed():
			end(st.Err())
			return
		case <-tick.C:
			probe, cancel := context.WithTimeout(ctx, aliveEvery/2)
			_, _, err := st.List(probe, "running", "")
			cancel()
			if err == nil {
				notifyAlive()
			}
		}
	}
}

// openStore opens the embedded store, or connects to the etcd cluster.
func openStore(ctx context.Context, f *serverFlags, log *slog.Logger) (*etcd.Store, error) {
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data directory: %w; choose another with --data", err)
	}
	if len(f.etcd) == 0 {
		return etcd.OpenEmbedded(ctx, etcd.Embedded{Dir: filepath.Join(f.data, "store"), Copies: filepath.Join(f.data, "copies"), Logger: log})
	}
	cfg, err := f.etcdTLS()
	if err != nil {
		return nil, err
	}
	return etcd.OpenExternal(ctx, etcd.External{Endpoints: f.etcd, TLS: cfg, Logger: log})
}

func (f *serverFlags) etcdTLS() (*tls.Config, error) {
	if f.etcdCA == "" && f.etcdCert == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.etcdCA != "" {
		pem, err := os.ReadFile(f.etcdCA)
		if err != nil {
			return nil, fmt.Errorf("--etcd-ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--etcd-ca: %s holds no PEM certificate", f.etcdCA)
		}
	}
	if f.etcdCert != "" {
		pair, err := tls.LoadX509KeyPair(f.etcdCert, f.etcdKey)
		if err != nil {
			return nil, fmt.Errorf("--etcd-cert, --etcd-key: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
