package model

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// CheckText refuses an object with a text, wherever in it, that is not one line of
// printable characters. Tabs are let pass where Proxmox VE has them.
func CheckText(o Object) Problems {
	var out Problems
	r := report{out: &out, kind: o.ObjectKind(), id: o.ObjectID()}
	texts(reflect.ValueOf(o).Elem(), "", func(field string, v reflect.Value) {
		switch s := v.String(); {
		case line.Is(s):
		case line.Is(strings.ReplaceAll(s, "\t", " ")):
			r.laxf(field, shown(v), "must be one line of printable characters, without tabs; use blanks")
		default:
			r.errorf(field, shown(v), "must be one line of printable characters; remove line breaks and other control characters")
		}
	})
	return out
}

// shown is a text as a message may quote it.
func shown(v reflect.Value) string {
	if s, ok := v.Interface().(Secret); ok {
		return s.String()
	}
	return v.String()
}

// WithEscapes is a copy of an object in which every text is one line of printable
// characters, by line.Escape: for files and terminals, in which a line break of a text stored
// by an older release would begin another entry. It is the object itself if nothing is
// to be escaped.
func WithEscapes(o Object) Object {
	clean := true
	texts(reflect.ValueOf(o).Elem(), "", func(_ string, v reflect.Value) { clean = clean && line.Is(v.String()) })
	if clean {
		return o
	}
	n := deepCopy(reflect.ValueOf(o).Elem())
	texts(n, "", func(_ string, v reflect.Value) { v.SetString(line.Escape(v.String())) })
	return n.Addr().Interface().(Object)
}

// deepCopy is an addressable copy of a structure that shares no list with it.
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

// texts calls what is to be done with every text of a structure of the model: its
// properties, the items of its lists, and theirs.
func texts(v reflect.Value, field string, do func(field string, v reflect.Value)) {
	// others hold no text
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
	case reflect.Map: // Written: only the Proxmox API and files set it, which check lines themselves
	}
}
