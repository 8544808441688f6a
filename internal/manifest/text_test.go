package manifest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The caret stands below the column, also in a long line, of which 100 characters around
// it are shown.
func TestExcerpt(t *testing.T) {
	shown := func(line string, column int) (text string, caret int) {
		parts := strings.Split(excerpt(line, column), "\n")
		if len(parts) != 3 || !strings.HasPrefix(parts[1], "  ") || !strings.HasSuffix(parts[2], "^") {
			t.Fatalf("%q: got %q", line, parts)
		}
		return parts[1][2:], len(parts[2]) - 2 - 1
	}
	digits := strings.Repeat("0123456789", 30)
	for _, c := range []struct {
		line   string
		column int
		text   string
		caret  int
	}{
		{"id: a\r\n", 1, "id: a", 0},
		{"id: a", 5, "id: a", 4},
		{"id: a", 0, "id: a", 0},
		{"id: a", 99, "id: a", 5},
		{"\tid", 2, "\tid", 1},
		{"a\x01b", 3, "a?b", 2},
		{digits[:100], 90, digits[:100], 89},
		{digits[:101], 1, digits[:100], 0},
		{digits[:101], 101, digits[1:101], 99},
		{digits, 151, digits[100:200], 50},
		{digits, 41, digits[:100], 40},
		{digits, 300, digits[200:], 99},
	} {
		text, caret := shown(c.line, c.column)
		if text != c.text || caret != c.caret {
			t.Errorf("column %d of %d characters: %q with the caret at %d, want %q and %d", c.column, len(c.line), text, caret, c.text, c.caret)
		}
	}
	if got := excerpt("  \n", 1); got != "" {
		t.Errorf("of a blank line: %q", got)
	}
	s := &source{lines: []string{"one", "two"}}
	if s.line(0) != "" || s.line(1) != "one" || s.line(2) != "two" || s.line(3) != "" {
		t.Error("lines are counted from 1")
	}
}

// Documents are separated by --- and ..., alone on a line or before a blank
// (YAML 1.2, section 9.1).
func TestSplit(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a", "1:a"},
		{"---\na\n---\nb", "2:a|4:b"},
		{"a\n...\nb", "1:a|3:b"},
		{"a\n--- # comment\nb", "1:a|3:b"},
		{"a\n---\t\nb", "1:a|3:b"},
		{"a\n---b", "1:a\n---b"},
		{"a\n--- b", "1:a|2:--- b"},
		{"a\n --- \nb", "1:a\n --- \nb"},
		{"---\n \n---\nb", "4:b"},
	} {
		var got []string
		for _, d := range split(&source{lines: strings.Split(c.in, "\n")}) {
			got = append(got, string(rune('0'+d.first))+":"+d.text)
		}
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("%q: got %q, want %q", c.in, text, c.want)
		}
	}
}

