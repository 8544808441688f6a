package pveapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// check finds all faults of a request's parameters, and returns the parameters that the
// operation has, in one form for all forms in which clients send them:
//
//   - a parameter that repeats a path parameter counts once, as in Proxmox
//     (pve-manager, PVE/HTTPServer.pm, rest_handler);
//   - a list given as several values, as a JSON array or under "name[]" is one text
//     with commas (pve-common, PVE/RESTHandler.pm, normalize_legacy_param_formats);
//   - an empty digest counts as absent (PVE::Tools::assert_if_modified), and so does an
//     empty value of an optional parameter whose form does not allow it: on a PUT it
//     clears the option;
//   - "delete" on a request to create has nothing to delete.
func (o *Operation) check(path []string, given schema.Values) (schema.Values, error) {
	faults := Params{}
	got := o.fromPath(path)
	given = o.withoutBrackets(given)
	unknown := 0
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p := o.property(name)
		switch {
		case p == nil && !o.Extra && unknown < maxUnknown:
			unknown++
			faults[short(name, maxName)] = faultUnknown
		case p == nil:
		case got[name] == nil:
			if values, ok := o.normalize(p, given[name]); ok {
				got[name] = values
			}
		case name == o.Renames && len(given[name]) == 1:
			got[name] = append(got[name], given[name][0])
		case len(given[name]) != 1 || !p.Equal(got[name][0], given[name][0]):
			faults[name] = faultTwice
		}
	}
	for i := range o.Params {
		p := &o.Params[i]
		if what := o.fault(p, got); what != "" && faults[p.Name] == "" {
			faults[p.Name] = short(what, maxFault)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if o.Method == http.MethodPost {
		delete(got, deleteList.Name)
	}
	return got, nil
}

// fromPath returns the parameters in a path.
func (o *Operation) fromPath(path []string) schema.Values {
	got := schema.Values{}
	parts := o.parts()
	for i, part := range parts {
		name := parameterName(part)
		switch {
		case name == "":
		case o.Rest && i == len(parts)-1:
			got[name] = []string{strings.Join(path[i:], "/")}
		default:
			got[name] = []string{path[i]}
		}
	}
	return got
}

// withoutBrackets removes the brackets of lists that are sent as "name[]", as PHP and
// HTML forms do.
func (o *Operation) withoutBrackets(given schema.Values) schema.Values {
	out := given.Clone()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		bare, bracketed := strings.CutSuffix(name, "[]")
		p := o.property(bare)
		if bracketed && p != nil && (p.Form == schema.List || p.Form == schema.Array) {
			out[bare] = slices.Concat(out[bare], given[name])
			delete(out, name)
		}
	}
	return out
}

// normalize converts the values of a parameter to the form that handlers expect. ok
// is false for values that count as not given.
func (o *Operation) normalize(p *schema.Property, values []string) (out []string, ok bool) {
	switch {
	case p.Name == digestText.Name && len(values) == 1 && values[0] == "":
		return nil, false
	case p.Form == schema.List && len(values) != 1:
		return []string{strings.Join(values, ",")}, true
	case p.Form == schema.Array && p.Names && !slices.ContainsFunc(values, unclean):
		return append([]string{}, schema.Items(values...)...), true
	case p.Form == schema.Array:
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" }), true
	case o.Method != http.MethodPut && p.Clears(values):
		return nil, false
	}
	return values, true
}

// fault describes the fault of a parameter; empty means none.
func (o *Operation) fault(p *schema.Property, got schema.Values) string {
	values, given := got[p.Name]
	switch {
	case !given && p.Need == 'r':
		return faultMissing
	case !given || p.Clears(values):
		return ""
	case slices.ContainsFunc(values, unclean):
		return faultText
	case p.Name != o.Renames:
		return p.Fault(values)
	}
	for _, v := range values {
		if what := p.Fault([]string{v}); what != "" {
			return what
		}
	}
	return ""
}

// property returns a parameter of the operation, or nil.
func (o *Operation) property(name string) *schema.Property {
	i := slices.IndexFunc(o.Params, func(p schema.Property) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &o.Params[i]
}

// takeDelete makes every create operation accept the "delete" parameter of the matching
// update: the windows of Proxmox VE's web interface send it in both cases.
func takeDelete(table []Operation) []Operation {
	for i := range table {
		op := &table[i]
		if op.Method != http.MethodPost || op.property(deleteList.Name) != nil {
			continue
		}
		if slices.ContainsFunc(table, func(o Operation) bool {
			return o.Method == http.MethodPut && strings.HasPrefix(o.Path, op.Path+"/{") && o.property(deleteList.Name) != nil
		}) {
			nothing := deleteList
			nothing.Doc = "no effect: a new object has no options to remove"
			op.Params = append(slices.Clip(op.Params), nothing)
		}
	}
	return table
}
