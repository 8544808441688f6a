package kinds

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Validation enforces the bounds, values and references of the rows: each example with one
// property set to a value that its row forbids has a problem with that property.
func TestRowsAreEnforced(t *testing.T) {
	all := examples(t)
	checked := map[string]int{}
	try := func(i int, path string, f model.FieldInfo, field func(v reflect.Value) reflect.Value) {
		for _, wrong := range forbidden(f) {
			messages := with(all, i, f.Types, func(v reflect.Value) { wrong.set(field(v)) })[path]
			checked[wrong.what]++
			if !slices.ContainsFunc(messages, func(m string) bool { return !strings.Contains(m, "option of") }) {
				t.Errorf("%s.%s: %s is let pass: %q", all[i].ObjectKind(), path, wrong.what, messages)
			}
		}
	}
	for i, o := range all {
		for _, f := range model.Fields(o.ObjectKind()) {
			if o.ObjectKind() == model.KindFabricNode && f.Ref == model.KindFabric {
				continue // completed from the ID if missing
			}
			try(i, f.Name, f, func(v reflect.Value) reflect.Value { return v.Field(f.Index) })
			items, _ := f.ItemFields()
			for _, item := range items {
				if len(item.Types) == 0 {
					item.Types = f.Types
				}
				try(i, f.Name+"[0]."+item.Name, item, func(v reflect.Value) reflect.Value {
					if v.Field(f.Index).Len() == 0 {
						v.Field(f.Index).Set(reflect.MakeSlice(f.Go, 1, 1))
						for _, other := range items {
							if len(other.Values) > 0 {
								v.Field(f.Index).Index(0).Field(other.Index).SetString(other.Values[0])
							}
						}
					}
					return v.Field(f.Index).Index(0).Field(item.Index)
				})
			}
		}
	}
	for _, what := range []string{"too small", "too large", "another word", "nothing there", "missing"} {
		if checked[what] < 10 {
			t.Errorf("%q was tried %d times", what, checked[what])
		}
	}
}

// fault is a violation of a row.
type fault struct {
	what string
	set  func(v reflect.Value)
}

// forbidden returns the possible violations of a property's row.
func forbidden(f model.FieldInfo) []fault {
	var out []fault
	number := func(what string, n int) {
		out = append(out, fault{what, func(v reflect.Value) { v.SetInt(int64(n)) }})
	}
	text := func(what, s string) {
		out = append(out, fault{what, func(v reflect.Value) {
			if v.Kind() == reflect.Slice {
				v.Set(reflect.ValueOf([]string{s}))
			} else {
				v.SetString(s)
			}
		}})
	}
	if f.Max != 0 {
		number("too small", -1)
		number("too large", f.Max+1)
		if f.Min > 1 {
			number("too small", f.Min-1)
		}
	}
	if len(f.Values) > 0 {
		text("another word", "another")
	}
	if f.Ref != "" && f.Ref != model.KindNode {
		text("nothing there", "nosuch")
	}
	if f.Required && f.Name != "id" && f.Go.Kind() == reflect.String && f.Ref != model.KindNode {
		text("missing", "")
	}
	return out
}

// with validates the examples with one of them changed, and returns its errors by property.
// The object has one of the types to which the property applies; a fabric node has the
// fabric's type.
func with(all []model.Object, i int, types []string, change func(v reflect.Value)) map[string][]string {
	cfg, live := &model.Config{}, &model.Config{}
	o := copied(all[i])
	if len(types) > 0 {
		setType(o, types[0])
	}
	change(reflect.ValueOf(o).Elem())
	var edits []model.Edit
	for k, other := range all {
		switch {
		case k == i:
			other = o
		case len(types) > 0 && o.ObjectKind() == model.KindFabricNode && other.ObjectKind() == model.KindFabric:
			other = copied(other)
			setType(other, types[0])
		}
		if other.ObjectKind().Revisioned() {
			_ = cfg.Complete(other) // an invalid object is left unchanged
			cfg.Set(other)
		} else {
			live.Set(other)
			edits = append(edits, model.Edit{Put: other})
		}
	}
	out := map[string][]string{}
	for _, p := range slices.Concat(model.Validate(cfg, nil), model.ValidateLive(edits, live, cfg, nil), model.CheckLiveReferences(o, live)) {
		if p.Severity == model.Error && p.Kind == o.ObjectKind() && p.ID == o.ObjectID() {
			out[p.Field] = append(out[p.Field], p.Message)
		}
	}
	return out
}

// copied returns a copy of an object with its own lists.
func copied(o model.Object) model.Object {
	v := reflect.New(reflect.TypeOf(o).Elem())
	v.Elem().Set(reflect.ValueOf(o).Elem())
	for k := range v.Elem().NumField() {
		if f := v.Elem().Field(k); f.Kind() == reflect.Slice {
			f.Set(reflect.AppendSlice(reflect.MakeSlice(f.Type(), 0, f.Len()), f))
		}
	}
	return v.Interface().(model.Object)
}

// setType sets the type of an object, if its kind has types.
func setType(o model.Object, typ string) {
	for _, f := range model.Fields(o.ObjectKind()) {
		if f.Name == o.ObjectKind().Descriptor().TypeProperty {
			reflect.ValueOf(o).Elem().Field(f.Index).SetString(typ)
		}
	}
}

// An option of another type is refused, for every kind with types.
func TestTypesAreEnforced(t *testing.T) {
	tried := 0
	for _, k := range model.Kinds() {
		d := k.Descriptor()
		if d.TypeProperty == "" {
			continue
		}
		for _, f := range model.Fields(k) {
			for _, typ := range typesOf(k) {
				o := model.Named(k, "some")
				setType(o, typ)
				if f.Name == d.TypeProperty || f.Name == "id" || !fill(reflect.ValueOf(o).Elem().Field(f.Index)) {
					continue
				}
				cfg, live := &model.Config{}, &model.Config{}
				cfg.Set(o)
				problems := model.Validate(cfg, nil)
				if d.Live {
					live.Set(o)
					problems = model.ValidateLive([]model.Edit{{Put: o}}, live, &model.Config{}, nil)
				}
				tried++
				refused := slices.ContainsFunc(problems, func(p model.Problem) bool {
					return p.Field == f.Name && strings.HasPrefix(p.Message, "is not an option of") && strings.Contains(p.Message, fmt.Sprintf(" %s %s, only of", typ, k))
				})
				if counts := len(f.Types) == 0 || slices.Contains(f.Types, typ); refused == counts {
					t.Errorf("%s.%s of type %s: refused is %v", k, f.Name, typ, refused)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d tried", tried)
	}
}

// fill sets a non-zero value; false if that is impossible.
func fill(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		v.SetString("some")
	case reflect.Int:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	default:
		return false
	}
	return true
}
