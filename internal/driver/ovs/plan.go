package ovs

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// plan is the work of one pass, in one transaction.
type plan struct {
	changes []diff.Change
	waits   []operation // conditions: rows unchanged since they were read
	ops     []operation
	errs    []error
	// wanted are the feasible ports.
	wanted        []desired.OVSPort
	wantedBridges []desired.OVSBridge
	// bridges are those that this transaction creates, by name: its references to
	// them.
	bridges map[string]string
}

// makePlan compares the actual with the wanted state. It is pure.
func makePlan(st *state, want *desired.Space) *plan {
	p := &plan{bridges: map[string]string{}}
	p.compareBridges(st, want.OVSBridges)
	for _, w := range want.OVSPorts {
		if err := p.checkPort(st, w); err != nil {
			p.errs = append(p.errs, &driver.ObjectError{Owner: w.Owner, Err: err})
			continue
		}
		p.wanted = append(p.wanted, w)
	}
	p.limitVLANs(st)
	var old []diff.Item[*port]
	for _, a := range st.ports {
		if a.owned() {
			old = append(old, diff.Item[*port]{Entry: actualEntry(a), Value: a})
		}
	}
	items := make([]diff.Item[desired.OVSPort], len(p.wanted))
	for i, w := range p.wanted {
		items[i] = diff.Item[desired.OVSPort]{Entry: wantedEntry(w), Value: w}
	}
	diff.Each(desired.TypeOVSPort, old, items, func(c diff.Change, a **port, w *desired.OVSPort) {
		p.changes = append(p.changes, c)
		switch c.Action {
		case diff.Delete:
			p.remove(*a)
		case diff.Replace:
			p.remove(*a)
			p.create(st, *w)
		case diff.Create:
			p.create(st, *w)
		case diff.Update:
			p.update(*a, *w)
		}
	})
	if len(p.ops) > 0 {
		// ovs-vswitchd reports its progress by this number.
		p.ops = append(p.ops,
			operation{"op": "mutate", "table": database, "where": byID(st.root), "mutations": []any{[]any{"next_cfg", "+=", 1}}},
			operation{"op": "comment", "comment": "viaduct: " + strconv.Itoa(len(p.changes)) + " changes"})
	}
	return p
}

// The limits of the database's columns.
const (
	maxTag         = 4094
	minMTU, maxMTU = 68, 65535
)

// checkPort returns an error if a port is not feasible.
func (p *plan) checkPort(st *state, w desired.OVSPort) error {
	if st.bridges[w.Bridge] == nil && p.bridges[w.Bridge] == "" {
		return msgOVSBridgeMissing.Failure(w.Name, w.Bridge)
	}
	if a := st.ports[w.Name]; a != nil && !a.owned() {
		on := ""
		if a.bridge != nil {
			on = a.bridge.name
		}
		return desired.OVSPortInTheWay(w.Name, on)
	}
	for _, a := range st.ports {
		for _, i := range a.interfaces {
			if i.name == w.Name && a.name != w.Name {
				return &driver.Conflict{Thing: fmt.Sprintf("Open vSwitch interface %s (of port %s)", w.Name, a.name)}
			}
		}
	}
	switch {
	case w.Tag < 0 || w.Tag > maxTag || w.QinQ && w.Tag == 0:
		return fmt.Errorf("port %s: VLAN %d is not between 1 and %d", w.Name, w.Tag, maxTag)
	case w.MTU != 0 && (w.MTU < minMTU || w.MTU > maxMTU):
		return fmt.Errorf("port %s: an MTU of %d is not between %d and %d", w.Name, w.MTU, minMTU, maxMTU)
	}
	return nil
}

// wantedEntry describes a wanted port.
func wantedEntry(w desired.OVSPort) desired.Entry {
	kind := internalKind
	if w.Peer != "" {
		kind = patchKind
	}
	return withMode(desired.OVSPortEntry(w), kind, "", trunk(w))
}

// actualEntry describes an owned port in terms of the desired state.
func actualEntry(a *port) desired.Entry {
	d := desired.OVSPort{Name: a.name, Peer: a.interfaces[0].peer, Tag: int(a.tag), QinQ: a.mode == tunnelMode, EtherType: a.config[etherTypeKey],
		MTU: int(a.interfaces[0].mtuRequest), Owner: a.ids[ownerKey]}
	if a.bridge != nil {
		d.Bridge = a.bridge.name
	}
	odd := a.mode
	if odd == tunnelMode || odd == "access" { // a tag alone implies it
		odd = ""
	}
	return withMode(desired.OVSPortEntry(d), a.interfaces[0].kind, odd, a.trunk)
}

// The types of interfaces: an internal one of Open vSwitch, and the end of a patch.
const (
	internalKind = "internal"
	patchKind    = "patch"
)

// trunk reports whether a port carries all VLANs.
func trunk(w desired.OVSPort) bool { return w.Peer != "" && w.Tag == 0 }

