package pveapi_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// env is an API under test.
type env struct {
	*pveapi.Handler
	store store.Store
	srv   *httptest.Server
}

// newEnv makes an API without nodes and users. table replaces the operations;
// nil keeps them.
func newEnv(t testing.TB, table []pveapi.Operation, change ...func(*pveapi.Handler)) *env {
	t.Helper()
	st := mem.New()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	nodes, err := fleet.Open(t.Context(), fleet.Options{Store: st, Patience: time.Second, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	config, err := revision.Open(t.Context(), st, revision.Options{Known: nodes.Names, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	nodes.Use(config)
	users, err := access.Open(t.Context(), st, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := task.Open(t.Context(), st, task.Options{Node: "srv", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := ipam.Open(t.Context(), ipam.Options{Store: st, Config: config, Plugins: systems.Clients{}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	h := &pveapi.Handler{Config: config, Addresses: addresses, Fleet: nodes, Access: users, Tasks: tasks, Audit: audit.Open(st, audit.Options{Logger: log}), Store: st, Version: "test", Node: "srv", Log: log}
	for _, c := range change {
		c(h)
	}
	routes := h.Routes()
	if table != nil {
		routes = h.RoutesOf(table)
	}
	e := &env{Handler: h, store: st, srv: httptest.NewServer(routes)}
	t.Cleanup(e.srv.Close)
	return e
}

// user makes a user with a token that has the user's privileges, and a role on a
// path unless that is empty. It returns the header that shows the token.
func (e *env) user(t testing.TB, id, path, role string) string {
	t.Helper()
	if id != access.RootUser {
		if err := e.Access.PutUser(t.Context(), access.User{ID: id, Enable: true}); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := e.Access.CreateToken(t.Context(), access.Token{User: id, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if path != "" {
		if err := e.Access.SetACL(t.Context(), access.ACLEntry{Path: path, Type: access.SubjectUser, Subject: id, Role: role, Propagate: true}); err != nil {
			t.Fatal(err)
		}
	}
	return "PVEAPIToken=" + id + "!test=" + secret
}

// join lets a node join, report its facts, and stand as declared.
func (e *env) join(t testing.TB, name string) {
	t.Helper()
	b, err := json.Marshal(pki.Member{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.store.Txn(t.Context(), nil, []store.Op{store.Put(pki.PrefixMember+name, b)}); err != nil {
		t.Fatal(err)
	}
	if err := e.Fleet.SyncMembers(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.report(t, name, protocol.Converged)
}

// report says that the node has what it should have, in a state.
func (e *env) report(t testing.TB, name string, state protocol.State, objects ...protocol.ObjectStatus) {
	t.Helper()
	s, err := e.Fleet.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range s.Nodes {
		if n.Name != name {
			continue
		}
		err := e.Fleet.Report(t.Context(), name, &protocol.Status{Hash: n.Want, State: state, Time: time.Now(), Objects: objects, Facts: facts()})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func facts() *model.Facts {
	return &model.Facts{
		Version: "test", Kernel: "6.12.1",
		OVS: true, OVSBridges: []string{"vmbr9"},
		Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "vmbr0"}},
		Interfaces: []model.Interface{
			{Name: "bond0", MTU: 9000, Up: true, Kind: "bond", Master: "vmbr0"},
			{Name: "eth0", MTU: 9000, Up: true, Master: "bond0", AltNames: []string{"enp1s0"}},
			{Name: "eth1", MTU: 1500},
			{Name: "eth1.20", MTU: 1500, Kind: "vlan"},
			{Name: "int0", MTU: 1500, Kind: "openvswitch", Master: "vmbr9"},
			{Name: "lo", Up: true},
			{Name: "vmbr0", MTU: 9000, Up: true, Kind: "bridge", VLANFiltering: true, Addresses: []netip.Prefix{
				netip.MustParsePrefix("192.0.2.11/24"), netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("2001:db8::11/64"),
			}},
			{Name: "vmbr9", MTU: 1500, Kind: "openvswitch"},
			{Name: "wg0", Kind: "wireguard"},
		},
	}
}

// runs declares objects and applies them.
func (e *env) runs(t testing.TB, objects ...model.Object) {
	t.Helper()
	var edits []model.Edit
	for _, o := range objects {
		edits = append(edits, model.Edit{Put: o})
	}
	if _, err := e.Config.Edit(t.Context(), "test", edits, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Config.Apply(t.Context(), "test", "", ""); err != nil {
		t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	Status int `json:"-"`
	// Reason is the status line without protocol and number.
	Reason  string `json:"-"`
	Data    any
	Message string
	Errors  map[string]string
	Total   *int
	Success *int
	body    string
}

// call makes a request below /api2/json; auth is the Authorization header. A body
// that begins with '{' is JSON.
func (e *env) call(t testing.TB, auth, method, path, body string) answer {
	t.Helper()
	header := http.Header{}
	if auth != "" {
		header.Set("Authorization", auth)
	}
	return e.request(t, method, "/api2/json"+path, body, header)
}

func (e *env) request(t testing.TB, method, target, body string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.srv.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	switch {
	case body == "":
	case body[0] == '{':
		req.Header.Set("Content-Type", "application/json")
	default:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := e.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, body: string(b)}
	_, a.Reason, _ = strings.Cut(resp.Status, " ")
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("status %d: %s: %v", resp.StatusCode, b, err)
	}
	return a
}

// raw sends bytes and reads the status line and the rest of the answer.
func (e *env) raw(t testing.TB, request string) (statusLine, rest string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n"), string(b)
}
