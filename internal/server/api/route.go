package api

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// root is the prefix of all paths.
const root = "/api/v1/"

// route is one operation. The table of routes defines the whole interface: operations,
// permissions and documentation.
type route struct {
	method string
	// path is below root, with the names of parameters in braces.
	path string
	// id is the operation's name in the OpenAPI document and in the audit.
	id string
	// group is its group in the documentation; doc is a sentence or two.
	group, doc string
	needs      need
	query      []param
	// condition is true if If-Match and If-None-Match are honoured.
	condition bool
	// cached is true if If-None-Match with the ETag of an earlier answer is honoured.
	cached bool
	// request and answer are the types of the bodies; nil for none.
	request, answer reflect.Type
	// readOnly is set for a POST that changes nothing.
	readOnly bool
	// content is the answer's content type if it is not JSON.
	content string
	serve   func(h *Handler, r *request) (any, error)
}

// writes reports whether the operation is audited.
func (rt *route) writes() bool { return !safe(rt.method) && !rt.readOnly }

// need is what an operation demands of its caller.
type need struct {
	// doc describes it: "SDN.Audit on /sdn". Empty means any known caller.
	doc string
	// rights are checked before the operation; they hold parameters of the path in
	// braces.
	rights []right
	// below is a right that the caller must have on a path or anywhere below it.
	below *right
	// public operations do not identify the caller.
	public bool
	// written is the kind of the object that is written; anywhere are privileges, one of
	// them needed on some path. A caller with no such right at all is refused before the
	// request's body is read; the operation itself checks the others.
	written  model.Kind
	anywhere []access.Privilege
}

// anybody is any known caller.
var anybody = need{doc: "any authenticated caller"}

// public is for operations that reveal nothing of the network.
var public = need{doc: "anybody, without a login", public: true}

// on demands any of the privileges on a path.
func on(path string, anyOf ...access.Privilege) need {
	names := make([]string, len(anyOf))
	for i, p := range anyOf {
		names[i] = string(p)
	}
	return need{doc: strings.Join(names, " or ") + " on " + path, rights: []right{{path, anyOf}}}
}

// somewhere demands any of the privileges at a path or at any below it, and describes
// what the operation itself checks then.
func somewhere(path, doc string, anyOf []access.Privilege) need {
	return need{doc: doc, below: &right{path, anyOf}}
}

// within describes what an operation itself checks, because it depends on the request;
// or that it omits what the caller may not see.
func within(doc string) need { return need{doc: doc} }

// withinFrom is within, for operations that need any of the privileges on some path.
func withinFrom(doc string, anyOf ...access.Privilege) need { return need{doc: doc, anywhere: anyOf} }

// writing is within, for operations that write an object of the kind, the path's {id}.
func writing(k model.Kind) need {
	doc := k.Descriptor().RightsText(true)
	if more := k.Descriptor().UsesText(); more != "" {
		doc += "; " + more
	}
	return need{doc: doc, written: k}
}

// check checks a caller against the demands.
func (n need) check(h *Handler, r *request) error {
	if n.below != nil {
		if err := h.somewhere(r.caller, *n.below); err != nil {
			return err
		}
	}
	for _, one := range n.rights {
		if i := strings.IndexByte(one.path, '{'); i >= 0 {
			name := strings.Trim(one.path[i:], "{}")
			one.path = below(strings.TrimSuffix(one.path[:i], "/"), r.PathValue(name))
		}
		if err := h.demand(r.caller, one); err != nil {
			return err
		}
	}
	switch {
	case r.caller.admin:
		return nil
	case n.written != "":
		return h.mayWriteSome(r, n.written)
	case len(n.anywhere) > 0 && !h.Access.HasAnywhere(r.caller.id, n.anywhere...):
		return h.lacksAnywhere(r.caller, n.anywhere)
	}
	return nil
}

// param is a parameter of the query.
type param struct {
	name, typ, doc string
	enum           []string
}

// of is a type as the table names it.
func of[T any]() reflect.Type { return reflect.TypeFor[T]() }

// table is all routes, in the order of the documentation.
func table() []route {
	var out []route
	out = append(out, sessionRoutes()...)
	for _, k := range model.Kinds() {
		out = append(out, objectRoutes(k)...)
	}
	out = append(out, addressRoutes()...)
	out = append(out, changeRoutes()...)
	out = append(out, topologyRoutes()...)
	out = append(out, clusterRoutes()...)
	out = append(out, liveRoutes()...)
	out = append(out, reachRoutes()...)
	out = append(out, macroRoutes()...)
	out = append(out, accessRoutes()...)
	return append(out, documentRoutes()...)
}

