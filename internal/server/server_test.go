package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/document"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func simple() []api.Edit {
	return []api.Edit{
		{Put: &model.Subnet{ID: "10.0.1.0/24", VNet: "v1", Gateway: netip.MustParseAddr("10.0.1.1")}},
		{Put: &model.VNet{ID: "v1", Zone: "z1"}},
		{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}},
	}
}

func TestFromJoinToRollback(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	ctx := t.Context()
	n1 := r.join(t, "n1")
	before, _ := n1.desired(t, "")
	if before == nil || before.Revision != 0 || before.Node != "n1" {
		t.Fatalf("before the first apply: %+v", before)
	}
	if d, code := n1.desired(t, before.Hash()); code != http.StatusNotModified {
		t.Errorf("poll without news: %d, %+v", code, d)
	}
	facts := &model.Facts{Node: "someone else", Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Up: true}}}
	if code := n1.report(t, protocol.Status{Hash: before.Hash(), State: protocol.Converged, Time: time.Now(), Facts: facts}); code != http.StatusNoContent {
		t.Errorf("report: %d", code)
	}

	if _, err := r.local.Edit(ctx, simple(), false); err != nil {
		t.Fatal(err)
	}
	plan, err := r.local.Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Objects) != 3 || len(plan.Nodes) != 1 || plan.Nodes[0].Unknown || len(plan.Edits) != 1 || plan.Edits[0].Author != "root@local" {
		t.Errorf("plan: %+v", plan)
	}
	applied, err := r.local.Apply(ctx, api.ApplyRequest{Message: "first", Plan: plan.Token})
	if err != nil || applied.Revision != 1 || !applied.Changed {
		t.Fatalf("apply: %+v, %v", applied, err)
	}
	if _, err := r.local.Apply(ctx, api.ApplyRequest{Plan: plan.Token}); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("the same plan again: %v", err)
	}
	doc := n1.awaits(t, before.Hash(), 1)
	converged(t, r, n1, doc)

	if _, err := r.local.Delete(ctx, model.KindSubnet, "z1-10.0.1.0-24", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.local.Rollback(ctx, api.RollbackRequest{Revision: 1}); !api.IsType(err, api.TypeConflict) {
		t.Errorf("rollback over pending edits: %v", err)
	}
	if _, err := r.local.Apply(ctx, api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	doc = n1.awaits(t, doc.Hash(), 2)
	if len(doc.Config.Subnets) != 0 {
		t.Errorf("document after the delete: %+v", doc)
	}
	back, err := r.local.Rollback(ctx, api.RollbackRequest{Revision: 1, Message: "back"})
	if err != nil || back.Revision != 3 {
		t.Fatalf("rollback: %+v, %v", back, err)
	}
	converged(t, r, n1, n1.awaits(t, doc.Hash(), 3))
	history, err := r.local.Revisions(ctx)
	if err != nil || len(history) != 3 || history[0].Message != "back" || !history[0].Running || history[1].Running {
		t.Errorf("history: %+v, %v", history, err)
	}
	detail, err := r.local.Revision(ctx, 1)
	if err != nil || detail.Config.Len() != 3 || len(detail.Objects) != 3 {
		t.Errorf("revision 1: %+v, %v", detail, err)
	}
}

// converged reports a document as done and waits until the status says so.
func converged(t *testing.T, r *running, n *node, doc *document.Document) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := r.local.Status(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Nodes) != 1 || s.Nodes[0].State != protocol.Applying || s.Nodes[0].Want != doc.Hash() {
		t.Errorf("status before the node answered: %+v", s)
	}
	n.report(t, protocol.Status{Revision: doc.Revision, Hash: doc.Hash(), State: protocol.Converged, Time: time.Now(), Passes: 1})
	for s.Nodes[0].State != protocol.Converged {
		if s, err = r.local.Status(ctx, s.Version); err != nil {
			t.Fatal(err)
		}
	}
	if s.Nodes[0].Report == nil || s.Nodes[0].Report.Passes != 1 || s.Nodes[0].Seen.IsZero() {
		t.Errorf("status: %+v", s.Nodes[0])
	}
}

