package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func summary(changes []api.Change) []string {
	out := []string{}
	for _, c := range changes {
		out = append(out, c.String())
	}
	return out
}

func TestObjects(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	if _, err := c.Edit(ctx, simple(), true); err != nil {
		t.Fatal(err)
	}
	if zones, err := c.List(ctx, model.KindZone, ""); err != nil || len(zones) != 0 {
		t.Errorf("after a dry run: %v, %v", zones, err)
	}
	if _, err := c.Edit(ctx, simple(), false); err != nil {
		t.Fatal(err)
	}
	r, err := c.Put(ctx, &model.Subnet{CIDR: netip.MustParsePrefix("fd00:1::/64"), VNet: "v1"}, client.IfAbsent)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"+ subnet z1-fd00:1::-64: cidr fd00:1::/64, vnet v1"}, summary(r.Changes)); d != "" || r.Pending != 4 {
		t.Errorf("pending %d, %s", r.Pending, d)
	}
	subnets, err := c.List(ctx, model.KindSubnet, "pending")
	if err != nil || len(subnets) != 2 {
		t.Errorf("subnets: %v, %v", subnets, err)
	}
	if running, err := c.List(ctx, model.KindSubnet, "running"); err != nil || len(running) != 0 {
		t.Errorf("running subnets: %v, %v", running, err)
	}
	if _, _, err := c.Get(ctx, model.KindZone, "z1", "running"); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("a zone that does not run yet: %v", err)
	}
	if _, err := c.Delete(ctx, model.KindSubnet, "z1-fd00:1::-64", ""); err != nil {
		t.Error(err)
	}
	if _, err := c.Delete(ctx, model.KindSubnet, "z1-fd00:1::-64", ""); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("deleting it again: %v", err)
	}
	if r, err := c.Discard(ctx, api.DiscardRequest{}); err != nil || len(r.Changes) != 3 || r.Pending != 0 {
		t.Errorf("discard: %+v, %v", r, err)
	}
}

