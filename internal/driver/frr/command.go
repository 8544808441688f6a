package frr

import (
	"slices"
	"strings"
)

// script is the input of vtysh: commands, and for each the operation that it is
// part of; -1 for those that only enter a context.
type script struct {
	lines []string
	ops   []int
	open  []string
}

// write appends the commands of an operation.
func (s *script) write(path []string, text string, op int) {
	s.enter(path)
	s.put(len(path), text, op)
}

func (s *script) put(depth int, text string, op int) {
	s.lines = append(s.lines, strings.Repeat(" ", depth)+text)
	s.ops = append(s.ops, op)
}

// enter closes and opens contexts until those of path are open.
func (s *script) enter(path []string) {
	same := 0
	for same < len(path) && same < len(s.open) && path[same] == s.open[same] {
		same++
	}
	for i := len(s.open) - 1; i >= same; i-- {
		s.put(i, endOf(s.open[i]), -1)
	}
	for i := same; i < len(path); i++ {
		s.put(i, path[i], -1)
	}
	s.open = slices.Clone(path)
}

func (s *script) String() string { return strings.Join(s.lines, "\n") + "\n" }

// commands writes the commands by which a running FRR applies the operations:
// deletions first. The operations are sorted into the order of the commands. With
// overwrite a deletion is left out where an addition replaces the value.
func commands(ops []op, overwrite bool, device func(string) bool) *script {
	slices.SortStableFunc(ops, func(a, b op) int { return rank(&a) - rank(&b) })
	replaced := map[string]bool{}
	if overwrite {
		for _, o := range ops {
			if !o.remove && o.line.slot != "" && o.line.slot != slotVNI {
				replaced[name(o.path, o.line.slot)] = true
			}
		}
	}
	s := &script{}
	for i := range ops {
		switch o := &ops[i]; {
		case !o.remove:
			add(s, o, i)
		case o.whole && len(o.path) == 0 && deviceOf(o.text) != "":
			removeDevice(s, o, i, device)
		case o.whole && strings.HasPrefix(o.text, "address-family "):
			empty(s, append(slices.Clone(o.path), o.text), o.have, i)
		case o.whole && len(o.path) == 0 && (strings.HasPrefix(o.text, "router openfabric ") || strings.HasPrefix(o.text, "router isis ")):
			removeISIS(s, o, i)
		case o.line.slot != "" && replaced[name(o.path, o.line.slot)]:
		default:
			s.write(o.path, opposite(o.text), i)
		}
	}
	s.enter(nil)
	return s
}

// add writes a wanted line; the line of a context opens it.
func add(s *script, o *op, i int) {
	if len(o.line.kids) == 0 && !isContext(o.text, len(o.path)) {
		s.write(o.path, o.text, i)
		return
	}
	s.enter(append(slices.Clone(o.path), o.text))
	s.ops[len(s.ops)-1] = i
}

// removeDevice writes the removal of the lines below a VRF or an interface, and of
// the context itself only once the kernel's device is removed: FRR refuses it
// before.
func removeDevice(s *script, o *op, i int, device func(string) bool) {
	empty(s, []string{o.text}, o.have, i)
	if !device(deviceOf(o.text)) {
		s.write(nil, opposite(o.text), i)
	}
}

// removeISIS writes the removal of an IS-IS or OpenFabric router. Its network
// entity title is removed first: otherwise FRR 8 remembers the system ID and
// refuses a new one until the daemon is restarted.
func removeISIS(s *script, o *op, i int) {
	for _, k := range o.have.kids {
		if strings.HasPrefix(k.text, "net ") {
			s.write([]string{o.text}, opposite(k.text), i)
		}
	}
	s.write(nil, opposite(o.text), i)
}

// empty writes the removal of everything below a context. An address family has no
// removal command: it vanishes when it is empty.
func empty(s *script, path []string, have *node, i int) {
	for _, k := range slices.Backward(have.kids) {
		s.write(path, opposite(k.text), i)
	}
}

// Ranks of operations: deletions before additions; a reference is removed before
// its target, and added after it.
const (
	rankFirst = iota
	rankVRFLines
	rankRouterLines
	rankRouterVRF
	rankRouter
	rankMapLines
	rankMaps
	rankLists
	rankVRFs
	ranksOfRemoval
)

// rank returns an operation's rank.
func rank(o *op) int {
	head := o.head()
	word, _, _ := strings.Cut(head, " ")
	if !o.remove {
		return ranksOfRemoval + rankOfAddition(word, head)
	}
	inside := len(o.path) > 0
	switch {
	case word == "vrf" && inside:
		return rankVRFLines
	case word == "vrf":
		return rankVRFs
	case word == "router" && inside:
		return rankRouterLines
	case word == "router" && vrfOf(head) != "":
		return rankRouterVRF
	case word == "router":
		return rankRouter
	case word == "route-map" && inside:
		return rankMapLines
	case word == "route-map":
		return rankMaps
	case strings.Contains(head, "-list "):
		return rankLists
	}
	return rankFirst
}

// rankOfAddition puts the targets of references first.
func rankOfAddition(word, head string) int {
	switch {
	case strings.Contains(head, "-list "):
		return 0
	case word == "route-map":
		return 1
	case word == "vrf":
		return 2
	case word == "router" && vrfOf(head) == "":
		return 3
	case word == "router":
		return 4
	case word == "interface":
		return 5
	}
	return 6
}

// inOrder sorts operations into the order of writing: removals backwards, and in a
// router the groups before their members.
func inOrder(removes, adds []op) []op {
	out := make([]op, 0, len(removes)+len(adds))
	for _, o := range slices.Backward(removes) {
		out = append(out, o)
	}
	early := func(o *op) int {
		w := strings.Fields(o.line.text)
		switch {
		case len(o.path) == 0 || len(w) == 0:
		case len(w) == 3 && w[0] == "neighbor" && w[2] == "peer-group", o.line.text == "advertise-all-vni":
			return 1
		case w[0] == "neighbor" || w[0] == "address-family" || w[0] == "vni" || strings.HasPrefix(o.line.text, "advertise-"):
			return 2
		}
		return 0
	}
	// Only adjacent neighbours within one context are reordered.
	for start := 0; start < len(adds); {
		end := start + 1
		for end < len(adds) && slices.Equal(adds[end].path, adds[start].path) {
			end++
		}
		group := slices.Clone(adds[start:end])
		slices.SortStableFunc(group, func(a, b op) int { return early(&a) - early(&b) })
		out = append(out, group...)
		start = end
	}
	return out
}
