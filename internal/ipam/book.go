package ipam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/delay"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Book is the addresses of all zones, in memory and in the store. Make one with
// OpenBook, and keep it current with Run.
type Book struct {
	store store.Store
	log   *slog.Logger

	mu    sync.Mutex
	at    int64 // the store's revision up to which everything is known
	zones map[string]*zoneBook
	// removed are the keys that this process removed, with when, until the watch has
	// passed that: what it still tells of before is void.
	removed map[string]int64
	group   *group
	// changed is called under mu with each address that comes, goes or changes.
	changed func(old, now *Address)
}

type zoneBook struct {
	addresses map[netip.Addr]*Address
	owners    map[string]*owned
	// used4 and used6 are the addresses, and those that are about to be given, of which
	// there are flying.
	used4, used6 space
	flying       int
}

// OpenBook reads all addresses from the store.
func OpenBook(ctx context.Context, st store.Store, log *slog.Logger) (*Book, error) {
	b := &Book{store: st, log: log, zones: make(map[string]*zoneBook), removed: make(map[string]int64), group: newGroup(), changed: func(*Address, *Address) {}}
	if err := b.Sync(ctx); err != nil {
		return nil, fmt.Errorf("reading the addresses: %w", err)
	}
	return b, nil
}

// zone returns a zone's part. The caller holds mu.
func (b *Book) zone(id string) *zoneBook {
	z := b.zones[id]
	if z == nil {
		z = &zoneBook{addresses: make(map[netip.Addr]*Address), owners: make(map[string]*owned)}
		b.zones[id] = z
	}
	return z
}

func (z *zoneBook) used(ip netip.Addr) *space {
	if ip.Is4() {
		return &z.used4
	}
	return &z.used6
}

// Sync reads everything anew, so that all that was written before is seen.
func (b *Book) Sync(ctx context.Context) error {
	// All at one revision: an owner and the addresses belong together.
	records, at, err := b.store.List(ctx, prefix, "")
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		seen[r.Key] = true
		b.put(r)
	}
	for id, z := range b.zones {
		for ip, a := range z.addresses {
			if key := addressKey(id, ip); !seen[key] && a.revision <= at {
				b.remove(key, at)
			}
		}
		for owner, o := range z.owners {
			if key := ownerKey(id, owner); !seen[key] && o.revision <= at {
				b.remove(key, at)
			}
		}
	}
	b.passed(at)
	return nil
}

// put takes in a record unless a newer one is known. The caller holds mu.
func (b *Book) put(r store.Record) {
	if b.removed[r.Key] >= r.Revision {
		return
	}
	if b.known(r.Key) >= r.Revision { // written here, most likely
		return
	}
	switch {
	case strings.HasPrefix(r.Key, prefixAddress):
		a, err := parseAddress(r)
		if err != nil {
			b.log.Error("an address is left out", "error", err)
			return
		}
		z := b.zone(a.Zone)
		old := z.addresses[a.IP]
		z.addresses[a.IP] = a
		z.used(a.IP).use(a.IP)
		b.changed(old, a)
	case strings.HasPrefix(r.Key, prefixOwner):
		o := &owned{revision: r.Revision}
		if err := json.Unmarshal(r.Value, o); err != nil {
			b.log.Error("the owner of addresses is left out", "key", r.Key, "error", err)
			return
		}
		id, owner, _ := strings.Cut(strings.TrimPrefix(r.Key, prefixOwner), "/")
		b.zone(id).owners[owner] = o
		// Addresses are told of before their owner, and are nobody's until then.
		for _, a := range b.of(id, owner) {
			b.changed(nil, &a)
		}
	}
}

// remove forgets a record that was removed at a revision. The caller holds mu.
func (b *Book) remove(key string, at int64) {
	if rest, ok := strings.CutPrefix(key, prefixAddress); ok {
		id, text, _ := strings.Cut(rest, "/")
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return
		}
		z := b.zone(id)
		if a := z.addresses[ip]; a != nil && a.revision < at {
			delete(z.addresses, ip)
			z.used(ip).free(ip)
			b.changed(a, nil)
		}
		return
	}
	id, owner, _ := strings.Cut(strings.TrimPrefix(key, prefixOwner), "/")
	z := b.zone(id)
	if o := z.owners[owner]; o != nil && o.revision < at {
		delete(z.owners, owner)
	}
}

// passed notes that the watch has told everything up to a revision. The caller holds
// mu.
func (b *Book) passed(at int64) {
	b.at = max(b.at, at)
	for key, removed := range b.removed {
		if removed <= b.at {
			delete(b.removed, key)
		}
	}
}

// Run follows the store until ctx ends. A watch that fails is begun anew.
func (b *Book) Run(ctx context.Context) {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && ctx.Err() == nil {
			b.log.Debug("watching the addresses again", "error", err)
		}
		delay.For(ctx, wait)
		wait = min(2*wait, 5*time.Second)
	}
}

