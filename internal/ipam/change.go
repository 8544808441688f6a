package ipam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

// change is one transaction on the addresses of one owner.
type change struct {
	zone, owner string
	// seen is the revision of the owner's record on which the change was decided.
	seen int64
	// put are new or changed addresses of the owner, drop are those that it loses.
	// Existing addresses have to be unchanged in the store.
	put  []*Address
	drop []Address
	// conds and ops are further parts of the transaction.
	conds []store.Cond
	ops   []store.Op

	// The result: its own conditions and writes, and the owner's addresses afterwards.
	conditions []store.Cond
	writes     []store.Op
	after      []netip.Addr
}

// commit makes a change, or returns store.ErrConflict after reading the records in
// conflict.
func (b *Book) commit(ctx context.Context, c *change) error {
	var err error
	c.conditions, c.writes, c.after, err = b.transaction(c)
	if err != nil {
		return err
	}
	return b.queue.Do(ctx, &queued{groupcommit.NewOutcome(), c})
}

// storeAll stores independent changes in one transaction.
func (b *Book) storeAll(ctx context.Context, changes []*change) error {
	var conds []store.Cond
	var ops []store.Op
	for _, c := range changes {
		conds = append(append(conds, c.conditions...), c.conds...)
		ops = append(append(ops, c.writes...), c.ops...)
	}
	at, err := b.store.Txn(ctx, conds, ops)
	if errors.Is(err, store.ErrConflict) && len(changes) == 1 {
		if look := b.reload(ctx, changes[0].conditions); look != nil {
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
	if at > b.at {
		b.written[at] = true
	}
	return nil
}

// stored applies a change that was stored. The caller holds mu.
func (b *Book) stored(c *change, at int64) {
	for _, a := range c.put {
		a.revision = at
	}
	if at <= b.at { // the watch was faster, and may have delivered later changes
		return
	}
	for _, a := range c.drop {
		b.removed[addressKey(c.zone, a.IP)] = at
		b.remove(c.zone, a.IP, at, complete)
	}
	for _, a := range c.put {
		b.set(a, complete)
	}
	switch { // the decision was based on complete data
	case c.owner == "":
	case len(c.after) == 0:
		b.removed[ownerKey(c.zone, c.owner)] = at
		delete(b.zone(c.zone).owners, c.owner)
	default:
		b.zone(c.zone).owners[c.owner] = &owned{IPs: c.after, revision: at}
	}
}

// transaction returns the conditions and writes of a change, and the addresses of the
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
			return nil, nil, nil, store.ErrConflict // another writer was faster: the next read shows which
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

// reload reads the records that conditions are about, and the addresses of owners.
func (b *Book) reload(ctx context.Context, conds []store.Cond) error {
	for _, c := range conds {
		b.mu.Lock()
		known := b.knownRevision(c.Key)
		b.mu.Unlock()
		r, err := b.store.Get(ctx, c.Key)
		if errors.Is(err, store.ErrNotFound) {
			b.missing(c.Key, known)
			continue
		}
		if err != nil {
			return err
		}
		records, err := b.ofOwner(ctx, r)
		if err != nil {
			return err
		}
		// In one step, and the owner last: then its addresses are complete.
		b.mu.Lock()
		for _, r := range append(records, r) {
			b.put(r, partial)
		}
		b.mu.Unlock()
	}
	return nil
}

// missing notes that a key, for which a record was known, has no record.
func (b *Book) missing(key string, known int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.knownRevision(key) != known { // another process has written it since
		return
	}
	if zone, owner, ok := cutOwnerKey(key); ok {
		delete(b.zone(zone).owners, owner)
	} else if zone, ip, ok := cutAddressKey(key); ok {
		b.remove(zone, ip, known+1, partial)
	}
}

// ofOwner returns the records of the addresses that an owner's record lists.
func (b *Book) ofOwner(ctx context.Context, r store.Record) ([]store.Record, error) {
	zone, _, ok := cutOwnerKey(r.Key)
	if !ok {
		return nil, nil
	}
	var o owned
	if err := json.Unmarshal(r.Value, &o); err != nil {
		return nil, fmt.Errorf("stored value %s is not understood: %w", r.Key, err)
	}
	var out []store.Record
	for _, ip := range o.IPs {
		a, err := b.store.Get(ctx, addressKey(zone, ip))
		if errors.Is(err, store.ErrNotFound) {
			continue // it was released since
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// knownRevision is the revision of the known record of a key; 0 if there is none. The
// caller holds mu.
func (b *Book) knownRevision(key string) int64 {
	if zone, ip, ok := cutAddressKey(key); ok {
		if a := b.zone(zone).addresses[ip]; a != nil {
			return a.revision
		}
	} else if zone, owner, ok := cutOwnerKey(key); ok {
		if o := b.zone(zone).owners[owner]; o != nil {
			return o.revision
		}
	}
	return 0
}
