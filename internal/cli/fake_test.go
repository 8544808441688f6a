package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/reach"
	serverapi "github.com/viaduct-sdn/viaduct/internal/server/api"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/internal/topology"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// fakeServer keeps state as the server does, so that the output of whole sessions of the
// command line can be tested. The real server has tests of its own.
type fakeServer struct {
	mu        sync.Mutex
	revisions []api.RevisionDetail
	pending   *model.Config
	guests    map[string]*model.Guest
	edits     []api.PendingEdit
	author    string
	// polls counts status requests: nodes converge at the second one.
	polls int
	trail audit.Trail
	// refused is an object that node1 cannot have, which plans report.
	refused string
	// broken makes node2 fail on this object.
	broken string
}

func newFake() *fakeServer {
	return &fakeServer{pending: &model.Config{}, guests: map[string]*model.Guest{}, author: "root", trail: &trail{}}
}

// trail keeps the audit in memory, at the time of the tests.
type trail struct {
	mu      sync.Mutex
	entries []audit.Entry
}

func (t *trail) Record(e audit.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.ID, e.Time = fmt.Sprint(len(t.entries)+1), now.Add(-time.Minute)
	t.entries = append([]audit.Entry{e}, t.entries...)
}

func (t *trail) List(_ context.Context, q audit.Query) ([]audit.Entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []audit.Entry{}
	for _, e := range t.entries {
		if len(out) < q.Limit && (q.Author == "" || q.Author == e.Author) {
			out = append(out, e)
		}
	}
	return out, nil
}

// realAccess serves the part of the interface that is the real server's.
func (f *fakeServer) realAccess() http.Handler {
	s, err := access.Open(context.Background(), mem.New(), access.Options{Now: func() time.Time { return now }})
	if err != nil {
		panic(err) // a store in memory does not fail
	}
	h := &serverapi.Handler{Access: s, Administrator: func(*http.Request) (string, error) { return f.author, nil }, Audit: f.trail, Log: slog.New(slog.DiscardHandler)}
	return h.Routes()
}

func (f *fakeServer) running() *model.Config {
	if len(f.revisions) == 0 {
		return &model.Config{}
	}
	return f.revisions[len(f.revisions)-1].Config
}

func (f *fakeServer) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			v, err := h(r)
			if e, ok := err.(*api.Error); ok { //nolint:errorlint // made below
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(e.Status)
				v = e
			} else if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	handle("GET /api/v1/version", func(*http.Request) (any, error) { return api.Version{Version: "test", API: 1}, nil })
	handle("GET /api/v1/plan", f.getPlan)
	handle("POST /api/v1/plan", f.postPlan)
	handle("POST /api/v1/edits", f.postEdits)
	handle("POST /api/v1/apply", f.postApply)
	handle("POST /api/v1/rollback", f.postRollback)
	handle("POST /api/v1/discard", func(*http.Request) (any, error) {
		f.pending, f.edits = f.running().Clone(), nil
		return api.EditResult{}, nil
	})
	handle("GET /api/v1/status", f.getStatus)
	handle("GET /api/v1/topology", f.getTopology)
	handle("GET /api/v1/revisions", func(*http.Request) (any, error) {
		out := []api.Revision{}
		for i := len(f.revisions) - 1; i >= 0; i-- {
			out = append(out, f.revisions[i].Revision)
			out[len(out)-1].Running = i == len(f.revisions)-1
		}
		return out, nil
	})
	handle("GET /api/v1/revisions/{n}", func(r *http.Request) (any, error) {
		for _, d := range f.revisions {
			if fmt.Sprint(d.Number) == r.PathValue("n") {
				return d, nil
			}
		}
		return nil, notFound("revision " + r.PathValue("n"))
	})
	handle("GET /api/v1/compare", func(r *http.Request) (any, error) {
		var sides [2]*model.Config
		for i, name := range []string{"from", "to"} {
			switch n := r.URL.Query().Get(name); n {
			case "running":
				sides[i] = f.running()
			case "pending":
				sides[i] = f.pending
			default:
				at, err := strconv.Atoi(n)
				if err != nil || at > len(f.revisions) {
					return nil, notFound("revision " + n)
				}
				sides[i] = f.revisions[at-1].Config
			}
		}
		return api.Comparison{Objects: diff.Objects(sides[0], sides[1])}, nil
	})
	handle("GET /api/v1/members", func(*http.Request) (any, error) {
		m := func(name string) api.Member {
			return api.Member{Name: name, Joined: now.Add(-time.Hour), Serial: "1f", Expires: now.Add(24 * 90 * time.Hour)}
		}
		return []api.Member{m("node1"), m("node2")}, nil
	})
	handle("POST /api/v1/tokens", func(*http.Request) (any, error) {
		return api.Token{Token: "id.secret.print", Expires: now.Add(time.Hour)}, nil
	})
	mux.HandleFunc("GET /api/v1/events", events)
	handle("GET /api/v1/addresses", func(*http.Request) (any, error) { return []api.Address{}, nil })
	handle("GET /api/v1/usage", func(*http.Request) (any, error) { return []api.Usage{}, nil })
	handle("POST /api/v1/reach", reachAnswer)
	handle("GET /api/v1/firewall-macros", func(*http.Request) (any, error) {
		return []api.Macro{{Name: "DNS", Description: "Domain Name System", Matches: []string{"udp/53", "tcp/53"}}}, nil
	})
	handle("GET /api/v1/nodes/{node}/live/{subject}", liveAnswers)
	handle("GET /api/v1/nodes/{node}/live/{subject}/{object}", liveAnswers)
	handle("GET /api/v1/{kinds}", f.list)
	handle("GET /api/v1/{kinds}/{id}", f.get)
	handle("PUT /api/v1/{kinds}/{id}", f.put)
	handle("PATCH /api/v1/{kinds}/{id}", f.patch)
	handle("PATCH /api/v1/{kinds}", f.patchMany)
	handle("DELETE /api/v1/{kinds}/{id}", func(r *http.Request) (any, error) {
		k, _ := model.ParseKind(r.PathValue("kinds"))
		return f.edit([]model.Edit{{Kind: k, ID: r.PathValue("id")}}, false)
	})
	real := f.realAccess()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/access/") || r.URL.Path == "/api/v1/audit" || r.URL.Path == "/api/v1/session" {
			real.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// reachAnswer is a path to port 22 that a rule drops; others arrive.
