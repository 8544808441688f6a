package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/event"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// slowClient receives what it is sent when the test reads it, and not before.
type slowClient struct {
	header http.Header
	sent   chan string
	ctx    context.Context
}

func (s *slowClient) Header() http.Header { return s.header }
func (s *slowClient) WriteHeader(int)     {}
func (s *slowClient) FlushError() error   { return nil }
func (s *slowClient) Write(b []byte) (int, error) {
	select {
	case s.sent <- string(b):
		return len(b), nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// watched is a handler with one stream, to the owner of the token.
type watched struct {
	t      *testing.T
	h      *Handler
	client *slowClient
	ended  chan struct{}
}

// watch starts everything inside of a test's bubble. The token may see zone z1.
func watch(t *testing.T, keep int) *watched {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	st := mem.New()
	config, err := revision.Open(ctx, st, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	users, err := access.Open(ctx, st, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.PutUser(ctx, access.User{ID: "bob@pve", Enable: true}); err != nil {
		t.Fatal(err)
	}
	secret, err := users.CreateToken(ctx, access.Token{User: "bob@pve", Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.SetACL(ctx, access.ACLEntry{Path: "/sdn/zones/z1", Type: access.SubjectUser, Subject: "bob@pve", Role: "PVESDNUser", Propagate: true}); err != nil {
		t.Fatal(err)
	}
	hub := event.New(event.Options{Config: config, Keep: keep})
	running := make(chan struct{})
	go func() {
		defer close(running)
		hub.Run(ctx)
	}()
	w := &watched{t: t, ended: make(chan struct{}), h: &Handler{
		Config: config, Access: users, Events: hub, Log: slog.New(slog.DiscardHandler),
		Administrator: func(*http.Request) (string, error) { return "", nil },
	}}
	w.client = &slowClient{header: http.Header{}, sent: make(chan string), ctx: ctx}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/events", nil)
	r.Header.Set("Authorization", "Bearer bob@pve!ci="+secret)
	routes := w.h.Routes()
	go func() {
		defer close(w.ended)
		routes.ServeHTTP(w.client, r)
	}()
	t.Cleanup(func() {
		cancel()
		<-w.ended
		<-running
	})
	return w
}

// edit makes a VNet in a zone.
func (w *watched) edit(zone, vnet string) {
	w.t.Helper()
	edits := []model.Edit{{Put: &model.Zone{ID: zone, Type: model.ZoneSimple}}, {Put: &model.VNet{ID: vnet, Zone: zone}}}
	if _, err := w.h.Config.Edit(context.Background(), "test", edits, revision.EditOptions{}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *watched) expect(part string) {
	w.t.Helper()
	select {
	case got := <-w.client.sent:
		if !strings.Contains(got, part) {
			w.t.Fatalf("got %q, want %q", got, part)
		}
	case <-w.ended:
		w.t.Fatalf("the stream ended, want %q", part)
	}
}

func TestASlowClientIsToldThatEventsAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 4)
		w.expect("event: ready")
		w.edit("z1", "v1")
		for i := range 20 {
			w.edit("z1", fmt.Sprint("w", i))
		}
		w.expect(`"name":"z1"`) // what it was being sent in the meantime
		w.expect(`"name":"v1"`)
		w.expect("event: overflow")
		w.edit("z1", "last")
		w.expect(`"name":"last"`)
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 100)
		w.expect("event: ready")
		w.expect(": heartbeat")
		w.edit("z2", "v2") // not theirs
		w.expect("-2\n\n") // but they get the ID of the last event
		w.edit("z1", "v1")
		w.expect(`"name":"z1"`)
		w.expect(`"name":"v1"`)
		w.expect(": heartbeat")
		// A client with a deleted token receives no more events.
		if err := w.h.Access.DeleteToken(context.Background(), "bob@pve!ci"); err != nil {
			t.Fatal(err)
		}
		w.edit("z1", "v3")
		<-w.ended
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 4)
		w.expect("event: ready")
		for range ownStreams - 1 {
			if !w.h.streams.enter("bob@pve!ci") {
				t.Fatal("too few streams for one user")
			}
		}
		if _, err := w.h.events(&request{caller: caller{name: "bob@pve!ci"}}); err == nil || !strings.Contains(err.Error(), "close some of them") {
			t.Errorf("%v", err)
		}
		w.h.streams.leave("bob@pve!ci")
		if !w.h.streams.enter("bob@pve!ci") {
			t.Error("a stream that ended still counts")
		}
		for i := range maxStreams - ownStreams {
			if !w.h.streams.enter(fmt.Sprint(i)) {
				t.Fatal("too few streams for all")
			}
		}
		if w.h.streams.enter("ann@pve") {
			t.Error("too many streams")
		}
	})
}
