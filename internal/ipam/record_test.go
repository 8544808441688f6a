package ipam

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// The MAC address identifies an owner, else guest and NIC. An operator reads the guest
// first, and an error is about the object that names the owner.
func TestOwnerOfAnAddress(t *testing.T) {
	const mac = "bc:24:11:00:00:01"
	for _, c := range []struct {
		a                    Address
		owner, describe, ref string
	}{
		{Address{MAC: mac, Guest: "100", NIC: "net0", VNet: "v"}, "BC:24:11:00:00:01", "guest 100 net0", "guest/100"},
		{Address{Guest: "100", NIC: "net0"}, "100.net0", "guest 100 net0", "guest/100"},
		{Address{Guest: "100"}, "100.", "guest 100", "guest/100"},
		{Address{MAC: mac, VNet: "v"}, "BC:24:11:00:00:01", "the NIC " + mac, "vnet/v"},
		{Address{MAC: mac}, "BC:24:11:00:00:01", "the NIC " + mac, ""},
		{Address{VNet: "v"}, "", "somebody who gave no name", ""},
		{Address{NIC: "net0"}, "", "somebody who gave no name", ""},
		{Address{MAC: "x"}, "", "the NIC x", ""},
	} {
		if got := c.a.Owner(); got != c.owner {
			t.Errorf("%+v: owner %q, want %q", c.a, got, c.owner)
		}
		if got := c.a.describeOwner(); got != c.describe {
			t.Errorf("%+v: got %q, want %q", c.a, got, c.describe)
		}
		taken := &Taken{Address: c.a}
		if got := taken.References(); got != c.ref {
			t.Errorf("%+v: about %q, want %q", c.a, got, c.ref)
		}
		if !errors.Is(taken, external.ErrTaken) || !strings.Contains(taken.Error(), c.describe) {
			t.Errorf("%+v: %v", c.a, taken)
		}
	}
	gateway := &Taken{Address: Address{Guest: "100", VNet: "v"}, Gateway: true}
	if gateway.References() != "vnet/v" || !strings.Contains(gateway.Error(), "gateway of vnet v") {
		t.Errorf("%s: %v", gateway.References(), gateway)
	}
	if got := (&Taken{Address: Address{Guest: "100"}, Gateway: true}).References(); got != "guest/100" {
		t.Errorf("the gateway of an unknown VNet: %q", got)
	}
}

// A name is registered if it has a DNS server and a zone there, with the prefix of its
// subnet.
func TestNamesOf(t *testing.T) {
	cidr := netip.MustParsePrefix("10.0.0.0/24")
	plain, prefixed := &model.Subnet{CIDR: cidr}, &model.Subnet{CIDR: cidr, DNSZonePrefix: "web"}
	full := model.Zone{DNS: "pdns", DNSZone: "lab", ReverseDNS: "back"}
	for _, c := range []struct {
		zone model.Zone
		s    *model.Subnet
		name string
		want *Names
	}{
		{full, plain, "a", &Names{Server: "pdns", Zone: "lab", Name: "a", Reverse: "back", Subnet: cidr}},
		{full, prefixed, "a", &Names{Server: "pdns", Zone: "lab", Name: "a.web", Reverse: "back", Subnet: cidr}},
		{full, prefixed, "", nil},
		{full, nil, "a", nil},
		{model.Zone{DNS: "pdns"}, plain, "a", nil},
		{model.Zone{DNSZone: "lab"}, plain, "a", nil},
	} {
		got := namesOf(&c.zone, c.s, c.name)
		if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
			t.Errorf("%+v (-want +got):\n%s", c, d)
		}
		if s := (*Service)(nil); c.s != nil && s.named(&place{zone: &c.zone}, c.name) != (c.want != nil) {
			t.Errorf("%+v: named disagrees", c)
		}
	}
}

