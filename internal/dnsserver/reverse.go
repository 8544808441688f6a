package dnsserver

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// The reverse zones (RFC 1035, section 3.5; RFC 3596, section 2.5).
const (
	arpa4 = ".in-addr.arpa."
	arpa6 = ".ip6.arpa."
)

// reverseZone reports whether a name is a reverse name in one of the view's networks, and
// of which address; that is invalid if the name is only a prefix of some.
func (v *view) reverseZone(name string) (zone string, ip netip.Addr, ours bool) {
	p, ok := reversed(name)
	if !ok {
		return "", netip.Addr{}, false
	}
	for _, n := range v.networks {
		if n.Addr().BitLen() != p.Addr().BitLen() || !n.Contains(p.Addr()) || p.Bits() < n.Bits() {
			continue
		}
		if p.IsSingleIP() {
			ip = p.Addr()
		}
		return zoneOf(n), ip, true
	}
	return "", netip.Addr{}, false
}

// reversed is the network with the name as its reverse zone, or the address.
func reversed(name string) (netip.Prefix, bool) {
	head, is4 := strings.CutSuffix(name, arpa4)
	base, each, total := 10, 8, 4
	if !is4 {
		var is6 bool
		if head, is6 = strings.CutSuffix(name, arpa6); !is6 {
			return netip.Prefix{}, false
		}
		base, each, total = 16, 4, 32
	}
	labels := strings.Split(head, ".")
	if len(labels) > total {
		return netip.Prefix{}, false
	}
	raw := make([]byte, total*each/8)
	for i := range labels {
		label := labels[len(labels)-1-i]
		n, err := strconv.ParseUint(label, base, each)
		if err != nil || label != strconv.FormatUint(n, base) {
			return netip.Prefix{}, false
		}
		at := i * each
		raw[at/8] |= byte(n) << (8 - each - at%8)
	}
	ip, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(ip, len(labels)*each), true
}

// zoneOf is the reverse zone around a network: the one that is cut at the next whole byte,
// in IPv6 half byte, above it.
func zoneOf(n netip.Prefix) string {
	name, err := dns.ReverseAddr(n.Masked().Addr().String())
	if err != nil {
		return "." // an address has a name
	}
	each := 8
	if n.Addr().Is6() {
		each = 4
	}
	labels := dns.SplitDomainName(name)
	skip := (n.Addr().BitLen() - n.Bits() + each - 1) / each
	return strings.Join(labels[skip:], ".") + "."
}
