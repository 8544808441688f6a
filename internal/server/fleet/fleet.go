// Package fleet holds a server's state of the nodes: which have joined, the desired
// document and the last report of each, and the effect of a plan on it. The native
// interface reads it, the agents' interface writes it.
package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// Prefixes of the store.
const (
	prefixFacts  = "facts/"
	prefixStatus = "status/"
	prefixResult = "result/" // <revision>/<node>
)

// DefaultUnreachable is the silence after which a node counts as unreachable if its
// agent's connection did not end: agents report every 30 seconds. After that time
// without a connection a node is no longer suspect, but lost.
const DefaultUnreachable = 90 * time.Second

// Options are the dependencies and settings of a Fleet.
type Options struct {
	Store store.Store
	// Unreachable is the silence after which a node counts as unreachable; 0 means
	// DefaultUnreachable.
	Unreachable time.Duration
	// Patience is how long Ask waits for a node's answer; 0 means DefaultPatience.
	Patience time.Duration
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Fleet has the state of all nodes. Open creates one, Use sets the configuration, and
// Run keeps it current.
type Fleet struct {
	store       store.Store
	unreachable time.Duration
	patience    time.Duration
	now         func() time.Time
	log         *slog.Logger
	started     time.Time
	config      *revision.Service
	docs        documents

	members *mirror.Mirror[*pki.Member]
	facts   *mirror.Mirror[*model.Facts]
	reports *mirror.Mirror[*protocol.Status]
	// questions are the queries to nodes that wait for an answer, by node and ID.
	questions *mirror.Mirror[*protocol.LiveQuery]
	// presence has the servers' records of the nodes that poll them; life is this one's key.
	presence *mirror.Mirror[*presenceDoc]
	life     string
	// attendance gets a value when this server's record may need an update.
	attendance chan struct{}

	mu       sync.Mutex
	contacts map[string]*contact
	changed  chan struct{} // closed and replaced when the content of contacts changes
	handed   map[string]bool
	// sharedAnswers are those of queries that many readers send.
	sharedAnswers map[sharedKey]*sharedAnswer
	// results are the last stored results of each node, by its name.
	results map[string]stored
	// pruned is the newest revision for which old results were removed.
	pruned int64
	// allowances are the rests of the nodes' limits.
	allowances map[string]*allowance
	// attends are the nodes that poll this server, or did.
	attends map[string]*attendance
	others  others
}

// contact is what this server itself received from a node since it started.
type contact struct {
	seen   time.Time
	report *protocol.Status
}

// Open reads the stored state of the nodes.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	f := &Fleet{
		store: o.Store, unreachable: o.Unreachable, patience: cmp.Or(o.Patience, DefaultPatience), now: o.Now, log: o.Logger,
		contacts: make(map[string]*contact), changed: make(chan struct{}), handed: make(map[string]bool), allowances: make(map[string]*allowance),
		results: make(map[string]stored), attends: make(map[string]*attendance), attendance: make(chan struct{}, 1), life: newLife(),
		others: others{beats: make(map[string]otherBeat)}, sharedAnswers: make(map[sharedKey]*sharedAnswer),
	}
	if f.unreachable == 0 {
		f.unreachable = DefaultUnreachable
	}
	if f.now == nil {
		f.now = time.Now
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	f.started = f.now()
	var err error
	if f.members, err = mirror.Open(ctx, o.Store, pki.PrefixMember, f.log, pki.ParseMember); err == nil {
		f.facts, err = mirror.Open(ctx, o.Store, prefixFacts, f.log, parse[model.Facts])
	}
	if err == nil {
		f.reports, err = mirror.Open(ctx, o.Store, prefixStatus, f.log, parse[protocol.Status])
	}
	if err == nil {
		f.questions, err = mirror.Open(ctx, o.Store, prefixQuestion, f.log, parse[protocol.LiveQuery])
	}
	if err == nil {
		f.presence, err = mirror.Open(ctx, o.Store, prefixPresence, f.log, parse[presenceDoc])
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state of the nodes: %w", err)
	}
	return f, nil
}

func parse[T any](r store.Record) (*T, error) {
	v := new(T)
	return v, json.Unmarshal(r.Value, v)
}

// Use sets the configuration. It is separate from Open because the configuration in
// turn asks the fleet for the nodes.
func (f *Fleet) Use(config *revision.Service) { f.config = config }

// Run follows what other servers store until ctx ends.
func (f *Fleet) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { f.members.Run(ctx) })
	wg.Go(func() { f.facts.Run(ctx) })
	wg.Go(func() { f.reports.Run(ctx) })
	wg.Go(func() { f.questions.Run(ctx) })
	wg.Go(func() { f.presence.Run(ctx) })
	wg.Go(func() { f.followOthers(ctx) })
	wg.Go(func() { f.publishPresence(ctx) })
	wg.Wait()
}

// Names returns the names of the nodes that have joined, sorted.
func (f *Fleet) Names() []string { return f.members.Names() }

// SyncMembers reads all members that have been stored so far.
func (f *Fleet) SyncMembers(ctx context.Context) error { return f.members.Sync(ctx) }

// Forget removes a member and all its state.
func (f *Fleet) Forget(ctx context.Context, a *pki.Authority, name string) error {
	if err := a.DeleteMember(ctx, name, store.Delete(prefixFacts+name), store.Delete(prefixStatus+name)); err != nil {
		return err
	}
	f.mu.Lock()
	delete(f.contacts, name)
	delete(f.allowances, name)
	delete(f.attends, name)
	f.wake()
	f.mu.Unlock()
	return f.members.Sync(ctx)
}

// wake notifies the waiters. The caller holds mu.
func (f *Fleet) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}
