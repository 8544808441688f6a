// Package diff compares two states and returns the differences, as values that all other
// packages share: the plan an operator reads, the steps of a driver, the drift a node
// reports and the audit log all hold Changes.
//
// It is pure, and comes between desired and the drivers in the one-way flow.
package diff

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// Action is the kind of a change.
type Action string

// The actions. Update changes an item in place; Replace has to remove and recreate it,
// so what uses it is interrupted.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace"
	Delete  Action = "delete"
)

// Field is one property that differs; Old is empty if it was not set, New if it is no
// longer set.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Change is one difference.
type Change struct {
	Action Action `json:"action"`
	// Type is the type of the item: an object kind (zone, vnet, ...) or, on a node, one
	// of the Type constants.
	Type string `json:"type"`
	// Name identifies the item among those of its type: "vnet1", "10.0.1.1/24 dev
	// vnet1".
	Name string `json:"name"`
	// Owner is the object that a node's item derives from: "vnet/vnet1".
	Owner string `json:"owner,omitempty"`
	// Space is the named space of the item; empty on the host.
	Space string `json:"space,omitempty"`
	// Fields are the properties that differ, or for Create those that are set.
	Fields []Field `json:"fields,omitempty"`
}

// Sign is the symbol of the action in printed plans.
func (a Action) Sign() string {
	switch a {
	case Create:
		return "+"
	case Delete:
		return "-"
	case Replace:
		return "±"
	case Update:
	}
	return "~"
}

// String is the change on one line of printable characters: "~ link vnet1: mtu 1500 -> 1450".
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", c.Action.Sign(), c.Type, c.Name)
	if c.Space != "" {
		b.WriteString(" in space " + c.Space)
	}
	for i, f := range c.Fields {
		if i == 0 {
			b.WriteString(":")
		} else {
			b.WriteString(",")
		}
		switch {
		case f.Old == "":
			fmt.Fprintf(&b, " %s %s", f.Name, f.New)
		case f.New == "":
			fmt.Fprintf(&b, " %s %s removed", f.Name, f.Old)
		default:
			fmt.Fprintf(&b, " %s %s -> %s", f.Name, f.Old, f.New)
		}
	}
	return line.Escape(b.String())
}
