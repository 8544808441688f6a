package ipam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// reassignment is an address that stays with its NIC while the NIC gets another MAC
// address, so that its owner is another one. It is stored in the transaction of the edit:
// the address always belongs to the MAC address that the guest has.
type reassignment struct{ old, now Address }

// isTo reports whether it gives an owner of a zone an address.
func (r *reassignment) isTo(zone, owner string) bool {
	return r.now.Zone == zone && r.now.Owner() == owner
}

// reassignments are those of a call.
type reassignments []reassignment

// find returns the reassignment of an address; nil if it stays where it is.
func (all reassignments) find(zone string, ip netip.Addr) *reassignment {
	for i := range all {
		if all[i].now.Zone == zone && all[i].now.IP == ip {
			return &all[i]
		}
	}
	return nil
}

// apply returns the addresses that an owner has after the reassignments instead of those
// that it has now.
func (all reassignments) apply(zone, owner string, have []Address) []Address {
	out := slices.DeleteFunc(slices.Clone(have), func(a Address) bool { return all.find(zone, a.IP) != nil })
	for _, r := range all {
		if r.isTo(zone, owner) {
			out = append(out, r.now)
		}
	}
	return out
}

// keepDeclared keeps the declared addresses of a NIC that gets another MAC address.
func (p *prepared) keepDeclared(ctx context.Context, n placedNIC) error {
	for _, ip := range n.declared {
		a, ok := p.s.book.Get(n.place.zone.ID, ip)
		if !ok || n.place.subnetOf(ip) == nil {
			continue
		}
		if err := p.keep(ctx, n, a); err != nil {
			return err
		}
	}
	return nil
}

// keepAssigned keeps the addresses that a NIC which gets another MAC address was assigned:
// of the families without declared ones, and unless that MAC address already has some there.
// old is the guest as it is stored; nil if it is new.
func (p *prepared) keepAssigned(ctx context.Context, n placedNIC, old *model.Guest) error {
	if old == nil {
		return nil
	}
	i := slices.IndexFunc(old.NICs, func(o model.NIC) bool { return o.ID == n.nic.NIC })
	if i < 0 {
		return nil
	}
	zone := n.place.zone.ID
	had, _ := p.s.book.Of(zone, ownerOf(old.NICs[i].MAC, old.ID, n.nic.NIC))
	has, _ := p.s.book.Of(zone, n.nic.owner())
	missing := n.place.missing(p.reassigned.apply(zone, n.nic.owner(), has))
	for _, a := range inPlace(had, n.place) {
		family := familyOf(a.IP)
		declared := slices.ContainsFunc(n.declared, func(ip netip.Addr) bool { return familyOf(ip) == family })
		if declared || !slices.Contains(missing, family) || p.reassigned.find(zone, a.IP) != nil {
			continue
		}
		if err := p.keep(ctx, n, a); err != nil {
			return err
		}
	}
	return nil
}

// keep reassigns an address to the present MAC address of a NIC if the NIC has it with
// another one.
func (p *prepared) keep(ctx context.Context, n placedNIC, a Address) error {
	if a.Guest != n.nic.Guest || a.NIC != n.nic.NIC || a.Owner() == n.nic.owner() {
		return nil
	}
	if a.Name != n.nic.Name {
		named := n.nic
		named.MAC = a.MAC
		renamed, err := p.s.updateRegistration(ctx, n.place, named, a)
		if err != nil {
			return err
		}
		a = *renamed
	}
	r := reassignment{old: a, now: a}
	r.now.VNet, r.now.MAC, r.now.Declared = n.nic.VNet, n.nic.MAC, true
	p.reassigned = slices.DeleteFunc(p.reassigned, func(o reassignment) bool { return o.now.Zone == a.Zone && o.now.IP == a.IP })
	p.reassigned = append(p.reassigned, r)
	return nil
}

