package model

import "net/netip"

// DHCPAddress6 returns the node's address in an IPv6 network that it serves by DHCP without
// being its gateway. It is one of the reserved anycast addresses, which no host may have (RFC
// 2526, section 2), and the same on every node. It is invalid for IPv4 and for networks too
// small for these addresses.
func DHCPAddress6(network netip.Prefix) netip.Addr {
	if !network.IsValid() || network.Addr().Is4() || network.Bits() > 120 {
		return netip.Addr{}
	}
	a := network.Masked().Addr().As16()
	for bit := network.Bits(); bit < 121; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	if network.Bits() == 64 {
		a[8] &^= 0x02 // an EUI-64 interface identifier
	}
	a[15] |= 67 // the anycast identifier: the DHCP port
	return netip.AddrFrom16(a)
}
