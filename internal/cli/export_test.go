package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// contents are a folder's files by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

// roundTrip applies manifests, exports the result, and applies the export to the same
// server, which changes nothing, and to a fresh server, which then has the same export;
// finally it deletes all objects of the export, and nothing remains.
func roundTrip(t *testing.T, dir string) {
	t.Helper()
	s := startSession(t)
	s.must("apply -y --no-wait -f " + dir)
	first := filepath.Join(t.TempDir(), "out")
	s.must("export manifests --secrets " + first)
	if out := s.must("plan -f " + first); !strings.HasPrefix(out, "nothing to apply") {
		t.Errorf("the export differs from what it was made of:\n%s", out)
	}
	other := startSession(t)
	other.must("apply -y --no-wait -f " + first)
	second := filepath.Join(t.TempDir(), "out")
	other.must("export manifests --secrets " + second)
	a, b := contents(t, first), contents(t, second)
	for name, text := range a {
		if b[name] != text {
			t.Errorf("%s differs on the second server:\n%s\n%s", name, text, b[name])
		}
	}
	if len(a) == 0 || len(a) != len(b) {
		t.Errorf("%d files, then %d", len(a), len(b))
	}
	other.must("delete -f " + first)
	other.must("apply -y --no-wait")
	if out := other.must("get all -o name"); out != "ipam/pve\n" {
		t.Errorf("left after the export's objects were deleted:\n%s", out)
	}
}

// Every example can be exported, applied as it is, and deleted as a whole.
func TestExamplesRoundTrip(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, dir := range dirs {
		if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
			continue
		}
		tried++
		t.Run(filepath.Base(dir), func(t *testing.T) { roundTrip(t, dir) })
	}
	if tried < 8 {
		t.Errorf("only %d examples were tried", tried)
	}
}

// Objects of every kind can.
func TestEveryKindRoundTrips(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/sessions/describe.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := string(archive.Files[0].Data) + "---\nkind: guest\nid: 100\nname: web1\nnode: node1\nset: lab\nnics: [{id: net0, vnet: blue, ips: [10.0.1.77]}]\n" +
		"---\nkind: ipam\nid: box\ntype: netbox\nurl: http://192.0.2.1:9/api\ntoken: secret\n"
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Load([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range model.Kinds() {
		if !slices.ContainsFunc(set.Objects, func(o model.Object) bool { return o.ObjectKind() == k }) {
			t.Errorf("no %s is among the objects", k)
		}
	}
	roundTrip(t, dir)
}
