package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// cluster is a server with two tenants' zones and users who may do this and that.
type cluster struct {
	*running
	http   *http.Client
	tokens map[string]string // by user
}

// The users of a cluster; each has a token with all their privileges.
const (
	nobody  = "nobody@pve"  // may do nothing
	auditor = "auditor@pve" // may see zone z1
	owner   = "owner@pve"   // may do everything in zone z1 and with guest 100
)

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{running: start(t, mem.New(), t.TempDir()), tokens: make(map[string]string)}
	pem, err := os.ReadFile(filepath.Join(c.data, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	c.http = &http.Client{Transport: transport, Timeout: patience}
	begin := c.until(t, "", api.EventReady)
	c.edit(t, c.local,
		&model.IPAM{ID: "netbox", Type: model.IPAMTypeNetBox, URL: "https://127.0.0.1:1/api", Token: hiddenToken},
		&model.NameServer{ID: "powerdns", Type: model.DNSTypePowerDNS, URL: "https://127.0.0.1:1/api/v1/servers/localhost", Key: hiddenToken},
		&model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "v1", Zone: "z1"}, &model.Subnet{CIDR: netip.MustParsePrefix("10.1.0.0/16"), VNet: "v1"},
		&model.Zone{ID: "z2", Type: model.ZoneSimple}, &model.VNet{ID: "v2", Zone: "z2"}, &model.Subnet{CIDR: netip.MustParsePrefix("10.2.0.0/16"), VNet: "v2"},
		&model.Alias{ID: "office", CIDR: "192.0.2.0/24"}, &model.IPSet{ID: "admins"}, &model.SecurityGroup{ID: "web"},
		&model.Firewall{ID: "v1", Enable: true}, &model.Firewall{ID: "v2", Enable: true},
		&model.Controller{ID: "ctl", Type: model.ControllerEVPN, ASN: 65000, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		&model.PrefixList{ID: "pl"}, &model.RouteMap{ID: "rm"},
		&model.Fabric{ID: "f1", Protocol: model.FabricOpenFabric, IPPrefix: netip.MustParsePrefix("10.9.0.0/24")},
		&model.FabricNode{Fabric: "f1", Node: "node1", IP: netip.MustParseAddr("10.9.0.1")},
		&model.Node{ID: "node1"})
	if _, err := c.local.Apply(t.Context(), api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	c.edit(t, c.local, &model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "v1"}}}, &model.Guest{ID: "200", NICs: []model.NIC{{ID: "net0", VNet: "v2"}}})
	c.join(t, "node1")
	// What happened so far is told a moment later, and must not come between.
	c.until(t, begin, api.EventGuest)
	c.until(t, begin, api.EventNode)
	if _, err := c.local.PutRole(t.Context(), api.Role{ID: "looks", Privileges: []string{"SDN.Audit"}}, ""); err != nil {
		t.Fatal(err)
	}
	c.user(t, nobody)
	c.user(t, auditor, "/sdn/zones/z1 looks")
	c.user(t, owner, "/sdn/zones/z1 PVESDNAdmin", "/vms/100 PVEVMAdmin")
	return c
}

// until reads events after one until there is one of a type, and returns its ID.
func (c *cluster) until(t *testing.T, after string, typ api.EventType) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range c.local.Events(ctx, after) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == typ {
			return e.ID
		}
	}
	t.Fatalf("no event %s", typ)
	return ""
}

// user makes a user with grants "PATH ROLE", and their token.
func (c *cluster) user(t *testing.T, id string, grants ...string) {
	t.Helper()
	ctx := t.Context()
	if _, err := c.local.PutUser(ctx, api.User{ID: id}, ""); err != nil {
		t.Fatal(err)
	}
	token, err := c.local.CreateUserToken(ctx, api.UserToken{User: id, Name: "ci", AllPrivileges: true})
	if err != nil {
		t.Fatal(err)
	}
	c.tokens[id] = token.ID() + "=" + token.Secret
	var e api.ACLEdit
	for _, g := range grants {
		path, role, _ := strings.Cut(g, " ")
		e.Add = append(e.Add, api.ACLEntry{Path: path, Type: "user", Subject: id, Role: role, Propagate: true})
	}
	if _, err := c.local.EditACL(ctx, e); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) edit(t *testing.T, cl *client.Client, objects ...model.Object) {
	t.Helper()
	var edits []api.Edit
	for _, o := range objects {
		edits = append(edits, api.Edit{Put: o})
	}
	if _, err := cl.Edit(t.Context(), edits, false); err != nil {
		t.Fatal(err)
	}
}

