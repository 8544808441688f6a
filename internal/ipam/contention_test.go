package ipam

import (
	"net/netip"
	"testing"
	"time"
)

func TestAddressesFurtherOn(t *testing.T) {
	for _, c := range []struct {
		first, last, from string
		n                 uint64
		want              string
	}{
		{"10.0.0.1", "10.0.0.254", "10.0.0.1", 1, "10.0.0.2"},
		{"10.0.0.1", "10.0.0.254", "10.0.0.250", 4, "10.0.0.254"},
		{"10.0.0.1", "10.0.0.254", "10.0.0.250", 5, "10.0.0.1"},
		{"10.0.0.1", "10.0.0.254", "10.0.0.250", 5 + 254, "10.0.0.1"},
		{"10.0.0.1", "10.0.0.254", "10.0.0.250", 60_000, "10.0.0.52"},
		{"10.0.0.1", "10.255.255.254", "10.0.255.250", 300, "10.1.1.38"},
		{"10.0.0.7", "10.0.0.7", "10.0.0.7", 9, "10.0.0.7"},
		{"fd00::", "fd00::ffff:ffff:ffff:ffff", "fd00::ffff", 2, "fd00::1:1"},
		{"fd00::", "fd00::ffff:ffff:ffff:ffff", "fd00::ffff:ffff:ffff:fffe", 3, "fd00::1"},
		{"fd00::", "fd00:0:0:1:ffff:ffff:ffff:ffff", "fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::"},
	} {
		s := span{netip.MustParseAddr(c.first), netip.MustParseAddr(c.last)}
		if got := s.after(netip.MustParseAddr(c.from), c.n); got.String() != c.want {
			t.Errorf("%d after %s of %s to %s: %s instead of %s", c.n, c.from, c.first, c.last, got, c.want)
		}
	}
}

// A server continues elsewhere after a conflict, assigns every address nevertheless, and
// starts at the beginning again after a while without conflicts.
func TestContention(t *testing.T) {
	s := newWorld(t).server(t)
	ranges := []span{{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.20")}, {netip.MustParseAddr("10.0.0.100"), netip.MustParseAddr("10.0.0.220")}}
	now := time.Unix(1_800_000_000, 0)
	all := func(netip.Addr) bool { return false }
	met := netip.MustParseAddr("10.0.0.100")
	s.book.recordConflict("z1", ranges, met, now)
	first := s.book.pick("z1", ranges, all, now)
	if !ranges[1].contains(first) || first == met {
		t.Errorf("after a meeting at %s: %s", met, first)
	}
	if got := s.book.pick("z1", ranges, all, now); got != first.Next() {
		t.Errorf("%s follows %s", got, first)
	}
	if got := s.book.pick("z1", ranges, all, now.Add(time.Hour)); got != ranges[0].first {
		t.Errorf("alone again: %s", got)
	}
	given := map[netip.Addr]bool{}
	for range 20 + 121 - 3 {
		ip := s.book.pick("z1", ranges, all, now)
		if !ip.IsValid() || given[ip] {
			t.Fatalf("%s after %d", ip, len(given))
		}
		given[ip] = true
	}
	if ip := s.book.pick("z1", ranges, all, now); ip.IsValid() {
		t.Errorf("%s of none that are free", ip)
	}
}
