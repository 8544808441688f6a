package schema

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// Write formats a section file as Proxmox does: for each section the required
// properties first, sorted, then the others, sorted, and an empty line at its end.
func (k *Kind) Write(sections []section.Section) string {
	var b strings.Builder
	for _, s := range sections {
		typ, _, _ := strings.Cut(s.Type, "_")
		names := slices.DeleteFunc(Values(s.Values).Names(), func(name string) bool { return name == typeKey })
		slices.SortStableFunc(names, func(x, y string) int { return k.sortRank(x, typ) - k.sortRank(y, typ) })
		var lines []section.Line
		for _, name := range names {
			for _, value := range k.fileForm(name, s.Values[name]) {
				lines = append(lines, section.Line{Name: name, Value: value})
			}
		}
		section.Append(&b, s.Type, s.ID, lines)
	}
	return b.String()
}

// sortRank is 0 for properties that a type requires, 1 for others.
func (k *Kind) sortRank(name, typ string) int {
	if p := k.Property(name); p != nil && p.Takes(typ) == 'r' {
		return 0
	}
	return 1
}

// fileForm returns a property's values in the form of a file.
func (k *Kind) fileForm(name string, values []string) []string {
	p := k.Property(name)
	switch {
	case p == nil:
	case p.Form == Boolean:
		if on, ok := parseBool(values[0]); ok && on {
			return []string{"1"}
		}
		return []string{"0"}
	case p.Form == List && p.Unordered:
		return []string{strings.Join(sortedItems(p, values), ",")}
	}
	return values
}
