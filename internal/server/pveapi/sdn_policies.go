package pveapi

import (
	"maps"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

const prefixListPath = "/cluster/sdn/prefix-lists"

var (
	listID   = schema.Property{Name: "id", Form: schema.Text, Need: 'r', MaxLength: 32, Doc: "name of the prefix list"}
	listRows = schema.Property{Name: "entries", Form: schema.Array, Doc: "entries: action=permit,prefix=10.0.0.0/8,le=32,ge=8,seq=5"}
	rowSeq   = schema.Property{Name: "seq", Form: schema.Integer, Need: 'r', Min: 1, Max: 1<<32 - 1, Doc: "number of the entry"}
)

// rowParams returns the fields of an entry as parameters.
func rowParams(need byte) []schema.Property {
	return []schema.Property{
		{Name: "action", Form: schema.Text, Need: need, Enum: []string{model.ActionPermit, model.ActionDeny}, Doc: "what becomes of the networks"},
		{Name: "prefix", Form: schema.Text, Need: need, Check: prefixFault, Doc: "the network"},
		{Name: "le", Form: schema.Integer, Min: 1, Max: 128, Doc: "longest length of networks inside it"},
		{Name: "ge", Form: schema.Integer, Min: 1, Max: 128, Doc: "shortest length of networks inside it"},
	}
}

func prefixFault(s string) string {
	if _, err := netip.ParsePrefix(s); err != nil {
		return "invalid format - value does not look like a valid CIDR network"
	}
	return ""
}

func (s *sdn) prefixListOperations() []Operation {
	const item = prefixListPath + "/{id}"
	see, may := Need("/sdn/prefix-lists", audit, allocate), Need("/sdn/prefix-lists", allocate)
	return append([]Operation{
		{
			Method: http.MethodGet, Path: prefixListPath, Doc: "List the prefix lists.", Allow: see, Handle: s.listPrefixLists,
			Params: append([]schema.Property{{Name: "verbose", Form: schema.Boolean, Doc: "show the entries too"}}, viewParams...),
		},
		{
			Method: http.MethodPost, Path: prefixListPath, Doc: "Create a prefix list.", Allow: may,
			Params: []schema.Property{listID, listRows, digestText, lockToken},
			Handle: func(c *Call) (any, error) { return s.editPrefixList(c, "adding prefix list", true, c.rows) },
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a prefix list.", Params: append([]schema.Property{listID}, viewParams...), Allow: see,
			Handle: func(c *Call) (any, error) {
				v, l, err := s.prefixList(c)
				if err != nil {
					return nil, err
				}
				return v.showPrefixList(s, l, true), nil
			},
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a prefix list.", Allow: may,
			Params: []schema.Property{listID, listRows, deleteList, digestText, lockToken},
			Handle: func(c *Call) (any, error) { return s.editPrefixList(c, "updating prefix list", false, c.rows) },
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a prefix list.", Params: []schema.Property{listID, lockToken}, Allow: may,
			Handle: func(c *Call) (any, error) {
				return s.change(c, "deleting prefix list", func(v *revision.View) ([]model.Edit, error) {
					if v.Pending.PrefixLists[c.Text("id")] == nil {
						return nil, missingList(c.Text("id"))
					}
					return []model.Edit{{Kind: model.KindPrefixList, ID: c.Text("id")}}, nil
				})
			},
		},
	}, s.rowOperations(see, may)...)
}

// rowOperations are the operations on the entries of prefix lists.
func (s *sdn) rowOperations(see, may Permission) []Operation {
	const rows, row = prefixListPath + "/{id}/entries", prefixListPath + "/{id}/entries/{seq}"
	seq := rowSeq
	seq.Need = 'o'
	return []Operation{
		{
			Method: http.MethodGet, Path: rows, Doc: "List the entries of a prefix list.", Params: []schema.Property{listID}, Allow: see,
			Handle: func(c *Call) (any, error) {
				_, l, err := s.prefixList(c)
				if err != nil {
					return nil, err
				}
				out := []schema.Object{}
				for _, e := range l.Numbered() {
					out = append(out, showRow(e))
				}
				return out, nil
			},
		},
		{
			Method: http.MethodPost, Path: rows, Doc: "Add an entry to a prefix list.", Allow: may,
			Params: append([]schema.Property{listID, seq, lockToken}, rowParams('r')...),
			Handle: func(c *Call) (any, error) {
				return s.editPrefixList(c, "adding prefix list entry", false, func(old []model.PrefixEntry) ([]model.PrefixEntry, error) {
					e, err := c.row(model.PrefixEntry{})
					return append(old, e), err
				})
			},
		},
		{
			Method: http.MethodGet, Path: row, Doc: "Read an entry of a prefix list.", Params: []schema.Property{listID, rowSeq}, Allow: see,
			Handle: func(c *Call) (any, error) {
				_, l, err := s.prefixList(c)
				if err != nil {
					return nil, err
				}
				i := rowAt(l.Numbered(), c.Text("seq"))
				if i < 0 {
					return nil, missingRow(c)
				}
				return showRow(l.Numbered()[i]), nil
			},
		},
		{
			Method: http.MethodPut, Path: row, Doc: "Change an entry of a prefix list.", Allow: may,
			Renames: rowSeq.Name,
			Params:  append([]schema.Property{listID, rowSeq, deleteList, lockToken}, rowParams('o')...),
			Handle:  func(c *Call) (any, error) { return s.editRow(c, "updating prefix list entry", true) },
		},
		{
			Method: http.MethodDelete, Path: row, Doc: "Delete an entry of a prefix list.", Params: []schema.Property{listID, rowSeq, lockToken}, Allow: may,
			Handle: func(c *Call) (any, error) { return s.editRow(c, "deleting prefix list entry", false) },
		},
	}
}

func missingList(id string) error { return schema.Refusal("prefix list '" + id + "' does not exist") }
func missingRow(c *Call) error {
	return schema.Refusal("entry " + c.Text("seq") + " of prefix list '" + c.Text("id") + "' does not exist")
}

func (s *sdn) prefixList(c *Call) (*view, *model.PrefixList, error) {
	v, err := s.view(c)
	if err != nil {
		return nil, nil, err
	}
	l := v.config().PrefixLists[c.Text("id")]
	if l == nil && v.pending {
		l = v.Running.PrefixLists[c.Text("id")]
	}
	if l == nil {
		return nil, nil, missingList(c.Text("id"))
	}
	return v, l, nil
}

func (s *sdn) listPrefixLists(c *Call) (any, error) {
	v, err := s.view(c)
	if err != nil {
		return nil, err
	}
	objects := v.config().List(model.KindPrefixList)
	if v.pending {
		objects = union(v.Running.List(model.KindPrefixList), objects)
	}
	out := []schema.Object{}
	for _, o := range objects {
		out = append(out, v.showPrefixList(s, o.(*model.PrefixList), c.Bool("verbose")))
	}
	return out, nil
}

// showPrefixList shows a list, with its entries if requested.
func (v *view) showPrefixList(s *sdn, l *model.PrefixList, verbose bool) schema.Object {
	out := schema.Object{"id": l.ID}
	running, pending := v.Running.PrefixLists[l.ID], v.Pending.PrefixLists[l.ID]
	shown := l
	if v.pending {
		var change schema.Object
		if shown = running; running == nil {
			shown = &model.PrefixList{}
		}
		out, change = v.stateOf(out, running == nil, pending == nil, !reflect.DeepEqual(running, pending))
		if change != nil && pending != nil && verbose {
			change["entries"] = rowTexts(pending)
		}
	}
	if verbose && len(shown.Entries) > 0 {
		out["entries"] = rowTexts(shown)
	}
	if verbose && !v.pending && !v.running {
		out["digest"] = s.digests.ofObjects(v.Pending, model.KindPrefixList)
	}
	return out
}

// stateOf sets in a pending view whether an object is new, deleted or changed, and
// returns the map for the new values; nil for an unchanged object.
func (v *view) stateOf(out schema.Object, isNew, isGone, differs bool) (shown, change schema.Object) {
	switch {
	case isNew:
		out["state"] = "new"
	case isGone:
		out["state"] = "deleted"
	case differs:
		out["state"] = "changed"
	default:
		return out, nil
	}
	change = schema.Object{}
	out["pending"] = change
	return out, change
}

func rowTexts(l *model.PrefixList) []string {
	out := []string{}
	for _, e := range l.Numbered() {
		out = append(out, schema.ListEntry(e))
	}
	return out
}

func showRow(e model.PrefixEntry) schema.Object {
	o := schema.Object{"action": e.Action, "prefix": e.Prefix.String(), "seq": e.Seq}
	for name, n := range map[string]int{"le": e.Le, "ge": e.Ge} {
		if n != 0 {
			o[name] = n
		}
	}
	return o
}

// rowAt returns the index of the entry with a sequence number.
func rowAt(rows []model.PrefixEntry, seq string) int {
	n, _ := strconv.Atoi(seq) // its form has been checked
	return slices.IndexFunc(rows, func(e model.PrefixEntry) bool { return e.Seq == n })
}

// rows returns the entries that a call gives; without any the old ones, unless they are
// deleted.
func (c *Call) rows(old []model.PrefixEntry) ([]model.PrefixEntry, error) {
	for _, name := range c.List("delete") {
		if name != listRows.Name {
			return nil, schema.Refusal("no such option '" + name + "'")
		}
		old = nil
	}
	if !c.Given(listRows.Name) {
		return old, nil
	}
	out := []model.PrefixEntry{}
	for _, text := range c.Params[listRows.Name] {
		e, err := schema.ParseListEntry(text)
		if err != nil {
			return nil, schema.Faults{listRows.Name: err.Error()}
		}
		out = append(out, e)
	}
	return out, nil
}

// row returns an entry with the values of a call.
func (c *Call) row(e model.PrefixEntry) (model.PrefixEntry, error) {
	for _, name := range c.List("delete") {
		switch name {
		case "le":
			e.Le = 0
		case "ge":
			e.Ge = 0
		default:
			return e, schema.Refusal("unable to delete required option '" + name + "'")
		}
	}
	if c.Has("action") {
		e.Action = c.Text("action")
	}
	if c.Has("prefix") {
		e.Prefix, _ = netip.ParsePrefix(c.Text("prefix")) // its form has been checked
	}
	for name, into := range map[string]*int{"le": &e.Le, "ge": &e.Ge, "seq": &e.Seq} {
		if c.Has(name) {
			*into, _ = strconv.Atoi(c.Text(name)) // its form has been checked
		}
	}
	return e, nil
}

// editPrefixList stores a list with other entries.
func (s *sdn) editPrefixList(c *Call, what string, create bool, rows func(old []model.PrefixEntry) ([]model.PrefixEntry, error)) (any, error) {
	id := c.Text("id")
	return s.change(c, what, func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.PrefixLists[id]
		switch {
		case create && old != nil:
			return nil, schema.Refusal("prefix list '" + id + "' already defined")
		case !create && old == nil:
			return nil, missingList(id)
		}
		if err := c.unmodified(s.digests.ofObjects(v.Pending, model.KindPrefixList)); err != nil {
			return nil, err
		}
		l := &model.PrefixList{ID: id}
		if old != nil {
			l.Entries = old.Numbered()
		}
		var err error
		l.Entries, err = rows(l.Entries)
		l.Entries = l.Numbered()
		return []model.Edit{{Put: l}}, err
	})
}

// editRow changes or deletes an entry.
func (s *sdn) editRow(c *Call, what string, keep bool) (any, error) {
	return s.editPrefixList(c, what, false, func(old []model.PrefixEntry) ([]model.PrefixEntry, error) {
		i := rowAt(old, c.Text("seq"))
		if i < 0 {
			return nil, missingRow(c)
		}
		if !keep {
			return slices.Delete(slices.Clone(old), i, i+1), nil
		}
		e, err := c.row(old[i])
		if err != nil {
			return nil, err
		}
		number := c.Renamed()
		if at := rowAt(old, number); at >= 0 && at != i {
			return nil, schema.Refusal("entry " + number + " of prefix list '" + c.Text("id") + "' already exists")
		}
		e.Seq, _ = strconv.Atoi(number) // its form has been checked
		out := slices.Clone(old)
		out[i] = e
		return out, nil
	})
}

// matchKeys and setKeys return the possible keys of route map clauses, sorted.
func matchKeys() []string { return slices.Sorted(maps.Keys(model.MatchKeys)) }
func setKeys() []string   { return slices.Sorted(maps.Keys(model.SetKeys)) }
