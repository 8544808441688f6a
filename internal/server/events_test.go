package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

var clientAll = client.AuditQuery{Limit: 1000}

func clientSome(user, after string) client.AuditQuery {
	return client.AuditQuery{Limit: 1, User: user, After: after}
}

// listener reads events one by one; each has to come soon.
type listener struct {
	t    *testing.T
	next func() (api.Event, error, bool)
}

func listen(t *testing.T, c *client.Client, after string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	next, stop := iter.Pull2(c.Events(ctx, after))
	t.Cleanup(func() {
		cancel()
		stop()
	})
	return &listener{t, next}
}

func (l *listener) event() api.Event {
	l.t.Helper()
	e, err, ok := l.next()
	if err != nil || !ok {
		l.t.Fatalf("no event: %v", err)
	}
	return e
}

// expect reads an event and holds its essence against what is wanted.
func (l *listener) expect(want string) api.Event {
	l.t.Helper()
	e := l.event()
	got := string(e.Type)
	if e.Change != nil {
		got += " " + e.Change.String()
	}
	if e.Node != nil {
		got += " " + e.Node.Name + " " + string(e.Node.State)
	}
	if e.ID == "" || e.Time.IsZero() || got != want {
		l.t.Fatalf("got %s, want %s", got, want)
	}
	return e
}

func TestEvents(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	all, mine, none := listen(t, c.local, ""), listen(t, c.as(t, auditor), ""), listen(t, c.as(t, nobody), "")
	for _, l := range []*listener{all, mine, none} {
		l.expect("ready")
	}
	c.edit(t, c.local, &model.VNet{ID: "v1", Zone: "z1", Alias: "one"}, &model.VNet{ID: "v2", Zone: "z2", Alias: "two"})
	first := all.expect("pending ~ vnet v1: alias one")
	all.expect("pending ~ vnet v2: alias two")
	mine.expect("pending ~ vnet v1: alias one")
	if !strings.HasSuffix(first.Author, "@local") {
		t.Errorf("%+v", first)
	}
	// It leaves the auditor's sight, and comes back into it.
	c.edit(t, c.local, &model.Zone{ID: "z9", Type: model.ZoneSimple}, &model.VNet{ID: "v9", Zone: "z1"})
	all.expect("pending + zone z9: type simple")
	all.expect("pending + vnet v9: zone z1")
	mine.expect("pending + vnet v9: zone z1")
	c.edit(t, c.local, &model.VNet{ID: "v9", Zone: "z9", Alias: "hidden"})
	all.expect("pending ~ vnet v9: zone z1 -> z9, alias hidden")
	if gone := mine.event(); gone.Change == nil || gone.Change.Action != "delete" || strings.Contains(gone.Change.String(), "hidden") || gone.Author != "" {
		t.Errorf("%+v", gone)
	}
	c.edit(t, c.local, &model.VNet{ID: "v9", Zone: "z1", Alias: "back"})
	all.expect("pending ~ vnet v9: zone z9 -> z1, alias hidden -> back")
	mine.expect("pending + vnet v9: zone z1, alias back")
	c.edit(t, c.local, &model.Guest{ID: "100", Name: "web", NICs: []model.NIC{{ID: "net0", VNet: "v1"}}})
	all.expect("guest ~ guest 100: name web")
	if _, err := c.local.Apply(ctx, api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	// The applied revision makes the node's state another one, before or after.
	for _, l := range []*listener{mine, none} {
		if e := l.expect("applied"); e.Revision != 2 {
			t.Errorf("%+v", e)
		}
	}
	seen := map[api.EventType]bool{}
	for !seen[api.EventApplied] {
		seen[all.event().Type] = true
	}
	// Going on after the first misses nothing.
	resumed := listen(t, c.local, first.ID)
	if e := resumed.expect("ready"); e.ID != first.ID {
		t.Errorf("%+v", e)
	}
	resumed.expect("pending ~ vnet v2: alias two")
	resumed.expect("pending + zone z9: type simple")
	for _, unknown := range []string{"nonsense", "0123456789abcdef-1", first.ID + "000000"} {
		listen(t, c.local, unknown).expect("overflow")
	}
}

func TestEventsOfNodes(t *testing.T) {
	c := newCluster(t)
	const watcher = "watcher@pve"
	c.user(t, watcher, "/nodes/node2 PVESysAdmin")
	all, mine := listen(t, c.local, ""), listen(t, c.as(t, watcher), "")
	all.expect("ready")
	mine.expect("ready")
	n := c.join(t, "node2")
	all.expect("node node2 applying")
	mine.expect("node node2 applying")
	d := n.awaits(t, "", 1)
	n.report(t, protocol.Status{Revision: 1, Hash: d.Hash(), State: protocol.Degraded, Objects: []protocol.ObjectStatus{{Object: "vnet/v1", State: protocol.Degraded}}})
	if e := all.expect("node node2 degraded"); len(e.Node.Failed) != 1 || e.Node.Revision != 1 {
		t.Errorf("%+v", e.Node)
	}
	mine.expect("node node2 degraded")
	if err := c.local.DeleteMember(t.Context(), "node2"); err != nil {
		t.Fatal(err)
	}
	all.expect("node node2 ")
	mine.expect("node node2 ")
}

// When the server stops the streams end at once, and so says the client.
func TestEventsEndWithTheServer(t *testing.T) {
	c := newCluster(t)
	l := listen(t, c.from(t, owner), "")
	l.expect("ready")
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	_, err, _ := l.next()
	var gone *client.UnreachableError
	if !errors.As(err, &gone) {
		t.Errorf("%v", err)
	}
	for _, err := range c.as(t, owner).Events(t.Context(), "") {
		if !errors.As(err, &gone) {
			t.Errorf("%v", err)
		}
	}
}

// The stream is what browsers expect.
func TestEventsOnTheWire(t *testing.T) {
	c := newCluster(t)
	a := c.request(t, http.MethodGet, "/api/v1/events", "", "Authorization", "Bearer "+c.tokens[owner])
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/event-stream" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := c.request(t, http.MethodHead, "/api/v1/events", "", "Authorization", "Bearer "+c.tokens[owner]); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.tokens[owner])
	req.Header.Set("Last-Event-ID", "nonsense")
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b := make([]byte, 4096)
	n, err := resp.Body.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b[:n]), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "id: ") || lines[1] != "event: overflow" || !json.Valid([]byte(strings.TrimPrefix(lines[2], "data: "))) || lines[3] != "" {
		t.Errorf("%q", lines)
	}
}