func (b *Book) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := b.Sync(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	at := b.at
	b.mu.Unlock()
	for batch := range b.store.Watch(ctx, prefix, at) {
		if batch.Err != nil {
			return batch.Err
		}
		b.mu.Lock()
		for _, e := range batch.Events {
			if e.Deleted {
				b.remove(e.Key, batch.Revision)
			} else {
				b.put(e.Record)
			}
		}
		b.passed(batch.Revision)
		b.mu.Unlock()
	}
	return nil
}

// change is one transaction on the addresses of one owner.
type change struct {
	zone, owner string
	// seen is when the owner's record was written on which the change was decided.
	seen int64
	// put are new or changed addresses of the owner, drop are those that it loses. Those
	// that there are have to be as they are here.
	put  []*Address
	drop []Address
	// conds and ops belong to the transaction too.
	conds []store.Cond
	ops   []store.Op

	// What it comes to: its own conditions and writes, and the owner's addresses then.
	conditions []store.Cond
	writes     []store.Op
	after      []netip.Addr
}

// commit makes a change, or returns store.ErrConflict after a look at what is in the
// way.
func (b *Book) commit(ctx context.Context, c *change) error {
	var err error
	c.conditions, c.writes, c.after, err = b.transaction(c)
	if err != nil {
		return err
	}
	return b.group.commit(ctx, b, c)
}