// storeReassigned makes the reassigned addresses part of the transaction of the edits, with
// the intents to update external systems.
func (p *prepared) storeReassigned() (err error) {
	c := &p.stored
	if c.conds, c.ops, err = p.s.book.reassign(p.reassigned); err != nil {
		return err
	}
	p.known = c.conds
	works := make(map[string]*work) // by zone
	for _, r := range p.reassigned {
		if r.now.IPAM == "" {
			continue
		}
		w := works[r.now.Zone]
		if w == nil {
			w = &work{s: p.s, live: p.view.Live, id: newID(), intent: intent{Life: p.s.life, Update: true, Zone: r.now.Zone, MAC: r.now.MAC}}
			works[r.now.Zone] = w
		}
		w.intent.Entries = append(w.intent.Entries, p.s.entryOf(p.view, r.now))
	}
	for _, zone := range slices.Sorted(maps.Keys(works)) {
		w := works[zone]
		if err := w.storeWith(c); err != nil {
			return err
		}
		p.updates = append(p.updates, w)
	}
	return nil
}

// finishReassigned reads what became of the reassigned addresses, and updates external
// systems. An intent exists if and only if the edits were stored.
func (p *prepared) finishReassigned(ctx context.Context) {
	if err := p.s.book.reload(ctx, p.known); err != nil {
		p.s.log.Warn("the addresses of NICs with other MAC addresses could not be read; that is repaired later", "error", err)
	}
	for _, w := range p.updates {
		if err := w.carryOut(ctx); err != nil {
			p.s.log.Warn("NICs have other MAC addresses than external systems know; that is tried again", "zone", w.intent.Zone, "error", err)
		}
	}
}

// reassign returns the conditions and writes of reassignments.
func (b *Book) reassign(all reassignments) (conds []store.Cond, ops []store.Op, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	owners := make(map[string]owned) // by key, as they are afterwards
	owner := func(zone, id string) (string, owned) {
		key := ownerKey(zone, id)
		o, ok := owners[key]
		if now := b.zone(zone).owners[id]; !ok && now != nil {
			o = owned{IPs: slices.Clone(now.IPs), revision: now.revision}
		}
		return key, o
	}
	for _, r := range all {
		value, err := json.Marshal(r.now)
		if err != nil {
			return nil, nil, err
		}
		key := addressKey(r.now.Zone, r.now.IP)
		conds = append(conds, store.Cond{Key: key, Revision: r.old.revision})
		ops = append(ops, store.Put(key, value))
		from, o := owner(r.old.Zone, r.old.Owner())
		o.IPs = slices.DeleteFunc(o.IPs, func(ip netip.Addr) bool { return ip == r.now.IP })
		owners[from] = o
		to, o := owner(r.now.Zone, r.now.Owner())
		o.IPs = append(o.IPs, r.now.IP)
		owners[to] = o
	}
	for _, key := range slices.Sorted(maps.Keys(owners)) {
		o := owners[key]
		conds = append(conds, store.Cond{Key: key, Revision: o.revision})
		if len(o.IPs) == 0 {
			ops = append(ops, store.Delete(key))
			continue
		}
		slices.SortFunc(o.IPs, netip.Addr.Compare)
		value, err := json.Marshal(o)
		if err != nil {
			return nil, nil, err
		}
		ops = append(ops, store.Put(key, value))
	}
	return conds, ops, nil
}

// update makes what external systems have of the addresses of an intent equal to their
// records.
func (s *Service) update(ctx context.Context, live *model.Config, in *intent) error {
	var errs []error
	for _, e := range in.Entries {
		a, ok := s.book.Get(in.Zone, e.IP)
		ext, err := s.systemOf(live, e.IPAM)
		if !ok || a.IPAM != e.IPAM || err != nil || ext == nil {
			errs = append(errs, err)
			continue
		}
		err = ext.Update(ctx, e.Subnet, entryFor(e.Subnet, &a))
		if errors.Is(err, external.ErrMissing) { // somebody removed it there
			err = ext.Add(ctx, e.Subnet, entryFor(e.Subnet, &a))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("address management %s: %w", e.IPAM, err))
		}
	}
	return errors.Join(errs...)
}
