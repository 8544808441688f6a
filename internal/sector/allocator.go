package sector

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// guardKey is the record that every allocation writes: of two servers that choose at the
// same time, one has to choose again.
const guardKey = "sector/allocated"

// Nodes describes the nodes of the cluster.
type Nodes interface {
	// Names returns the names of the nodes that have joined, sorted.
	Names() []string
	// Facts returns what a node last reported.
	Facts(name string) (*model.Facts, bool)
}

// Allocator is a revision.Deriver for backplanes and sectors.
type Allocator struct {
	store  store.Store
	config Config
	nodes  Nodes
}

// Config gives the current configuration.
type Config interface {
	View(ctx context.Context) (*revision.View, error)
}

// New returns an Allocator.
func New(st store.Store, config Config, nodes Nodes) *Allocator {
	return &Allocator{store: st, config: config, nodes: nodes}
}

// Concerns implements revision.Allocator.
func (a *Allocator) Concerns(edits []model.Edit, _ revision.EditOptions) bool {
	return slices.ContainsFunc(edits, concerns)
}

func concerns(e model.Edit) bool {
	kind, _ := e.Target()
	return kind == model.KindBackplane || kind == model.KindSector
}

// Prepare implements revision.Allocator.
func (a *Allocator) Prepare(ctx context.Context, v *revision.View, edits []model.Edit, _ revision.EditOptions) (*revision.Allocation, error) {
	guard, err := a.store.Get(ctx, guardKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	p, err := a.plan(ctx, v, edits)
	if err != nil {
		return nil, err
	}
	out := &revision.Allocation{Edits: p.edits}
	if p.chosen {
		out.Conds = []store.Cond{{Key: guardKey, Revision: guard.Revision}}
		out.Ops = []store.Op{store.Put(guardKey, []byte("{}"))}
	}
	return out, nil
}

// Derive implements revision.Deriver.
func (a *Allocator) Derive(ctx context.Context, v *revision.View, edits []model.Edit) ([]model.Edit, error) {
	p, err := a.plan(ctx, v, edits)
	if err != nil {
		return nil, err
	}
	return p.edits, nil
}

// Derive returns the further edits for edits of a configuration that nobody else edits, such
// as one that is checked before there is a server.
func Derive(cfg *model.Config, nodes Nodes, edits []model.Edit) ([]model.Edit, error) {
	p := newPlan(cfg, nodes)
	err := p.lower(edits)
	return p.edits, err
}

// plan derives the further edits. What others have chosen before the guard was read is in
// the current view, if not in v.
func (a *Allocator) plan(ctx context.Context, v *revision.View, edits []model.Edit) (*plan, error) {
	latest, err := a.config.View(ctx)
	if err != nil {
		return nil, err
	}
	p := newPlan(v.Pending, a.nodes, v.Running, latest.Pending, latest.Running)
	return p, p.lower(edits)
}

// plan is the work on one call's edits.
type plan struct {
	nodes Nodes
	// cfg is the configuration with the edits, and with what was derived from them so far;
	// before is the one that they are made on.
	cfg, before *model.Config
	// others are configurations with values that are not free either.
	others []*model.Config
	edits  []model.Edit
	// chosen is true if a value was chosen that others must not have.
	chosen bool
}

func newPlan(pending *model.Config, nodes Nodes, others ...*model.Config) *plan {
	return &plan{nodes: nodes, cfg: pending.Clone(), before: pending, others: others}
}

// lower derives the edits of other objects from those of backplanes and sectors: backplanes
// first, which sectors refer to.
func (p *plan) lower(edits []model.Edit) error {
	for _, e := range edits {
		p.apply(e)
	}
	for _, kind := range []model.Kind{model.KindBackplane, model.KindSector} {
		for _, e := range edits {
			if of, _ := e.Target(); of != kind {
				continue
			}
			if err := p.derive(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply makes an edit in the plan's configuration. One that cannot be completed is refused
// when it is stored.
func (p *plan) apply(e model.Edit) {
	if e.Put == nil {
		p.cfg.Delete(e.Kind, e.ID)
		return
	}
	_ = p.cfg.Put(e.Put)
}

func (p *plan) derive(e model.Edit) error {
	switch o := e.Put.(type) {
	case *model.Backplane:
		return p.backplane(o)
	case *model.Sector:
		return p.sector(o)
	}
	if old := p.before.Backplanes[e.ID]; old != nil && e.Kind == model.KindBackplane {
		p.removeBackplane(old)
	}
	if old := p.before.Sectors[e.ID]; old != nil && e.Kind == model.KindSector && old.VNet != "" {
		p.removeNetwork(old.VNet)
	}
	return nil
}

// put adds an edit, unless the configuration has the object already.
func (p *plan) put(o model.Object) {
	if old := p.cfg.Get(o.ObjectKind(), o.ObjectID()); old != nil && reflect.DeepEqual(old, o) {
		return
	}
	e := model.Edit{Put: o}
	p.edits = append(p.edits, e)
	p.apply(e)
}

func (p *plan) remove(k model.Kind, id string) {
	if p.cfg.Get(k, id) == nil {
		return
	}
	e := model.Edit{Kind: k, ID: id}
	p.edits = append(p.edits, e)
	p.apply(e)
}

// removeNetwork removes a VNet, its subnets, and the zone of its name.
func (p *plan) removeNetwork(vnet string) {
	for _, o := range p.cfg.List(model.KindSubnet) {
		if o.(*model.Subnet).VNet == vnet {
			p.remove(model.KindSubnet, o.ObjectID())
		}
	}
	p.remove(model.KindVNet, vnet)
	p.remove(model.KindZone, vnet)
}

// problem is an error about a property of an object.
func problem(o model.Object, field, value, message string) error {
	return model.Problems{{Severity: model.Error, Kind: o.ObjectKind(), ID: o.ObjectID(), Field: field, Value: value, Message: message}}
}
