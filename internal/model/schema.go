package model

import (
	"net/netip"
	"reflect"
	"slices"
)

// FieldType is the type of a property's value.
type FieldType string

// The types of properties. The type of a list of structs is its Items.Type.
const (
	FieldText    FieldType = "text"
	FieldInt     FieldType = "whole number"
	FieldBool    FieldType = "boolean"
	FieldAddr    FieldType = "IP address"
	FieldPrefix  FieldType = "network"
	FieldTexts   FieldType = "list of names"
	FieldAddrs   FieldType = "list of IP addresses"
	FieldRanges  FieldType = "list of address ranges"
	FieldEntries FieldType = "list of entries"
	FieldUnknown FieldType = ""
)

// FieldInfo is a property of a kind and its field in the Go struct.
type FieldInfo struct {
	Property
	Type FieldType
	// Index is the field's index in the Go struct, for package reflect.
	Index int
	// Go is the type of the field.
	Go reflect.Type

	items []FieldInfo
}

// Fields returns the properties of a kind in the order of declaration, which is also the order
// of output; nil for an unknown kind. All callers share the slice and must not change it.
func Fields(k Kind) []FieldInfo {
	if d := byKind[k]; d != nil {
		return d.fields
	}
	return nil
}

// ItemFields returns the properties of one item of a list of structs, and the name of an item;
// nil for other types of property.
func (f FieldInfo) ItemFields() (infos []FieldInfo, owner string) {
	if f.Items == nil {
		return nil, ""
	}
	return f.items, f.Items.Name
}

// FieldsOfItem returns the properties of a struct that is a list item; nil for other types.
func FieldsOfItem(t reflect.Type) []FieldInfo {
	for _, d := range table {
		for i := range d.fields {
			if f := &d.fields[i]; f.Items != nil && f.Go.Elem() == t {
				return f.items
			}
		}
	}
	return nil
}

// IsStructures reports whether the property is a list of structs.
func (f FieldInfo) IsStructures() bool { return f.Items != nil }

// ItemKey returns the property that identifies the items of a list of structs; empty if only
// their position does, and for other types of property.
func (f FieldInfo) ItemKey() string {
	if f.Items == nil {
		return ""
	}
	return f.Items.Key
}

// fieldsOf returns the fields of a struct that hold properties. A field without a row gets an
// empty description, which a test refuses.
func fieldsOf(t reflect.Type, rows []Property) []FieldInfo {
	out := make([]FieldInfo, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[ClientSpelling]() {
			continue // not a property, but the client's spelling of others
		}
		name := jsonName(f)
		info := FieldInfo{Property: Property{Name: name}, Index: i, Go: f.Type}
		if row := slices.IndexFunc(rows, func(p Property) bool { return p.Name == name }); row >= 0 {
			info.Property = rows[row]
		}
		info.Type, info.Secret = fieldType(f.Type), f.Type == reflect.TypeFor[Secret]()
		if info.Items != nil {
			info.Type, info.items = info.Items.Type, fieldsOf(f.Type.Elem(), info.Items.Properties)
		}
		out = append(out, info)
	}
	return out
}

func fieldType(t reflect.Type) FieldType {
	switch t {
	case reflect.TypeFor[netip.Addr]():
		return FieldAddr
	case reflect.TypeFor[netip.Prefix]():
		return FieldPrefix
	case reflect.TypeFor[[]string]():
		return FieldTexts
	case reflect.TypeFor[[]netip.Addr]():
		return FieldAddrs
	}
	switch t.Kind() {
	case reflect.String:
		return FieldText
	case reflect.Int:
		return FieldInt
	case reflect.Bool:
		return FieldBool
	}
	return FieldUnknown
}
