package docs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSimple(t *testing.T) {
	for _, c := range []struct {
		text string
		want [][]string
	}{
		{"viaduct plan -f net   # why\n", [][]string{{"viaduct", "plan", "-f", "net"}}},
		{`viaduct set vnet blue alias="Blue and ' red" && viaduct apply`, [][]string{{"viaduct", "set", "vnet", "blue", "alias=Blue and ' red"}, {"viaduct", "apply"}}},
		{"viaduct token create a@pve b > token 2>/dev/null; cat token | wc", [][]string{{"viaduct", "token", "create", "a@pve", "b"}, {"cat", "token"}, {"wc"}}},
		{"cat > x <<'END'\nviaduct nonsense\nEND\nviaduct \\\n  status\n", [][]string{{"cat"}, {"viaduct", "status"}}},
		{"until ! viaduct status; do sleep 1; done", [][]string{{"until", "!", "viaduct", "status"}, {"do", "sleep", "1"}, {"done"}}},
		{"# only why\n\nx '' a#b", [][]string{{"x", "", "a#b"}}},
	} {
		var got [][]string
		for _, simple := range Simple(c.text) {
			got = append(got, simple.Words)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, d)
		}
	}
}

const example = "<!-- lab: 3 -->\n\n# T\n\nSay `viaduct status -w` or `x viaduct no`.\n\n<!-- set -->\n<!-- file: a.yaml -->\n```yaml\nkind: x\n```\n\n```sh\nexport A=b\nA=c viaduct get all\n```\n\n    bin/viaduct diff\n"

func TestParse(t *testing.T) {
	p := Parse("p.md", example)
	if v, ok := p.Mark("lab"); !ok || v != "3" {
		t.Errorf("the page's mark is %q, %v", v, ok)
	}
	want := []Block{
		{Line: 10, Lang: "yaml", Marks: []string{"set", "file: a.yaml"}, Text: "kind: x\n"},
		{Line: 14, Lang: "sh", Text: "export A=b\nA=c viaduct get all\n"},
	}
	if d := cmp.Diff(want, p.Blocks); d != "" {
		t.Error(d)
	}
	if v, ok := p.Blocks[0].Mark("file"); !ok || v != "a.yaml" {
		t.Errorf("the block's mark is %q, %v", v, ok)
	}
	commands := []Command{
		{Line: 15, Words: []string{"get", "all"}, Whole: true},
		{Line: 5, Words: []string{"status", "-w"}},
		{Line: 18, Words: []string{"diff"}, Whole: true},
	}
	if d := cmp.Diff(commands, p.Commands("viaduct")); d != "" {
		t.Error(d)
	}
	prose := map[int]bool{}
	p.Prose(func(n int, _ string) { prose[n] = true })
	for _, n := range []int{9, 10, 11, 13, 14, 15, 16} {
		if prose[n] {
			t.Errorf("line %d is of a block", n)
		}
	}
	for _, n := range []int{1, 5, 12, 17, 18} {
		if !prose[n] {
			t.Errorf("line %d is of the text", n)
		}
	}
}
