package model

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ClientSpelling holds the spelling of values in a Proxmox API request or file, by Proxmox VE's
// property names, where the model's canonical form differs: a boolean that was set to 0, an
// address in capitals. Only package pve reads and writes it. A spelling that no longer matches
// the property's value is ignored.
type ClientSpelling map[string][]string

// String returns "name=spelling, name=spelling", sorted.
func (w ClientSpelling) String() string {
	parts := make([]string, 0, len(w))
	for _, name := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, name+"="+strings.Join(w[name], " "))
	}
	return strings.Join(parts, ", ")
}

// ClientSpellingOf returns the client's spelling of an object; nil for none.
func ClientSpellingOf(o Object) ClientSpelling {
	if w := writtenIn(o); w != nil {
		return *w
	}
	return nil
}

// SetClientSpelling replaces the spelling of an object, which must be the caller's own copy. It has
// no effect on kinds that Proxmox does not have.
func SetClientSpelling(o Object, w ClientSpelling) {
	if in := writtenIn(o); in != nil {
		*in = w
	}
}

func writtenIn(o Object) *ClientSpelling {
	if d := descriptorOf(o); d != nil && d.written >= 0 {
		return reflect.ValueOf(o).Elem().Field(d.written).Addr().Interface().(*ClientSpelling)
	}
	return nil
}
