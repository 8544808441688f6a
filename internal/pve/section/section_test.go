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
