package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestImportAndExport takes over a Proxmox VE SDN configuration with every option,
// and gives it back byte for byte.
func TestImportAndExport(t *testing.T) {
	recorded, err := txtar.ParseFile("../../internal/pvedir/testdata/recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "sdn")
	want := map[string]string{}
	for _, f := range recorded.Files {
		want[f.Name] = string(f.Data)
		if err := os.WriteFile(filepath.Join(in, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startLone(t)
	if told := s.viaduct("", "import", "pve", in, "--dry-run"); !strings.Contains(told, "nothing was changed") {
		t.Errorf("a dry run: %s", told)
	}
	told := s.viaduct("", "import", "pve", in)
	for _, text := range []string{"+ zone routed", "+ ipam nb", "+ dns pdns", "pending: viaduct plan"} {
		if !strings.Contains(told, text) {
			t.Errorf("%q is not told:\n%s", text, told)
		}
	}
	if told := s.viaduct("", "import", "pve", in); !strings.Contains(told, "no change: it is so already") {
		t.Errorf("once more: %s", told)
	}
	s.viaduct("", "apply", "--no-wait")
	s.viaduct("", "export", "pve", out)
	got := map[string]string{}
	for name := range maps.Keys(want) {
		if b, err := os.ReadFile(filepath.Join(out, name)); err == nil {
			got[name] = string(b)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if b, err := os.ReadFile(filepath.Join(out, ".running-config")); err != nil || !strings.Contains(string(b), `"version":1`) {
		t.Errorf("the running configuration: %v\n%s", err, b)
	}
}
