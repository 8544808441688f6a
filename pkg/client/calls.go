package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const root = "/api/v1/"

// Version asks the server for its release.
func (c *Client) Version(ctx context.Context) (*api.Version, error) {
	return get[api.Version](ctx, c, "version", nil)
}

// List returns the objects of a kind, sorted by ID. View is "pending",
// "running" or empty, which means pending; guests have one view only.
func (c *Client) List(ctx context.Context, kind api.Kind, view string) ([]api.Object, error) {
	raw, err := get[[]json.RawMessage](ctx, c, kind.Plural(), viewQuery(view))
	if err != nil {
		return nil, err
	}
	out := make([]api.Object, len(*raw))
	for i, r := range *raw {
		if out[i], err = decode(kind, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Get returns an object and its ETag, which Put, Patch and Delete accept as condition.
// An object that does not exist gives an error of type not-found.
func (c *Client) Get(ctx context.Context, kind api.Kind, id, view string) (api.Object, string, error) {
	path, err := objectPath(kind, id)
	if err != nil {
		return nil, "", err
	}
	var raw json.RawMessage
	etag, err := c.do(ctx, call{method: http.MethodGet, path: path, query: viewQuery(view), into: &raw})
	if err != nil {
		return nil, "", err
	}
	o, err := decode(kind, raw)
	return o, etag, err
}

// Put adds or replaces an object. With ifMatch it does so only if the object
// still has that ETag; IfAbsent as ifMatch demands that there is none yet.
func (c *Client) Put(ctx context.Context, o api.Object, ifMatch string) (*api.EditResult, error) {
	id := o.ObjectID()
	if s, ok := o.(*model.Subnet); ok && id == "" && s.CIDR.IsValid() {
		id = s.CIDR.String() // the server completes it from the VNet's zone
	}
	return c.edit(ctx, http.MethodPut, o.ObjectKind(), id, o, ifMatch)
}

// Patch changes some properties of an existing object.
func (c *Client) Patch(ctx context.Context, kind api.Kind, id string, p api.Patch, ifMatch string) (*api.EditResult, error) {
	return c.edit(ctx, http.MethodPatch, kind, id, p, ifMatch)
}

// PatchMany changes some properties of several existing objects of a kind: of all or of none.
func (c *Client) PatchMany(ctx context.Context, kind api.Kind, p api.PatchMany) (*api.EditResult, error) {
	out := &api.EditResult{}
	_, err := c.do(ctx, call{method: http.MethodPatch, path: root + kind.Plural(), body: p, into: out})
	return result(out, err)
}

// Delete removes an object; one that does not exist gives not-found.
func (c *Client) Delete(ctx context.Context, kind api.Kind, id, ifMatch string) (*api.EditResult, error) {
	return c.edit(ctx, http.MethodDelete, kind, id, nil, ifMatch)
}

func (c *Client) edit(ctx context.Context, method string, kind api.Kind, id string, body any, ifMatch string) (*api.EditResult, error) {
	path, err := objectPath(kind, id)
	if err != nil {
		return nil, err
	}
	out := &api.EditResult{}
	_, err = c.do(ctx, call{method: method, path: path, body: body, ifMatch: ifMatch, into: out})
	return result(out, err)
}

// Edit makes all edits or none. Their order does not matter: only the end result does.
// With dryRun nothing is stored. Edits of guests in the batch take effect at once, after
// the others were accepted.
func (c *Client) Edit(ctx context.Context, edits []api.Edit, dryRun bool) (*api.EditResult, error) {
	var query url.Values
	if dryRun {
		query = url.Values{"dry-run": {"true"}}
	}
	return post[api.EditResult](ctx, c, "edits", query, orEmpty(edits))
}

// Create is Edit for objects that must all be new: if one exists the error is of type
// conflict and nothing is stored.
func (c *Client) Create(ctx context.Context, objects []api.Object) (*api.EditResult, error) {
	return post[api.EditResult](ctx, c, "edits", url.Values{"create": {"true"}}, puts(objects))
}

// CheckCreate returns what Create would meet; nothing is stored.
func (c *Client) CheckCreate(ctx context.Context, objects []api.Object) (*api.CheckResult, error) {
	return post[api.CheckResult](ctx, c, "check", url.Values{"create": {"true"}}, puts(objects))
}

// puts are the edits that store objects.
func puts(objects []api.Object) []api.Edit {
	edits := make([]api.Edit, len(objects))
	for i, o := range objects {
		edits[i].Put = o
	}
	return edits
}

// EditLax is Edit for objects of another system: what the Proxmox API accepts is a
// warning, not an error.
func (c *Client) EditLax(ctx context.Context, edits []api.Edit, dryRun bool) (*api.EditResult, error) {
	query := url.Values{"lax": {"true"}}
	if dryRun {
		query.Set("dry-run", "true")
	}
	return post[api.EditResult](ctx, c, "edits", query, orEmpty(edits))
}

// EditAt is Edit on condition that the pending configuration is still the one
// that a plan was made from: pending is the plan's Pending. If it is not, the
// error is of type stale-plan and nothing was stored.
func (c *Client) EditAt(ctx context.Context, edits []api.Edit, pending string) (*api.EditResult, error) {
	return post[api.EditResult](ctx, c, "edits", url.Values{"pending": {pending}}, orEmpty(edits))
}

// Plan returns what an apply of the pending configuration would change.
func (c *Client) Plan(ctx context.Context) (*api.Plan, error) {
	return get[api.Plan](ctx, c, "plan", nil)
}

// PlanFiles is Plan with the files of a node's daemons that change.
func (c *Client) PlanFiles(ctx context.Context, node string) (*api.Plan, error) {
	return get[api.Plan](ctx, c, "plan", url.Values{"files": {node}})
}

// PlanEdits returns what an apply would change if these edits were made first;
// nothing is stored.
func (c *Client) PlanEdits(ctx context.Context, edits []api.Edit) (*api.Plan, error) {
	return post[api.Plan](ctx, c, "plan", nil, orEmpty(edits))
}

// PlanRevision returns what a rollback to revision n would change.
func (c *Client) PlanRevision(ctx context.Context, n int64) (*api.Plan, error) {
	return get[api.Plan](ctx, c, "plan", url.Values{"to": {strconv.FormatInt(n, 10)}})
}

// Apply makes a revision of the pending configuration and runs it.
func (c *Client) Apply(ctx context.Context, req api.ApplyRequest) (*api.ApplyResult, error) {
	return post[api.ApplyResult](ctx, c, "apply", nil, req)
}

// Discard drops every pending edit, or those of some objects; req may be empty.
func (c *Client) Discard(ctx context.Context, req api.DiscardRequest) (*api.EditResult, error) {
	return post[api.EditResult](ctx, c, "discard", nil, req)
}

// Undo takes back a pending edit of the caller, the last one if req is empty.
func (c *Client) Undo(ctx context.Context, req api.UndoRequest) (*api.EditResult, error) {
	return post[api.EditResult](ctx, c, "undo", nil, req)
}

// Rollback makes a new revision with the content of an older one.
func (c *Client) Rollback(ctx context.Context, req api.RollbackRequest) (*api.ApplyResult, error) {
	return post[api.ApplyResult](ctx, c, "rollback", nil, req)
}

// TopologyQuery selects a part of the picture of the network. The zero value means all of it.
type TopologyQuery struct {
	// Detail is auto, cluster or zone: whether zones show or count their VNets. Empty means
	// auto: as many as can be read.
	Detail string
	// Expand are references of zones whose VNets are shown in any case, and of nodes whose
	// interfaces are shown; 16 at most.
	Expand []string
	// Focus is the reference of an object, like vnet/web: only it is shown, and what is
	// within Depth references of it. Depth is 1 to 4; 0 means 1.
	Focus string
	Depth int
}

// Topology returns the network as a picture. With have, the version of an earlier one, it
// returns nil if that is still the same.
func (c *Client) Topology(ctx context.Context, q TopologyQuery, have string) (*api.Topology, error) {
	query := url.Values{}
	for name, value := range map[string]string{"detail": q.Detail, "expand": strings.Join(q.Expand, ","), "focus": q.Focus} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Depth != 0 {
		query.Set("depth", strconv.Itoa(q.Depth))
	}
	t := &api.Topology{}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: root + "topology", query: query, into: t, have: have}); err != nil {
		return nil, err
	}
	if t.Version == "" { // it is the same
		return nil, nil //nolint:nilnil // as documented
	}
	return t, nil
}

// MoveElements moves elements of the picture of the network, for all users.
func (c *Client) MoveElements(ctx context.Context, p api.Positions) error {
	_, err := c.do(ctx, call{method: http.MethodPatch, path: root + "topology/positions", body: p})
	return err
}

// ResetPositions puts all moved elements of the picture back to their own places.
func (c *Client) ResetPositions(ctx context.Context) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: root + "topology/positions"})
	return err
}

