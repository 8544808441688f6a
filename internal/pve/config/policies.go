package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// policy describes the sections of prefix lists or route maps.
type policy struct {
	kind model.Kind
	// key is that of the running configuration, typ the type of a section.
	key, typ string
	// arrays may be on several lines; single are the others.
	arrays, single []string
}

var policyOf = map[string]policy{
	filePrefixLists: {model.KindPrefixList, "prefix-lists", "prefix-list", []string{"entries"}, nil},
	fileRouteMaps:   {model.KindRouteMap, "route-maps", "route-map-entry", []string{"match", "set"}, []string{"action", "call", "exit-action"}},
}

// policies reads prefix lists and route maps with the reader of the running
// configuration. One with an unreadable part is left out as a whole: without an entry it
// would permit what that entry denies.
func (r *reader) policies(file string, sections []section.Section) {
	p := policyOf[file]
	ids := map[string]map[string]any{}
	at := map[string]place{} // of sections
	for _, s := range sections {
		at[s.ID] = place{file, s.Line, s.Lines}
		id := p.objectID(s.ID)
		if _, known := r.dir.places[model.Ref(p.kind, id)]; !known {
			r.dir.places[model.Ref(p.kind, id)] = at[s.ID]
		}
		if fault := p.fault(&s); fault.Message != "" {
			r.leaveOutFor(at[s.ID], p.kind, id, fault)
			continue
		}
		o := map[string]any{"id": s.ID, "type": s.Type}
		for name, values := range s.Values {
			if o[name] = values; slices.Contains(p.single, name) {
				o[name] = values[0]
			}
		}
		ids[s.ID] = o
	}
	b, err := json.Marshal(map[string]any{p.key: map[string]any{"ids": ids}})
	if err != nil {
		panic(err) // texts only
	}
	run, problems, err := running.Parse(b)
	if err != nil {
		panic(err) // it was encoded just now
	}
	for _, f := range problems {
		r.leaveOutFor(at[f.ID], p.kind, p.objectID(f.ID), f)
	}
	put := func(o model.Object) {
		if ref := model.Ref(p.kind, o.ObjectID()); !r.dir.left[ref] {
			r.put(o, r.dir.places[ref])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(run.PrefixLists)) {
		put(run.PrefixLists[id])
	}
	for _, id := range slices.Sorted(maps.Keys(run.RouteMaps)) {
		put(run.RouteMaps[id])
	}
}

// objectID returns the ID of a section's object: a route map's sections are its entries,
// "<id>_<order>".
func (p *policy) objectID(section string) string {
	if i := strings.LastIndexByte(section, '_'); p.kind == model.KindRouteMap && i > 0 {
		return section[:i]
	}
	return section
}

// fault returns the fault in a section's form; without a message there is none.
func (p *policy) fault(s *section.Section) model.Problem {
	if s.Type != p.typ {
		return model.NewProblem("", "", "", "type", s.Type, msgPolicyType.Of(p.typ))
	}
	if s.Broken != "" {
		return model.NewProblem("", "", "", "text", s.Broken, msgPolicyLine.Of())
	}
	for _, name := range schema.Values(s.Values).Names() {
		values := s.Values[name]
		switch {
		case slices.Contains(p.arrays, name):
		case !slices.Contains(p.single, name):
			return model.NewProblem("", "", "", name, strings.Join(values, ", "), msgPolicyOption.Of())
		case len(values) > 1:
			return model.NewProblem("", "", "", name, values[1], msgPolicyOptionRepeated.Of())
		}
	}
	return model.Problem{}
}
