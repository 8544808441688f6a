package pveapi

import (
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

func (h *Handler) accessOperations() []Operation {
	return []Operation{
		index("/access", "subdir", "users", "groups", "roles", "acl", "domains", "ticket", "password", "permissions", "tfa"),
		{
			Method: "GET", Path: "/access/ticket", Doc: "Nothing: there so that a login page can be shown.", Allow: World(),
			Handle: func(*Call) (any, error) { return nil, nil },
		},
		{
			Method: "POST", Path: "/access/ticket", Doc: "Log in with a password, or make a ticket new.", Allow: World(),
			Params: []schema.Property{
				{Name: "username", Form: schema.Text, Need: 'r', MaxLength: 64, Doc: "name, or name@realm"},
				{Name: "password", Form: schema.Text, Need: 'r', Doc: "password, or a ticket that is still valid"},
				{Name: "realm", Form: schema.Text, MaxLength: 32, Doc: "realm, for a name without one"},
				{Name: "otp", Form: schema.Text, Doc: "one-time password, for which there is no use"},
				{Name: "tfa-challenge", Form: schema.Text, Doc: "second factor, for which there is no use"},
				{Name: "path", Form: schema.Text, MaxLength: 512, Check: aclPath, Doc: "with privs: check a ticket's privileges on this path"},
				{Name: "privs", Form: schema.List, Doc: "with path: required privileges, all of them"},
				{Name: "new-format", Form: schema.Boolean, Doc: "form of second factors, for which there is no use"},
			},
			Handle: h.login,
		},
		{
			Method: "PUT", Path: "/access/password", Doc: "Change a user's password.",
			Params: []schema.Property{
				userParam(),
				{Name: "password", Form: schema.Text, Need: 'r', Doc: "the new password"},
				{Name: "confirmation-password", Form: schema.Text, Doc: "the current password of the caller; needed to change the caller's own, except for root@pam at the server's socket"},
			},
			Handle: h.setPassword,
		},
		{
			Method: "GET", Path: "/access/domains", Doc: "List the realms that users can be of.", Allow: World(),
			Handle: func(*Call) (any, error) {
				return []schema.Object{
					{"realm": "pam", "type": "pam", "comment": "users of this server, for administrators"},
					{"realm": "pve", "type": "pve", "comment": "users of this server"},
				}, nil
			},
		},
		{
			Method: "GET", Path: "/access/permissions", Doc: "Return the permissions of a user or token, by path.",
			Params: []schema.Property{
				{Name: "userid", Form: schema.Text, MaxLength: 129, Doc: "user or token; the caller by default"},
				{Name: "path", Form: schema.Text, MaxLength: 512, Check: aclPath, Doc: "only this path"},
			},
			Handle: h.permissions,
		},
	}
}

func aclPath(text string) string { return matching(pathForm, "path")(text) }

// login answers with a ticket or, with path and privs, whether a ticket has those
// privileges.
func (h *Handler) login(c *Call) (any, error) {
	user := c.Text("username")
	if realm := c.Text("realm"); realm != "" && !strings.HasSuffix(user, "@"+realm) {
		user += "@" + realm
	}
	if !strings.Contains(user, "@") {
		user += "@pam"
	}
	if c.Has("path") != c.Has("privs") {
		return nil, Params{"privs": "path and privs have to be given together"}
	}
	if c.Has("path") {
		return h.verify(c, user)
	}
	c.login = h.Access.LogName(user)
	who, err := h.Access.Login(c, user, c.Text("password"), c.From)
	if err != nil {
		return nil, err
	}
	ticket, csrf := h.Access.Ticket(who)
	if ticket == "" { // deleted in the meantime
		return nil, access.ErrAuthentication
	}
	h.Log.Info("a user logged in", "user", who.String(), "from", c.From)
	return schema.Object{"username": who.User, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": h.capabilities(who)}, nil
}

// verify checks a ticket and privileges for another program.
func (h *Handler) verify(c *Call, user string) (any, error) {
	who, err := h.Access.VerifyTicket(c.Text("password"))
	if err != nil {
		return nil, err
	}
	if who.User != user {
		return nil, access.ErrAuthentication
	}
	for _, name := range c.List("privs") {
		if !h.Access.Has(who, c.Text("path"), access.Privilege(name)) {
			return nil, access.ErrAuthentication
		}
	}
	return schema.Object{"username": who.User}, nil
}

// capabilities returns what a web page should offer: the privileges at the root
// of each part.
func (h *Handler) capabilities(who access.Identity) schema.Object {
	out := schema.Object{}
	for part, path := range map[string]string{
		"dc": "/", "nodes": "/nodes", "sdn": "/sdn", "access": "/access", "vms": "/vms", "storage": "/storage", "mapping": "/mapping",
	} {
		one := schema.Object{}
		for p := range h.Access.Privileges(who, path) {
			one[string(p)] = 1
		}
		out[part] = one
	}
	return out
}

// setPassword allows all users to change their own password, and managers of a user to
// change that user's. Nobody can change their own with an API token.
func (h *Handler) setPassword(c *Call) (any, error) {
	user := c.Text("userid")
	own := c.Text("confirmation-password")
	switch {
	case c.Who == access.Identity{User: user}:
		// A caller through the socket of administrators has given no password, and
		// has none to confirm.
		if own == "" && !c.Local {
			return nil, Params{"confirmation-password": "password is required to modify user: give the current one of " + user}
		}
	case c.Who.User == user:
		return nil, &Denied{Path: "/access/users/" + user, AnyOf: []access.Privilege{access.UserModify}}
	default:
		if err := c.manage(user); err != nil {
			return nil, err
		}
	}
	if own != "" {
		// Elsewhere a ticket replaces a password, but not here: a person who found a
		// ticket must not be able to lock its user out.
		if err := h.Access.VerifyPassword(c, c.Who.User, own, c.From); err != nil {
			return nil, err
		}
	}
	return nil, h.Access.SetPassword(c, user, c.Text("password"))
}

// permissions lists privileges by path, with 1 for those that propagate.
func (h *Handler) permissions(c *Call) (any, error) {
	who := c.Who
	if c.Has("userid") {
		user, token, _ := strings.Cut(c.Text("userid"), "!")
		who = access.Identity{User: user, Token: token}
	}
	own := who == c.Who || c.Who.Token == "" && who.User == c.Who.User
	if !own {
		if err := c.Need("/access", access.SysAudit); err != nil {
			return nil, err
		}
	}
	if _, err := h.Access.User(who.User); err != nil {
		return nil, err
	}
	paths := []string{"/", "/access", "/access/groups", "/access/realm", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
	for _, e := range h.Access.ACL() {
		paths = append(paths, e.Path)
	}
	if c.Has("path") {
		paths = []string{c.Text("path")}
	}
	out := map[string]map[access.Privilege]bool{}
	for _, path := range paths {
		if got := h.Access.Privileges(who, path); len(got) > 0 || c.Has("path") {
			out[path] = got
		}
	}
	return out, nil
}
