package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// An embedded store reserves space for writes that free space. The fuller it is, the
// smaller a transaction has to be: it first rejects writes that only add data, and accepts
// deletions (a discard is a small write and a deletion) and access control data to the
// end. etcd's own quota applies to the file, and beyond it etcd accepts nothing at all
// until a restart; it is so much larger that it is not reached.
const (
	// fileSlack is by how much the file may exceed twice the quota: pages that a
	// compaction frees are reused a moment later only.
	fileSlack = 256 << 20
	// midUse and highUse are the shares of the quota from which a transaction may write
	// midWrite and highWrite bytes; beyond fullUse only writes that free space are
	// accepted.
	midUse, midWrite   = 0.85, 64 << 10
	highUse, highWrite = 0.92, 8 << 10
	fullUse            = 0.97
	// largestFree bounds a write that frees space: it is small.
	largestFree = 64 << 10
	// keepRevisions is how many of the store's revisions a compaction keeps for watches.
	keepRevisions = 100
	// For a transaction that does not fit everything possible is freed, no more often than
	// pressureEvery, unless the part freeShare of the quota was written since.
	pressureEvery = 20 * time.Millisecond
	freeShare     = 64
	// commits is how many commits may pass until what a compaction freed is counted, with
	// a pause of settle after each: concurrent readers end in the meantime.
	commits = 20
	settle  = 2 * time.Millisecond
	// noKey is a key that never exists.
	noKey = "\x00"
	// compactShare is the share of the quota after which, once written, the store is
	// compacted and its log cut: a start must not read overwritten data.
	compactShare = 8
	// shrinkFrom is the number of unused bytes from which the database is shrunk at a
	// start.
	shrinkFrom = 64 << 20
)

// vital are the prefixes of keys that are written regardless of the use: access control,
// and the authority and members of the cluster.
var vital = []string{"access/", "pki/", "member/"}

// warnAt are the shares of the quota that are logged.
var warnAt = []float64{0.5, 0.75, 0.9}

// room monitors the size of an embedded store.
type room struct {
	dir    string
	quota  int64
	etcd   *embed.Etcd
	client *clientv3.Client
	log    *slog.Logger

	written atomic.Int64  // since the last compaction
	unfreed atomic.Int64  // written since the last compaction that freed all it could
	due     chan struct{} // there is something to compact

	mu     sync.Mutex
	freed  time.Time // when everything possible was freed
	warned int       // how many of warnAt have been logged
}

func newRoom(c Embedded, quota int64, etcd *embed.Etcd, client *clientv3.Client) *room {
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &room{dir: c.Dir, quota: quota, etcd: etcd, client: client, log: log, due: make(chan struct{}, 1)}
}

// use is the share of the quota that is in use.
func (r *room) use() float64 {
	return float64(r.etcd.Server.Backend().SizeInUse()) / float64(r.quota)
}

// Used returns how many bytes an embedded store has in use and may have; ok is false for
// an external cluster, which its operator monitors.
func (s *Store) Used() (used, most int64, ok bool) {
	if s.room == nil {
		return 0, 0, false
	}
	return s.room.etcd.Server.Backend().SizeInUse(), s.room.quota, true
}

// writable rejects a transaction for which there is no space.
func (r *room) writable(ctx context.Context, ops []store.Op) error {
	if r.fits(ops) {
		return nil
	}
	if r.free(ctx, func() bool { return r.fits(ops) }) { // perhaps much was deleted or overwritten since
		return nil
	}
	return fmt.Errorf("%w: the store in %s has %d of %d MiB in use, and what is left is kept for discarding, deleting and user management; nothing was changed: "+
		"apply or discard pending edits, and delete what is not needed", store.ErrNoSpace, r.dir, r.etcd.Server.Backend().SizeInUse()>>20, r.quota>>20)
}

func (r *room) fits(ops []store.Op) bool {
	use := r.use()
	if use < midUse {
		return true
	}
	size, frees, essential := 0, false, true
	for _, op := range ops {
		size += len(op.Value)
		frees = frees || op.Delete
		essential = essential && hasAnyPrefix(op.Key, vital)
	}
	switch {
	case size <= largestFree && (frees || essential):
		return true
	case use < highUse:
		return size <= midWrite
	case use < fullUse:
		return size <= highWrite
	}
	return false
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// wrote notes that so many bytes were written.
func (r *room) wrote(n int) {
	r.unfreed.Add(int64(n))
	if r.written.Add(int64(n)) < r.quota/compactShare {
		return
	}
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// run compacts when it is due, until ctx ends.
func (r *room) run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		r.warn()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.due:
			r.mu.Lock()
			r.compact(ctx, keepRevisions)
			r.mu.Unlock()
		}
	}
}

// warn logs once that the use has passed another mark.
func (r *room) warn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	use, passed := r.use(), 0
	for _, at := range warnAt {
		if use >= at {
			passed++
		}
	}
	if passed > r.warned {
		r.log.Warn("the store fills up: delete what is not needed, apply or discard pending edits, and look at what grows with: viaduct history, viaduct audit",
			"dir", r.dir, "percent", int(100*use), "quota-mib", r.quota>>20)
	}
	r.warned = passed
}

// free frees what it can until there is enough, and reports whether there is. It does
// nothing if it did so a moment ago and hardly anything was written since.
func (r *room) free(ctx context.Context, enough func() bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.freed) < pressureEvery && r.unfreed.Load() < r.quota/freeShare {
		return enough()
	}
	r.unfreed.Store(0)
	r.compact(ctx, 0)
	defer func() { r.freed = time.Now() }()
	// The database counts the pages that a commit freed with a later commit, when no
	// reader needs the previous state any more. A commit needs something to write: an
	// entry of the log, which changes no key.
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for range commits {
		if enough() {
			return true
		}
		if _, err := r.client.Delete(ctx, noKey); err != nil {
			return enough()
		}
		r.etcd.Server.Backend().ForceCommit()
		if !enough() && !sleep.Context(ctx, settle) {
			return false
		}
	}
	return enough()
}

// compact drops overwritten data, except for the newest revisions.
func (r *room) compact(ctx context.Context, keep int64) {
	r.written.Store(0)
	at := r.etcd.Server.KV().Rev() - keep
	if at <= 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.client.Compact(ctx, at, clientv3.WithCompactPhysical())
	if err != nil && !errors.Is(err, rpctypes.ErrCompacted) && ctx.Err() == nil {
		r.log.Warn("the store could not be compacted, trying again later", "dir", r.dir, "error", err)
	}
	// Takes effect with the next write: a start does not read from the log what is in a
	// snapshot.
	r.etcd.Server.ForceSnapshot()
	r.etcd.Server.Backend().ForceCommit()
}

// shrink returns unused space of the database, which etcd maps into memory at a start, to
// the file system.
func (r *room) shrink() error {
	b := r.etcd.Server.Backend()
	if b.Size()-b.SizeInUse() < shrinkFrom {
		return nil
	}
	if err := b.Defrag(); err != nil {
		return fmt.Errorf("shrinking the store in %s: %w", r.dir, err)
	}
	return nil
}
