package pveapi

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

var (
	mapID    = schema.Property{Name: "route-map-id", Form: schema.Text, Need: 'r', MaxLength: 32, Doc: "name of the route map"}
	mapOrder = schema.Property{Name: "order", Form: schema.Integer, Need: 'r', Min: 0, Max: 65535, Doc: "place of the entry in the map"}
)

// stepParams returns the fields of a route map entry as parameters.
func stepParams(need byte) []schema.Property {
	return []schema.Property{
		{Name: "action", Form: schema.Text, Need: need, Enum: []string{model.ActionPermit, model.ActionDeny}, Doc: "what becomes of the routes"},
		{Name: "match", Form: schema.Array, Doc: "conditions: key=vni,value=10100"},
		{Name: "set", Form: schema.Array, Doc: "changes: key=local-preference,value=200"},
		{Name: "call", Form: schema.Text, MaxLength: 32, Doc: "route map that must permit the route too"},
		{Name: "exit-action", Form: schema.Text, Doc: "where to go on after a match: key=on-match-goto,value=20"},
	}
}

func (s *sdn) routeMapOperations() []Operation {
	const all = "/cluster/sdn/route-maps"
	const entries, some, item = all + "/entries", all + "/entries/{route-map-id}", all + "/entries/{route-map-id}/entry/{order}"
	see, may := Need("/sdn/route-maps", audit, allocate), Need("/sdn/route-maps", allocate)
	list := s.viewing(func(c *Call, v *view) (any, error) {
		return v.steps(c.Text(mapID.Name)), nil
	})
	return []Operation{
		{
			Method: http.MethodGet, Path: all, Doc: "List the route maps.", Params: slices.Clone(viewParams), Allow: see,
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				out := []schema.Object{}
				for _, o := range v.config().List(model.KindRouteMap) {
					out = append(out, schema.Object{"id": o.ObjectID()})
				}
				return out, nil
			}),
		},
		{Method: http.MethodGet, Path: entries, Doc: "List the entries of all route maps.", Params: slices.Clone(viewParams), Allow: see, Handle: list},
		{
			Method: http.MethodPost, Path: entries, Doc: "Add an entry to a route map, which is made if it is not there.", Allow: withReferences(model.KindRouteMap, may),
			Params: append([]schema.Property{mapID, mapOrder, digestText, lockToken}, stepParams('r')...),
			Handle: func(c *Call) (any, error) {
				return s.editStep(c, "adding route map entry", func(m *model.RouteMap, at int) error {
					if at >= 0 {
						return schema.Refusal("route map entry '" + schema.EntryName(m.ID, m.Entries[at].Order) + "' already defined")
					}
					e, err := c.step(model.RouteMapEntry{Order: c.order()})
					m.Entries = append(m.Entries, e)
					return err
				})
			},
		},
		{
			Method: http.MethodGet, Path: some, Doc: "List the entries of a route map.",
			Params: append([]schema.Property{mapID}, viewParams...), Allow: see, Handle: list,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read an entry of a route map.", Params: append([]schema.Property{mapID, mapOrder}, viewParams...), Allow: see,
			Handle: s.readStep,
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change an entry of a route map.", Allow: withReferences(model.KindRouteMap, may),
			Params: append([]schema.Property{mapID, mapOrder, deleteList, digestText, lockToken}, stepParams('o')...),
			Handle: func(c *Call) (any, error) {
				return s.editStep(c, "updating route map entry", func(m *model.RouteMap, at int) (err error) {
					if at < 0 {
						return c.missingStep()
					}
					m.Entries[at], err = c.step(m.Entries[at])
					return err
				})
			},
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete an entry of a route map.", Params: []schema.Property{mapID, mapOrder, lockToken}, Allow: may,
			Handle: func(c *Call) (any, error) {
				return s.editStep(c, "deleting route map entry", func(m *model.RouteMap, at int) error {
					if at < 0 {
						return c.missingStep()
					}
					m.Entries = slices.Delete(m.Entries, at, at+1)
					return nil
				})
			},
		},
	}
}

func (s *sdn) readStep(c *Call) (any, error) {
	v, err := s.view(c)
	if err != nil {
		return nil, err
	}
	for _, o := range v.steps(c.Text(mapID.Name)) {
		if o["order"] != c.order() {
			continue
		}
		if !v.pending && !v.running {
			o["digest"] = s.digests.ofObjects(v.Pending, model.KindRouteMap)
		}
		return o, nil
	}
	return nil, c.missingStep()
}

func (c *Call) order() int {
	n, _ := strconv.Atoi(c.Text(mapOrder.Name)) // its form has been checked
	return n
}

func (c *Call) missingStep() error {
	return schema.Refusal("route map entry '" + schema.EntryName(c.Text(mapID.Name), c.order()) + "' does not exist")
}

