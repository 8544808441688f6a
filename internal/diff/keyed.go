package diff

import (
	"cmp"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Item is an Entry with the value that it describes.
type Item[T any] struct {
	desired.Entry
	Value T
}

// Keyed compares two sets of items of one type. The changes are sorted by key. Of
// several entries with one key the last one is used.
func Keyed(typ string, old, new []desired.Entry) []Change {
	var out []Change
	Each(typ, items(old), items(new), func(c Change, _, _ *struct{}) { out = append(out, c) })
	return out
}

// items wraps entries that have no further value.
func items(entries []desired.Entry) []Item[struct{}] {
	out := make([]Item[struct{}], len(entries))
	for i, e := range entries {
		out[i].Entry = e
	}
	return out
}

// Each compares two sets of items of one type and calls f for every difference, sorted
// by key, with the values on both sides; a missing one is nil. Of several items with one
// key the last one is used.
func Each[A, B any](typ string, old []Item[A], new []Item[B], f func(c Change, before *A, after *B)) {
	before, after := index(old), index(new)
	keys := make([]string, 0, len(before)+len(after))
	for k, a := range before {
		// Most items are equal in most comparisons: only the others are sorted.
		if b, both := after[k]; !both || !same(a.Entry, b.Entry) {
			keys = append(keys, k)
		}
	}
	for k := range after {
		if _, both := before[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, CompareNatural)
	for _, k := range keys {
		a, b := before[k], after[k]
		switch {
		case a == nil:
			f(created(typ, b.Entry), nil, &b.Value)
		case b == nil:
			f(Change{Action: Delete, Type: typ, Name: a.Name, Owner: a.Owner}, &a.Value, nil)
		default:
			f(compare(typ, a.Entry, b.Entry), &a.Value, &b.Value)
		}
	}
}

// same reports whether two states of one item are equal.
func same(a, b desired.Entry) bool {
	return (a.Unowned || a.Owner == b.Owner) &&
		slices.EqualFunc(a.Props, b.Props, func(p, q desired.Prop) bool { return p.Value == q.Value })
}

// compare returns the differences of two states of one item.
func compare(typ string, old, new desired.Entry) Change {
	c := Change{Action: Update, Type: typ, Name: new.Name, Owner: new.Owner}
	for i, p := range new.Props {
		before := old.Props[i].Value
		if before == p.Value {
			continue
		}
		if p.Fixed {
			c.Action = Replace
		}
		c.Fields = append(c.Fields, Field{Name: p.Name, Old: before, New: p.Value})
	}
	if !old.Unowned && old.Owner != new.Owner {
		c.Fields = append(c.Fields, Field{Name: "owner", Old: old.Owner, New: new.Owner})
	}
	return c
}

// created is the change that creates an item, with its properties.
func created(typ string, e desired.Entry) Change {
	c := Change{Action: Create, Type: typ, Name: e.Name, Owner: e.Owner}
	for _, p := range e.Props {
		if p.Value != "" && p.Value != p.Zero {
			c.Fields = append(c.Fields, Field{Name: p.Name, New: p.Value})
		}
	}
	return c
}

// index maps the items by their keys.
func index[T any](list []Item[T]) map[string]*Item[T] {
	m := make(map[string]*Item[T], len(list))
	for i := range list {
		m[list[i].Key] = &list[i]
	}
	return m
}

// CompareNatural compares text in natural order: vnet2 sorts before vnet10.
func CompareNatural(a, b string) int {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		if !digit(a[i]) || !digit(b[j]) {
			if a[i] != b[j] {
				return cmp.Compare(a[i], b[j])
			}
			i, j = i+1, j+1
			continue
		}
		x, y := number(a, &i), number(b, &j)
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(a)-i, len(b)-j), cmp.Compare(a, b))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// number returns the digits at *i without leading zeros and moves *i past them.
func number(s string, i *int) string {
	for *i < len(s)-1 && s[*i] == '0' && digit(s[*i+1]) {
		*i++
	}
	start := *i
	for *i < len(s) && digit(s[*i]) {
		*i++
	}
	return s[start:*i]
}
