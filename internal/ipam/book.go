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

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// Book is the addresses of all zones, in memory and in the store. Create one with
// OpenBook, and keep it current with Run.
type Book struct {
	store store.Store
	log   *slog.Logger

	mu    sync.Mutex
	at    int64 // the revision of the store up to which everything is known
	zones map[string]*zoneBook
	// removed are the keys that this process removed, with the revision, until the watch
	// has passed that revision: earlier events about them are void.
	removed map[string]int64
	// written are the transactions of this process that the watch has not delivered yet.
	written map[int64]bool
	queue   *groupcommit.Queue[*queued]
	// changed is called under mu with each address that is added, removed or changed.
	changed func(old, now *Address)
}

type zoneBook struct {
	addresses map[netip.Addr]*Address
	owners    map[string]*owned
	// used4 and used6 are the assigned addresses, and those that are being assigned, which
	// inFlight counts.
	used4, used6 space
	inFlight     int
	// contention4 and contention6 track where other servers assign addresses too.
	contention4, contention6 contention
}

// OpenBook reads all addresses from the store.
func OpenBook(ctx context.Context, st store.Store, log *slog.Logger) (*Book, error) {
	b := &Book{store: st, log: log, zones: make(map[string]*zoneBook), removed: make(map[string]int64), written: make(map[int64]bool), changed: func(*Address, *Address) {}}
	b.queue = groupcommit.New(selectBatch, b.storeBatch, gatherWindow)
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

func (z *zoneBook) contention(ip netip.Addr) *contention {
	if ip.Is4() {
		return &z.contention4
	}
	return &z.contention6
}

// Sync reads everything again, so that all earlier writes are seen.
func (b *Book) Sync(ctx context.Context) error {
	// All at one revision: an owner and the addresses belong together.
	records, at, err := b.store.List(ctx, prefix, "")
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if at <= b.at { // the watch was faster
		return nil
	}
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		seen[r.Key] = true
	}
	for id, z := range b.zones {
		for ip, a := range z.addresses {
			if !seen[addressKey(id, ip)] && a.revision <= at {
				b.remove(id, ip, at, partial)
			}
		}
	}
	for _, r := range records {
		b.put(r, complete)
	}
	for id, z := range b.zones {
		for owner, o := range z.owners {
			if seen[ownerKey(id, owner)] || o.revision > at {
				continue
			}
			if o.revision = unsure; len(b.of(id, owner)) == 0 {
				delete(z.owners, owner)
			}
		}
	}
	b.advance(at)
	return nil
}

// source is how a record became known.
type source bool

const (
	// complete: together with everything that was written with it.
	complete source = true
	// partial: alone, so that something may be missing for its owner.
	partial source = false
)

// put stores a record unless a newer one is known. The caller holds mu.
func (b *Book) put(r store.Record, from source) {
	if b.removed[r.Key] >= r.Revision || b.knownRevision(r.Key) >= r.Revision { // most likely written by this process
		return
	}
	if strings.HasPrefix(r.Key, prefixAddress) {
		a, err := parseAddress(r)
		if err != nil {
			b.log.Error("an address is left out", "error", err)
			return
		}
		b.set(a, from)
	} else if zone, owner, ok := cutOwnerKey(r.Key); ok {
		o := &owned{revision: r.Revision}
		if err := json.Unmarshal(r.Value, o); err != nil {
			b.log.Error("the owner of addresses is left out", "key", r.Key, "error", err)
			return
		}
		b.setOwner(zone, owner, o)
	}
}

// set replaces or adds an address. The caller holds mu.
func (b *Book) set(a *Address, from source) {
	z := b.zone(a.Zone)
	old := z.addresses[a.IP]
	z.addresses[a.IP] = a
	z.used(a.IP).use(a.IP)
	if old != nil && old.Owner() != a.Owner() {
		z.removeOwned(old.Owner(), a.IP, a.revision, from)
	}
	z.addOwned(a.Owner(), a.IP, a.revision, from)
	b.changed(old, a)
}

// remove forgets an address that was removed at a revision. The caller holds mu.
func (b *Book) remove(zone string, ip netip.Addr, at int64, from source) {
	z := b.zone(zone)
	if a := z.addresses[ip]; a != nil && a.revision < at {
		delete(z.addresses, ip)
		z.used(ip).free(ip)
		z.removeOwned(a.Owner(), ip, at, from)
		b.changed(a, nil)
	}
}

// advance notes that the watch has delivered everything up to a revision. The caller holds
// mu.
func (b *Book) advance(at int64) {
	b.at = max(b.at, at)
	for key, removed := range b.removed {
		if removed <= b.at {
			delete(b.removed, key)
		}
	}
	for written := range b.written {
		if written <= b.at {
			delete(b.written, written)
		}
	}
}

// Run follows the store until ctx ends. A watch that fails is restarted.
func (b *Book) Run(ctx context.Context) {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && ctx.Err() == nil {
			b.log.Debug("watching the addresses again", "error", err)
		}
		sleep.Context(ctx, wait)
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
	// The owners follow from the addresses.
	for batch := range b.store.Watch(ctx, prefixAddress, at) {
		if batch.Err != nil {
			return batch.Err
		}
		b.mu.Lock()
		for _, e := range batch.Events {
			switch {
			case b.written[batch.Revision]: // all of it is known
			case e.Deleted:
				if zone, ip, ok := cutAddressKey(e.Key); ok {
					b.remove(zone, ip, batch.Revision, complete)
				}
			default:
				b.put(e.Record, complete)
			}
		}
		b.advance(batch.Revision)
		b.mu.Unlock()
	}
	return nil
}

// Get returns an address of a zone, if it is assigned.
func (b *Book) Get(zone string, ip netip.Addr) (Address, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.zone(zone).addresses[ip]; a != nil {
		return *a, true
	}
	return Address{}, false
}

// List returns all addresses of a zone, sorted.
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

// declared returns the addresses of all zones that were assigned because of guests.
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
