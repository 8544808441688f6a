package fleet

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// An error that the running revision has on the node is told as standing, one that
// the change brings is not.
func TestPlanTellsNewErrorsFromStandingOnes(t *testing.T) {
	facts := &model.Facts{Node: "node1", Interfaces: []model.Interface{{Name: "old", MTU: 1500, Kind: "veth"}, {Name: "eth0", MTU: 1500, AltNames: []string{"new"}}}}
	configured := func(vnets ...string) *model.Config {
		cfg := &model.Config{}
		objects := []model.Object{&model.Zone{ID: "z", Type: model.ZoneSimple}}
		for _, v := range vnets {
			objects = append(objects, &model.VNet{ID: v, Zone: "z"})
		}
		for _, o := range objects {
			if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		}
		return cfg
	}
	live := &model.Config{}
	from := compile.Project(configured("old"), live, 1, "node1")
	to := compile.Project(configured("old", "new", "fine"), live, 1, "node1")
	got := plan(from, to, facts, map[string]bool{"vnet/new": true, "vnet/fine": true})
	standing := map[string]bool{}
	for _, n := range got.Notes {
		if n.Level != "error" || !strings.Contains(n.Message, "exists on this node and was not made by Viaduct") {
			t.Errorf("unexpected note %+v", n)
		}
		standing[n.Object] = n.Standing
	}
	if len(standing) != 2 || !standing["vnet/old"] || standing["vnet/new"] {
		t.Errorf("standing: %v", standing)
	}
	for _, c := range got.Changes {
		if c.Owner == "vnet/new" || c.Owner == "vnet/old" {
			t.Errorf("the plan promises %s, which the node cannot have", c)
		}
	}
	whole := api.Plan{Nodes: []api.NodePlan{got}}
	if errs := whole.NewErrors(); len(errs) != 1 || len(errs[0].Notes) != 1 || errs[0].Notes[0].Object != "vnet/new" {
		t.Errorf("new errors: %+v", errs)
	}
}