func TestWhoMayJoin(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	ctx := t.Context()
	tok := r.token(t, "")
	if _, _, _, err := pki.Join(ctx, r.url, tok, "n1"); err != nil {
		t.Fatal(err)
	}
	var refused *pki.RefusedError
	if _, _, _, err := pki.Join(ctx, r.url, tok, "n2"); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("a token used again: %v", err)
	}
	if _, _, _, err := pki.Join(ctx, r.url, r.token(t, ""), "n1"); !errors.As(err, &refused) || refused.Status != http.StatusConflict ||
		!strings.Contains(err.Error(), "viaduct node remove n1") {
		t.Errorf("a name used again: %v", err)
	}
	if _, _, _, err := pki.Join(ctx, r.url, r.token(t, "n3"), "n4"); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("a token for another node: %v", err)
	}
	if _, _, _, err := pki.Join(ctx, r.url, r.token(t, ""), "../n"); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Errorf("a bad name: %v", err)
	}
	for _, req := range []api.TokenRequest{{}, {Node: "n6", AnyName: true}} {
		if _, err := r.local.CreateToken(ctx, req); !api.IsType(err, api.TypeInvalid) || !strings.Contains(err.Error(), "anyName") {
			t.Errorf("%+v: %v", req, err)
		}
	}
	other := start(t, mem.New(), t.TempDir())
	if _, _, _, err := pki.Join(ctx, r.url, other.token(t, ""), "n5"); !errors.Is(err, pki.ErrPin) {
		t.Errorf("a token of another cluster: %v", err)
	}
	if _, _, _, err := pki.Join(ctx, r.url, "nonsense", "n5"); !errors.Is(err, pki.ErrToken) {
		t.Errorf("no token at all: %v", err)
	}
	members, err := r.local.Members(ctx)
	if err != nil || len(members) != 1 || members[0].Name != "n1" {
		t.Errorf("members: %+v, %v", members, err)
	}
}

