package topology

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// condition is the state of something and its cause.
type condition struct {
	state   protocol.State
	message string
}

// worse returns the worse of two conditions, the first if they are equally bad.
func worse(a, b condition) condition {
	if slices.Index(health.States, b.state) > slices.Index(health.States, a.state) {
		return b
	}
	return a
}

// states are what nodes report.
type states struct {
	// nodes are the states of nodes by name, objects those of objects on a node, by node and
	// reference, and anywhere the worst on any node.
	nodes    map[string]condition
	objects  map[string]map[string]condition
	anywhere map[string]condition
	// peers are the neighbours that a node reports a problem with.
	peers map[string]map[string]condition
}

func statesOf(nodes []api.NodeStatus) *states {
	s := &states{
		nodes: make(map[string]condition, len(nodes)), objects: make(map[string]map[string]condition, len(nodes)),
		anywhere: make(map[string]condition), peers: make(map[string]map[string]condition),
	}
	for i := range nodes {
		n := &nodes[i]
		s.nodes[n.Name] = condition{n.State, health.Message(n).Text}
		if n.Report == nil || n.State == protocol.Unreachable { // nothing else is known of it
			continue
		}
		objects, peers := make(map[string]condition), make(map[string]condition)
		for _, o := range n.Report.Objects {
			c := condition{health.OfObject(o), o.Message}
			objects[o.Object] = worse(objects[o.Object], c)
			s.anywhere[o.Object] = worse(s.anywhere[o.Object], c)
			for _, p := range o.Peers {
				peers[p] = worse(peers[p], c)
			}
		}
		s.objects[n.Name], s.peers[n.Name] = objects, peers
	}
	return s
}

// known is the condition of an object on all nodes: converged if no node complains, and
// unknown if no node reports anything.
func (s *states) known(ref string) condition {
	if c, ok := s.anywhere[ref]; ok {
		return c
	}
	if len(s.nodes) == 0 {
		return condition{}
	}
	return condition{state: protocol.Converged}
}

// on is the condition of objects on one node, of which each carries the next.
func (s *states) on(node string, refs ...string) condition {
	n, ok := s.nodes[node]
	switch {
	case !ok:
		return condition{}
	case n.state == protocol.Unreachable:
		return condition{state: n.state} // the node has the cause
	}
	c := condition{state: protocol.Converged}
	if n.state == protocol.Applying {
		c.state = protocol.Applying
	}
	for _, ref := range refs {
		c = worse(c, s.objects[node][ref])
	}
	return c
}

// changesOf are the pending changes by reference.
func changesOf(running, pending *model.Config) map[string]api.PendingChange {
	out := make(map[string]api.PendingChange)
	for _, c := range diff.Objects(running, pending) {
		change := api.ChangeChanged
		switch c.Action {
		case diff.Create:
			change = api.ChangeAdded
		case diff.Delete:
			change = api.ChangeRemoved
		case diff.Update, diff.Replace:
		}
		out[c.Type+"/"+c.Name] = change
	}
	return out
}
