package model

import (
	"net/netip"
	"strings"
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

// A range that includes an end of its network causes a warning with the intended range, and
// the end is not allocated.
func TestGivenRanges(t *testing.T) {
	for _, c := range []struct{ cidr, start, end, given, told string }{
		{"192.0.2.0/29", "192.0.2.0", "192.0.2.7", "192.0.2.1-192.0.2.6", "includes the network address 192.0.2.0 and the broadcast address 192.0.2.7 of 192.0.2.0/29, which no guest can have: skipped in allocations; write 192.0.2.1-192.0.2.6"},
		{"192.0.2.0/29", "192.0.2.3", "192.0.2.7", "192.0.2.3-192.0.2.6", "includes the broadcast address 192.0.2.7"},
		{"192.0.2.0/29", "192.0.2.0", "192.0.2.0", "", "nothing is left of it"},
		{"192.0.2.0/29", "192.0.2.1", "192.0.2.6", "192.0.2.1-192.0.2.6", ""},
		{"192.0.2.0/31", "192.0.2.0", "192.0.2.1", "192.0.2.0-192.0.2.1", ""},
		{"192.0.2.0/32", "192.0.2.0", "192.0.2.0", "192.0.2.0-192.0.2.0", ""},
		{"fd00::/64", "fd00::", "fd00::ff", "fd00::1-fd00::ff", "includes the subnet-router anycast address fd00:: of fd00::/64"},
		{"fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff", "fd00::1-fd00::ffff:ffff:ffff:ffff", ""},
		{"fd00::/127", "fd00::", "fd00::1", "fd00::-fd00::1", ""},
		{"fd00::/128", "fd00::", "fd00::", "fd00::-fd00::", ""},
	} {
		s := &Subnet{CIDR: netip.MustParsePrefix(c.cidr), VNet: "v1", DHCPRange: []Range{{netip.MustParseAddr(c.start), netip.MustParseAddr(c.end)}}}
		given := ""
		for _, r := range s.GivenRanges() {
			given += r.String()
		}
		if given != c.given {
			t.Errorf("%s of %s: %q is given, want %q", s.DHCPRange[0], c.cidr, given, c.given)
		}
		cfg := &Config{}
		must(cfg.Put(&Zone{ID: "z1", Type: ZoneSimple, IPAM: IPAMBuiltin}))
		must(cfg.Put(&VNet{ID: "v1", Zone: "z1"}))
		must(cfg.Put(s))
		told := Validate(cfg, nil)
		if (len(told) > 0) != (c.told != "") || len(told.Errors(false)) > 0 || !strings.Contains(told.Error(), c.told) {
			t.Errorf("%s of %s: told %q, want %q", s.DHCPRange[0], c.cidr, told.Error(), c.told)
		}
	}
}
