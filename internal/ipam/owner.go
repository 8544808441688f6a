package ipam

import (
	"net/netip"
	"slices"
)

// owned is the record of an owner: it is written whenever one of the addresses is added,
// removed or changed, so that a transaction can require that no other process has changed
// them.
type owned struct {
	IPs []netip.Addr `json:"ips"`

	// revision is when the record was written, as derived from the addresses; unsure if
	// that is not possible.
	revision int64
}

// unsure is the revision of an owner with addresses that may be incomplete. No record has
// it: a change of them conflicts, and then they are read.
const unsure = -1

// note records that the record was written at a revision.
func (o *owned) note(at int64, from source) {
	switch {
	case from == partial:
		o.revision = unsure
	case o.revision != unsure:
		o.revision = max(o.revision, at)
	}
}

// addOwned records that an owner has an address since a revision.
func (z *zoneBook) addOwned(owner string, ip netip.Addr, at int64, from source) {
	if owner == "" {
		return
	}
	o := z.owners[owner]
	if o == nil {
		o = &owned{}
		z.owners[owner] = o
	}
	if i, known := slices.BinarySearchFunc(o.IPs, ip, netip.Addr.Compare); !known {
		o.IPs = slices.Insert(o.IPs, i, ip)
	}
	o.note(at, from)
}

// removeOwned records that an owner has lost an address at a revision. Without addresses
// the record is removed.
func (z *zoneBook) removeOwned(owner string, ip netip.Addr, at int64, from source) {
	o := z.owners[owner]
	if o == nil {
		return
	}
	if i, known := slices.BinarySearchFunc(o.IPs, ip, netip.Addr.Compare); known {
		o.IPs = slices.Delete(o.IPs, i, i+1)
	}
	if o.note(at, from); len(o.IPs) == 0 && o.revision != unsure {
		delete(z.owners, owner)
	}
}

// setOwner stores the record of an owner, which is more complete than what is known of its
// addresses. The caller holds mu.
func (b *Book) setOwner(zone, owner string, now *owned) {
	z := b.zone(zone)
	var before []netip.Addr
	if old := z.owners[owner]; old != nil {
		before = old.IPs
	}
	z.owners[owner] = now
	if slices.Equal(before, now.IPs) {
		return
	}
	for _, ip := range before {
		if a := z.addresses[ip]; a != nil && a.revision > now.revision {
			z.addOwned(owner, ip, a.revision, partial) // it was added after the record was read
		}
	}
	for _, ip := range slices.Concat(before, now.IPs) {
		if a := z.addresses[ip]; a != nil {
			b.changed(a, a)
		}
	}
}

// Of returns the addresses of an owner in a zone, sorted, and the revision of its record.
func (b *Book) Of(zone, owner string) (_ []Address, seen int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.zone(zone).owners[owner]; o != nil {
		seen = o.revision
	}
	return values(b.of(zone, owner)), seen
}

// of is Of without copies, which the caller must not keep. The caller holds mu.
func (b *Book) of(zone, owner string) []*Address {
	var out []*Address
	z := b.zone(zone)
	o := z.owners[owner]
	if o == nil {
		return nil
	}
	for _, ip := range o.IPs {
		if a := z.addresses[ip]; a != nil {
			out = append(out, a)
		}
	}
	return out
}
