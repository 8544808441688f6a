package diff

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// withoutEqual leaves out exactly what both lists have.
func TestWithoutEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := func(label string) []desired.NameEntry {
			m := rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), rapid.Uint8Range(1, 2)).Draw(t, label)
			var out []desired.NameEntry
			for name, host := range m {
				out = append(out, desired.NameEntry{Name: name, IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, host})}})
			}
			slices.SortFunc(out, func(a, b desired.NameEntry) int { return cmp.Compare(a.Name, b.Name) })
			return out
		}
		old, new := names("old"), names("new")
		without := func(list, other []desired.NameEntry) (out []desired.NameEntry) {
			for _, n := range list {
				if !slices.ContainsFunc(other, func(o desired.NameEntry) bool { return o.Name == n.Name && slices.Equal(o.IPs, n.IPs) }) {
					out = append(out, n)
				}
			}
			return out
		}
		gotOld, gotNew := withoutEqual(old, new)
		sameAddr := []gocmp.Option{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})}
		if d := gocmp.Diff(without(old, new), gotOld, sameAddr...); d != "" {
			t.Errorf("old (-want +got):\n%s", d)
		}
		if d := gocmp.Diff(without(new, old), gotNew, sameAddr...); d != "" {
			t.Errorf("new (-want +got):\n%s", d)
		}
	})
}

// Names of a view are only described if they differ; with another owner of the view, or
// in another zone, all do.
func TestDifferingNames(t *testing.T) {
	view := func(zone, owner string) *desired.NameServer {
		return &desired.NameServer{Views: []desired.NameView{{Zone: zone, Owner: owner, Names: []desired.NameEntry{
			{Name: "a.example", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, {Name: "b.example", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}},
		}}}}
	}
	count := func(views []viewNames) (n int) {
		for _, v := range views {
			n += len(v.names)
		}
		return n
	}
	for _, c := range []struct {
		what     string
		old, new *desired.NameServer
		before   int
		after    int
	}{
		{"equal", view("z", "zone/z"), view("z", "zone/z"), 0, 0},
		{"another owner", view("z", "zone/z"), view("z", "zone/y"), 2, 2},
		{"another zone", view("z", "zone/z"), view("y", "zone/z"), 2, 2},
		{"created", nil, view("z", "zone/z"), 0, 2},
		{"removed", view("z", "zone/z"), nil, 2, 0},
	} {
		old, new := differingNames(c.old, c.new)
		if count(old) != c.before || count(new) != c.after {
			t.Errorf("%s: %d names before, %d after; want %d and %d", c.what, count(old), count(new), c.before, c.after)
		}
	}
}
