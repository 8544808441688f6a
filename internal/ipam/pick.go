package ipam

import (
	"net/netip"
	"time"
)

// pick reserves, in this process, an address of the ranges that is free and not to be
// avoided: the first one, unless others are around; it is invalid if there is none.
// Whoever picks an address tells when it has landed.
func (b *Book) pick(zone string, ranges []span, avoid func(netip.Addr) bool, now time.Time) netip.Addr {
	if len(ranges) == 0 {
		return netip.Addr{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	ip := netip.Addr{}
	if from, ok := z.crowd(ranges[0].first).start(ranges, now); ok {
		ip = z.free(ranges, from, avoid)
	}
	if !ip.IsValid() {
		ip = z.free(ranges, ranges[0].first, avoid)
	}
	if ip.IsValid() {
		z.used(ip).use(ip)
		z.flying++
	}
	return ip
}

// free is the first address of the ranges from one of them on that is free.
func (z *zoneBook) free(ranges []span, start netip.Addr, avoid func(netip.Addr) bool) netip.Addr {
	begun := false
	for _, r := range ranges {
		from := r.first
		if !begun {
			if begun = r.contains(start); !begun {
				continue
			}
			from = start
		}
		for ; from.IsValid(); from = from.Next() { // there is none after the family's last
			ip, ok := z.used(from).next(from)
			if !ok || r.last.Less(ip) {
				break
			}
			if from = ip; !avoid(ip) {
				return ip
			}
		}
	}
	return netip.Addr{}
}

// met notes that another server was faster in giving an address of the ranges.
func (b *Book) met(zone string, ranges []span, ip netip.Addr, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range ranges {
		if r.contains(ip) {
			b.zone(zone).crowd(ip).met(r, ip, now)
			return
		}
	}
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
