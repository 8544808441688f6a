package revision

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// maxLiveOps is how many live objects are written in one transaction: an external
// etcd takes 128 operations by default.
const maxLiveOps = 100

// editLive notes one edit of a live object in p.live, if it changes something.
func (p *prepared) editLive(v *View, e model.Edit, o EditOptions) error {
	ref := model.Ref(e.Kind, e.ID)
	if p.touched[ref] {
		return model.Problems{{Severity: model.Error, Kind: e.Kind, ID: e.ID, Message: "stands twice in one request; leave one of them out"}}
	}
	old := v.Live.Get(e.Kind, e.ID)
	if e.Put != nil {
		e.Put = inherit(e.Put, old, o)
		if err := p.checkObject(e.Put, o.Lax); err != nil {
			return err
		}
	}
	if err := match(o.IfMatch, ref, ref, old); err != nil {
		return err
	}
	if e.Put == nil && old == nil {
		return notFound(e.Kind, e.ID)
	}
	if old == nil || e.Put == nil || ETag(old) != ETag(e.Put) {
		p.live = append(p.live, e)
	}
	return nil
}

// validateLive validates the edited live objects against each other and against the
// networks: those of the next revision and, unless onlyNew, the running ones, since live
// objects take effect before the apply. An object is valid if it fits either.
func (p *prepared) validateLive(v *View, known []string, lax, onlyNew bool) error {
	after := v.Live
	if len(p.live) > 0 {
		after = liveAfter(v.Live, p.live)
	}
	if err := p.validatePluginRefs(after, lax); err != nil || len(p.live) == 0 {
		return err
	}
	found := byRef(model.ValidateLive(p.live, after, union(p.config, v.Running), known))
	var ifOld map[string]model.Problems // built on demand
	var errs model.Problems
	for _, e := range p.live {
		ref := model.Ref(e.Kind, e.ID)
		problems := found[ref]
		bad := problems.Errors(lax)
		if len(bad) > 0 && !onlyNew {
			if ifOld == nil {
				ifOld = byRef(model.ValidateLive(p.live, after, union(v.Running, p.config), known))
			}
			if len(ifOld[ref].Errors(lax)) == 0 {
				problems, bad = ifOld[ref], nil
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

// byRef groups problems by the references of their objects.
func byRef(problems model.Problems) map[string]model.Problems {
	out := make(map[string]model.Problems)
	for _, p := range problems {
		ref := model.Ref(p.Kind, p.ID)
		out[ref] = append(out[ref], p)
	}
	return out
}

// liveAfter returns the live objects after some edits.
func liveAfter(live *model.Config, edits []model.Edit) *model.Config {
	out := *live
	own := make(map[model.Kind]bool)
	for _, e := range edits {
		if !own[e.Kind] {
			out.CloneKind(e.Kind)
			own[e.Kind] = true
		}
		if e.Put != nil {
			out.Set(e.Put)
		} else {
			out.Delete(e.Kind, e.ID)
		}
	}
	return addBuiltin(&out)
}

// addBuiltin adds the objects that always exist.
func addBuiltin(live *model.Config) *model.Config {
	if live.IPAMs[model.IPAMBuiltin] == nil {
		live.Set(&model.IPAM{ID: model.IPAMBuiltin, Type: model.IPAMTypePVE})
	}
	return live
}

// validatePluginRefs finds zones that refer to missing live objects.
func (p *prepared) validatePluginRefs(live *model.Config, lax bool) error {
	var errs model.Problems
	for _, e := range p.edits {
		if e.Put == nil {
			continue
		}
		problems := model.CheckLiveReferences(e.Put, live)
		errs = append(errs, problems.Errors(lax)...)
		if lax {
			p.warnings = append(p.warnings, problems...)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// union has every object of both configurations, those of first where both have one. A
// guest may be placed in a network that is running, or will be.
func union(first, second *model.Config) *model.Config {
	out := *second
	out.Nodes, out.Zones = overlay(first.Nodes, second.Nodes), overlay(first.Zones, second.Zones)
	out.VNets, out.Subnets = overlay(first.VNets, second.VNets), overlay(first.Subnets, second.Subnets)
	done := []model.Kind{model.KindNode, model.KindZone, model.KindVNet, model.KindSubnet} // many objects
	for _, k := range model.Kinds() {
		if !k.Revisioned() || slices.Contains(done, k) {
			continue
		}
		out.CloneKind(k)
		for o := range first.Each(k) {
			out.Set(o)
		}
	}
	return &out
}

func overlay[T any](first, second map[string]T) map[string]T {
	out := make(map[string]T, len(first)+len(second))
	maps.Copy(out, second)
	maps.Copy(out, first)
	return out
}

// inUse warns of VNets that are about to be deleted while guests are in them.
func inUse(edits []model.Edit, live func() *model.Config) model.Problems {
	users := make(map[string][]string) // guests by the deleted VNet
	for _, e := range edits {
		if e.Put == nil && e.Kind == model.KindVNet {
			users[e.ID] = nil
		}
	}
	if len(users) == 0 {
		return nil
	}
	guests := live().Guests
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
			p := model.NewProblem(model.Warning, model.KindVNet, vnet, "", "", msgVNetHasNIC.Of(id))
			p.About, p.Otherwise = model.Ref(model.KindGuest, id), msgVNetHasHiddenNIC.Of()
			out = append(out, p)
		}
	}
	return out
}

// storeLive makes the edits of live objects of a call. They take effect at once, in
// transactions of maxLiveOps each. fresh is true if nothing of the call was stored before,
// so that o.Pending still has to hold.
func (s *Service) storeLive(ctx context.Context, c *call, fresh bool) (stored int, err error) {
	todo, o := c.live, c.options
	err = s.retry(ctx, func(v *View) error {
		if fresh && stored == 0 {
			if err := v.stillPending(o.Pending); err != nil {
				return err
			}
		}
		p, err := s.prepare(v, newDraft(v.Pending, nil), todo, o)
		if err != nil && fresh && stored == 0 {
			return s.rejected(ctx, c.allocations, err)
		}
		if err != nil {
			return err
		}
		if err := s.admitLive(v, p.live); err != nil {
			return err
		}
		mark := v.liveMark
		for chunk := range slices.Chunk(p.live, maxLiveOps) {
			_, bytes, err := growth(v, chunk)
			if err != nil {
				return err
			}
			before := mark
			var with *allocations
			if fresh && stored == 0 {
				with = c.allocations
			}
			if mark, err = s.writeLiveChunk(ctx, mark, c, with, chunk); err != nil {
				return err
			}
			s.liveSize.recordWrite(before, mark, bytes)
			// Stored edits must not be checked again after a conflict: their ETags have
			// changed, and deleted objects do not exist any more.
			stored += len(chunk)
			p.live = p.live[len(chunk):]
			todo = p.live
		}
		return nil
	})
	return stored, err
}

// writeLiveChunk writes live objects in one transaction, with what belongs to the
// allocations of their call.
func (s *Service) writeLiveChunk(ctx context.Context, mark int64, c *call, with *allocations, edits []model.Edit) (int64, error) {
	doc, err := encode(liveDoc{Time: s.now().UTC(), Author: c.author})
	if err != nil {
		return 0, err
	}
	ops := []store.Op{store.Put(keyLive, doc)}
	for _, e := range edits {
		key := liveKey(e.Kind, e.ID)
		if e.Put == nil {
			ops = append(ops, store.Delete(key))
			continue
		}
		value, err := encode(e.Put)
		if err != nil {
			return 0, err
		}
		ops = append(ops, store.Put(key, value))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	conds := append([]store.Cond{{Key: keyLive, Revision: mark}}, c.options.Guard...)
	at, err := s.store.Txn(ctx, append(conds, with.conds()...), append(ops, with.ops()...))
	if errors.Is(err, store.ErrConflict) {
		if held := s.guarded(ctx, c.options.Guard); held != nil {
			return 0, errors.Join(err, held)
		}
		if s.stale(ctx, with) {
			return 0, errUnprepared
		}
	}
	if err != nil {
		return 0, err
	}
	// The condition held: so no other live object has changed since the mark.
	now := s.latest().view
	if now.liveMark == mark {
		s.install(now.core, live{liveAfter(now.Live, edits), at, at})
	}
	return at, nil
}