func reachAnswer(r *http.Request) (any, error) {
	var req api.ReachRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	a := api.ReachAnswer{
		From: api.ReachEnd{Kind: "guest", Guest: "100", Name: req.From, NIC: "net0", VNet: "v1", Zone: "z1", Node: "node1", IP: netip.MustParseAddr("10.0.0.5")},
		To:   api.ReachEnd{Kind: "address", IP: netip.MustParseAddr("203.0.113.5")}, Verdict: api.ReachUnknown,
		Steps: []api.ReachStep{
			{Node: "node1", VNet: "v1", Zone: "z1", Text: "By the gateway 10.0.0.1 (" + req.View + ")", Verdict: api.ReachPass},
			{Node: "node1", VNet: "v1", Text: "What comes after that is not known here", Verdict: api.ReachUnknown},
		},
	}
	if req.Port == 22 {
		a.Verdict = api.ReachDrop
		a.Steps[1] = api.ReachStep{Node: "node1", VNet: "v1", Text: "vnet v1 rule 3 drops it: " + req.Protocol, Verdict: api.ReachDrop, Rule: &reach.Rule{
			Object: "firewall/v1", Position: 3, Comment: "no \x1b[31mshells", Origin: &reach.Origin{Time: "2026-05-01T12:00:00Z", Author: "ana@pve", Revision: 7},
		}}
	}
	if req.Port == 80 {
		a.Verdict, a.Steps[1] = api.ReachDrop, api.ReachStep{Node: "node1", Text: "It arrives", Verdict: api.ReachPass}
		a.Reply = &api.ReachReply{Verdict: api.ReachDrop, Steps: []api.ReachStep{{Node: "node1", Text: "The sender's filter drops it", Verdict: api.ReachDrop}}}
	}
	return a, nil
}