// as is a client with a user's token. It comes through the socket, where it would
// be an administrator without.
func (c *cluster) as(t *testing.T, user string) *client.Client {
	t.Helper()
	cl, err := client.New("unix://"+filepath.Join(c.data, "api.sock"), client.WithToken(c.tokens[user]))
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// from is a client with a user's token that comes over the network.
func (c *cluster) from(t *testing.T, user string) *client.Client {
	t.Helper()
	cl, err := client.New(c.url, client.WithTLS("", "", filepath.Join(c.data, "ca.crt")), client.WithToken(c.tokens[user]))
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

func (c *cluster) request(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return answer{resp.StatusCode, resp.Header, ""} // it does not end
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// operation is one of the OpenAPI document.
type operation struct {
	ID                 string `json:"operationId"`
	method, path, body string
	Security           *[]any `json:"security"`
	RequestBody        any    `json:"requestBody"`
}

// operations are all of them, with paths and bodies that make sense in the cluster.
func (c *cluster) operations(t *testing.T) []operation {
	t.Helper()
	c.edit(t, c.local,
		&model.Backplane{ID: "bp", Type: model.ZoneVXLAN, Members: []model.BackplaneMember{{Node: "node1", Address: netip.MustParseAddr("192.0.2.11")}}},
		&model.Sector{ID: "tenant", Subnets: []model.SectorSubnet{{CIDR: netip.MustParsePrefix("172.16.0.0/24")}}},
		&model.LoadBalancer{ID: "balanced", Sector: "tenant", Port: 80})
	if _, err := c.local.Apply(t.Context(), api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(c.request(t, http.MethodGet, "/api/v1/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{
		"zones": "z2", "vnets": "v2", "subnets": "z2-10.2.0.0-16", "controllers": "ctl", "prefix-lists": "pl", "route-maps": "rm", "fabrics": "f1",
		"fabric-nodes": "f1_node1", "nodes": "node1", "guests": "200", "ipams": "netbox", "dns": "powerdns", "addresses": "z2", "z2": "10.2.0.5",
		"aliases": "office", "ip-sets": "admins", "security-groups": "web", "firewalls": "v2", "users": owner, "groups": "ops", "roles": "looks", "tokens": owner + "!ci",
		"backplanes": "bp", "sectors": "tenant", "load-balancers": "balanced", "members": "node1", "revisions": "1", "administrators": "0f",
	}
	var out []operation
	for path, item := range doc.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			op := operation{method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(path, "/")
			for i, p := range parts {
				if strings.HasPrefix(p, "{") {
					parts[i] = firstOf(names[parts[i-1]], map[string]string{"{zone}": "z2", "{vnet}": "v2", "{fabric}": "f1", "{loadBalancer}": "balanced", "{code}": "object-exists"}[p])
				}
			}
			op.path = strings.Join(parts, "/")
			if op.RequestBody != nil {
				op.body = "{}"
			}
			switch op.ID {
			case "edit", "checkEdits", "planEdits":
				op.body = `[{"kind":"vnet","id":"v2"}]`
			case "createToken":
				op.body = `{"user":"` + owner + `","name":"mine"}`
			case "editACL":
				op.body = `{"add":[{"path":"/","type":"user","subject":"` + nobody + `","role":"Administrator"}]}`
			case "setPassword":
				op.body = `{"password":"long enough"}`
			}
			out = append(out, op)
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(out) < 80 {
		t.Fatalf("only %d operations", len(out))
	}
	return out
}

// Without credentials nothing is told but the description, and with wrong ones
// nothing either.
func TestWithoutCredentials(t *testing.T) {
	c := newCluster(t)
	operations := c.operations(t)
	before := c.state(t)
	public := []string{}
	for _, op := range operations {
		if op.Security != nil {
			public = append(public, op.ID)
			continue
		}
		for what, header := range map[string][]string{
			"nothing":        nil,
			"a wrong token":  {"Authorization", "Bearer " + owner + "!ci=00000000-0000-4000-8000-000000000000"},
			"no token":       {"Authorization", "Bearer"},
			"a password":     {"Authorization", "Basic cm9vdEBwYW06cm9vdA=="},
			"a wrong ticket": {"Cookie", "__Host-viaduct=PVE%3Aroot%40pam%3A66666666%3A%3AAAAA"},
		} {
			a := c.request(t, op.method, op.path, op.body, header...)
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s with %s: %d %s", op.method, op.path, what, a.status, a.body)
			}
		}
	}
	if d := cmp.Diff([]string{"getDocs", "getOpenAPI", "login"}, slices.Sorted(slices.Values(public))); d != "" {
		t.Errorf("public operations: %s", d)
	}
	if d := cmp.Diff(before, c.state(t)); d != "" {
		t.Errorf("something was changed: %s", d)
	}
}

// hiddenToken is what only those who may change a plugin are shown.
const hiddenToken = "a-token-nobody-sees"

// Secrets are shown to those who may change what they are of, and to nobody else.
func TestSecretsAreHidden(t *testing.T) {
	c := newCluster(t)
	const watcher = "watcher@pve"
	c.user(t, watcher, "/sdn/ipams looks", "/sdn/dns looks")
	for _, path := range []string{"/api/v1/ipams", "/api/v1/ipams/netbox", "/api/v1/dns", "/api/v1/dns/powerdns"} {
		a := c.request(t, http.MethodGet, path, "", "Authorization", "PVEAPIToken="+c.tokens[watcher])
		if a.status != http.StatusOK || !strings.Contains(a.body, "127.0.0.1:1") || strings.Contains(a.body, hiddenToken) {
			t.Errorf("%s tells an auditor: %d %s", path, a.status, a.body)
		}
	}
	for _, kind := range []model.Kind{model.KindIPAM, model.KindDNS} {
		list, err := c.local.List(t.Context(), kind, "")
		if b, _ := json.Marshal(list); err != nil || !strings.Contains(string(b), hiddenToken) {
			t.Errorf("an administrator is told: %s %v", b, err)
		}
	}
}

// state is all that could have been changed.
func (c *cluster) state(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	get := func(name string, v any, err error) {
		b, _ := json.Marshal(v)
		if out[name] = string(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range model.Kinds() {
		list, err := c.local.List(t.Context(), k, "")
		get(string(k), list, err)
	}
	users, err := c.local.Users(t.Context())
	get("users", users, err)
	groups, err := c.local.Groups(t.Context())
	get("groups", groups, err)
	roles, err := c.local.Roles(t.Context())
	get("roles", roles, err)
	tokens, err := c.local.UserTokens(t.Context(), "")
	get("tokens", tokens, err)
	acl, err := c.local.ACL(t.Context())
	get("acl", acl, err)
	members, err := c.local.Members(t.Context())
	get("members", members, err)
	revisions, err := c.local.Revisions(t.Context())
	get("revisions", revisions, err)
	return out
}

// A user to whom nothing is permitted gets refusals and empty lists, and changes
// nothing.
func TestWithoutPermissions(t *testing.T) {
	c := newCluster(t)
	operations := c.operations(t)
	before := c.state(t)
	// What is answered otherwise than by a refusal.
	want := map[string]string{
		"login": "400", "getDocs": "200", "getOpenAPI": "200", "getSession": "200", "logout": "204", "getVersion": "200", "listKinds": "200",
		"listPrivileges": "200", "listFirewallMacros": "200", "getMessage": `200 "explanation"`, "listRoles": "200", "getRole": "200", "streamEvents": "200",
		"listUsers": `200 [{"id":"nobody@pve"}]`, "listTokens": "200 []", "listGroups": "200 []", "listACL": "200 []",
		"getStatus": `200 "nodes":[]`, "getTopology": `200 "elements":[]`, "listAddresses": "200 []", "listUsage": "200 []",
	}
	for _, k := range model.Kinds() {
		name := strings.ReplaceAll(string(k), "-", " ")
		for _, w := range strings.Fields(name) {
			name = strings.Replace(name, w, strings.ToUpper(w[:1])+w[1:], 1)
		}
		if k == model.KindVNet {
			name = "Vnet"
		}
		want["list"+strings.ReplaceAll(name, " ", "")+"s"] = "200 []"
	}
	for _, op := range operations {
		a := c.request(t, op.method, op.path, op.body, "Authorization", "PVEAPIToken="+c.tokens[nobody])
		expected, ok := want[op.ID]
		if !ok {
			expected = "403"
		}
		status, body, _ := strings.Cut(expected, " ")
		if status != strconv.Itoa(a.status) || !strings.Contains(a.body, body) {
			t.Errorf("%s %s: %d %s, want %s", op.method, op.path, a.status, a.body, expected)
		}
		if a.status != http.StatusForbidden {
			continue
		}
		var e api.Error
		if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Type != api.TypeForbidden || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s", op.method, op.path, a.body)
		}
		if op.ID == "backup" && strings.Contains(e.Detail, "administrator's certificate") { // no privilege gives it
			continue
		}
		if own := strings.Contains(e.Detail, "root@pam"); !own && (!strings.Contains(e.Detail, nobody+"!ci lacks ") || !strings.Contains(e.Detail, " on /") || !strings.Contains(e.Detail, "viaduct acl add /")) {
			t.Errorf("%s %s does not say what is lacking: %s", op.method, op.path, e.Detail)
		}
		for _, secret := range []string{"z2", "v2 "} { // but for what the request says itself
			if strings.Contains(e.Detail, secret) && !strings.Contains(op.path+op.body, strings.TrimSpace(secret)) {
				t.Errorf("%s %s tells of others: %s", op.method, op.path, e.Detail)
			}
		}
		if op.ID == "getVnet" || op.ID == "putVnet" || op.ID == "edit" {
			if strings.Contains(e.Detail, "/sdn/zones/z2") {
				t.Errorf("%s tells which zone a VNet is in: %s", op.ID, e.Detail)
			}
		}
	}
	if d := cmp.Diff(before, c.state(t)); d != "" {
		t.Errorf("something was changed: %s", d)
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
