package ipam

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Concerns reports whether edits affect addresses: edits of guests, and of subnets unless
// external systems are updated later (revision.Allocator).
func (s *Service) Concerns(edits []model.Edit, o revision.EditOptions) bool {
	return slices.ContainsFunc(edits, func(e model.Edit) bool {
		k, _ := e.Target()
		return k == model.KindGuest || k == model.KindSubnet && !o.Deferred
	})
}

// Prepare does what edits mean for addresses before they are stored: the NICs of guests
// get addresses, and lose them once the guests are stored without them; external systems
// are notified of subnets; a subnet with an assigned address cannot be deleted
// (revision.Allocator).
func (s *Service) Prepare(ctx context.Context, v *revision.View, edits []model.Edit, o revision.EditOptions) (*revision.Allocation, error) {
	p, err := s.prepare(ctx, v, edits, o.DryRun)
	if err != nil || o.DryRun {
		return &revision.Allocation{}, err
	}
	return &revision.Allocation{
		Conds: p.stored.conds, Ops: p.stored.ops,
		Commit: func(ctx context.Context) { p.finish(ctx, true) },
		Abort:  func(ctx context.Context) { p.finish(ctx, false) },
	}, nil
}

// prepared is what was done for edits that are not stored yet.
type prepared struct {
	s    *Service
	view *revision.View
	// given are the addresses that NICs got, leaving the NICs that lose all or some.
	given   []Address
	leaving []leaving
	// reassigned are the addresses that stay with NICs which get other MAC addresses,
	// updates is the work at external systems for them, stored what is stored together
	// with the edits, of which known are the conditions on addresses and owners.
	reassigned reassignments
	updates    []*work
	stored     change
	known      []store.Cond
	// subnets is true if external systems have to be updated.
	subnets bool
}

// placedNIC is a NIC of a guest in a VNet with managed addresses, and its declared
// addresses.
type placedNIC struct {
	nic      NIC
	place    *place
	declared []netip.Addr
}

// leaving is a NIC that keeps only some of its addresses of the zone.
type leaving struct {
	zone, owner string
	keep        func(Address) bool
}

// prepare does the work that precedes storing the edits.
func (s *Service) prepare(ctx context.Context, v *revision.View, edits []model.Edit, dry bool) (*prepared, error) {
	p := &prepared{s: s, view: v}
	after, live := v.Pending.Clone(), *v.Live
	for _, k := range []model.Kind{model.KindIPAM, model.KindDNS} {
		live.CloneKind(k)
	}
	for _, e := range edits {
		if e.Put != nil && (e.Put.ObjectKind() == model.KindIPAM || e.Put.ObjectKind() == model.KindDNS) {
			live.Set(e.Put)
		}
		if e.Put == nil {
			after.Delete(e.Kind, e.ID)
			p.subnets = p.subnets || e.Kind == model.KindSubnet
		}
	}
	for _, k := range model.Kinds() {
		for _, e := range edits {
			if e.Put == nil || e.Put.ObjectKind() != k || !k.Revisioned() {
				continue
			}
			if !putCopy(after, e.Put) {
				return p, nil // validation rejects it with a better message
			}
			p.subnets = p.subnets || k == model.KindSubnet
		}
	}
	if err := s.checkDeletable(v, after, edits); err != nil {
		return nil, err
	}
	if dry {
		return p, nil
	}
	if err := s.Register(ctx, &live, after, edits); err != nil {
		p.finish(context.WithoutCancel(ctx), false)
		return nil, err
	}
	for _, e := range edits {
		if err := p.guest(ctx, v, after, &live, e); err != nil {
			p.finish(context.WithoutCancel(ctx), false)
			return nil, err
		}
	}
	if err := p.storeReassigned(); err != nil {
		p.finish(context.WithoutCancel(ctx), false)
		return nil, err
	}
	return p, nil
}

// putCopy puts a copy of an object that may be incomplete.
func putCopy(cfg *model.Config, o model.Object) bool {
	c, err := copyOf(o)
	return err == nil && cfg.Put(c) == nil
}

// copyOf returns a copy that may be completed.
func copyOf(o model.Object) (model.Object, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return model.Decode(o.ObjectKind(), b)
}

// maxShown bounds how many addresses a message lists.
const maxShown = 4

// checkDeletable rejects the deletion of a subnet with an assigned address, unless the
// same edits delete the guest that the address was assigned for.
func (s *Service) checkDeletable(v *revision.View, after *model.Config, edits []model.Edit) error {
	gone := make(map[string]bool)
	for _, e := range edits {
		if e.Put == nil && e.Kind == model.KindGuest {
			gone[e.ID] = true
		}
	}
	var out model.Problems
	for _, e := range edits {
		sub := v.Pending.Subnets[e.ID]
		if e.Put != nil || e.Kind != model.KindSubnet || sub == nil {
			continue
		}
		used := slices.DeleteFunc(s.InUse(after, sub), func(a Address) bool { return a.Declared && gone[a.Guest] })
		if len(used) == 0 {
			continue
		}
		var who, about []string
		for _, a := range used[:min(len(used), maxShown)] {
			who = append(who, a.IP.String()+" of "+a.describeOwner())
			about = append(about, a.ownerRef())
		}
		if len(used) > maxShown {
			who = append(who, fmt.Sprintf("and %d more", len(used)-maxShown))
		}
		refused := model.NewProblem(model.Error, model.KindSubnet, e.ID, "", "", msgSubnetInUse.Of(sub.CIDR, strings.Join(who, ", ")))
		refused.About, refused.Otherwise = strings.Join(about, " "), msgSubnetInUseHidden.Of(sub.CIDR)
		out = append(out, refused)
	}
	if len(out) > 0 {
		return out
	}
	return nil
}

