package manifest

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

// Each case is a file in testdata: manifests, and "want": the problems in them.
// A manifest that loads is validated with the nodes node1, node2 and node3
// known. A new case needs no Go; run with -update to fill in "want".
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		l := &loader{set: newSet()}
		for _, n := range c.Names {
			if n != "want" {
				l.input(n, []byte(c.Files[n]))
			}
		}
		c.Want(t, "want", problemsOf(l))
	})
}

// problemsOf lists all problems of the loaded manifests.
func problemsOf(l *loader) string {
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
