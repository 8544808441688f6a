package api

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// cookieName is the cookie of a session. With its prefix, browsers demand that it came
// over TLS from this very host.
const cookieName = "__Host-viaduct"

// csrfHeader carries the token that proves that a write with the cookie comes from the
// server's own page.
const csrfHeader = "X-CSRF-Token"

// caller is the originator of a request.
type caller struct {
	// name is the author in history and audit.
	name string
	// admin is set for a caller who may do everything because of how they connected.
	admin bool
	id    access.Identity
	// cookie is set if a session's cookie identified the caller.
	cookie bool
	// claimed is set if the name is claimed but not authenticated.
	claimed bool
	from    string
}

// identify identifies the caller of a request: credentials in the request come before
// the connection, and a cookie, which browsers add on their own, comes last.
func (h *Handler) identify(r *http.Request) (caller, error) {
	from := origin(r)
	if given := r.Header.Values("Authorization"); len(given) > 0 {
		id, err := h.token(given)
		return caller{name: id.String(), id: id, from: from}, err
	}
	name, err := h.Administrator(r)
	if err != nil || name != "" {
		return caller{name: name, admin: true, from: from}, err
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return caller{}, unknown("show an API token (Authorization: Bearer user@realm!name=secret), the cookie of a session, or an administrator's certificate: " +
			"admin.crt and admin.key are in the server's data directory")
	}
	ticket, err := url.QueryUnescape(c.Value)
	if err == nil {
		var id access.Identity
		if id, err = h.Access.VerifyTicket(ticket); err == nil {
			return caller{name: id.String(), id: id, cookie: true, from: from}, nil
		}
	}
	return caller{}, unknown("the session is over: log in again")
}

// token checks the token of an Authorization header, in the native form or that of
// Proxmox VE.
func (h *Handler) token(given []string) (access.Identity, error) {
	scheme, rest, _ := strings.Cut(given[0], " ")
	text := strings.TrimSpace(rest)
	if t, ok := strings.CutPrefix(given[0], "PVEAPIToken="); ok {
		scheme, text = "Bearer", t
	}
	if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return access.Identity{}, unknown("one Authorization header is understood, with an API token: Bearer user@realm!name=secret; passwords are taken by POST /api/v1/session only")
	}
	// A user's name may contain a =, a token's does not.
	user, rest, _ := strings.Cut(text, "!")
	name, secret, _ := strings.Cut(rest, "=")
	id, err := h.Access.VerifyToken(user+"!"+name, secret)
	if err != nil {
		return access.Identity{}, unknown("the API token is not valid: it is wrong, was deleted, or has expired, or its user is disabled; make another one with: viaduct token create")
	}
	return id, nil
}

// unknown refuses an unauthenticated caller.
func unknown(detail string) error {
	return problem.New(http.StatusUnauthorized, api.TypeForbidden, "%s", detail)
}

