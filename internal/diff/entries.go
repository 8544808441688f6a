package diff

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// The values of Change.Type for things on a node.
const (
	TypeLink      = "link"
	TypeAddress   = "address"
	TypeNeighbour = "neighbour"
	TypeRoute     = "route"
	TypePort      = "port"
	TypeRule      = "rule"
	TypeSysctl    = "sysctl"
)

// LinkEntry describes a link. What cannot change while it lives is fixed: its
// kind, and a VXLAN device's identifier, source and port.
func LinkEntry(l desired.Link) Entry {
	vx := desired.VXLAN{}
	if l.VXLAN != nil {
		vx = *l.VXLAN
	}
	return Entry{Key: l.Name, Name: l.Name, Owner: l.Owner, Props: []Prop{
		{Name: "kind", Value: string(l.Kind), Fixed: true},
		{Name: "vni", Value: number0(int(vx.ID)), Fixed: true},
		{Name: "local", Value: address(vx.Local), Fixed: true},
		{Name: "port", Value: number0(int(vx.Port)), Fixed: true},
		{Name: "learning", Value: onOff(vx.Learning), Zero: "off"},
		{Name: "mtu", Value: number0(l.MTU)},
		{Name: "master", Value: l.Master},
		{Name: "alias", Value: l.Alias},
		{Name: "link-local", Value: onOff(!l.NoLinkLocal), Zero: "on"},
		{Name: "vlan-filtering", Value: onOff(l.Bridge != nil && l.Bridge.VLANFiltering), Zero: "off"},
	}}
}

// AddressEntry describes an address.
func AddressEntry(a desired.Address) Entry {
	name := a.Prefix.String() + " dev " + a.Link
	return Entry{Key: a.Link + " " + a.Prefix.String(), Name: name, Owner: a.Owner}
}

// NeighbourEntry describes a forwarding entry. A MAC that floods has many far
// ends, so each is a thing of its own; any other has one, that can change.
func NeighbourEntry(n desired.Neighbour) Entry {
	if n.MAC == desired.FloodMAC {
		name := n.MAC + " dst " + n.Dst.String() + " dev " + n.Link
		return Entry{Key: n.Link + " " + n.MAC + " " + n.Dst.String(), Name: name, Owner: n.Owner}
	}
	return Entry{
		Key: n.Link + " " + n.MAC, Name: n.MAC + " dev " + n.Link, Owner: n.Owner,
		Props: []Prop{{Name: "dst", Value: address(n.Dst)}},
	}
}

// RouteEntry describes a route. A destination has one route in a table.
func RouteEntry(r desired.Route) Entry {
	name, table := r.Dst.String(), r.Table
	if table == 254 { // the number of main
		table = 0
	}
	if table != 0 {
		name += " table " + strconv.Itoa(table)
	}
	return Entry{Key: strconv.Itoa(table) + " " + r.Dst.String(), Name: name, Owner: r.Owner, Props: []Prop{
		{Name: "via", Value: address(r.Via)},
		{Name: "dev", Value: r.Link},
	}}
}

// PortEntry describes a port by the first of its possible names.
func PortEntry(p desired.Port) Entry {
	e := Entry{Owner: p.Owner, Props: []Prop{
		{Name: "bridge", Value: p.Bridge},
		{Name: "isolated", Value: onOff(p.Isolated), Zero: "off"},
		{Name: "names", Value: strings.Join(p.Names, " ")},
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
func SysctlEntry(s desired.Sysctl) Entry {
	return Entry{Key: s.Key, Name: s.Key, Owner: s.Owner, Props: []Prop{{Name: "value", Value: s.Value}}}
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