func sessionRoutes() []route {
	const group = "Session"
	return []route{
		{
			method: http.MethodPost, path: "session", id: "login", group: group, needs: public, serve: (*Handler).login, request: of[api.Credentials](), answer: of[api.Session](),
			doc: "Starts a session of two hours: sets its cookie and returns the CSRF token that every write in the session has to carry in X-CSRF-Token. Without user and password it extends the session of the cookie.",
		},
		{
			method: http.MethodGet, path: "session", id: "getSession", group: group, needs: anybody, serve: (*Handler).session, answer: of[api.Session](),
			doc: "Returns the caller and the caller's permissions.",
		},
		{
			method: http.MethodDelete, path: "session", id: "logout", group: group, needs: anybody, serve: (*Handler).logout,
			doc: "Ends the session: deletes its cookie.",
		},
	}
}

// viewParam chooses between the two configurations.
var viewParam = param{name: "view", typ: "string", enum: []string{"pending", "running"}, doc: "pending (the default) or running configuration; live objects are the same in both"}

func objectRoutes(k model.Kind) []route {
	one := objectType(k)
	name := strings.ToUpper(camel(string(k))[:1]) + camel(string(k))[1:]
	group := strings.ToUpper(k.Plural()[:1]) + strings.ReplaceAll(k.Plural()[1:], "-", " ")
	path, item := k.Plural(), k.Plural()+"/{id}"
	readers := k.Descriptor().RightsText(false)
	read, write := within(readers), writing(k)
	what := strings.ReplaceAll(string(k), "-", " ")
	when := "Pending until the next apply."
	if !k.Revisioned() {
		when = "Takes effect at once."
	}
	with := func(serve func(h *Handler, r *request, k model.Kind) (any, error)) func(h *Handler, r *request) (any, error) {
		return func(h *Handler, r *request) (any, error) { return serve(h, r, k) }
	}
	return []route{
		{
			method: http.MethodGet, path: path, id: "list" + name + "s", group: group, query: []param{viewParam}, serve: with((*Handler).list), answer: reflect.SliceOf(one),
			needs: within("those with " + readers), doc: "Lists each " + what + " that the caller may see, sorted by ID.",
		},
		{
			method: http.MethodGet, path: item, id: "get" + name, group: group, query: []param{viewParam}, needs: read, serve: with((*Handler).get), answer: one,
			doc: "Returns one " + what + ", with its ETag.",
		},
		{
			method: http.MethodPut, path: item, id: "put" + name, group: group, condition: true, needs: write, serve: with((*Handler).put), request: one, answer: of[api.EditResult](),
			doc: "Adds or replaces one " + what + ". " + when,
		},
		{
			method: http.MethodPatch, path: item, id: "patch" + name, group: group, condition: true, needs: write, serve: with((*Handler).patch), request: of[api.Patch](), answer: of[api.EditResult](),
			doc: "Changes some properties of one " + what + ". " + when,
		},
		{
			method: http.MethodPatch, path: path, id: "patch" + name + "s", group: group, needs: write, serve: with((*Handler).patchMany), request: of[api.PatchMany](), answer: of[api.EditResult](),
			doc: "Changes some properties of several objects of the kind " + what + ": of all of them or of none. " + when,
		},
		{
			method: http.MethodDelete, path: item, id: "delete" + name, group: group, condition: true, needs: write, serve: with((*Handler).delete), answer: of[api.EditResult](),
			doc: "Deletes one " + what + ". " + when,
		},
	}
}

// objectType is the Go type of a kind of object.
func objectType(k model.Kind) reflect.Type { return reflect.TypeOf(model.New(k)).Elem() }

