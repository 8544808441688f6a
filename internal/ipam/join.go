package ipam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// NIC is a NIC that needs addresses.
type NIC struct {
	VNet string
	// MAC is the MAC address; Guest and NIC identify the owner ("100", "net0"). One of the
	// two is required.
	MAC, Guest, NIC string
	// Name is the guest's host name; empty if it has none.
	Name string

	declared bool
	// reassigned are addresses that are about to get another owner.
	reassigned reassignments
}

func (n *NIC) owner() string { return ownerOf(n.MAC, n.Guest, n.NIC) }

// describe names the NIC for an operator.
func (n *NIC) describe() string {
	a := Address{MAC: n.MAC, Guest: n.Guest, NIC: n.NIC}
	return a.describeOwner()
}

// Full is the error of a VNet in which no subnet of a family has a free address.
type Full struct {
	Who, Zone, VNet string
	Family          int // 4 or 6
	// Subnets are those that were tried.
	Subnets []netip.Prefix
}

// Error implements error. Clients of the Proxmox API match its first words.
func (f *Full) Error() string {
	return fmt.Sprintf("can't find any free ip in zone %s for IPv%d: %s cannot get an address in vnet %s, of which every address of %v is used or outside of its ranges; "+
		"widen dhcp-range, add a subnet, or remove what is not used any more (viaduct address list)", f.Zone, f.Family, f.Who, f.VNet, f.Subnets)
}

// Is makes it an external.ErrNone.
func (f *Full) Is(target error) bool { return target == external.ErrNone }

