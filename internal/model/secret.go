package model

import (
	"cmp"
	"reflect"
)

// Secret is a text that must not be printed. Only its JSON form has it.
type Secret string

// hidden stands for a secret wherever one is printed.
const hidden = "(secret)"

// String is not the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is not the secret.
func (s Secret) GoString() string { return s.String() }

// WithoutSecrets returns a copy of an object without its secrets, or the object itself
// if it has none.
func WithoutSecrets(o Object) Object {
	return editSecrets(o, func(_ *FieldInfo, secret reflect.Value) string { return "" })
}

// LackingSecrets names the secrets that an object needs and does not have: those who may
// not read them are shown it like that.
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

// KeepSecrets returns a copy of an object with the secrets that it lacks and that
// another state of it has, or the object itself.
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

// editSecrets gives the secrets that count for an object's type the values that edit
// returns, in a copy of the object if one changes.
func editSecrets(o Object, edit func(f *FieldInfo, secret reflect.Value) string) Object {
	d := descriptorOf(o)
	if d == nil {
		return o
	}
	out, v := o, reflect.ValueOf(o).Elem()
	for i := range d.fields {
		f := &d.fields[i]
		if !f.Secret || !f.appliesTo(d.typeOf(o)) && v.Field(f.Index).IsZero() {
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
