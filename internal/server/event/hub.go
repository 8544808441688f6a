// Package event publishes changes of the configuration and of guests, and of the states
// of nodes, in one numbered stream that a reader can leave and resume. The native
// interface sends it to its clients.
//
// The hub compares states, so it detects changes that any server made. The newest events
// are kept once for all readers, which remember only their position: a slow reader costs
// nothing, and is dropped in the end.
package event

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const (
	// keep is how many events are kept.
	keep = 4096
	// most is how many a reader gets at once.
	most = 256
)

// Entry is an event in the form for readers who may see everything, with what is needed
// to filter it for others.
type Entry struct {
	api.Event
	// Old and New are the states of the changed object; nil for one that did not
	// exist. The zones are those of their VNets, or empty.
	Old, New         model.Object
	OldZone, NewZone string
}

// Options are the dependencies and settings of a Hub. Config is required.
type Options struct {
	Config *revision.Service
	// Fleet has the states of the nodes; nil for none.
	Fleet *fleet.Fleet
	// Warnings returns the problems of the server itself; nil for none. New ones are
	// events; they are polled every WarnEvery; 0 means 15 seconds.
	Warnings  func() []message.Message
	WarnEvery time.Duration
	// Moved returns a channel that is closed as soon as elements of the picture of the network
	// are moved; nil for none.
	Moved func() <-chan struct{}
	// Keep is how many events are kept; 0 means 4096.
	Keep int
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Hub collects events. New creates one; Run must be running.
type Hub struct {
	o Options
	// life distinguishes the numbers of this process from those of others.
	life string

	mu      sync.Mutex
	entries []Entry // the newest, oldest first
	next    int64   // the number of the next one
	more    chan struct{}

	// The states of the last comparison.
	view  *revision.View
	newer <-chan struct{}
	nodes map[string]api.NodeEvent
}

// New creates a hub, which publishes changes from now on.
func New(o Options) *Hub {
	if o.Keep == 0 {
		o.Keep = keep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, life: fmt.Sprintf("%016x", rand.Uint64()), next: 1, more: make(chan struct{})}
	h.view, h.newer = o.Config.Latest()
	if o.Fleet != nil {
		if s, err := o.Fleet.Status(); err == nil {
			h.nodes = nodeEvents(s)
		}
	}
	return h
}

// rest is the wait after a comparison, as a multiple of the time that it took. Changes in
// the meantime are published together: a comparison reads every object, and in a large
// configuration that changes all the time the hub would do nothing else.
const rest = 50

// Run collects until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-h.newer:
			case <-ctx.Done():
				return
			}
			began, old := time.Now(), h.view
			h.view, h.newer = h.o.Config.Latest()
			h.publish(compare(old, h.view))
			if !sleep.Context(ctx, rest*time.Since(began)) {
				return
			}
		}
	})
	if h.o.Fleet != nil {
		wg.Go(func() { h.followNodes(ctx) })
	}
	if h.o.Moved != nil {
		wg.Go(func() { h.followMoves(ctx) })
	}
	if h.o.Warnings != nil {
		wg.Go(func() { h.followWarnings(ctx) })
	}
	wg.Wait()
}

// followMoves publishes that elements of the picture were moved.
func (h *Hub) followMoves(ctx context.Context) {
	for moved := h.o.Moved(); ; {
		select {
		case <-moved:
			moved = h.o.Moved()
			h.publish([]Entry{{Event: api.Event{Type: api.EventTopology}}})
		case <-ctx.Done():
			return
		}
	}
}

// warnEvery is the interval of polls for warnings.
const warnEvery = 15 * time.Second

// followWarnings publishes new warnings.
func (h *Hub) followWarnings(ctx context.Context) {
	var published []string
	for {
		now := h.o.Warnings()
		var texts []string
		for _, m := range now {
			if !slices.Contains(published, m.Text) {
				h.publish([]Entry{{Event: api.Event{Type: api.EventWarning, Message: m.Text, Details: m.Details}}})
			}
			texts = append(texts, m.Text)
		}
		published = texts
		if !sleep.Context(ctx, cmp.Or(h.o.WarnEvery, warnEvery)) {
			return
		}
	}
}

// followNodes publishes changes of the nodes' states.
func (h *Hub) followNodes(ctx context.Context) {
	const wait, pause = time.Minute, time.Second
	version := ""
	for ctx.Err() == nil {
		s, err := h.o.Fleet.AwaitStatus(ctx, version, wait, ctx.Done())
		if err != nil {
			if ctx.Err() == nil {
				h.o.Logger.Warn("the state of the nodes cannot be told, trying again", "error", err)
			}
			sleep.Context(ctx, pause)
			continue
		}
		version = s.Version
		old := h.nodes
		h.nodes = nodeEvents(s)
		if old != nil {
			h.publish(compareNodes(old, h.nodes))
		}
	}
}