// origin is the address a request came from; empty for the unix socket.
func origin(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// safe are the methods that change nothing.
func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// genuine makes sure that a write comes from the apparent caller, and not from another
// site's page in their browser.
func (h *Handler) genuine(r *http.Request, c caller) error {
	if safe(r.Method) {
		return nil
	}
	var foreign http.CrossOriginProtection
	if err := foreign.Check(r); err != nil {
		return problem.New(http.StatusForbidden, api.TypeForbidden, "the request was made by a page of another site; nothing was changed")
	}
	if c.cookie && h.Access.VerifyCSRF(c.id, r.Header.Get(csrfHeader)) != nil {
		return problem.New(http.StatusForbidden, api.TypeForbidden,
			"a write under a session's cookie needs the header %s with the session's csrf, which GET /api/v1/session tells; nothing was changed", csrfHeader)
	}
	return nil
}

// login begins a session, or extends the existing one.
func (h *Handler) login(r *request) (any, error) {
	var in api.Credentials
	if err := problem.Decode(r.w, r.Request, maxOwn, &in); err != nil {
		return nil, err
	}
	if err := h.genuine(r.Request, caller{}); err != nil {
		return nil, err
	}
	var id access.Identity
	if in == (api.Credentials{}) {
		c, err := h.identify(r.Request)
		if err == nil && !c.cookie {
			err = problem.Invalid("a session is begun with user and password; API tokens and administrators need none")
		}
		if err == nil {
			err = h.genuine(r.Request, c)
		}
		if err != nil {
			return nil, err
		}
		id = c.id
	} else {
		var err error
		if in.Link != "" {
			id, err = h.Access.LoginByLink(r.Context(), in.User, in.Link, origin(r.Request))
		} else {
			id, err = h.Access.Login(r.Context(), in.User, in.Password, origin(r.Request))
		}
		if err != nil {
			r.caller = caller{name: h.Access.LogName(in.User), claimed: true, from: origin(r.Request)}
			return nil, err
		}
	}
	ticket, csrf := h.Access.Ticket(id)
	if ticket == "" {
		return nil, access.ErrAuthentication
	}
	r.caller = caller{name: id.String(), id: id, cookie: true, from: origin(r.Request)}
	http.SetCookie(r.w, cookie(url.QueryEscape(ticket), access.TicketLife))
	out := h.describe(r.caller, csrf)
	out.Expires = time.Now().Add(access.TicketLife).UTC().Truncate(time.Second)
	return out, nil
}

// cookie is the session's cookie; without a lifetime it makes the browser delete it.
func cookie(value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: int(life / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if life == 0 {
		c.MaxAge = -1
	}
	return c
}

func (h *Handler) logout(r *request) (any, error) {
	http.SetCookie(r.w, cookie("", 0))
	return nil, nil
}

func (h *Handler) session(r *request) (any, error) {
	csrf := ""
	if r.caller.cookie {
		// Other sites cannot read it.
		_, csrf = h.Access.Ticket(r.caller.id)
	}
	return h.describe(r.caller, csrf), nil
}

// describe returns who the caller is and their permissions.
func (h *Handler) describe(c caller, csrf string) *api.Session {
	out := &api.Session{Author: c.name, User: c.id.User, Token: c.id.Token, CSRF: csrf, Permissions: []api.Permission{}}
	if c.admin {
		all := convert(access.Privileges(), func(p access.Privilege) string { return string(p) })
		out.Permissions = append(out.Permissions, api.Permission{Path: "/", Privileges: all, Propagated: all})
		return out
	}
	out.Permissions = h.permissionsOf(c.id)
	return out
}

// permissionsOf are the paths on which somebody has privileges, sorted.
func (h *Handler) permissionsOf(id access.Identity) []api.Permission {
	out := []api.Permission{}
	last := ""
	for _, path := range append([]string{"/"}, convert(h.Access.ACL(), func(e access.ACLEntry) string { return e.Path })...) {
		if path == last { // paths are sorted
			continue
		}
		last = path
		p := api.Permission{Path: path}
		have := h.Access.Privileges(id, path)
		for _, name := range access.Privileges() {
			propagates, ok := have[name]
			if ok {
				p.Privileges = append(p.Privileges, string(name))
			}
			if propagates {
				p.Propagated = append(p.Propagated, string(name))
			}
		}
		if len(p.Privileges) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// userPermissions answers what a user or token may do.
func (h *Handler) userPermissions(r *request) (any, error) {
	user, token, err := access.Identity{User: r.PathValue("id")}, "", error(nil)
	if r.ownerOf() != r.PathValue("id") {
		if user.User, token, err = access.ParseTokenID(r.PathValue("id")); err != nil {
			return nil, err
		}
		user.Token = token
	}
	if user.User != r.caller.id.User {
		if err := h.demand(r.caller, seeUsers); err != nil {
			return nil, err
		}
	}
	if _, err := h.Access.User(user.User); err != nil {
		return nil, err
	}
	if token != "" {
		if _, err := h.Access.Token(r.PathValue("id")); err != nil {
			return nil, err
		}
	}
	return h.permissionsOf(user), nil
}

func (h *Handler) privileges(*request) (any, error) {
	return convert(access.Privileges(), func(p access.Privilege) api.Privilege { return api.Privilege{ID: string(p), Allows: p.Allows()} }), nil
}
