package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// nodes are those that manifests in pages are for.
var nodes = []string{"node1", "node2", "node3"}

// configurations are the manifests of a page: all blocks together, or from each mark "set"
// on those up to the next.
func configurations(p *Page) [][]Block {
	var out [][]Block
	for _, b := range p.Blocks {
		if b.Lang != "yaml" {
			continue
		}
		if _, begins := b.Mark("set"); begins || len(out) == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], b)
	}
	return out
}

// check loads manifests of a page as the command line does and validates them as the
// server does. Kinds are noted in seen.
func check(t *testing.T, p *Page, blocks []Block, seen map[model.Kind]bool) {
	t.Helper()
	dir := t.TempDir()
	for i, b := range blocks {
		// The lines of the file are those of the page.
		text := make([]byte, b.Line-1, b.Line-1+len(b.Text))
		for j := range text {
			text[j] = '\n'
		}
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".yaml"), append(text, b.Text...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := manifest.Load([]string{dir}, nil)
	if err != nil {
		t.Errorf("%s: %v", p.Path, err)
		return
	}
	cfg, live := &model.Config{}, &model.Config{}
	var edits []model.Edit
	for _, e := range set.Edits() {
		seen[e.Put.ObjectKind()] = true
		into := cfg
		if !e.Put.ObjectKind().Revisioned() {
			into = live
			edits = append(edits, e)
		}
		if err := into.Put(e.Put); err != nil {
			t.Fatal(err)
		}
	}
	problems := append(model.Validate(cfg, nodes), model.ValidateLive(edits, live, cfg, nodes)...)
	for _, one := range problems {
		t.Errorf("%s: %s", p.Path, set.Format(one))
	}
}

// The manifests of every page are valid, and there is one of every kind.
func TestManifests(t *testing.T) {
	seen := map[model.Kind]bool{}
	for _, p := range pages(t) {
		for _, blocks := range configurations(p) {
			check(t, p, blocks, seen)
		}
	}
	for _, k := range model.Kinds() {
		if !seen[k] {
			t.Errorf("no page has an example of a %s", k)
		}
	}
}
