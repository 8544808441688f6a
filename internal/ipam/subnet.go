package ipam

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// span is a range of addresses that may be assigned.
type span struct{ first, last netip.Addr }

// spansOf returns the addresses of a subnet of a zone that may be assigned: its ranges if
// it has any, and else all that hosts can have. In IPv6 the first is the network's own
// address, as in Proxmox VE. Where DHCP leases the ranges to any client, these are all
// other addresses.
func spansOf(z *model.Zone, s *model.Subnet) []span {
	var ranges []span
	for _, r := range s.GivenRanges() {
		ranges = append(ranges, span{r.Start, r.End})
	}
	if len(s.DHCPRange) > 0 && !z.DHCPDynamic {
		return ranges
	}
	network := s.CIDR.Masked()
	whole := span{network.Addr(), model.LastAddr(network)}
	if whole.first.Is4() && network.Bits() < 31 {
		whole = span{whole.first.Next(), whole.last.Prev()}
	}
	return whole.without(ranges)
}

// without returns the rest of a span after others are removed.
func (s span) without(others []span) []span {
	left := []span{s}
	for _, o := range others {
		var next []span
		for _, l := range left {
			if o.last.Less(l.first) || l.last.Less(o.first) {
				next = append(next, l)
				continue
			}
			if l.first.Less(o.first) {
				next = append(next, span{l.first, o.first.Prev()})
			}
			if o.last.Less(l.last) {
				next = append(next, span{o.last.Next(), l.last})
			}
		}
		left = next
	}
	return left
}

func (s span) contains(ip netip.Addr) bool { return !ip.Less(s.first) && !s.last.Less(ip) }

// after is the address n after one of the span; the first follows the last.
func (s span) after(ip netip.Addr, n uint64) netip.Addr {
	if left := distance(ip, s.last); n > left {
		ip, n = s.first, (n-left-1)%(left+distance(s.first, ip)+1)
	}
	b := ip.AsSlice()
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		n += uint64(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	out, _ := netip.AddrFromSlice(b)
	return out
}

// distance is by how much an address is greater than another one of its family, at most
// half of the value range.
func distance(a, b netip.Addr) uint64 {
	const most = 1 << 63
	highA, lowA := halves(a)
	highB, lowB := halves(b)
	low, borrow := bits.Sub64(lowB, lowA, 0)
	if highB-highA-borrow > 0 {
		return most
	}
	return min(low, most)
}

// avoided returns a predicate for the addresses of a subnet that are never assigned: those
// that have a role in it, the gateways of the VNet, and in IPv6 the address of DHCP
// servers.
func avoided(subnets []*model.Subnet, s *model.Subnet) func(netip.Addr) bool {
	dhcp := model.DHCPAddress6(s.CIDR)
	return func(ip netip.Addr) bool {
		return ip == dhcp || model.RoleOf(s.CIDR, ip) != "" || slices.ContainsFunc(subnets, func(other *model.Subnet) bool { return other.Gateway == ip })
	}
}
