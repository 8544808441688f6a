package ipam

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
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

// intent is work at external systems that is about to be done.
type intent struct {
	// Life is the process that does it.
	Life string `json:"life"`
	// Remove is true if the addresses are to be removed; otherwise they are to be added.
	Remove bool `json:"remove,omitempty"`
	// Update is true if the addresses stay and external systems are to be given the data
	// of their records.
	Update bool `json:"update,omitempty"`
	// Zone is the zone of the addresses, MAC the MAC address that they are registered for.
	Zone string `json:"zone"`
	MAC  string `json:"mac,omitempty"`
	// IPAM is the external system that chooses an address which is not known yet, Subnets
	// are the candidates.
	IPAM    string          `json:"ipam,omitempty"`
	Subnets []*model.Subnet `json:"subnets,omitempty"`
	// Entries are the addresses as far as they are known.
	Entries []entry `json:"entries,omitempty"`
}

// entry is an address of an intent.
type entry struct {
	IP     netip.Addr    `json:"ip"`
	Subnet *model.Subnet `json:"subnet,omitempty"`
	IPAM   string        `json:"ipam,omitempty"`
	Names  *Names        `json:"names,omitempty"`
}

// newID is a unique name.
func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// undoTimeout bounds the cleanup after the caller's context has ended.
const undoTimeout = time.Minute

// work is an intent that this process carries out.
type work struct {
	s    *Service
	live *model.Config
	zone *model.Zone
	vnet string
	nic  NIC
	seen int64 // of the owner's record

	id       string
	revision int64
	intent   intent
}

// begin stores an intent to give a NIC addresses.
func (s *Service) begin(ctx context.Context, p *place, n NIC, seen int64) (*work, error) {
	w := &work{s: s, live: p.live, zone: p.zone, vnet: p.vnet.ID, nic: n, seen: seen, id: newID()}
	w.intent = intent{Life: s.life, Zone: p.zone.ID, MAC: n.MAC, IPAM: p.zone.IPAM, Subnets: p.subnets}
	return w, w.save(ctx)
}

func (w *work) key() string { return prefixIntent + w.id }

// save stores the intent as it is now.
func (w *work) save(ctx context.Context) error {
	op, err := w.op()
	if err != nil {
		return err
	}
	w.s.mu.Lock()
	w.s.working[w.id] = true
	w.s.mu.Unlock()
	at, err := w.s.store.Txn(ctx, []store.Cond{{Key: w.key(), Revision: w.revision}}, []store.Op{op})
	if err != nil {
		w.abandon()
		return fmt.Errorf("noting what is about to be done: %w", err)
	}
	w.revision = at
	return nil
}

// op writes the intent.
func (w *work) op() (store.Op, error) {
	value, err := json.Marshal(w.intent)
	return store.Put(w.key(), value), err
}

// abandon allows other processes to find the intent.
func (w *work) abandon() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	delete(w.s.working, w.id)
}

// done adds to a transaction what ends the work.
func (w *work) done(c *change) {
	c.conds = append(c.conds, store.Cond{Key: w.key(), Revision: w.revision})
	c.ops = append(c.ops, store.Delete(w.key()))
}

// entryFor is an address as external systems have it.
func entryFor(sub *model.Subnet, a *Address) external.Entry {
	return external.Entry{IP: a.IP, Name: prefixed(a.Name, sub), MAC: a.MAC, Guest: a.Guest}
}

// add registers an address with the external system.
func (w *work) add(ctx context.Context, ext external.System, sub *model.Subnet, a *Address) error {
	a.IPAM = w.zone.IPAM
	w.intent.Entries = append(w.intent.Entries, entry{IP: a.IP, Subnet: sub, IPAM: a.IPAM})
	if err := w.save(ctx); err != nil {
		return err
	}
	err := ext.Add(ctx, sub, entryFor(sub, a))
	if err != nil && !errors.Is(err, external.ErrUnreachable) { // another owner has it, or it was never created
		w.intent.Entries = w.intent.Entries[:len(w.intent.Entries)-1]
	}
	return err
}

