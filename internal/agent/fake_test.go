package agent

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// fakeNode is a System whose state is a set of link names. It can lose links,
// refuse objects and fail to be read.
type fakeNode struct {
	mu       sync.Mutex
	links    map[string]string // name -> owner
	refuse   map[string]error  // by owner
	factsErr error
	more     []model.Interface // facts beside eth0
	boot     string
	passes   int
	events   chan struct{}
}

func newFakeNode() *fakeNode {
	return &fakeNode{links: map[string]string{}, refuse: map[string]error{}, boot: "boot1", events: make(chan struct{}, 1)}
}

func (f *fakeNode) Facts(context.Context) (*model.Facts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.factsErr != nil {
		return nil, f.factsErr
	}
	return &model.Facts{Interfaces: append([]model.Interface{
		{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24")}},
	}, f.more...)}, nil
}

func (f *fakeNode) Events(context.Context) (<-chan struct{}, error) { return f.events, nil }
func (f *fakeNode) Stages() []Stage                                 { return []Stage{{Name: "fake", Driver: driver.OnHost{Driver: f}}} }
func (f *fakeNode) Ports() []string                                 { return nil }
func (f *fakeNode) Reserve([]string)                                {}
func (f *fakeNode) BootID() string                                  { return f.boot }
func (f *fakeNode) Name() string                                    { return "fake" }

func (f *fakeNode) Reconcile(_ context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passes++
	var r driver.Result
	var errs []error
	wanted := map[string]bool{}
	for _, l := range want.Links {
		wanted[l.Name] = true
		if _, ok := f.links[l.Name]; ok {
			continue
		}
		if err := f.refuse[l.Owner]; err != nil {
			errs = append(errs, &driver.ObjectError{Owner: l.Owner, Err: err})
			continue
		}
		r.Changes = append(r.Changes, diff.Change{Action: diff.Create, Type: "link", Name: l.Name, Owner: l.Owner})
		if !dryRun {
			f.links[l.Name] = l.Owner
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.links)) {
		if !wanted[name] {
			r.Changes = append(r.Changes, diff.Change{Action: diff.Delete, Type: "link", Name: name, Owner: f.links[name]})
			if !dryRun {
				delete(f.links, name)
			}
		}
	}
	r.Writes = len(r.Changes)
	return r, errors.Join(errs...)
}

// lose removes a link behind the agent's back and tells it.
func (f *fakeNode) lose(name string) {
	f.mu.Lock()
	delete(f.links, name)
	f.mu.Unlock()
	select {
	case f.events <- struct{}{}:
	default:
	}
}

func (f *fakeNode) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.links))
}

// document declares VNets of a simple zone, with as many bridges.
func newDocument(revision int64, vnets ...string) *document.Document {
	doc := &document.Document{Format: document.Format, Revision: revision, Node: "node1"}
	doc.Config.Zones = map[string]*model.Zone{"z": {ID: "z", Type: model.ZoneSimple}}
	doc.Config.VNets = map[string]*model.VNet{}
	for _, v := range vnets {
		doc.Config.VNets[v] = &model.VNet{ID: v, Zone: "z"}
	}
	return doc
}

// testAgent is an agent on a fake node; data outlives it.
func testAgent(t *testing.T, data string, node *fakeNode) *Agent {
	t.Helper()
	cert, key := selfSigned(t)
	id := &Identity{Node: "node1", Servers: []string{"https://127.0.0.1:1"}, Certificate: cert, Key: key}
	if err := id.Save(data); err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Data: data, System: node, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