func TestConditions(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	zone := &model.Zone{ID: "z1", Type: model.ZoneSimple}
	if _, err := c.Put(ctx, zone, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(ctx, zone, client.IfAbsent); !status(err, http.StatusPreconditionFailed) {
		t.Errorf("If-None-Match on what exists: %v", err)
	}
	_, etag, err := c.Get(ctx, model.KindZone, "z1", "")
	if err != nil || etag == "" {
		t.Fatalf("etag %q, %v", etag, err)
	}
	mtu := api.Patch{Set: map[string]json.RawMessage{"mtu": json.RawMessage("1400")}}
	if _, err := c.Patch(ctx, model.KindZone, "z1", mtu, etag); err != nil {
		t.Error(err)
	}
	if _, err := c.Patch(ctx, model.KindZone, "z1", mtu, etag); !status(err, http.StatusPreconditionFailed) {
		t.Errorf("stale If-Match: %v", err)
	}
	if _, err := c.Delete(ctx, model.KindZone, "z1", etag); !status(err, http.StatusPreconditionFailed) {
		t.Errorf("stale If-Match: %v", err)
	}
	r, err := c.Patch(ctx, model.KindZone, "z1", api.Patch{Unset: []string{"mtu", "dhcp"}}, "*")
	if err != nil || len(r.Changes) != 1 {
		t.Errorf("unset: %+v, %v", r, err)
	}
	for name, p := range map[string]api.Patch{
		"unknown property":         {Set: map[string]json.RawMessage{"nope": json.RawMessage("1")}},
		"wrong type":               {Set: map[string]json.RawMessage{"mtu": json.RawMessage(`"x"`)}},
		"id":                       {Set: map[string]json.RawMessage{"id": json.RawMessage(`"z2"`)}},
		"unknown property removed": {Unset: []string{"nope"}},
	} {
		if _, err := c.Patch(ctx, model.KindZone, "z1", p, ""); !api.IsType(err, api.TypeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPatchMany changes several objects, of all or none, and loses nothing that others change.
func TestPatchMany(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	edits := []api.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}}
	var ids []string
	for _, id := range []string{"v1", "v2", "v3"} {
		edits, ids = append(edits, api.Edit{Put: &model.VNet{ID: id, Zone: "z1"}}), append(ids, id)
	}
	if _, err := c.Edit(ctx, edits, false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name, value := range map[string]string{"alias": `"a"`, "vlanaware": "true", "isolate-ports": "true"} {
		wg.Go(func() {
			if _, err := c.PatchMany(ctx, model.KindVNet, api.PatchMany{IDs: ids, Set: map[string]json.RawMessage{name: json.RawMessage(value)}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := func(alias string) {
		for _, id := range ids {
			o, _, err := c.Get(ctx, model.KindVNet, id, "")
			if v, ok := o.(*model.VNet); err != nil || !ok || v.Alias != alias || !v.VLANAware || !v.IsolatePorts {
				t.Errorf("%s: %+v %v", id, o, err)
			}
		}
	}
	want("a")
	alias := map[string]json.RawMessage{"alias": json.RawMessage(`"b"`)}
	if _, err := c.PatchMany(ctx, model.KindVNet, api.PatchMany{IDs: []string{"v1", "v9", "v2"}, Set: alias}); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("with one that does not exist: %v", err)
	}
	if _, err := c.PatchMany(ctx, model.KindVNet, api.PatchMany{Set: alias}); !api.IsType(err, api.TypeInvalid) {
		t.Errorf("of nothing: %v", err)
	}
	want("a")
	if r, err := c.PatchMany(ctx, model.KindVNet, api.PatchMany{IDs: []string{"v1", "v2", "v1"}, Unset: []string{"alias"}}); err != nil || len(r.Changes) != 2 {
		t.Errorf("removed from two: %+v %v", r, err)
	}
}

func status(err error, want int) bool {
	e, ok := err.(*api.Error) //nolint:errorlint // the client returns it unwrapped
	return ok && e.Status == want
}

// TestPatchesAreNotLost changes different properties at the same time.
func TestPatchesAreNotLost(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	network := []api.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}, {Put: &model.VNet{ID: "v1", Zone: "z1"}}}
	if _, err := c.Edit(ctx, network, false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name, value := range map[string]string{"alias": `"a"`, "vlanaware": "true", "isolate-ports": "true"} {
		wg.Go(func() {
			p := api.Patch{Set: map[string]json.RawMessage{name: json.RawMessage(value)}}
			if _, err := c.Patch(ctx, model.KindVNet, "v1", p, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o, _, err := c.Get(ctx, model.KindVNet, "v1", "")
	if err != nil {
		t.Fatal(err)
	}
	want := &model.VNet{ID: "v1", Zone: "z1", Alias: "a", VLANAware: true, IsolatePorts: true}
	if d := cmp.Diff(api.Object(want), o); d != "" {
		t.Error(d)
	}
}

func TestGuestsTakeEffectAtOnce(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	ctx := t.Context()
	n := r.join(t, "n1")
	have, _ := n.desired(t, "")
	guest := &model.Guest{ID: "100", Node: "n1", NICs: []model.NIC{{ID: "net0", VNet: "v1", MAC: "bc:24:11:00:00:01"}}}
	if _, err := r.local.Put(ctx, guest, ""); !api.IsType(err, api.TypeInvalid) {
		t.Errorf("a guest without its vnet: %v", err)
	}
	plan, err := r.local.PlanEdits(ctx, append(simple(), api.Edit{Put: guest}))
	if err != nil || len(plan.Objects) != 4 {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	if _, err := r.local.Edit(ctx, append(simple(), api.Edit{Put: guest}), false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.local.Apply(ctx, api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	n.awaits(t, have.Hash(), 1)
	for _, view := range []string{"", "running"} {
		guests, err := r.local.List(ctx, model.KindGuest, view)
		if err != nil || len(guests) != 1 {
			t.Errorf("guests: %v, %v", guests, err)
		}
	}
	_, etag, err := r.local.Get(ctx, model.KindGuest, "100", "")
	if err != nil {
		t.Fatal(err)
	}
	p := api.Patch{Unset: []string{"node"}}
	if r, err := r.local.Patch(ctx, model.KindGuest, "100", p, etag); err != nil || len(r.Changes) != 1 || r.Pending != 0 {
		t.Errorf("stopping the guest: %+v, %v", r, err)
	}
	if _, err := r.local.Delete(ctx, model.KindGuest, "100", etag); !status(err, http.StatusPreconditionFailed) {
		t.Errorf("stale If-Match: %v", err)
	}
	if _, err := r.local.Delete(ctx, model.KindGuest, "100", ""); err != nil {
		t.Error(err)
	}
}

// raw makes requests over the socket that the client would not make.
func raw(data string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, "api.sock"))
	}}}
}

// send makes one request and returns its status and problem document.
func send(t testing.TB, c *http.Client, method, path, body string) (int, *api.Error) {
	t.Helper()
	req, err := http.NewRequest(method, "http://viaduct"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode < 400 {
		return resp.StatusCode, nil
	}
	e := &api.Error{}
	if err := json.Unmarshal(b, e); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" || e.Status != resp.StatusCode || e.Detail == "" {
		t.Errorf("%s %s answered %d, %s: %s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"), b)
	}
	return resp.StatusCode, e
}

func TestBadRequests(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	c := raw(r.data)
	defer c.CloseIdleConnections()
	for _, q := range []struct {
		method, path, body string
		want               int
		says               string
	}{
		{"GET", "/api", "", 404, "there is no /api"},
		{"GET", "/api/v1/nothing", "", 404, "/api/v1/nothing"},
		{"PATCH", "/api/v1/plan", "", 405, "GET"},
		{"GET", "/api/v1/zones?view=x", "", 400, "pending or running"},
		{"GET", "/api/v1/zones/none", "", 404, "viaduct get zones"},
		{"PUT", "/api/v1/zones/z1", "", 400, "ends too early"},
		{"PUT", "/api/v1/zones/z1", "null", 400, "no zone"},
		{"PUT", "/api/v1/zones/z1", `{"id":"z2","type":"simple"}`, 400, `"z2"`},
		{"PUT", "/api/v1/zones/z1", `{"type":"simple","typo":1}`, 400, "typo"},
		{"PUT", "/api/v1/zones/z1", `{"type":"simple"} x`, 400, "behind"},
		{"PUT", "/api/v1/zones/z1", `{"type":7}`, 400, "type"},
		{"POST", "/api/v1/edits", `[{"kind":"nope","id":"x"}]`, 400, "edit 1"},
		{"POST", "/api/v1/edits?dry-run=maybe", `[]`, 400, "dry-run"},
		{"POST", "/api/v1/edits", `[{"kind":"zone","id":"x"}]`, 404, "zone x"},
		{"GET", "/api/v1/plan?to=x", "", 400, "number"},
		{"GET", "/api/v1/plan?to=7", "", 404, "revision 7"},
		{"GET", "/api/v1/revisions/x", "", 400, "number"},
		{"POST", "/api/v1/rollback", `{"revision":9}`, 404, "revision 9"},
		{"POST", "/api/v1/tokens", `{"node":"n1","ttl":-1}`, 400, "ttl"},
		{"POST", "/api/v1/tokens", `{"node":"a b"}`, 400, "node name"},
		{"DELETE", "/api/v1/members/none", "", 404, "none"},
		{"GET", "/agent/v1/desired", "", 401, "joined"},
		{"POST", "/agent/v1/join", `{"node":"n1"}`, 400, "csr"},
		{"POST", "/api/v1/edits", "[" + strings.Repeat(" ", 17<<20) + "]", 413, "split"},
	} {
		got, e := send(t, c, q.method, q.path, q.body)
		if got != q.want || e == nil || !strings.Contains(e.Detail, q.says) {
			t.Errorf("%s %s: %d %+v, want %d with %q", q.method, q.path, got, e, q.want, q.says)
		}
	}
}

func TestStoreTroubleIsTold(t *testing.T) {
	st := &troubled{Store: mem.New()}
	c := start(t, st, t.TempDir()).local
	for typ, err := range map[string]error{
		api.TypeNoSpace: store.ErrNoSpace, api.TypeUnavailable: store.ErrUnavailable, api.TypeTooLarge: store.ErrTooLarge,
	} {
		st.set(err)
		if _, err := c.Edit(t.Context(), simple(), false); !api.IsType(err, typ) {
			t.Errorf("%s: got %v", typ, err)
		}
	}
	st.set(nil)
	if zones, err := c.List(t.Context(), model.KindZone, ""); err != nil || len(zones) != 0 {
		t.Errorf("afterwards: %v, %v", zones, err)
	}
}

// troubled is a store that refuses writes with an error.
type troubled struct {
	store.Store
	mu  sync.Mutex
	err error
}

func (s *troubled) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *troubled) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return s.Store.Txn(ctx, conds, ops)
}

// FuzzRequests sends any body anywhere: the server refuses it or takes it, but
// has no fault of its own.
func FuzzRequests(f *testing.F) {
	paths := []string{"PUT /api/v1/zones/z1", "PATCH /api/v1/zones/z1", "PUT /api/v1/subnets/10.0.0.0%2F8", "PUT /api/v1/guests/100",
		"POST /api/v1/edits", "POST /api/v1/plan", "POST /api/v1/apply", "POST /api/v1/rollback", "POST /api/v1/tokens", "POST /agent/v1/join"}
	for i := range paths {
		for _, body := range []string{``, `{}`, `null`, `[]`, `[null]`, `{"type":"simple"}`, `{"set":{"mtu":1},"unset":["x"]}`,
			`[{"kind":"zone","id":"z","object":{"id":"z","type":"vxlan","peers":["10.0.0.1"]}}]`, `{"id":"100","nics":[{"id":"net0","vnet":"v"}]}`,
			`[{"kind":"subnet","id":"","object":{"id":"","vnet":"v1","cidr":""}}]`, `{"set":{"nodes":null}}`, `{"revision":-1}`} {
			f.Add(uint8(i), body)
		}
	}
	data := f.TempDir()
	r := startFor(f, mem.New(), data)
	defer r()
	c := raw(data)
	defer c.CloseIdleConnections()
	if code, _ := send(f, c, "PUT", "/api/v1/zones/z1", `{"type":"simple"}`); code != 200 {
		f.Fatal(code)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		method, path, _ := strings.Cut(paths[int(which)%len(paths)], " ")
		if code, e := send(t, c, method, path, body); code >= 500 {
			t.Errorf("%s %s %q: %+v", method, path, body, e)
		}
	})
}