// Join assigns a NIC an address of each family for which its VNet has subnets. It keeps
// addresses that it already has there. It gets all or none; in a zone without address
// management none. The result is sorted.
func (s *Service) Join(ctx context.Context, n NIC) ([]Address, error) {
	// A possibly outdated configuration is good enough if it leads to addresses: their
	// transaction checks whether they are free. Only an error must be based on the current
	// one.
	var out []Address
	v, _ := s.config.Latest()
	err := s.retry(ctx, func() (err error) {
		out, _, err = s.join(ctx, v.Pending, v.Live, n)
		return err
	})
	switch {
	case err == nil && len(out) > 0:
		return out, nil
	case errors.Is(err, store.ErrUnavailable): // what it did is not known
		return nil, err
	}
	err = s.retry(ctx, func() error {
		v, err := s.config.View(ctx)
		if err != nil {
			return err
		}
		out, _, err = s.join(ctx, v.Pending, v.Live, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// retry calls try until it does not conflict with another writer.
func (s *Service) retry(ctx context.Context, try func() error) error {
	err := store.Retry(ctx, try)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: others took addresses all the time; try again", revision.ErrBusy)
	}
	return err
}

// join is Join in a configuration; given are the newly assigned addresses.
func (s *Service) join(ctx context.Context, cfg, live *model.Config, n NIC) (all, given []Address, err error) {
	p, err := find(cfg, live, n.VNet)
	if err != nil || !p.managed() {
		return nil, nil, err
	}
	owner := n.owner()
	if owner == "" {
		return nil, nil, errors.New("a NIC needs a MAC address, or the number of a guest, to get addresses")
	}
	have, seen := s.book.Of(p.zone.ID, owner)
	have = n.reassigned.apply(p.zone.ID, owner, have)
	missing := p.missing(have)
	if len(missing) == 0 {
		return inPlace(have, p), nil, nil
	}
	got, err := s.allocate(ctx, p, n, missing, seen)
	if err != nil {
		return nil, nil, err
	}
	return append(inPlace(have, p), got...), got, nil
}

// inPlace returns those of the addresses that are in the place's subnets.
func inPlace(all []Address, p *place) []Address {
	return slices.DeleteFunc(slices.Clone(all), func(a Address) bool { return p.subnetOf(a.IP) == nil })
}

// subnetOf is the smallest subnet of the place that contains an address; nil if there
// is none.
func (p *place) subnetOf(ip netip.Addr) *model.Subnet {
	var best *model.Subnet
	for _, s := range p.subnets {
		if s.CIDR.Masked().Contains(ip) && (best == nil || s.CIDR.Bits() > best.CIDR.Bits()) {
			best = s
		}
	}
	return best
}

// missing returns the families for which the place has subnets and the owner has no
// address.
func (p *place) missing(have []Address) []int {
	var out []int
	for _, family := range []int{4, 6} {
		if len(p.of(family)) > 0 && !slices.ContainsFunc(have, func(a Address) bool { return familyOf(a.IP) == family && p.subnetOf(a.IP) != nil }) {
			out = append(out, family)
		}
	}
	return out
}

// of returns the subnets of a family from which NICs get addresses: not those in which
// they generate their own.
func (p *place) of(family int) []*model.Subnet {
	return slices.DeleteFunc(slices.Clone(p.subnets), func(s *model.Subnet) bool {
		return familyOf(s.CIDR.Addr()) != family || s.RAMode == model.RASLAAC
	})
}

func familyOf(ip netip.Addr) int {
	if ip.Is4() {
		return 4
	}
	return 6
}

// allocate assigns a NIC one address of each of the families.
func (s *Service) allocate(ctx context.Context, p *place, n NIC, families []int, seen int64) ([]Address, error) {
	ext, err := s.external(p.live, p.zone)
	if err != nil {
		return nil, err
	}
	if ext == nil && !s.named(p, n.Name) {
		return s.allocateLocal(ctx, p, n, families, seen)
	}
	return s.allocateExternal(ctx, p, n, families, seen, ext)
}

// allocateLocal assigns addresses without external systems, in one transaction.
func (s *Service) allocateLocal(ctx context.Context, p *place, n NIC, families []int, seen int64) ([]Address, error) {
	var picked []*Address
	var elsewhere error // it joined somewhere else at the same time: read again
	err := s.retry(ctx, func() (err error) {
		if picked, err = s.pickAll(ctx, p, n, families); err == nil {
			err = s.book.commit(ctx, &change{zone: p.zone.ID, owner: n.owner(), seen: seen, put: picked})
		}
		s.releaseAll(p, picked)
		if errors.Is(err, store.ErrConflict) {
			s.recordConflicts(p, picked)
			if _, now := s.book.Of(p.zone.ID, n.owner()); now != seen {
				elsewhere = err
				return nil
			}
		}
		return err
	})
	if err = cmp.Or(elsewhere, err); err != nil {
		return nil, err
	}
	return values(picked), nil
}

// pickAll picks a free address of each family. With an error it also returns the addresses
// picked so far.
func (s *Service) pickAll(ctx context.Context, p *place, n NIC, families []int) ([]*Address, error) {
	var picked []*Address
	for _, family := range families {
		a, err := s.pickIn(ctx, p, n, family, len(picked))
		if err != nil {
			return picked, err
		}
		picked = append(picked, a)
	}
	return picked, nil
}

// releaseAll ends the reservation of addresses that were picked.
func (s *Service) releaseAll(p *place, picked []*Address) {
	for _, a := range picked {
		s.book.release(p.zone.ID, a.IP)
	}
}

// recordConflicts notes that another server was faster in assigning some of the addresses.
func (s *Service) recordConflicts(p *place, picked []*Address) {
	for _, a := range picked {
		if now, ok := s.book.Get(p.zone.ID, a.IP); ok && now.Owner() != a.Owner() {
			s.book.recordConflict(p.zone.ID, spansOf(p.zone, p.subnetOf(a.IP)), a.IP, s.now())
		}
	}
}

// pickIn picks a free address of a family, for a NIC for which some are picked. As long as
// some are in flight, which may become free again, exhaustion is only a conflict.
func (s *Service) pickIn(ctx context.Context, p *place, n NIC, family, picked int) (*Address, error) {
	for fresh := range 2 {
		for _, sub := range p.of(family) {
			if ip := s.book.pick(p.zone.ID, spansOf(p.zone, sub), p.avoid(p.subnets, sub), s.now()); ip.IsValid() {
				return s.address(p, n, ip), nil
			}
		}
		if s.book.inFlightCount(p.zone.ID) > picked {
			return nil, store.ErrConflict
		}
		if fresh == 0 { // perhaps other servers released some
			if err := s.book.Sync(ctx); err != nil {
				return nil, err
			}
		}
	}
	return nil, p.full(n, family)
}

func (p *place) full(n NIC, family int) error {
	f := &Full{Who: n.describe(), Zone: p.zone.ID, VNet: p.vnet.ID, Family: family}
	for _, sub := range p.of(family) {
		f.Subnets = append(f.Subnets, sub.CIDR)
	}
	return f
}

// address is the record of an address for a NIC.
func (s *Service) address(p *place, n NIC, ip netip.Addr) *Address {
	return &Address{
		Zone: p.zone.ID, IP: ip, VNet: p.vnet.ID, MAC: n.MAC, Guest: n.Guest, NIC: n.NIC, Name: n.Name, Declared: n.declared, Since: s.now().UTC().Truncate(time.Second),
	}
}

func values(all []*Address) []Address {
	out := make([]Address, len(all))
	for i, a := range all {
		out[i] = *a
	}
	return out
}

// Reserve assigns a NIC one specific address: of a subnet of the VNet, if it has any. The
// NIC keeps an address that it already has. In a zone without address management and DNS
// server nothing is stored, and Reserve returns nil.
func (s *Service) Reserve(ctx context.Context, n NIC, ip netip.Addr) (*Address, error) {
	var out *Address
	err := s.retry(ctx, func() error {
		v, err := s.config.View(ctx)
		if err != nil {
			return err
		}
		out, _, err = s.reserve(ctx, v.Pending, v.Live, n, ip)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// reserve is Reserve in a configuration; given is true if the address is new.
func (s *Service) reserve(ctx context.Context, cfg, live *model.Config, n NIC, ip netip.Addr) (a *Address, given bool, err error) {
	p, err := find(cfg, live, n.VNet)
	if err != nil {
		return nil, false, err
	}
	if !p.managed() && !s.named(p, n.Name) {
		return nil, false, nil // not recorded
	}
	cannot := func(err error) error {
		return fmt.Errorf("%s cannot have %s in vnet %s: %w", n.describe(), ip, n.VNet, err)
	}
	if err := p.accepts(ip); err != nil {
		return nil, false, cannot(err)
	}
	if r := n.reassigned.find(p.zone.ID, ip); r != nil && r.isTo(p.zone.ID, n.owner()) {
		return &r.now, false, nil
	}
	if have, ok := s.book.Get(p.zone.ID, ip); ok {
		if have.Owner() != "" && have.Owner() == n.owner() {
			return &have, false, nil
		}
		return nil, false, cannot(&Taken{Address: have})
	}
	if a, err = s.assign(ctx, p, n, ip); err != nil {
		return nil, false, cannot(err)
	}
	return a, true, nil
}

// Free reports why an address of a VNet cannot be assigned: it is assigned already, or
// hosts cannot have it.
func (s *Service) Free(cfg *model.Config, vnet string, ip netip.Addr) error {
	p, err := find(cfg, &model.Config{}, vnet)
	if err != nil {
		return err
	}
	if err := p.accepts(ip); err != nil {
		return err
	}
	if a, ok := s.book.Get(p.zone.ID, ip); ok {
		return &Taken{Address: a}
	}
	return nil
}

// accepts reports why an address cannot be assigned in the place.
func (p *place) accepts(ip netip.Addr) error {
	if len(p.subnets) == 0 {
		return fmt.Errorf("vnet %s has no subnet; add one that contains the address", p.vnet.ID)
	}
	sub := p.subnetOf(ip)
	if sub == nil {
		return fmt.Errorf("%s is in no subnet of vnet %s", ip, p.vnet.ID)
	}
	for _, other := range p.subnets {
		if other.Gateway == ip {
			return &Taken{Address: Address{Zone: p.zone.ID, IP: ip, VNet: p.vnet.ID}, Gateway: true}
		}
	}
	if edge := model.EdgeOf(sub.CIDR, ip); edge != "" {
		return fmt.Errorf("%s is the %s of %s, which no host can have", ip, edge, sub.CIDR.Masked())
	}
	return nil
}

// assign assigns a NIC an address that is free according to memory.
func (s *Service) assign(ctx context.Context, p *place, n NIC, ip netip.Addr) (*Address, error) {
	ext, err := s.external(p.live, p.zone)
	if err != nil {
		return nil, err
	}
	a := s.address(p, n, ip)
	_, seen := s.book.Of(p.zone.ID, n.owner())
	if ext == nil && !s.named(p, n.Name) {
		return a, s.book.commit(ctx, &change{zone: p.zone.ID, owner: n.owner(), seen: seen, put: []*Address{a}})
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
	return a, w.finish(ctx, []*Address{a})
}
