package model

import "testing"

// The ID of a fabric node is derived from fabric and node, and these from the ID.
func TestFabricNodesAreCompleted(t *testing.T) {
	whole := FabricNode{ID: "ring_node1", Fabric: "ring", Node: "node1"}
	for _, given := range []FabricNode{whole, {ID: "ring_node1"}, {Fabric: "ring", Node: "node1"}, {ID: "ring_node1", Node: "node1"}} {
		cfg, n := &Config{}, given
		if err := cfg.Put(&n); err != nil {
			t.Errorf("%+v: %v", given, err)
		}
		if got := cfg.FabricNodes["ring_node1"]; got == nil || got.ID != whole.ID || got.Fabric != whole.Fabric || got.Node != whole.Node {
			t.Errorf("%+v becomes %+v", given, got)
		}
	}
	if err := (&Config{}).Complete(&FabricNode{ID: "ring_node1", Node: "node2"}); err == nil {
		t.Error("an ID that names another node is let pass")
	}
}
