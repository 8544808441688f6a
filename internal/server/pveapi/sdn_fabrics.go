package pveapi

import (
	"net/http"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// The privileges on nodes that changes of fabrics need.
const (
	sysModify access.Privilege = "Sys.Modify"
	sysAudit  access.Privilege = "Sys.Audit"
)

func fabricPath(id string) string { return "/sdn/fabrics/" + id }
func nodePath(id string) string   { return "/nodes/" + id }

func (s *sdn) fabricOperations() []Operation {
	k := schema.Fabrics()
	const all, item = "/cluster/sdn/fabrics/fabric", "/cluster/sdn/fabrics/fabric/{id}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: "/cluster/sdn/fabrics/all", Doc: "List the fabrics and their nodes.", Params: slices.Clone(viewParams), Extra: true,
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				return map[string]any{"fabrics": s.listFabrics(c, v), "nodes": s.listNodes(c, v, "")}, nil
			}),
		},
		{
			Method: http.MethodGet, Path: all, Doc: "List the fabrics.", Params: slices.Clone(viewParams), Extra: true,
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				return s.listFabrics(c, v), nil
			}),
		},
		{
			Method: http.MethodPost, Path: all, Doc: "Create a fabric.", Extra: true,
			Params: append([]schema.Property{idParam(k, true), typed(k, "protocol", 'r'), digestText, lockToken}, optional(k)...),
			Allow:  withReferences(model.KindFabric, Need("/sdn/fabrics", allocate)), Handle: s.createFabric,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a fabric.", Extra: true,
			Params: []schema.Property{id}, Allow: Need("/sdn/fabrics/{id}", audit, allocate),
			Handle: s.reading(k, protocolForType),
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a fabric.", Extra: true,
			Params: append([]schema.Property{id, typed(k, "protocol", 'r'), digestText, deleteList, lockToken}, optional(k)...),
			Allow:  withReferences(model.KindFabric, Need("/sdn/fabrics/{id}", allocate)), Handle: s.updateFabric,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a fabric and its nodes.", Extra: true,
			Params: []schema.Property{id, lockToken}, Allow: Need("/sdn/fabrics/{id}", allocate), Handle: s.deleteFabric,
		},
	}
}

// protocolForType renames the type of a fabric or a node as the API does.
func protocolForType(_ model.Object, out schema.Object) {
	out["protocol"] = out["type"]
	delete(out, "type")
}

func (s *sdn) listFabrics(c *Call, v *view) rows {
	return s.list(v, schema.Fabrics(), func(o model.Object) bool { return c.May(fabricPath(o.ObjectID()), audit, allocate) }, protocolForType)
}

func (s *sdn) createFabric(c *Call) (any, error) {
	k := schema.Fabrics()
	id, typ, given := c.Text("id"), c.Text("protocol"), c.given(k)
	if err := k.Options(typ, given); err != nil {
		return nil, failed("adding fabric", err)
	}
	return s.change(c, "adding fabric", func(v *revision.View) ([]model.Edit, error) {
		if v.Pending.Fabrics[id] != nil {
			return nil, k.Defined(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		f := &model.Fabric{ID: id, Protocol: model.FabricProtocol(typ)}
		if err := k.Put(f, given); err != nil {
			return nil, err
		}
		canonical(f)
		return []model.Edit{{Put: f}}, nil
	})
}

// canonical clears the host bits of a fabric's networks, as Proxmox stores them.
func canonical(f *model.Fabric) {
	f.IPPrefix, f.IP6Prefix = f.IPPrefix.Masked(), f.IP6Prefix.Masked()
}

func (s *sdn) updateFabric(c *Call) (any, error) {
	k := schema.Fabrics()
	id := c.Text("id")
	return s.change(c, "updating fabric", func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.Fabrics[id]
		if old == nil {
			return nil, k.Missing(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		if c.Text("protocol") != string(old.Protocol) {
			return nil, schema.Refusal("fabric '" + id + "' has protocol " + string(old.Protocol) + ", which cannot be changed")
		}
		f := &model.Fabric{ID: id, Protocol: old.Protocol}
		if err := changed(c, k, old, f, string(old.Protocol)); err != nil {
			return nil, err
		}
		canonical(f)
		return []model.Edit{{Put: f}}, nil
	})
}

func (s *sdn) deleteFabric(c *Call) (any, error) {
	k := schema.Fabrics()
	id := c.Text("id")
	return s.change(c, "deleting fabric", func(v *revision.View) ([]model.Edit, error) {
		if v.Pending.Fabrics[id] == nil {
			return nil, k.Missing(id)
		}
		edits := []model.Edit{{Kind: k.Model, ID: id}}
		for _, nid := range sortedKeys(v.Pending.FabricNodes) {
			if n := v.Pending.FabricNodes[nid]; n.Fabric == id {
				if err := c.Need(nodePath(n.Node), sysModify); err != nil {
					return nil, err
				}
				edits = append(edits, model.Edit{Kind: model.KindFabricNode, ID: nid})
			}
		}
		return edits, schema.CheckFabricDelete(v.Pending, id)
	})
}

func (s *sdn) fabricNodeOperations() []Operation {
	k := schema.FabricNodes()
	const all, some, item = "/cluster/sdn/fabrics/node", "/cluster/sdn/fabrics/node/{fabric_id}", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}"
	fabric := schema.Property{Name: "fabric_id", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "name of the fabric"}
	node := schema.Property{Name: "node_id", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "name of the node"}
	list := s.viewing(func(c *Call, v *view) (any, error) {
		return s.listNodes(c, v, c.Text("fabric_id")), nil
	})
	change := All(Need("/sdn/fabrics/{fabric_id}", allocate), Need("/nodes/{node_id}", sysModify))
	return []Operation{
		{Method: http.MethodGet, Path: all, Doc: "List the nodes of all fabrics.", Params: slices.Clone(viewParams), Extra: true, Handle: list},
		{
			Method: http.MethodGet, Path: some, Doc: "List the nodes of a fabric.",
			Params: append([]schema.Property{fabric}, viewParams...), Extra: true, Handle: list,
		},
		{
			Method: http.MethodPost, Path: some, Doc: "Add a node to a fabric.", Extra: true,
			Params: append([]schema.Property{fabric, node, typed(k, "protocol", 'r'), digestText, lockToken}, optional(k)...),
			Allow:  change, Handle: s.createFabricNode,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a node of a fabric.", Params: []schema.Property{fabric, node}, Extra: true,
			Allow: All(Need("/sdn/fabrics/{fabric_id}", audit, allocate), Need("/nodes/{node_id}", sysAudit, sysModify)),
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				o, err := find(v, k, model.FabricNodeID(c.Text("fabric_id"), c.Text("node_id")))
				if err != nil {
					return nil, err
				}
				return s.show(v, k, o, s.digest(v, k), v.decorateFabricNode), nil
			}),
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a node of a fabric.", Extra: true,
			Params: append([]schema.Property{fabric, node, typed(k, "protocol", 'r'), digestText, deleteList, lockToken}, optional(k)...),
			Allow:  change, Handle: s.updateFabricNode,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Remove a node from a fabric.", Extra: true,
			Params: []schema.Property{fabric, node, lockToken}, Allow: change,
			Handle: func(c *Call) (any, error) {
				id := model.FabricNodeID(c.Text("fabric_id"), c.Text("node_id"))
				return s.change(c, "deleting node", func(v *revision.View) ([]model.Edit, error) {
					if v.Pending.FabricNodes[id] == nil {
						return nil, k.Missing(id)
					}
					return []model.Edit{{Kind: k.Model, ID: id}}, nil
				})
			},
		},
	}
}

