// Package protocol is what servers and agents say to each other, as JSON over
// HTTP/2 with mutual TLS. It holds wire types only.
//
//	POST /agent/v1/join     JoinRequest -> JoinResponse   (no client certificate; a one-time token)
//	POST /agent/v1/renew    RenewRequest -> JoinResponse  (before the certificate ends)
//	GET  /agent/v1/desired?have=<hash>                    (long poll) -> Document, or 304 after MaxPoll
//	POST /agent/v1/status   Status -> 204
//	GET  /agent/v1/bindings?epoch=<e>&since=<n>           (long poll) -> Bindings, or 304 after MaxPoll
//	GET  /agent/v1/questions                              (long poll) -> Question, or 304 after MaxPoll
//	POST /agent/v1/answers/{id}  Answer -> 204
//
// A node's name is that of its certificate; nothing in a body overrides it.
package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Format is the document format this release writes and reads. An agent that
// meets a higher number keeps what it has and says so.
//
// History:
//  1. zones simple and vxlan, VNets, subnets, guests.
//  2. zones vlan, qinq and evpn, controllers, fabrics, prefix lists, route maps.
const Format = 2

// MaxPoll is how long a server holds a long poll open before it answers 304.
const MaxPoll = 55 * time.Second

// Document is what one node gets: the projection of a revision, and the guests
// that run on the node. The agent compiles it together with its own facts.
type Document struct {
	Format int `json:"format"`
	// Revision is the running revision; 0 before the first apply.
	Revision int64  `json:"revision"`
	Node     string `json:"node"`
	// Config is the part of the revision that concerns the node.
	Config model.Config `json:"config"`
	// Guests are those on the node, by ID.
	Guests map[string]*model.Guest `json:"guests,omitempty"`
	// Bindings are those of the zones that are on the node, sorted by ID. They are
	// no part of the document on the wire, nor of its hash: whoever compiles it puts
	// in what it knows of them.
	Bindings []*model.Binding `json:"-"`
}

// Hash identifies the document: lower-case hexadecimal SHA-256 of its JSON form.
func (d *Document) Hash() string {
	b, err := json.Marshal(d)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Bindings are what is known of the NICs in the node's zones, or what changed of it.
// There may be ten thousands of them and each is a small change, so they come apart
// from the document.
type Bindings struct {
	// Epoch names the life of the server that counts, Number is how far: an agent
	// asks for what came after. In another epoch it gets all.
	Epoch  string `json:"epoch"`
	Number int64  `json:"number"`
	// All says that these are all bindings, and others are gone.
	All bool `json:"all,omitempty"`
	// Put are new or changed, Gone the IDs of those that are no more.
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

// State sums up a node or an object. Package health works them out: agents report
// Converged and Degraded only, as agents of all releases do.
type State string

// The states.
const (
	// Converged: what was declared stands and works, as far as the node can tell.
	Converged State = "converged"
	// Warning: what was declared is in place, but something is wrong that its operator
	// should know.
	Warning State = "warning"
	// Applying: work is going on.
	Applying State = "applying"
	// Degraded: something that was declared does not work; messages say what.
	Degraded State = "degraded"
	// Unreachable: no server has a connection of the node's agent.
	Unreachable State = "unreachable"
)

// Class tells what kind of thing is wrong: causes are shown before what follows from
// them. Empty stands for ClassDeclared.
type Class string

// The classes, causes first.
const (
	// ClassLacking: the node lacks a feature of its kernel, a program or a daemon.
	ClassLacking Class = "lacking"
	// ClassLink: an interface of the node's own is missing, down or otherwise in use.
	ClassLink Class = "link"
	// ClassForeign: something else on the node is in the way.
	ClassForeign Class = "foreign"
	// ClassDeclared: what was declared does not fit the node.
	ClassDeclared Class = "declared"
	// ClassPeer: another router or node does not answer.
	ClassPeer Class = "peer"
	// ClassConsequence: another object's fault is the cause.
	ClassConsequence Class = "consequence"
)

// Status is what an agent reports after every pass that changed something, and
// at least every 30 seconds.
type Status struct {
	// Revision and Hash say which document the report answers.
	Revision int64  `json:"revision"`
	Hash     string `json:"hash"`
	State    State  `json:"state"`
	// Time is when the pass ended; Duration how long it took.
	Time     time.Time     `json:"time"`
	Duration time.Duration `json:"duration"`
	// Objects are those with something to tell: failures first of all. An
	// object of the node that is not listed stands as declared.
	Objects []ObjectStatus `json:"objects,omitempty"`
	// Message tells what is wrong with the node as a whole.
	Message string `json:"message,omitempty"`
	// Drift holds the newest differences that no revision asked for, oldest
	// first, at most MaxDrift.
	Drift []Drift `json:"drift,omitempty"`
	// Writes counts the agent's changes to the system since it started, Passes
	// its reconciliations.
	Writes int64 `json:"writes"`
	Passes int64 `json:"passes"`
	// Ports names the guests' links that are joined to their VNet's bridge.
	Ports []string     `json:"ports,omitempty"`
	Facts *model.Facts `json:"facts,omitempty"`
	// Load is how busy the node is. It changes with every report, so nobody is woken
	// and nothing is stored because of it; nil if it cannot be measured.
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
	Class   Class  `json:"class,omitempty"`
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
