// Package audit records who did what: one entry for every write request to a server,
// whether it was carried out or rejected.
//
// It is next to the one-way flow: the interfaces for people and programs record their
// writes here. An entry goes to the log at once, with the message "audit", and a moment
// later to the store, where the newest ones are kept. Neither has any part of a request's
// body, so no secret can get there.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Most is how many entries of completed writes are kept, and MostRefused how many of
// others. Until old ones are removed there may be as many more for each server.
const (
	Most        = 10_000
	MostRefused = 2_000
)

const (
	prefix        = "audit/"
	prefixRefused = "audit-refused/"
	// queued bounds how many entries wait to be stored. A page has at most so many
	// entries, and bytes unless it has one entry only: an external etcd accepts requests
	// of 1.5 MiB by default. Old pages are removed so many at once: it accepts 128 writes
	// in a transaction.
	queued    = 1024
	pageMost  = 100
	pageBytes = 256 << 10
	batch     = 100
	// tidyAfter is how many entries a server stores at least until it removes old ones,
	// which requires reading all: as many as are kept, if that is more.
	tidyAfter = 256
	// linger is how long an entry waits for others to be stored with.
	linger = 100 * time.Millisecond
	// tries is how often storing is tried while the server runs, and timeout how long each
	// try, and a wait for entries that are being stored, may last.
	tries   = 5
	timeout = 3 * time.Second
	// maxText bounds each text of an entry, in bytes, and maxObjects its objects.
	maxText    = 512
	maxObjects = 50
)

// Entry is one write.
type Entry struct {
	// ID is given by the trail: later entries have greater ones.
	ID   string    `json:"-"`
	Time time.Time `json:"time"`
	// Author is the author of the request: "root@local", "bob@pve!ci".
	Author string `json:"author"`
	// Claimed means that the author is not authenticated: a login that failed.
	Claimed bool `json:"-"`
	// From is the address of the client; empty for the server's own socket.
	From string `json:"from,omitempty"`
	// Operation is the requested operation, and Target its path or object: "putVnet",
	// "/api/v1/vnets/v1".
	Operation string `json:"operation"`
	Target    string `json:"target"`
	// Objects are those that a batch is about: "vnet/v1".
	Objects []string `json:"objects,omitempty"`
	// Status is that of the HTTP answer; Error is a short reason of the error.
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	// Count is how many equal entries this one represents that came within a minute after
	// another one; 0 for a single one.
	Count int `json:"count,omitempty"`
}

// Query selects entries.
type Query struct {
	// Author, if not empty, selects the entries of one author.
	Author string
	// After is the ID of an entry: only older ones are returned, which come after it.
	// Empty begins with the newest.
	After string
	// Limit bounds how many are returned.
	Limit int
}

// Trail is where writes are recorded.
type Trail interface {
	// Record records an entry, and sets its Time and ID. It does not wait.
	Record(e Entry)
	// List returns entries, the newest first, including all recorded before.
	List(ctx context.Context, q Query) ([]Entry, error)
}

// Options change how Open creates a log. The zero value is valid.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger gets every entry; nil drops them.
	Logger *slog.Logger
	// Most is how many entries of completed writes are kept, and MostRefused of rejected
	// ones; 0 means Most and MostRefused.
	Most, MostRefused int
	// Sinks get every entry that is stored.
	Sinks []Sink
}

// Log is the Trail of a server. Create one with Open; Run stores the entries.
type Log struct {
	store store.Store
	now   func() time.Time
	log   *slog.Logger
	// series are completed and rejected writes.
	series   [2]series
	refusals refusals
	sinks    []Sink
	sinkFail rate.Sometimes
	// server distinguishes entries of several servers at the same nanosecond.
	server string
	queue  chan item

	mu   sync.Mutex
	last int64 // nanoseconds; times of one server only grow
}

// series is where one class of entries is kept, and how many of them.
type series struct {
	prefix string
	most   int
}

// of returns the series of an entry.
func (l *Log) of(e *Entry) series {
	if e.refused() {
		return l.series[1]
	}
	return l.series[0]
}

// item is an entry to be stored, or, with done, a request for a notification when all
// before it were.
type item struct {
	entry Entry
	done  chan struct{}
}

var _ Trail = (*Log)(nil)

