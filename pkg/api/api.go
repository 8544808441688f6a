// Package api holds the types of Viaduct's native HTTP interface, below /api/v1, as
// pkg/client and the server exchange them in JSON.
//
//	GET    /api/v1/version                                 Version
//	GET    /api/v1/{kinds}?view=pending|running            []object, sorted by id (default view: pending)
//	GET    /api/v1/{kinds}/{id}?view=...                   object, with ETag
//	PUT    /api/v1/{kinds}/{id}                            object -> EditResult     If-Match, If-None-Match: *
//	PATCH  /api/v1/{kinds}/{id}                            Patch -> EditResult      If-Match
//	PATCH  /api/v1/{kinds}                                 PatchMany -> EditResult
//	DELETE /api/v1/{kinds}/{id}                            EditResult               If-Match
//	POST   /api/v1/edits?dry-run=true&pending=<token>      []Edit -> EditResult     all or nothing; pending: Plan.Pending
//	POST   /api/v1/edits?lax=true                          the same; what the Proxmox API accepts is a warning
//	POST   /api/v1/edits?create=true                       the same; every object must be new
//	POST   /api/v1/check                                   []Edit -> CheckResult: what they would meet, nothing stored
//	GET    /api/v1/addresses?zone=&vnet=                   []Address, sorted
//	POST   /api/v1/addresses                               AddressRequest -> []Address: those of the NIC afterwards
//	DELETE /api/v1/addresses/{zone}/{ip}                   releases an address of any owner
//	GET    /api/v1/usage?zone=&vnet=                       []Usage: how much of each subnet is used
//	GET    /api/v1/ipam-state                              the addresses in the format of pve-ipam-state.json
//	POST   /api/v1/ipam-state                              pve-ipam-state.json -> ImportResult
//	GET    /api/v1/plan                                    Plan: running to pending
//	POST   /api/v1/plan                                    []Edit -> Plan: running to pending plus these edits, nothing stored
//	GET    /api/v1/plan?to=N                               Plan: running to revision N
//	POST   /api/v1/apply                                   ApplyRequest -> ApplyResult
//	POST   /api/v1/discard                                 DiscardRequest or nothing -> EditResult: drops every pending edit, or one's own, or that of some objects
//	POST   /api/v1/undo                                    UndoRequest or nothing -> EditResult: takes back a pending edit of the caller
//	POST   /api/v1/rollback                                RollbackRequest -> ApplyResult
//	GET    /api/v1/topology?detail=&expand=&focus=&depth=  Topology: the picture of the network, with ETag; If-None-Match answers 304
//	PATCH  /api/v1/topology/positions                      Positions: moves elements of the picture, for all users
//	DELETE /api/v1/topology/positions                      puts all of them back
//	GET    /api/v1/revisions                               []Revision, newest first
//	GET    /api/v1/revisions/{n}                           RevisionDetail
//	GET    /api/v1/compare?from=&to=                       Comparison: of two revisions, running or pending
//	PUT    /api/v1/revisions/{n}/pin
//	DELETE /api/v1/revisions/{n}/pin
//	POST   /api/v1/revisions/prune                         PruneRequest -> PruneResult
//	GET    /api/v1/status?after=<version>&facts=all        Status; with after: waits until it differs, at most 55 s
//	GET    /api/v1/nodes/{node}/live/{subject}[/{object}]  the present state of a node, see LiveQueries
//	GET    /api/v1/firewall-macros                         []Macro
//	POST   /api/v1/reach                                   ReachRequest -> ReachAnswer: can one end reach the other, nothing is sent
//	GET    /api/v1/members                                 []Member
//	DELETE /api/v1/members/{name}                          forgets a node: its certificate no longer counts
//	GET    /api/v1/administrators                          []Administrator
//	DELETE /api/v1/administrators/{serial}                 revokes an administrator's certificate
//	POST   /api/v1/tokens                                  TokenRequest -> Token
//	GET    /api/v1/access/users                            []User, sorted by id; so groups ([]Group) and roles ([]Role)
//	GET    /api/v1/access/users/{id}                       User, with ETag; so groups and roles
//	PUT    /api/v1/access/users/{id}                       User -> User             If-Match, If-None-Match: *; so groups and roles
//	DELETE /api/v1/access/users/{id}                       with tokens and permissions; so groups, and roles that nobody has
//	PUT    /api/v1/access/users/{id}/password              Password
//	POST   /api/v1/access/users/{id}/login-link            LoginLink -> LoginLink
//	GET    /api/v1/access/users/{id}/permissions           []Permission, of a user or a token
//	GET    /api/v1/access/privileges                       []Privilege
//	GET    /api/v1/access/tokens?user=<id>                 []UserToken, of all users or one
//	POST   /api/v1/access/tokens                           UserToken -> UserToken with its secret
//	GET    /api/v1/access/tokens/{id}                      UserToken, with ETag
//	PUT    /api/v1/access/tokens/{id}                      UserToken -> UserToken     If-Match
//	DELETE /api/v1/access/tokens/{id}
//	GET    /api/v1/access/acl                              []ACLEntry
//	POST   /api/v1/access/acl                              ACLEdit -> ACLResult
//	POST   /api/v1/session                                 Credentials -> Session, and a cookie
//	GET    /api/v1/session                                 Session: the caller and their permissions
//	DELETE /api/v1/session                                 deletes the cookie of the session
//	GET    /api/v1/events?after=<id>                       server-sent events, each an Event
//	GET    /api/v1/audit?limit=&after=<id>&user=           []AuditEntry, newest first
//	POST   /api/v1/backup                                  everything that the store holds, as a file; administrators only
//	GET    /api/v1/kinds                                   []KindInfo: the kinds of objects and their properties
//	GET    /api/v1/messages/{code}                         MessageInfo: what a message means
//	GET    /api/v1/openapi.json                            all this for programs (OpenAPI 3.1)
//	GET    /api/v1/docs                                    and for people
//
// Requests identify the caller by an API token, "Authorization: Bearer
// user@realm!name=secret", or by the cookie of a session, with its CSRF token in
// X-CSRF-Token when they write. Administrators need neither at the server's unix socket,
// or with their certificate. Lists hold what the reader may see; what may not be read or
// done is answered 403.
//
// Lists and streams for a reader who may not see everything have headers Viaduct-Notice,
// texts for people that point this out: what is hidden must not look empty. They follow
// from permissions alone, not from the existing objects.
//
// {kinds} is nodes, prefix-lists, route-maps, fabrics, fabric-nodes, controllers,
// zones, vnets, subnets, ipams, dns or guests. The last three have no pending
// state: their edits take effect at once. Errors are RFC 9457 problem documents
// (type Error). An If-Match that does not hold answers 412.
//
// Clients that show a plan before acting on it send a token of it along: edits and
// discard accept Plan.Pending, apply and rollback accept Plan.Token. If somebody else
// was faster the answer is 409, stale-plan, and nothing was stored.
//
// Everything below access takes effect at once and is in no revision.
package api

