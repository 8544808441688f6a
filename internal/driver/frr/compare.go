package frr

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
)

// op is one line to add to a configuration or to remove from it.
type op struct {
	remove bool
	// path are the heads of the contexts that the line stands in.
	path []string
	// line is the line as it is wanted, or as it was applied; text is the line
	// as the configuration that is changed has it.
	line *node
	text string
	// whole says that the line is a context that is removed with all in it; have
	// is that context as it stands.
	whole bool
	have  *node
	// again says that the line is wanted, and removed only until another one is
	// gone.
	again bool
}

// head is the top-level line that the operation is below, or that it is about.
func (o *op) head() string {
	if len(o.path) > 0 {
		return o.path[0]
	}
	return o.text
}

// where is the line's full name: "router bgp 65000 / advertise-all-vni".
func (o *op) where() string { return name(o.path, o.line.text) }

func name(path []string, text string) string {
	if len(path) == 0 {
		return text
	}
	return strings.Join(path, separator) + separator + text
}

// separator stands between the parts of a line's name, as in package diff.
const separator = " / "

// comparison compares what is wanted (want), what Viaduct applied last (last)
// and what a configuration holds (have).
type comparison struct {
	// place is the configuration that is compared.
	place origin
	// accepted tells of a line that FRR does not show whether it holds it anyway;
	// nil if a line that is not there is missing.
	accepted func(where string) bool
	// effect tells of a line that it came with one of ours.
	effect func(where string) bool
	// device tells whether the node has a network device; nil if it does not
	// matter.
	device func(name string) bool

	adds, removes []op
	// conflicts are wanted lines whose place is taken by one that is not ours.
	conflicts []conflict
}

// conflict is a wanted line and what stands in its way.
type conflict struct {
	where, other, owner string
}

// compare works out what makes have what it shall be. Each tree may be nil.
func (c *comparison) compare(want, last, have *node) {
	c.add(want, last, have, nil)
	c.remove(want, last, have, nil)
	c.release(want, last, have)
}

// release takes the VNI from each VRF whose BGP router goes, as it does for another
// AS number: FRR keeps the router before. The next round gives it back.
func (c *comparison) release(want, last, have *node) {
	if c.place != inRunning {
		return // a file holds anything
	}
	for _, o := range c.removes {
		if !isRouter(&o) || vrfOf(o.text) == "" {
			continue
		}
		head := "vrf " + vrfOf(o.text)
		h := have.find(head)
		if h == nil {
			continue
		}
		vni := h.slots[slotVNI]
		if vni == nil || want.find(head).find(vni.key) == nil {
			continue
		}
		if l := last.find(head).find(vni.key); c.owned(l) {
			c.removes = append(c.removes, op{remove: true, path: []string{h.text}, line: l, text: vni.text, again: true})
		}
	}
}

// isRouter reports whether an operation is about a BGP router as a whole.
func isRouter(o *op) bool { return len(o.path) == 0 && strings.HasPrefix(o.text, "router bgp ") }

// waiting takes the additions away that cannot be made yet: those to a BGP router
// that shall take the place of another one, and to all routers if that is the
// default one, which FRR keeps as long as there are others.
func waiting(adds []op, have *node) (now []op, later bool) {
	taken := map[string]bool{} // VRFs, the default one is empty
	for _, a := range adds {
		vrf := vrfOf(a.text)
		taken[vrf] = taken[vrf] || isRouter(&a) && slices.ContainsFunc(have.kids, func(h *node) bool {
			return strings.HasPrefix(h.text, "router bgp ") && vrfOf(h.text) == vrf
		})
	}
	for _, a := range adds {
		head := a.head()
		if strings.HasPrefix(head, "router bgp ") && (taken[""] || taken[vrfOf(head)]) {
			later = true
			continue
		}
		now = append(now, a)
	}
	return now, later
}

// add finds the wanted lines that are missing.
func (c *comparison) add(want, last, have *node, path []string) {
	for _, w := range want.kids {
		h := have.find(w.key)
		if h == nil && have != nil {
			if other := c.obstacle(w, last, have, path); other != "" {
				c.conflicts = append(c.conflicts, conflict{where: name(path, w.text), other: name(path, other), owner: w.owner})
				continue
			}
		}
		if h == nil && !c.holds(name(path, w.text), w, have) {
			c.adds = append(c.adds, op{path: path, line: w, text: w.text})
		}
		if len(w.kids) > 0 {
			c.add(w, last.find(w.key), h, append(path[:len(path):len(path)], w.text))
		}
	}
}