// camel turns "route-map" into "routeMap".
func camel(s string) string {
	words := strings.Split(s, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

func changeRoutes() []route {
	const group = "Changes"
	auditSDN, allocateSDN := on("/sdn", access.SDNAudit), on("/sdn", access.SDNAllocate)
	toRead := need{doc: auditSDN.doc + ", and nothing in it that is hidden from the caller", rights: auditSDN.rights}
	toPlan := somewhere("/sdn", "nothing in it that the reader may not see, and without SDN.Audit on /sdn for each edit of the request what writing it demands", sdnRead)
	toApply := somewhere("/sdn", "SDN.Allocate on /sdn, or for each changed object the permission to write it", sdnWrite)
	toDiscard := somewhere("/sdn", "SDN.Allocate on /sdn; otherwise only pending changes of objects that the caller may write are discarded", sdnWrite)
	create := param{name: "create", typ: "boolean", doc: "every object must be new: refused with conflict if one exists"}
	return []route{
		{
			method: http.MethodPost, path: "edits", id: "edit", group: group, serve: (*Handler).edits, request: of[[]model.Edit](), answer: of[api.EditResult](),
			needs: withinFrom("for each object the permission to write it", access.SDNAllocate, access.SysModify, vmNetwork),
			query: []param{{name: "dry-run", typ: "boolean", doc: "check everything and store nothing"}, {name: "lax", typ: "boolean", doc: "problems that the Proxmox API permits are warnings instead of errors"}, {name: "pending", typ: "string", doc: "the pending version of a plan: refused with stale-plan if there are newer edits"}, create},
			doc:   "Makes all edits or none. Their order does not matter: the result is validated.",
		},
		{
			method: http.MethodPost, path: "check", id: "checkEdits", group: group, serve: (*Handler).check, request: of[[]model.Edit](), answer: of[api.CheckResult](), readOnly: true,
			needs: withinFrom("for each object the permission to write it", access.SDNAllocate, access.SysModify, vmNetwork),
			query: []param{create},
			doc:   "Validates edits and returns what is wrong with them, as forms do while one types. Nothing is stored.",
		},
		{
			method: http.MethodGet, path: "plan", id: "getPlan", group: group, needs: toPlan, serve: (*Handler).plan, answer: of[api.Plan](),
			query: []param{{name: "to", typ: "integer", doc: "plan a rollback to this revision"}, filesParam},
			doc:   "Computes the changes that an apply would make: objects, and links, addresses, routes and rules of every node.",
		},
		{
			method: http.MethodPost, path: "plan", id: "planEdits", group: group, needs: toPlan, serve: (*Handler).planEdits, request: of[[]model.Edit](), answer: of[api.Plan](), readOnly: true,
			doc: "Computes the changes that an apply would make after these edits. Nothing is stored.",
		},
		{
			method: http.MethodPost, path: "apply", id: "apply", group: group, needs: toApply, serve: (*Handler).apply, request: of[api.ApplyRequest](), answer: of[api.ApplyResult](),
			doc: "Makes a revision of the pending configuration and starts its rollout. If nodes cannot implement it, it is refused with plan-errors unless allowErrors is set.",
		},
		{
			method: http.MethodPost, path: "discard", id: "discard", group: group, serve: (*Handler).discard, request: of[api.DiscardRequest](), answer: of[api.EditResult](),
			needs: toDiscard, doc: "Discards all pending edits, or those that the caller may discard; with objects the pending changes of these, all or none.",
		},
		{
			method: http.MethodPost, path: "undo", id: "undo", group: group, serve: (*Handler).undo, request: of[api.UndoRequest](), answer: of[api.EditResult](),
			needs: withinFrom("for each object of the edit the permission to write it", access.SDNAllocate, access.SysModify),
			doc:   "Undoes a pending edit request of the caller, by default the last one: the objects that it changed become what they were before it. Refused if one of them was changed since.",
		},
		{
			method: http.MethodPost, path: "rollback", id: "rollback", group: group, needs: allocateSDN, serve: (*Handler).rollback, request: of[api.RollbackRequest](), answer: of[api.ApplyResult](),
			doc: "Makes a new revision with the content of an older one.",
		},
		{
			method: http.MethodGet, path: "revisions", id: "listRevisions", group: group, needs: auditSDN, serve: (*Handler).revisions, answer: of[[]api.Revision](),
			doc: "Lists the history, newest first.",
		},
		{
			method: http.MethodGet, path: "revisions/{n}", id: "getRevision", group: group, needs: toRead, serve: (*Handler).revision, answer: of[api.RevisionDetail](),
			doc: "Returns one revision with its content, and what it changed.",
		},
		{
			method: http.MethodGet, path: "compare", id: "compare", group: group, needs: toRead, serve: (*Handler).compare, answer: of[api.Comparison](),
			query: []param{
				{name: "from", typ: "string", doc: "the number of a revision, 0 for the empty configuration, running or pending"},
				{name: "to", typ: "string", doc: "the same; running by default"},
				filesParam,
			},
			doc: "Returns what differs between two configurations: objects, and what each node would get. Live objects are those of now on both sides.",
		},
		{
			method: http.MethodPut, path: "revisions/{n}/pin", id: "pinRevision", group: group, needs: allocateSDN, serve: (*Handler).pin,
			doc: "Keeps a revision regardless of its age.",
		},
		{
			method: http.MethodDelete, path: "revisions/{n}/pin", id: "unpinRevision", group: group, needs: allocateSDN, serve: (*Handler).unpin,
			doc: "Stops keeping a revision regardless of its age.",
		},
		{
			method: http.MethodPost, path: "revisions/prune", id: "pruneRevisions", group: group, needs: allocateSDN, serve: (*Handler).prune, request: of[api.PruneRequest](), answer: of[api.PruneResult](),
			doc: "Removes old revisions, except the running one and pinned ones.",
		},
	}
}

func clusterRoutes() []route {
	const group = "Cluster"
	return []route{
		{
			method: http.MethodGet, path: "version", id: "getVersion", group: group, needs: anybody, serve: (*Handler).version, answer: of[api.Version](),
			doc: "Returns the version of the server.",
		},
		{
			method: http.MethodGet, path: "status", id: "getStatus", group: group, serve: (*Handler).status, answer: of[api.Status](),
			needs: within("the nodes with Sys.Audit on /nodes/{node}"),
			query: []param{
				{name: "after", typ: "string", doc: "the version of a status: wait for a newer one, at most 55 seconds"},
				{name: "facts", typ: "string", doc: "all: include the interfaces and routes that nodes report, which may be many"},
			},
			doc: "Returns the state of the cluster and of each node that the caller may see.",
		},
		{
			method: http.MethodGet, path: "members", id: "listMembers", group: group, needs: on("/", access.SysModify), serve: (*Handler).members, answer: of[[]api.Member](),
			doc: "Lists joined nodes, sorted by name.",
		},
		{
			method: http.MethodDelete, path: "members/{name}", id: "deleteMember", group: group, needs: on("/", access.SysModify), serve: (*Handler).deleteMember,
			doc: "Removes a node and revokes its certificate.",
		},
		{
			method: http.MethodGet, path: "administrators", id: "listAdministrators", group: group, needs: on("/", access.SysModify), serve: (*Handler).administrators, answer: of[[]api.Administrator](),
			doc: "Lists valid certificates of administrators, oldest first: those of servers' data directories, and others that were used.",
		},
		{
			method: http.MethodDelete, path: "administrators/{serial}", id: "revokeAdministrator", group: group, needs: on("/", access.SysModify), serve: (*Handler).revokeAdministrator,
			doc: "Revokes an administrator's certificate and ends its open requests. The server that owns it creates another one.",
		},
		{
			method: http.MethodPost, path: "tokens", id: "createJoinToken", group: group, needs: on("/", access.SysModify), serve: (*Handler).createToken, request: of[api.TokenRequest](), answer: of[api.Token](),
			doc: "Creates a one-time token with which the node of a name can join, or on request a node of any name.",
		},
		{
			method: http.MethodPost, path: "backup", id: "backup", group: group, serve: (*Handler).backup, answer: of[string](), content: "application/octet-stream",
			needs: within("an administrator by the server's socket or by certificate: it holds every secret"),
			doc:   "Returns a consistent snapshot of the store for viaduct restore: configuration, revisions, addresses, users, the certificate authority with its key.",
		},
		{
			method: http.MethodGet, path: "events", id: "streamEvents", group: group, serve: (*Handler).events, answer: of[api.Event](), content: "text/event-stream",
			needs: within("only events about objects that the caller may see"),
			query: []param{{name: "after", typ: "string", doc: "ID of an event to continue after; the header Last-Event-ID means the same"}},
			doc:   "Streams events as server-sent events with an Event as data. The first one is ready, or overflow if events after the given one are no longer stored: then read everything again.",
		},
		{
			method: http.MethodGet, path: "audit", id: "listAudit", group: group, needs: on("/", access.SysAudit), serve: (*Handler).auditEntries, answer: of[[]api.AuditEntry](),
			query: []param{
				{name: "limit", typ: "integer", doc: "number of entries, 1 to 1000; 100 by default"},
				{name: "after", typ: "string", doc: "ID of an entry: only older entries"},
				{name: "user", typ: "string", doc: "only entries of this author"},
			},
			doc: "Lists writes with author and result, newest first. The newest 10,000 are kept.",
		},
	}
}

func documentRoutes() []route {
	const group = "Documentation"
	return []route{
		{
			method: http.MethodGet, path: "openapi.json", id: "getOpenAPI", group: group, needs: public, serve: (*Handler).openAPI, answer: of[map[string]any](),
			doc: "Returns this description (OpenAPI 3.1).",
		},
		{
			method: http.MethodGet, path: "kinds", id: "listKinds", group: group, needs: anybody, serve: (*Handler).kinds, answer: of[[]api.KindInfo](),
			doc: "Describes the kinds of objects with their properties, in dependency order: an object refers to kinds before its own.",
		},
		{
			method: http.MethodGet, path: "messages/{code}", id: "getMessage", group: group, needs: anybody, serve: (*Handler).message, answer: of[api.MessageInfo](),
			doc: "Explains the message with a code, as problems and notes have it: what it means and what to do.",
		},
		{
			method: http.MethodGet, path: "docs", id: "getDocs", group: group, needs: public, serve: (*Handler).docs, answer: of[string](), content: "text/html",
			doc: "Shows this description in a browser.",
		},
	}
}