// steps shows the entries of one route map, or of all.
func (v *view) steps(id string) []schema.Object {
	objects := v.config().List(model.KindRouteMap)
	if v.pending {
		objects = union(v.Running.List(model.KindRouteMap), objects)
	}
	out := []schema.Object{}
	for _, o := range objects {
		if id != "" && o.ObjectID() != id {
			continue
		}
		if !v.pending {
			for _, e := range o.(*model.RouteMap).Ordered() {
				out = append(out, showStep(o.ObjectID(), &e))
			}
			continue
		}
		out = append(out, v.pendingSteps(o.ObjectID())...)
	}
	return out
}

// pendingSteps shows the changes of a map's entries.
func (v *view) pendingSteps(id string) []schema.Object {
	running, pending := stepsOf(v.Running.RouteMaps[id]), stepsOf(v.Pending.RouteMaps[id])
	orders := map[int]bool{}
	for _, m := range []map[int]*model.RouteMapEntry{running, pending} {
		for order := range m {
			orders[order] = true
		}
	}
	out := []schema.Object{}
	for order := range orders {
		was, is := running[order], pending[order]
		o := schema.Object{"id": schema.EntryName(id, order), "route-map-id": id, "order": order}
		if was != nil {
			o = showStep(id, was)
		}
		o, change := v.stateOf(o, was == nil, is == nil, !reflect.DeepEqual(was, is))
		if change != nil && is != nil {
			for name, value := range showStep(id, is) {
				if was == nil || !reflect.DeepEqual(o[name], value) {
					change[name] = value
				}
			}
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b schema.Object) int { return a["order"].(int) - b["order"].(int) })
	return out
}

// stepsOf returns a map's entries by their order; nil has none.
func stepsOf(m *model.RouteMap) map[int]*model.RouteMapEntry {
	out := map[int]*model.RouteMapEntry{}
	if m != nil {
		for i := range m.Entries {
			out[m.Entries[i].Order] = &m.Entries[i]
		}
	}
	return out
}

func showStep(id string, e *model.RouteMapEntry) schema.Object {
	o := schema.Object{"id": schema.EntryName(id, e.Order), "route-map-id": id, "order": e.Order, "action": e.Action}
	for name, clauses := range map[string][]string{"match": e.Match, "set": e.Set} {
		texts := []string{}
		for _, c := range clauses {
			texts = append(texts, schema.Clause(c))
		}
		if len(texts) > 0 {
			o[name] = texts
		}
	}
	if e.Call != "" {
		o["call"] = e.Call
	}
	if e.ExitAction != "" {
		o["exit-action"] = schema.Clause(e.ExitAction)
	}
	return o
}

// step returns an entry with the values of a call.
func (c *Call) step(e model.RouteMapEntry) (model.RouteMapEntry, error) {
	for _, name := range c.List("delete") {
		switch name {
		case "match":
			e.Match = nil
		case "set":
			e.Set = nil
		case "call":
			e.Call = ""
		case "exit-action":
			e.ExitAction = ""
		default:
			return e, schema.Refusal("unable to delete required option '" + name + "'")
		}
	}
	if c.Has("action") {
		e.Action = c.Text("action")
	}
	if c.Has("call") {
		e.Call = c.Text("call")
	}
	for _, part := range []struct {
		name string
		keys []string
		into *[]string
	}{{"match", matchKeys(), &e.Match}, {"set", setKeys(), &e.Set}} {
		if !c.Given(part.name) {
			continue
		}
		*part.into = nil
		for _, text := range c.Params[part.name] {
			clause, err := schema.ParseClause(text, part.keys)
			if err != nil {
				return e, schema.Faults{part.name: err.Error()}
			}
			*part.into = append(*part.into, clause)
		}
	}
	if c.Given("exit-action") {
		e.ExitAction = ""
	}
	if c.Text("exit-action") != "" {
		clause, err := schema.ParseClause(c.Text("exit-action"), []string{model.ExitContinue, model.ExitGoto, model.ExitNext})
		if err != nil {
			return e, schema.Faults{"exit-action": err.Error()}
		}
		e.ExitAction = clause
	}
	return e, nil
}

// editStep changes the entries of a route map; at is the index of the one that the
// call names, or -1. A map without entries does not exist.
func (s *sdn) editStep(c *Call, what string, edit func(m *model.RouteMap, at int) error) (any, error) {
	return s.change(c, what, func(v *revision.View) ([]model.Edit, error) {
		if err := c.unmodified(s.digests.ofObjects(v.Pending, model.KindRouteMap)); err != nil {
			return nil, err
		}
		m := &model.RouteMap{ID: c.Text(mapID.Name)}
		if old := v.Pending.RouteMaps[m.ID]; old != nil {
			m.Entries = slices.Clone(old.Entries)
		}
		at := slices.IndexFunc(m.Entries, func(e model.RouteMapEntry) bool { return e.Order == c.order() })
		if err := edit(m, at); err != nil {
			return nil, err
		}
		if len(m.Entries) == 0 {
			return []model.Edit{{Kind: model.KindRouteMap, ID: m.ID}}, nil
		}
		return []model.Edit{{Put: m}}, nil
	})
}
