package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Values are the properties of one object as Proxmox stores them: texts, of which
// an array has several. The ID is not among them; the type is, under "type".
type Values map[string][]string

// typeKey is the property that tells the type of an object.
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

// Names are the names of the properties, sorted.
func (v Values) Names() []string { return slices.Sorted(maps.Keys(v)) }

// same reports whether two values of a property count as one. Lists whose order
// says nothing are compared sorted; all else is compared as text.
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

// JSON is a property's value as the API gives it: numbers for integers, 1 and 0
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

// Object is an object as the API gives it: its properties by name.
type Object map[string]any

// View shows an object with its ID and all properties on the top level, as the API
// does without pending=1.
func (k *Kind) View(id string, v Values) Object {
	o := Object{k.ID: id}
	for name, values := range v {
		o[name] = k.JSON(name, values)
	}
	return o
}

// Pending shows what differs between the running and the configured properties of
// an object, as the API does with pending=1: nil stands for an object that is not
// there. What runs is on the top level and what is new below "pending", where an
// option that goes is the word "deleted"; an object that did not change has
// neither "state" nor "pending".
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