// liveAnswers answers live queries to node1; no other node answers.
func liveAnswers(r *http.Request) (any, error) {
	if node := r.PathValue("node"); node != "node1" {
		return nil, &api.Error{Type: api.TypeNodeSilent, Status: 504, Title: "node-silent", Detail: "the node does not answer: " + node + " did not within 10s; is its agent running?"}
	}
	return map[string]any{
		"routes":  []api.LiveRoute{{Table: "main", Prefix: "0.0.0.0/0", Via: []string{"192.0.2.1 eth0"}, Protocol: "static"}},
		"bridges": []api.LiveBridge{{Name: r.PathValue("object"), VLANFiltering: true, Ports: []livequery.BridgePort{{Name: "tap100i0", PVID: 5, VLANs: []string{"5", "10-20"}}, {Name: "eth1"}}}},
		"drift":   []api.Change{{Action: diff.Delete, Type: "link", Name: "v1", Owner: "vnet/v1"}},
		"leases":  []api.LiveLease{},
		"counters": []api.LiveInterfaceCounters{
			{Name: "eth0", Role: "uplink", Time: now, ReceivedBytes: 1000, ReceivedPackets: 10, SentBytes: 2000, SentPackets: 20},
			{Name: "tap100i0", Role: "guest", VNet: "v1", Guest: "100", NIC: "net0", Time: now, ReceivedBytes: 500, ReceivedPackets: 5, Dropped: 1},
		},
		"firewall-log": []api.LiveFirewallLogEntry{
			{Sequence: 2, Time: now.Add(time.Second), VNet: "v1", Source: netip.MustParseAddr("fd00::1"), Destination: netip.MustParseAddr("fd00::2"), Protocol: "icmpv6", Verdict: "ACCEPT", Guests: []string{"100"}, Rule: "vnet v1 rule 0"},
			{
				Sequence: 1, Time: now, VNet: "v1", Source: netip.MustParseAddr("10.0.0.5"), SourcePort: 40000, Destination: netip.MustParseAddr("10.0.0.6"), DestinationPort: 22,
				Protocol: "tcp", Verdict: "DROP", Rule: "group web rule 1", Comment: "no \x1b[31mshells", Author: "ana@pve", Changed: "2026-05-01T12:00:00Z",
			},
		},
		"services": []api.LiveService{{Name: "FRR bgpd", Running: true, PID: 7}, {Name: "DNS server"}},
		"log":      []api.LiveLogRecord{{Time: now, Level: "WARN", Text: "drift \x1b[31m"}},
	}[r.PathValue("subject")], nil
}

// events sends one of each and ends, as a server does that is restarted.
func events(w http.ResponseWriter, r *http.Request) {
	vnet := &api.Change{Action: diff.Update, Type: "vnet", Name: "v1", Fields: []api.Field{{Name: "alias", New: "blue"}}}
	list := []api.Event{
		{Type: api.EventReady},
		{Type: api.EventPending, Author: "bob@pve", Change: vnet},
		{Type: api.EventApplied, Revision: 7},
		{Type: api.EventGuest, Change: &api.Change{Action: diff.Delete, Type: "guest", Name: "100"}},
		{Type: api.EventNode, Node: &api.NodeEvent{Name: "node1", State: protocol.Converged, Revision: 7}},
		{Type: api.EventNode, Node: &api.NodeEvent{Name: "node2", State: protocol.Degraded, Revision: 7, Failed: []string{"vnet/v1"}, Message: "no kernel"}},
		{Type: api.EventNode, Node: &api.NodeEvent{Name: "node3"}},
	}
	if r.URL.Query().Get("after") != "" {
		list = []api.Event{{Type: api.EventOverflow}}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i, e := range list {
		e.ID, e.Time = fmt.Sprintf("life-%d", i), now
		b, err := json.Marshal(e)
		if err != nil {
			panic(err) // plain values
		}
		_, _ = fmt.Fprintf(w, ": heartbeat\n\nid: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, b)
	}
}

func notFound(what string) *api.Error {
	return &api.Error{Type: api.TypeNotFound, Status: 404, Title: "not found", Detail: what + " does not exist"}
}

func (f *fakeServer) view(r *http.Request) *model.Config {
	if r.URL.Query().Get("view") == "running" {
		return f.running()
	}
	return f.pending
}

func (f *fakeServer) list(r *http.Request) (any, error) {
	k, ok := model.ParseKind(r.PathValue("kinds"))
	if !ok {
		return nil, notFound(r.PathValue("kinds"))
	}
	if k != model.KindGuest {
		return f.view(r).List(k), nil
	}
	out := []model.Object{}
	for _, id := range []string{"100", "101"} {
		if g := f.guests[id]; g != nil {
			out = append(out, g)
		}
	}
	return out, nil
}

func (f *fakeServer) get(r *http.Request) (any, error) {
	k, _ := model.ParseKind(r.PathValue("kinds"))
	id := r.PathValue("id")
	if g := f.guests[id]; k == model.KindGuest && g != nil {
		return g, nil
	}
	if o := f.view(r).Get(k, id); o != nil {
		return o, nil
	}
	return nil, notFound(string(k) + " " + id)
}

func (f *fakeServer) put(r *http.Request) (any, error) {
	k, _ := model.ParseKind(r.PathValue("kinds"))
	if r.Header.Get("If-None-Match") == "*" && f.pending.Get(k, r.PathValue("id")) != nil {
		return nil, &api.Error{Type: api.TypeConflict, Status: 412, Title: "conflict", Detail: "it is there"}
	}
	o := model.New(k)
	if err := json.NewDecoder(r.Body).Decode(o); err != nil {
		return nil, err
	}
	return f.edit([]model.Edit{{Put: o}}, false)
}

func (f *fakeServer) patch(r *http.Request) (any, error) {
	var p api.Patch
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		return nil, err
	}
	k, _ := model.ParseKind(r.PathValue("kinds"))
	return f.patchAll(k, []string{r.PathValue("id")}, p)
}

func (f *fakeServer) patchMany(r *http.Request) (any, error) {
	var p api.PatchMany
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		return nil, err
	}
	k, _ := model.ParseKind(r.PathValue("kinds"))
	return f.patchAll(k, p.IDs, api.Patch{Set: p.Set, Unset: p.Unset})
}

