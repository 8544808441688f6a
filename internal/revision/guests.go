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
	if p.touched[ref] {
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
// the networks there are: those about to run and, unless onlyNew, those that
// run, since guests take effect before the apply. Either will do for a guest.
func (p *prepared) judgeGuests(v *View, known []string, lax, onlyNew bool) error {
	var ids []string
	for _, e := range p.guests {
		if e.Put != nil {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	all := guestsAfter(v.Guests, p.guests)
	found := guestProblems(ids, all, union(p.config, v.Running), known)
	var ifOld map[string]model.Problems // made when needed
	var errs model.Problems
	for _, id := range ids {
		problems := found[id]
		bad := problems.Errors(lax)
		if len(bad) > 0 && !onlyNew {
			if ifOld == nil {
				ifOld = guestProblems(ids, all, union(v.Running, p.config), known)
			}
			if len(ifOld[id].Errors(lax)) == 0 {
				problems, bad = ifOld[id], nil
			}
		}
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

// guestProblems validates guests in a configuration; the result is by ID.
func guestProblems(ids []string, all map[string]*model.Guest, cfg *model.Config, known []string) map[string]model.Problems {
	out := make(map[string]model.Problems)
	for _, id := range ids {
		out[id] = missingVNets(all[id], cfg)
	}
	for _, p := range model.ValidateGuestsIn(ids, all, cfg, known) {
		out[p.ID] = append(out[p.ID], p)
	}
	return out
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
func inUse(edits []model.Edit, all func() map[string]*model.Guest) model.Problems {
	users := make(map[string][]string) // guests by the VNet that goes
	for _, e := range edits {
		if e.Put == nil && e.Kind == model.KindVNet {
			users[e.ID] = nil
		}
	}
	if len(users) == 0 {
		return nil
	}
	guests := all()
	for _, id := range slices.Sorted(maps.Keys(guests)) {
		for _, n := range guests[id].NICs {
			if u, gone := users[n.VNet]; gone && !slices.Contains(u[max(0, len(u)-1):], id) {
				users[n.VNet] = append(u, id)
			}
		}
	}
	var out model.Problems
	for _, vnet := range slices.Sorted(maps.Keys(users)) {
		for _, id := range users[vnet] {
			out = append(out, model.Problem{Severity: model.Warning, Kind: model.KindVNet, ID: vnet,
				Message: fmt.Sprintf("guest %s has a NIC in it, which loses its network when this is applied", id)})
		}
	}
	return out
}

// editGuests makes the edits of guests of a call. They take effect at once, in
// transactions of maxGuestOps each. Fresh says that nothing of the call was
// stored before, so that o.Pending still has to hold.
func (s *Service) editGuests(ctx context.Context, author string, edits []model.Edit, o EditOptions, fresh bool) (stored int, err error) {
	todo := edits
	err = s.retry(ctx, func(v *View) error {
		if fresh && stored == 0 {
			if err := v.stillPending(o.Pending); err != nil {
				return err
			}
		}
		p, err := s.prepare(v, newDraft(v.Pending, nil), todo, o)
		if err != nil {
			return err
		}
		mark := v.liveMark
		for chunk := range slices.Chunk(p.guests, maxGuestOps) {
			if mark, err = s.writeGuestChunk(ctx, mark, author, chunk); err != nil {
				return err
			}
			// What is stored must not be asked for again after a conflict: its
			// ETags have changed, and what was deleted is not there any more.
			stored += len(chunk)
			p.guests = p.guests[len(chunk):]
			todo = p.guests
		}
		return nil
	})
	return stored, err
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
	now := s.seen().view
	if now.liveMark == mark {
		s.install(now.core, now.with(at, at, puts, deletes))
	}
	return at, nil
}
