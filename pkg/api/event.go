package api

import (
	"time"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// EventType is the type of an event.
type EventType string

// The types of events.
const (
	// EventReady is the first of a stream: later events are sent. A client that reads
	// the state after it misses nothing.
	EventReady EventType = "ready"
	// EventPending: an object of the pending configuration changed.
	EventPending EventType = "pending"
	// EventApplied: another revision runs.
	EventApplied EventType = "applied"
	// EventGuest: a guest changed; it took effect at once.
	EventGuest EventType = "guest"
	// EventLive: another object changed that takes effect at once.
	EventLive EventType = "live"
	// EventNode: the state of a node changed.
	EventNode EventType = "node"
	// EventWarning reports a problem of a server itself, as Status.Warnings does.
	EventWarning EventType = "warning"
	// EventTopology: elements of the picture of the network were moved.
	EventTopology EventType = "topology"
	// EventOverflow: events are missing, because the client was too slow, or the server
	// was restarted. Everything has to be read again; later events are sent.
	EventOverflow EventType = "overflow"
)

// EventTypes are all types of events.
func EventTypes() []EventType {
	return []EventType{EventReady, EventPending, EventApplied, EventGuest, EventLive, EventNode, EventWarning, EventTopology, EventOverflow}
}

// Event is something that happened.
type Event struct {
	// ID names the position in the stream: a later request can resume after it.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Type EventType `json:"type"`
	// Change is the change of an object (pending, guest). An object that is no longer
	// visible to the reader is reported as deleted.
	Change *Change `json:"change,omitempty"`
	// Author is who changed the pending configuration, if it was one person by an edit.
	Author string `json:"author,omitempty"`
	// Revision is the revision that runs (applied).
	Revision int64 `json:"revision,omitempty"`
	// Node is the new state of a node (node).
	Node *NodeEvent `json:"node,omitempty"`
	// Message describes the problem (warning).
	Message string `json:"message,omitempty"`
	message.Details
}

// NodeEvent is the state of a node.
type NodeEvent struct {
	Name string `json:"name"`
	// State is converged, warning, applying, degraded or unreachable; empty for a node
	// that was removed.
	State protocol.State `json:"state,omitempty"`
	// Revision is the one that the node last answered.
	Revision int64 `json:"revision,omitempty"`
	// Message is the problem of the node as a whole.
	Message string `json:"message,omitempty"`
	message.Details
	// Failed are the objects that do not work as declared: "vnet/v1". Warned are those
	// that do, but with a problem.
	Failed []string `json:"failed,omitempty"`
	Warned []string `json:"warned,omitempty"`
}