func (f *fakeServer) patchAll(k model.Kind, ids []string, p api.Patch) (any, error) {
	var edits []model.Edit
	for _, id := range ids {
		old := f.pending.Get(k, id)
		if old == nil {
			return nil, notFound(string(k) + " " + id)
		}
		raw, _ := json.Marshal(old)
		props := map[string]json.RawMessage{}
		_ = json.Unmarshal(raw, &props)
		for name, v := range p.Set {
			props[name] = v
		}
		for _, name := range p.Unset {
			delete(props, name)
		}
		raw, _ = json.Marshal(props)
		o, err := model.Decode(k, raw)
		if err != nil {
			return nil, err
		}
		edits = append(edits, model.Edit{Put: o})
	}
	return f.edit(edits, false)
}

func (f *fakeServer) postEdits(r *http.Request) (any, error) {
	var edits []model.Edit
	if err := json.NewDecoder(r.Body).Decode(&edits); err != nil {
		return nil, err
	}
	return f.edit(edits, r.URL.Query().Get("dry-run") != "")
}

// try works out what edits lead to.
func (f *fakeServer) try(edits []model.Edit) (*model.Config, map[string]*model.Guest, []api.Change, []api.Problem, error) {
	cfg := f.pending.Clone()
	guests := map[string]*model.Guest{}
	for id, g := range f.guests {
		guests[id] = g
	}
	var changes []api.Change
	var problems model.Problems
	for _, e := range edits {
		if g, ok := e.Put.(*model.Guest); ok {
			var old model.Object
			if was := guests[g.ID]; was != nil {
				old = was
			}
			if c := diff.Object(old, g); c != nil {
				changes = append(changes, *c)
			}
			guests[g.ID] = g
		} else if e.Put != nil {
			if err := cfg.Put(e.Put); err != nil {
				problems = append(problems, err.(model.Problems)...) //nolint:errorlint // Put returns these
			}
		} else if e.Kind == model.KindGuest {
			delete(guests, e.ID)
			changes = append(changes, api.Change{Action: diff.Delete, Type: "guest", Name: e.ID})
		} else if !cfg.Delete(e.Kind, e.ID) {
			return nil, nil, nil, nil, notFound(string(e.Kind) + " " + e.ID)
		}
	}
	known := []string{"node1", "node2"}
	problems = append(problems, model.Validate(cfg, known)...)
	problems = append(problems, model.ValidateGuests(guests, cfg, known)...)
	if errs := problems.Errors(false); len(errs) > 0 {
		return nil, nil, nil, nil, &api.Error{Type: api.TypeInvalid, Status: 422, Title: "the configuration is not valid", Problems: errs}
	}
	return cfg, guests, changes, problems, nil
}

func (f *fakeServer) edit(edits []model.Edit, dry bool) (any, error) {
	before := f.pending
	cfg, guests, changes, warnings, err := f.try(edits)
	if err != nil {
		return nil, err
	}
	res := api.EditResult{Changes: append(diff.Objects(before, cfg), changes...), Warnings: warnings}
	if !dry {
		f.pending, f.guests = cfg, guests
		var refs []string
		for _, c := range res.Changes {
			refs = append(refs, c.Type+"/"+c.Name)
		}
		f.edits = append(f.edits, api.PendingEdit{Time: now.Add(-time.Minute), Author: f.author, Objects: refs})
	}
	res.Pending = len(diff.Objects(f.running(), cfg))
	return res, nil
}

func (f *fakeServer) plan(cfg *model.Config) *api.Plan {
	p := &api.Plan{Base: int64(len(f.revisions)), Objects: diff.Objects(f.running(), cfg), Edits: f.edits, Nodes: []api.NodePlan{}}
	p.Token = fmt.Sprint(p.Base, p.Objects)
	changed := slices.ContainsFunc(p.Objects, func(c api.Change) bool { return "vnet/"+c.Name == f.refused })
	for _, n := range []string{"node1", "node2"} {
		np := api.NodePlan{Node: n}
		for _, c := range p.Objects {
			if c.Type == "vnet" {
				np.Changes = append(np.Changes, api.Change{Action: c.Action, Type: "link", Name: c.Name, Owner: "vnet/" + c.Name})
			}
		}
		if f.refused != "" && n == "node1" {
			np.Notes = []api.Note{{Object: f.refused, Level: "error", Message: "cannot be had", Standing: !changed}}
		}
		p.Nodes = append(p.Nodes, np)
	}
	return p
}