func TestFailingJoinsAreThrottled(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	tok := r.token(t, "right")
	var refused *pki.RefusedError
	for range 20 {
		if _, _, _, err := pki.Join(t.Context(), r.url, tok, "wrong"); !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	if refused.Status != http.StatusTooManyRequests {
		t.Errorf("after 20 failures: %v", refused)
	}
}

func TestRemovedNodeIsRefused(t *testing.T) {
	r := start(t, mem.New(), t.TempDir(), func(c *server.Config) { c.MaxPoll = patience })
	n := r.join(t, "n1")
	d, _ := n.desired(t, "")
	n.report(t, protocol.Status{State: protocol.Converged, Time: time.Now(), Facts: &model.Facts{}})
	var bindings protocol.Bindings
	if resp, err := n.http.Get(n.url + "/agent/v1/bindings?since=0"); err != nil {
		t.Fatal(err)
	} else if err := errors.Join(json.NewDecoder(resp.Body).Decode(&bindings), resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	polls := []string{
		"/agent/v1/desired?have=" + d.Hash(), "/agent/v1/questions",
		fmt.Sprintf("/agent/v1/bindings?since=%d&epoch=%s", bindings.Number, url.QueryEscape(bindings.Epoch)),
	}
	codes := make(chan string, len(polls))
	for _, path := range polls {
		go func() {
			resp, err := n.http.Get(n.url + path)
			if err != nil {
				codes <- err.Error()
				return
			}
			_ = resp.Body.Close()
			codes <- fmt.Sprint(resp.StatusCode, " ", path)
		}()
	}
	if err := r.local.DeleteMember(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	for range polls {
		if got := <-codes; !strings.HasPrefix(got, "403 ") {
			t.Errorf("a poll of a removed node: %s", got)
		}
	}
	if got := n.report(t, protocol.Status{Time: time.Now()}); got != http.StatusForbidden {
		t.Errorf("the report of a removed node: %d", got)
	}
	if err := r.local.DeleteMember(t.Context(), "n1"); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("removing it again: %v", err)
	}
	again := r.join(t, "n1")
	if _, got := again.desired(t, ""); got != http.StatusOK {
		t.Errorf("joined anew: %d", got)
	}
	if _, got := n.desired(t, ""); got != http.StatusForbidden {
		t.Errorf("the old certificate after the name joined anew: %d", got)
	}
}

func TestRenewal(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	n := r.join(t, "n1")
	cert, key, err := pki.Renew(t.Context(), r.url, "n1", n.tls)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(r.data, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pki.AgentTLS(cert, key, string(ca))
	if err != nil {
		t.Fatal(err)
	}
	lost := newNode(t, "n1", r.url, cfg)
	// The answer may have been lost: the old one must do for another try.
	if cert, key, err = pki.Renew(t.Context(), r.url, "n1", n.tls); err != nil {
		t.Fatalf("renewing once more with the old one: %v", err)
	}
	if _, code := lost.desired(t, ""); code != http.StatusForbidden {
		t.Errorf("a certificate whose answer was lost: %d", code)
	}
	if cfg, err = pki.AgentTLS(cert, key, string(ca)); err != nil {
		t.Fatal(err)
	}
	renewed := newNode(t, "n1", r.url, cfg)
	if _, code := renewed.desired(t, ""); code != http.StatusOK {
		t.Errorf("the new certificate: %d", code)
	}
	// It arrived. The old one is good for what was begun with it and no renewal.
	var refused *pki.RefusedError
	if _, _, err := pki.Renew(t.Context(), r.url, "n1", n.tls); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("renewing with the old one after the new one was shown: %v", err)
	}
}

func TestAdministratorsOverTheNetwork(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	file := func(name string) string { return filepath.Join(r.data, name) }
	admin, err := client.New(r.url, client.WithTLS(file("admin.crt"), file("admin.key"), file("ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := admin.Version(t.Context()); err != nil || v.Version != "test" || v.API != 1 {
		t.Errorf("version: %+v, %v", v, err)
	}
	if _, err := admin.Put(t.Context(), &model.Zone{ID: "z1", Type: model.ZoneSimple}, ""); err != nil {
		t.Error(err)
	}
	if plan, err := admin.Plan(t.Context()); err != nil || plan.Edits[0].Author != "admin" {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	anonymous, err := client.New(r.url, client.WithTLS("", "", file("ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anonymous.Plan(t.Context()); !api.IsType(err, api.TypeForbidden) {
		t.Errorf("without a certificate: %v", err)
	}
	n := r.join(t, "n1")
	resp, err := n.http.Get(r.url + "/api/v1/plan")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("with a node's certificate: %d", resp.StatusCode)
	}
	for name, mode := range map[string]os.FileMode{"api.sock": 0o600, "admin.key": 0o600, "admin.crt": 0o600} {
		if fi, err := os.Stat(file(name)); err != nil || fi.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	r := start(t, mem.New(), t.TempDir(), func(c *server.Config) { c.Unreachable = 200 * time.Millisecond; c.MaxPoll = patience })
	n := r.join(t, "n1")
	d, _ := n.desired(t, "")
	report := protocol.Status{Hash: d.Hash(), State: protocol.Degraded, Message: "newer", Time: time.Now()}
	n.report(t, report)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := r.local.Status(ctx, "")
	for err == nil && s.Nodes[0].State != protocol.Unreachable {
		s, err = r.local.Status(ctx, s.Version) // wakes by itself
	}
	if err != nil {
		t.Fatal(err)
	}
	// A late report shows that the node lives, and overwrites nothing.
	late := report
	late.Message, late.Time = "older", report.Time.Add(-time.Second)
	n.report(t, late)
	if s, err = r.local.Status(ctx, ""); err != nil || s.Nodes[0].State != protocol.Degraded || s.Nodes[0].Report.Message != "newer" {
		t.Errorf("after a late report: %+v, %v", s, err)
	}
}

func TestAnotherServerTakesOver(t *testing.T) {
	st := mem.New()
	a := start(t, st, t.TempDir())
	b := start(t, st, t.TempDir())
	n := a.join(t, "n1")
	d, _ := n.desired(t, "")
	n.report(t, protocol.Status{Hash: d.Hash(), State: protocol.Converged, Time: time.Now(), Facts: &model.Facts{}})
	if _, err := a.local.Edit(t.Context(), simple(), false); err != nil {
		t.Fatal(err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(a.data, "api.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	n.url = b.url
	plan, err := b.local.Plan(t.Context())
	if err != nil || len(plan.Objects) != 3 || len(plan.Nodes) != 1 {
		t.Fatalf("plan: %+v, %v", plan, err)
	}
	if _, err := b.local.Apply(t.Context(), api.ApplyRequest{Plan: plan.Token}); err != nil {
		t.Fatal(err)
	}
	n.awaits(t, d.Hash(), 1)
}

func TestSocketOfAKilledServer(t *testing.T) {
	data := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	st := mem.New()
	r := start(t, st, data)
	if _, err := r.local.Version(t.Context()); err != nil {
		t.Error(err)
	}
	s, err := server.New(server.Config{Data: data, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another server is listening") {
		t.Errorf("a second server on the same socket: %v", err)
	}
}

// TestDeadStoreEndsTheServer: a server whose store has given up must end, to be
// started anew, rather than answer errors for ever.
func TestDeadStoreEndsTheServer(t *testing.T) {
	dead := &deadStore{Store: mem.New(), failed: make(chan struct{})}
	s, err := server.New(server.Config{Data: t.TempDir(), Store: dead, Ready: func() { close(dead.failed) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

type deadStore struct {
	store.Store
	failed chan struct{}
}

func (d *deadStore) Failed() <-chan struct{} { return d.failed }
func (d *deadStore) Err() error              { return store.ErrUnavailable }

func TestUnreachableServer(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "api.sock")
	c, err := client.New("unix://" + missing)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Version(t.Context())
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "start the server") || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff(unreachable.Target, "unix://"+missing); d != "" {
		t.Error(d)
	}
}
