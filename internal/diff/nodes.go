package diff

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Nodes returns the changes from the old to the new state of a node: the host's space
// first, then the named ones sorted by name, each section by section, sorted by name.
// Equal states have no changes; nil is the empty state.
func Nodes(old, new *desired.Node) []Change {
	if old == nil {
		old = &desired.Node{}
	}
	if new == nil {
		new = &desired.Node{}
	}
	out := Spaces(&old.Space, &new.Space)
	before, after := spacesByName(old), spacesByName(new)
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, namedSpaces(name, before[name], after[name])...)
	}
	return out
}

func spacesByName(n *desired.Node) map[string]*desired.NamedSpace {
	out := make(map[string]*desired.NamedSpace, len(n.Spaces))
	for i := range n.Spaces {
		out[n.Spaces[i].Name] = &n.Spaces[i]
	}
	return out
}

// namedSpaces compares two states of a named space, one of them may be nil.
func namedSpaces(name string, old, new *desired.NamedSpace) []Change {
	out := Keyed(desired.TypeSpace, spaceEntries(old), spaceEntries(new))
	if new == nil { // everything in a namespace is removed with it
		return out
	}
	if old == nil {
		old = &desired.NamedSpace{}
	}
	for _, c := range Spaces(&old.Space, &new.Space) {
		c.Space = name
		out = append(out, c)
	}
	return out
}

func spaceEntries(s *desired.NamedSpace) []desired.Entry {
	if s == nil {
		return nil
	}
	return []desired.Entry{s.Entry()}
}

// Spaces returns the changes from one state of a space to another. A sysctl that is no
// longer declared is not a change: it keeps its value.
func Spaces(old, new *desired.Space) []Change {
	var out []Change
	before := old.Sections()
	for i, section := range new.Sections() {
		out = append(out, sections(before[i], section)...)
	}
	return out
}

// sections compares two sections of one kind.
func sections(old, new desired.Section) []Change {
	switch n := new.(type) {
	case desired.DHCP:
		return DHCP(old.(desired.DHCP), n)
	case *desired.NameServer:
		return NameServer(old.(*desired.NameServer), n)
	case desired.Tables:
		return Tables(old.(desired.Tables), n)
	}
	out := Keyed(new.Kind(), old.Entries(), new.Entries())
	if new.Kind() == desired.TypeSysctl {
		// A setting that is no longer declared keeps its value (see driver/sysctl).
		out = slices.DeleteFunc(out, func(c Change) bool { return c.Action == Delete })
	}
	return out
}
