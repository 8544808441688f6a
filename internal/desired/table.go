package desired

import (
	"fmt"
	"hash/fnv"
)

// TableEntries lists everything in the tables.
func TableEntries(tables []Table) []Entry {
	var out []Entry
	for _, t := range tables {
		table := t.Family + " " + t.Name
		out = append(out, Entry{Key: table, Name: table})
		for _, s := range t.Sets {
			out = append(out, setEntries(table, s)...)
		}
		for _, c := range t.Chains {
			out = append(out, chainEntries(table, c)...)
		}
	}
	return out
}

// setEntries lists a set and its elements. A set's type is fixed: nft has no
// way to change it.
func setEntries(table string, s Set) []Entry {
	name := table + " set " + s.Name
	together := ""
	if s.Dynamic { // as many as there are, they are one thing
		together = digestOf(s.Elements)
	}
	out := []Entry{{Key: name, Name: name, Props: []Prop{
		{Name: "type", Value: s.Type, Fixed: true},
		{Name: "value", Value: s.Value, Fixed: true},
		{Name: "interval", Value: onOff(s.Interval), Zero: "off", Fixed: true},
		{Name: "elements", Value: together},
	}}}
	if s.Dynamic {
		return out
	}
	for _, e := range s.Elements {
		out = append(out, Entry{Key: name + ": " + e, Name: name + ": " + e})
	}
	return out
}

// digestOf summarizes elements by their number and a few digits of a hash.
func digestOf(elements []string) string {
	h := fnv.New32a()
	for _, e := range elements {
		_, _ = h.Write([]byte(e + "\n"))
	}
	return fmt.Sprintf("%d (%08x)", len(elements), h.Sum32())
}

// chainEntries lists a chain and its rules. Equal rules of a chain are counted,
// so that each is a thing of its own.
func chainEntries(table string, c Chain) []Entry {
	name := table + " chain " + c.Name
	chain := Entry{Key: name, Name: name, Props: []Prop{
		{Name: "type", Value: c.Type, Fixed: true},
		{Name: "hook", Value: c.Hook, Fixed: true},
		{Name: "priority", Value: c.Priority, Fixed: true},
	}}
	out := []Entry{chain}
	seen := map[string]int{}
	for _, r := range c.Rules {
		seen[r.Text]++
		key := name + ": " + r.Text
		if n := seen[r.Text]; n > 1 {
			key += fmt.Sprintf(" #%d", n)
		}
		out = append(out, Entry{Key: key, Name: name + ": " + r.Text, Owner: r.Owner})
	}
	return out
}
