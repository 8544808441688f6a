package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// logged collects a server's log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A user's whole life over the interface, all of it in the log with who did it,
// and no secret there.
func TestAccess(t *testing.T) {
	st := mem.New()
	log := &logged{}
	c := start(t, st, t.TempDir(), func(cfg *server.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}).local
	ctx := t.Context()
	if !strings.Contains(log.String(), "viaduct user passwd root@pam") {
		t.Errorf("the first start does not say how to begin:\n%s", log)
	}
	if _, err := c.PutGroup(ctx, api.Group{ID: "ops", Comment: "Operators"}, client.IfAbsent); err != nil {
		t.Fatal(err)
	}
	bob := api.User{ID: "bob@pve", Email: "bob@example.org", Groups: []string{"ops"}}
	got, err := c.PutUser(ctx, bob, client.IfAbsent)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(bob, *got); d != "" {
		t.Error(d)
	}
	const password = "correct horse"
	if err := c.SetPassword(ctx, "bob@pve", password); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutRole(ctx, api.Role{ID: "look", Privileges: []string{"SDN.Audit"}}, client.IfAbsent); err != nil {
		t.Fatal(err)
	}
	token, err := c.CreateUserToken(ctx, api.UserToken{User: "bob@pve", Name: "ci"})
	if err != nil || token.Secret == "" {
		t.Fatalf("%+v, %v", token, err)
	}
	entries := []api.ACLEntry{
		{Path: "/sdn", Type: "token", Subject: "bob@pve!ci", Role: "look", Propagate: true},
		{Path: "/sdn", Type: "user", Subject: "bob@pve", Role: "look"},
	}
	if _, err := c.EditACL(ctx, api.ACLEdit{Add: entries}); err != nil {
		t.Fatal(err)
	}
	if acl, err := c.ACL(ctx); err != nil || !cmp.Equal(acl, entries) {
		t.Errorf("%+v, %v", acl, err)
	}
	// What the interface stored counts for everybody who asks the store.
	s, err := access.Open(ctx, st, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Login(ctx, "bob@pve", password, ""); err != nil {
		t.Error(err)
	}
	id, err := s.VerifyToken("bob@pve!ci", token.Secret)
	if err != nil || !s.Has(id, "/sdn", access.SDNAudit) || s.Has(id, "/sdn/zones", access.SDNAudit) {
		t.Errorf("%v, %v", id, err)
	}
	if err := c.DeleteRole(ctx, "look"); !api.IsType(err, api.TypeConflict) {
		t.Errorf("a role that somebody has: %v", err)
	}
	if r, err := c.EditACL(ctx, api.ACLEdit{Delete: entries[1:]}); err != nil || r.Deleted != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if tokens, err := c.UserTokens(ctx, "bob@pve"); err != nil || len(tokens) != 1 || tokens[0].Secret != "" {
		t.Errorf("%+v, %v", tokens, err)
	}
	if err := c.DeleteUser(ctx, "bob@pve"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{c.DeleteRole(ctx, "look"), c.DeleteGroup(ctx, "ops")} {
		if err != nil {
			t.Error(err)
		}
	}
	if tokens, err := c.UserTokens(ctx, ""); err != nil || len(tokens) != 0 {
		t.Errorf("%+v, %v", tokens, err)
	}
	for _, want := range []string{
		`"a user was added" user=bob@pve author=`, `"a password was set" user=bob@pve author=`, `"an API token was made" token=bob@pve!ci`,
		`"a permission was given" permission="look for user bob@pve on /sdn"`, `"a permission was taken away"`, `"a user was deleted"`,
		`"a group was added" group=ops`, `"a role was deleted" role=look`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if strings.Contains(log.String(), password) || strings.Contains(log.String(), token.Secret) {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

func TestAccessConditionsAndRefusals(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	c, ctx := r.local, t.Context()
	u, etag, err := c.User(ctx, "root@pam")
	if err != nil || etag == "" {
		t.Fatalf("%v, ETag %q", err, etag)
	}
	u.Comment = "the first"
	if _, err := c.PutUser(ctx, *u, etag); err != nil {
		t.Fatal(err)
	}
	_, err = c.PutUser(ctx, *u, etag)
	for what, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"a stale ETag":       {err, http.StatusPreconditionFailed, "changed meanwhile"},
		"an ETag of nothing": {second(c.PutUser(ctx, *u, `"x"`)), http.StatusPreconditionFailed, "changed meanwhile"},
		"one there already":  {second(c.PutUser(ctx, *u, client.IfAbsent)), http.StatusConflict, "already exists"},
		"disabling root":     {second(c.PutUser(ctx, api.User{ID: "root@pam", Disabled: true}, "")), http.StatusBadRequest, "repair"},
		"deleting root":      {c.DeleteUser(ctx, "root@pam"), http.StatusBadRequest, "repair"},
		"nobody":             {c.DeleteUser(ctx, "nil@pve"), http.StatusNotFound, "does not exist"},
		"a short password":   {c.SetPassword(ctx, "root@pam", "short"), http.StatusBadRequest, "at least 8"},
		"a realm":            {second(c.PutUser(ctx, api.User{ID: "bob@ldap"}, "")), http.StatusBadRequest, "pam or pve"},
		"a privilege":        {second(c.PutRole(ctx, api.Role{ID: "r", Privileges: []string{"SDN.Al"}}, "")), http.StatusBadRequest, "SDN.Allocate"},
		"a built-in role":    {second(c.PutRole(ctx, api.Role{ID: "PVEAdmin"}, "")), http.StatusBadRequest, "built in"},
		"a token to be made": {second(c.PutUserToken(ctx, api.UserToken{User: "root@pam", Name: "ci"}, "")), http.StatusNotFound, "does not exist"},
		"tokens of nobody":   {second(c.UserTokens(ctx, "nil@pve")), http.StatusNotFound, "does not exist"},
		"a path":             {second(c.EditACL(ctx, api.ACLEdit{Add: []api.ACLEntry{{Path: "/..", Type: "user", Subject: "root@pam", Role: "PVEAdmin"}}})), http.StatusBadRequest, "path"},
	} {
		if !status(c.err, c.status) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	if _, err := c.PutUser(ctx, *u, ""); err != nil {
		t.Errorf("without a condition: %v", err)
	}
	token, err := c.CreateUserToken(ctx, api.UserToken{User: "root@pam", Name: "ci", AllPrivileges: true})
	if err != nil {
		t.Fatal(err)
	}
	token.Comment, token.Secret = "for builds", ""
	if got, err := c.PutUserToken(ctx, *token, ""); err != nil || !cmp.Equal(got, token) {
		t.Errorf("%+v, %v", got, err)
	}
	// Over the network it takes the administrator's certificate, as all else does.
	n := r.join(t, "node1")
	resp, err := n.http.Get(r.url + "/api/v1/access/users")
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a node may list the users: %s", resp.Status)
	}
}

func second[T any](_ T, err error) error { return err }
