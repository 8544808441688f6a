package ovs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Bridge is an Open vSwitch bridge with what is joined to it.
type Bridge struct {
	Name string
	// Ours tells that Viaduct made it.
	Ours bool
	// Interfaces are those of the bridge's ports, but for the bridge's own;
	// sorted by name.
	Interfaces []Interface
}

// Interface is one interface of a bridge's port.
type Interface struct {
	Name string
	// Ours tells that Viaduct made it.
	Ours bool
}

// Probe tells whether Open vSwitch runs, and its bridges by name. That it does
// not run is no error.
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
		out := Bridge{Name: b.name, Ours: b.ours()}
		for _, p := range b.ports {
			for _, i := range p.interfaces {
				if i.name != b.name {
					out.Interfaces = append(out.Interfaces, Interface{Name: i.name, Ours: p.ours()})
				}
			}
		}
		slices.SortFunc(out.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Name, b.Name) })
		bridges = append(bridges, out)
	}
	slices.SortFunc(bridges, func(a, b Bridge) int { return cmp.Compare(a.Name, b.Name) })
	return bridges, true, nil
}
