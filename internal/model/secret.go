package model

import (
	"cmp"
	"reflect"
)

// Secret is a text that must not be printed. Only its JSON form contains it.
type Secret string

// hidden replaces a secret wherever one is printed.
const hidden = "(secret)"

// String returns a placeholder.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns a placeholder.
func (s Secret) GoString() string { return s.String() }

// WithoutSecrets returns a copy of an object without its secrets, or the object itself
// if it has none.
func WithoutSecrets(o Object) Object {
	return editSecrets(o, func(_ *FieldInfo, secret reflect.Value) string { return "" })
}

// LackingSecrets names the required secrets that an object lacks, as it is shown to users who
// may not read them.
func LackingSecrets(o Object) []string {
	var out []string
	editSecrets(o, func(f *FieldInfo, secret reflect.Value) string {
		if secret.String() == "" {
			out = append(out, f.Name)
		}
		return secret.String()
	})
	return out
}

// KeepSecrets returns a copy of an object with its missing secrets filled in from an old
// state, or the object itself.
func KeepSecrets(o, old Object) Object {
	if old == nil || reflect.ValueOf(old).IsNil() || old.ObjectKind() != o.ObjectKind() {
		return o
	}
	if d := descriptorOf(o); d == nil || d.typeOf(o) != d.typeOf(old) {
		return o
	}
	was := reflect.ValueOf(old).Elem()
	return editSecrets(o, func(f *FieldInfo, secret reflect.Value) string {
		return cmp.Or(secret.String(), was.Field(f.Index).String())
	})
}

// without reports whether an object does not have a property; false for an empty name.
func (d *Descriptor) without(v reflect.Value, name string) bool {
	i := indexOfField(d.fields, name)
	return name != "" && i >= 0 && v.Field(d.fields[i].Index).IsZero()
}

// editSecrets sets the secrets that apply to an object's type to the values that edit returns,
// in a copy of the object if one changes.
func editSecrets(o Object, edit func(f *FieldInfo, secret reflect.Value) string) Object {
	d := descriptorOf(o)
	if d == nil {
		return o
	}
	out, v := o, reflect.ValueOf(o).Elem()
	for i := range d.fields {
		f := &d.fields[i]
		if !f.Secret || v.Field(f.Index).IsZero() && (!f.appliesTo(d.typeOf(o)) || d.without(v, f.With)) {
			continue
		}
		if value := edit(f, v.Field(f.Index)); value != v.Field(f.Index).String() {
			if out == o {
				n := reflect.New(v.Type())
				n.Elem().Set(v)
				out = n.Interface().(Object)
			}
			reflect.ValueOf(out).Elem().Field(f.Index).SetString(value)
		}
	}
	return out
}
