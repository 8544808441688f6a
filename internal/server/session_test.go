package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const (
	sessionPath = "/api/v1/session"
	zonePath    = "/api/v1/zones/z1"
	password    = "correct horse"
)

func (c *cluster) login(t *testing.T, user string) (cookie string, s api.Session) {
	t.Helper()
	if err := c.local.SetPassword(t.Context(), user, password); err != nil {
		t.Fatal(err)
	}
	a := c.request(t, http.MethodPost, sessionPath, `{"user":"`+user+`","password":"`+password+`"}`)
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	cookie, _, _ = strings.Cut(a.header.Get("Set-Cookie"), ";")
	for _, want := range []string{"__Host-viaduct=", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=7200"} {
		if !strings.Contains(a.header.Get("Set-Cookie"), want) {
			t.Errorf("the cookie lacks %s: %s", want, a.header.Get("Set-Cookie"))
		}
	}
	return cookie, s
}

func TestSession(t *testing.T) {
	c := newCluster(t)
	cookie, s := c.login(t, owner)
	if s.Author != owner || s.User != owner || s.CSRF == "" || time.Until(s.Expires) < time.Hour || len(s.Permissions) != 2 {
		t.Errorf("%+v", s)
	}
	// Reading takes the cookie alone, and whoever shows it is told the CSRF token.
	a := c.request(t, http.MethodGet, sessionPath, "", "Cookie", cookie)
	var again api.Session
	if err := json.Unmarshal([]byte(a.body), &again); err != nil || a.status != http.StatusOK || again.CSRF == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	patch := `{"set":{"mtu":1400}}`
	for what, x := range map[string]struct {
		header []string
		status int
		says   string
	}{
		"the cookie alone":      {[]string{"Cookie", cookie}, http.StatusForbidden, "X-CSRF-Token"},
		"a wrong CSRF token":    {[]string{"Cookie", cookie, "X-CSRF-Token", s.CSRF + "x"}, http.StatusForbidden, "X-CSRF-Token"},
		"another site":          {[]string{"Cookie", cookie, "X-CSRF-Token", s.CSRF, "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, "another site"},
		"another origin":        {[]string{"Cookie", cookie, "X-CSRF-Token", s.CSRF, "Origin", "https://evil.example"}, http.StatusForbidden, "another site"},
		"its own page":          {[]string{"Cookie", cookie, "X-CSRF-Token", again.CSRF, "Sec-Fetch-Site", "same-origin"}, http.StatusOK, `"changes"`},
		"a token has no cookie": {[]string{"Authorization", "Bearer " + c.tokens[owner]}, http.StatusOK, `"changes"`},
	} {
		if a := c.request(t, http.MethodPatch, zonePath, patch, x.header...); a.status != x.status || !strings.Contains(a.body, x.says) {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	// It is prolonged under its own cookie, by its own page only.
	if a := c.request(t, http.MethodPost, sessionPath, "{}", "Cookie", cookie); a.status != http.StatusForbidden {
		t.Errorf("without the CSRF token: %d %s", a.status, a.body)
	}
	if a := c.request(t, http.MethodPost, sessionPath, "{}", "Cookie", cookie, "X-CSRF-Token", s.CSRF); a.status != http.StatusOK || a.header.Get("Set-Cookie") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.request(t, http.MethodDelete, sessionPath, "", "Cookie", cookie, "X-CSRF-Token", s.CSRF); a.status != http.StatusNoContent ||
		!strings.HasPrefix(a.header.Get("Set-Cookie"), "__Host-viaduct=; ") || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %v", a.status, a.header)
	}
	// Another site's page cannot log anybody in either.
	if a := c.request(t, http.MethodPost, sessionPath, `{"user":"`+owner+`","password":"`+password+`"}`, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	// A new password ends it.
	if err := c.local.SetPassword(t.Context(), owner, "another one"); err != nil {
		t.Fatal(err)
	}
	if a := c.request(t, http.MethodGet, sessionPath, "", "Cookie", cookie); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A user's name may hold what a cookie may not.
func TestSessionOfAStrangeName(t *testing.T) {
	c := newCluster(t)
	const name = `jürgen"\=@pve`
	c.user(t, name)
	if a := c.request(t, http.MethodGet, sessionPath, "", "Authorization", "Bearer "+c.tokens[name]); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := c.local.SetPassword(t.Context(), name, password); err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(api.Credentials{User: name, Password: password})
	a := c.request(t, http.MethodPost, sessionPath, string(b))
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	if a := c.request(t, http.MethodGet, sessionPath, "", "Cookie", cookie); a.status != http.StatusOK || !strings.Contains(a.body, "jürgen") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOwnPassword(t *testing.T) {
	c := newCluster(t)
	cookie, s := c.login(t, nobody)
	path := "/api/v1/access/users/" + nobody + "/password"
	for _, x := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"password":"another one"}`, http.StatusForbidden, "give the current one too"},
		{`{"password":"another one","current":"not this"}`, http.StatusForbidden, "nothing was changed"},
		{`{"password":"another one","current":"` + password + `"}`, http.StatusNoContent, ""},
	} {
		if a := c.request(t, http.MethodPut, path, x.body, "Cookie", cookie, "X-CSRF-Token", s.CSRF); a.status != x.status || !strings.Contains(a.body, x.says) {
			t.Errorf("%s: %d %s", x.body, a.status, a.body)
		}
	}
	cookie, s = c.login(t, nobody)
	a := c.request(t, http.MethodPost, "/api/v1/access/tokens", `{"user":"`+nobody+`","name":"own"}`, "Cookie", cookie, "X-CSRF-Token", s.CSRF)
	if a.status != http.StatusOK {
		t.Errorf("a token of one's own: %d %s", a.status, a.body)
	}
}

// A login link begins a session once. Nobody gets one for a user whose password they may
// not set, and no secret is in the audit.
func TestLoginLink(t *testing.T) {
	c := newCluster(t)
	path := func(user string) string { return "/api/v1/access/users/" + user + "/login-link" }
	cookie, s := c.login(t, owner)
	for _, user := range []string{nobody, owner, access.RootUser} {
		if a := c.request(t, http.MethodPost, path(user), `{}`, "Cookie", cookie, "X-CSRF-Token", s.CSRF); a.status != http.StatusForbidden {
			t.Errorf("a link for %s: %d %s", user, a.status, a.body)
		}
	}
	if _, err := c.local.CreateLoginLink(t.Context(), nobody, 1441); !api.IsType(err, api.TypeInvalid) {
		t.Errorf("a link for more than a day: %v", err)
	}
	link, err := c.local.CreateLoginLink(t.Context(), nobody, 0)
	if err != nil || link.Secret == "" || link.Minutes != 60 {
		t.Fatalf("%+v, %v", link, err)
	}
	body := `{"user":"` + nobody + `","link":"` + link.Secret + `"}`
	if a := c.request(t, http.MethodPost, sessionPath, body); a.status != http.StatusOK || a.header.Get("Set-Cookie") == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := c.request(t, http.MethodPost, sessionPath, body); a.status != http.StatusUnauthorized || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a second time: %d %s", a.status, a.body)
	}
	if a := c.request(t, http.MethodPost, sessionPath, `{"user":"`+nobody+`"}`); a.status != http.StatusUnauthorized {
		t.Errorf("without a link and a password: %d %s", a.status, a.body)
	}
}

func TestGuessingIsThrottled(t *testing.T) {
	c := newCluster(t)
	c.login(t, owner)
	refused := 0
	for range 8 {
		a := c.request(t, http.MethodPost, sessionPath, `{"user":"`+owner+`","password":"guess"}`)
		switch a.status {
		case http.StatusTooManyRequests:
			refused++
		case http.StatusUnauthorized:
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Error("a cookie for a wrong password")
		}
	}
	if refused == 0 {
		t.Error("nobody stops the guessing")
	}
}

// The audit has every write, carried out or refused, and nothing secret.
func TestAudit(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	const secret = "s3cr3t-s3cr3t"
	cl := c.from(t, owner)
	if err := c.local.SetPassword(ctx, nobody, secret); err != nil {
		t.Fatal(err)
	}
	token, err := c.local.CreateUserToken(ctx, api.UserToken{User: nobody, Name: "audited"})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = cl.Edit(ctx, []api.Edit{{Put: &model.VNet{ID: "v2", Zone: "z2", Alias: secret}}}, false)
	if _, err := cl.Edit(ctx, []api.Edit{{Put: &model.VNet{ID: "v1", Zone: "z1", Alias: secret}}}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Edit(ctx, []api.Edit{{Put: &model.VNet{ID: "v1", Zone: "z1"}}}, true); err != nil { // a dry run is no write
		t.Fatal(err)
	}
	c.request(t, http.MethodPost, sessionPath, `{"user":"`+nobody+`","password":"`+secret+`x"}`)
	c.request(t, http.MethodPut, zonePath, `{}`)
	entries, err := c.local.Audit(ctx, clientAll)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		author, operation, target, objects, err string
		status                                  int
	}
	var got []line
	for _, e := range entries[:5] {
		if e.Time.IsZero() || e.ID == "" {
			t.Errorf("%+v", e)
		}
		author := e.Author
		if strings.HasSuffix(author, "@local") {
			author = "local"
			if e.From != "" {
				t.Errorf("%+v", e)
			}
		} else if e.From != "127.0.0.1" {
			t.Errorf("%+v", e)
		}
		got = append(got, line{author, e.Operation, e.Target, strings.Join(e.Objects, " "), e.Error, e.Status})
	}
	want := []line{
		{nobody, "login", "/api/v1/session", "", "forbidden", 401},
		{owner + "!ci", "edit", "/api/v1/edits", "vnet/v1", "", 200},
		{owner + "!ci", "edit", "/api/v1/edits", "vnet/v2", "forbidden", 403},
		{"local", "createToken", "/api/v1/access/tokens", "token/" + nobody + "!audited", "", 200},
		{"local", "setPassword", "/api/v1/access/users/nobody@pve/password", "", "", 204},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("entry %d:\n%+v, want\n%+v", i, got[i], want[i])
		}
	}
	for _, e := range entries {
		b, _ := json.Marshal(e)
		if strings.Contains(string(b), secret) || strings.Contains(string(b), token.Secret) {
			t.Errorf("a secret is in %s", b)
		}
	}
	some, err := c.local.Audit(ctx, clientSome(owner+"!ci", entries[1].ID))
	if err != nil || len(some) != 1 || some[0].ID != entries[2].ID {
		t.Errorf("%+v, %v", some, err)
	}
	if _, err := cl.Audit(ctx, clientAll); !api.IsType(err, api.TypeForbidden) || !strings.Contains(err.Error(), "Sys.Audit on /;") {
		t.Errorf("the audit is shown to a tenant: %v", err)
	}
	if a := c.request(t, http.MethodGet, "/api/v1/audit?limit=9999", "", "Authorization", "Bearer "+c.tokens[owner]); a.status != http.StatusForbidden {
		t.Errorf("%d", a.status)
	}
}
