package desired

import (
	"net/netip"
	"strconv"
	"strings"
)

// The kinds of things on a node.
const (
	TypeLink      = "link"
	TypeAddress   = "address"
	TypeNeighbour = "neighbour"
	TypeRoute     = "route"
	TypeRouteRule = "route-rule"
	TypePort      = "port"
	TypeRule      = "rule"
	TypeSysctl    = "sysctl"
	TypeOVSBridge = "ovs-bridge"
	TypeOVSPort   = "ovs-port"
	TypeFRR       = "frr"
	TypeNameView  = "name-view"
	TypeName      = "name"
	TypeProcess   = "process"
	TypeBackend   = "backend"
	TypeDHCP      = "dhcp"
	TypeSpace     = "space"

	TypeLoadBalancer = "load-balancer"
)

// LinkEntry describes a link. What cannot change while it lives is fixed: its
// kind, and what makes a device of that kind the one it is.
func LinkEntry(l Link) Entry {
	var vx VXLAN
	var vlan VLAN
	var veth Veth
	var vrf VRF
	var port BridgePort
	copyTo(&vx, l.VXLAN)
	copyTo(&vlan, l.VLAN)
	copyTo(&veth, l.Veth)
	copyTo(&vrf, l.VRF)
	copyTo(&port, l.Port)
	return Entry{Key: l.Name, Name: l.Name, Owner: l.Owner, Props: []Prop{
		{Name: "kind", Value: string(l.Kind), Fixed: true},
		{Name: "vni", Value: number0(int(vx.ID)), Fixed: true},
		{Name: "local", Value: address(vx.Local), Fixed: true},
		{Name: "port", Value: number0(int(vx.Port)), Fixed: true},
		{Name: "learning", Value: onOff(vx.Learning), Zero: "off"},
		{Name: "parent", Value: vlan.Parent, Fixed: true},
		{Name: "vlan", Value: number0(vlan.ID), Fixed: true},
		{Name: "protocol", Value: vlan.Protocol, Zero: "802.1q", Fixed: true},
		{Name: "vlan-of-bridge", Value: onOff(vlan.Self), Zero: "off"},
		{Name: "peer", Value: veth.Peer, Fixed: true},
		{Name: "peer-elsewhere", Value: onOff(veth.Elsewhere), Zero: "off", Fixed: true},
		{Name: "table", Value: number0(int(vrf.Table)), Fixed: true},
		{Name: "mtu", Value: number0(l.MTU)},
		{Name: "mac", Value: l.MAC},
		{Name: "master", Value: l.Master},
		{Name: "foreign-master", Value: onOff(l.ForeignMaster), Zero: "off"},
		{Name: "alias", Value: l.Alias},
		{Name: "link-local", Value: onOff(!l.NoLinkLocal), Zero: "on"},
		{Name: "vlan-filtering", Value: onOff(l.Bridge != nil && l.Bridge.VLANFiltering), Zero: "off"},
		{Name: "port-learning", Value: onOff(!port.NoLearning), Zero: "on"},
		{Name: "neigh-suppress", Value: onOff(port.NeighSuppress), Zero: "off"},
		{Name: "all-vlans", Value: onOff(port.AllVLANs), Zero: "off"},
		{Name: "port-vlan", Value: portVLAN(port)},
	}}
}

// portVLAN describes the only VLAN that a port carries: "40", "40 tagged".
func portVLAN(p BridgePort) string {
	if p.VLAN != 0 && p.Tagged {
		return strconv.Itoa(p.VLAN) + " tagged"
	}
	return number0(p.VLAN)
}

