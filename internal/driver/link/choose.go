package link

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// wanted is the part of the desired state that is feasible on this node.
type wanted struct {
	links      []desired.Link // in creation order: dependencies first
	byName     map[string]*desired.Link
	addresses  map[string][]desired.Address // by link
	foreign    []desired.Address            // those on links that Viaduct does not own
	neighbours map[string][]desired.Neighbour
	ports      []port
	errs       []error
	// blocked holds the objects that are not feasible; each is reported once.
	blocked  map[string]bool
	reserved func(string) bool
}

// port is a desired.Port with an existing link.
type port struct {
	desired.Port
	link *actual
}

// errReserved is the reason why a reserved name is left alone.
var errReserved = msgNameReservedOnNode.Failure()

// choose leaves out infeasible objects as a whole, and those that depend on them: a
// network without its bridge or its tunnel would be worse than none. All others are
// kept.
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
		err := checkName(st, l, reserved)
		if err == nil {
			err = w.check(st, l)
		}
		if err != nil {
			w.block(l.Owner, err)
		}
	}
	w.checkContent(want)
	order := w.order(want)
	w.blockDependants(order)
	w.collect(st, want, order, reserved)
	w.findPorts(st, want, reserved)
	return w
}

// block leaves an object out and reports the reason, once.
func (w *wanted) block(owner string, err error) {
	if !w.blocked[owner] {
		w.blocked[owner] = true
		w.errs = append(w.errs, &driver.ObjectError{Owner: owner, Err: err})
	}
}

// checkName returns an error if the node has another interface with the link's
// name, or reserves it.
func checkName(st *state, l *desired.Link, reserved func(string) bool) error {
	if reserved(l.Name) {
		return fmt.Errorf("interface %s: %w", l.Name, errReserved)
	}
	if a := st.named(l.Name); a != nil && !a.owned() && !a.doomed() {
		return desired.LinkInTheWay(l.Name, a.Name, a.Kind)
	}
	return nil
}

// describe returns the link's name with its kind: "vnet1 (dummy)".
func (l *actual) describe() string {
	if l.Kind == "" {
		return l.Name
	}
	return l.Name + " (" + l.Kind + ")"
}

// checkContent finds addresses and neighbours that refer to a link that Viaduct
// does not own.
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
			w.block(n.Owner, fmt.Errorf("forwarding entry %s to %s on interface %s: no MAC address and far end", n.MAC, n.Dst, n.Link))
		}
	}
}

// isMAC reports whether the text is an Ethernet address.
func isMAC(text string) bool {
	m, err := net.ParseMAC(text)
	return err == nil && len(m) == 6
}

// collect keeps everything that is not blocked.
func (w *wanted) collect(st *state, want *desired.Space, order []*desired.Link, reserved func(string) bool) {
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
			w.collectForeign(st, a, reserved)
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

// portSettings returns a link's settings as a port of its bridge; nil if its master
// is not a bridge. The overlay port of a VLAN-aware bridge carries all VLANs;
// bridges that are not VLAN-aware have none to carry.
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

// maxAlias is the length of an alias that the kernel stores, in bytes.
const maxAlias = 255

// kernelAlias truncates an alias to the stored length, at a character boundary.
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

// findPorts finds the links of the wanted ports. A missing link is not an error:
// the guest is not running.
func (w *wanted) findPorts(st *state, want *desired.Space, reserved func(string) bool) {
	for _, p := range want.Ports {
		i := slices.IndexFunc(p.Names, func(name string) bool { return st.byName[name] != nil })
		if w.blocked[p.Owner] || i < 0 {
			continue
		}
		l := st.byName[p.Names[i]]
		if err := w.checkPort(st, p, l, reserved); err != nil {
			w.errs = append(w.errs, &driver.ObjectError{Owner: p.Owner, Err: fmt.Errorf("interface %s: %w", l.Name, err)})
			continue
		}
		w.ports = append(w.ports, port{Port: p, link: l})
	}
}

// checkPort returns an error if a link cannot become a port.
func (w *wanted) checkPort(st *state, p desired.Port, l *actual, reserved func(string) bool) error {
	master := st.byIdx[l.Master]
	switch {
	case reserved(l.Name):
		return errReserved
	case l.owned() || l.doomed() || w.byName[l.Name] != nil:
		return msgGuestInterfaceOwned.Failure()
	case w.byName[p.Bridge] == nil || w.byName[p.Bridge].Kind != desired.LinkBridge:
		return msgPortBridgeNotMade.Failure(p.Bridge)
	case slices.ContainsFunc(p.MACs, func(m string) bool { return !isMAC(m) }):
		return fmt.Errorf("%s are not MAC addresses in lower-case colon form (02:00:00:00:00:01)", strings.Join(p.MACs, " "))
	case l.Master == 0 || (master != nil && (master.owned() || master.doomed())):
		return nil
	}
	of := "another interface"
	if master != nil {
		of = master.describe()
	}
	return msgPortOfForeignBridge.Failure(of, l.Name, p.Bridge)
}
