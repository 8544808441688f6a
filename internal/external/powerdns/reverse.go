package powerdns

import (
	"fmt"
	"net/netip"
	"strings"
)

// The private networks of RFC 1918 with reverse zones that servers have by default (RFC
// 6303): the zone of an address in them does not depend on the subnet.
var (
	private10  = netip.MustParsePrefix("10.0.0.0/8")
	private172 = netip.MustParsePrefix("172.16.0.0/12")
	private192 = netip.MustParsePrefix("192.168.0.0/16")
)

// ReverseName is the reverse (PTR) name of an address, without a final dot:
// "5.1.0.10.in-addr.arpa" (RFC 1035, section 3.5), or in IPv6 the 32 half bytes in reverse
// below "ip6.arpa" (RFC 3596, section 2.5).
func ReverseName(ip netip.Addr) string {
	return reverse(ip, ip.BitLen())
}

// reverse is the name of the first bits of an address: whole bytes in IPv4, half
// bytes in IPv6.
func reverse(ip netip.Addr, bits int) string {
	var labels []string
	if ip.Is4() {
		b := ip.As4()
		for i := bits/8 - 1; i >= 0; i-- {
			labels = append(labels, fmt.Sprint(b[i]))
		}
		return strings.Join(append(labels, "in-addr.arpa"), ".")
	}
	b := ip.As16()
	for i := bits/4 - 1; i >= 0; i-- {
		labels = append(labels, fmt.Sprintf("%x", b[i/2]>>(4*(1-i%2))&0xf))
	}
	return strings.Join(append(labels, "ip6.arpa"), ".")
}

// ReverseZone is the reverse zone of an address, without a final dot; ok is false if there
// is none. prefix is the address with the length of its subnet.
//
// IPv4 (RFC 1035): private networks have the zones that servers have by default,
// "10.in-addr.arpa", "16.172.in-addr.arpa" to "31.172.in-addr.arpa", and
// "168.192.in-addr.arpa" (RFC 6303). Others have what registries delegate: one /8, or one
// or more /16 or /24, whichever is the next one below the subnet; a subnet longer than /24
// lies in the /24 around it.
//
// IPv6 (RFC 3596): the zone is the subnet's network, or the first mask6 bits if that is
// not 0. Zones are cut at half bytes, so that there is none for a length that is not a
// multiple of 4.
func ReverseZone(prefix netip.Prefix, mask6 int) (zone string, ok bool) {
	ip := prefix.Addr()
	if !prefix.IsValid() {
		return "", false
	}
	if !ip.Is4() {
		bits := prefix.Bits()
		if mask6 != 0 {
			bits = mask6
		}
		if bits < 4 || bits > 128 || bits%4 != 0 {
			return "", false
		}
		return reverse(ip, bits), true
	}
	bits := prefix.Bits()
	switch {
	case private10.Contains(ip) && bits >= private10.Bits():
		bits = 8
	case private172.Contains(ip) && bits >= private172.Bits(), private192.Contains(ip) && bits >= private192.Bits():
		bits = 16
	default:
		bits = min(max((bits+7)/8*8, 8), 24)
	}
	return reverse(ip, bits), true
}
