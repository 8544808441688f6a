package link

import (
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
)

// plan is what one pass does: the changes as an operator reads them, and the
// requests that make them, in the order in which they are sent.
type plan struct {
	changes []diff.Change
	steps   []step
	errs    []error
	// ports are the links that are joined to their bridge once the steps are done.
	ports []string
}

// planner makes a plan.
type planner struct {
	plan
	st       *state
	want     *wanted
	reserved func(string) bool
	next     int // the index of the next new link
	// index is that of every wanted link, living or to be made; fresh tells
	// those to be made.
	index map[string]int
	fresh map[string]bool
	// replaced are links that have to go before their successors come.
	replaced map[string]bool
	// gone are the links of ours that are deleted although their names are wanted.
	gone map[*actual]bool
	// paired are ends of veth pairs that were made with the other end.
	paired map[string]bool
	// changeOf is the change that a link's steps serve.
	changeOf map[string]int

	// adds are the steps that add what is on a link, by its name; dels remove it.
	adds    map[string][]step
	dels    []step
	removed []removal
}

// removal is a link to delete.
type removal struct {
	link   *actual
	change int
}

// makePlan compares what stands with what is wanted. It is pure. New links are
// numbered from firstIndex on.
//
// The order: bridges leave the VLANs of devices that are to go; links that stand
// in the way of new ones go; then come new
// and changed links in the order of making (see wanted.order), each followed by
// what is on it; then guests' ports; and last goes whatever nobody wants any more.
func makePlan(st *state, w *wanted, reserved func(string) bool, firstIndex int) *plan {
	p := &planner{
		plan: plan{errs: w.errs}, st: st, want: w, reserved: reserved, next: firstIndex,
		index: make(map[string]int, len(w.links)), fresh: map[string]bool{}, replaced: map[string]bool{}, changeOf: map[string]int{},
		gone: map[*actual]bool{}, paired: map[string]bool{}, adds: map[string][]step{},
	}
	p.findGone()
	p.compareLinks()
	early, late := p.splitRemovals()
	p.leaveVLANs()
	p.remove(early, late)
	p.compareAddresses()
	p.compareForeignAddresses()
	p.compareNeighbours()
	p.buildLinks()
	p.steps = append(p.steps, p.dels...)
	p.comparePorts()
	p.remove(late, nil)
	return &p.plan
}

// change notes a change and returns its index.
func (p *planner) change(c diff.Change) int {
	p.changes = append(p.changes, c)
	return len(p.changes) - 1
}

// compareLinks finds the links to make, to change and to remove.
func (p *planner) compareLinks() {
	var old []diff.Item[*actual]
	for _, l := range p.st.links {
		switch {
		case p.reserved(l.Name):
		case l.doomed():
			p.removed = append(p.removed, removal{link: l, change: -1})
		case l.ours():
			old = append(old, diff.Item[*actual]{Entry: p.actualEntry(l, p.want.byName[l.Name]), Value: l})
		}
	}
	wanted := make([]diff.Item[desired.Link], len(p.want.links))
	for i, l := range p.want.links {
		wanted[i] = diff.Item[desired.Link]{Entry: wantedEntry(l), Value: l}
		if a := p.st.byName[l.Name]; a != nil && a.ours() {
			p.index[l.Name] = a.Index
		}
	}
	diff.Each(desired.TypeLink, old, wanted, func(c diff.Change, a **actual, l *desired.Link) {
		if p.isClaimed(c, a, l) {
			p.release(*a, c)
			return
		}
		n := p.change(c)
		switch c.Action {
		case diff.Delete, diff.Replace:
			p.removed = append(p.removed, removal{link: *a, change: n})
		case diff.Create, diff.Update: // removes nothing
		}
		if c.Action == diff.Create || c.Action == diff.Replace {
			p.fresh[l.Name] = true
			p.replaced[l.Name] = c.Action == diff.Replace
		}
		if l != nil {
			p.changeOf[l.Name] = n
		}
	})
	// Indexes are given in the order of making, so that ports know the number of
	// a bridge that does not exist yet.
	for _, l := range p.want.links {
		if p.fresh[l.Name] {
			p.index[l.Name] = p.next
			p.next++
		}
	}
}
