package ipam

import (
	"net/netip"
	"slices"
)

// owned is the record of an owner: it is written whenever one of the addresses comes,
// goes or changes, so that who changes them can demand that nobody else has.
type owned struct {
	IPs []netip.Addr `json:"ips"`

	// revision is when the record was written, as follows from the addresses; unsure
	// if it does not.
	revision int64
}

// unsure is the revision of an owner of whose addresses not all may be known. No record
// has it: a change of them does not hold, and then they are read.
const unsure = -1

// note takes in that the record was written at a revision.
func (o *owned) note(at int64, from source) {
	switch {
	case from == read:
		o.revision = unsure
	case o.revision != unsure:
		o.revision = max(o.revision, at)
	}
}

// has takes in that an owner has an address since a revision.
func (z *zoneBook) has(owner string, ip netip.Addr, at int64, from source) {
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

// loses takes in that an owner has lost an address at a revision. With the last one
// goes the record.
func (z *zoneBook) loses(owner string, ip netip.Addr, at int64, from source) {
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

// own takes in the record of an owner, which says more than what is known of its
// addresses. The caller holds mu.
func (b *Book) own(zone, owner string, now *owned) {
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
			z.has(owner, ip, a.revision, read) // it came after the record was read
		}
	}
	for _, ip := range slices.Concat(before, now.IPs) {
		if a := z.addresses[ip]; a != nil {
			b.changed(a, a)
		}
	}
}

// Of are the addresses of an owner in a zone, sorted, and when that was written.
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
