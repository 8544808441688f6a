package compile

import (
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Project returns the document of one node: the part of the revision it needs
// and the guests that run on it. What belongs to zones of other nodes stays
// out, so a node neither learns of them nor wakes when they change.
func Project(cfg *model.Config, guests map[string]*model.Guest, revision int64, node string) *protocol.Document {
	doc := &protocol.Document{Format: protocol.Format, Revision: revision, Node: node}
	out := &doc.Config
	if self, ok := cfg.Nodes[node]; ok {
		out.Nodes = map[string]*model.Node{node: self}
	}
	for id, z := range cfg.Zones {
		if z.OnNode(node) {
			set(&out.Zones, id, z)
		}
	}
	fabrics := map[string]bool{}
	for id, c := range cfg.Controllers {
		if c.Node == node || c.Type == model.ControllerEVPN && usesController(out, id) {
			set(&out.Controllers, id, c)
			fabrics[c.Fabric] = true
		}
	}
	for _, z := range out.Zones {
		fabrics[z.Fabric] = true
	}
	projectFabrics(cfg, out, fabrics, node)
	for id, v := range cfg.VNets {
		if _, ok := out.Zones[v.Zone]; ok {
			set(&out.VNets, id, v)
		}
	}
	for id, s := range cfg.Subnets {
		if _, ok := out.VNets[s.VNet]; ok {
			set(&out.Subnets, id, s)
		}
	}
	for id, g := range guests {
		if g.Node == node {
			set(&doc.Guests, id, g)
		}
	}
	return doc
}

// usesController reports whether a zone of the node has the controller.
func usesController(out *model.Config, id string) bool {
	for _, z := range out.Zones {
		if z.Controller == id {
			return true
		}
	}
	return false
}

// projectFabrics adds the fabrics that the node is a member of or takes tunnel
// ends from. Of the latter all members are needed, of the others the own part.
func projectFabrics(cfg, out *model.Config, ends map[string]bool, node string) {
	for id, m := range cfg.FabricNodes {
		if f := cfg.Fabrics[m.Fabric]; f != nil && (m.Node == node || ends[m.Fabric]) {
			set(&out.Fabrics, m.Fabric, f)
			set(&out.FabricNodes, id, m)
		}
	}
}

func set[T any](m *map[string]T, id string, o T) {
	if *m == nil {
		*m = make(map[string]T)
	}
	(*m)[id] = o
}
