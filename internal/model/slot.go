package model

import (
	"iter"
	"maps"
	"slices"
)

// slot accesses the objects of one kind in a configuration.
type slot struct {
	new    func() Object
	clone  func(c *Config)
	get    func(c *Config, id string) Object
	set    func(c *Config, o Object)
	remove func(c *Config, id string)
	ids    func(c *Config) []string
	list   func(c *Config) []Object
	each   func(c *Config) iter.Seq[Object]
	len    func(c *Config) int
	// differ iterates over the objects that old and new do not share, with nil for one
	// that is missing on one side.
	differ func(old, new *Config) iter.Seq2[Object, Object]
}

// in returns the slot of a kind with a field in Config.
func in[T any, P interface {
	*T
	Object
}](field func(c *Config) *map[string]P) slot {
	get := func(c *Config, id string) Object { // avoids a typed nil in the interface
		if o, ok := (*field(c))[id]; ok {
			return o
		}
		return nil
	}
	return slot{
		new:   func() Object { return P(new(T)) },
		clone: func(c *Config) { m := field(c); *m = maps.Clone(*m) },
		get:   get,
		set: func(c *Config, o Object) {
			m := field(c)
			if *m == nil {
				*m = make(map[string]P)
			}
			(*m)[o.ObjectID()] = o.(P)
		},
		remove: func(c *Config, id string) { delete(*field(c), id) },
		ids:    func(c *Config) []string { return sortedKeys(*field(c)) },
		list:   func(c *Config) []Object { return sortedObjects(*field(c)) },
		each: func(c *Config) iter.Seq[Object] {
			m := *field(c)
			return func(yield func(Object) bool) {
				for _, o := range m {
					if !yield(o) {
						return
					}
				}
			}
		},
		len: func(c *Config) int { return len(*field(c)) },
		differ: func(old, new *Config) iter.Seq2[Object, Object] {
			return differing(*field(old), *field(new))
		},
	}
}

// differing iterates over the objects that two maps do not share.
func differing[P interface {
	comparable
	Object
}](old, new map[string]P) iter.Seq2[Object, Object] {
	return func(yield func(old, new Object) bool) {
		for id, o := range old {
			if _, still := new[id]; !still && !yield(o, nil) {
				return
			}
		}
		for id, n := range new {
			o, was := old[id]
			switch {
			case was && o == n:
			case was && !yield(o, n), !was && !yield(nil, n):
				return
			}
		}
	}
}

func sortedObjects[P Object](m map[string]P) []Object {
	out := make([]Object, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}

// completing adapts a function for objects of one type to Descriptor.Complete.
func completing[P Object](f func(c *Config, o P) error) func(c *Config, o Object) error {
	return func(c *Config, o Object) error { return f(c, o.(P)) }
}
