package model

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// pemForm is text in the form of RFC 7468 without other lines.
var pemForm = regexp.MustCompile(`^(-----BEGIN [A-Z0-9 ]+-----\n([A-Za-z0-9+/=]+\n)+-----END [A-Z0-9 ]+-----\n*)+$`)

// hasPEM reports whether a property of an object may be several lines, and its text is.
func hasPEM(o Object, field string, text string) bool {
	i := slices.IndexFunc(Fields(o.ObjectKind()), func(f FieldInfo) bool { return f.Name == field })
	return i >= 0 && Fields(o.ObjectKind())[i].PEM && pemForm.MatchString(text)
}

// CheckText refuses an object with a text, anywhere in it, that is not one line of printable
// characters, nor PEM where that is permitted. Tabs are accepted where Proxmox VE accepts them.
func CheckText(o Object) Problems {
	var out Problems
	r := report{out: &out, kind: o.ObjectKind(), id: o.ObjectID()}
	texts(reflect.ValueOf(o).Elem(), "", func(field string, v reflect.Value) {
		switch s := v.String(); {
		case line.Is(s), hasPEM(o, field, s):
		case line.Is(strings.ReplaceAll(s, "\t", " ")):
			r.lax(field, displayText(v), msgTextHasTab)
		default:
			r.error(field, displayText(v), msgTextNotOneLine)
		}
	})
	return out
}

// displayText returns a text as a message may quote it: secrets are hidden.
func displayText(v reflect.Value) string {
	if s, ok := v.Interface().(Secret); ok {
		return s.String()
	}
	return v.String()
}

// WithEscapes returns a copy of an object with every text escaped by line.Escape to one line
// of printable characters: in files and on terminals, a line break in a text stored by an
// older release would begin another entry. It returns the object itself if nothing is to be
// escaped.
func WithEscapes(o Object) Object {
	clean := true
	texts(reflect.ValueOf(o).Elem(), "", func(field string, v reflect.Value) {
		clean = clean && (line.Is(v.String()) || hasPEM(o, field, v.String()))
	})
	if clean {
		return o
	}
	n := deepCopy(reflect.ValueOf(o).Elem())
	texts(n, "", func(field string, v reflect.Value) {
		if !hasPEM(o, field, v.String()) {
			v.SetString(line.Escape(v.String()))
		}
	})
	return n.Addr().Interface().(Object)
}

// deepCopy returns an addressable copy of a struct that shares no slice with it.
func deepCopy(v reflect.Value) reflect.Value {
	n := reflect.New(v.Type()).Elem()
	n.Set(v)
	for i := range n.NumField() {
		f := n.Field(i)
		if f.Kind() != reflect.Slice || f.IsNil() {
			continue
		}
		list := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
		for k := range f.Len() {
			if item := f.Index(k); item.Kind() == reflect.Struct && item.NumField() > 0 && item.Type().PkgPath() == n.Type().PkgPath() {
				list.Index(k).Set(deepCopy(item))
			} else {
				list.Index(k).Set(item)
			}
		}
		f.Set(list)
	}
	return n
}

// texts calls do for every text in a struct of the model: its properties, the items of its
// lists, and their properties.
func texts(v reflect.Value, field string, do func(field string, v reflect.Value)) {
	// other kinds hold no text
	switch v.Kind() {
	case reflect.String:
		do(field, v)
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), field+"["+strconv.Itoa(i)+"]", do)
		}
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[Zone]().PkgPath() {
			return // an address or a network
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if field != "" {
				name = field + "." + name
			}
			texts(v.Field(i), name, do)
		}
	case reflect.Map: // ClientSpelling: only the Proxmox API and files set it, which check their lines
	}
}
