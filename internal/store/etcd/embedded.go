package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy/adapter"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// startTimeout bounds the start of an embedded etcd, including reading a large log from a
// slow disk.
const startTimeout = 2 * time.Minute

// stopTimeout bounds the wait for a failed embedded etcd to stop.
const stopTimeout = 5 * time.Second

// DefaultQuota is how much an embedded database may hold, in bytes. All of it is read at
// a start, and mapped into memory.
const DefaultQuota = 512 << 20

// Embedded configures OpenEmbedded.
type Embedded struct {
	// Dir is the data directory; it is made if missing. One server at a time
	// can use it.
	Dir string
	// Quota bounds what the database holds, in bytes; 0 means DefaultQuota. The file may
	// be larger.
	Quota int64
	// Copies is the directory where copies of the store are kept; empty for none.
	// CopyEvery is how often one is made if something was written; 0 means hourly.
	Copies    string
	CopyEvery time.Duration
	Logger    *slog.Logger
}

// OpenEmbedded starts an etcd inside this process and returns once it is ready, within
// about a second. It does not listen: the only access is the Store.
func OpenEmbedded(ctx context.Context, c Embedded) (*Store, error) {
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	run := &engine{dir: c.Dir, lock: lock, failed: make(chan error, 1)}
	if err := run.start(ctx, run.config(c)); err != nil {
		return nil, errors.Join(err, run.stop())
	}
	s := newStore(v3client.New(run.etcd.Server), adapter.KvServerToKvClient(v3rpc.NewQuotaKVServer(run.etcd.Server)), "the store in "+c.Dir,
		run.stop)
	r := newRoom(c, cmp.Or(c.Quota, DefaultQuota), run.etcd, s.client)
	s.wrote = r.wrote
	s.room = r
	s.writable = func(ctx context.Context, ops []store.Op) error {
		if err := space(c.Dir, reserve); err != nil {
			return err
		}
		return r.writable(ctx, ops)
	}
	go func() {
		select {
		case err := <-run.failed:
			s.cancel(err)
		case <-s.ctx.Done():
		}
	}()
	if err := run.recover(ctx, s.client); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := r.shrink(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	go r.run(s.ctx)
	if c.Copies != "" {
		k := &copies{room: r, dir: c.Copies, every: cmp.Or(c.CopyEvery, copyEvery), most: 2 * r.quota}
		go k.run(s.ctx)
	}
	return s, nil
}

// engine is an embedded etcd and the lock of its directory.
type engine struct {
	dir    string
	lock   *os.File
	etcd   *embed.Etcd
	failed chan error // holds the first reason of a failure of etcd
}

func (e *engine) config(c Embedded) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = "viaduct"
	cfg.Dir = c.Dir
	// etcd counts the file, which may contain free pages (see room).
	cfg.QuotaBackendBytes = 2*cmp.Or(c.Quota, DefaultQuota) + fileSlack
	cfg.MaxRequestBytes = MaxBytes
	cfg.MaxTxnOps = 1024
	cfg.AutoCompactionMode = embed.CompactorModePeriodic
	cfg.AutoCompactionRetention = "1h"
	// There is no other member to elect or to catch up: elect at once, and do not keep
	// thousands of entries in memory for others.
	cfg.TickMs, cfg.ElectionMs = 50, 250
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 2000, 100
	// A member has to have addresses, but nothing listens on them.
	nowhere := []url.URL{{Scheme: "http", Host: "localhost:0"}}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, nil
	cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = nowhere, nowhere
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(c.Logger, e.giveUp))
	return cfg
}

// giveUp notes why etcd failed. Only the first reason is kept.
func (e *engine) giveUp(err error) {
	select {
	case e.failed <- dirError(e.dir, err):
	default:
	}
}

// start starts etcd and waits until it is ready. It runs in its own goroutine because etcd
// panics, or ends the goroutine, when its files are damaged.
func (e *engine) start(ctx context.Context, cfg *embed.Config) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	type started struct {
		etcd *embed.Etcd
		err  error
	}
	done := make(chan started, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				e.giveUp(fmt.Errorf("%v", p))
			}
		}()
		etcd, err := embed.StartEtcd(cfg)
		done <- started{etcd, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return dirError(e.dir, r.err)
		}
		e.etcd = r.etcd
	case err := <-e.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("starting the store in %s: %w", e.dir, ctx.Err())
	}
	select {
	case <-e.etcd.Server.ReadyNotify():
		return nil
	case err := <-e.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("starting the store in %s: %w", e.dir, ctx.Err())
	}
}

// recover frees what an etcd that had reached its quota can free, and makes it accept
// writes again.
func (e *engine) recover(ctx context.Context, c *clientv3.Client) error {
	alarms, err := c.AlarmList(ctx)
	if err != nil {
		return fmt.Errorf("checking the store in %s: %w", e.dir, err)
	}
	for _, a := range alarms.Alarms {
		if a.Alarm != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		kv := e.etcd.Server.KV()
		_, err := c.Compact(ctx, kv.Rev(), clientv3.WithCompactPhysical())
		// The periodic compactor may have done it before the stop.
		if err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
			return fmt.Errorf("compacting the full store in %s: %w", e.dir, err)
		}
		if err := e.etcd.Server.Backend().Defrag(); err != nil {
			return fmt.Errorf("shrinking the full store in %s: %w", e.dir, err)
		}
		if _, err := c.AlarmDisarm(ctx, (*clientv3.AlarmMember)(a)); err != nil {
			return fmt.Errorf("unlocking the full store in %s: %w", e.dir, err)
		}
	}
	return nil
}

// stop stops etcd and releases the lock.
func (e *engine) stop() error {
	if e.etcd != nil {
		done := make(chan struct{})
		go func() {
			e.etcd.Close()
			close(done)
		}()
		timeout := time.NewTimer(stopTimeout)
		defer timeout.Stop()
		select {
		case <-done:
		case <-timeout.C:
			// Everything acknowledged is on disk; the lock must stay until the
			// process ends, since etcd may still hold its files.
			return fmt.Errorf("the store in %s did not stop within %s", filepath.Clean(e.dir), stopTimeout)
		}
	}
	return e.lock.Close()
}