func (f *fakeServer) getPlan(r *http.Request) (any, error) {
	for _, d := range f.revisions {
		if fmt.Sprint(d.Number) == r.URL.Query().Get("to") {
			return f.plan(d.Config), nil
		}
	}
	if to := r.URL.Query().Get("to"); to != "" {
		return nil, notFound("revision " + to)
	}
	return f.plan(f.pending), nil
}

func (f *fakeServer) postPlan(r *http.Request) (any, error) {
	var edits []model.Edit
	if err := json.NewDecoder(r.Body).Decode(&edits); err != nil {
		return nil, err
	}
	cfg, _, guests, warnings, err := f.try(edits)
	if err != nil {
		return nil, err
	}
	p := f.plan(cfg)
	p.Objects = append(p.Objects, guests...)
	p.Warnings = warnings
	return p, nil
}

func (f *fakeServer) postApply(r *http.Request) (any, error) {
	var req api.ApplyRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	p := f.plan(f.pending)
	if req.Plan != "" && req.Plan != p.Token || strings.Contains(req.Message, "too late") {
		return nil, &api.Error{Type: api.TypeStalePlan, Status: 409, Title: "stale plan", Detail: "the plan is stale"}
	}
	return f.commit(f.pending, req.Message), nil
}

func (f *fakeServer) commit(cfg *model.Config, message string) *api.ApplyResult {
	objects := diff.Objects(f.running(), cfg)
	if len(objects) > 0 {
		n := int64(len(f.revisions) + 1)
		f.revisions = append(f.revisions, api.RevisionDetail{Config: cfg.Clone(), Objects: objects, Revision: api.Revision{
			Number: n, Time: now.Add(-time.Minute), Author: f.author, Message: message, Changes: len(objects)}})
		f.pending, f.edits, f.polls = cfg.Clone(), nil, 0
	}
	return &api.ApplyResult{Revision: int64(len(f.revisions)), Changed: len(objects) > 0, Objects: objects}
}

func (f *fakeServer) postRollback(r *http.Request) (any, error) {
	var req api.RollbackRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	return f.commit(f.revisions[req.Revision-1].Config, req.Message), nil
}

func (f *fakeServer) getStatus(*http.Request) (any, error) {
	f.polls++
	rev := int64(len(f.revisions))
	st := api.Status{Version: fmt.Sprint(rev, f.polls), Revision: rev, Pending: len(diff.Objects(f.running(), f.pending))}
	for _, name := range []string{"node1", "node2"} {
		n := api.NodeStatus{Name: name, State: protocol.Converged, Want: "w", Seen: now.Add(-3 * time.Second),
			Report: &protocol.Status{Revision: rev, Hash: "w", State: protocol.Converged, Duration: 12 * time.Millisecond,
				Facts: &model.Facts{Version: "1.0.0", Kernel: "6.1.0", FRR: &model.FRRFacts{Version: "8.4.4"}}}}
		if f.polls < 2 && rev > 0 {
			n.State, n.Report.Revision = protocol.Applying, rev-1
		} else if f.broken != "" && name == "node2" {
			n.State = protocol.Degraded
			n.Report.Objects = []protocol.ObjectStatus{{Object: f.broken, State: protocol.Degraded, Message: "interface in the way"}}
		}
		if g := f.guests["100"]; g != nil && g.Node == name {
			n.Report.Ports = []string{"veth100i0"}
		}
		st.Nodes = append(st.Nodes, n)
	}
	return st, nil
}

func (f *fakeServer) getTopology(r *http.Request) (any, error) {
	live := &model.Config{}
	for _, g := range f.guests {
		live.Set(g)
	}
	st, err := f.getStatus(r)
	if err != nil {
		return nil, err
	}
	in := topology.Input{Running: f.running(), Pending: f.pending, Live: live, Revision: int64(len(f.revisions)), Nodes: st.(api.Status).Nodes}
	t, ok := topology.Of(in, topology.Options{Focus: r.URL.Query().Get("focus"), Depth: 1})
	if !ok {
		return nil, notFound("object " + r.URL.Query().Get("focus"))
	}
	t.Version = fmt.Sprint(f.polls)
	return t, nil
}
