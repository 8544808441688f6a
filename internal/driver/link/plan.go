package link

import (
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
)

// plan is the work of one pass: the changes as the operator reads them, and the
// requests that make them, in the order of sending.
type plan struct {
	changes []diff.Change
	steps   []step
	errs    []error
	// ports are the links that are joined to their bridge after the steps.
	ports []string
}

// planner builds a plan.
type planner struct {
	plan
	st       *state
	want     *wanted
	reserved func(string) bool
	next     int // the index of the next new link
	// index holds the index of every wanted link, existing or new; fresh marks
	// those to be created.
	index map[string]int
	fresh map[string]bool
	// replaced are links to delete before their successors are created.
	replaced map[string]bool
	// recreated are the owned links that are deleted although their names are
	// wanted.
	recreated map[*actual]bool
	// paired are veth ends that were created with their peer.
	paired map[string]bool
	// changeOf is the change that a link's steps serve.
	changeOf map[string]int

	// adds are the steps that add addresses and entries on a link, by its name;
	// dels remove them.
	adds    map[string][]step
	dels    []step
	removed []removal
}

// removal is a link to delete.
type removal struct {
	link   *actual
	change int
}

// makePlan compares the actual with the wanted state. It is pure. New links are
// numbered from firstIndex on.
//
// The order: bridges leave the VLANs of devices to be deleted; links that conflict
// with new ones are deleted; then follow new and changed links in creation order
// (see wanted.order), each followed by its contents; then guests' ports; and last
// all unwanted links are deleted.
func makePlan(st *state, w *wanted, reserved func(string) bool, firstIndex int) *plan {
	p := &planner{
		plan: plan{errs: w.errs}, st: st, want: w, reserved: reserved, next: firstIndex,
		index: make(map[string]int, len(w.links)), fresh: map[string]bool{}, replaced: map[string]bool{}, changeOf: map[string]int{},
		recreated: map[*actual]bool{}, paired: map[string]bool{}, adds: map[string][]step{},
	}
	p.findReplaced()
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

// change records a change and returns its index.
func (p *planner) change(c diff.Change) int {
	p.changes = append(p.changes, c)
	return len(p.changes) - 1
}

// compareLinks finds the links to create, to change and to remove.
func (p *planner) compareLinks() {
	var old []diff.Item[*actual]
	for _, l := range p.st.links {
		switch {
		case p.reserved(l.Name):
		case l.doomed():
			p.removed = append(p.removed, removal{link: l, change: -1})
		case l.owned():
			old = append(old, diff.Item[*actual]{Entry: p.actualEntry(l, p.want.byName[l.Name]), Value: l})
		}
	}
	wanted := make([]diff.Item[desired.Link], len(p.want.links))
	for i, l := range p.want.links {
		wanted[i] = diff.Item[desired.Link]{Entry: wantedEntry(l), Value: l}
		if a := p.st.byName[l.Name]; a != nil && a.owned() {
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
	// Indexes are assigned in creation order, so that ports know the number of a
	// bridge that does not exist yet.
	for _, l := range p.want.links {
		if p.fresh[l.Name] {
			p.index[l.Name] = p.next
			p.next++
		}
	}
}
