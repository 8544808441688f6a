package pveapi

import (
	"net/http"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

func (s *sdn) controllerOperations() []Operation {
	k := schema.Controllers()
	const item = "/cluster/sdn/controllers/{controller}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: "/cluster/sdn/controllers", Doc: "List the controllers.",
			Params: append([]schema.Property{typed(k, "type", 'o')}, viewParams...),
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				return s.list(v, k, func(o model.Object) bool {
					ctl := o.(*model.Controller)
					return (!c.Has("type") || c.Text("type") == string(ctl.Type)) && c.May("/sdn/controllers/"+ctl.ID, audit, allocate)
				}, nil), nil
			}),
		},
		{
			Method: http.MethodPost, Path: "/cluster/sdn/controllers", Doc: "Create a controller.",
			Params: append([]schema.Property{idParam(k, true), typed(k, "type", 'r'), lockToken}, optional(k)...),
			Allow:  withReferences(model.KindController, Need("/sdn/controllers", allocate)), Handle: s.createController,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a controller.",
			Params: append([]schema.Property{id}, viewParams...), Allow: Need("/sdn/controllers/{controller}", allocate),
			Handle: s.reading(k, nil),
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a controller.",
			Params: append([]schema.Property{id, digestText, deleteList, lockToken}, optional(k)...),
			Allow:  withReferences(model.KindController, Need("/sdn/controllers", allocate)), Handle: s.updateController,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a controller.",
			Params: []schema.Property{id, lockToken}, Allow: Need("/sdn/controllers", allocate),
			Handle: func(c *Call) (any, error) {
				return s.change(c, "delete sdn controller object", func(v *revision.View) ([]model.Edit, error) {
					id := c.Text("controller")
					if v.Pending.Controllers[id] == nil {
						return nil, k.Missing(id)
					}
					return []model.Edit{{Kind: k.Model, ID: id}}, schema.CheckControllerDelete(v.Pending, id)
				})
			},
		},
	}
}

func (s *sdn) createController(c *Call) (any, error) {
	k := schema.Controllers()
	id, typ, given := c.Text("controller"), c.Text("type"), c.given(k)
	if err := k.Options(typ, given); err != nil {
		return nil, err
	}
	return s.change(c, "create sdn controller object", func(v *revision.View) ([]model.Edit, error) {
		if v.Pending.Controllers[id] != nil {
			return nil, k.Defined(id)
		}
		ctl := &model.Controller{ID: id, Type: model.ControllerType(typ)}
		if err := k.Put(ctl, given); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: ctl}}, schema.CheckController(v.Pending, ctl)
	})
}

func (s *sdn) updateController(c *Call) (any, error) {
	k := schema.Controllers()
	id := c.Text("controller")
	return s.change(c, "update sdn controller object", func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.Controllers[id]
		if old == nil {
			return nil, k.Missing(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		ctl := &model.Controller{ID: id, Type: old.Type}
		if err := changed(c, k, old, ctl, string(old.Type)); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: ctl}}, schema.CheckController(v.Pending, ctl)
	})
}