// listNodes lists the nodes of one fabric, or of all fabrics.
func (s *sdn) listNodes(c *Call, v *view, fabric string) rows {
	return s.list(v, schema.FabricNodes(), func(o model.Object) bool {
		n := o.(*model.FabricNode)
		return (fabric == "" || n.Fabric == fabric) && c.May(fabricPath(n.Fabric), audit, allocate) && c.May(nodePath(n.Node), sysAudit, sysModify)
	}, v.decorateFabricNode)
}

// decorateFabricNode names the fabric and the node instead of the section, and adds the
// fabric's protocol.
func (v *view) decorateFabricNode(o model.Object, out schema.Object) {
	n := o.(*model.FabricNode)
	delete(out, "id")
	out["fabric_id"], out["node_id"] = n.Fabric, n.Node
	for _, cfg := range []*model.Config{v.config(), v.Running} {
		if f := cfg.Fabrics[n.Fabric]; f != nil {
			out["protocol"] = string(f.Protocol)
			return
		}
	}
}

// protocol returns the protocol that a request for a node names, which must be the
// fabric's.
func (c *Call) protocol(cfg *model.Config) (string, error) {
	f := cfg.Fabrics[c.Text("fabric_id")]
	switch {
	case f == nil:
		return "", schema.Fabrics().Missing(c.Text("fabric_id"))
	case string(f.Protocol) != c.Text("protocol"):
		return "", schema.Refusal("protocol '" + c.Text("protocol") + "' of node '" + c.Text("node_id") + "' does not match that of fabric '" + f.ID + "', which is " + string(f.Protocol))
	}
	return string(f.Protocol), nil
}

func (s *sdn) createFabricNode(c *Call) (any, error) {
	k := schema.FabricNodes()
	id, given := model.FabricNodeID(c.Text("fabric_id"), c.Text("node_id")), c.given(k)
	return s.change(c, "adding node", func(v *revision.View) ([]model.Edit, error) {
		protocol, err := c.protocol(v.Pending)
		if err != nil {
			return nil, err
		}
		if v.Pending.FabricNodes[id] != nil {
			return nil, k.Defined(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		if err := k.Options(protocol, given); err != nil {
			return nil, err
		}
		n := &model.FabricNode{ID: id, Fabric: c.Text("fabric_id"), Node: c.Text("node_id")}
		if err := k.Put(n, given); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: n}}, s.assignKeys(c, protocol, nil, n)
	})
}

func (s *sdn) updateFabricNode(c *Call) (any, error) {
	k := schema.FabricNodes()
	id := model.FabricNodeID(c.Text("fabric_id"), c.Text("node_id"))
	return s.change(c, "updating node", func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.FabricNodes[id]
		if old == nil {
			return nil, k.Missing(id)
		}
		protocol, err := c.protocol(v.Pending)
		if err != nil {
			return nil, err
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		n := &model.FabricNode{ID: id, Fabric: old.Fabric, Node: old.Node}
		if err := changed(c, k, old, n, protocol); err != nil {
			return nil, err
		}
		if err := keepsRole(protocol, old, n); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: n}}, s.assignKeys(c, protocol, old, n)
	})
}
