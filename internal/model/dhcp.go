package model

import "net/netip"

// DHCPAddress6 is the address that a node has in an IPv6 network which it serves by
// DHCP without being its gateway. It is of those that no host may have, since they are
// kept for anycast (RFC 2526, section 2), and the same on every node. It is invalid for
// a network that has no room for them, and for one of IPv4.
func DHCPAddress6(network netip.Prefix) netip.Addr {
	if !network.IsValid() || network.Addr().Is4() || network.Bits() > 120 {
		return netip.Addr{}
	}
	a := network.Masked().Addr().As16()
	for bit := network.Bits(); bit < 121; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	if network.Bits() == 64 {
		a[8] &^= 0x02 // an identifier like those of hardware addresses
	}
	a[15] |= 67 // the port of DHCP, as its number among those addresses
	return netip.AddrFrom16(a)
}
