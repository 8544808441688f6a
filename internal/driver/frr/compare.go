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
	// path are the heads of the contexts around the line.
	path []string
	// line is the wanted or the applied line; text is its spelling in the
	// configuration that is changed.
	line *node
	text string
	// whole is true if the line is a context that is removed with its content; have
	// is that context in the configuration.
	whole bool
	have  *node
	// again is true if the line is wanted, and removed only until another line is
	// removed.
	again bool
}

// head returns the top-level line that the operation is below or about.
func (o *op) head() string {
	if len(o.path) > 0 {
		return o.path[0]
	}
	return o.text
}

// where returns the line's full name: "router bgp 65000 / advertise-all-vni".
func (o *op) where() string { return name(o.path, o.line.text) }

func name(path []string, text string) string {
	if len(path) == 0 {
		return text
	}
	return strings.Join(path, separator) + separator + text
}

// separator separates the parts of a line's name, as in package diff.
const separator = " / "

// comparison compares what is wanted (want), the lines that Viaduct applied last
// (last) and a configuration (have).
type comparison struct {
	// place is the configuration that is compared.
	place origin
	// accepted reports whether FRR holds a line that it does not show; nil if a
	// line that is not shown is missing.
	accepted func(where string) bool
	// effect reports whether a line appeared as the effect of an owned one.
	effect func(where string) bool
	// device reports whether the node has a network device; nil if it does not
	// matter.
	device func(name string) bool

	adds, removes []op
	// conflicts are wanted lines that conflict with lines that Viaduct does not
	// own.
	conflicts []conflict
}

// conflict is a wanted line and the line that it conflicts with.
type conflict struct {
	where, other, owner string
}

// compare computes the operations that turn have into the wanted configuration.
// Each tree may be nil.
func (c *comparison) compare(want, last, have *node) {
	c.add(want, last, have, nil)
	c.remove(want, last, have, nil)
	c.release(want, last, have)
}

// release removes the VNI from each VRF with a BGP router that is removed, also for
// another AS number: otherwise FRR keeps the router. The next round adds it again.
func (c *comparison) release(want, last, have *node) {
	if c.place != inRunning {
		return // a file accepts anything
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

// waiting removes the additions that cannot be made yet: those to a BGP router that
// is to replace another one, and those to all routers if that is the default one,
// which FRR keeps as long as there are others.
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
			if other := c.conflicting(w, last, have, path); other != "" {
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
		return false // somebody has changed it
	}
	return have == nil || w.slot == "" || have.slots[w.slot] == nil
}

// conflicting finds a line that Viaduct does not own and that excludes a wanted
// one: another value of the same setting, or a router of another number.
func (c *comparison) conflicting(w, last, have *node, path []string) string {
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
		return "" // owned, or an owned line that somebody changed
	}
	return h.text
}

// owned reports whether Viaduct owns a line that was applied last, and may remove
// it here.
func (c *comparison) owned(l *node) bool { return l != nil && l.found&c.place == 0 }

// remove finds the owned lines that are no longer wanted.
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
		case w == nil && len(path) == 0 && len(h.kids) == 0 && c.deviceContext(h.text):
		case w == nil && c.owned(l) && (len(h.kids) == 0 || c.allOwned(l, h, name(path, h.text))):
			c.removes = append(c.removes, op{remove: true, path: path, line: l, text: h.text, have: h, whole: isContext(h.text, len(path)) || len(h.kids) > 0})
		case h != nil && len(l.kids) > 0:
			c.remove(w, l, h, append(path[:len(path):len(path)], h.text))
		}
	}
}

// deviceContext reports whether a context exists because the kernel has a device of
// its name: FRR shows such a context though it is empty, and does not remove it.
func (c *comparison) deviceContext(head string) bool {
	device := deviceOf(head)
	return device != "" && c.device != nil && c.device(device)
}

// deviceOf returns the network device that the head of a context is about.
func deviceOf(head string) string {
	for _, word := range []string{"vrf ", "interface "} {
		if device, ok := strings.CutPrefix(head, word); ok {
			device, _, _ = strings.Cut(device, " ")
			return device
		}
	}
	return ""
}

// allOwned reports whether every line below h is owned or an effect of an owned
// one.
func (c *comparison) allOwned(last, h *node, where string) bool {
	for _, k := range h.kids {
		sub := where + separator + k.text
		l := last.find(k.key)
		if l == nil { // FRR may show it with a number that Viaduct did not set
			l = last.find(unnumbered(k.key))
		}
		switch {
		case l != nil && c.owned(l):
			if !c.allOwned(l, k, sub) {
				return false
			}
		case l == nil && (c.effect != nil && c.effect(sub) || last.slots[k.slot] != nil):
		default:
			return false
		}
	}
	return true
}

// changes describes the operations for an operator. A context is described by its
// lines.
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

// entries lists a removed line; for a context, all its lines.
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
