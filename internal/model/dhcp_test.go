package model

import (
	"net/netip"
	"testing"
)

func TestDHCPAddress6(t *testing.T) {
	for network, want := range map[string]string{
		"fd00:1::/64":   "fd00:1::fdff:ffff:ffff:ffc3",
		"fd00:1::7/96":  "fd00:1::ffff:ffc3",
		"fd00:1::/48":   "fd00:1:0:ffff:ffff:ffff:ffff:ffc3",
		"fd00:1::/120":  "fd00:1::c3",
		"fd00:1::/121":  "invalid IP",
		"10.0.0.0/8":    "invalid IP",
		"fd00:1::1/128": "invalid IP",
	} {
		if got := DHCPAddress6(netip.MustParsePrefix(network)); got.String() != want {
			t.Errorf("%s: %s, want %s", network, got, want)
		}
	}
}
