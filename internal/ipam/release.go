package ipam

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Release removes addresses from a NIC: those given, or without any all that it has in the
// zone. It removes them from external systems too; if these are unreachable it tries again
// until it succeeds. It returns what was removed.
func (s *Service) Release(ctx context.Context, zone, owner string, ips ...netip.Addr) ([]Address, error) {
	var out []Address
	err := s.retry(ctx, func() error {
		v, err := s.config.View(ctx)
		if err != nil {
			return err
		}
		out, err = s.release(ctx, v, zone, owner, ips)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) release(ctx context.Context, v *revision.View, zone, owner string, ips []netip.Addr) ([]Address, error) {
	var gone []Address
	for _, a := range s.held(zone, owner, ips) {
		if a.Owner() != owner {
			return nil, &Taken{Address: a}
		}
		gone = append(gone, a)
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(gone, func(a Address) bool { return a.IP == ip }) {
			return nil, fmt.Errorf("zone %s: %s: %w", zone, ip, ErrNotAssigned)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	_, seen := s.book.Of(zone, owner)
	c := &change{zone: zone, owner: owner, seen: seen}
	w := &work{s: s, live: v.Live, id: newID(), intent: intent{Life: s.life, Remove: true, Zone: zone, MAC: gone[0].MAC}}
	for _, a := range gone {
		c.drop = append(c.drop, a)
		if a.IPAM != "" || a.Names != nil {
			w.intent.Entries = append(w.intent.Entries, s.entryOf(v, a))
		}
	}
	if len(w.intent.Entries) == 0 {
		return gone, s.book.commit(ctx, c)
	}
	return gone, w.removing(ctx, c)
}

// held returns the addresses that a release is about.
func (s *Service) held(zone, owner string, ips []netip.Addr) []Address {
	if len(ips) == 0 {
		all, _ := s.book.Of(zone, owner)
		return all
	}
	var out []Address
	for _, ip := range ips {
		if a, ok := s.book.Get(zone, ip); ok {
			out = append(out, a)
		}
	}
	return out
}

// entryOf is what external systems have of an address.
func (s *Service) entryOf(v *revision.View, a Address) entry {
	e := entry{IP: a.IP, IPAM: a.IPAM, Names: a.Names}
	for _, cfg := range []*model.Config{v.Running, v.Pending} {
		for _, sub := range cfg.Subnets {
			vnet := cfg.VNets[sub.VNet]
			fits := vnet != nil && vnet.Zone == a.Zone && sub.CIDR.Masked().Contains(a.IP)
			if fits && (e.Subnet == nil || e.Subnet.CIDR.Bits() <= sub.CIDR.Bits()) {
				e.Subnet = sub
			}
		}
	}
	if e.Subnet == nil { // the subnet is removed, and only the location of the data is needed
		e.Subnet = &model.Subnet{CIDR: netip.PrefixFrom(a.IP, a.IP.BitLen())}
	}
	return e
}

// removing makes a change together with the intent to remove what it drops from external
// systems, and removes it.
func (w *work) removing(ctx context.Context, c *change) error {
	if err := w.storeWith(c); err != nil {
		return err
	}
	err := w.s.book.commit(ctx, c)
	if err != nil {
		w.abandon()
		return err
	}
	if err := w.carryOut(ctx); err != nil {
		w.s.log.Warn("addresses were freed here, and are not yet in the external systems; that is tried again", "zone", c.zone, "error", err)
	}
	return nil
}

// carryOut does what an intent that was stored with a change describes, unless the change
// was not stored or another process has done it.
func (w *work) carryOut(ctx context.Context) error {
	r, err := w.s.store.Get(ctx, w.key())
	if err == nil {
		w.revision = r.Revision
		return w.undo(ctx, nil)
	}
	w.abandon()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// storeWith makes the intent a part of a change.
func (w *work) storeWith(c *change) error {
	op, err := w.op()
	if err != nil {
		return err
	}
	w.s.mu.Lock()
	w.s.working[w.id] = true
	w.s.mu.Unlock()
	c.conds = append(c.conds, store.Cond{Key: w.key()})
	c.ops = append(c.ops, op)
	return nil
}

// Move assigns a NIC another address in place of the one of the same family that it has in
// the VNet; with a guest, only of that guest. On failure it keeps the present one.
func (s *Service) Move(ctx context.Context, n NIC, ip netip.Addr) (*Address, error) {
	var out *Address
	err := s.retry(ctx, func() error {
		v, err := s.config.View(ctx)
		if err != nil {
			return err
		}
		p, err := find(v.Pending, v.Live, n.VNet)
		if err != nil {
			return err
		}
		out, err = s.move(ctx, v, p, n, ip)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s cannot have %s in vnet %s: %w", n.describe(), ip, n.VNet, err)
	}
	return out, nil
}

func (s *Service) move(ctx context.Context, v *revision.View, p *place, n NIC, ip netip.Addr) (*Address, error) {
	all, seen := s.book.Of(p.zone.ID, n.owner())
	have := slices.DeleteFunc(inPlace(all, p), func(a Address) bool { return familyOf(a.IP) != familyOf(ip) })
	if len(have) == 0 {
		return nil, fmt.Errorf("%w: it has no IPv%d address in vnet %s", ErrNotAssigned, familyOf(ip), p.vnet.ID)
	}
	old := have[0]
	if n.Guest == "" {
		n.Guest, n.NIC, n.declared = old.Guest, old.NIC, old.Declared
	}
	if n.Name == "" {
		n.Name = old.Name
	}
	if err := p.accepts(ip); err != nil {
		return nil, err
	}
	if a, ok := s.book.Get(p.zone.ID, ip); ok && ip != old.IP {
		return nil, &Taken{Address: a}
	}
	a := s.address(p, n, ip)
	if ip == old.IP {
		return s.updateRegistration(ctx, p, n, old)
	}
	ext, err := s.external(p.live, p.zone)
	if err != nil {
		return nil, err
	}
	if ext == nil && !s.named(p, n.Name) && old.IPAM == "" && old.Names == nil {
		return a, s.book.commit(ctx, &change{zone: p.zone.ID, owner: n.owner(), seen: seen, put: []*Address{a}, drop: []Address{old}})
	}
	w, err := s.begin(ctx, p, n, seen)
	if err != nil {
		return nil, err
	}
	if ext != nil {
		if err := w.add(ctx, ext, p.subnetOf(ip), a); err != nil {
			return nil, w.undo(ctx, err)
		}
	}
	if err := w.finish(ctx, []*Address{a}); err != nil {
		return nil, err
	}
	_, err = s.release(ctx, v, p.zone.ID, n.owner(), []netip.Addr{old.IP})
	return a, err
}

// updateRegistration changes the data of an address that stays: its owner and its name.
func (s *Service) updateRegistration(ctx context.Context, p *place, n NIC, old Address) (*Address, error) {
	a := s.address(p, n, old.IP)
	a.IPAM, a.Names, a.Since, a.revision = old.IPAM, old.Names, old.Since, old.revision
	_, seen := s.book.Of(p.zone.ID, n.owner())
	sub := p.subnetOf(a.IP)
	ext, err := s.systemOf(p.live, a.IPAM)
	if err != nil {
		return nil, err
	}
	if ext != nil && (a.Name != old.Name || a.Guest != old.Guest) {
		if err := ext.Update(ctx, sub, entryFor(sub, a)); err != nil {
			return nil, fmt.Errorf("address management %s: %w", a.IPAM, err)
		}
	}
	names := namesOf(p.zone, sub, a.Name)
	if reflect.DeepEqual(names, old.Names) {
		return a, s.book.commit(ctx, &change{zone: p.zone.ID, owner: n.owner(), seen: seen, put: []*Address{a}})
	}
	// The old name is removed first: the reverse record is the same for both.
	if old.Names != nil {
		if err := s.unregister(ctx, p.live, old.Names, a.IP); err != nil {
			return nil, err
		}
	}
	a.Names = nil
	if names == nil {
		return a, s.book.commit(ctx, &change{zone: p.zone.ID, owner: n.owner(), seen: seen, put: []*Address{a}})
	}
	w, err := s.begin(ctx, p, n, seen)
	if err != nil {
		return nil, err
	}
	return a, w.finish(ctx, []*Address{a})
}
