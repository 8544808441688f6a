package manifest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

var update = flag.Bool("update", false, "write the results into the golden files")

// archive is a golden case in txtar form: "-- name --" starts a file.
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(t *testing.T, path string) *archive {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{files: map[string]string{}}
	name := ""
	for line := range strings.Lines(string(b)) {
		if mid, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- "); ok && strings.HasSuffix(mid, " --") {
			name = strings.TrimSuffix(mid, " --")
			a.names = append(a.names, name)
			a.files[name] = ""
			continue
		}
		if name == "" {
			a.comment += line
		} else {
			a.files[name] += line
		}
	}
	return a
}

func (a *archive) write(t *testing.T, path string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(a.comment)
	for _, n := range a.names {
		b.WriteString("-- " + n + " --\n" + a.files[n])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each case is a file in testdata: manifests, and "want": what is said of them.
// A manifest that loads is validated with the nodes node1, node2 and node3
// known. A new case needs no Go; run with -update to fill in "want".
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a := readArchive(t, path)
			l := &loader{set: newSet()}
			for _, n := range a.names {
				if n != "want" {
					l.input(n, []byte(a.files[n]))
				}
			}
			got := judge(l)
			if *update {
				if _, ok := a.files["want"]; !ok {
					a.names = append(a.names, "want")
				}
				a.files["want"] = got
				a.write(t, path)
				return
			}
			if d := cmp.Diff(a.files["want"], got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// judge says everything that is wrong with what was loaded.
func judge(l *loader) string {
	if len(l.errs) > 0 {
		return l.errs.Error() + "\n"
	}
	var b strings.Builder
	for _, p := range validateSet(l.set) {
		b.WriteString(l.set.Format(p))
		if p.Lax {
			b.WriteString("\n  (Proxmox lets it pass)")
		}
		b.WriteString("\n")
	}
	if b.Len() == 0 {
		return "good\n"
	}
	return b.String()
}

// validateSet does with a set what the server does with edits.
func validateSet(s *Set) model.Problems {
	cfg := &model.Config{}
	guests := map[string]*model.Guest{}
	var out model.Problems
	for _, e := range s.Edits() {
		if g, ok := e.Put.(*model.Guest); ok {
			guests[g.ID] = g
			continue
		}
		if err := cfg.Put(e.Put); err != nil {
			ps, ok := err.(model.Problems) //nolint:errorlint // Put returns exactly this
			if !ok {
				panic(err)
			}
			out = append(out, ps...)
		}
	}
	known := []string{"node1", "node2", "node3"}
	out = append(out, model.Validate(cfg, known)...)
	return append(out, model.ValidateGuests(guests, cfg, known)...)
}
