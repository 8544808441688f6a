package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// Desired is a node's document in the form in which it is sent.
type Desired struct {
	Hash string
	JSON []byte
}

// documents caches the documents of one state of the configuration.
type documents struct {
	mu               sync.Mutex
	revision, guests int64
	projector        func() *compile.Projector
	byNode           map[string]func() (Desired, error)
}

// of returns a node's document. It is created once for each state and node, even for
// concurrent callers.
func (d *documents) of(v *revision.View, node string) (Desired, error) {
	d.mu.Lock()
	if rev, guests := v.Deployed(); d.byNode == nil || rev != d.revision || guests != d.guests {
		d.revision, d.guests, d.byNode = rev, guests, make(map[string]func() (Desired, error))
		d.projector = sync.OnceValue(func() *compile.Projector { return compile.NewProjector(v.Running, v.Live, v.Revision) })
	}
	get := d.byNode[node]
	if get == nil {
		projector := d.projector
		get = sync.OnceValues(func() (Desired, error) {
			doc := projector().Node(node)
			b, err := json.Marshal(doc)
			if err != nil {
				return Desired{}, fmt.Errorf("making the document of node %s: %w", node, err)
			}
			return Desired{Hash: doc.Hash(), JSON: b}, nil
		})
		d.byNode[node] = get
	}
	d.mu.Unlock()
	return get()
}

// Await waits until the desired document of a node differs from the one it has, and
// returns it; ok is false if that does not happen before the timeout or the end by stop.
func (f *Fleet) Await(ctx context.Context, node, have string, atMost time.Duration, stop <-chan struct{}) (d Desired, ok bool, err error) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	defer f.TrackPoll(node)()
	for {
		v, newer := f.config.LatestApplied()
		d, err := f.docs.of(v, node)
		if err != nil || d.Hash != have {
			return d, err == nil, err
		}
		select {
		case <-newer:
		case <-timer.C:
			return Desired{}, false, nil
		case <-stop:
			return Desired{}, false, nil
		case <-ctx.Done():
			return Desired{}, false, context.Cause(ctx)
		}
	}
}
