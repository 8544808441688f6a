// Package health derives the states of nodes, in the terms that users see. Everything that
// shows the state of a node (the command line, both interfaces, events) uses it.
//
// It is after the agents' reports in the one-way flow and is pure.
package health

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// States are those of a node, best first.
var States = []protocol.State{protocol.Converged, protocol.Warning, protocol.Applying, protocol.Degraded, protocol.Unreachable}

// InPlace reports whether a node or an object has its declared state.
func InPlace(s protocol.State) bool { return s == protocol.Converged || s == protocol.Warning }

// OfNode is the state of a node that reported r, nil for nothing, and should have the
// document with the hash want. disconnected is true if no server has a connection of its
// agent.
func OfNode(disconnected bool, want string, r *protocol.Status) protocol.State {
	switch {
	case disconnected:
		return protocol.Unreachable
	case r == nil || r.Hash != want:
		return protocol.Applying
	case r.State == protocol.Converged && slices.ContainsFunc(r.Objects, func(o protocol.ObjectStatus) bool { return OfObject(o) == protocol.Warning }):
		return protocol.Warning
	}
	return r.State
}

// OfObject is the state of an object of a report.
func OfObject(o protocol.ObjectStatus) protocol.State {
	if o.State == protocol.Converged && o.Message != "" {
		return protocol.Warning
	}
	return o.State
}

// ForUsers returns a report with the states of objects in the terms of users; r may be nil
// and is not changed.
func ForUsers(r *protocol.Status) *protocol.Status {
	if r == nil || len(r.Objects) == 0 {
		return r
	}
	out := *r
	out.Objects = slices.Clone(r.Objects)
	for i := range out.Objects {
		out.Objects[i].State = OfObject(out.Objects[i])
	}
	return &out
}

// Object is the state of one object on a node, and its problem, worst first. Where others
// are degraded, one that is not listed is as declared.
func Object(n *api.NodeStatus, ref string) (state protocol.State, messages []string) {
	state = n.State
	if state == protocol.Degraded || state == protocol.Warning {
		state = protocol.Converged
	}
	if n.Report == nil {
		return state, nil
	}
	for _, want := range []protocol.State{protocol.Degraded, protocol.Warning} {
		for _, o := range n.Report.Objects {
			if o.Object != ref || OfObject(o) != want {
				continue
			}
			messages = append(messages, o.Message)
			if state == protocol.Converged {
				state = want
			}
		}
	}
	return state, messages
}

// The messages about nodes as a whole.
var (
	msgAgentSuspect = message.Define("agent-suspect",
		"suspect: the connection of its agent ended and no new one came",
		"if it stays away, check that the host runs, its network, and its agent (systemctl status viaduct-agent)",
		"The connection of the node's agent was interrupted a moment ago. A restart of the agent or of a server causes this too.")
	msgAgentDisconnected = message.Define("agent-disconnected",
		"its agent is not connected",
		"the node keeps what it has: check that the host runs, its network, and its agent (systemctl status viaduct-agent)",
		"No server has a connection of the node's agent, so its state is unknown and it receives no changes.")
	msgNoReport = message.Define("no-report",
		"has not reported yet",
		"",
		"The node has joined, and its agent has not completed a first pass.")
)

// Message is the problem of a node as a whole; its text is empty if there is none.
func Message(n *api.NodeStatus) message.Message {
	switch {
	case n.State == protocol.Unreachable && n.Suspect:
		return msgAgentSuspect.Of()
	case n.State == protocol.Unreachable:
		return msgAgentDisconnected.Of()
	case n.Report == nil:
		return msgNoReport.Of()
	}
	return message.Message{Details: n.Report.Details, Text: n.Report.Message}
}

// kinds are in the order in which one carries the next.
var kinds = []string{"node", "fabric", "fabric-node", "controller", "zone", "vnet", "subnet"}

func rankOfKind(ref string) int {
	kind, _, _ := strings.Cut(ref, "/")
	if i := slices.Index(kinds, kind); i >= 0 {
		return i
	}
	return len(kinds)
}

