package config_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/config"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

// A configuration of Viaduct is rendered as Proxmox renders it after an export: from
// .running-config.
func TestRenderedAsExported(t *testing.T) {
	golden.Run(t, "../render/*/testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		read, _, err := running.Parse([]byte(c.Files["running.json"]))
		if err != nil {
			t.Fatal(err)
		}
		facts := &model.Facts{}
		if err := json.Unmarshal([]byte(c.Files["facts.json"]), facts); err != nil {
			t.Fatal(err)
		}
		cfg := &model.Config{}
		for _, k := range model.Kinds() {
			for o := range read.Each(k) {
				delete(model.ClientSpellingOf(o), "mac") // of a VNet: no object of Viaduct has it
				if !read.Broken(o) {
					cfg.Set(o)
				}
			}
		}
		text, err := config.Running(cfg, read.Version)
		if err != nil {
			t.Fatal(err)
		}
		exported, problems, err := running.Parse(text)
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		if d := cmp.Diff(rendered(exported, facts), rendered(running.Of(cfg, read.Version), facts)); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	})
}

func rendered(run *running.Running, facts *model.Facts) string {
	interfaces, _ := pveinterfaces.Render(run, facts)
	frr, _ := pvefrr.Render(run, facts, "")
	return string(interfaces) + string(frr)
}