// next requests a free address of a family from the external system.
func (w *work) next(ctx context.Context, ext external.System, p *place, family int) (*Address, error) {
	for _, sub := range p.of(family) {
		if p.zone.DHCPDynamic && len(sub.DHCPRange) > 0 {
			a, err := w.nextOutsideRanges(ctx, ext, p, sub)
			if errors.Is(err, external.ErrNone) {
				continue
			}
			return a, err
		}
		ranges := []*model.Range{nil}
		if len(sub.DHCPRange) > 0 {
			ranges = nil
			for i := range sub.DHCPRange {
				ranges = append(ranges, &sub.DHCPRange[i])
			}
		}
		for _, r := range ranges {
			a, err := w.nextOf(ctx, ext, p, sub, r)
			if errors.Is(err, external.ErrNone) {
				continue
			}
			return a, err
		}
	}
	return nil, p.full(w.nic, family)
}

// nextOf requests a free address of a subnet, or of a range if it is not nil, from the
// external system. An address that must not be assigned, since the range includes the end
// of a network or the system does not know what is reserved, is kept until the system has
// chosen another, and then freed.
func (w *work) nextOf(ctx context.Context, ext external.System, p *place, sub *model.Subnet, r *model.Range) (*Address, error) {
	avoid := p.avoid(p.subnets, sub)
	kept := len(w.intent.Entries) // earlier entries stay
	a := w.s.address(p, w.nic, netip.Addr{})
	a.IPAM = w.zone.IPAM
	for range maxTaken {
		ip, err := ext.Next(ctx, sub, r, entryFor(sub, a))
		if errors.Is(err, external.ErrNone) {
			if err := w.free(ctx, ext, kept); err != nil {
				return nil, err
			}
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("address management %s: %w", w.zone.IPAM, err)
		}
		w.intent.Entries = append(w.intent.Entries, entry{IP: ip, Subnet: sub, IPAM: a.IPAM})
		if err := w.save(ctx); err != nil {
			return nil, err
		}
		if avoid(ip) {
			continue
		}
		last := len(w.intent.Entries) - 1
		w.intent.Entries[kept], w.intent.Entries[last] = w.intent.Entries[last], w.intent.Entries[kept]
		a.IP = ip
		return a, w.free(ctx, ext, kept+1)
	}
	return nil, fmt.Errorf("address management %s gave out %d addresses of %s in a row that no guest can have; look at what it has registered there", w.zone.IPAM, maxTaken, sub.CIDR)
}

// free removes the intent's entries from an index on.
func (w *work) free(ctx context.Context, ext external.System, from int) error {
	if from == len(w.intent.Entries) {
		return nil
	}
	for _, e := range w.intent.Entries[from:] {
		if err := ext.Delete(ctx, e.Subnet, e.IP); err != nil {
			return fmt.Errorf("address management %s: %w", w.zone.IPAM, err)
		}
	}
	w.intent.Entries = w.intent.Entries[:from]
	return w.save(ctx)
}

// maxTaken bounds how many addresses in a row may belong to other owners.
const maxTaken = 256

// nextOutsideRanges registers a free address of a subnet outside of its ranges, from which
// DHCP serves any client. No external system can be asked for such an address.
func (w *work) nextOutsideRanges(ctx context.Context, ext external.System, p *place, sub *model.Subnet) (*Address, error) {
	taken := make(map[netip.Addr]bool)
	avoid := p.avoid(p.subnets, sub)
	for range maxTaken {
		ip := w.s.book.pick(p.zone.ID, spansOf(p.zone, sub), func(ip netip.Addr) bool { return taken[ip] || avoid(ip) }, w.s.now())
		if !ip.IsValid() {
			return nil, external.ErrNone
		}
		a := w.s.address(p, w.nic, ip)
		err := w.add(ctx, ext, sub, a)
		w.s.book.release(p.zone.ID, ip) // from now on the external system reserves it
		if !errors.Is(err, external.ErrTaken) {
			return a, err
		}
		taken[ip] = true
	}
	return nil, fmt.Errorf("address management %s has registered %d addresses of %s in a row for somebody who is not known here; remove what is not used there, or widen the subnet", w.zone.IPAM, maxTaken, sub.CIDR)
}

