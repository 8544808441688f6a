package api

import (
	"slices"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxPictures bounds the pictures of the network that are kept.
const maxPictures = 16

// pictureKey names a picture: who looks at what.
type pictureKey struct{ caller, options string }

// pictureInput is what a picture was computed from. Configurations and facts are never changed,
// only replaced, and the channels belong to one state of users and positions each: inputs that
// are equal give the same picture.
type pictureInput struct {
	running, pending, live *model.Config
	// status identifies what nodes report, without the times of heartbeats.
	status            string
	access, positions <-chan struct{}
	// facts are those of the nodes, in the order of their names.
	facts []*model.Facts
}

func (i *pictureInput) equal(o *pictureInput) bool {
	return i.running == o.running && i.pending == o.pending && i.live == o.live && i.status == o.status &&
		i.access == o.access && i.positions == o.positions && slices.Equal(i.facts, o.facts)
}

// pictures keeps the pictures that were asked for last, so that one that is still current is
// not computed again: maps ask at every event.
type pictures struct {
	mu   sync.Mutex
	kept []keptPicture // the one used last is last
}

type keptPicture struct {
	key     pictureKey
	input   pictureInput
	picture *api.Topology
}

// get returns a picture with its version, computed if the input is another one than before.
func (p *pictures) get(key pictureKey, input pictureInput, compute func() (*api.Topology, error)) (*api.Topology, error) {
	p.mu.Lock()
	at := slices.IndexFunc(p.kept, func(k keptPicture) bool { return k.key == key })
	if at >= 0 {
		k := p.kept[at]
		p.kept = slices.Delete(p.kept, at, at+1)
		if k.input.equal(&input) {
			p.kept = append(p.kept, k)
			p.mu.Unlock()
			return k.picture, nil
		}
	}
	p.mu.Unlock()
	t, err := compute()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = slices.DeleteFunc(p.kept, func(k keptPicture) bool { return k.key == key })
	if len(p.kept) == maxPictures {
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	p.kept = append(p.kept, keptPicture{key, input, t})
	return t, nil
}
