package diff

import (
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Tables compares nftables tables down to the rule and the element of a set. Everything
// in a table is of type rule; its name contains its place: "inet viaduct chain forward:
// ip saddr 10.0.0.0/8 accept".
func Tables(old, new []desired.Table) []Change {
	return append(Keyed(desired.TypeRule, desired.TableEntries(old), desired.TableEntries(new)), orderChanges(old, new)...)
}

// orderChanges returns the chains with rules that exist in both states in a different
// order.
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
				out = append(out, Change{Action: Update, Type: desired.TypeRule, Name: name, Fields: []Field{
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

// common returns the elements of list that other has too, including duplicates.
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
