package link

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// wanted is the part of the desired state that can be had on this node.
type wanted struct {
	links      []desired.Link // in the order of making: what a link needs stands before it
	byName     map[string]*desired.Link
	addresses  map[string][]desired.Address // by link
	foreign    []desired.Address            // those on links that are not ours
	neighbours map[string][]desired.Neighbour
	ports      []port
	errs       []error
	// blocked are the objects that cannot be had; each is told once.
	blocked  map[string]bool
	reserved func(string) bool
}

// port is a desired.Port whose link exists.
type port struct {
	desired.Port
	link *actual
}

// errReserved is the reason why a reserved name is left alone.
var errReserved = errors.New("the name is reserved on this node, so that Viaduct does not touch it: " +
	"choose another name, or take it out of the node's reserved patterns")

// choose leaves out the objects that cannot be had, whole, and those that
// depend on them: a network without its bridge or its tunnel would be worse
// than none. Everything else stays.
func choose(st *state, want *desired.Space, reserved func(string) bool) *wanted {
	w := &wanted{
		byName:     make(map[string]*desired.Link, len(want.Links)),
		addresses:  make(map[string][]desired.Address, len(want.Addresses)),
		neighbours: make(map[string][]desired.Neighbour, len(want.Links)),
		blocked:    map[string]bool{},
		reserved:   reserved,
	}
	for i := range want.Links {
		w.byName[want.Links[i].Name] = &want.Links[i]
	}
	for i := range want.Links {
		l := &want.Links[i]
		err := obstacle(st, l, reserved)
		if err == nil {
			err = w.fault(st, l)
		}
		if err != nil {
			w.block(l.Owner, err)
		}
	}
	w.checkContent(want)
	order := w.order(want)
	w.blockDependants(order)
	w.keep(st, want, order, reserved)
	w.findPorts(st, want, reserved)
	return w
}

// block leaves an object out and tells why, once.
func (w *wanted) block(owner string, err error) {
	if !w.blocked[owner] {
		w.blocked[owner] = true
		w.errs = append(w.errs, &driver.ObjectError{Owner: owner, Err: err})
	}
}

// obstacle tells what on the node stands in the way of a link.
func obstacle(st *state, l *desired.Link, reserved func(string) bool) error {
	if reserved(l.Name) {
		return fmt.Errorf("interface %s: %w", l.Name, errReserved)
	}
	if a := st.named(l.Name); a != nil && !a.ours() && !a.doomed() {
		return desired.LinkInTheWay(l.Name, a.Name, a.Kind)
	}
	return nil
}

// describe is the link's name with its kind: "vnet1 (dummy)".
func (l *actual) describe() string {
	if l.Kind == "" {
		return l.Name
	}
	return l.Name + " (" + l.Kind + ")"
}

// checkContent finds addresses and neighbours that refer to a link which is not
// ours.
func (w *wanted) checkContent(want *desired.Space) {
	for _, a := range want.Addresses {
		if !a.Foreign && w.byName[a.Link] == nil {
			w.block(a.Owner, fmt.Errorf("address %s: interface %s is not one of Viaduct's on this node", a.Prefix, a.Link))
		}
	}
	for _, n := range want.Neighbours {
		if l := w.byName[n.Link]; l == nil || l.Kind != desired.LinkVXLAN {
			w.block(n.Owner, fmt.Errorf("forwarding entry %s: interface %s is not one of Viaduct's VXLAN devices on this node", n.MAC, n.Link))
		} else if !isMAC(n.MAC) || !n.Dst.IsValid() {
			w.block(n.Owner, fmt.Errorf("forwarding entry %s to %s on interface %s: no hardware address and far end", n.MAC, n.Dst, n.Link))
		}
	}
}

// isMAC reports whether the text is an Ethernet address.
func isMAC(text string) bool {
	m, err := net.ParseMAC(text)
	return err == nil && len(m) == 6
}

// keep collects what is not blocked.
func (w *wanted) keep(st *state, want *desired.Space, order []*desired.Link, reserved func(string) bool) {
	all := w.byName
	w.byName = make(map[string]*desired.Link, len(order))
	w.links = make([]desired.Link, 0, len(order)) // never grows: byName points into it
	for _, l := range order {
		if w.blocked[l.Owner] {
			continue
		}
		kept := *l
		kept.Alias = kernelAlias(l.Alias)
		kept.Port = portSettings(st, l, all[l.Master])
		w.links = append(w.links, kept)
		w.byName[l.Name] = &w.links[len(w.links)-1]
	}
	for _, a := range want.Addresses {
		switch {
		case w.blocked[a.Owner]:
		case a.Foreign:
			w.keepForeign(st, a, reserved)
		case w.byName[a.Link] != nil:
			w.addresses[a.Link] = append(w.addresses[a.Link], a)
		}
	}
	for _, n := range want.Neighbours {
		if !w.blocked[n.Owner] && w.byName[n.Link] != nil {
			w.neighbours[n.Link] = append(w.neighbours[n.Link], n)
		}
	}
}

// portSettings is what a link gets as a port of its bridge; nil if its master is
// none. The overlay port of a VLAN-aware bridge carries all VLANs; a port of
// another bridge carries none, for there are none.
func portSettings(st *state, l, master *desired.Link) *desired.BridgePort {
	aware := false
	switch {
	case l.ForeignMaster:
		aware = st.byName[l.Master].vlanAware()
	case master == nil || master.Kind != desired.LinkBridge:
		return nil
	default:
		aware = master.Bridge != nil && master.Bridge.VLANFiltering
	}
	all := aware && (l.Kind == desired.LinkVXLAN || (l.Port != nil && l.Port.AllVLANs))
	if l.Port == nil && !all || l.Port != nil && l.Port.AllVLANs == all && (aware || l.Port.VLAN == 0) {
		return l.Port
	}
	p := desired.BridgePort{AllVLANs: all}
	if aware && onlyVLAN(l) {
		p.VLAN, p.Tagged = l.Port.VLAN, l.Port.Tagged
	}
	if l.Port != nil {
		p.NoLearning, p.NeighSuppress = l.Port.NoLearning, l.Port.NeighSuppress
	}
	return &p
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
func (w *wanted) findPorts(st *state, want *desired.Space, reserved func(string) bool) {
	for _, p := range want.Ports {
		i := slices.IndexFunc(p.Names, func(name string) bool { return st.byName[name] != nil })
		if w.blocked[p.Owner] || i < 0 {
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
	case w.byName[p.Bridge] == nil || w.byName[p.Bridge].Kind != desired.LinkBridge:
		return fmt.Errorf("its bridge %s could not be made on this node; see the object that the bridge belongs to", p.Bridge)
	case slices.ContainsFunc(p.MACs, func(m string) bool { return !isMAC(m) }):
		return fmt.Errorf("%s are not hardware addresses in lower-case colon form (02:00:00:00:00:01)", strings.Join(p.MACs, " "))
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
