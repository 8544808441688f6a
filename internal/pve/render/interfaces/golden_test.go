package interfaces_test

import (
	"encoding/json"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

// TestGolden renders a running configuration for the facts beside it, and shows
// the file and the problems. What is rendered can be read again.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		run, problems, err := running.Parse([]byte(c.Files["running.json"]))
		if err != nil {
			t.Fatal(err)
		}
		facts := &model.Facts{}
		if err := json.Unmarshal([]byte(c.Files["facts.json"]), facts); err != nil {
			t.Fatal(err)
		}
		text, more := pveinterfaces.Render(run, facts)
		told := ""
		for _, p := range append(problems, more...) {
			told += string(p.Severity) + ": " + p.String() + "\n"
		}
		c.Want(t, "problems", told)
		c.Want(t, "want", string(text))
		if _, err := interfaces.Parse(string(text)); err != nil {
			t.Errorf("cannot read what was rendered: %v", err)
		}
	})
}
