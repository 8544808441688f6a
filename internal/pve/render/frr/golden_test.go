package frr_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/routing"
	"github.com/viaduct-sdn/viaduct/test/golden"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestGolden renders a running configuration for the facts beside it, and shows
// the file and the problems.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		run, facts, problems := input(t, c)
		text, more := pvefrr.Render(run, facts, c.Files["frr.conf.local"])
		told := ""
		for _, p := range append(problems, more...) {
			told += string(p.Severity) + ": " + p.String() + "\n"
		}
		c.Want(t, "problems", told)
		c.Want(t, "want", string(text))
	})
}

func input(t *testing.T, c *golden.Case) (*running.Running, *model.Facts, model.Problems) {
	t.Helper()
	run, problems, err := running.Parse([]byte(c.Files["running.json"]))
	if err != nil {
		t.Fatal(err)
	}
	facts := &model.Facts{}
	if err := json.Unmarshal([]byte(c.Files["facts.json"]), facts); err != nil {
		t.Fatal(err)
	}
	return run, facts, problems
}

// TestGoldenVtysh has the real FRR read every golden configuration. It is built
// once more in the dialect of a stock FRR, which does not know "autort as" and
// is told the same route targets VNI by VNI, and the operator's lines are merged
// completely; nothing is taken away.
func TestGoldenVtysh(t *testing.T) {
	vtysh := requires.Program(t, "vtysh")
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		run, facts, _ := input(t, c)
		intent, _ := pvefrr.Intent(run, facts)
		intent.Dialect = routing.Dialect{}
		built := routing.Build(intent)
		c.Want(t, "stock", built.Body())
		blocks := built.Blocks()
		local, err := frr.Complete(blocks, c.Files["frr.conf.local"])
		told := ""
		if err != nil {
			told = err.Error() + "\n"
		}
		c.Want(t, "local errors", told)
		for _, b := range local {
			blocks = append(blocks, b.FRRBlock)
		}
		for name, text := range map[string]string{
			"text":   built.Text(frr.Frame{Version: pvefrr.DefaultVersion, Hostname: facts.Node}),
			"blocks": frr.Format(blocks),
		} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(vtysh, "-C", "-f", path).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: vtysh -C: %v\n%s\n%s", name, err, out, text)
			}
		}
	})
}