// allocateExternal assigns addresses that are registered with external systems: all or
// none.
func (s *Service) allocateExternal(ctx context.Context, p *place, n NIC, families []int, seen int64, ext external.System) ([]Address, error) {
	w, err := s.begin(ctx, p, n, seen)
	if err != nil {
		return nil, err
	}
	var got []*Address
	if ext == nil {
		got, err = s.pickAll(ctx, p, n, families)
		defer func() { s.releaseAll(p, got) }()
	} else {
		got, err = w.nextAll(ctx, ext, p, families)
	}
	if err != nil {
		return nil, w.undo(ctx, err)
	}
	if err := w.finish(ctx, got); err != nil {
		return nil, err
	}
	return values(got), nil
}

// nextAll requests a free address of each family from the external system.
func (w *work) nextAll(ctx context.Context, ext external.System, p *place, families []int) ([]*Address, error) {
	var got []*Address
	for _, family := range families {
		a, err := w.next(ctx, ext, p, family)
		if err != nil {
			return nil, err
		}
		got = append(got, a)
	}
	return got, nil
}

// finish registers the names of addresses, stores them and ends the work; or undoes
// everything.
func (w *work) finish(ctx context.Context, got []*Address) error {
	for _, a := range got {
		sub := w.subnetOf(a.IP)
		if a.Names = namesOf(w.zone, sub, a.Name); a.Names == nil {
			continue
		}
		w.name(a, sub)
		if err := w.save(ctx); err != nil {
			return w.undo(ctx, err)
		}
		if err := w.s.register(ctx, w.live, a.Names, a.IP); err != nil {
			return w.undo(ctx, err)
		}
	}
	c := &change{zone: w.zone.ID, owner: w.nic.owner(), seen: w.seen, put: got}
	w.done(c)
	err := w.s.book.commit(ctx, c)
	if err != nil && !errors.Is(err, store.ErrUnavailable) {
		return w.undo(ctx, err)
	}
	w.abandon()
	if err != nil { // it may have been stored nevertheless: whether the intent still exists will show it
		return fmt.Errorf("%w; whether %s got its addresses is not known: if not, what was registered for it is taken back when the store answers again", err, w.nic.describe())
	}
	return nil
}

// name notes in the intent where an address's name is about to be registered.
func (w *work) name(a *Address, sub *model.Subnet) {
	for i := range w.intent.Entries {
		if w.intent.Entries[i].IP == a.IP {
			w.intent.Entries[i].Names = a.Names
			return
		}
	}
	w.intent.Entries = append(w.intent.Entries, entry{IP: a.IP, Subnet: sub, Names: a.Names})
}

func (w *work) subnetOf(ip netip.Addr) *model.Subnet {
	p := place{subnets: w.intent.Subnets}
	return p.subnetOf(ip)
}

// undo reverts the work at external systems, and returns the cause, with what could not be
// reverted yet.
func (w *work) undo(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	defer w.abandon()
	err := w.s.revert(ctx, w.live, &w.intent)
	if err == nil {
		_, err = w.s.store.Txn(ctx, []store.Cond{{Key: w.key(), Revision: w.revision}}, []store.Op{store.Delete(w.key())})
	}
	if err != nil && cause == nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; what was registered on the way could not be taken back yet, which is tried again until it can: %w", cause, err)
	}
	return cause
}

