package model

import (
	"reflect"
	"slices"
	"strconv"
)

// Reference is a reference from an object to another.
type Reference struct {
	Kind Kind
	ID   string
	// As is the object's name for the reference; empty where the kind is clear enough.
	As string
	// Field is the property that refers: "redistribute[0].route-map".
	Field string
}

// References lists the objects that an object refers to, in the order of its properties and
// without duplicates. Nodes are included only if the object is on a single one.
func References(o Object) []Reference {
	d := descriptorOf(o)
	if d == nil {
		return nil
	}
	var out []Reference
	seen := map[Reference]bool{}
	eachReference(d, o, func(r Reference) bool {
		if key := (Reference{Kind: r.Kind, ID: r.ID, As: r.As}); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
		return true
	})
	return out
}

// eachReference iterates over the references of an object until yield returns false.
func eachReference(d *Descriptor, o Object, yield func(Reference) bool) {
	if !rowReferences(d.fields, reflect.ValueOf(o).Elem(), Reference{}, yield) || d.refs == nil {
		return
	}
	for _, r := range d.refs(o) {
		if r.ID != "" && !yield(r) {
			return
		}
	}
}

// rowReferences iterates over the references in the properties of a struct. The name of a list
// item and its path are in at. It reports whether yield wants more.
func rowReferences(fields []FieldInfo, v reflect.Value, at Reference, yield func(Reference) bool) bool {
	for i := range fields {
		f := &fields[i]
		value := v.Field(f.Index)
		if value.IsZero() || f.Ref == KindNode && f.Type == FieldTexts {
			continue
		}
		if f.Items != nil {
			if !itemReferences(f, value, yield) {
				return false
			}
			continue
		}
		for _, r := range f.references(value) {
			if r.As, r.Field = at.As, at.Field+f.Name; r.ID != "" && !yield(r) {
				return false
			}
		}
	}
	return true
}

func itemReferences(f *FieldInfo, list reflect.Value, yield func(Reference) bool) bool {
	if len(refKindsOf(f.items)) == 0 {
		return true
	}
	for k := range list.Len() {
		item, at := list.Index(k), Reference{Field: f.Name + "[" + strconv.Itoa(k) + "]."}
		if f.Items.Named {
			at.As = item.Field(f.items[indexOfField(f.items, f.Items.Key)].Index).String()
		}
		if !rowReferences(f.items, item, at, yield) {
			return false
		}
	}
	return true
}

// references returns the references in a value of the property.
func (f *FieldInfo) references(v reflect.Value) []Reference {
	if f.Ref == "" && f.Refs == nil {
		return nil
	}
	var out []Reference
	for _, text := range textsOf(v) {
		if f.Ref != "" {
			out = append(out, Reference{Kind: f.Ref, ID: text})
		} else {
			out = append(out, f.Refs.Of(text)...)
		}
	}
	return out
}

// refKindsOf returns the kinds that properties refer to.
func refKindsOf(fields []FieldInfo) []Kind {
	var out []Kind
	for i := range fields {
		f := &fields[i]
		if f.Ref != "" {
			out = append(out, f.Ref)
		}
		if f.Refs != nil {
			out = append(out, f.Refs.Kinds...)
		}
		out = append(out, refKindsOf(f.items)...)
	}
	return out
}

// referring adapts a function for Descriptor.refs.
func referring[P Object](f func(o P) []Reference) func(o Object) []Reference {
	return func(o Object) []Reference { return f(o.(P)) }
}

// user is an object that refers to another, and how.
type user struct {
	object Object
	ref    Reference
}

// users returns the objects of a configuration, of live or of revisioned kinds, that refer to
// an object: by kind in dependency order, then by ID. It stops after limit objects.
func users(cfg *Config, k Kind, id string, live bool, limit int) []user {
	var out []user
	for _, d := range table {
		if d.Live != live || !slices.Contains(d.refersTo, k) {
			continue
		}
		for _, o := range d.slot.list(cfg) {
			eachReference(d, o, func(r Reference) bool {
				found := r.Kind == k && r.ID == id
				if found {
					out = append(out, user{o, r})
				}
				return !found
			})
			if len(out) == limit {
				return out
			}
		}
	}
	return out
}