// The revision of an owner's record is the highest of its addresses', until one of them
// becomes known alone: then it is unsure, and a record without addresses stays as such.
func TestOwnedRevision(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	z := &zoneBook{owners: map[string]*owned{}}
	z.addOwned("", a, 1, complete)
	z.removeOwned("nobody", a, 1, complete)
	if len(z.owners) != 0 {
		t.Errorf("got %v of nobody", z.owners)
	}
	z.addOwned("x", b, 5, complete)
	z.addOwned("x", a, 3, complete)
	z.addOwned("x", a, 4, complete)
	if o := z.owners["x"]; !slices.Equal(o.IPs, []netip.Addr{a, b}) || o.revision != 5 {
		t.Errorf("got %+v", o)
	}
	z.removeOwned("x", a, 7, complete)
	z.removeOwned("x", a, 6, complete)
	if o := z.owners["x"]; !slices.Equal(o.IPs, []netip.Addr{b}) || o.revision != 7 {
		t.Errorf("got %+v", o)
	}
	z.removeOwned("x", b, 8, complete)
	if z.owners["x"] != nil {
		t.Errorf("a record without addresses stays: %+v", z.owners["x"])
	}
	z.addOwned("y", a, 5, complete)
	z.addOwned("y", b, 6, partial)
	z.addOwned("y", b, 9, complete)
	if o := z.owners["y"]; o.revision != unsure {
		t.Errorf("got %+v, want an unsure one", o)
	}
	z.removeOwned("y", a, 10, complete)
	z.removeOwned("y", b, 11, complete)
	if o := z.owners["y"]; o == nil || len(o.IPs) != 0 {
		t.Errorf("got %+v: it may have further addresses", o)
	}
}

// What may be assigned: the ranges, or without any all hosts of the network; where DHCP
// leases the ranges to any client, the rest of the network.
func TestSpansOf(t *testing.T) {
	r := func(start, end string) model.Range {
		return model.Range{Start: netip.MustParseAddr(start), End: netip.MustParseAddr(end)}
	}
	for _, c := range []struct {
		cidr    string
		dynamic bool
		ranges  []model.Range
		want    string
	}{
		{"10.0.0.0/24", false, nil, "10.0.0.1-10.0.0.254"},
		{"10.0.0.0/30", false, nil, "10.0.0.1-10.0.0.2"},
		{"10.0.0.0/31", false, nil, "10.0.0.0-10.0.0.1"}, // RFC 3021
		{"10.0.0.7/32", false, nil, "10.0.0.7-10.0.0.7"},
		{"fd00::/126", false, nil, "fd00::-fd00::3"},
		{"10.0.0.0/24", false, []model.Range{r("10.0.0.10", "10.0.0.19")}, "10.0.0.10-10.0.0.19"},
		{"10.0.0.0/24", true, []model.Range{r("10.0.0.10", "10.0.0.19")}, "10.0.0.1-10.0.0.9 10.0.0.20-10.0.0.254"},
		{"10.0.0.0/24", true, []model.Range{r("10.0.0.1", "10.0.0.19"), r("10.0.0.30", "10.0.0.254")}, "10.0.0.20-10.0.0.29"},
		{"10.0.0.0/24", true, nil, "10.0.0.1-10.0.0.254"},
	} {
		var got []string
		for _, s := range spansOf(&model.Zone{DHCPDynamic: c.dynamic}, &model.Subnet{CIDR: netip.MustParsePrefix(c.cidr), DHCPRange: c.ranges}) {
			got = append(got, fmt.Sprintf("%s-%s", s.first, s.last))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%+v: got %s", c, text)
		}
	}
}

// Sizes are exact below 2^53, the limit of exact numbers in JSON, and estimated above.
func TestSizeOfSpans(t *testing.T) {
	const huge = "fd00::ffff:ffff:ffff:ffff"
	for _, c := range []struct {
		first, last string
		size        int64
		estimate    float64
	}{
		{"10.0.0.7", "10.0.0.7", 1, 1},
		{"10.0.0.1", "10.0.0.254", 254, 254},
		{"0.0.0.0", "255.255.255.255", 1 << 32, 1 << 32},
		{"fd00::", "fd00::1f:ffff:ffff:fffe", MaxSize - 1, MaxSize - 1},
		{"fd00::", "fd00::1f:ffff:ffff:ffff", MaxSize, MaxSize},
		{"fd00::", "fd00::20:0:0:0", MaxSize, MaxSize}, // one more, which a float64 cannot tell
		{"fd00::", huge, MaxSize, 1 << 64},
		{"fd00::", "fd00::1:0:0:0:0", MaxSize, 1 << 64},
		{"fd00::5", "fd00::1:0:0:0:4", MaxSize, 1 << 64},
		{"fd00::5", "fd00::1:0:0:0:5", MaxSize, 1 << 64},
		{"fd00::", "fd00::2:0:0:0:0", MaxSize, 1 << 65},
		{"fd00::", "fd00:0:0:ffff:ffff:ffff:ffff:ffff", MaxSize, 1 << 80},
	} {
		s := span{netip.MustParseAddr(c.first), netip.MustParseAddr(c.last)}
		if got := s.size(); got != c.size {
			t.Errorf("%s to %s: %d, want %d", c.first, c.last, got, c.size)
		}
		if got := s.estimate(); math.Abs(got-c.estimate) > c.estimate*1e-9 {
			t.Errorf("%s to %s: about %g, want %g", c.first, c.last, got, c.estimate)
		}
	}
	if got := (span{netip.MustParseAddr(huge), netip.MustParseAddr("fd00::1:0:0:0:1")}).size(); got != 3 {
		t.Errorf("across 64 bits: %d, want 3", got)
	}
}

