package link

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// wanted is the part of the desired state that can be had on this node.
type wanted struct {
	links      []desired.Link // each bridge followed by its ports, which need it
	byName     map[string]*desired.Link
	addresses  map[string][]desired.Address // by link
	neighbours map[string][]desired.Neighbour
	ports      []port
	errs       []error
}

// port is a desired.Port whose link exists.
type port struct {
	desired.Port
	link *actual
}

// errReserved is the reason why a reserved name is left alone.
var errReserved = errors.New("the name is reserved on this node, so that Viaduct does not touch it: " +
	"choose another name, or take it out of the node's reserved patterns")

// choose leaves out the objects that cannot be had, whole: a network without
// its bridge or its tunnel would be worse than none. Everything else stays.
func choose(st *state, want *desired.Node, reserved func(string) bool) *wanted {
	w := &wanted{
		byName:     make(map[string]*desired.Link, len(want.Links)),
		addresses:  make(map[string][]desired.Address, len(want.Addresses)),
		neighbours: make(map[string][]desired.Neighbour, len(want.Links)),
	}
	blocked := map[string]bool{}
	block := func(owner string, err error) {
		if !blocked[owner] {
			blocked[owner] = true
			w.errs = append(w.errs, &driver.ObjectError{Owner: owner, Err: err})
		}
	}
	for i := range want.Links {
		l := &want.Links[i]
		w.byName[l.Name] = l
		if err := obstacle(st, l, reserved); err != nil {
			block(l.Owner, err)
		}
	}
	w.checkReferences(want, block)
	w.keep(want, blocked)
	w.findPorts(st, want, blocked, reserved)
	return w
}

// obstacle tells what stands in the way of a link.
func obstacle(st *state, l *desired.Link, reserved func(string) bool) error {
	if reserved(l.Name) {
		return fmt.Errorf("interface %s: %w", l.Name, errReserved)
	}
	if a := st.byName[l.Name]; a != nil && !a.ours() && !a.doomed() {
		return &driver.Conflict{Thing: "interface " + a.describe()}
	}
	switch {
	case l.Kind == desired.LinkVXLAN && l.VXLAN != nil, l.Kind == desired.LinkBridge:
		return nil
	}
	return fmt.Errorf("interface %s: this release cannot make an interface of kind %q", l.Name, l.Kind)
}

// describe is the link's name with its kind: "vnet1 (dummy)".
func (l *actual) describe() string {
	if l.Kind == "" {
		return l.Name
	}
	return l.Name + " (" + l.Kind + ")"
}

// checkReferences finds links, addresses and neighbours that refer to a link
// which is not ours.
func (w *wanted) checkReferences(want *desired.Node, block func(string, error)) {
	for _, l := range want.Links {
		if m := w.byName[l.Master]; l.Master != "" && (m == nil || m.Kind != desired.LinkBridge) {
			block(l.Owner, fmt.Errorf("interface %s: its bridge %s is not one of Viaduct's on this node", l.Name, l.Master))
		}
	}
	for _, a := range want.Addresses {
		if w.byName[a.Link] == nil {
			block(a.Owner, fmt.Errorf("address %s: interface %s is not one of Viaduct's on this node", a.Prefix, a.Link))
		}
	}
	for _, n := range want.Neighbours {
		if l := w.byName[n.Link]; l == nil || l.Kind != desired.LinkVXLAN {
			block(n.Owner, fmt.Errorf("forwarding entry %s: interface %s is not one of Viaduct's VXLAN devices on this node", n.MAC, n.Link))
		} else if _, err := net.ParseMAC(n.MAC); err != nil || !n.Dst.IsValid() {
			block(n.Owner, fmt.Errorf("forwarding entry %s to %s on interface %s: no hardware address and far end", n.MAC, n.Dst, n.Link))
		}
	}
}

// keep collects what is not blocked, and does not depend on what is.
func (w *wanted) keep(want *desired.Node, blocked map[string]bool) {
	w.byName = make(map[string]*desired.Link, len(want.Links))
	ports := map[string][]desired.Link{} // by bridge
	for _, l := range want.Links {
		if l.Kind == desired.LinkVXLAN {
			ports[l.Master] = append(ports[l.Master], l)
		}
	}
	add := func(l desired.Link) {
		if blocked[l.Owner] {
			return
		}
		if l.Master != "" && w.byName[l.Master] == nil {
			w.errs = append(w.errs, &driver.ObjectError{Owner: l.Owner, Err: fmt.Errorf("interface %s: %w", l.Name, noBridge(l.Master))})
			return
		}
		l.Alias = kernelAlias(l.Alias)
		w.links = append(w.links, l)
		w.byName[l.Name] = &l
	}
	for _, l := range want.Links {
		if l.Kind == desired.LinkBridge {
			add(l)
			for _, port := range ports[l.Name] {
				add(port)
			}
		}
	}
	for _, l := range ports[""] {
		add(l)
	}
	for _, a := range want.Addresses {
		if !blocked[a.Owner] && w.byName[a.Link] != nil {
			w.addresses[a.Link] = append(w.addresses[a.Link], a)
		}
	}
	for _, n := range want.Neighbours {
		if !blocked[n.Owner] && w.byName[n.Link] != nil {
			w.neighbours[n.Link] = append(w.neighbours[n.Link], n)
		}
	}
}

// noBridge says that a bridge is missing because of another object's fault.
func noBridge(name string) error {
	return fmt.Errorf("its bridge %s could not be made on this node; see the object that the bridge belongs to", name)
}

// maxAlias is how much of an alias the kernel keeps, in bytes.
const maxAlias = 255

// kernelAlias cuts an alias to what the kernel keeps, between characters.
func kernelAlias(s string) string {
	if len(s) <= maxAlias {
		return s
	}
	cut := 0
	for i := range s {
		if i > maxAlias {
			break
		}
		cut = i
	}
	return s[:cut]
}

// findPorts finds the links of the wanted ports. One that does not exist is no
// fault: the guest is not running.
func (w *wanted) findPorts(st *state, want *desired.Node, blocked map[string]bool, reserved func(string) bool) {
	for _, p := range want.Ports {
		i := slices.IndexFunc(p.Names, func(name string) bool { return st.byName[name] != nil })
		if blocked[p.Owner] || i < 0 {
			continue
		}
		l := st.byName[p.Names[i]]
		if err := w.portObstacle(st, p, l, reserved); err != nil {
			w.errs = append(w.errs, &driver.ObjectError{Owner: p.Owner, Err: fmt.Errorf("interface %s: %w", l.Name, err)})
			continue
		}
		w.ports = append(w.ports, port{Port: p, link: l})
	}
}

// portObstacle tells why a link cannot become a port.
func (w *wanted) portObstacle(st *state, p desired.Port, l *actual, reserved func(string) bool) error {
	master := st.byIdx[l.Master]
	switch {
	case reserved(l.Name):
		return errReserved
	case l.ours() || l.doomed() || w.byName[l.Name] != nil:
		return errors.New("it is one of Viaduct's own interfaces, not a guest's: give the guest's interface another name")
	case w.byName[p.Bridge] == nil:
		return noBridge(p.Bridge)
	case l.Master == 0 || (master != nil && (master.ours() || master.doomed())):
		return nil
	}
	of := "another interface"
	if master != nil {
		of = master.describe()
	}
	return fmt.Errorf("it is a port of %s, which was not made by Viaduct, and was left there: "+
		"remove it from that one (ip link set %s nomaster) and it joins bridge %s", of, l.Name, p.Bridge)
}
