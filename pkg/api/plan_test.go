package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A firewall that a node can enforce only in part is reported, and refuses no apply.
func TestRefusals(t *testing.T) {
	vnet, firewall := api.Note{Level: "error", Object: "vnet/a"}, api.Note{Level: "error", Object: "firewall/a"}
	p := api.Plan{Nodes: []api.NodePlan{
		{Node: "n1", Notes: []api.Note{vnet, firewall, {Level: "warning", Object: "vnet/b"}, {Level: "error", Object: "vnet/c", Standing: true}}},
		{Node: "n2", Notes: []api.Note{firewall}},
	}}
	if d := cmp.Diff([]api.NodePlan{{Node: "n1", Notes: []api.Note{vnet, firewall}}, {Node: "n2", Notes: []api.Note{firewall}}}, p.NewErrors()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]api.NodePlan{{Node: "n1", Notes: []api.Note{vnet}}}, p.Refusals()); d != "" {
		t.Error(d)
	}
}
