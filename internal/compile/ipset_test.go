package compile

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// small draws a range of the 64 addresses of 10.0.0.0/26.
func small(t *rapid.T) model.Range {
	a := rapid.IntRange(0, 63).Draw(t, "first")
	b := rapid.IntRange(a, 63).Draw(t, "last")
	return model.Range{Start: netip.AddrFrom4([4]byte{10, 0, 0, byte(a)}), End: netip.AddrFrom4([4]byte{10, 0, 0, byte(b)})}
}

// Ranges that are joined have the addresses that they had, and stand apart; what is
// written of them is read again.
func TestMerged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Custom(small), 0, 8).Draw(t, "ranges")
		out := merged(in)
		has := func(list []model.Range, a netip.Addr) bool {
			return slices.ContainsFunc(list, func(r model.Range) bool { return r.Start.Compare(a) <= 0 && a.Compare(r.End) <= 0 })
		}
		for i := range 64 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			if has(in, a) != has(out, a) {
				t.Fatalf("%v is in %v: %v, in %v: %v", a, in, has(in, a), out, has(out, a))
			}
		}
		for i, r := range out {
			if i > 0 && out[i-1].End.Next().Compare(r.Start) >= 0 {
				t.Fatalf("not apart: %v", out)
			}
			if again, ok := model.ParseAddresses(rangeText(r)); !ok || again != r {
				t.Fatalf("%v is written %q and read %v", r, rangeText(r), again)
			}
		}
	})
}

// A set of many addresses is one of addresses, also of neighbours, until a network
// comes into it.
func TestLargeSets(t *testing.T) {
	n := &node{input: &input{cfg: &model.Config{}}}
	set := &model.IPSet{ID: "many"}
	for i := range largeSet {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		set.Entries = append(set.Entries, model.IPSetEntry{CIDR: a.String()})
	}
	n.cfg.Set(set)
	n.cfg.Set(&model.Firewall{ID: model.FirewallDatacenter, Enable: true, Rules: []model.FirewallRule{{Type: model.RuleForward, Source: "+dc/many"}}})
	if s := lowerIPSets(n)["dc/many"].sets; s[0].Interval || len(s[0].Elements) != largeSet || !slices.IsSorted(s[0].Elements) {
		t.Errorf("interval %v, %d elements", s[0].Interval, len(s[0].Elements))
	}
	set.Entries = append(set.Entries, model.IPSetEntry{CIDR: "192.0.2.0/24"})
	if s := lowerIPSets(n)["dc/many"].sets; !s[0].Interval || strings.Join(s[0].Elements, " ") != "10.0.0.0/20 192.0.2.0/24" {
		t.Errorf("interval %v, %q", s[0].Interval, s[0].Elements)
	}
}
