// Package examples holds manifests to learn from; its test keeps them correct.
package examples

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sector"
)

// Every example must load and be valid on the nodes of its lab.
func TestExamples(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		found++
		t.Run(e.Name(), func(t *testing.T) { check(t, e.Name()) })
	}
	if found < 12 {
		t.Errorf("only %d examples found", found)
	}
}

func check(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
		t.Error(err)
	}
	set, err := manifest.Load([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, live := &model.Config{}, &model.Config{}
	var edits []model.Edit
	for _, e := range set.Edits() {
		into := cfg
		if !e.Put.ObjectKind().Revisioned() {
			into, edits = live, append(edits, e)
		}
		if err := into.Put(e.Put); err != nil {
			t.Fatal(err)
		}
	}
	known := nodes(t, dir)
	derived, err := sector.Derive(cfg, unseen(known), set.Edits())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range derived {
		if err := cfg.Put(e.Put); err != nil {
			t.Fatal(err)
		}
	}
	problems := append(model.Validate(cfg, known), model.ValidateLive(edits, live, cfg, known)...)
	for _, p := range problems {
		// That the manual's own names are longer than it says is all to remark on.
		if p.Severity == model.Error || p.Field != "id" {
			t.Error(set.Format(p))
		}
	}
	if len(live.Guests) == 0 || len(cfg.VNets) == 0 {
		t.Errorf("%d guests in %d vnets: not much of an example", len(live.Guests), len(cfg.VNets))
	}
}

// unseen are nodes that have reported nothing yet.
type unseen []string

func (n unseen) Names() []string { return n }

func (unseen) Facts(string) (*model.Facts, bool) { return nil, false }

// nodes are those of an example's lab: node1, node2 and node3 if it has none.
func nodes(t *testing.T, dir string) []string {
	t.Helper()
	spec, err := lab.LoadSpec(filepath.Join(dir, "lab", "lab.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		spec = lab.DefaultSpec(3)
	} else if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range spec.Nodes {
		out = append(out, n.Name)
	}
	return out
}