// YAML 1.2, section 5.7: escapes have 2, 4 or 8 hexadecimal digits.
func TestDoubleQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, `a"b\`: `"a\"b\\"`, "a\tb\x7f": `"a\x09b\x7f"`, "ä😀": `"ä😀"`,
		"\u2028": `"\u2028"`, "\uffff": `"\uffff"`, "\U000e0001": `"\U000e0001"`, "\U00010000 \U0010ffff": "\"\U00010000 " + `\U0010ffff"`,
	} {
		if got := doubleQuote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// A long value is shown up to 60 bytes, and no character in part.
func TestClip(t *testing.T) {
	long := strings.Repeat("a", 60)
	for in, want := range map[string]string{"": "", long: long, long + "b": long + "...", long[1:] + "ä": long[1:] + "..."} {
		if got := clip(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// assigned is what some assignments do to an object, as properties that are set, those
// that are removed, or an error.
func assigned(old model.Object, args ...string) (map[string]any, []string, error) {
	var list []Assignment
	for _, arg := range args {
		a, err := ParseAssignment(old.ObjectKind(), arg)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, a)
	}
	return Assign(old.ObjectKind(), old, list)
}

// Items of a list are addressed by their key, or by their place.
func TestAssignItems(t *testing.T) {
	guest := &model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "a"}, {ID: "net1", VNet: "b"}}}
	nics := func(list ...model.NIC) any { return list }
	for _, c := range []struct {
		args  []string
		want  any
		unset []string
	}{
		{[]string{"nics.net0.vnet=c"}, nics(model.NIC{ID: "net0", VNet: "c"}, model.NIC{ID: "net1", VNet: "b"}), nil},
		{[]string{"nics[net1].vnet=c"}, nics(model.NIC{ID: "net0", VNet: "a"}, model.NIC{ID: "net1", VNet: "c"}), nil},
		{[]string{"net1.vnet=c"}, nics(model.NIC{ID: "net0", VNet: "a"}, model.NIC{ID: "net1", VNet: "c"}), nil},
		{[]string{"nics.net2.vnet=c"}, nics(model.NIC{ID: "net0", VNet: "a"}, model.NIC{ID: "net1", VNet: "b"}, model.NIC{ID: "net2", VNet: "c"}), nil},
		{[]string{"net2.vnet=c"}, nics(model.NIC{ID: "net0", VNet: "a"}, model.NIC{ID: "net1", VNet: "b"}, model.NIC{ID: "net2", VNet: "c"}), nil},
		{[]string{"nics.net0-"}, nics(model.NIC{ID: "net1", VNet: "b"}), nil},
		{[]string{"net0-"}, nics(model.NIC{ID: "net1", VNet: "b"}), nil},
		{[]string{"nics.net0.vnet="}, nics(model.NIC{ID: "net0"}, model.NIC{ID: "net1", VNet: "b"}), nil},
		{[]string{"nics.net0-", "nics.net1-"}, nil, []string{"nics"}},
		{[]string{"nics-"}, nil, []string{"nics"}},
		{[]string{"node="}, nil, []string{"node"}},
		{[]string{"nics.net0=vnet=c"}, nics(model.NIC{ID: "net0", VNet: "c"}, model.NIC{ID: "net1", VNet: "b"}), nil},
	} {
		set, unset, err := assigned(guest, c.args...)
		if err != nil || !reflect.DeepEqual(set["nics"], c.want) || cmp.Diff(c.unset, unset) != "" {
			t.Errorf("%q: got %v, without %v, %v", c.args, set, unset, err)
		}
	}
	if guest.NICs[0].VNet != "a" || len(guest.NICs) != 2 {
		t.Errorf("the object is changed: %+v", guest)
	}
	for _, args := range [][]string{
		{"id=1"}, {"nosuch=1"}, {"node"}, {"nics.net7-"}, {"net7-"}, {"nics[net0=1"}, {"nics.=1"}, {"nics.net0.vnet=a", "nics.net0.vnet=b"},
		{"node=a", "node=b"}, {"nics=net0", "nics.net0.vnet=a"}, {"nics.net0.vnet=a", "nics=net0"}, {"nics.net0=vnet=a vnet=b"}, {"nics.net0.ips=x"}, {".vnet=a"},
	} {
		if set, unset, err := assigned(guest, args...); err == nil {
			t.Errorf("%q: got %v, without %v", args, set, unset)
		}
	}
	if _, _, err := assigned(&model.Guest{ID: "1"}, "net7-"); err == nil {
		t.Error("a NIC is removed of none")
	}
}

// Items without a key are addressed by their place, and the next place adds one.
func TestAssignByPlace(t *testing.T) {
	n := &model.FabricNode{ID: "f_a", Peers: []model.FabricPeer{{Node: "b"}}}
	set, _, err := assigned(n, "peers.1.node=c", "peers.0.type=internal")
	want := []model.FabricPeer{{Node: "b", Type: "internal"}, {Node: "c"}}
	if err != nil || !reflect.DeepEqual(set["peers"], want) {
		t.Errorf("got %v, %v", set, err)
	}
	if n.Peers[0].Type != "" {
		t.Error("the object is changed")
	}
	if set, _, err := assigned(n, "peers.2.node=c"); err == nil {
		t.Errorf("a place is left out: %v", set)
	}
}
