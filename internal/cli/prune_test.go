package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The name that is made of a path is the same however the path is written, and another
// one for a folder of the same name elsewhere: these must not prune each other's objects.
func TestDerivedSets(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"a/net", "b/net", "a/nét works"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(root, "a"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	name := func(path string) string {
		t.Helper()
		got, err := derivedSet(path)
		if err != nil || !model.ValidSet(got) {
			t.Fatalf("%s: %q, %v", path, got, err)
		}
		return got
	}
	t.Chdir(filepath.Join(root, "a"))
	first := name("net")
	for _, same := range []string{"./net", "net/", "../a/net", filepath.Join(root, "a/net"), filepath.Join(root, "link/net")} {
		if got := name(same); got != first {
			t.Errorf("%s: %s, but net: %s", same, got, first)
		}
	}
	if got := name("../b/net"); got == first || !strings.HasPrefix(got, "net-") {
		t.Errorf("another folder of the same name: %s, as the first: %s", got, first)
	}
	name("nét works")
	name("/")
}

// A folder that is applied under the names of two paths is refused and not pruned; taking
// its objects over is explicit.
func TestTakeOver(t *testing.T) {
	s := startSession(t)
	root := t.TempDir()
	for _, dir := range []string{"one", "two"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "z.yaml"), []byte("kind: zone\nid: za\ntype: simple\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
	s.must("apply -y --no-wait --prune -f " + one)
	s.must("apply -y --no-wait --prune -f " + one)
	out, code := s.try("apply", "-y", "--prune", "-f", two)
	if code != ExitConflict || !strings.Contains(out, "zone za of one-") {
		t.Errorf("exit status %d\n%s", code, out)
	}
	s.must("apply -y --no-wait --prune --take-over -f " + two)
	if out := s.must("get zone za -o yaml"); !strings.Contains(out, "set: two-") {
		t.Errorf("%s", out)
	}
	// The first one's manifests without the object prune nothing of the second's.
	if err := os.Remove(filepath.Join(one, "z.yaml")); err != nil {
		t.Fatal(err)
	}
	if out := s.must("apply -y --no-wait --prune --allow-empty -f " + one); !strings.HasPrefix(out, "nothing to apply") {
		t.Errorf("%s", out)
	}
}
