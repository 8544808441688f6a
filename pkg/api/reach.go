package api

import "github.com/viaduct-sdn/viaduct/internal/reach"

// ReachRequest asks whether one end can reach another.
type ReachRequest struct {
	// From is a guest (its ID or name), a NIC ("100/net0"), an address of a guest, with its
	// zone if several have it ("z1/10.0.0.5"), or a node. To is one of these or any other
	// address.
	From string `json:"from"`
	To   string `json:"to"`
	// Protocol is a protocol's name or number; empty or icmp means a ping. Port, 1 to 65535,
	// is the destination port of TCP, UDP and SCTP.
	Protocol string `json:"protocol,omitempty"`
	Port     int    `json:"port,omitempty"`
	// View is "running" (also if empty) or "pending".
	View string `json:"view,omitempty"`
}

// ReachAnswer is the path of a packet, as far as it comes.
type ReachAnswer = reach.Answer

// ReachReply is the path of a reply.
type ReachReply = reach.Reply

// ReachStep is one place of a path.
type ReachStep = reach.Step

// ReachEnd is an end of a path.
type ReachEnd = reach.Endpoint

// ReachVerdict is what becomes of the packet at a step.
type ReachVerdict = reach.Verdict

// ReachRule is the rule that decides at a step.
type ReachRule = reach.Rule

// ReachOrigin is who wrote a rule, and when.
type ReachOrigin = reach.Origin

// The verdicts of a path and of its steps.
const (
	ReachPass    = reach.Pass
	ReachDrop    = reach.Drop
	ReachReject  = reach.Reject
	ReachUnknown = reach.Unknown
)