// Revisions returns the history, newest first.
func (c *Client) Revisions(ctx context.Context) ([]api.Revision, error) {
	return list[api.Revision](ctx, c, "revisions")
}

// Revision returns one revision with its content.
func (c *Client) Revision(ctx context.Context, n int64) (*api.RevisionDetail, error) {
	return get[api.RevisionDetail](ctx, c, "revisions/"+strconv.FormatInt(n, 10), nil)
}

// Compare returns what differs between two configurations: each is the number of a
// revision, 0 for the empty one, "running" or "pending".
func (c *Client) Compare(ctx context.Context, from, to string) (*api.Comparison, error) {
	return get[api.Comparison](ctx, c, "compare", url.Values{"from": {from}, "to": {to}})
}

// PinRevision keeps a revision regardless of its age, or with pinned unset no longer
// does.
func (c *Client) PinRevision(ctx context.Context, n int64, pinned bool) error {
	method := http.MethodPut
	if !pinned {
		method = http.MethodDelete
	}
	_, err := c.do(ctx, call{method: method, path: root + "revisions/" + strconv.FormatInt(n, 10) + "/pin"})
	return err
}

// PruneRevisions removes old revisions, except the running one and pinned ones.
func (c *Client) PruneRevisions(ctx context.Context, req api.PruneRequest) (*api.PruneResult, error) {
	return post[api.PruneResult](ctx, c, "revisions/prune", nil, req)
}

