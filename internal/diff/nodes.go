package diff

import "github.com/viaduct-sdn/viaduct/internal/desired"

// Nodes says what differs between two states of a node.
func Nodes(old, new *desired.Node) []Change { return nil }
