package powerdns

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReverseZone(t *testing.T) {
	for _, c := range []struct {
		prefix string
		mask6  int
		want   string
	}{
		{"192.168.4.5/24", 0, "168.192.in-addr.arpa"},
		{"192.168.4.5/30", 0, "168.192.in-addr.arpa"},
		{"10.1.2.3/8", 0, "10.in-addr.arpa"},
		{"10.1.2.3/24", 64, "10.in-addr.arpa"},
		{"172.16.0.1/12", 0, "16.172.in-addr.arpa"},
		{"172.31.7.1/24", 0, "31.172.in-addr.arpa"},
		{"172.32.7.1/24", 0, "7.32.172.in-addr.arpa"},
		{"203.0.113.9/24", 0, "113.0.203.in-addr.arpa"},
		{"203.0.113.9/29", 0, "113.0.203.in-addr.arpa"},
		{"203.0.114.9/22", 0, "114.0.203.in-addr.arpa"},
		{"203.1.114.9/16", 0, "1.203.in-addr.arpa"},
		{"203.1.114.9/12", 0, "1.203.in-addr.arpa"},
		{"44.1.114.9/8", 0, "44.in-addr.arpa"},
		{"2001:db8:1:2::5/64", 0, "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
		{"2001:db8:1:2::5/64", 48, "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
		{"2001:db8:1:2::5/61", 60, "0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
		{"2001:db8:1:2::5/61", 0, ""},
		{"2001:db8:1:2::5/64", 62, ""},
	} {
		got, ok := ReverseZone(netip.MustParsePrefix(c.prefix), c.mask6)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("ReverseZone(%s, %d) = %q, %v; want %q", c.prefix, c.mask6, got, ok, c.want)
		}
	}
	if zone, ok := ReverseZone(netip.Prefix{}, 0); ok {
		t.Errorf("no prefix has the zone %q", zone)
	}
}

// Every address has its name inside the zone that it belongs to: servers refuse
// others.
func TestReverseNamesAreInTheirZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")
		if rapid.Bool().Draw(t, "v6") {
			b = rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6 bytes")
		}
		ip, _ := netip.AddrFromSlice(b)
		p := netip.PrefixFrom(ip, rapid.IntRange(1, ip.BitLen()).Draw(t, "bits"))
		zone, ok := ReverseZone(p, 4*rapid.IntRange(0, 32).Draw(t, "mask6"))
		if ok && ReverseName(ip) != zone && !strings.HasSuffix(ReverseName(ip), "."+zone) {
			t.Fatalf("%s of %s is not in %s", ReverseName(ip), p, zone)
		}
	})
}