// storeAll stores changes that have nothing to do with each other in one transaction.
func (b *Book) storeAll(ctx context.Context, changes []*change) error {
	var conds []store.Cond
	var ops []store.Op
	for _, c := range changes {
		conds = append(append(conds, c.conditions...), c.conds...)
		ops = append(append(ops, c.writes...), c.ops...)
	}
	at, err := b.store.Txn(ctx, conds, ops)
	if errors.Is(err, store.ErrConflict) && len(changes) == 1 {
		if look := b.look(ctx, changes[0].conditions); look != nil {
			return look
		}
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changes {
		b.stored(c, at)
	}
	return nil
}

// stored takes in a change that was stored. The caller holds mu.
func (b *Book) stored(c *change, at int64) {
	z := b.zone(c.zone)
	for _, a := range c.drop {
		b.removed[addressKey(c.zone, a.IP)] = at
		b.remove(addressKey(c.zone, a.IP), at)
	}
	switch { // before its addresses, which are nobody's without
	case c.owner == "":
	case len(c.after) == 0:
		b.removed[ownerKey(c.zone, c.owner)] = at
		delete(z.owners, c.owner)
	default:
		z.owners[c.owner] = &owned{IPs: c.after, revision: at}
	}
	for _, a := range c.put {
		a.revision = at
		old := z.addresses[a.IP]
		z.addresses[a.IP] = a
		z.used(a.IP).use(a.IP)
		b.changed(old, a)
	}
}

// transaction are the conditions and writes of a change, and the addresses of the
// owner after it.
func (b *Book) transaction(c *change) (conds []store.Cond, ops []store.Op, after []netip.Addr, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(c.zone)
	var owner owned
	if o := z.owners[c.owner]; o != nil {
		owner = *o
	}
	if owner.revision != c.seen && c.owner != "" {
		return nil, nil, nil, store.ErrConflict
	}
	after = slices.DeleteFunc(slices.Clone(owner.IPs), func(ip netip.Addr) bool {
		return slices.ContainsFunc(c.drop, func(a Address) bool { return a.IP == ip })
	})
	for _, a := range c.drop {
		key := addressKey(c.zone, a.IP)
		conds = append(conds, store.Cond{Key: key, Revision: a.revision})
		ops = append(ops, store.Delete(key))
	}
	for _, a := range c.put {
		if old := z.addresses[a.IP]; old != nil && old.revision != a.revision {
			return nil, nil, nil, store.ErrConflict // somebody was faster: who, is seen at the next look
		}
		value, err := json.Marshal(a)
		if err != nil {
			return nil, nil, nil, err
		}
		key := addressKey(c.zone, a.IP)
		conds = append(conds, store.Cond{Key: key, Revision: a.revision})
		ops = append(ops, store.Put(key, value))
		if !slices.Contains(after, a.IP) {
			after = append(after, a.IP)
		}
	}
	slices.SortFunc(after, netip.Addr.Compare)
	if c.owner == "" {
		return conds, ops, after, nil
	}
	key := ownerKey(c.zone, c.owner)
	conds = append(conds, store.Cond{Key: key, Revision: owner.revision})
	if len(after) == 0 {
		return conds, append(ops, store.Delete(key)), after, nil
	}
	value, err := json.Marshal(owned{IPs: after})
	return conds, append(ops, store.Put(key, value)), after, err
}

// look reads the records that conditions are about, and the addresses of owners.
func (b *Book) look(ctx context.Context, conds []store.Cond) error {
	for _, c := range conds {
		b.mu.Lock()
		known := b.known(c.Key)
		b.mu.Unlock()
		r, err := b.store.Get(ctx, c.Key)
		if errors.Is(err, store.ErrNotFound) {
			b.mu.Lock()
			if b.known(c.Key) == known { // nobody has written it since
				b.remove(c.Key, known+1)
			}
			b.mu.Unlock()
			continue
		}
		if err != nil {
			return err
		}
		records, err := b.ofOwner(ctx, r)
		if err != nil {
			return err
		}
		// At once: an owner whose addresses are not known yet would get others.
		b.mu.Lock()
		for _, r := range append(records, r) {
			b.put(r)
		}
		b.mu.Unlock()
	}
	return nil
}

// ofOwner are the records of the addresses that a record says somebody owns.
func (b *Book) ofOwner(ctx context.Context, r store.Record) ([]store.Record, error) {
	rest, ok := strings.CutPrefix(r.Key, prefixOwner)
	if !ok {
		return nil, nil
	}
	zone, _, _ := strings.Cut(rest, "/")
	var o owned
	if err := json.Unmarshal(r.Value, &o); err != nil {
		return nil, fmt.Errorf("stored value %s is not understood: %w", r.Key, err)
	}
	var out []store.Record
	for _, ip := range o.IPs {
		a, err := b.store.Get(ctx, addressKey(zone, ip))
		if errors.Is(err, store.ErrNotFound) {
			continue // it was freed since
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// known is when the record of a key was written that is known; 0 if none is. The caller
// holds mu.
func (b *Book) known(key string) int64 {
	if rest, ok := strings.CutPrefix(key, prefixAddress); ok {
		id, text, _ := strings.Cut(rest, "/")
		ip, err := netip.ParseAddr(text)
		if a := b.zone(id).addresses[ip]; err == nil && a != nil {
			return a.revision
		}
		return 0
	}
	id, owner, _ := strings.Cut(strings.TrimPrefix(key, prefixOwner), "/")
	if o := b.zone(id).owners[owner]; o != nil {
		return o.revision
	}
	return 0
}

// Of are the addresses of an owner in a zone, sorted, and when that was written.
func (b *Book) Of(zone, owner string) (_ []Address, seen int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.zone(zone).owners[owner]; o != nil {
		seen = o.revision
	}
	return b.of(zone, owner), seen
}

func (b *Book) of(zone, owner string) []Address {
	var out []Address
	z := b.zone(zone)
	o := z.owners[owner]
	if o == nil {
		return nil
	}
	for _, ip := range o.IPs {
		if a := z.addresses[ip]; a != nil {
			out = append(out, *a)
		}
	}
	return out
}

// Get returns an address of a zone, if somebody has it.
func (b *Book) Get(zone string, ip netip.Addr) (Address, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.zone(zone).addresses[ip]; a != nil {
		return *a, true
	}
	return Address{}, false
}

// List are all addresses of a zone, sorted.
func (b *Book) List(zone string) []Address {
	b.mu.Lock()
	out := make([]Address, 0, len(b.zone(zone).addresses))
	for _, a := range b.zone(zone).addresses {
		out = append(out, *a)
	}
	b.mu.Unlock()
	slices.SortFunc(out, func(a, b Address) int { return a.IP.Compare(b.IP) })
	return out
}

// declared are the addresses of all zones that were given because of guests.
func (b *Book) declared() []Address {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Address
	for _, z := range b.zones {
		for _, a := range z.addresses {
			if a.Declared {
				out = append(out, *a)
			}
		}
	}
	return out
}

// pick reserves, in this process, the first address of the ranges that is free and not
// to be avoided, after passing over some; it is invalid if there is none. Whoever picks
// an address tells when it has landed.
func (b *Book) pick(zone string, ranges []span, avoid func(netip.Addr) bool, pass int) netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	var last netip.Addr
	for _, r := range ranges {
		for from := r.first; from.IsValid(); from = from.Next() { // there is none after the family's last
			ip, ok := z.used(from).next(from)
			if !ok || r.last.Less(ip) {
				break
			}
			if from = ip; avoid(ip) {
				continue
			}
			if last = ip; pass == 0 {
				z.used(ip).use(ip)
				z.flying++
				return ip
			}
			pass--
		}
	}
	if last.IsValid() { // there are fewer than were to be passed over
		z.used(last).use(last)
		z.flying++
	}
	return last
}

// picking counts the addresses of a zone that are on their way, which may come back.
func (b *Book) picking(zone string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.zone(zone).flying
}

// landed ends the way of an address that was picked: it was given, or it is free again.
func (b *Book) landed(zone string, ip netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	z.flying--
	if z.addresses[ip] == nil {
		z.used(ip).free(ip)
	}
}
