package ipam

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// A space agrees with a set that is searched from one end to the other.
func TestSpaceIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SampledFrom([]string{"10.0.0.250", "10.0.255.250", "10.255.255.250", "fd00::fa", "fd00::ffff:ffff:ffff:fffa"}).Draw(t, "base")
		addresses := []netip.Addr{netip.MustParseAddr(base)}
		for range 600 {
			addresses = append(addresses, addresses[len(addresses)-1].Next())
		}
		last := addresses[len(addresses)-1]
		var s space
		used := map[netip.Addr]bool{}
		check := func(from netip.Addr) {
			want := from
			for used[want] {
				want = want.Next()
			}
			if got, ok := s.next(from); !ok || got != want {
				t.Fatalf("the first free address from %s is %s (%v), want %s", from, got, ok, want)
			}
		}
		if rapid.Bool().Draw(t, "dense") {
			for _, a := range addresses {
				s.use(a)
				used[a] = true
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			a := rapid.SampledFrom(addresses).Draw(t, "address")
			if rapid.Bool().Draw(t, "use") {
				if s.use(a) == used[a] {
					t.Fatalf("use %s says otherwise than that it was used: %v", a, used[a])
				}
				used[a] = true
			} else {
				if s.free(a) != used[a] {
					t.Fatalf("free %s says otherwise than that it was used: %v", a, used[a])
				}
				delete(used, a)
			}
			check(rapid.SampledFrom(addresses).Draw(t, "from"))
			if s.count != len(used) {
				t.Fatalf("%d are used, want %d", s.count, len(used))
			}
		}
		check(last)
	})
}

// The end of a family is an end.
func TestSpaceEnds(t *testing.T) {
	for _, text := range []string{"255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		var s space
		s.use(netip.MustParseAddr(text))
		if a, ok := s.next(netip.MustParseAddr(text)); ok {
			t.Errorf("after %s comes %s", text, a)
		}
	}
}
