package pveapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

const password = "correct horse battery"

// person makes a user with a password.
func (e *env) person(t testing.TB, id string) {
	t.Helper()
	if err := e.Access.PutUser(t.Context(), access.User{ID: id, Enable: true}); err != nil {
		t.Fatal(err)
	}
	if err := e.Access.SetPassword(t.Context(), id, password); err != nil {
		t.Fatal(err)
	}
}

// login logs in and returns a ticket and its CSRF token.
func (e *env) login(t testing.TB, body string) (ticket, csrf string) {
	t.Helper()
	got := e.call(t, "", "POST", "/access/ticket", body)
	data, ok := got.Data.(map[string]any)
	if got.Status != 200 || !ok {
		t.Fatalf("login: %d %s", got.Status, got.body)
	}
	return data["ticket"].(string), data["CSRFPreventionToken"].(string)
}

func cookie(ticket string) http.Header {
	return http.Header{"Cookie": {"PVEAuthCookie=" + ticket}}
}

func TestTickets(t *testing.T) {
	e := newEnv(t, nil)
	e.person(t, "alice@pve")
	ticket, csrf := e.login(t, url.Values{"username": {"alice@pve"}, "password": {password}}.Encode())
	if again, _ := e.login(t, url.Values{"username": {"alice"}, "realm": {"pve"}, "password": {ticket}}.Encode()); again == "" {
		t.Error("a ticket did not give another one")
	}
	for name, header := range map[string]http.Header{
		"as it came": cookie(ticket),
		"escaped":    cookie(url.QueryEscape(ticket)),
		"quoted":     cookie(`"` + ticket + `"`),
		"among some": {"Cookie": {"a=b; PVEAuthCookie=" + ticket + "; c=d"}},
		// Telmate's client sends it there; Proxmox takes it where there is no cookie.
		"in a header":            {"Authorization": {"PVEAuthCookie=" + ticket}},
		"in a header, a blank":   {"Authorization": {"PVEAuthCookie " + ticket}},
		"in a header, escaped":   {"Authorization": {"PVEAuthCookie=" + url.QueryEscape(ticket)}},
		"beside another's login": {"Authorization": {"Basic YTpi"}, "Cookie": {"PVEAuthCookie=" + ticket}},
	} {
		if got := e.request(t, "GET", "/api2/json/version", "", header); got.Status != 200 {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	write := func(csrf, token string, h http.Header) answer {
		if csrf != "" {
			h.Set("CSRFPreventionToken", csrf)
		}
		return e.request(t, "POST", "/api2/json/access/users/alice@pve/token/"+token, "comment=x", h)
	}
	for where, header := range map[string]func() http.Header{
		"cookie": func() http.Header { return cookie(ticket) },
		"header": func() http.Header { return http.Header{"Authorization": {"PVEAuthCookie=" + ticket}} },
	} {
		for _, bad := range []string{"", "x", ticket} {
			if got := write(bad, where, header()); got.Status != 401 || got.Reason != "Permission denied - invalid csrf token" {
				t.Errorf("a write with the ticket in a %s and the CSRF token %q: %d %s", where, bad, got.Status, got.Reason)
			}
		}
		if got := write(csrf, where, header()); got.Status != 200 {
			t.Errorf("a write with the ticket in a %s: %s", where, got.body)
		}
	}
	for name, header := range map[string]http.Header{
		"nothing":      {},
		"empty cookie": cookie(""),
		"bad cookie":   cookie("PVE:alice@pve:00000000::AAAA"),
		"of another":   cookie(strings.Replace(ticket, "alice", "root", 1)),
		"a lot":        cookie(strings.Repeat("x", 5000)),
		"empty header": {"Authorization": {"PVEAuthCookie="}},
		"bad header":   {"Authorization": {"PVEAuthCookie=PVE:alice@pve:00000000::AAAA"}},
		"long header":  {"Authorization": {"PVEAuthCookie=" + strings.Repeat("x", 5000)}},
		"long token":   {"Authorization": {"PVEAPIToken=" + strings.Repeat("x", 5000)}, "Cookie": {"PVEAuthCookie=" + ticket}},
		"basic":        {"Authorization": {"Basic YTpi"}},
		"no secret":    {"Authorization": {"PVEAPIToken=alice@pve!t1"}},
		"no name":      {"Authorization": {"PVEAPIToken=alice@pve=x"}},
		"wrong secret": {"Authorization": {"PVEAPIToken=alice@pve!t1=00000000-0000-0000-0000-000000000000"}},
		// A token that is not good is not made up for by a ticket.
		"bad token": {"Authorization": {"PVEAPIToken=x"}, "Cookie": {"PVEAuthCookie=" + ticket}},
	} {
		if got := e.request(t, "GET", "/api2/json/version", "", header); got.Status != 401 || got.Data != nil {
			t.Errorf("%s: %d %s", name, got.Status, got.body)
		}
		if got := e.request(t, "GET", "/api2/extjs/version", "", header); got.Status != 401 {
			t.Errorf("%s, from a browser: %d %s", name, got.Status, got.body)
		}
	}
}

func TestLoginFails(t *testing.T) {
	e := newEnv(t, nil)
	e.person(t, "alice@pve")
	for _, body := range []string{"username=alice@pve&password=wrong", "username=bob@pve&password=wrong", "username=alice&password=" + url.QueryEscape(password)} {
		got := e.call(t, "", "POST", "/access/ticket", body)
		if got.Status != 401 || got.Reason != "authentication failure" || got.Data != nil {
			t.Errorf("%s: %d %s", body, got.Status, got.body)
		}
	}
	if got := e.call(t, "", "POST", "/access/ticket", "username=alice@pve"); got.Status != 400 || got.Errors["password"] == "" {
		t.Errorf("without a password: %s", got.body)
	}
	throttled := false
	for range 10 {
		got := e.call(t, "", "POST", "/access/ticket", "username=alice@pve&password=wrong")
		if got.Status == http.StatusTooManyRequests {
			throttled = true
			break
		}
	}
	if !throttled {
		t.Error("guessing was not slowed down")
	}
}

func TestVerifyTicket(t *testing.T) {
	e := newEnv(t, nil)
	e.person(t, "alice@pve")
	e.user(t, "bob@pve", "", "")
	err := e.Access.SetACL(t.Context(), access.ACLEntry{Path: "/sdn", Type: access.SubjectUser, Subject: "alice@pve", Role: "PVESDNUser", Propagate: true})
	if err != nil {
		t.Fatal(err)
	}
	ticket, _ := e.login(t, url.Values{"username": {"alice@pve"}, "password": {password}}.Encode())
	for want, fields := range map[int][]string{
		200: {"alice@pve", ticket, "/sdn/zones/z", "SDN.Audit,SDN.Use"},
		401: {"alice@pve", ticket, "/sdn/zones/z", "SDN.Audit,SDN.Allocate"},
		400: {"alice@pve", ticket, "/sdn/zones/z", ""},
	} {
		form := url.Values{"username": {fields[0]}, "password": {fields[1]}, "path": {fields[2]}}
		if fields[3] != "" {
			form.Set("privs", fields[3])
		}
		if got := e.call(t, "", "POST", "/access/ticket", form.Encode()); got.Status != want || strings.Contains(got.body, "CSRF") {
			t.Errorf("%v: %s", fields, got.body)
		}
	}
	form := url.Values{"username": {"bob@pve"}, "password": {ticket}, "path": {"/"}, "privs": {"SDN.Audit"}}
	if got := e.call(t, "", "POST", "/access/ticket", form.Encode()); got.Status != 401 {
		t.Errorf("another's ticket: %s", got.body)
	}
}

// TestLocal takes whoever comes through the socket of administrators for root.
func TestLocal(t *testing.T) {
	e := newEnv(t, nil, func(h *pveapi.Handler) { h.Local = func(*http.Request) bool { return true } })
	if got := e.call(t, "", "POST", "/access/users", "userid=bob@pve"); got.Status != 200 {
		t.Errorf("%s", got.body)
	}
	if got := e.call(t, "", "PUT", "/access/password", "userid=root@pam&password=another+long+one"); got.Status != 200 {
		t.Errorf("%s", got.body)
	}
	e.login(t, "username=root&password=another+long+one")
}
