package compile

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// A name is labels of letters, digits, hyphens and underscores (RFC 1035, section 2.3.1;
// RFC 2181, section 11), each of at most 63 bytes.
func TestIsName(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, name := range []string{"a", "z", "A", "Z", "0", "9", "a-b", "_dmarc", "a_", "web.lab", label, label + "." + label} {
		if !isName(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", label + "a", "a b", "ä", "a/b", "a:b", "a@b", "a[b", "a`b", "a{b", "a\x00"} {
		if isName(name) {
			t.Errorf("%q is one", name)
		}
	}
}

// nftables refuses intervals that overlap: a network inside another one is left out.
func TestDisjoint(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.0.0.0/16 10.0.0.0/8", "10.0.0.0/8"},
		{"10.0.0.0/8 10.0.0.0/16", "10.0.0.0/8"},
		{"10.2.0.0/16 10.1.0.0/16 10.2.3.0/24 10.1.0.0/16", "10.1.0.0/16 10.2.0.0/16"},
		{"fd00:1::/32 fd00::/32 fd00::/48", "fd00::/32 fd00:1::/32"},
	} {
		var nets []netip.Prefix
		for _, p := range strings.Fields(c.in) {
			nets = append(nets, netip.MustParsePrefix(p))
		}
		if got := strings.Join(disjoint(nets), " "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// Ranges that overlap or touch become one; an address is of one range only.
func TestMergedRanges(t *testing.T) {
	r := func(start, end string) model.Range {
		return model.Range{Start: netip.MustParseAddr(start), End: netip.MustParseAddr(end)}
	}
	for _, c := range []struct{ in, want []model.Range }{
		{nil, nil},
		{[]model.Range{r("10.0.0.5", "10.0.0.9"), r("10.0.0.1", "10.0.0.3")}, []model.Range{r("10.0.0.1", "10.0.0.3"), r("10.0.0.5", "10.0.0.9")}},
		{[]model.Range{r("10.0.0.1", "10.0.0.4"), r("10.0.0.5", "10.0.0.9")}, []model.Range{r("10.0.0.1", "10.0.0.9")}},
		{[]model.Range{r("10.0.0.1", "10.0.0.9"), r("10.0.0.2", "10.0.0.5")}, []model.Range{r("10.0.0.1", "10.0.0.9")}},
		{[]model.Range{r("10.0.0.1", "10.0.0.5"), r("10.0.0.5", "10.0.0.9")}, []model.Range{r("10.0.0.1", "10.0.0.9")}},
		{[]model.Range{r("255.255.255.254", "255.255.255.255"), r("::", "::1")}, []model.Range{r("255.255.255.254", "255.255.255.255"), r("::", "::1")}},
		{[]model.Range{{}, r("10.0.0.1", "10.0.0.1")}, []model.Range{r("10.0.0.1", "10.0.0.1")}},
	} {
		if d := cmp.Diff(c.want, merged(c.in), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%v (-want +got):\n%s", c.in, d)
		}
	}
	for want, in := range map[string]model.Range{
		"10.0.0.1": r("10.0.0.1", "10.0.0.1"), "10.0.0.0/31": r("10.0.0.0", "10.0.0.1"), "10.0.0.1-10.0.0.2": r("10.0.0.1", "10.0.0.2"),
		"0.0.0.0/0": r("0.0.0.0", "255.255.255.255"), "fd00::/64": r("fd00::", "fd00::ffff:ffff:ffff:ffff"), "10.0.0.0-10.0.0.2": r("10.0.0.0", "10.0.0.2"),
	} {
		if got := rangeText(in); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDomainOf(t *testing.T) {
	for _, c := range []struct{ zone, prefix, want string }{{"", "", ""}, {"", "web", ""}, {"lab", "", "lab"}, {"lab", "web", "web.lab"}} {
		if got := domainOf(&model.Zone{DNSZone: c.zone}, &model.Subnet{DNSZonePrefix: c.prefix}); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
