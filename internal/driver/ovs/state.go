package ovs

import (
	"context"
	"encoding/json"
)

// The keys of external_ids that mark an owned port or bridge.
const (
	markKey   = "viaduct"
	markValue = "1"
	ownerKey  = "viaduct-owner"
	likeKey   = "viaduct-like" // of a bridge: the one with the datapath that it shares
)

// peerKey is the option of a patch's end that names its peer.
const peerKey = "peer"

// The keys of other_config that the driver sets.
const (
	etherTypeKey = "qinq-ethtype" // of a port
	vlanLimitKey = "vlan-limit"   // of the switch
)

// tunnelMode is the vlan_mode of a port that carries VLANs inside another.
const tunnelMode = "dot1q-tunnel"

// state is the actual state of the database.
type state struct {
	root    string // the row of table Open_vSwitch
	config  map[string]string
	bridges map[string]*bridge
	ports   map[string]*port
}

// bridge is a row of table Bridge.
type bridge struct {
	uuid     string
	name     string
	row      row // the columns that waits compare
	datapath string
	ids      map[string]string
	ports    []*port
}

// owned reports whether Viaduct created a bridge.
func (b *bridge) owned() bool { return b.ids[markKey] == markValue }

// port is a row of table Port with its first interface.
type port struct {
	uuid       string
	name       string
	bridge     *bridge
	row        row // the columns that waits compare
	tag        int64
	trunk      bool // no tag at all
	trunks     []int
	mode       string
	config     map[string]string
	ids        map[string]string
	interfaces []*iface
}

// iface is a row of table Interface.
type iface struct {
	uuid, name, kind string
	peer             string // of a patch
	mtuRequest       int64
	err              string // the error that keeps ovs-vswitchd from creating it
	made             bool   // ovs-vswitchd has created it
}

// owned reports whether Viaduct created a port.
func (p *port) owned() bool { return p.ids[markKey] == markValue && len(p.interfaces) == 1 }

// watched are the columns of a port that must not change between reading and
// writing.
var watched = []string{"tag", "vlan_mode", "other_config", "external_ids"}

// watchedOfBridge are those of a bridge.
var watchedOfBridge = []string{"datapath_type", "external_ids"}

// queries reads everything in one transaction, so in one consistent snapshot.
func queries() []operation {
	query := func(table string, columns ...string) operation {
		return operation{"op": "select", "table": table, "where": []any{}, "columns": append(columns, "_uuid")}
	}
	return []operation{
		query(database, "other_config"),
		query("Bridge", append([]string{"name", "ports"}, watchedOfBridge...)...),
		query("Port", append([]string{"name", "interfaces", "trunks"}, watched...)...),
		query("Interface", "name", "type", "options", "mtu_request", "error", "ofport"),
	}
}

// read gets the state from the database.
func read(ctx context.Context, c *client) (*state, error) {
	results, err := c.transact(ctx, queries())
	if err != nil {
		return nil, err
	}
	return newState(results[0].Rows, results[1].Rows, results[2].Rows, results[3].Rows), nil
}

// newState combines the rows of the tables.
func newState(root, bridges, ports, interfaces []row) *state {
	st := &state{bridges: map[string]*bridge{}, ports: map[string]*port{}}
	for _, r := range root {
		st.root, st.config = id(r), mapping(r["other_config"])
	}
	ifaces := make(map[string]*iface, len(interfaces))
	for _, r := range interfaces {
		i := &iface{uuid: id(r), name: text(r["name"]), kind: text(r["type"]), err: text(r["error"]), peer: mapping(r["options"])[peerKey]}
		i.mtuRequest, _ = number(r["mtu_request"])
		ofport, known := number(r["ofport"])
		i.made = known && ofport >= 0
		ifaces[i.uuid] = i
	}
	byID := make(map[string]*port, len(ports))
	for _, r := range ports {
		p := &port{uuid: id(r), name: text(r["name"]), row: r, mode: text(r["vlan_mode"]), config: mapping(r["other_config"]), ids: mapping(r["external_ids"])}
		tag, tagged := number(r["tag"])
		p.tag, p.trunk, p.trunks = tag, !tagged, numbers(r["trunks"])
		for _, u := range uuids(r["interfaces"]) {
			if i := ifaces[u]; i != nil {
				p.interfaces = append(p.interfaces, i)
			}
		}
		byID[p.uuid], st.ports[p.name] = p, p
	}
	for _, r := range bridges {
		b := &bridge{uuid: id(r), name: text(r["name"]), row: r, datapath: text(r["datapath_type"]), ids: mapping(r["external_ids"])}
		for _, u := range uuids(r["ports"]) {
			if p := byID[u]; p != nil {
				p.bridge = b
				b.ports = append(b.ports, p)
			}
		}
		st.bridges[b.name] = b
	}
	return st
}

// id returns a row's identifier.
func id(r row) string {
	if list := uuids(r["_uuid"]); len(list) == 1 {
		return list[0]
	}
	return ""
}

// column returns a watched column of a port as it was read.
func (p *port) column(name string) json.RawMessage { return p.row[name] }