// Status returns the state of the cluster. With after, the Version of an earlier status,
// it waits until the status differs, at most 55 seconds; then it returns the same one
// again.
func (c *Client) Status(ctx context.Context, after string) (*api.Status, error) {
	var query url.Values
	if after != "" {
		query = url.Values{"after": {after}}
	}
	return get[api.Status](ctx, c, "status", query)
}

// WholeStatus returns the state of the cluster with all facts that nodes report,
// including their interfaces and routes.
func (c *Client) WholeStatus(ctx context.Context) (*api.Status, error) {
	return get[api.Status](ctx, c, "status", url.Values{"facts": {"all"}})
}

// Backup writes everything that the cluster's store holds to w, for `viaduct restore`.
// This includes every secret, and is for administrators only. A truncated file is
// detected by its missing end.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	resp, err := c.send(ctx, call{method: http.MethodPost, path: root + "backup"})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return c.unreachable(ctx, err)
		}
		return problem(resp, body)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

// Members returns the nodes that have joined, sorted by name.
func (c *Client) Members(ctx context.Context) ([]api.Member, error) {
	return list[api.Member](ctx, c, "members")
}

// DeleteMember removes a node: its certificate is no longer accepted.
func (c *Client) DeleteMember(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: root + "members/" + url.PathEscape(name)})
	return err
}

// Administrators returns the certificates of administrators that have not expired, the
// oldest first.
func (c *Client) Administrators(ctx context.Context) ([]api.Administrator, error) {
	return list[api.Administrator](ctx, c, "administrators")
}

// RevokeAdministrator revokes an administrator's certificate, by its serial number.
func (c *Client) RevokeAdministrator(ctx context.Context, serial string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: root + "administrators/" + url.PathEscape(serial)})
	return err
}

// CreateToken creates a token that allows one node to join, once.
func (c *Client) CreateToken(ctx context.Context, req api.TokenRequest) (*api.Token, error) {
	return post[api.Token](ctx, c, "tokens", nil, req)
}

// Session returns the client's identity for the server, and its permissions.
func (c *Client) Session(ctx context.Context) (*api.Session, error) {
	return get[api.Session](ctx, c, "session", nil)
}

