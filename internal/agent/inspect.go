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

// inspectEvery is the time between two looks at what a node's networks depend on beside
// what Viaduct makes: other routers, other nodes, others' filters.
const inspectEvery = 5 * time.Second

// Inspector is a System that finds what keeps its networks from working though they
// stand as declared. It changes nothing.
type Inspector interface {
	// Inspect tells what is wrong with the objects of the configuration.
	Inspect(ctx context.Context, cfg *model.Config, want *desired.Node) []protocol.ObjectStatus
}

// standing is what a pass was about. It stays the same while passes want the same.
type standing struct {
	doc  *document.Document
	hash string // of doc
	// want is what the node shall be, and wantHash its hash.
	want     *desired.Node
	wantHash string
}

// stand notes what a pass was about.
func (a *Agent) stand(s standing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.standing.hash != s.hash || a.standing.wantHash != s.wantHash {
		a.standing = s
	}
}

// finding is what inspections found of a document.
type finding struct {
	hash    string
	objects []protocol.ObjectStatus
}

// inspect looks again and again, until ctx ends, and has what changed reported.
func (a *Agent) inspect(ctx context.Context) {
	sessions := newSessions(time.Now)
	for sleep.Context(ctx, inspectEvery) {
		a.mu.Lock()
		s := a.standing
		a.mu.Unlock()
		if s.want == nil {
			continue
		}
		var found []protocol.ObjectStatus
		if v, ok := a.System.(StateReader); ok {
			found = append(found, sessions.look(ctx, v, s.doc, s.want)...)
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

// withFindings adds to a report what inspections found of the same document.
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
