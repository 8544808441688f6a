package ipam

import (
	"net/netip"
	"time"
)

// pick reserves, in this process, an address of the ranges that is free and not to be
// avoided: the first one, unless other servers contend; it is invalid if there is none.
// The caller calls release when the assignment is complete.
func (b *Book) pick(zone string, ranges []span, avoid func(netip.Addr) bool, now time.Time) netip.Addr {
	if len(ranges) == 0 {
		return netip.Addr{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	ip := netip.Addr{}
	if from, ok := z.contention(ranges[0].first).start(ranges, now); ok {
		ip = z.free(ranges, from, avoid)
	}
	if !ip.IsValid() {
		ip = z.free(ranges, ranges[0].first, avoid)
	}
	if ip.IsValid() {
		z.used(ip).use(ip)
		z.inFlight++
	}
	return ip
}

// free returns the first free address of the ranges, searching from a start.
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

// recordConflict notes that another server was faster in assigning an address of the
// ranges.
func (b *Book) recordConflict(zone string, ranges []span, ip netip.Addr, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range ranges {
		if r.contains(ip) {
			b.zone(zone).contention(ip).recordConflict(r, ip, now)
			return
		}
	}
}

// inFlightCount counts the addresses of a zone that are being assigned, which may become
// free again.
func (b *Book) inFlightCount(zone string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.zone(zone).inFlight
}

// release ends the reservation of an address that was picked: it is assigned, or free
// again.
func (b *Book) release(zone string, ip netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	z.inFlight--
	if z.addresses[ip] == nil {
		z.used(ip).free(ip)
	}
}