// Problems lists the problems of nodes: causes before their consequences, and a problem of
// several nodes once. For an unreachable node nothing else is known.
func Problems(nodes []api.NodeStatus) []api.NodeProblem {
	var all []api.NodeProblem
	for i := range nodes {
		n := &nodes[i]
		if n.State == protocol.Unreachable {
			m := Message(n)
			all = append(all, api.NodeProblem{State: n.State, Message: m.Text, Details: m.Details, Nodes: []string{n.Name}})
			continue
		}
		if n.Report == nil {
			continue
		}
		if n.Report.Message != "" {
			all = append(all, api.NodeProblem{State: protocol.Degraded, Message: n.Report.Message, Details: n.Report.Details, Nodes: []string{n.Name}})
		}
		for _, o := range n.Report.Objects {
			if s := OfObject(o); s != protocol.Converged {
				all = append(all, api.NodeProblem{State: s, Class: o.Class, Object: o.Object, Message: o.Message, Details: o.Details, Nodes: []string{n.Name}})
			}
		}
	}
	out := mergeEqual(all)
	slices.SortStableFunc(out, func(a, b api.NodeProblem) int {
		return cmp.Or(cmp.Compare(order(&a), order(&b)), cmp.Compare(rankOfKind(a.Object), rankOfKind(b.Object)),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.State, b.State)) // "degraded" before "warning"
	})
	return out
}

// order puts unreachable nodes first, then problems of nodes as a whole.
func order(p *api.NodeProblem) int {
	switch {
	case p.State == protocol.Unreachable:
		return -2
	case p.Object == "":
		return -1
	}
	return fault.Rank(p.Class)
}

// mergeEqual merges those that differ only in the node.
func mergeEqual(all []api.NodeProblem) []api.NodeProblem {
	type key struct {
		state           protocol.State
		class           fault.Class
		object, message string
	}
	var out []api.NodeProblem
	at := map[key]int{}
	for _, p := range all {
		k := key{p.State, p.Class, p.Object, WithoutNodeName(p.Message, p.Nodes[0])}
		i, again := at[k]
		switch {
		case !again:
			at[k] = len(out)
			out = append(out, p)
		case !slices.Contains(out[i].Nodes, p.Nodes[0]):
			out[i].Nodes = append(out[i].Nodes, p.Nodes[0])
			out[i].Message = k.message
			out[i].Details = withoutNode(out[i].Details, p.Nodes[0])
		}
	}
	for _, p := range out {
		slices.Sort(p.Nodes)
	}
	return out
}

// withoutNode returns the details of a message that several nodes share.
func withoutNode(d message.Details, node string) message.Details {
	d.Remedy = WithoutNodeName(d.Remedy, node)
	d.Args = maps.Clone(d.Args)
	delete(d.Args, "node")
	return d
}

// WithoutNodeName is a message about a node without its name, so that those of several nodes
// are equal.
func WithoutNodeName(message, node string) string {
	var b strings.Builder
	name := "node " + node
	for rest := message; ; {
		before, after, found := strings.Cut(rest, name)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if isWholeWord(before, after) {
			b.WriteString("the node")
		} else {
			b.WriteString(name)
		}
		rest = after
	}
}

// isWholeWord reports whether a name between two texts is a separate word.
func isWholeWord(before, after string) bool {
	letter := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	return (before == "" || !letter(before[len(before)-1])) && (after == "" || !letter(after[0]))
}

// Of returns the problems of a node, in their order.
func Of(all []api.NodeProblem, node string) []api.NodeProblem {
	var out []api.NodeProblem
	for _, p := range all {
		if slices.Contains(p.Nodes, node) {
			out = append(out, p)
		}
	}
	return out
}

// Line is a problem on one line, without its nodes.
func Line(p *api.NodeProblem) string {
	text := p.Message
	if p.Object != "" {
		text = p.Object + ": " + text
	}
	if p.State == protocol.Warning {
		text = "warning: " + text
	}
	return text
}
