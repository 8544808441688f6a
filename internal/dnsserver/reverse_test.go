package dnsserver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// A name that leads back from an address is read as that address, and lies in the
// zone around every network that has the address.
func TestReverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")
		if rapid.Bool().Draw(t, "is v6") {
			raw = rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")
		}
		ip, _ := netip.AddrFromSlice(raw)
		if ip.Is4In6() { // no address of IPv6
			return
		}
		name, err := dns.ReverseAddr(ip.String())
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := reversed(name); !ok || got != netip.PrefixFrom(ip, ip.BitLen()) {
			t.Fatalf("%s is read as %v, %v", name, got, ok)
		}
		n := netip.PrefixFrom(ip, rapid.IntRange(0, ip.BitLen()).Draw(t, "bits")).Masked()
		zone := zoneOf(n)
		if !dns.IsSubDomain(zone, name) {
			t.Fatalf("%s of %s is not in %s", name, n, zone)
		}
		v := &view{networks: []netip.Prefix{n}}
		if at, got, ours := v.reverseZone(name); !ours || got != ip || at != zone {
			t.Fatalf("%s in %s: %s %s %v", name, n, at, got, ours)
		}
	})
}

// What is no such name is not taken for one.
func TestNotReversed(t *testing.T) {
	for _, name := range []string{
		"in-addr.arpa.", ".in-addr.arpa.", "256.0.0.10.in-addr.arpa.", "01.0.0.10.in-addr.arpa.", "1.1.0.0.10.in-addr.arpa.",
		"-1.in-addr.arpa.", "x.in-addr.arpa.", "10.ip6.arpa.", "g.ip6.arpa.", strings.Repeat("0.", 33) + "ip6.arpa.", "lab.example.", ".",
	} {
		if p, ok := reversed(name); ok {
			t.Errorf("%q is read as %v", name, p)
		}
	}
}