// Open creates a log on a store.
func Open(st store.Store, o Options) *Log {
	l := &Log{
		store: st, now: o.Now, log: o.Logger, queue: make(chan item, queued), server: fmt.Sprintf("%08x", rand.Uint32()), sinks: o.Sinks,
		series:   [2]series{{prefix, cmp.Or(o.Most, Most)}, {prefixRefused, cmp.Or(o.MostRefused, MostRefused)}},
		sinkFail: rate.Sometimes{First: 1, Interval: time.Minute},
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	return l
}

// Record implements Trail. Repeated rejections are counted, see refusals. If the queue is
// full, the entry is in the log only, with a note about that.
func (l *Log) Record(e Entry) {
	if e.refused() {
		var ok bool
		if e, ok = l.refusals.count(e, l.now()); !ok {
			return
		}
	}
	l.record(e)
}

func (l *Log) record(e Entry) {
	e = l.stamped(e)
	attrs := []any{"author", e.Author, "from", e.From, "operation", e.Operation, "target", e.Target, "status", e.Status}
	if len(e.Objects) > 0 {
		attrs = append(attrs, "objects", strings.Join(e.Objects, " "))
	}
	if e.Error != "" {
		attrs = append(attrs, "error", e.Error)
	}
	if e.Count > 0 {
		attrs = append(attrs, "count", e.Count)
	}
	l.log.Info("audit", attrs...)
	select {
	case l.queue <- item{entry: e}:
	default:
		l.log.Error("an audit entry is in this log only: the store does not take entries as fast as they come", "id", e.ID)
	}
}

// stamped returns the entry with time and ID, and within its bounds.
func (l *Log) stamped(e Entry) Entry {
	l.mu.Lock()
	l.last = max(l.last+1, l.now().UnixNano())
	e.Time = time.Unix(0, l.last).UTC()
	l.mu.Unlock()
	e.ID = entryID(e.Time, l.server)
	for _, s := range []*string{&e.Author, &e.From, &e.Operation, &e.Target, &e.Error} {
		*s = cut(*s)
	}
	more := len(e.Objects) - maxObjects
	e.Objects = slices.Clone(e.Objects[:min(len(e.Objects), maxObjects)])
	for i := range e.Objects {
		e.Objects[i] = cut(e.Objects[i])
	}
	if more > 0 {
		e.Objects = append(e.Objects, fmt.Sprintf("and %d more", more))
	}
	return e
}

func cut(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Run stores the entries until ctx ends, and then the remaining ones.
func (l *Log) Run(ctx context.Context) {
	l.tidy(ctx)
	sinceTidy := 0
	tick := time.NewTicker(window / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, e := range l.refusals.due(l.now().Add(-window)) {
				l.record(e)
			}
		case first := <-l.queue:
			sinceTidy += l.write(ctx, l.gather(ctx, first))
			if sinceTidy >= max(tidyAfter, min(l.series[0].most, l.series[1].most)) {
				sinceTidy = 0
				l.tidy(ctx)
			}
		case <-ctx.Done():
			for _, e := range l.refusals.due(l.now()) {
				l.record(e)
			}
			for {
				select {
				case first := <-l.queue:
					l.write(ctx, l.gather(ctx, first))
				default:
					return
				}
			}
		}
	}
}

// gather collects further entries for a moment, so that they are stored together. It does
// not delay items with done, nor the end.
func (l *Log) gather(ctx context.Context, first item) []item {
	items := append(make([]item, 0, pageMost), first)
	over, cancel := context.WithTimeout(ctx, linger)
	defer cancel()
	for len(items) < pageMost && items[len(items)-1].done == nil {
		select {
		case i := <-l.queue:
			items = append(items, i)
			continue
		default:
		}
		select {
		case i := <-l.queue:
			items = append(items, i)
		case <-over.Done():
			return items
		}
	}
	return items
}

// write stores entries and returns how many there were.
func (l *Log) write(ctx context.Context, items []item) int {
	var entries []Entry
	for _, i := range items {
		if i.done != nil {
			defer close(i.done)
		} else {
			entries = append(entries, i.entry)
		}
	}
	for _, s := range l.sinks {
		if err := s.Write(entries); err != nil {
			l.sinkFail.Do(func() {
				l.log.Error("audit entries are missing where they are to be written to besides the store; see that there is room", "entries", len(entries), "error", err)
			})
		}
	}
	n := 0
	for _, s := range l.series {
		own := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return l.of(&e) != s })
		for _, p := range paged(own) {
			n += l.storePage(ctx, s, p)
		}
	}
	return n
}

// storePage stores a page and returns how many entries it has; none if it could not.
func (l *Log) storePage(ctx context.Context, s series, p page) int {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		// The end of the server must not interrupt it.
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		_, err := l.store.Txn(one, nil, []store.Op{store.Put(s.prefix+p.id, p.lines)})
		cancel()
		if err == nil {
			return p.len()
		}
		if wait > 50*time.Millisecond<<(tries-2) || !sleep.Context(ctx, wait) {
			l.log.Error("audit entries are in this log only: they could not be stored", "entries", p.len(), "error", err)
			return 0
		}
	}
}

// tidy removes the oldest pages beyond the entries that are kept.
func (l *Log) tidy(ctx context.Context) {
	for _, s := range l.series {
		l.tidySeries(ctx, s)
	}
}

func (l *Log) tidySeries(ctx context.Context, s series) {
	pages, err := l.pages(ctx, s)
	kept := 0
	old := len(pages)
	for old > 0 && kept < s.most {
		old--
		kept += pages[old].len()
	}
	for chunk := range slices.Chunk(pages[:old], batch) {
		ops := make([]store.Op, len(chunk))
		for i, p := range chunk {
			ops[i] = store.Delete(s.prefix + p.id)
		}
		if _, err = l.store.Txn(ctx, nil, ops); err != nil || !sleep.Context(ctx, linger) { // other servers write, too
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		l.log.Warn("old audit entries could not be removed, trying again later", "error", err)
	}
}

// List implements Trail.
func (l *Log) List(ctx context.Context, q Query) ([]Entry, error) {
	if err := l.flush(ctx); err != nil {
		return nil, err
	}
	done, err := l.newest(ctx, l.series[0])
	if err != nil {
		return nil, err
	}
	refused, err := l.newest(ctx, l.series[1])
	if err != nil {
		return nil, err
	}
	out := []Entry{}
	for e := range merged(done, refused) {
		if len(out) == q.Limit {
			break
		}
		if (q.After == "" || e.ID < q.After) && (q.Author == "" || q.Author == e.Author) {
			out = append(out, e)
		}
	}
	return out, nil
}

// errSlow: the queue is full and stays so.
var errSlow = errors.New("the store does not take audit entries as fast as they come")

// flush waits until everything recorded before is stored.
func (l *Log) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	done := make(chan struct{})
	select {
	case l.queue <- item{done: done}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
