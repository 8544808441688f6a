package model

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
)

// Others holds objects of kinds without a field in Config: nothing looks these up by their
// type.
type Others map[Kind]map[string]Object

// UnmarshalJSON decodes the format of encoding/json; objects of unknown kinds are refused.
func (o *Others) UnmarshalJSON(b []byte) error {
	var raw map[Kind]map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*o = make(Others, len(raw))
	for k, objects := range raw {
		(*o)[k] = make(map[string]Object, len(objects))
		for id, text := range objects {
			object := New(k)
			if object == nil {
				return fmt.Errorf("unknown kind %q", k)
			}
			if err := json.Unmarshal(text, object); err != nil {
				return fmt.Errorf("%s %s: %w", k, id, err)
			}
			(*o)[k][id] = object
		}
	}
	return nil
}

// inOthers returns the slot of a kind without a field in Config. Cloning it also copies the
// configuration's map of kinds.
func inOthers(k Kind, empty func() Object) slot {
	at := func(c *Config) map[string]Object { return c.Others[k] }
	own := func(c *Config, objects map[string]Object) {
		others := maps.Clone(c.Others)
		if others == nil {
			others = Others{}
		}
		others[k] = objects
		c.Others = others
	}
	get := func(c *Config, id string) Object { return at(c)[id] }
	return slot{
		new: empty,
		clone: func(c *Config) {
			if at(c) != nil {
				own(c, maps.Clone(at(c)))
			}
		},
		get: get,
		set: func(c *Config, o Object) {
			if at(c) == nil {
				own(c, map[string]Object{})
			}
			at(c)[o.ObjectID()] = o
		},
		remove: func(c *Config, id string) { delete(at(c), id) },
		ids:    func(c *Config) []string { return sortedKeys(at(c)) },
		list:   func(c *Config) []Object { return sortedObjects(at(c)) },
		each:   func(c *Config) iter.Seq[Object] { return maps.Values(at(c)) },
		len:    func(c *Config) int { return len(at(c)) },
		differ: func(old, new *Config) iter.Seq2[Object, Object] {
			return differing(at(old), at(new))
		},
	}
}

// Register adds a kind after all others and returns a function that removes it. It is for
// tests that all generic code works with a new descriptor.
func Register(d *Descriptor, empty func() Object) (remove func()) {
	before := table
	d.slot = inOthers(d.Kind, empty)
	setTable(append(table[:len(table):len(table)], d))
	return func() { setTable(before) }
}
