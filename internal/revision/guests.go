package revision

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// maxGuestOps is how many guests are written in one transaction: an external
// etcd takes 128 operations by default.
const maxGuestOps = 100

// guest notes one edit of a guest in p.guests, if it changes something.
func (p *prepared) guest(v *View, e model.Edit, o EditOptions) error {
	ref := model.Ref(e.Kind, e.ID)
	if slices.ContainsFunc(p.guests, func(x model.Edit) bool { return x.ID == e.ID }) {
		return model.Problems{{Severity: model.Error, Kind: e.Kind, ID: e.ID, Message: "stands twice in one request; leave one of them out"}}
	}
	var old model.Object
	if g := v.Guests[e.ID]; g != nil {
		old = g
	}
	if err := match(o.IfMatch, ref, ref, old); err != nil {
		return err
	}
	if e.Put == nil && old == nil {
		return notFound(e.Kind, e.ID)
	}
	if old == nil || e.Put == nil || ETag(old) != ETag(e.Put) {
		p.guests = append(p.guests, e)
	}
	return nil
}

// judgeGuests validates the guests that are put against each other and against
// the networks there are.
func (p *prepared) judgeGuests(v *View, known []string, lax bool) error {
	if len(p.guests) == 0 {
		return nil
	}
	all := guestsAfter(v.Guests, p.guests)
	cfg := union(v.Running, p.config)
	var errs model.Problems
	for _, e := range p.guests {
		if e.Put == nil {
			continue
		}
		g := all[e.ID]
		problems := append(missingVNets(g, cfg), model.ValidateGuest(g, cfg, known, all)...)
		bad := problems.Errors(lax)
		errs = append(errs, bad...)
		if len(bad) == 0 {
			p.warnings = append(p.warnings, problems...)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// missingVNets finds NICs whose VNet is neither running nor pending.
func missingVNets(g *model.Guest, cfg *model.Config) model.Problems {
	var out model.Problems
	for _, n := range g.NICs {
		if cfg.VNets[n.VNet] == nil {
			out = append(out, model.Problem{Severity: model.Error, Kind: model.KindGuest, ID: g.ID, Field: n.ID + ".vnet", Value: n.VNet,
				Message: "no such vnet, neither running nor pending; declare it first or correct the name"})
		}
	}
	return out
}

// guestsAfter are the guests after some edits.
func guestsAfter(guests map[string]*model.Guest, edits []model.Edit) map[string]*model.Guest {
	out := maps.Clone(guests)
	if out == nil {
		out = make(map[string]*model.Guest)
	}
	for _, e := range edits {
		if g, ok := e.Put.(*model.Guest); ok {
			out[e.ID] = g
		} else {
			delete(out, e.ID)
		}
	}
	return out
}

// union has every object of both configurations, those of first where both have
// one. A guest may be placed in a network that runs, or is about to.
func union(first, second *model.Config) *model.Config {
	return &model.Config{
		Nodes:   overlay(first.Nodes, second.Nodes),
		Zones:   overlay(first.Zones, second.Zones),
		VNets:   overlay(first.VNets, second.VNets),
		Subnets: overlay(first.Subnets, second.Subnets),
	}
}

func overlay[T any](first, second map[string]T) map[string]T {
	out := make(map[string]T, len(first)+len(second))
	maps.Copy(out, second)
	maps.Copy(out, first)
	return out
}

// inUse warns of VNets that are about to go while guests are in them.
func inUse(edits []model.Edit, guests map[string]*model.Guest) model.Problems {
	var out model.Problems
	for _, e := range edits {
		if e.Put != nil || e.Kind != model.KindVNet {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(guests)) {
			if slices.ContainsFunc(guests[id].NICs, func(n model.NIC) bool { return n.VNet == e.ID }) {
				out = append(out, model.Problem{Severity: model.Warning, Kind: e.Kind, ID: e.ID,
					Message: fmt.Sprintf("guest %s has a NIC in it, which loses its network when this is applied", id)})
			}
		}
	}
	return out
}

// writeGuests stores edits of guests. They take effect at once.
func (s *Service) writeGuests(ctx context.Context, v *View, author string, edits []model.Edit) error {
	mark := v.liveMark
	for chunk := range slices.Chunk(edits, maxGuestOps) {
		var err error
		if mark, err = s.writeGuestChunk(ctx, mark, author, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) writeGuestChunk(ctx context.Context, mark int64, author string, edits []model.Edit) (int64, error) {
	doc, err := encode(guestsDoc{Time: s.now().UTC(), Author: author})
	if err != nil {
		return 0, err
	}
	ops := []store.Op{store.Put(keyGuests, doc)}
	var puts []*model.Guest
	var deletes []string
	for _, e := range edits {
		g, ok := e.Put.(*model.Guest)
		if !ok {
			deletes = append(deletes, e.ID)
			ops = append(ops, store.Delete(prefixGuest+e.ID))
			continue
		}
		value, err := encode(g)
		if err != nil {
			return 0, err
		}
		puts = append(puts, g)
		ops = append(ops, store.Put(prefixGuest+e.ID, value))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.store.Txn(ctx, []store.Cond{{Key: keyGuests, Revision: mark}}, ops)
	if err != nil {
		return 0, err
	}
	// The condition held: so no other guest has changed since the mark.
	now := s.current.Load().view
	if now.liveMark == mark {
		s.install(now.core, now.with(at, at, puts, deletes))
	}
	return at, nil
}
