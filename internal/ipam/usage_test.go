package ipam

import (
	"net/netip"
	"testing"
)

func TestBetween(t *testing.T) {
	var all []Address // sorted
	for _, ip := range []string{"0.0.0.0", "10.0.0.0", "10.0.0.7", "10.0.1.0", "255.255.255.255", "fd00::", "fd00::ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		all = append(all, Address{IP: netip.MustParseAddr(ip)})
	}
	for network, want := range map[string]int64{
		"10.0.0.9/24": 2, "10.0.0.0/8": 3, "10.0.0.7/32": 1, "10.0.2.0/24": 0, "255.255.255.255/32": 1, "0.0.0.0/0": 5, "fd00::1/64": 2, "::/0": 3, "ffff::/16": 1,
	} {
		if got := between(all, netip.MustParsePrefix(network)); got != want {
			t.Errorf("%d of %s instead of %d", got, network, want)
		}
	}
	if got := between(nil, netip.MustParsePrefix("10.0.0.0/8")); got != 0 {
		t.Errorf("%d of none", got)
	}
}
