package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Values are the properties of one object in Proxmox's form: texts, several for an
// array. They do not include the ID; they include the type, as "type".
type Values map[string][]string

// typeKey is the property with the type of an object.
const typeKey = "type"

// Get returns the text of a scalar property, or the empty text.
func (v Values) Get(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][0]
}

// Clone returns a copy that can be changed.
func (v Values) Clone() Values { return maps.Clone(v) }

// Names returns the names of the properties, sorted.
func (v Values) Names() []string { return slices.Sorted(maps.Keys(v)) }

// same reports whether two values of a property are equal. Unordered lists are compared
// sorted, everything else as text.
func (k *Kind) same(name string, a, b []string) bool {
	p := k.Property(name)
	if p == nil || !p.Unordered && p.Form != Array {
		return slices.Equal(a, b)
	}
	return slices.Equal(sortedItems(p, a), sortedItems(p, b))
}

func sortedItems(p *Property, values []string) []string {
	if p.Form == List && len(values) == 1 {
		values = items(values[0])
	}
	return slices.Sorted(slices.Values(values))
}

// JSON returns a property's value in the form of the API: numbers for integers, 1 and 0
// for booleans, lists as one text and arrays as lists.
func (k *Kind) JSON(name string, values []string) any {
	p := k.Property(name)
	if p == nil {
		return strings.Join(values, ",")
	}
	switch p.Form {
	case Array:
		return slices.Clone(values)
	case Integer, Boolean:
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil {
			return n
		}
	case List:
		if p.Unordered {
			return strings.Join(sortedItems(p, values), ",")
		}
	case Text:
	}
	return values[0]
}

// Object is an object in the form of the API: its properties by name.
type Object map[string]any

// View returns an object with its ID and all properties on the top level, as the API
// does without pending=1.
func (k *Kind) View(id string, v Values) Object {
	o := Object{k.ID: id}
	for name, values := range v {
		o[name] = k.JSON(name, values)
	}
	return o
}

// Pending returns the differences between the running and the configured properties of
// an object, as the API does with pending=1: nil means that the object does not exist.
// Running values are on the top level and new ones below "pending", where a removed
// option is the word "deleted"; an unchanged object has neither "state" nor
// "pending".
func (k *Kind) Pending(id string, running, configured Values) Object {
	o := Object{k.ID: id}
	pending := Object{}
	state := ""
	for name, values := range running {
		o[name] = k.JSON(name, values)
		if configured == nil {
			continue
		}
		now, still := configured[name]
		switch {
		case !still:
			pending[name] = "deleted"
			state = "changed"
		case !k.same(name, values, now):
			state = "changed"
		}
	}
	for name, values := range configured {
		was, there := running[name]
		switch {
		case name == typeKey || name == "vnet" && k.ID != "vnet":
			o[name] = k.JSON(name, values)
		case !there || !k.same(name, was, values):
			pending[name] = k.JSON(name, values)
			state = "changed"
		}
	}
	switch {
	case configured == nil:
		state = "deleted"
	case running == nil:
		state = "new"
	}
	if state != "" {
		o["state"] = state
		o["pending"] = pending
	}
	return o
}
