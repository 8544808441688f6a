package agent

import (
	"context"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// inspectEvery is the time between two inspections of what a node's networks depend on
// in addition to what Viaduct makes: other routers, other nodes, others' filters.
const inspectEvery = 5 * time.Second

// Inspector is a System that finds faults of its networks that exist although the networks
// are configured as declared. It changes nothing.
type Inspector interface {
	// Inspect reports faults of the objects of the configuration.
	Inspect(ctx context.Context, cfg *model.Config, want *desired.Node) []protocol.ObjectStatus
}

// passInfo is the input of a pass. It is kept while passes have the same desired state.
type passInfo struct {
	doc  *document.Document
	hash string // of doc
	// want is the desired state of the node, and wantHash its hash.
	want     *desired.Node
	wantHash string
}

// setLastPass records the input of a pass.
func (a *Agent) setLastPass(s passInfo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lastPass.hash != s.hash || a.lastPass.wantHash != s.wantHash {
		a.lastPass = s
	}
}

// finding is the result of inspections for a document.
type finding struct {
	hash    string
	objects []protocol.ObjectStatus
}

// inspect inspects the node periodically until ctx ends, and wakes the reporter when
// the result changes.
func (a *Agent) inspect(ctx context.Context) {
	sessions := newSessions(time.Now)
	for sleep.Context(ctx, inspectEvery) {
		a.mu.Lock()
		s := a.lastPass
		a.mu.Unlock()
		if s.want == nil {
			continue
		}
		var found []protocol.ObjectStatus
		if v, ok := a.System.(StateReader); ok {
			found = append(found, sessions.check(ctx, v, s.doc, s.want)...)
		}
		if i, ok := a.System.(Inspector); ok {
			found = append(found, i.Inspect(ctx, &s.doc.Config, s.want)...)
		}
		if ctx.Err() != nil {
			return
		}
		a.mu.Lock()
		if a.found.hash != s.hash || !slices.EqualFunc(a.found.objects, found, sameObject) {
			a.found = finding{s.hash, found}
			a.notifyLocked()
		}
		a.mu.Unlock()
	}
}

func sameObject(a, b protocol.ObjectStatus) bool {
	return a.Object == b.Object && a.State == b.State && a.Message == b.Message && a.Class == b.Class && slices.Equal(a.Peers, b.Peers)
}

// withFindings adds the findings for the same document to a report.
func withFindings(s *protocol.Status, f finding) {
	if f.hash != s.Hash || len(f.objects) == 0 {
		return
	}
	s.Objects = append(slices.Clone(s.Objects), f.objects...)
	for _, o := range f.objects {
		if o.State == protocol.Degraded {
			s.State = protocol.Degraded
		}
	}
}
