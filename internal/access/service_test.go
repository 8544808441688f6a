package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// open makes a service on a store.
func open(t *testing.T, st store.Store, log *slog.Logger) (*Service, *clock) {
	t.Helper()
	c := &clock{now: noon}
	s, err := Open(t.Context(), st, Options{Now: c.Now, Logger: log, cost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// must fails the test at the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func is(t *testing.T, what string, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v, want %v with %q", what, err, want, text)
	}
}

var root = Identity{User: RootUser}

func TestFirstStart(t *testing.T) {
	st := mem.New()
	var log bytes.Buffer
	s, _ := open(t, st, slog.New(slog.NewTextHandler(&log, nil)))
	if n := strings.Count(log.String(), "viaduct user passwd root@pam"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log says:\n%s", &log)
	}
	if d := cmp.Diff([]User{{ID: RootUser, Enable: true, Revision: 2}}, s.Users()); d != "" {
		t.Error(d)
	}
	for _, password := range []string{"", "root", "password"} {
		if _, err := s.Login(t.Context(), RootUser, password, ""); !errors.Is(err, ErrAuthentication) {
			t.Errorf("without a password, %q: %v", password, err)
		}
	}
	if !s.Has(root, "/sdn", SDNAllocate) || s.Has(root, "/sdn") || s.Has(root, "/sdn", "No.Such") {
		t.Error("what root@pam has")
	}
	must(t, s.SetPassword(t.Context(), RootUser, "correct horse"))
	ticket, _ := s.Ticket(root)
	log.Reset()
	other, _ := open(t, st, slog.New(slog.NewTextHandler(&log, nil)))
	if id, err := other.VerifyTicket(ticket); err != nil || id != root {
		t.Errorf("a ticket at another server: %v, %v", id, err)
	}
	if log.Len() > 0 {
		t.Errorf("with a password the log says:\n%s", &log)
	}
}

func TestDamagedSecret(t *testing.T) {
	st := mem.New()
	_, err := st.Txn(t.Context(), nil, []store.Op{store.Put(keySecret, []byte(`{"secret":"AAAA"}`))})
	must(t, err)
	if _, err := Open(t.Context(), st, Options{}); err == nil || !strings.Contains(err.Error(), keySecret) {
		t.Errorf("a short key is taken: %v", err)
	}
	_, err = st.Txn(t.Context(), nil, []store.Op{store.Delete(keySecret), store.Put(prefixUser+RootUser, []byte(`{`))})
	must(t, err)
	s, _ := open(t, st, nil)
	if !s.Has(root, "/", SysModify) {
		t.Error("root@pam with a damaged record has nothing")
	}
	must(t, s.SetPassword(t.Context(), RootUser, "correct horse"))
	if _, err := s.Login(t.Context(), RootUser, "correct horse", ""); err != nil {
		t.Errorf("repaired: %v", err)
	}
}

func TestUsers(t *testing.T) {
	s, clock := open(t, mem.New(), nil)
	ctx := t.Context()
	bob := User{ID: "bob@pve", Enable: true, Comment: "Bob", Email: "bob@example.org", FirstName: "B", LastName: "O", Groups: []string{"ops", "net", "ops"}}
	is(t, "unknown groups", s.PutUser(ctx, bob), ErrInvalid, `group "net"`)
	must(t, s.PutGroup(ctx, Group{ID: "ops", Comment: "Operators"}), s.PutGroup(ctx, Group{ID: "net"}))
	must(t, s.PutUser(ctx, bob))
	is(t, "again", s.PutUser(ctx, bob), ErrExists, "user bob@pve already exists")
	got, err := s.User("bob@pve")
	must(t, err)
	bob.Revision, bob.Groups = got.Revision, []string{"net", "ops"}
	if d := cmp.Diff(bob, got); d != "" || got.Revision == 0 {
		t.Error(d)
	}
	got.Groups, got.Expire = []string{"ops"}, noon.Unix()+60
	must(t, s.PutUser(ctx, got))
	is(t, "as it was before", s.PutUser(ctx, bob), ErrChanged, "read it again")
	if g, _ := s.Group("net"); len(g.Members) != 0 {
		t.Errorf("net has %v", g.Members)
	}
	if g, err := s.Group("ops"); err != nil || !cmp.Equal(g.Members, []string{"bob@pve"}) || g.Comment != "Operators" {
		t.Errorf("ops: %+v, %v", g, err)
	}
	for text, u := range map[string]User{
		`realm "ldap"`:   {ID: "bob@ldap", Enable: true},
		`email "x"`:      {ID: "eve@pve", Email: "x"},
		`comment "a\nb"`: {ID: "eve@pve", Comment: "a\nb"},
		`expire "-1"`:    {ID: "eve@pve", Expire: -1},
		"must have at m": {ID: "eve@pve", LastName: strings.Repeat("x", maxText+1)},
		"disabling":      {ID: RootUser},
		"an end":         {ID: RootUser, Enable: true, Expire: 1},
	} {
		is(t, text, s.PutUser(ctx, u), ErrInvalid, text)
	}
	is(t, "change of nobody", s.PutUser(ctx, User{ID: "nil@pve", Revision: 3}), ErrNotFound, "nil@pve")
	is(t, "short password", s.SetPassword(ctx, "bob@pve", "1234567"), ErrInvalid, "at least 8 and at most 64")
	is(t, "long password", s.SetPassword(ctx, "bob@pve", strings.Repeat("x", 65)), ErrInvalid, "at least 8 and at most 64")
	is(t, "nobody's password", s.SetPassword(ctx, "nil@pve", "12345678"), ErrNotFound, "nil@pve")

	must(t, s.SetPassword(ctx, "bob@pve", "12345678"))
	_, err = s.Login(ctx, "bob@pve", "12345678", "")
	must(t, err)
	ticket, _ := s.Ticket(Identity{User: "bob@pve"})
	clock.pass(time.Minute)
	_, err = s.Login(ctx, "bob@pve", "12345678", "")
	is(t, "expired", err, ErrAuthentication, "")
	_, err = s.VerifyTicket(ticket)
	is(t, "expired user's ticket", err, ErrAuthentication, "")
}

func TestDeletingLeavesNothing(t *testing.T) {
	s, _ := open(t, mem.New(), nil)
	ctx := t.Context()
	is(t, "root", s.DeleteUser(ctx, RootUser), ErrInvalid, "repair")
	is(t, "nobody", s.DeleteUser(ctx, "nil@pve"), ErrNotFound, "nil@pve")
	must(t, s.PutGroup(ctx, Group{ID: "ops"}), s.PutRole(ctx, Role{ID: "Look", Privileges: []Privilege{SDNAudit}}))
	for _, id := range []string{"bob@pve", "bo@pve"} {
		must(t, s.PutUser(ctx, User{ID: id, Enable: true, Groups: []string{"ops"}}))
		_, err := s.CreateToken(ctx, Token{User: id, Name: "ci"})
		must(t, err)
		must(t, s.SetACL(ctx, entry("/sdn user:"+id+" Look"), entry("/sdn token:"+id+"!ci Look"), entry("/x token:"+id+"!ci Look")))
	}
	must(t, s.SetACL(ctx, entry("/sdn group:ops PVEAuditor"), entry("/y group:ops PVEAuditor")))
	is(t, "role in use", s.DeleteRole(ctx, "Look"), ErrInUse, "token bo@pve!ci on /sdn")
	ticket, _ := s.Ticket(Identity{User: "bob@pve"})
	must(t, s.DeleteUser(ctx, "bob@pve"), s.DeleteToken(ctx, "bo@pve!ci"))
	want := []ACLEntry{entry("/sdn group:ops PVEAuditor"), entry("/sdn user:bo@pve Look"), entry("/y group:ops PVEAuditor")}
	if d := cmp.Diff(want, s.ACL()); d != "" {
		t.Error(d)
	}
	if g, _ := s.Group("ops"); !cmp.Equal(g.Members, []string{"bo@pve"}) || len(s.Tokens("")) != 0 {
		t.Errorf("left: %v, %v", g.Members, s.Tokens(""))
	}
	must(t, s.DeleteGroup(ctx, "ops"), s.DeleteUser(ctx, "bo@pve"), s.DeleteRole(ctx, "Look"))
	if len(s.ACL()) != 0 || len(s.Groups()) != 0 {
		t.Errorf("left: %v, %v", s.ACL(), s.Groups())
	}
	must(t, s.PutUser(ctx, User{ID: "bob@pve", Enable: true}))
	if _, err := s.VerifyTicket(ticket); err == nil {
		t.Error("the ticket of a user who was deleted is good for one of the same name")
	}
}

func TestRoles(t *testing.T) {
	s, _ := open(t, mem.New(), nil)
	ctx := t.Context()
	for text, r := range map[string]Role{
		"built in":            {ID: "Administrator"},
		"begin with PVE":      {ID: "pveMine"},
		"letters":             {ID: "a b"},
		"SDN.Allocate, SDN.A": {ID: "mine", Privileges: []Privilege{"SDN.Alocate"}},
		"such as Sys.":        {ID: "mine", Privileges: []Privilege{"sys.audit"}},
	} {
		is(t, text, s.PutRole(ctx, r), ErrInvalid, text)
	}
	must(t, s.PutRole(ctx, Role{ID: "mine", Privileges: []Privilege{SysAudit, SDNUse, SysAudit}}))
	r, err := s.Role("mine")
	must(t, err)
	if d := cmp.Diff([]Privilege{SDNUse, SysAudit}, r.Privileges); d != "" || r.Builtin {
		t.Error(d)
	}
	must(t, s.PutUser(ctx, User{ID: "bob@pve", Enable: true}), s.SetACL(ctx, entry("/sdn user:bob@pve mine")))
	r.Privileges = []Privilege{SDNAudit}
	must(t, s.PutRole(ctx, r))
	bob := Identity{User: "bob@pve"}
	if s.Has(bob, "/sdn", SDNUse, SysAudit) || !s.Has(bob, "/sdn", SDNUse, SDNAudit) {
		t.Error("the role's change does not count")
	}
	if d := cmp.Diff(map[Privilege]bool{SDNAudit: true}, s.Privileges(bob, "/sdn/zones")); d != "" {
		t.Error(d)
	}
	is(t, "old state", s.PutRole(ctx, r), ErrChanged, "mine")
	is(t, "unknown", s.DeleteRole(ctx, "nil"), ErrNotFound, "viaduct role list")
	is(t, "built in", s.DeleteRole(ctx, "PVEAdmin"), ErrInvalid, "built in")
	if n := len(s.Roles()); n != len(builtin)+1 {
		t.Errorf("%d roles", n)
	}
}

func TestTokens(t *testing.T) {
	s, clock := open(t, mem.New(), nil)
	ctx := t.Context()
	secret, err := s.CreateToken(ctx, Token{User: RootUser, Name: "ci", Expire: noon.Unix() + 60, Privsep: true})
	must(t, err)
	if len(secret) != 36 || secret[14] != '4' {
		t.Errorf("the secret is %q", secret)
	}
	id, err := s.VerifyToken("root@pam!ci", secret)
	if err != nil || id.String() != "root@pam!ci" || id.User != RootUser {
		t.Errorf("%v, %v", id, err)
	}
	for tokenid, secret := range map[string]string{
		"root@pam!ci": secret + "x", "root@pam!cj": secret, "root@pve!ci": secret, "root@pam": secret, "": secret, "nil@pam!cc": "",
	} {
		_, err := s.VerifyToken(tokenid, secret)
		is(t, tokenid, err, ErrAuthentication, "authentication failure")
	}
	if s.Has(id, "/sdn", SDNAudit) {
		t.Error("a separated token has what it was not given")
	}
	if ticket, csrf := s.Ticket(id); ticket != "" || csrf != "" || s.VerifyCSRF(id, s.keys.signCSRF(RootUser, noon)) == nil {
		t.Error("a token got a ticket")
	}
	_, err = s.CreateToken(ctx, Token{User: RootUser, Name: "ci"})
	is(t, "again", err, ErrExists, "viaduct token delete root@pam ci")
	_, err = s.CreateToken(ctx, Token{User: "nil@pve", Name: "ci"})
	is(t, "nobody's", err, ErrNotFound, "nil@pve")
	token, err := s.Token("root@pam!ci")
	must(t, err)
	stale := token
	token.Privsep, token.Comment = false, "for builds"
	must(t, s.PutToken(ctx, token))
	is(t, "as it was before", s.PutToken(ctx, stale), ErrChanged, "")
	if id, err := s.VerifyToken("root@pam!ci", secret); err != nil || !s.Has(id, "/sdn", SDNAudit) {
		t.Errorf("no longer separated: %v", err)
	}
	clock.pass(time.Minute)
	_, err = s.VerifyToken("root@pam!ci", secret)
	is(t, "expired", err, ErrAuthentication, "")
	is(t, "gone", s.DeleteToken(ctx, "root@pam!xx"), ErrNotFound, "root@pam!xx")
}

func TestACL(t *testing.T) {
	s, _ := open(t, mem.New(), nil)
	ctx := t.Context()
	must(t, s.PutUser(ctx, User{ID: "bob@pve", Enable: true}))
	for text, e := range map[string]ACLEntry{
		`role "Nil"`:     entry("/ user:bob@pve Nil"),
		`user "nil@pve"`: entry("/ user:nil@pve PVEAdmin"),
		`group "bob@pv`:  entry("/ group:bob@pve PVEAdmin"),
		`token "bob@pv`:  entry("/ token:bob@pve!ci PVEAdmin"),
		`type "host"`:    entry("/ host:bob@pve PVEAdmin"),
		`path "/a/../b"`: entry("/a/../b user:bob@pve PVEAdmin"),
	} {
		is(t, text, s.SetACL(ctx, entry("/good user:bob@pve PVEAdmin"), e), ErrInvalid, text)
	}
	if len(s.ACL()) != 0 {
		t.Errorf("half of a refused change was made: %v", s.ACL())
	}
	must(t, s.SetACL(ctx, entry("sdn/ user:bob@pve PVEAdmin only"), entry("/ user:bob@pve PVEAuditor")))
	must(t, s.SetACL(ctx, entry("/sdn user:bob@pve PVEAdmin")))
	if d := cmp.Diff([]ACLEntry{entry("/ user:bob@pve PVEAuditor"), entry("/sdn user:bob@pve PVEAdmin")}, s.ACL()); d != "" {
		t.Error(d)
	}
	n, err := s.DeleteACL(ctx, entry("/sdn/ user:bob@pve PVEAdmin only"), entry("/sdn user:bob@pve PVEAuditor"))
	if n != 1 || err != nil || len(s.ACL()) != 1 {
		t.Errorf("%d removed, %v, left %v", n, err, s.ACL())
	}
}

func TestLogin(t *testing.T) {
	st := mem.New()
	var log bytes.Buffer
	s, clock := open(t, st, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx := t.Context()
	const password, mistyped = "correct horse", "kNhTyJp2secret"
	must(t, s.PutUser(ctx, User{ID: "bob@pve", Enable: true}), s.SetPassword(ctx, "bob@pve", password))
	id, err := s.Login(ctx, "bob@pve", password, "192.0.2.1:1")
	must(t, err)
	ticket, csrf := s.Ticket(id)
	if id, err := s.VerifyTicket(ticket); err != nil || id.String() != "bob@pve" || s.VerifyCSRF(id, csrf) != nil {
		t.Errorf("%v, %v", id, err)
	}
	clock.pass(TicketLife - time.Minute)
	if _, err = s.Login(ctx, "bob@pve", ticket, ""); err != nil {
		t.Errorf("a ticket in place of the password: %v", err)
	}
	for range freeUser {
		_, err := s.Login(ctx, "bob@pve", mistyped, "192.0.2.1:1")
		is(t, "wrong", err, ErrAuthentication, "authentication failure")
	}
	_, err = s.Login(ctx, "bob@pve", password, "192.0.2.1:1")
	var throttled *ThrottledError
	if !errors.Is(err, ErrThrottled) || !errors.As(err, &throttled) || throttled.Wait != time.Second {
		t.Errorf("too many failures: %v", err)
	}
	if _, err = s.Login(ctx, "bob@pve", ticket, ""); err != nil {
		t.Errorf("a ticket while throttled: %v", err)
	}
	clock.pass(time.Second)
	_, err = s.Login(ctx, "bob@pve", password, "192.0.2.1:1")
	must(t, err)
	for user, password := range map[string]string{
		mistyped: password, RootUser: ticket, "bob": password, "bob@pam": password, "bob@pve": strings.Repeat("x", 1<<16), "": "",
	} {
		_, err := s.Login(ctx, user, password, "")
		is(t, user, err, ErrAuthentication, "authentication failure")
	}
	secret, err := s.CreateToken(ctx, Token{User: "bob@pve", Name: "ci"})
	must(t, err)
	_, _ = s.VerifyToken("bob@pve!ci", secret)
	_, _ = s.VerifyToken("bob@pve!ci", secret+"x")
	must(t, s.SetPassword(ctx, "bob@pve", "another horse"))
	if _, err := s.VerifyTicket(ticket); !errors.Is(err, ErrAuthentication) {
		t.Errorf("a ticket from before the password's change: %v", err)
	}
	r, err := st.Get(ctx, prefixUser+"bob@pve")
	must(t, err)
	for _, s := range []string{password, mistyped, "another horse", secret, ticket, csrf, "argon2id", "PVE:"} {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log holds %q:\n%s", s, &log)
		}
	}
	if !strings.Contains(log.String(), `"user":"bob@pve"`) || !strings.Contains(log.String(), "192.0.2.1") {
		t.Errorf("the log does not tell of failures:\n%s", &log)
	}
	if strings.Contains(string(r.Value), "horse") {
		t.Errorf("stored is %s", r.Value)
	}
}

// Whether there is such a user, and whether they have a password, is not to be
// told by how long a refusal takes.
func TestRefusalsTakeAsLong(t *testing.T) {
	s, err := Open(t.Context(), mem.New(), Options{Now: func() time.Time { return noon }, cost: cost{2, 4 << 10, 1}})
	must(t, err)
	for _, id := range []string{"bob@pve", "off@pve"} {
		must(t, s.PutUser(t.Context(), User{ID: id, Enable: id == "bob@pve"}), s.SetPassword(t.Context(), id, "correct horse"))
	}
	sources := 0
	shortest := func(user, password string) time.Duration {
		best := time.Hour
		sources++
		for range freeUser - 1 {
			began := time.Now()
			_, err := s.Login(t.Context(), user, password, fmt.Sprint(user, sources))
			is(t, user, err, ErrAuthentication, "authentication failure")
			best = min(best, time.Since(began))
		}
		return best
	}
	for user, password := range map[string]string{
		"nil@pve": "wrong password", RootUser: "wrong password", "off@pve": "correct horse", "no user": "", "bob@pve": strings.Repeat("x", 100),
	} {
		// Without the work it would be a thousandth. What else the machine does makes one
		// comparison wrong, not all of them.
		var got, want time.Duration
		alike := false
		for try := 0; try < 5 && !alike; try++ {
			got, want = shortest(user, password), shortest("bob@pve", "wrong password")
			alike = got > want/4 && got < want*4
		}
		if !alike {
			t.Errorf("%s is refused in %s, a wrong password in %s", user, got, want)
		}
	}
}

// Many at once who know the password all get in; of many who do not, few are
// even looked at.
func TestManyLoginsAtOnce(t *testing.T) {
	s, _ := open(t, mem.New(), nil)
	must(t, s.SetPassword(t.Context(), RootUser, "correct horse"))
	try := func(password string) (admitted, refused, throttled int) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := s.Login(t.Context(), RootUser, password, "192.0.2.1:1")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					admitted++
				case errors.Is(err, ErrAuthentication):
					refused++
				case errors.Is(err, ErrThrottled):
					throttled++
				}
			})
		}
		all.Wait()
		return
	}
	if admitted, _, _ := try("correct horse"); admitted != 100 {
		t.Errorf("%d of 100 admitted", admitted)
	}
	if _, refused, throttled := try("wrong"); refused < freeUser || refused >= freeUser+maxHashing || refused+throttled != 100 {
		t.Errorf("%d guesses looked at, %d not", refused, throttled)
	}
}

func TestRunFollowsOtherServers(t *testing.T) {
	st := mem.New()
	a, _ := open(t, st, nil)
	b, _ := open(t, st, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	defer running.Wait()
	defer cancel()
	must(t, a.PutUser(ctx, User{ID: "bob@pve", Enable: true}), a.SetACL(ctx, entry("/ user:bob@pve PVEAuditor")))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(10 * time.Second); !b.Has(Identity{User: "bob@pve"}, "/sdn", SDNAudit); <-tick.C {
		if time.Now().After(until) {
			t.Fatal("the other server's change was never seen")
		}
	}
}
