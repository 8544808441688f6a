package desired

import (
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Conflict is the error of an object that cannot be made because something that
// is not Viaduct's has its place on the node. The compiler finds it in the node's
// facts before anything is applied, drivers find it on the node: both say the same.
type Conflict struct {
	// Thing is the conflicting thing: "interface vnet1 (bridge)".
	Thing string
}

var msgNameInUse = message.Define("name-in-use",
	"{thing} exists on this node and was not made by Viaduct; it was left untouched:",
	"rename or remove it, or choose another name",
	"Viaduct changes nothing on a node that it did not create, and the object needs the name or the place of it.")

// Report returns the message of the conflict.
func (c *Conflict) Report() message.Message { return msgNameInUse.Of(c.Thing) }

// Error implements error.
func (c *Conflict) Error() string { return c.Report().Text }

// MessageDetails implements message.Detailed.
func (c *Conflict) MessageDetails() message.Details { return c.Report().Details }

// LinkInTheWay is the conflict with an interface that has a wanted name, as its
// own or, with another name, as an alternative one. Kind is empty for hardware.
func LinkInTheWay(wanted, name, kind string) *Conflict {
	thing := "interface " + name
	if kind != "" {
		thing += " (" + kind + ")"
	}
	if wanted != name {
		thing += ", of which " + wanted + " is an alternative name (ip link property),"
	}
	return &Conflict{Thing: thing}
}

// VLANInTheWay is the conflict with an interface that carries the VLAN id of parent
// already, which the kernel allows to one only.
func VLANInTheWay(name, parent string, id int) *Conflict {
	return &Conflict{Thing: fmt.Sprintf("interface %s, which carries VLAN %d of %s,", name, id, parent)}
}

// NamespaceInTheWay is the conflict with a network namespace that has the name of a space's.
func NamespaceInTheWay(name string) *Conflict {
	return &Conflict{Thing: "network namespace " + name}
}

// OVSPortInTheWay is the conflict with a port of an Open vSwitch bridge; bridge is
// empty for one that belongs to none.
func OVSPortInTheWay(name, bridge string) *Conflict {
	where := "no bridge"
	if bridge != "" {
		where = "bridge " + bridge
	}
	return &Conflict{Thing: fmt.Sprintf("Open vSwitch port %s (of %s)", name, where)}
}