// revert removes from external systems what an intent describes, or updates it there.
func (s *Service) revert(ctx context.Context, live *model.Config, in *intent) error {
	if in.Update {
		return s.update(ctx, live, in)
	}
	var errs []error
	known := !in.Remove && in.MAC != "" // by what is registered for it, it can be told whose an address is
	for _, e := range slices.Backward(in.Entries) {
		if e.Names != nil {
			errs = append(errs, s.unregister(ctx, live, e.Names, e.IP))
		}
		ext, err := s.systemOf(live, e.IPAM)
		if err == nil && ext != nil && !known {
			err = ext.Delete(ctx, e.Subnet, e.IP)
		}
		errs = append(errs, err)
	}
	if known {
		errs = append(errs, s.revertByMAC(ctx, live, in))
	}
	return errors.Join(errs...)
}

// revertByMAC removes what an external system has registered for the MAC address of an
// intent, and only that: an address of the intent may belong to another owner, which was
// not yet known, and there may be one that the system did not report back.
func (s *Service) revertByMAC(ctx context.Context, live *model.Config, in *intent) error {
	ext, err := s.systemOf(live, in.IPAM)
	if err != nil || ext == nil {
		return err
	}
	var errs []error
	for _, sub := range in.Subnets {
		ips, err := ext.Of(ctx, sub, in.MAC)
		for _, ip := range ips {
			if _, ours := s.book.Get(in.Zone, ip); !ours && err == nil {
				err = ext.Delete(ctx, sub, ip)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// abandoned is the time without a change after which the work of another process counts as
// abandoned: longer than any work may last.
const abandoned = 3 * time.Minute

// finishOthers adopts the work that nobody does any more.
func (s *Service) finishOthers(ctx context.Context, live *model.Config) error {
	records, _, err := s.store.List(ctx, prefixIntent, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range records {
		w := &work{s: s, live: live, id: r.Key[len(prefixIntent):], revision: r.Revision}
		if err := json.Unmarshal(r.Value, &w.intent); err != nil {
			errs = append(errs, fmt.Errorf("stored value %s is not understood: %w", r.Key, err))
			continue
		}
		if s.isAbandoned(w) {
			w.intent.Life = s.life
			if err := w.save(ctx); err != nil {
				continue // another process did
			}
			if err := s.book.Sync(ctx); err != nil { // addresses assigned since are not reverted
				errs = append(errs, err)
				w.abandon()
				continue
			}
			errs = append(errs, w.undo(ctx, nil))
		}
	}
	return errors.Join(errs...)
}

// isAbandoned reports whether nobody works on an intent.
func (s *Service) isAbandoned(w *work) bool {
	s.mu.Lock()
	mine := s.working[w.id]
	s.mu.Unlock()
	switch {
	case mine:
		return false
	case w.intent.Life == s.life: // what failed here before
		return true
	}
	return s.staleFor(fmt.Sprint(w.id, w.revision))
}

// staleFor reports whether a state has existed for so long, by the clock of this process,
// that nobody works on it any more.
func (s *Service) staleFor(state string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, ok := s.seen[state]
	if !ok {
		first = s.now()
	}
	s.stillSeen[state] = first
	return s.now().Sub(first) >= abandoned
}

// forgetUnseen forgets the states that did not occur since the last call.
func (s *Service) forgetUnseen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.stillSeen = s.stillSeen, make(map[string]time.Time)
}

// freeOrphans frees addresses that were assigned because of NICs which guests do not have
// any more: the process that removed the NIC was killed before it freed the address.
func (s *Service) freeOrphans(ctx context.Context, v *revision.View) error {
	var errs []error
	for _, a := range s.book.declared() {
		var now []model.NIC
		if g := v.Live.Guests[a.Guest]; g != nil {
			now = g.NICs
		}
		state := fmt.Sprint("orphan ", a.Zone, a.IP, a.revision)
		if retained(v.Pending, now, a.Guest, a.Zone, a.Owner())(a) || retained(v.Running, now, a.Guest, a.Zone, a.Owner())(a) {
			continue
		}
		if s.staleFor(state) {
			s.log.Warn("an address that no NIC accounts for is freed", "address", a.IP, "zone", a.Zone, "guest", a.Guest)
			_, err := s.Release(ctx, a.Zone, a.Owner(), a.IP)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
