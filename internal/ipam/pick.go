package ipam

import "net/netip"

// pick reserves, in this process, the first address of the ranges that is free and not
// to be avoided, or with an offset the first one from there on; it is invalid if there
// is none. Whoever picks an address tells when it has landed.
func (b *Book) pick(zone string, ranges []span, avoid func(netip.Addr) bool, offset int) netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.zone(zone)
	for _, r := range ranges {
		ip := z.free(r, avoid)
		if !ip.IsValid() {
			continue
		}
		if beyond := plus(ip, offset); offset > 0 && beyond.IsValid() && beyond.Compare(r.last) <= 0 {
			if other := z.free(span{beyond, r.last}, avoid); other.IsValid() {
				ip = other
			}
		}
		z.used(ip).use(ip)
		z.flying++
		return ip
	}
	return netip.Addr{}
}

// free is the first address of a range that is free and not to be avoided; invalid if
// there is none.
func (z *zoneBook) free(r span, avoid func(netip.Addr) bool) netip.Addr {
	for from := r.first; from.IsValid(); from = from.Next() { // there is none after the family's last
		ip, ok := z.used(from).next(from)
		if !ok || r.last.Less(ip) {
			break
		}
		if from = ip; !avoid(ip) {
			return ip
		}
	}
	return netip.Addr{}
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
