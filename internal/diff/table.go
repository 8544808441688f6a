package diff

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Tables compares nftables tables down to the rule and the element of a set.
// Everything in a table is of type rule; its name says where it stands:
// "inet viaduct chain forward: ip saddr 10.0.0.0/8 accept".
func Tables(old, new []desired.Table) []Change {
	return append(Keyed(TypeRule, tableEntries(old), tableEntries(new)), orderChanges(old, new)...)
}

// tableEntries lists everything in the tables.
func tableEntries(tables []desired.Table) []Entry {
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
func setEntries(table string, s desired.Set) []Entry {
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

// digestOf tells how many elements there are and, by a few digits, which.
func digestOf(elements []string) string {
	h := fnv.New32a()
	for _, e := range elements {
		_, _ = h.Write([]byte(e + "\n"))
	}
	return fmt.Sprintf("%d (%08x)", len(elements), h.Sum32())
}

// chainEntries lists a chain and its rules. Equal rules of a chain are counted,
// so that each is a thing of its own.
func chainEntries(table string, c desired.Chain) []Entry {
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

// orderChanges tells the chains of which the rules that stand in both states
// stand in another order.
func orderChanges(old, new []desired.Table) []Change {
	before := map[string][]string{}
	for _, t := range old {
		for _, c := range t.Chains {
			before[t.Family+" "+t.Name+" chain "+c.Name] = texts(c)
		}
	}
	var out []Change
	for _, t := range new {
		for _, c := range t.Chains {
			name := t.Family + " " + t.Name + " chain " + c.Name
			a, b := common(before[name], texts(c)), common(texts(c), before[name])
			if strings.Join(a, "\n") != strings.Join(b, "\n") {
				out = append(out, Change{Action: Update, Type: TypeRule, Name: name, Fields: []Field{
					{Name: "order", Old: strings.Join(a, "; "), New: strings.Join(b, "; ")},
				}})
			}
		}
	}
	return out
}

// texts are the rules of a chain.
func texts(c desired.Chain) []string {
	out := make([]string, len(c.Rules))
	for i, r := range c.Rules {
		out[i] = r.Text
	}
	return out
}

// common keeps the elements of list that other has too, each as often.
func common(list, other []string) []string {
	left := map[string]int{}
	for _, s := range other {
		left[s]++
	}
	var out []string
	for _, s := range list {
		if left[s] > 0 {
			left[s]--
			out = append(out, s)
		}
	}
	return out
}
