package ipam

import "net/netip"

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
				return z.reserve(ip)
			}
			pass--
		}
	}
	if last.IsValid() { // there are fewer than were to be passed over
		return z.reserve(last)
	}
	return last
}

// reserve marks an address as on its way.
func (z *zoneBook) reserve(ip netip.Addr) netip.Addr {
	z.used(ip).use(ip)
	z.flying++
	return ip
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