// AuditQuery selects entries of the audit. The zero value means the newest 100.
type AuditQuery struct {
	// Limit bounds how many are returned, 1 to 1000; 0 means 100.
	Limit int
	// After is the ID of an entry: the entries that follow it, which are older, are
	// returned.
	After string
	// User is the author of the entries, as they name it; empty means all.
	User string
}

// Audit returns the writes with their authors, carried out or refused, newest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery) ([]api.AuditEntry, error) {
	query := url.Values{}
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.After != "" {
		query.Set("after", q.After)
	}
	if q.User != "" {
		query.Set("user", q.User)
	}
	out, err := get[[]api.AuditEntry](ctx, c, "audit", query)
	if err != nil {
		return nil, err
	}
	return *out, nil
}

// Message explains the message with a code.
func (c *Client) Message(ctx context.Context, code string) (*api.MessageInfo, error) {
	return get[api.MessageInfo](ctx, c, "messages/"+url.PathEscape(code), nil)
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	out := new(T)
	_, err := c.do(ctx, call{method: http.MethodGet, path: root + path, query: query, into: out})
	return result(out, err)
}

func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	out, err := get[[]T](ctx, c, path, nil)
	if err != nil {
		return nil, err
	}
	return *out, nil
}

// Addresses returns the allocated addresses, and gateways, sorted: of a zone or VNet if
// one is given.
func (c *Client) Addresses(ctx context.Context, zone, vnet string) ([]api.Address, error) {
	return of(get[[]api.Address](ctx, c, "addresses", inVNet(zone, vnet)))
}

// AssignAddress assigns addresses to a NIC, and returns its addresses afterwards.
func (c *Client) AssignAddress(ctx context.Context, r api.AddressRequest) ([]api.Address, error) {
	return of(post[[]api.Address](ctx, c, "addresses", nil, r))
}

// ReleaseAddress releases an address of any owner.
func (c *Client) ReleaseAddress(ctx context.Context, zone string, ip netip.Addr) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: root + "addresses/" + url.PathEscape(zone) + "/" + url.PathEscape(ip.String())})
	return err
}

// Usage returns how much of each subnet is used: of a zone or VNet if one is given.
func (c *Client) Usage(ctx context.Context, zone, vnet string) ([]api.Usage, error) {
	return of(get[[]api.Usage](ctx, c, "usage", inVNet(zone, vnet)))
}

// ExportAddresses returns the addresses of the built-in address management in the format
// of Proxmox VE's pve-ipam-state.json.
func (c *Client) ExportAddresses(ctx context.Context) (json.RawMessage, error) {
	return of(get[json.RawMessage](ctx, c, "ipam-state", nil))
}

// ImportAddresses imports the addresses of a pve-ipam-state.json.
func (c *Client) ImportAddresses(ctx context.Context, state json.RawMessage) (*api.ImportResult, error) {
	return post[api.ImportResult](ctx, c, "ipam-state", nil, state)
}

func inVNet(zone, vnet string) url.Values {
	q := url.Values{}
	if zone != "" {
		q.Set("zone", zone)
	}
	if vnet != "" {
		q.Set("vnet", vnet)
	}
	return q
}

func of[T any](out *T, err error) (T, error) {
	if err != nil {
		return *new(T), err
	}
	return *out, nil
}

func post[T any](ctx context.Context, c *Client, path string, query url.Values, body any) (*T, error) {
	out := new(T)
	_, err := c.do(ctx, call{method: http.MethodPost, path: root + path, query: query, body: body, into: out})
	return result(out, err)
}

func result[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

func objectPath(kind api.Kind, id string) (string, error) {
	if id == "" { // the path would be that of the list
		return "", errors.New(string(kind) + " without an id")
	}
	return root + kind.Plural() + "/" + url.PathEscape(id), nil
}

// decode reads an object. Unlike the server it accepts unknown properties: a newer
// server may have more.
func decode(kind api.Kind, raw []byte) (api.Object, error) {
	o := model.New(kind)
	if o == nil {
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, fmt.Errorf("%s in the server's answer: %w", kind, err)
	}
	return o, nil
}

func viewQuery(view string) url.Values {
	if view == "" {
		return nil
	}
	return url.Values{"view": {view}}
}

// orEmpty turns an empty batch into an empty JSON list rather than null.
func orEmpty(edits []api.Edit) []api.Edit {
	if edits == nil {
		return []api.Edit{}
	}
	return edits
}