// guest assigns addresses to the NICs of a guest that is put, and notes which NICs lose
// theirs.
func (p *prepared) guest(ctx context.Context, v *revision.View, after, live *model.Config, e model.Edit) error {
	var now []model.NIC
	id, name := e.ID, ""
	if g, ok := e.Put.(*model.Guest); ok {
		id, name, now = g.ID, g.Name, g.NICs
	} else if e.Put != nil || e.Kind != model.KindGuest {
		return nil
	}
	var nics []placedNIC
	for _, n := range now {
		place, err := find(after, live, n.VNet)
		if err != nil || !place.managed() {
			continue // there is no such VNet, which validation rejects with a better message, or nothing to do
		}
		nics = append(nics, placedNIC{NIC{VNet: n.VNet, MAC: n.MAC, Guest: id, NIC: n.ID, Name: name, declared: true}, place, n.IPs})
	}
	old := v.Live.Guests[id]
	for _, assign := range []func(placedNIC) error{
		func(n placedNIC) error { return p.keepDeclared(ctx, n) },
		func(n placedNIC) error { return p.keepAssigned(ctx, n, old) },
		func(n placedNIC) error { return p.nic(ctx, after, live, n) },
	} {
		for _, n := range nics {
			if err := p.s.retry(ctx, func() error { return assign(n) }); err != nil {
				refused := model.NewProblem(model.Error, model.KindGuest, id, n.nic.NIC, n.nic.VNet, message.FromError(err, msgAddressRefused))
				refused.About = model.ReferencesIn(err)
				return model.Problems{refused}
			}
		}
	}
	if old == nil {
		return nil
	}
	for _, n := range old.NICs {
		place, err := find(v.Pending, v.Live, n.VNet)
		owner := ownerOf(n.MAC, id, n.ID)
		if err != nil || owner == "" {
			continue
		}
		p.leaving = append(p.leaving, leaving{place.zone.ID, owner, retained(after, now, id, place.zone.ID, owner)})
	}
	return nil
}

// retained returns a predicate: which addresses of an owner in a zone the present NICs of
// a guest still account for. These are the addresses in a VNet that one of the NICs is in,
// and for a family with declared addresses only the declared ones.
func retained(cfg *model.Config, now []model.NIC, guest, zone, owner string) func(Address) bool {
	return func(a Address) bool {
		if !a.Declared || a.Guest != guest { // it was not assigned because of the guest
			return true
		}
		for _, n := range now {
			v := cfg.VNets[n.VNet]
			if v == nil || v.Zone != zone || ownerOf(n.MAC, guest, n.ID) != owner || n.VNet != a.VNet {
				continue
			}
			declared := slices.DeleteFunc(slices.Clone(n.IPs), func(ip netip.Addr) bool { return familyOf(ip) != familyOf(a.IP) })
			if len(declared) == 0 || slices.Contains(declared, a.IP) {
				return true
			}
		}
		return false
	}
}

// nic assigns addresses to one NIC: those that are declared, and one of every other
// family.
func (p *prepared) nic(ctx context.Context, cfg, live *model.Config, placed placedNIC) error {
	n, place := placed.nic, placed.place
	n.reassigned = p.reassigned
	for _, ip := range placed.declared {
		if place.subnetOf(ip) == nil {
			continue // in no subnet: not managed
		}
		a, given, err := p.s.reserve(ctx, cfg, live, n, ip)
		if err != nil {
			return err
		}
		if given {
			p.given = append(p.given, *a)
		}
	}
	if n.owner() == "" || len(place.subnets) == 0 {
		return nil
	}
	all, given, err := p.s.join(ctx, cfg, live, n)
	p.given = append(p.given, given...)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Name != n.Name || a.Guest != n.Guest || a.NIC != n.NIC {
			if _, err := p.s.updateRegistration(ctx, place, n, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish completes what was prepared once the edits are stored, or undoes it. Errors of
// this step are logged: the next resync repairs it.
func (p *prepared) finish(ctx context.Context, stored bool) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	p.finishReassigned(ctx)
	if !stored {
		for _, a := range p.given {
			p.logCleanupError(p.s.Release(ctx, a.Zone, a.Owner(), a.IP))
		}
	} else {
		for _, l := range p.leaving {
			all, _ := p.s.book.Of(l.zone, l.owner)
			for _, a := range all {
				if !l.keep(a) {
					p.logCleanupError(p.s.Release(ctx, l.zone, l.owner, a.IP))
				}
			}
		}
	}
	if !p.subnets {
		return
	}
	if err := p.s.Settle(ctx); err != nil {
		p.s.log.Warn("external systems do not know the subnets as they are; that is repaired later", "error", err)
	}
}

func (p *prepared) logCleanupError(_ []Address, err error) {
	if err != nil {
		p.s.log.Warn("an address could not be freed; that is repaired later", "error", err)
	}
}
