// Package compile turns a configuration and the facts of one node into the
// state that node shall have.
//
// It stands between model and desired in the one-way flow and is pure: no I/O,
// no clock, no randomness, no logger. The server compiles for every node to
// make an exact plan, the agent compiles for itself, so that it needs no server
// to boot, to repair drift or to survive a partition.
package compile

import (
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Level ranks a Note.
type Level string

// The levels. With LevelError the object is left out on the node.
const (
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Note is a remark on one object of one node.
type Note struct {
	// Object is the reference: "vnet/vnet1".
	Object  string
	Level   Level
	Message string
}

// Project returns the document of one node: the part of the revision it needs
// and the guests that run on it.
func Project(cfg *model.Config, guests map[string]*model.Guest, revision int64, node string) *protocol.Document {
	doc := &protocol.Document{Format: protocol.Format, Revision: revision, Node: node, Config: *cfg}
	return doc
}

// Node compiles a node's document together with its facts. The result is
// sorted. Objects that cannot be made are left out and told in the notes.
func Node(doc *protocol.Document, facts *model.Facts) (*desired.Node, []Note) {
	return &desired.Node{}, nil
}
