// Package fault classifies the faults of objects on a node, so that causes are shown
// before their consequences. It is pure.
package fault

import "slices"

// Class is the kind of a fault. Empty means Declared.
type Class string

// The classes, causes first.
const (
	// Lacking: the node lacks a feature of its kernel, a program or a daemon.
	Lacking Class = "lacking"
	// Link: an interface of the node's own is missing, down or otherwise in use.
	Link Class = "link"
	// Foreign: something that is not Viaduct's conflicts on the node.
	Foreign Class = "foreign"
	// Declared: what was declared does not fit the node.
	Declared Class = "declared"
	// Peer: another router or node does not answer.
	Peer Class = "peer"
	// Consequence: another object's fault is the cause.
	Consequence Class = "consequence"
)

// Classes are all of them, causes first.
var Classes = []Class{Lacking, Link, Foreign, Declared, Peer, Consequence}

// Rank orders classes: causes are lower. An empty or unknown class ranks as Declared.
func Rank(c Class) int {
	if i := slices.Index(Classes, c); i >= 0 {
		return i
	}
	return slices.Index(Classes, Declared)
}
