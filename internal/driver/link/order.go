package link

import (
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// ranks is the order in which kinds of links are created, where their dependencies
// leave a choice.
var ranks = []desired.LinkKind{
	desired.LinkVRF, desired.LinkDummy, desired.LinkBridge, desired.LinkVeth, desired.LinkVLAN, desired.LinkVXLAN,
}

// order puts the links in creation order: each after its master and its parent, and
// each bridge followed by those of its ports that need nothing else (for a thousand
// networks, creating all bridges first costs the kernel twice the time). A link
// that depends on itself is blocked.
func (w *wanted) order(want *desired.Space) []*desired.Link {
	o := &orderer{want: w, members: map[string][]*desired.Link{}, state: make(map[string]visit, len(want.Links))}
	for i := range want.Links {
		l := &want.Links[i]
		if l.Master != "" && !l.ForeignMaster {
			o.members[l.Master] = append(o.members[l.Master], l)
		}
	}
	for _, kind := range ranks {
		for i := range want.Links {
			if l := &want.Links[i]; l.Kind == kind {
				o.visit(l)
			}
		}
	}
	return o.out
}

// visit is the state of a link in the ordering.
type visit int

const (
	unseen visit = iota
	begun
	done
)

// orderer walks the links along their dependencies.
type orderer struct {
	want    *wanted
	members map[string][]*desired.Link // by master
	state   map[string]visit
	out     []*desired.Link
}

// visit places a link after its dependencies.
func (o *orderer) visit(l *desired.Link) {
	switch o.state[l.Name] {
	case done:
		return
	case begun:
		o.want.block(l.Owner, fmt.Errorf("interface %s would be carried by itself: its master or parent leads back to it", l.Name))
		return
	case unseen:
	}
	o.state[l.Name] = begun
	for _, n := range o.want.needs(l) {
		o.visit(n.link)
	}
	o.place(l)
}

// place appends a link with all dependencies placed, and its ports that are ready
// then.
func (o *orderer) place(l *desired.Link) {
	if o.state[l.Name] == done { // placed in the meantime, as a port of a dependency
		return
	}
	o.state[l.Name] = done
	o.out = append(o.out, l)
	for _, tunnels := range []bool{false, true} {
		for _, m := range o.members[l.Name] {
			if (m.Kind == desired.LinkVXLAN) == tunnels && o.state[m.Name] != done && o.ready(m) {
				o.place(m)
			}
		}
	}
}

func (o *orderer) ready(l *desired.Link) bool {
	for _, n := range o.want.needs(l) {
		if o.state[n.link.Name] != done {
			return false
		}
	}
	return true
}

// need is a wanted link that another link depends on.
type need struct {
	role string // as the operator knows it: "bridge"
	link *desired.Link
}

// needs returns the wanted links that must exist before a link.
func (w *wanted) needs(l *desired.Link) []need {
	var out []need
	if m := w.byName[l.Master]; m != nil && !l.ForeignMaster {
		role := "bridge"
		if m.Kind == desired.LinkVRF {
			role = "VRF"
		}
		out = append(out, need{role, m})
	}
	if l.VLAN != nil {
		if p := w.byName[l.VLAN.Parent]; p != nil {
			out = append(out, need{"parent", p})
		}
	}
	return out
}

// blockDependants blocks the objects with links that depend on a blocked object. An
// object is blocked as a whole, so others may follow from any of its links: the
// search is repeated until it finds no more, at most once for every object.
func (w *wanted) blockDependants(order []*desired.Link) {
	for before := -1; before != len(w.blocked) && len(w.blocked) > 0; {
		before = len(w.blocked)
		for _, l := range order {
			if w.blocked[l.Owner] {
				continue
			}
			needs := w.needs(l)
			if l.Veth != nil && !l.Veth.Elsewhere {
				needs = append(needs, need{"other end", w.byName[l.Veth.Peer]})
			}
			for _, n := range needs {
				if w.blocked[n.link.Owner] {
					w.block(l.Owner, msgLinkBaseNotMade.Failure(l.Name, n.role, n.link.Name, n.link.Owner))
				}
			}
		}
	}
}