func TestUsageOfSubnets(t *testing.T) {
	s := newWorld(t).server(t)
	zone := &model.Zone{ID: "z"}
	subnet := func(cidr, gateway string) *model.Subnet {
		out := &model.Subnet{CIDR: netip.MustParsePrefix(cidr)}
		if gateway != "" {
			out.Gateway = netip.MustParseAddr(gateway)
		}
		return out
	}
	cfg := &model.Config{Subnets: map[string]*model.Subnet{
		"z-10.0.0.0-24": subnet("10.0.0.0/24", ""), "z-10.0.1.0-24": subnet("10.0.1.0/24", "10.0.1.1"), "z-10.0.2.0-24": subnet("10.0.2.0/24", "10.0.2.254"),
		"z-10.0.3.0-24": subnet("10.0.3.0/24", "10.0.9.1"), "z-fd00::-76": subnet("fd00::/76", ""), "z-fd01::-75": subnet("fd01::/75", ""), "z-fd02::-64": subnet("fd02::/64", ""),
		"other-10.0.0.0-24": subnet("10.0.0.0/24", ""),
	}}
	want := map[string]Usage{
		"z-10.0.0.0-24": {Size: 254}, "z-10.0.1.0-24": {Size: 253}, "z-10.0.2.0-24": {Size: 253}, "z-10.0.3.0-24": {Size: 254},
		"z-fd00::-76": {Size: 1 << 52}, "z-fd01::-75": {Size: MaxSize, Log2: 53}, "z-fd02::-64": {Size: MaxSize, Log2: 64},
	}
	if d := cmp.Diff(want, s.Usage(cfg, zone)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A transaction has as many changes as fit, in their order, and writes no key twice.
func TestSelectBatch(t *testing.T) {
	size := func(name string, n int) *queued {
		c := &change{}
		for i := range n {
			op := store.Put(fmt.Sprint(name, i), nil)
			if i%2 == 0 {
				c.writes = append(c.writes, op)
			} else {
				c.ops = append(c.ops, op)
			}
		}
		return &queued{change: c}
	}
	for _, c := range []struct {
		waiting    []*queued
		now, later int
	}{
		{nil, 0, 0},
		{[]*queued{size("a", maxBatch+1)}, 1, 0}, // one alone is always tried
		{[]*queued{size("a", maxBatch-3), size("b", 3)}, 2, 0},
		{[]*queued{size("a", maxBatch-3), size("b", 4)}, 1, 1},
		{[]*queued{size("a", maxBatch-3), size("b", 4), size("c", 2)}, 2, 1},
		{[]*queued{size("a", 2), size("a", 1), size("b", 1)}, 2, 1},
	} {
		now, later := selectBatch(c.waiting)
		if len(now) != c.now || len(later) != c.later {
			t.Errorf("of %d: %d now and %d later, want %d and %d", len(c.waiting), len(now), len(later), c.now, c.later)
		}
	}
}

// What is avoided has a role in the network, or is a gateway of the VNet.
func TestAvoided(t *testing.T) {
	four, six := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), Gateway: netip.MustParseAddr("10.0.0.1")}, &model.Subnet{CIDR: netip.MustParsePrefix("fd00::/64")}
	second := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.1.0/24"), Gateway: netip.MustParseAddr("10.0.0.9")}
	all := []*model.Subnet{four, six, second}
	for text, want := range map[string]bool{
		"10.0.0.0": true, "10.0.0.255": true, "10.0.0.1": true, "10.0.0.9": true, "10.0.0.2": false,
	} {
		if got := avoided(all, four)(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for text, want := range map[string]bool{"fd00::": true, model.DHCPAddress6(six.CIDR).String(): true, "fd00::1": false} {
		if got := avoided(all, six)(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
