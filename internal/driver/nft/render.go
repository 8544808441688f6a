package nft

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// hash identifies a table: lower-case hexadecimal, 16 digits.
func hash(t desired.Table) string {
	b, err := json.Marshal(t)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// script is nft input under construction. It counts lines, because nft reports
// errors by line.
type script struct {
	b      strings.Builder
	line   int
	owners map[int]string
}

// add writes one line of an object.
func (s *script) add(owner, format string, args ...any) {
	s.line++
	if owner != "" {
		s.owners[s.line] = owner
	}
	fmt.Fprintf(&s.b, format+"\n", args...)
}

// render writes the transaction that replaces a table, and returns the owner of
// each line. The empty table in front makes the deletion succeed if the table does
// not exist yet.
func render(t desired.Table) (text string, owners map[int]string) {
	s := &script{owners: map[int]string{}}
	key := tableKey(t)
	s.add("", "table %s { }", key)
	s.add("", "delete table %s", key)
	s.add("", "table %s {", key)
	s.add("", "\tcomment \"made by Viaduct, which undoes what others change here\"")
	for _, set := range t.Sets {
		renderSet(s, set)
	}
	for _, c := range t.Chains {
		renderChain(s, c)
	}
	s.add("", "}")
	return s.b.String(), s.owners
}

// renderChain writes a chain.
func renderChain(s *script, c desired.Chain) {
	s.add("", "\tchain %s {", c.Name)
	if c.Hook != "" {
		s.add("", "\t\ttype %s hook %s priority %s; policy accept;", c.Type, c.Hook, c.Priority)
	}
	for _, r := range c.Rules {
		s.add(r.Owner, "\t\t%s", oneLine(r.Text))
	}
	s.add("", "\t}")
}

// renderElements writes the transaction between two tables that differ only in
// elements of sets.
func renderElements(from, to desired.Table) (text string, ok bool) {
	if !reflect.DeepEqual(from.Chains, to.Chains) || len(from.Sets) != len(to.Sets) {
		return "", false
	}
	s := &script{}
	change := func(verb string, set desired.Set, elements, without []string) {
		known := make(map[string]bool, len(without))
		for _, e := range without {
			known[e] = true
		}
		elements = slices.DeleteFunc(slices.Clone(elements), func(e string) bool { return known[e] })
		if len(elements) > 0 {
			s.add("", "%s element %s %s { %s }", verb, tableKey(to), set.Name, oneLine(strings.Join(elements, ", ")))
		}
	}
	for i, old := range from.Sets {
		now := to.Sets[i]
		if old.Name != now.Name || old.Type != now.Type || old.Value != now.Value || old.Interval != now.Interval {
			return "", false
		}
		change("delete", old, old.Elements, now.Elements)
		change("add", now, now.Elements, old.Elements)
	}
	return s.b.String(), s.line > 0
}

// renderSet writes a set or a map.
func renderSet(s *script, set desired.Set) {
	kind, typ := "set", set.Type
	if set.Value != "" {
		kind, typ = "map", set.Type+" : "+set.Value
	}
	s.add("", "\t%s %s {", kind, set.Name)
	if !strings.HasPrefix(typ, "typeof ") {
		typ = "type " + typ
	}
	s.add("", "\t\t%s", typ)
	if set.Interval {
		s.add("", "\t\tflags interval")
	}
	if len(set.Elements) > 0 {
		s.add("", "\t\telements = { %s }", oneLine(strings.Join(elementsOf(set), ", ")))
	}
	s.add("", "\t}")
}

// elementsOf returns the elements of a set as nft parses them: it treats bits of a
// packet, even those of an address, as a number.
func elementsOf(set desired.Set) []string {
	if !strings.HasPrefix(set.Type, "typeof ") {
		return set.Elements
	}
	out := make([]string, len(set.Elements))
	for i, e := range set.Elements {
		words := strings.Split(e, " . ")
		for j, w := range words {
			if a, err := netip.ParseAddr(w); err == nil {
				words[j] = "0x" + hex.EncodeToString(a.AsSlice())
			}
		}
		out[i] = strings.Join(words, " . ")
	}
	return out
}

// oneLine replaces line ends in a text.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
