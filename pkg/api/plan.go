package api

import (
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Plan is what an apply would change.
type Plan struct {
	// Base is the running revision that the plan starts from; 0 for none.
	Base int64 `json:"base"`
	// Token identifies exactly this change; ApplyRequest.Plan demands it, and
	// RollbackRequest.Plan that of a plan to a revision.
	Token string `json:"token"`
	// Pending identifies the pending configuration that the plan was made from, without
	// the edits of a POST. It changes with every edit, apply and discard that stored
	// anything; edits of guests do not change it.
	Pending string   `json:"pending"`
	Objects []Change `json:"objects"`
	// Derived are the objects ("zone/olvn1001") that are changed with those of a POST, which
	// they are derived from.
	Derived []string   `json:"derived,omitempty"`
	Nodes   []NodePlan `json:"nodes"`
	// Warnings were found; they do not prevent an apply.
	Warnings []Problem `json:"warnings,omitempty"`
	// Edits are the authors of the pending edits, oldest first.
	Edits []PendingEdit `json:"edits,omitempty"`
}

// Empty reports whether an apply would change nothing.
func (p *Plan) Empty() bool { return len(p.Objects) == 0 }

// NewErrors are the nodes with those of their notes on errors that the change causes.
// Those that the running revision has as well are not included.
func (p *Plan) NewErrors() []NodePlan {
	var out []NodePlan
	for _, n := range p.Nodes {
		found := NodePlan{Node: n.Node}
		for _, note := range n.Notes {
			if note.Level == "error" && !note.Standing {
				found.Notes = append(found.Notes, note)
			}
		}
		if len(found.Notes) > 0 {
			out = append(out, found)
		}
	}
	return out
}

// Refusals are the errors of NewErrors that prevent an apply unless errors are allowed:
// all but those of firewalls. A node that can enforce a firewall only in part protects
// more with it than without.
func (p *Plan) Refusals() []NodePlan {
	var out []NodePlan
	for _, n := range p.NewErrors() {
		n.Notes = slices.DeleteFunc(n.Notes, func(note Note) bool {
			kind, _, _ := strings.Cut(note.Object, "/")
			return model.Kind(kind) == model.KindFirewall
		})
		if len(n.Notes) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// NodePlan is what an apply would change on one node.
type NodePlan struct {
	Node string `json:"node"`
	// Changes are links, addresses, routes, rules and so on.
	Changes []Change `json:"changes"`
	// Notes are what an operator should know: a computed MTU and its reason, an object
	// that the node cannot have.
	Notes []Note `json:"notes,omitempty"`
	// Files are the changed files of its daemons; only of the node that the request asks
	// for them.
	Files []FileChange `json:"files,omitempty"`
	// Unknown is set when the node has not reported its facts yet, so that its changes
	// cannot be computed.
	Unknown bool `json:"unknown,omitempty"`
}

// FileChange is a file of a node that changes; a side without it is empty.
type FileChange struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	// TooLarge is true for a file of more than 256 KiB, which is only named.
	TooLarge bool `json:"tooLarge,omitempty"`
}

// Note is a remark of the compiler on one object of one node.
type Note struct {
	// Object is the reference: "vnet/vnet1".
	Object string `json:"object"`
	// Level is info, warning or error; with error the object is omitted on the node, and
	// everything else is still applied.
	Level   string `json:"level"`
	Message string `json:"message"`
	message.Details
	// Class is the class of the fault; empty if it is in the declaration.
	Class fault.Class `json:"class,omitempty"`
	// Standing is true if the running revision has the same note on the node: the change
	// is not its cause.
	Standing bool `json:"standing,omitempty"`
}

// PendingEdit records who changed the pending configuration. Edits that were undone are
// not shown.
type PendingEdit struct {
	// Number identifies the edit for UndoRequest; it grows with each edit.
	Number  int64     `json:"number,omitempty"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Objects []string  `json:"objects"`
}
