package netns

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

// A named namespace is there for whoever opens it until it is deleted, and is another one
// when it is made again. A plain file of the name is none.
func TestNamed(t *testing.T) {
	requires.Root(t)
	dir := Dir(filepath.Join(t.TempDir(), "netns"))
	if names, err := dir.List(); err != nil || len(names) != 0 {
		t.Errorf("without the directory: %v, %v", names, err)
	}
	defer func() {
		if err := dir.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory is left: %v", err)
		}
	}()
	open := func() *NS {
		t.Helper()
		ns, err := dir.Open("red")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ns.Close() })
		return ns
	}
	if err := dir.Make("red", nil); err != nil {
		t.Fatal(err)
	}
	first, again := open(), open()
	if same, err := first.Same(again); err != nil || !same {
		t.Errorf("opened twice: %v, %v", same, err)
	}
	if err := first.Run(func() error {
		lo, err := net.InterfaceByName("lo")
		if err == nil && lo.Flags&net.FlagUp == 0 {
			t.Error("lo is down")
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := dir.Make("red", nil); err != nil { // over the other
		t.Fatal(err)
	}
	if same, err := first.Same(open()); err != nil || same {
		t.Errorf("made again: the same %v, %v", same, err)
	}
	if err := os.WriteFile(filepath.Join(string(dir), "plain"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if names, err := dir.List(); err != nil || !slices.Equal(names, []string{"plain", "red"}) {
		t.Errorf("names %v, %v", names, err)
	}
	for _, name := range []string{"red", "plain", "never"} {
		if err := dir.Delete(name); err != nil {
			t.Error(err)
		}
		if _, err := dir.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is opened after it was deleted: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(string(dir), "plain"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Open("plain"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a plain file is opened as a namespace: %v", err)
	}
}
