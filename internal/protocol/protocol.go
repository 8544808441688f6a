// Package protocol is the protocol between servers and agents, as JSON over HTTP/2
// with mutual TLS. It holds wire types only.
//
//	POST /agent/v1/join     JoinRequest -> JoinResponse   (no client certificate; a one-time token)
//	POST /agent/v1/renew    RenewRequest -> JoinResponse  (before the certificate ends)
//	GET  /agent/v1/desired?have=<hash>                    (long poll) -> document.Document, or 304 after MaxPoll
//	POST /agent/v1/status   Status -> 204
//	GET  /agent/v1/bindings?epoch=<e>&since=<n>           (long poll) -> Bindings, or 304 after MaxPoll
//	GET  /agent/v1/questions                              (long poll) -> LiveQuery, or 304 after MaxPoll
//	POST /agent/v1/answers/{id}  Answer -> 204
//
// A node's name is that of its certificate; nothing in a body overrides it.
package protocol

import (
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// MaxPoll is how long a server holds a long poll open before it answers 304.
const MaxPoll = 55 * time.Second

// Bindings are the known NICs in the node's zones, or the changes to them. There may
// be tens of thousands and each is a small change, so they are sent separately from
// the document.
type Bindings struct {
	// Epoch identifies the server's run that counts changes, Number is the count: an
	// agent requests the changes after it. In a different epoch it gets all bindings.
	Epoch  string `json:"epoch"`
	Number int64  `json:"number"`
	// All is true if these are all bindings, and others were removed.
	All bool `json:"all,omitempty"`
	// Put are new or changed, Gone the IDs of removed ones.
	Put  []*model.Binding `json:"put,omitempty"`
	Gone []string         `json:"gone,omitempty"`
}

// JoinRequest asks for a certificate with a one-time token.
type JoinRequest struct {
	// Node is the name to join under: a DNS label of at most 63 characters.
	Node string `json:"node"`
	// Token is what `viaduct node token` printed.
	Token string `json:"token"`
	// CSR is a PEM certificate request; only its key is used.
	CSR string `json:"csr"`
}

// RenewRequest asks for a fresh certificate over the present one.
type RenewRequest struct {
	CSR string `json:"csr"`
}

// JoinResponse carries the node's certificate and the authority's, both PEM.
type JoinResponse struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

// State sums up a node or an object. Package health computes them: agents report
// Converged and Degraded only, as agents of all releases do.
type State string

// The states.
const (
	// Converged: what was declared is in place and works, as far as the node can detect.
	Converged State = "converged"
	// Warning: what was declared is in place, but something is wrong that its operator
	// should know.
	Warning State = "warning"
	// Applying: work is going on.
	Applying State = "applying"
	// Degraded: something that was declared does not work; messages state what.
	Degraded State = "degraded"
	// Unreachable: no server has a connection of the node's agent.
	Unreachable State = "unreachable"
)

// Status is what an agent reports after every pass that changed something, and
// at least every 30 seconds.
type Status struct {
	// Revision and Hash identify the document that the report is about.
	Revision int64  `json:"revision"`
	Hash     string `json:"hash"`
	State    State  `json:"state"`
	// Time is when the pass ended; Duration how long it took.
	Time     time.Time     `json:"time"`
	Duration time.Duration `json:"duration"`
	// Objects are those with something to report, failures first. An object of
	// the node that is not listed is in place as declared.
	Objects []ObjectStatus `json:"objects,omitempty"`
	// Message is the error of the node as a whole.
	Message string `json:"message,omitempty"`
	message.Details
	// Drift holds the newest differences that no revision asked for, oldest
	// first, at most MaxDrift.
	Drift []Drift `json:"drift,omitempty"`
	// Writes counts the agent's changes to the system since it started, Passes
	// its reconciliations.
	Writes int64 `json:"writes"`
	Passes int64 `json:"passes"`
	// Ports names the guests' links that are attached to their VNet's bridge.
	Ports []string     `json:"ports,omitempty"`
	Facts *model.Facts `json:"facts,omitempty"`
	// Load is how busy the node is. It changes with every report, so it wakes no waiter
	// and causes no write to the store; nil if it cannot be measured.
	Load *Load `json:"load,omitempty"`
}

// Load is how busy a node is.
type Load struct {
	// Time is when it was measured, Booted when the node has booted.
	Time   time.Time `json:"time"`
	Booted time.Time `json:"booted"`
	// CPU is the share of time that the processors were busy since the last
	// measurement, 0 to 1; CPUs is their number.
	CPU  float64 `json:"cpu"`
	CPUs int     `json:"cpus"`
	// Memory and Disk are the bytes used of MemoryTotal, and of DiskTotal of the root
	// file system.
	Memory      int64 `json:"memory"`
	MemoryTotal int64 `json:"memoryTotal"`
	Disk        int64 `json:"disk"`
	DiskTotal   int64 `json:"diskTotal"`
}

// MaxDrift bounds Status.Drift.
const MaxDrift = 50

// ObjectStatus is the state of one object on one node.
type ObjectStatus struct {
	// Object is the reference: "vnet/vnet1".
	Object string `json:"object"`
	// State is degraded, or warning; agents write converged for the latter, with a
	// message.
	State   State  `json:"state"`
	Message string `json:"message,omitempty"`
	message.Details
	Class fault.Class `json:"class,omitempty"`
	// Peers are the addresses of other routers and nodes that the message is about.
	Peers []string `json:"peers,omitempty"`
}

// Drift is a difference found and removed that no revision asked for.
type Drift struct {
	Time   time.Time   `json:"time"`
	Change diff.Change `json:"change"`
	// Error is why the repair failed; empty when it was repaired.
	Error string `json:"error,omitempty"`
}
