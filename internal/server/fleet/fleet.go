// Package fleet is the nodes as a server sees them: who has joined, what each
// should have, what it last reported, and what a plan would change on it. The
// native interface reads it, the agents' interface feeds it.
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

// DefaultUnreachable is after what silence a node counts as unreachable whose agent's
// connection did not end: agents report every 30 seconds. After that time without a
// connection it is no longer suspect, but gone.
const DefaultUnreachable = 90 * time.Second

// Options are what a Fleet needs.
type Options struct {
	Store store.Store
	// Unreachable is after what silence a node counts as unreachable; 0 means
	// DefaultUnreachable.
	Unreachable time.Duration
	// Patience is how long Ask waits for a node's answer; 0 means DefaultPatience.
	Patience time.Duration
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Fleet is every node. Make one with Open, give it the configuration with Use,
// and keep it current with Run.
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
	// questions are those to nodes that wait for an answer, by node and ID.
	questions *mirror.Mirror[*protocol.LiveQuery]
	// presence are the servers' records of who polls them; life names this one's.
	presence *mirror.Mirror[*presenceDoc]
	life     string
	// attendance gets a value when this server's record may have to change.
	attendance chan struct{}

	mu      sync.Mutex
	heard   map[string]*heard
	changed chan struct{} // closed and replaced when heard changes in earnest
	handed  map[string]bool
	// results are what was last stored of each node's results, by its name.
	results map[string]stored
	// pruned is the newest revision for which old results were removed.
	pruned int64
	// allowances are what each node may still say.
	allowances map[string]*allowance
	// attends are the nodes that poll this server, or did.
	attends map[string]*attendance
	others  others
}

// heard is what this server itself heard of a node since it started.
type heard struct {
	seen   time.Time
	report *protocol.Status
}

// Open reads what is stored of the nodes.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	f := &Fleet{
		store: o.Store, unreachable: o.Unreachable, patience: cmp.Or(o.Patience, DefaultPatience), now: o.Now, log: o.Logger,
		heard: make(map[string]*heard), changed: make(chan struct{}), handed: make(map[string]bool), allowances: make(map[string]*allowance),
		results: make(map[string]stored), attends: make(map[string]*attendance), attendance: make(chan struct{}, 1), life: newLife(),
		others: others{heard: make(map[string]otherBeat)},
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

// Use gives the fleet the configuration. It is apart from Open because the
// configuration in turn asks the fleet which nodes there are.
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
	wg.Go(func() { f.tellPresence(ctx) })
	wg.Wait()
}

// Names returns the names of the nodes that have joined, sorted.
func (f *Fleet) Names() []string { return f.members.Names() }

// SyncMembers makes sure that every member stored so far is known.
func (f *Fleet) SyncMembers(ctx context.Context) error { return f.members.Sync(ctx) }

// Forget removes a member and everything known of it.
func (f *Fleet) Forget(ctx context.Context, a *pki.Authority, name string) error {
	if err := a.DeleteMember(ctx, name, store.Delete(prefixFacts+name), store.Delete(prefixStatus+name)); err != nil {
		return err
	}
	f.mu.Lock()
	delete(f.heard, name)
	delete(f.allowances, name)
	delete(f.attends, name)
	f.wake()
	f.mu.Unlock()
	return f.members.Sync(ctx)
}

// wake tells those who wait. The caller holds mu.
func (f *Fleet) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}