// compareNodes returns the changes of the nodes' states, sorted by name.
func compareNodes(old, new map[string]api.NodeEvent) []Entry {
	all := maps.Clone(new)
	for name := range old {
		if _, still := new[name]; !still {
			all[name] = api.NodeEvent{Name: name}
		}
	}
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		if was, ok := old[name]; !ok || !reflect.DeepEqual(was, e) {
			out = append(out, Entry{Event: api.Event{Type: api.EventNode, Node: &e}})
		}
	}
	return out
}

func nodeEvents(s *api.Status) map[string]api.NodeEvent {
	out := make(map[string]api.NodeEvent, len(s.Nodes))
	for _, n := range s.Nodes {
		out[n.Name] = nodeEvent(n)
	}
	return out
}

func nodeEvent(n api.NodeStatus) api.NodeEvent {
	m := health.Message(&n)
	e := api.NodeEvent{Name: n.Name, State: n.State, Message: m.Text, Details: m.Details}
	if n.Report == nil {
		return e
	}
	e.Revision = n.Report.Revision
	for _, o := range n.Report.Objects {
		switch health.OfObject(o) {
		case protocol.Degraded:
			e.Failed = with(e.Failed, o.Object)
		case protocol.Warning:
			e.Warned = with(e.Warned, o.Object)
		case protocol.Converged, protocol.Applying, protocol.Unreachable:
		}
	}
	return e
}

// with adds an object to a list unless it is in it.
func with(list []string, object string) []string {
	if slices.Contains(list, object) {
		return list
	}
	return append(list, object)
}

// compare returns the changes between two views.
func compare(old, new *revision.View) []Entry {
	var out []Entry
	by := authors(old, new)
	for _, c := range diff.Objects(old.Pending, new.Pending) {
		e := Entry{Event: api.Event{Type: api.EventPending, Change: &c}}
		k := model.Kind(c.Type)
		e.Author = by[model.Ref(k, c.Name)]
		e.Old, e.New = old.Pending.Get(k, c.Name), new.Pending.Get(k, c.Name)
		e.OldZone, e.NewZone = zone(old.Pending, e.Old), zone(new.Pending, e.New)
		out = append(out, e)
	}
	if new.Revision != old.Revision {
		out = append(out, Entry{Event: api.Event{Type: api.EventApplied, Revision: new.Revision}})
	}
	_, before := old.Deployed()
	if _, after := new.Deployed(); before == after {
		return out
	}
	for _, c := range diff.Objects(old.Live, new.Live) {
		k := model.Kind(c.Type)
		e := Entry{Event: api.Event{Type: api.EventLive, Change: &c}, Old: old.Live.Get(k, c.Name), New: new.Live.Get(k, c.Name)}
		if k == model.KindGuest {
			e.Type = api.EventGuest
		}
		out = append(out, e)
	}
	return out
}

// authors returns the authors of the new edits, by the objects' references; empty for an
// object with several authors.
func authors(old, new *revision.View) map[string]string {
	out := make(map[string]string)
	for _, r := range new.Since(old) {
		for _, e := range r.Edits {
			ref := model.Ref(e.Kind, e.ID)
			if author, more := out[ref]; more && author != r.Author {
				out[ref] = ""
			} else {
				out[ref] = r.Author
			}
		}
	}
	return out
}

// zone returns the zone of a subnet's VNet.
func zone(cfg *model.Config, o model.Object) string {
	if s, ok := o.(*model.Subnet); ok {
		if v := cfg.VNets[s.VNet]; v != nil {
			return v.Zone
		}
	}
	return ""
}

// publish numbers events and notifies the waiters.
func (h *Hub) publish(news []Entry) {
	if len(news) == 0 {
		return
	}
	now := h.o.Now().UTC()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range news {
		e.ID, e.Time = h.id(h.next), now
		h.next++
		h.entries = append(h.entries, e)
	}
	if extra := len(h.entries) - h.o.Keep; extra > 0 {
		// An occasional copy frees the removed entries.
		clear(h.entries[:extra])
		h.entries = h.entries[extra:]
	}
	close(h.more)
	h.more = make(chan struct{})
}

func (h *Hub) id(n int64) string { return h.life + "-" + strconv.FormatInt(n, 10) }

// Position returns the ID of the newest event: a read after it returns the events from
// now on.
func (h *Hub) Position() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id(h.next - 1)
}

// After returns events after the one with the ID, oldest first, up to a maximum. If there
// are none yet, more is closed as soon as there are. It returns false if some of those
// events are no longer kept, or if the ID is of another process.
func (h *Hub) After(id string) (events []Entry, more <-chan struct{}, ok bool) {
	life, number, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := h.next - int64(len(h.entries))
	if err != nil || life != h.life || n+1 < oldest || n >= h.next {
		return nil, nil, false
	}
	rest := h.entries[n+1-oldest:]
	// A copy: the entries' memory is reused.
	return append([]Entry(nil), rest[:min(len(rest), most)]...), h.more, true
}