// copyTo copies an optional part; nil leaves the zero value.
func copyTo[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// AddressEntry describes an address.
func AddressEntry(a Address) Entry {
	name := a.Prefix.String() + " dev " + a.Link
	return Entry{Key: a.Link + " " + a.Prefix.String(), Name: name, Owner: a.Owner, Props: []Prop{
		{Name: "foreign-link", Value: onOff(a.Foreign), Zero: "off"},
		{Name: "network-route", Value: onOff(!a.NoRoute), Zero: "on"},
	}}
}

// NeighbourEntry describes a forwarding entry. A MAC that floods has many far
// ends, so each is a thing of its own; any other has one, that can change.
func NeighbourEntry(n Neighbour) Entry {
	if n.MAC == FloodMAC {
		name := n.MAC + " dst " + n.Dst.String() + " dev " + n.Link
		return Entry{Key: n.Link + " " + n.MAC + " " + n.Dst.String(), Name: name, Owner: n.Owner}
	}
	return Entry{
		Key: n.Link + " " + n.MAC, Name: n.MAC + " dev " + n.Link, Owner: n.Owner,
		Props: []Prop{{Name: "dst", Value: address(n.Dst)}},
	}
}

// RouteEntry describes a route. A table has one route to a destination for each
// metric.
func RouteEntry(r Route) Entry {
	name, table := r.Dst.String(), r.Table
	if table == 254 { // the number of main
		table = 0
	}
	if table != 0 {
		name += " table " + strconv.Itoa(table)
	}
	if r.Metric != 0 {
		name += " metric " + strconv.FormatUint(uint64(r.Metric), 10)
	}
	return Entry{Key: strconv.Itoa(table) + " " + r.Dst.String() + " " + strconv.FormatUint(uint64(r.Metric), 10), Name: name, Owner: r.Owner, Props: []Prop{
		{Name: "type", Value: r.Type},
		{Name: "via", Value: address(r.Via)},
		{Name: "src", Value: address(r.Src)},
		{Name: "dev", Value: r.Link},
	}}
}

// RouteRuleEntry describes a rule of policy routing; all its fields identify it.
func RouteRuleEntry(r RouteRule) Entry {
	to := "unreachable"
	if r.Table != 0 {
		to = "table " + strconv.Itoa(r.Table)
	}
	if r.NoDefault {
		to += " without default"
	}
	name := strconv.FormatUint(uint64(r.Priority), 10) + " mark 0x" + strconv.FormatUint(uint64(r.Mark), 16) + " " + to + " " + r.Family
	return Entry{Key: name, Name: name, Owner: r.Owner}
}

// PortEntry describes a port by the first of its possible names.
func PortEntry(p Port) Entry {
	e := Entry{Owner: p.Owner, Props: []Prop{
		{Name: "bridge", Value: p.Bridge},
		{Name: "isolated", Value: onOff(p.Isolated), Zero: "off"},
		{Name: "names", Value: strings.Join(p.Names, " ")},
		{Name: "all-vlans", Value: onOff(p.AllVLANs), Zero: "off"},
		{Name: "macs", Value: strings.Join(p.MACs, " ")},
		{Name: "mtu", Value: number0(p.MTU)},
	}}
	if len(p.Names) > 0 {
		e.Key, e.Name = p.Names[0], p.Names[0]
	}
	if len(p.Names) <= 1 {
		e.Props[2].Zero = e.Name // says nothing that the name does not
	}
	return e
}

// SysctlEntry describes a kernel setting.
func SysctlEntry(s Sysctl) Entry {
	return Entry{Key: s.Key, Name: s.Key, Owner: s.Owner, Props: []Prop{{Name: "value", Value: s.Value}}}
}

// OVSBridgeEntry describes one of Viaduct's Open vSwitch bridges.
func OVSBridgeEntry(b OVSBridge) Entry {
	return Entry{Key: b.Name, Name: b.Name, Owner: b.Owner, Props: []Prop{{Name: "like", Value: b.Like}}}
}

// OVSPortEntry describes a port of an Open vSwitch bridge.
func OVSPortEntry(p OVSPort) Entry {
	return Entry{Key: p.Name, Name: p.Name, Owner: p.Owner, Props: []Prop{
		{Name: "bridge", Value: p.Bridge, Fixed: true},
		{Name: "peer", Value: p.Peer, Fixed: true},
		{Name: "tag", Value: number0(p.Tag)},
		{Name: "qinq", Value: onOff(p.QinQ), Zero: "off"},
		{Name: "ethertype", Value: p.EtherType},
		{Name: "mtu", Value: number0(p.MTU)},
	}}
}

// onOff is a boolean in a plan.
func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// number0 is a number in a plan; zero means not set.
func number0(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// address is an address in a plan; the zero Addr is not set.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
