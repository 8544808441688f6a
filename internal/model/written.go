package model

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Written holds, by the names that Proxmox VE gives to properties, values as a
// client of its API or a file wrote them, where the model says the same in other
// words: a boolean that was set to 0, an address in capitals. Only package pve reads
// and writes it. Words that no longer mean the value of the property are void.
type Written map[string][]string

// String is "name=words, name=words", sorted.
func (w Written) String() string {
	parts := make([]string, 0, len(w))
	for _, name := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, name+"="+strings.Join(w[name], " "))
	}
	return strings.Join(parts, ", ")
}

// WrittenOf returns the words that an object was written in; nil for none.
func WrittenOf(o Object) Written {
	if w := writtenIn(o); w != nil {
		return *w
	}
	return nil
}

// SetWritten replaces the words of an object, which must be the caller's own copy.
// Kinds that Proxmox does not have keep none.
func SetWritten(o Object, w Written) {
	if in := writtenIn(o); in != nil {
		*in = w
	}
}

func writtenIn(o Object) *Written {
	if d := descriptorOf(o); d != nil && d.written >= 0 {
		return reflect.ValueOf(o).Elem().Field(d.written).Addr().Interface().(*Written)
	}
	return nil
}
