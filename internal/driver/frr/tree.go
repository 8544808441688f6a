package frr

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// node is a line of a configuration with the lines below it; the root has no text.
// Lines that are the same to FRR have the same key.
type node struct {
	text  string
	key   string
	owner string
	kids  []*node
	index map[string]*node // of kids, by key and by their other names
	slot  string           // the single value that the line sets; see slot
	slots map[string]*node // of kids, the last for each slot

	// found records where the line was before Viaduct first applied it; see origin.
	found origin
	// raw and end are the line, and the line that closes the context, as a file
	// spells them. lead are comments and blank lines before it.
	raw, end string
	lead     []string
}

// origin is a set of places where a line existed before Viaduct owned it.
type origin uint8

const (
	inRunning origin = 1 << iota
	inFile
)

// find returns the line below n that is the same to FRR as key, or nil.
func (n *node) find(key string) *node {
	if n == nil {
		return nil
	}
	return n.index[key]
}

// add appends a line below n, or returns the existing one.
func (n *node) add(text, owner string) *node {
	key := canonical(text)
	if k := n.index[key]; k != nil {
		return k
	}
	k := &node{text: text, key: key, owner: owner}
	n.insert(len(n.kids), k)
	return k
}

// insert puts a line below n at a position.
func (n *node) insert(at int, k *node) {
	n.kids = append(n.kids, nil)
	copy(n.kids[at+1:], n.kids[at:])
	n.kids[at] = k
	if n.index == nil {
		n.index, n.slots = map[string]*node{}, map[string]*node{}
	}
	n.index[k.key] = k
	if k.slot = n.slotOf(k.key); k.slot != "" {
		n.slots[k.slot] = k
	}
	if alias := unnumbered(k.key); alias != k.key && n.index[alias] == nil {
		n.index[alias] = k
	}
}

// graft adds the lines below another line below n.
func (n *node) graft(other *node) {
	for _, k := range other.kids {
		own := n.add(k.text, k.owner)
		own.found = k.found
		own.graft(k)
	}
}

// slotOf names the single value that a line below n sets.
func (n *node) slotOf(key string) string {
	if strings.HasPrefix(key, "vni ") {
		if strings.HasPrefix(n.text, "vrf ") {
			return slotVNI
		}
		return ""
	}
	return slot(key)
}

// remove removes a line from below n.
func (n *node) remove(k *node) {
	for i, kid := range n.kids {
		if kid != k {
			continue
		}
		n.kids = slices.Delete(n.kids, i, i+1)
		for _, key := range []string{k.key, unnumbered(k.key)} {
			if n.index[key] == k {
				delete(n.index, key)
			}
		}
		if n.slots[k.slot] == k {
			delete(n.slots, k.slot)
		}
		return
	}
}

// isContext reports whether lines may be nested below a line of the given depth,
// from 0.
func isContext(text string, depth int) bool {
	word, rest, more := strings.Cut(text, " ")
	if depth > 0 {
		return word == "address-family"
	}
	switch word {
	case "router", "route-map", "interface", "vrf", "line", "nexthop-group", "pbr-map", "l2vpn", "pseudowire":
		return more
	case "bfd", "segment-routing", "rpki":
		return !more
	case "key", "mpls":
		return rest == "ldp" || strings.HasPrefix(rest, "chain ")
	}
	return false
}

// isEnd reports whether a line closes a context.
func isEnd(text string) bool {
	return text == "exit" || strings.HasPrefix(text, "exit-")
}

// endOf returns the line that closes the context that text opens.
func endOf(text string) string {
	switch word, _, _ := strings.Cut(text, " "); word {
	case "vrf", "address-family", "vni":
		return "exit-" + word
	case "link-params":
		return "exit-link-params"
	}
	return "exit"
}

// wanted makes a tree of blocks. Lines that a later line undoes or replaces are
// left out: "neighbor X peer-group" before "no neighbor X peer-group".
func wanted(blocks []desired.FRRBlock) *node {
	root := &node{}
	for _, b := range blocks {
		lines := make([]string, 0, len(b.Lines)+1)
		lines = append(append(lines, b.Head), b.Lines...)
		if len(b.Lines) == 0 && !isContext(squeeze(b.Head), 0) {
			relocate(root, squeeze(b.Head), b.Owner)
			continue
		}
		addContext(root, lines, b.Owner)
	}
	return root
}

// addContext adds a context with its lines; their indentation is their depth.
func addContext(root *node, lines []string, owner string) {
	type level struct {
		n      *node
		indent int
	}
	stack := []level{{n: root, indent: -1}}
	for _, line := range lines {
		text, indent := squeeze(line), len(line)-len(strings.TrimLeft(line, " \t"))
		if text == "" || text[0] == '!' || text[0] == '#' {
			continue
		}
		for indent <= stack[len(stack)-1].indent {
			stack = stack[:len(stack)-1]
		}
		if isEnd(text) || text == "end" {
			continue
		}
		top := stack[len(stack)-1].n
		if top != root {
			supersede(top, text)
		}
		stack = append(stack, level{top.add(text, owner), indent})
	}
}

// relocate adds a single line where FRR will show it: a route of a VRF is shown
// below the VRF.
func relocate(root *node, text, owner string) {
	w := strings.Fields(text)
	if n := len(w); n > 4 && (w[0] == "ip" || w[0] == "ipv6") && w[1] == "route" && w[n-2] == "vrf" {
		root.add("vrf "+w[n-1], owner).add(strings.Join(w[:n-2], " "), owner)
		return
	}
	supersede(root, text)
	root.add(text, owner)
}

// supersede removes lines that a line about to be added below n undoes.
func supersede(n *node, text string) {
	if undone, ok := strings.CutPrefix(text, "no "); ok {
		removeMatching(n, canonical(undone))
		return
	}
	removeKey(n, "no "+canonical(text))
	key := canonical(text)
	if k := n.slots[n.slotOf(key)]; k != nil && k.key != key {
		n.remove(k)
	}
}

// removeMatching removes the line with the key. Removing a peer group removes
// everything of the group.
func removeMatching(n *node, key string) {
	removeKey(n, key)
	w := strings.Fields(key)
	if len(w) != 3 || w[0] != "neighbor" || w[2] != "peer-group" {
		return
	}
	var doomed []*node
	for _, k := range n.kids {
		f := strings.Fields(k.key)
		if len(f) > 2 && f[0] == "neighbor" && (f[1] == w[1] || f[len(f)-1] == w[1]) {
			doomed = append(doomed, k)
		}
		if len(k.kids) > 0 {
			removeMatching(k, key)
		}
	}
	for _, k := range doomed {
		n.remove(k)
	}
}

func removeKey(n *node, key string) {
	if k := n.find(key); k != nil && len(k.kids) == 0 {
		n.remove(k)
	}
}

// parseRunning parses the output of "show running-config".
func parseRunning(text string) *node {
	root := &node{}
	root.mergeRunning(text)
	return root
}

// mergeRunning adds the output of "show running-config" to a tree; existing lines
// are not added again.
func (n *node) mergeRunning(text string) {
	stack := []*node{n}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		t := squeeze(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if t == "" || t[0] == '!' || t == "end" || isEnd(t) {
			continue
		}
		if indent >= len(stack) {
			indent = len(stack) - 1
		}
		stack = append(stack[:indent+1], stack[indent].add(t, ""))
	}
}