// holds reports whether FRR holds a line that it does not show.
func (c *comparison) holds(where string, w, have *node) bool {
	if c.accepted == nil || !c.accepted(where) {
		return false
	}
	if have.find(canonical(opposite(w.text))) != nil {
		return false // somebody changed it since
	}
	return have == nil || w.slot == "" || have.slots[w.slot] == nil
}

// obstacle finds a line that is not ours and cannot stand beside a wanted one:
// another value of the same setting, or a router of another number.
func (c *comparison) obstacle(w, last, have *node, path []string) string {
	if len(path) == 0 && strings.HasPrefix(w.text, "router bgp ") {
		for _, h := range have.kids {
			if strings.HasPrefix(h.text, "router bgp ") && vrfOf(h.text) == vrfOf(w.text) && !c.owned(last.find(h.key)) {
				return h.text
			}
		}
		return ""
	}
	if w.slot == "" {
		return ""
	}
	h := have.slots[w.slot]
	if h == nil || c.owned(last.find(h.key)) || last != nil && c.owned(last.slots[w.slot]) {
		return "" // ours, or ours that somebody changed
	}
	return h.text
}

// owned reports whether a line that was applied last is ours to remove here.
func (c *comparison) owned(l *node) bool { return l != nil && l.found&c.place == 0 }

// remove finds the lines that are ours and no longer wanted.
func (c *comparison) remove(want, last, have *node, path []string) {
	if last == nil {
		return
	}
	for _, l := range last.kids {
		w, h := want.find(l.key), have.find(l.key)
		switch {
		case w == nil && h == nil:
			where := name(path, l.text)
			if c.owned(l) && len(l.kids) == 0 && c.accepted != nil && have != nil && c.accepted(where) {
				c.removes = append(c.removes, op{remove: true, path: path, line: l, text: l.text})
			}
		case w == nil && len(path) == 0 && len(h.kids) == 0 && c.standing(h.text):
		case w == nil && c.owned(l) && (len(h.kids) == 0 || c.allOurs(l, h, name(path, h.text))):
			c.removes = append(c.removes, op{remove: true, path: path, line: l, text: h.text, have: h, whole: isContext(h.text, len(path)) || len(h.kids) > 0})
		case h != nil && len(l.kids) > 0:
			c.remove(w, l, h, append(path[:len(path):len(path)], h.text))
		}
	}
}

// standing reports whether a context is there because the kernel has a device
// of its name: FRR shows such a context though it is empty, and does not remove
// it.
func (c *comparison) standing(head string) bool {
	device := deviceOf(head)
	return device != "" && c.device != nil && c.device(device)
}

// deviceOf is the network device that the head of a context is about.
func deviceOf(head string) string {
	for _, word := range []string{"vrf ", "interface "} {
		if device, ok := strings.CutPrefix(head, word); ok {
			device, _, _ = strings.Cut(device, " ")
			return device
		}
	}
	return ""
}

// allOurs reports whether every line below h is ours or came with ours.
func (c *comparison) allOurs(last, h *node, where string) bool {
	for _, k := range h.kids {
		sub := where + separator + k.text
		l := last.find(k.key)
		if l == nil { // FRR may show it with a number that we did not give
			l = last.find(unnumbered(k.key))
		}
		switch {
		case l != nil && c.owned(l):
			if !c.allOurs(l, k, sub) {
				return false
			}
		case l == nil && (c.effect != nil && c.effect(sub) || last.slots[k.slot] != nil):
		default:
			return false
		}
	}
	return true
}

// changes tells the operations as an operator reads them. A context is told by
// the lines in it.
func changes(ops []op) []diff.Change {
	var old, now []desired.Entry
	for _, o := range ops {
		if o.again {
			continue
		}
		if o.remove {
			old = append(old, entries(&o, o.line, o.where())...)
		} else if len(o.line.kids) == 0 || len(o.path) > 0 {
			now = append(now, desired.Entry{Key: o.where(), Name: o.where(), Owner: o.line.owner})
		}
	}
	return diff.Keyed(desired.TypeFRR, old, now)
}

// entries lists a removed line, or of a context all lines.
func entries(o *op, n *node, where string) []desired.Entry {
	var out []desired.Entry
	if len(n.kids) == 0 || strings.Contains(where, separator) {
		out = append(out, desired.Entry{Key: where, Name: where, Owner: n.owner})
	}
	if o.whole {
		for _, k := range n.kids {
			out = append(out, entries(o, k, where+separator+k.text)...)
		}
	}
	return out
}

// leaves calls f with the name of every line below n.
func (n *node) leaves(path []string, f func(where string, path []string, n *node)) {
	if n == nil {
		return
	}
	for _, k := range n.kids {
		f(name(path, k.text), path, k)
		k.leaves(append(path[:len(path):len(path)], k.text), f)
	}
}
