package coredns_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// Files are read as the state that they were made of, and equal states make equal
// files.
func TestFilesLeadBack(t *testing.T) {
	addr := rapid.Custom(func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "is v4") {
			return netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "v4")})
		}
		return netip.AddrFrom16([16]byte{0x20, 1, 15: rapid.Byte().Draw(t, "v6")})
	})
	rapid.Check(t, func(t *rapid.T) {
		s := &desired.NameServer{}
		for i := range rapid.IntRange(0, 3).Draw(t, "views") {
			v := desired.NameView{
				Zone: fmt.Sprint("z", i), Domain: "lab.example", Owner: fmt.Sprint("zone/z", i),
				Listen:   []desired.NameListener{{Addr: netip.AddrPortFrom(addr.Draw(t, "listen"), 53), Link: "vn1"}},
				Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
			}
			for j := range rapid.IntRange(0, 5).Draw(t, "names") {
				v.Names = append(v.Names, desired.NameEntry{
					Name: fmt.Sprintf("n%d.lab.example", j), IPs: rapid.SliceOfN(addr, 1, 4).Draw(t, "addresses"),
				})
			}
			s.Views = append(s.Views, v)
		}
		files, err := coredns.Render(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := coredns.Parse(files)
		if err != nil {
			t.Fatal(err)
		}
		text := cmp.Transformer("text", func(v fmt.Stringer) string { return v.String() })
		if d := cmp.Diff(s.Views, got.Views, text); len(s.Views) > 0 && d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
		again, err := coredns.Render(got)
		if err != nil || coredns.Hash(again) != coredns.Hash(files) {
			t.Fatalf("made of what was read: %v\n%s", err, cmp.Diff(files, again))
		}
	})
}

func TestDamagedFiles(t *testing.T) {
	whole, err := coredns.Render(&desired.NameServer{Views: []desired.NameView{{Zone: "z", Names: []desired.NameEntry{{Name: "a.lab", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []map[string][]byte{
		{}, {coredns.Settings: []byte("{")}, {coredns.Settings: whole[coredns.Settings]},
		{coredns.Settings: whole[coredns.Settings], coredns.NamesFile("z"): []byte("a.lab 10.0.0.1\nb.lab nonsense\n")},
	} {
		if s, err := coredns.Parse(damage); err == nil {
			t.Errorf("%v is read as %v", damage, s)
		}
	}
}
