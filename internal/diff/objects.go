package diff

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Objects returns the differences of two configurations: first created or updated
// objects, in dependency order, then deleted ones, in reverse, and within a kind sorted
// by ID. Equal configurations have no difference. Objects that both share are not
// compared, so the cost is that of walking the maps.
func Objects(old, new *model.Config) []Change {
	var puts, deletes []Change
	for _, k := range model.Kinds() {
		p, d := objectsOf(k, old, new)
		puts, deletes = append(puts, p...), append(d, deletes...)
	}
	return append(puts, deletes...)
}

// Count is the number of differences that Objects would return.
func Count(old, new *model.Config) int {
	n := 0
	for _, k := range model.Kinds() {
		for o, changed := range old.Differing(k, new) {
			if Object(o, changed) != nil {
				n++
			}
		}
	}
	return n
}

// objectsOf compares the objects of one kind: puts are created or updated ones, deletes
// are deleted ones, each sorted by ID.
func objectsOf(k model.Kind, old, new *model.Config) (puts, deletes []Change) {
	for o, n := range old.Differing(k, new) {
		c := Object(o, n)
		switch {
		case c == nil:
		case c.Action == Delete:
			deletes = append(deletes, *c)
		default:
			puts = append(puts, *c)
		}
	}
	byName := func(a, b Change) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(puts, byName)
	slices.SortFunc(deletes, byName)
	return puts, deletes
}

// Object returns the difference of two states of one object; nil is one that does not
// exist. It returns nil if nothing differs.
func Object(old, new model.Object) *Change {
	if old == new {
		return nil
	}
	c := &Change{}
	switch {
	case old == nil:
		c.Action, c.Type, c.Name = Create, string(new.ObjectKind()), new.ObjectID()
	case new == nil:
		c.Action, c.Type, c.Name = Delete, string(old.ObjectKind()), old.ObjectID()
	default:
		c.Action, c.Type, c.Name = Update, string(new.ObjectKind()), new.ObjectID()
	}
	c.Fields = fields(old, new)
	if c.Action == Update && len(c.Fields) == 0 {
		return nil
	}
	return c
}

// fields compares the properties of two objects of one type, either of which may be nil,
// in the type's order of declaration. Those of a deleted object are not listed: its name
// is sufficient.
func fields(old, new model.Object) []Field {
	if new == nil {
		return nil
	}
	n := reflect.ValueOf(new).Elem()
	var o reflect.Value
	if old != nil {
		o = reflect.ValueOf(old).Elem()
	} else {
		o = reflect.Zero(n.Type())
	}
	var out []Field
	for i := range n.NumField() {
		name := property(n.Type().Field(i))
		if name == "id" { // the change has it as name
			continue
		}
		f := Field{Name: name, Old: plain(o.Field(i)), New: plain(n.Field(i))}
		if was, secret := o.Field(i).Interface().(model.Secret); secret && f.Old == f.New && was != n.Field(i).Interface() {
			f.New = "(another secret)"
		}
		if f.Old != f.New {
			out = append(out, f)
		}
	}
	return out
}

// property is the name of a field as written in a manifest.
func property(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// plain formats a value as an operator would write it, and as `viaduct set` accepts it;
// an unset value is empty. Different values have different forms.
func plain(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	if s, ok := v.Interface().(fmt.Stringer); ok { // addresses and networks
		return s.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = plain(v.Index(i))
		}
		return strings.Join(parts, ", ")
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			if s := item(v.Field(i)); s != "" {
				parts = append(parts, property(v.Type().Field(i))+"="+s)
			}
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v.Interface())
}

// item formats a property of a structure inside a list: text that would be split there
// is quoted.
func item(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = item(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	s := plain(v)
	if v.Kind() == reflect.String && strings.ContainsAny(s, ",; \"\t\n\r\x00") {
		return strconv.Quote(s)
	}
	return s
}
