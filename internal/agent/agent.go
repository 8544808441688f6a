// Package agent keeps one node as its last revision declares.
//
// It is where the one-way flow ends: it receives the node's document from a server
// by long poll, keeps it on disk, compiles it with the node's own facts, and has
// the drivers make the difference. The loop is level-triggered: events from the
// kernel and new documents only wake it, every pass compares the whole state, and
// a timer runs one anyway. No server is needed to boot, to repair drift or to go
// on through a partition.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Timing of the loop.
const (
	// debounce merges a burst of kernel events into one pass.
	debounce = 50 * time.Millisecond
	// restFactor is how many times the duration of a pass the loop rests after it
	// before events start the next, at most maxRest: however many events there are,
	// the agent uses a small part of a CPU.
	restFactor = 5
	maxRest    = 2 * time.Second
	// minRetry and maxRetry bound the wait after a pass that failed.
	minRetry = time.Second
	maxRetry = time.Minute
	// DefaultResync is the time between passes when nothing happens.
	DefaultResync = 30 * time.Second
	// heartbeat is the longest time between two reports.
	heartbeat = 30 * time.Second
)

// System is the node as the agent sees it.
type System interface {
	// Facts reads the facts of the node: see model.Facts.
	Facts(ctx context.Context) (*model.Facts, error)
	// Events returns a channel that gets a value after something in the node's
	// network changed, whatever made the change. It is closed when ctx ends.
	Events(ctx context.Context) (<-chan struct{}, error)
	// Stages returns the drivers in the order they run.
	Stages() []Stage
	// Ports names the guests' links that are attached to their bridges.
	Ports() []string
	// Reserve sets the patterns (path.Match) of interface names that must not be
	// touched.
	Reserve(patterns []string)
	// BootID identifies the running boot of the machine.
	BootID() string
}

// Config configures an Agent.
type Config struct {
	// Data is the directory of the agent's state.
	Data   string
	System System
	// Resync is the time between passes when nothing happens; 0 means
	// DefaultResync.
	Resync time.Duration
	Log    *slog.Logger
	// Ready is called once, after the first pass over the state on disk (or at
	// once without such state).
	Ready func()
	// Alive is called after every iteration of the loop, for a watchdog.
	Alive func()
}

// Agent is the loop of one node.
type Agent struct {
	Config
	identity *Identity
	disk     *disk

	wake chan struct{}

	mu        sync.Mutex
	doc       *document.Document // the current document
	hash      string             // of doc, as the server has it
	nodeError message.Message    // an error of the node as a whole
	status    *protocol.Status   // of the last pass
	lastPass  passInfo           // input of the last pass
	found     finding            // of the last inspection
	changed   chan struct{}      // closed when status is newer than the last report

	// passing is held while the drivers work: they do one thing at a time.
	passing sync.Mutex

	drift    driftLog
	recent   *recentLog
	bindings *bindings
	load     *loadMeter
}

// New returns an agent that has loaded its identity and last document from
// disk. Without an identity it fails, and the error states how to join.
func New(cfg Config) (*Agent, error) {
	if cfg.Resync == 0 {
		cfg.Resync = DefaultResync
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	for _, f := range []*func(){&cfg.Ready, &cfg.Alive} {
		if *f == nil {
			*f = func() {}
		}
	}
	id, err := LoadIdentity(cfg.Data)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		Config: cfg, identity: id, disk: &disk{dir: cfg.Data},
		wake: make(chan struct{}, 1), changed: make(chan struct{}), bindings: newBindings(), load: newLoadMeter(), recent: newRecentLog(),
	}
	a.Log = a.recent.recording(cfg.Log)
	last, err := a.disk.document()
	if err != nil {
		// A damaged file must not keep the node from receiving a good document
		// from a server; the node's present state is kept until then.
		a.nodeError = msgDocumentUnusable.Of(err)
		a.Log.Error("the last document cannot be used; waiting for a server", "error", err)
	} else if last != nil {
		a.doc, a.hash = last.Document, last.Hash
	}
	known, err := a.disk.bindings()
	if err != nil {
		a.Log.Warn("what is known of addresses is lost; waiting for a server", "error", err)
	} else if known != nil {
		a.bindings.apply(known)
	}
	a.drift.seed(a.disk.applied(), cfg.System.BootID())
	return a, nil
}

// Run keeps the node until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	events, err := a.System.Events(ctx)
	if err != nil {
		return err
	}
	link, err := newServerLink(a.identity, a.disk, a.Log)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { a.poll(ctx, link) })
	wg.Go(func() { a.followBindings(ctx, link) })
	wg.Go(func() { a.keepBindings(ctx) })
	wg.Go(func() { a.report(ctx, link) })
	wg.Go(func() { a.renew(ctx, link) })
	wg.Go(func() { a.answerQueries(ctx, link) })
	wg.Go(func() { a.inspect(ctx) })
	if l, ok := a.System.(FirewallLogger); ok {
		wg.Go(func() { l.FollowFirewallLog(ctx) })
	}
	defer wg.Wait()

	a.loop(ctx, events)
	return ctx.Err()
}

// loop runs passes: at once, when woken, on the timer, and again after a failure.
func (a *Agent) loop(ctx context.Context, events <-chan struct{}) {
	ready := a.Ready
	retry := minRetry
	var rested time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if !a.settle(ctx, events, rested) {
				return
			}
		case <-a.wake:
		case <-timer.C:
		}
		begin := time.Now()
		err := a.pass(ctx)
		rested = time.Now().Add(min(restFactor*time.Since(begin), maxRest))
		next := a.Resync
		if err != nil && !errors.Is(err, context.Canceled) {
			next = min(retry, a.Resync)
			retry = min(2*retry, maxRetry)
		} else {
			retry = minRetry
		}
		timer.Reset(next)
		ready()
		ready = func() {}
		a.Alive()
	}
}

// settle waits until a burst of events is over and the loop has rested, but
// not for ever, and not when a new document waits.
func (a *Agent) settle(ctx context.Context, events <-chan struct{}, rested time.Time) bool {
	if !a.sleep(ctx, time.Until(rested)) {
		return ctx.Err() == nil
	}
	for end := time.Now().Add(4 * debounce); time.Now().Before(end); {
		if !a.sleep(ctx, debounce) {
			return ctx.Err() == nil
		}
		select {
		case <-events: // more of the burst, or closed: the loop will see
		default:
			return true
		}
	}
	return true
}

// sleep waits, and reports whether it did to the end: false when ctx ended or a
// new document came, which it leaves for the pass that follows.
func (a *Agent) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-a.wake:
		return false
	case <-t.C:
		return true
	}
}

// setDocument makes a document the current one after saving it: a document that a
// reboot would lose must not be applied.
func (a *Agent) setDocument(r *received) error {
	if err := a.disk.saveDocument(r); err != nil {
		return err
	}
	a.mu.Lock()
	a.doc, a.hash, a.nodeError = r.Document, r.Hash, message.Message{}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return nil
}

// currentHash returns the hash of the current document; empty without one.
func (a *Agent) currentHash() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hash
}

// setNodeError records an error of the node as a whole and reports it.
func (a *Agent) setNodeError(m message.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nodeError.Text == m.Text {
		return
	}
	a.nodeError = m
	if a.status == nil {
		a.status = &protocol.Status{State: protocol.Degraded, Time: time.Now()}
	}
	a.notifyLocked()
}

// notifyLocked wakes the reporter. a.mu is held.
func (a *Agent) notifyLocked() {
	close(a.changed)
	a.changed = make(chan struct{})
}
