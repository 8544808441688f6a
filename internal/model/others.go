package model

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
)

// Others holds objects of the kinds for which Config has no field: those that nothing
// looks up by their type.
type Others map[Kind]map[string]Object

// UnmarshalJSON reads what encoding/json writes; objects of unknown kinds are refused.
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

// inOthers is the slot of a kind for which Config has no field. A configuration that is
// cloned gets a map of kinds of its own with it.
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

// Register adds a kind behind all others and returns what takes it away again. It is for
// tests which show that all else follows from the descriptor of a kind.
func Register(d *Descriptor, empty func() Object) (remove func()) {
	before := table
	d.slot = inOthers(d.Kind, empty)
	setTable(append(table[:len(table):len(table)], d))
	return func() { setTable(before) }
}
