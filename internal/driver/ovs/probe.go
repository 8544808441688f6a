package ovs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Bridge is an Open vSwitch bridge with its ports.
type Bridge struct {
	Name string
	// Ours is true if Viaduct created it.
	Ours bool
	// Interfaces are those of the bridge's ports, except for the bridge's own;
	// sorted by name.
	Interfaces []Interface
	// Ports are its ports, except for its own and those that Viaduct created; sorted by name.
	Ports []Port
}

// Port is a port of a bridge, with the VLANs that it carries.
type Port struct {
	Name string
	// Interfaces are those of the port, one or, of a bond, several.
	Interfaces []string
	// Type is that of its interface: empty or "system" for a kernel interface,
	// "internal", "patch", "vxlan", ... ; "bond" for several.
	Type string
	// Peer is the other end of a patch.
	Peer string
	// Tag, Mode and Trunks are columns tag, vlan_mode and trunks. Tagged is false
	// without a tag.
	Tag    int
	Tagged bool
	Mode   string
	Trunks []int
}

// Interface is one interface of a bridge's port.
type Interface struct {
	Name string
	// Ours is true if Viaduct created it.
	Ours bool
}

// Probe reports whether Open vSwitch runs, and its bridges by name. It is not an
// error if it does not run.
func (d *Driver) Probe(ctx context.Context) (bridges []Bridge, running bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	c, err := dial(ctx, d.socket)
	if err != nil {
		if absent(err) {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("reach Open vSwitch's database: %w", err)
	}
	defer c.close()
	st, err := read(ctx, c)
	if err != nil {
		return nil, false, err
	}
	for _, b := range st.bridges {
		out := Bridge{Name: b.name, Ours: b.owned()}
		for _, p := range b.ports {
			for _, i := range p.interfaces {
				if i.name != b.name {
					out.Interfaces = append(out.Interfaces, Interface{Name: i.name, Ours: p.owned()})
				}
			}
			if p.name != b.name && !p.owned() {
				out.Ports = append(out.Ports, p.describe())
			}
		}
		slices.SortFunc(out.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Name, b.Name) })
		slices.SortFunc(out.Ports, func(a, b Port) int { return cmp.Compare(a.Name, b.Name) })
		bridges = append(bridges, out)
	}
	slices.SortFunc(bridges, func(a, b Bridge) int { return cmp.Compare(a.Name, b.Name) })
	return bridges, true, nil
}

// describe returns a port's type and the VLANs that it carries.
func (p *port) describe() Port {
	out := Port{Name: p.name, Tag: int(p.tag), Tagged: !p.trunk, Mode: p.mode, Trunks: p.trunks}
	for _, i := range p.interfaces {
		out.Interfaces = append(out.Interfaces, i.name)
		out.Type, out.Peer = i.kind, i.peer
	}
	if len(p.interfaces) > 1 {
		slices.Sort(out.Interfaces)
		out.Type, out.Peer = "bond", ""
	}
	return out
}