// withMode adds the properties that depend on others.
func withMode(e desired.Entry, kind, odd string, trunk bool) desired.Entry {
	all := ""
	if trunk {
		all = "on"
	}
	e.Props = append(e.Props,
		desired.Prop{Name: "type", Value: kind, Zero: internalKind, Fixed: true},
		desired.Prop{Name: "vlan-mode", Value: odd},
		desired.Prop{Name: "all-vlans", Value: all})
	return e
}

// limitVLANs makes the switch parse two VLAN tags if a port carries VLANs inside
// another: with its default of one it would treat the inner tag as payload that it
// may not match, and so drop frames.
func (p *plan) limitVLANs(st *state) {
	old := st.config[vlanLimitKey]
	limit, err := strconv.Atoi(cmp.Or(old, "1"))
	if err == nil && (limit == 0 || limit >= 2) {
		return
	}
	for _, w := range p.wanted {
		if !w.QinQ {
			continue
		}
		p.changes = append(p.changes, diff.Change{Action: diff.Update, Type: desired.TypeOVSPort, Name: "other_config:" + vlanLimitKey + " of Open vSwitch",
			Owner: w.Owner, Fields: []diff.Field{{Name: vlanLimitKey, Old: old, New: "2"}}})
		p.ops = append(p.ops, operation{"op": "mutate", "table": database, "where": byID(st.root), "mutations": []any{
			[]any{"other_config", "delete", setValue(vlanLimitKey)},
			[]any{"other_config", "insert", mapValue(vlanLimitKey, "2")},
		}})
		return
	}
}

// byID returns the condition that selects one row.
func byID(uuid string) []any { return []any{[]any{"_uuid", "==", uuidValue(uuid)}} }

// columns returns a port's own settings.
func columns(w desired.OVSPort) operation {
	row := operation{"tag": w.Tag, "vlan_mode": setValue(), "other_config": mapValue(), "external_ids": mapValue(markKey, markValue, ownerKey, w.Owner)}
	if trunk(w) {
		row["tag"] = setValue()
	}
	if w.QinQ {
		row["vlan_mode"] = tunnelMode
		if w.EtherType != "" {
			row["other_config"] = mapValue(etherTypeKey, w.EtherType)
		}
	}
	return row
}

// mtu returns the value of an interface's mtu_request.
func mtu(w desired.OVSPort) any {
	if w.MTU == 0 {
		return setValue()
	}
	return w.MTU
}

// create adds a port with its interface to its bridge.
func (p *plan) create(st *state, w desired.OVSPort) {
	n := strconv.Itoa(len(p.ops))
	port := columns(w)
	port["name"], port["interfaces"] = w.Name, namedUUID("interface"+n)
	bridge := []any{[]any{"_uuid", "==", namedUUID(p.bridges[w.Bridge])}}
	if b := st.bridges[w.Bridge]; b != nil {
		bridge = byID(b.uuid)
		p.waits = append(p.waits, operation{"op": "wait", "table": "Bridge", "where": bridge, "timeout": 0,
			"columns": []string{"name"}, "until": "==", "rows": []any{operation{"name": b.name}}})
	}
	iface := operation{"name": w.Name, "type": internalKind, "mtu_request": mtu(w)}
	if w.Peer != "" {
		iface = operation{"name": w.Name, "type": patchKind, "options": mapValue(peerKey, w.Peer)}
	}
	p.ops = append(p.ops,
		operation{"op": "insert", "table": "Interface", "uuid-name": "interface" + n, "row": iface},
		operation{"op": "insert", "table": "Port", "uuid-name": "port" + n, "row": port},
		operation{"op": "mutate", "table": "Bridge", "where": bridge, "mutations": []any{[]any{"ports", "insert", namedUUID("port" + n)}}})
}

// update changes a port in place.
func (p *plan) update(a *port, w desired.OVSPort) {
	p.unchanged(a)
	p.ops = append(p.ops,
		operation{"op": "update", "table": "Port", "where": byID(a.uuid), "row": columns(w)},
		operation{"op": "update", "table": "Interface", "where": byID(a.interfaces[0].uuid), "row": operation{"mtu_request": mtu(w)}})
}

// remove removes a port from its bridge. The database drops the rows of ports and
// interfaces without references.
func (p *plan) remove(a *port) {
	if a.bridge == nil {
		return // the database is about to drop it
	}
	p.unchanged(a)
	p.ops = append(p.ops, operation{"op": "mutate", "table": "Bridge", "where": byID(a.bridge.uuid), "mutations": []any{[]any{"ports", "delete", uuidValue(a.uuid)}}})
}

// unchanged makes the transaction fail if a port has changed since it was read: it
// may belong to somebody else now.
func (p *plan) unchanged(a *port) {
	row := operation{}
	for _, c := range watched {
		row[c] = a.column(c)
	}
	p.waits = append(p.waits, operation{"op": "wait", "table": "Port", "where": byID(a.uuid), "timeout": 0, "columns": watched, "until": "==", "rows": []any{row}})
}