import (
	"encoding/json"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Names of types that the interface shares with the rest of Viaduct.
type (
	// Kind is a kind of object: node, zone, vnet, subnet, guest and so on.
	Kind = model.Kind
	// Object is one declared object.
	Object = model.Object
	// Edit is one change to the pending configuration.
	Edit = model.Edit
	// Problem is a fault found in a configuration.
	Problem = model.Problem
	// MessageDetails are the code, the arguments and the remedy of a message; they are
	// fields of Problem, Note, NodeProblem and others. docs/reference/messages.md lists the
	// codes.
	MessageDetails = message.Details
	// Message is a text with its details.
	Message = message.Message
	// Change is one difference between two states.
	Change = diff.Change
	// Field is one property of a Change.
	Field = diff.Field
	// NodeReport is what an agent last reported.
	NodeReport = protocol.Status
)

// NoticeHeader is the header of notices in an answer.
const NoticeHeader = "Viaduct-Notice"

// ServersHeader is the header of answers to agents and to authenticated users: the URLs
// of the cluster's servers, with commas; each of them serves all requests.
const ServersHeader = "Viaduct-Servers"

// Version is the version of the answering server.
type Version struct {
	Version string `json:"version"`
	// API is the number in the path: 1.
	API int `json:"api"`
	// LabCommand is the command that controls the lab that the server is part of, to be copied;
	// empty outside of labs.
	LabCommand string `json:"labCommand,omitempty"`
}

// Patch changes some properties of an object: Set has new values by property name, Unset
// removes properties.
type Patch struct {
	Set   map[string]json.RawMessage `json:"set,omitempty"`
	Unset []string                   `json:"unset,omitempty"`
}

// MaxPatched bounds the objects of one PatchMany.
const MaxPatched = 5000

// PatchMany changes some properties of several objects of a kind: of all of them or of none.
// Each keeps what others change at the same time.
type PatchMany struct {
	IDs   []string                   `json:"ids"`
	Set   map[string]json.RawMessage `json:"set,omitempty"`
	Unset []string                   `json:"unset,omitempty"`
}

// EditResult is the result of an edit of the pending configuration.
type EditResult struct {
	// Changes are the objects that the edit changed; empty if it changed none.
	Changes []Change `json:"changes"`
	// Warnings were found; they do not prevent the edit.
	Warnings []Problem `json:"warnings,omitempty"`
	// Pending counts the objects that now differ from the running revision.
	Pending int `json:"pending"`
}

// CheckResult is what edits would meet.
type CheckResult struct {
	// Problems are those that would refuse the edits, and warnings.
	Problems []Problem `json:"problems"`
	// Detail is why the edits cannot be read at all, such as a text that is not an
	// address; empty if they can.
	Detail string `json:"detail,omitempty"`
}

// ApplyRequest makes a revision of the pending configuration.
type ApplyRequest struct {
	// Message is the reason.
	Message string `json:"message,omitempty"`
	// Plan is the token of the reviewed plan; if the plan has changed since, the apply
	// is refused. Empty applies whatever is pending.
	Plan string `json:"plan,omitempty"`
	// AllowErrors applies in spite of errors on nodes; the objects are omitted there.
	// Without it such an apply is refused with TypePlanErrors.
	AllowErrors bool `json:"allowErrors,omitempty"`
}

// DiscardRequest drops every pending edit. For a caller who may not modify all objects
// (SDN.Allocate on /sdn) it drops the pending changes of those that they may modify, and
// keeps the others.
type DiscardRequest struct {
	// Plan is the Pending of the reviewed plan; if there are other pending edits now the
	// discard is refused. Empty drops whatever is pending.
	Plan string `json:"plan,omitempty"`
	// Objects are references, like "vnet/red": only their pending changes are dropped, all
	// or none. The discard is refused if what stays pending needs one of them.
	Objects []string `json:"objects,omitempty"`
}

// UndoRequest takes back what a pending edit request of the caller did: the objects that
// it changed become what they were before it. It is refused if one of them was changed
// since. Edits of live objects are not undone.
type UndoRequest struct {
	// Edit is the PendingEdit.Number of an edit by the caller; 0 means their last one.
	Edit int64 `json:"edit,omitempty"`
}

// RollbackRequest makes a new revision with the content of an older one.
type RollbackRequest struct {
	Revision int64  `json:"revision"`
	Message  string `json:"message,omitempty"`
	// Plan is the token of the reviewed plan to the revision; if another configuration
	// runs by now the rollback is refused. Empty rolls back from whatever runs.
	Plan string `json:"plan,omitempty"`
}

// ApplyResult is the result of an apply or rollback.
type ApplyResult struct {
	// Revision is the running revision now.
	Revision int64 `json:"revision"`
	// Changed is false when there was nothing to apply and no revision was made.
	Changed bool     `json:"changed"`
	Objects []Change `json:"objects"`
}

// Revision describes one revision.
type Revision struct {
	Number  int64     `json:"number"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Message string    `json:"message,omitempty"`
	// Changes counts the objects that differ from the previous revision.
	Changes int  `json:"changes"`
	Running bool `json:"running,omitempty"`
	// Pinned keeps the revision regardless of its age. It is set in the history.
	Pinned bool `json:"pinned,omitempty"`
}

// PruneRequest sets how many of the newest revisions to keep, 1 at least.
type PruneRequest struct {
	Keep int `json:"keep"`
}

// PruneResult is how many revisions were removed.
type PruneResult struct {
	Removed int `json:"removed"`
}

// RevisionDetail is a revision with its content.
type RevisionDetail struct {
	Revision
	Config *model.Config `json:"config"`
	// Objects are the differences to the previous revision.
	Objects []Change `json:"objects"`
	// Nodes are the results of the nodes that finished with it, sorted by name; of the
	// newest 100 revisions only.
	Nodes []NodeResult `json:"nodes"`
}

// Names of configurations without a number in a Comparison.
const (
	NameRunning = "running"
	NamePending = "pending"
)

// Comparison is what differs between two configurations.
type Comparison struct {
	// From and To are numbers of revisions, 0 for the empty configuration, NameRunning or
	// NamePending.
	From    string   `json:"from"`
	To      string   `json:"to"`
	Objects []Change `json:"objects"`
	// Nodes are the nodes of now with what differs on them.
	Nodes []NodePlan `json:"nodes"`
}

// NodeResult is the result of a revision on a node: what it last reported of it.
type NodeResult struct {
	Node string `json:"node"`
	// State is converged or degraded.
	State protocol.State `json:"state"`
	// Time is when, by the node's clock; Duration is how long the last pass took.
	Time     time.Time     `json:"time"`
	Duration time.Duration `json:"duration,omitempty"`
	// Message is the problem of the node as a whole, Objects are those that failed.
	Message string                  `json:"message,omitempty"`
	Objects []protocol.ObjectStatus `json:"objects,omitempty"`
}

// Status is the state of the cluster.
type Status struct {
	// Version changes whenever anything else here does, except for what changes with
	// every heartbeat: Seen, and a report's Time, Duration, Writes, Passes.
	Version string `json:"version"`
	// Revision is the running revision; Pending counts pending changes.
	Revision int64 `json:"revision"`
	Pending  int   `json:"pending"`
	// PendingHidden is how many of the pending changes the reader may not see.
	PendingHidden int          `json:"pending-hidden,omitempty"`
	Nodes         []NodeStatus `json:"nodes"`
	// Problems are the problems of the nodes, causes before their consequences; one that
	// several nodes have is listed once.
	Problems []NodeProblem `json:"problems,omitempty"`
	// NodesHidden is true if the reader may not see all nodes, whether there are others
	// or not.
	NodesHidden bool `json:"nodes-hidden,omitempty"`
	// Warnings are problems of the server itself, such as a store that is nearly full.
	Warnings []string `json:"warnings,omitempty"`
}

// NodeStatus is the state of one node.
type NodeStatus struct {
	Name string `json:"name"`
	// State is converged, warning, applying, degraded or unreachable; applying also when
	// the node has not answered the running revision yet.
	State protocol.State `json:"state"`
	// Suspect is true if an unreachable node was connected a moment ago: its agent's
	// connection ended and no new one replaced it.
	Suspect bool `json:"suspect,omitempty"`
	// Want is the hash of the document the node should have.
	Want string `json:"want"`
	// Seen is when the server last heard from the node.
	Seen time.Time `json:"seen,omitzero"`
	// Report is the node's last report; nil if there is none. Its facts are without
	// interfaces and routes, unless the request asks for facts=all.
	Report *NodeReport `json:"report,omitempty"`
}

// NodeProblem is a problem of one or several nodes.
type NodeProblem struct {
	// State is the resulting state of a node: unreachable, degraded or warning.
	State protocol.State `json:"state"`
	// Class is the class of the fault; empty if it is in the declaration.
	Class fault.Class `json:"class,omitempty"`
	// Object is the reference: "vnet/vnet1"; empty for the node as a whole.
	Object string `json:"object,omitempty"`
	// Message describes the problem and its solution.
	Message string `json:"message"`
	message.Details
	// Nodes are those with the problem, sorted.
	Nodes []string `json:"nodes"`
}

// Member is a node that has joined.
type Member struct {
	Name string `json:"name"`
	// Joined is when; Serial is the serial number of its certificate, in hexadecimal;
	// Expires is when the certificate expires.
	Joined  time.Time `json:"joined"`
	Serial  string    `json:"serial"`
	Expires time.Time `json:"expires"`
}

// Administrator is the certificate of an administrator, who needs no user.
type Administrator struct {
	// Name is the name in the history; Serial is the serial number, in hexadecimal.
	Name   string `json:"name"`
	Serial string `json:"serial"`
	// Host is the host with the server's data directory that it was created in; empty
	// for one that was only presented so far.
	Host    string    `json:"host,omitempty"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Revoked is when it was revoked, and RevokedBy by whom; omitted if it is valid.
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy string    `json:"revokedBy,omitempty"`
}

// TokenRequest requests a token that allows one node to join.
type TokenRequest struct {
	// Node is the name that the token is for. AnyName instead makes one for a node of
	// any unused name: the finder of such a token chooses the name.
	Node    string `json:"node,omitempty"`
	AnyName bool   `json:"anyName,omitempty"`
	// TTL is how long the token can be used; 0 means one hour.
	TTL time.Duration `json:"ttl,omitempty"`
}

// Token allows one node to join, once.
type Token struct {
	// Token is "<id>.<secret>.<fingerprint>": the last part is the SHA-256 of the
	// authority's public key, by which the node recognizes the right server.
	Token   string    `json:"token"`
	Node    string    `json:"node,omitempty"`
	Expires time.Time `json:"expires"`
	// Servers are the URLs at which the servers of the cluster can be reached: see
	// ServersHeader.
	Servers []string `json:"servers,omitempty"`
}

// Error is the answer to a request that failed: RFC 9457 problem details.
type Error struct {
	// Type is a stable name of the kind of error: "invalid", "not-found",
	// "conflict", "stale-plan", "forbidden", "unavailable", "no-space",
	// "too-large", "internal".
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail describes what happened, to what, and what to do.
	Detail string `json:"detail,omitempty"`
	// Problems lists the problems of an invalid edit.
	Problems []Problem `json:"problems,omitempty"`
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	return e.Title
}
