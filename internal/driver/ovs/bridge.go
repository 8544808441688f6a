package ovs

import (
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// compareBridges finds the owned bridges to create, to change and to remove. It
// precedes the ports, which may be on new bridges.
func (p *plan) compareBridges(st *state, want []desired.OVSBridge) {
	var old []diff.Item[*bridge]
	for _, b := range st.bridges {
		if b.owned() {
			d := desired.OVSBridge{Name: b.name, Owner: b.ids[ownerKey], Like: b.ids[likeKey]}
			old = append(old, diff.Item[*bridge]{Entry: bridgeEntry(d, b.datapath), Value: b})
		}
	}
	var items []diff.Item[desired.OVSBridge]
	for _, w := range want {
		if err := checkBridge(st, w); err != nil {
			p.errs = append(p.errs, &driver.ObjectError{Owner: w.Owner, Err: err})
			continue
		}
		p.wantedBridges = append(p.wantedBridges, w)
		items = append(items, diff.Item[desired.OVSBridge]{Entry: bridgeEntry(w, st.bridges[w.Like].datapath), Value: w})
	}
	diff.Each(desired.TypeOVSBridge, old, items, func(c diff.Change, a **bridge, w *desired.OVSBridge) {
		p.changes = append(p.changes, c)
		if a != nil {
			row := operation{}
			for _, column := range watchedOfBridge {
				row[column] = (*a).row[column]
			}
			p.waits = append(p.waits, operation{"op": "wait", "table": "Bridge", "where": byID((*a).uuid), "timeout": 0,
				"columns": watchedOfBridge, "until": "==", "rows": []any{row}})
		}
		switch c.Action {
		case diff.Create, diff.Replace: // no setting of a bridge is immutable
			p.createBridge(st, *w)
		case diff.Update:
			p.ops = append(p.ops, operation{"op": "update", "table": "Bridge", "where": byID((*a).uuid), "row": bridgeColumns(st, *w)})
		case diff.Delete:
			// The database drops the rows of bridges without references.
			p.ops = append(p.ops, operation{"op": "mutate", "table": database, "where": byID(st.root),
				"mutations": []any{[]any{"bridges", "delete", uuidValue((*a).uuid)}}})
		}
	})
}

// bridgeEntry describes a bridge with its actual or wanted datapath.
func bridgeEntry(b desired.OVSBridge, datapath string) desired.Entry {
	e := desired.OVSBridgeEntry(b)
	e.Props = append(e.Props, desired.Prop{Name: "datapath", Value: datapath})
	return e
}

// checkBridge returns an error if a bridge is not feasible.
func checkBridge(st *state, w desired.OVSBridge) error {
	if st.bridges[w.Like] == nil {
		return msgOVSBaseBridgeMissing.Failure(w.Name, w.Like)
	}
	if b := st.bridges[w.Name]; b != nil && !b.owned() {
		return &driver.Conflict{Thing: "Open vSwitch bridge " + w.Name}
	}
	if a := st.ports[w.Name]; a != nil && (a.bridge == nil || a.bridge.name != w.Name) {
		return &driver.Conflict{Thing: "Open vSwitch port " + w.Name}
	}
	return nil
}

// bridgeColumns returns a bridge's own settings. Without a controller it learns
// addresses as a switch does.
func bridgeColumns(st *state, w desired.OVSBridge) operation {
	return operation{"datapath_type": st.bridges[w.Like].datapath, "fail_mode": "standalone",
		"external_ids": mapValue(markKey, markValue, ownerKey, w.Owner, likeKey, w.Like)}
}

// createBridge adds a bridge with its own port, which Open vSwitch requires.
func (p *plan) createBridge(st *state, w desired.OVSBridge) {
	n := strconv.Itoa(len(p.ops))
	p.bridges[w.Name] = "bridge" + n
	row := bridgeColumns(st, w)
	row["name"], row["ports"] = w.Name, namedUUID("own"+n)
	p.ops = append(p.ops,
		operation{"op": "insert", "table": "Interface", "uuid-name": "local" + n, "row": operation{"name": w.Name, "type": internalKind}},
		operation{"op": "insert", "table": "Port", "uuid-name": "own" + n, "row": operation{"name": w.Name, "interfaces": namedUUID("local" + n)}},
		operation{"op": "insert", "table": "Bridge", "uuid-name": "bridge" + n, "row": row},
		operation{"op": "mutate", "table": database, "where": byID(st.root), "mutations": []any{[]any{"bridges", "insert", namedUUID("bridge" + n)}}})
}
