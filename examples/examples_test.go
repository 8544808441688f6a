// Package examples holds manifests to learn from; its test keeps them correct.
package examples

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Every example must load and be valid on nodes node1, node2 and node3.
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
	if found < 7 {
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
	cfg, guests := &model.Config{}, map[string]*model.Guest{}
	for _, e := range set.Edits() {
		if g, ok := e.Put.(*model.Guest); ok {
			guests[g.ID] = g
		} else if err := cfg.Put(e.Put); err != nil {
			t.Fatal(err)
		}
	}
	known := []string{"node1", "node2", "node3"}
	problems := append(model.Validate(cfg, known), model.ValidateGuests(guests, cfg, known)...)
	for _, p := range problems {
		// That the manual's own names are longer than it says is all to remark on.
		if p.Severity == model.Error || p.Field != "id" {
			t.Error(set.Format(p))
		}
	}
	if len(guests) == 0 || len(cfg.VNets) == 0 {
		t.Errorf("%d guests in %d vnets: not much of an example", len(guests), len(cfg.VNets))
	}
}
