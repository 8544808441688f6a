package ipam

import (
	"context"
	"encoding/json"
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
