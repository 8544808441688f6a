package section

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	const text = "\ufeff# comment\nVLAN: z1\n\ttag 5\n  nodes b,a\n\t# not the end\n\tnodes c\n\nvlan: z2\n"
	got, faults := Read(text)
	want := []Section{
		{Type: "vlan", ID: "z1", Values: map[string][]string{"tag": {"5"}, "nodes": {"b,a", "c"}}, Line: 2, Lines: map[string]int{"tag": 3, "nodes": 4}},
		{Type: "vlan", ID: "z2", Values: map[string][]string{}, Line: 8, Lines: map[string]int{}},
	}
	if d := cmp.Diff(want, got); d != "" || faults != nil {
		t.Error(d, faults)
	}
}

// A line that cannot be read loses no section but the one that it may belong to.
func TestReadFaults(t *testing.T) {
	for _, c := range []struct {
		text, ids string
		broken    string
		want      LineFault
	}{
		{"\ttag 5\nvlan: z1\n", "z1", "", LineFault{1, "tag 5", "stands in no section"}},
		{"vlan: z1\ntag 5\n\nvlan: z2\n", "z1 z2", "tag 5", LineFault{2, "tag 5", "does not begin a section: it is written like ospf_fabric: myfab"}},
		{"vlan: z1\n\nvlan z2\n\ttag 5\n\nvlan: z3\n", "z1 z3", "", LineFault{3, "vlan z2", "does not begin a section: it is written like ospf_fabric: myfab"}},
		{"vlan: z1\n\nqinq: z1\n\ttag 5\n\nvlan: z2\n", "z1 z2", "", LineFault{3, "qinq: z1", "is a section that is given twice: the first one counts"}},
	} {
		got, faults := Read(c.text)
		var ids []string
		for _, s := range got {
			ids = append(ids, s.ID)
		}
		if strings.Join(ids, " ") != c.ids || got[0].Broken != c.broken || len(got[0].Values) != 0 {
			t.Errorf("%q: %+v", c.text, got)
		}
		if d := cmp.Diff([]LineFault{c.want}, faults); d != "" {
			t.Errorf("%q: (-want +got)\n%s", c.text, d)
		}
		if _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want.Message) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func TestAppend(t *testing.T) {
	var b strings.Builder
	Append(&b, "vlan", "z1", []Line{{"tag", "5"}, {"nodes", "b,a"}})
	Append(&b, "vlan", "z2", nil)
	if d := cmp.Diff("vlan: z1\n\ttag 5\n\tnodes b,a\n\nvlan: z2\n\n", b.String()); d != "" {
		t.Error(d)
	}
	if got, err := Parse(b.String()); err != nil || len(got) != 2 || got[0].Values["nodes"][0] != "b,a" {
		t.Errorf("read again: %+v, %v", got, err)
	}
}

// Section files: see PVE::SectionConfig.
func TestReadWithFaults(t *testing.T) {
	const text = "\ufeff# comment\nvlan: z1\n\ttag 5\n# inside\n\tpeers a\n\tpeers b\n\tempty\n\n" + // 1 to 8
		"\tlost 1\n" + // 9
		"vlan: z2\n\tbridge vmbr0\ntag 7\n\tmtu 1\n" + // 10 to 13
		"vlan: z1\n\ttag 6\n\n" + // 14 to 16
		"\tQinQ: z3\n\ttag 8\nEVPN: z4\n" // 17 to 19
	sections, faults := Read(text)
	want := []Section{
		{Type: "vlan", ID: "z1", Line: 2, Values: map[string][]string{"tag": {"5"}, "peers": {"a", "b"}, "empty": {""}}, Lines: map[string]int{"tag": 3, "peers": 5, "empty": 7}},
		{Type: "vlan", ID: "z2", Line: 10, Values: map[string][]string{"bridge": {"vmbr0"}}, Lines: map[string]int{"bridge": 11}, Broken: "tag 7"},
		{Type: "evpn", ID: "z4", Line: 19, Values: map[string][]string{}, Lines: map[string]int{}},
	}
	if d := cmp.Diff(want, sections); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var lines []int
	for _, f := range faults {
		lines = append(lines, f.Line)
	}
	if d := cmp.Diff([]int{9, 12, 14, 17}, lines); d != "" {
		t.Errorf("lines with faults (-want +got):\n%s", d)
	}
	if _, err := Parse("vlan: z1\nbad\n"); err == nil || !strings.HasPrefix(err.Error(), `line 2: "bad"`) {
		t.Errorf("got %v", err)
	}
	for _, head := range []string{": a", "vlan:", "vlan: a b", "v lan: a"} {
		if _, _, ok := splitHead(head); ok {
			t.Errorf("%q begins a section", head)
		}
	}
}
