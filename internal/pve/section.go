package pve

import (
	"fmt"
	"slices"
	"strings"
)

// Section is one section of a section file: "<type>: <id>" at the margin, then
// indented lines of a property and its value. A property that stands in several
// lines is an array.
type Section struct {
	Type, ID string
	Values   Values
	// Line is where it begins, from 1.
	Line int
}

// ParseSections reads a section file. Types are in lower case.
func ParseSections(text string) ([]Section, error) {
	var out []Section
	seen := map[string]bool{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
		case trimmed == line:
			kind, id, ok := strings.Cut(line, ":")
			id = strings.TrimSpace(id)
			if !ok || kind == "" || id == "" || strings.ContainsAny(kind+id, " \t") {
				return nil, fmt.Errorf("line %d: %q does not begin a section: it is written like ospf_fabric: myfab", number, line)
			}
			if seen[id] {
				return nil, fmt.Errorf("line %d: section %s stands there twice", number, id)
			}
			seen[id] = true
			out = append(out, Section{Type: strings.ToLower(kind), ID: id, Values: Values{}, Line: number})
		case len(out) == 0:
			return nil, fmt.Errorf("line %d: %q stands in no section", number, trimmed)
		default:
			name, value, _ := strings.Cut(trimmed, " ")
			v := out[len(out)-1].Values
			v[name] = append(v[name], strings.TrimSpace(value))
		}
	}
	return out, nil
}

// Write writes a section file as Proxmox does: of each section the required
// properties first, sorted, then the others, sorted, and an empty line behind each.
func (k *Kind) Write(sections []Section) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "%s: %s\n", s.Type, s.ID)
		typ, _, _ := strings.Cut(s.Type, "_")
		names := slices.DeleteFunc(s.Values.Names(), func(name string) bool { return name == typeKey })
		slices.SortStableFunc(names, func(x, y string) int { return k.turn(x, typ) - k.turn(y, typ) })
		for _, name := range names {
			for _, value := range k.fileForm(name, s.Values[name]) {
				fmt.Fprintf(&b, "\t%s %s\n", name, value)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// turn is 0 for properties that a type requires, 1 for others.
func (k *Kind) turn(name, typ string) int {
	if p := k.Property(name); p != nil && p.Takes(typ) == 'r' {
		return 0
	}
	return 1
}

// fileForm is a property's values as a file has them.
func (k *Kind) fileForm(name string, values []string) []string {
	p := k.Property(name)
	switch {
	case p == nil:
	case p.Form == Boolean:
		if on, ok := truth(values[0]); ok && on {
			return []string{"1"}
		}
		return []string{"0"}
	case p.Form == List && p.Unordered:
		return []string{strings.Join(sortedItems(p, values), ",")}
	}
	return values
}
