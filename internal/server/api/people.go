package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const pathGroups = "/access/groups"

// Rights to see and to change users, and to see groups and permissions.
var (
	seeUsers     = right{"/access", []access.Privilege{access.SysAudit, access.UserModify}}
	changeUsers  = right{"/access", []access.Privilege{access.UserModify}}
	groupReaders = []access.Privilege{access.SysAudit, access.UserModify, access.GroupAllocate}
	granters     = []access.Privilege{access.PermissionsModify}
)

// accessRoutes are the operations on users, groups, roles, tokens and permissions. They
// demand the same privileges as those of Proxmox VE.
func accessRoutes() []route {
	out := userRoutes()
	const groups, roles = "Groups and roles", "Groups and roles"
	see, allocate := on(pathGroups+"/{id}", groupReaders...), on(pathGroups, access.GroupAllocate)
	change := on("/access", access.SysModify)
	return append(out, []route{
		{
			method: http.MethodGet, path: "access/groups", id: "listGroups", group: groups, serve: (*Handler).groups, answer: of[[]api.Group](),
			needs: within("those with " + see.doc), doc: "Lists the groups, sorted by name.",
		},
		{
			method: http.MethodGet, path: "access/groups/{id}", id: "getGroup", group: groups, needs: see, serve: (*Handler).group, answer: of[api.Group](),
			doc: "Returns one group, with its ETag.",
		},
		{
			method: http.MethodPut, path: "access/groups/{id}", id: "putGroup", group: groups, condition: true, needs: allocate, serve: (*Handler).putGroup, request: of[api.Group](), answer: of[api.Group](),
			doc: "Adds or replaces one group. Its members are set where users are.",
		},
		{
			method: http.MethodDelete, path: "access/groups/{id}", id: "deleteGroup", group: groups, needs: allocate, serve: (*Handler).deleteGroup,
			doc: "Deletes one group with its permissions. Its members stay.",
		},
		{
			method: http.MethodGet, path: "access/roles", id: "listRoles", group: roles, needs: anybody, serve: (*Handler).roles, answer: of[[]api.Role](),
			doc: "Lists the roles, sorted by name.",
		},
		{
			method: http.MethodGet, path: "access/privileges", id: "listPrivileges", group: roles, needs: anybody, serve: (*Handler).privileges, answer: of[[]api.Privilege](),
			doc: "Lists the privileges that roles can hold, with what each allows.",
		},
		{
			method: http.MethodGet, path: "access/roles/{id}", id: "getRole", group: roles, needs: anybody, serve: (*Handler).role, answer: of[api.Role](),
			doc: "Returns one role, with its ETag.",
		},
		{
			method: http.MethodPut, path: "access/roles/{id}", id: "putRole", group: roles, condition: true, needs: change, serve: (*Handler).putRole, request: of[api.Role](), answer: of[api.Role](),
			doc: "Adds or replaces one role.",
		},
		{
			method: http.MethodDelete, path: "access/roles/{id}", id: "deleteRole", group: roles, needs: change, serve: (*Handler).deleteRole,
			doc: "Deletes a role that is not in use.",
		},
		{
			method: http.MethodGet, path: "access/acl", id: "listACL", group: "Permissions", serve: (*Handler).acl, answer: of[[]api.ACLEntry](),
			needs: within("those with Permissions.Modify on their path; all with Sys.Audit on /access"), doc: "Lists permissions, sorted by path.",
		},
		{
			method: http.MethodPost, path: "access/acl", id: "editACL", group: "Permissions", serve: (*Handler).editACL, request: of[api.ACLEdit](), answer: of[api.ACLResult](),
			needs: withinFrom("Permissions.Modify on the path of each entry", granters...), doc: "Adds and deletes permissions, all or none.",
		},
	}...)
}

func userRoutes() []route {
	const users, tokens = "Users", "API tokens"
	see, change := within("oneself, others with "+on(seeUsers.path, seeUsers.anyOf...).doc), within("User.Modify on /access; root@pam for itself")
	tokenChange := within("the user in person, others with User.Modify on /access; root@pam for its own")
	return []route{
		{
			method: http.MethodGet, path: "access/users", id: "listUsers", group: users, needs: see, serve: (*Handler).users, answer: of[[]api.User](),
			doc: "Lists the users, sorted by id.",
		},
		{
			method: http.MethodGet, path: "access/users/{id}", id: "getUser", group: users, needs: see, serve: (*Handler).user, answer: of[api.User](),
			doc: "Returns one user, with its ETag.",
		},
		{
			method: http.MethodPut, path: "access/users/{id}", id: "putUser", group: users, condition: true, needs: change, serve: (*Handler).putUser, request: of[api.User](), answer: of[api.User](),
			doc: "Adds or replaces one user, the password excepted.",
		},
		{
			method: http.MethodDelete, path: "access/users/{id}", id: "deleteUser", group: users, needs: change, serve: (*Handler).deleteUser,
			doc: "Deletes one user with tokens and permissions.",
		},
		{
			method: http.MethodGet, path: "access/users/{id}/permissions", id: "getUserPermissions", group: users, needs: see, serve: (*Handler).userPermissions, answer: of[[]api.Permission](),
			doc: "Returns what a user or an API token, user@realm!name, may do: the privileges on each path, from all entries, groups and roles together.",
		},
		{
			method: http.MethodPut, path: "access/users/{id}/password", id: "setPassword", group: users, serve: (*Handler).setPassword, request: of[api.Password](),
			needs: within("oneself, by the current password; that of others with User.Modify on /access, of root@pam only at the server's own socket or with an administrator's certificate"), doc: "Sets a user's password and ends their sessions.",
		},
		{
			method: http.MethodPost, path: "access/users/{id}/login-link", id: "createLoginLink", group: users, serve: (*Handler).createLoginLink, request: of[api.LoginLink](), answer: of[api.LoginLink](),
			needs: within("User.Modify on /access; for root@pam only at the server's own socket or with an administrator's certificate"), doc: "Creates a link that logs a user in once, without the password. It replaces an earlier one.",
		},
		{
			method: http.MethodGet, path: "access/tokens", id: "listTokens", group: tokens, needs: see, serve: (*Handler).userTokens, answer: of[[]api.UserToken](),
			query: []param{{name: "user", typ: "string", doc: "only tokens of this user"}}, doc: "Lists the API tokens, without their secrets.",
		},
		{
			method: http.MethodPost, path: "access/tokens", id: "createToken", group: tokens, needs: tokenChange, serve: (*Handler).createUserToken, request: of[api.UserToken](), answer: of[api.UserToken](),
			doc: "Creates an API token. Only this response contains its secret.",
		},
		{
			method: http.MethodGet, path: "access/tokens/{id}", id: "getToken", group: tokens, needs: see, serve: (*Handler).userToken, answer: of[api.UserToken](),
			doc: "Returns one API token, user@realm!name, with its ETag.",
		},
		{
			method: http.MethodPut, path: "access/tokens/{id}", id: "putToken", group: tokens, condition: true, needs: tokenChange, serve: (*Handler).putUserToken, request: of[api.UserToken](), answer: of[api.UserToken](),
			doc: "Changes one API token, except for its secret.",
		},
		{
			method: http.MethodDelete, path: "access/tokens/{id}", id: "deleteToken", group: tokens, needs: tokenChange, serve: (*Handler).deleteUserToken,
			doc: "Deletes one API token with its permissions.",
		},
	}
}

// inPerson reports whether the caller is the user, and not one of their tokens: a token
// must not raise its own privileges.
func (c caller) inPerson(user string) bool { return c.id.User == user && c.id.Token == "" }

// demandUser refuses a caller who may not change a user. Nobody gains root@pam by
// changing it.
func (h *Handler) demandUser(c caller, user string) error {
	if user == access.RootUser && !c.admin && !c.inPerson(user) {
		return problem.New(http.StatusForbidden, api.TypeForbidden,
			"%s may not change %s: only %s itself may, in person, and whoever administers at the server's own socket", c.name, user, user)
	}
	return h.demand(c, changeUsers)
}

// demandPassword refuses a caller who may not set a user's password.
func (h *Handler) demandPassword(r *request, user, current string) error {
	if r.caller.id.User != user { // their tokens have no more rights than they have
		return h.demandUser(r.caller, user)
	}
	if current == "" {
		return problem.New(http.StatusForbidden, api.TypeForbidden, "to change your own password, give the current one too")
	}
	err := h.Access.VerifyPassword(r.Context(), user, current, r.caller.from)
	if !errors.Is(err, access.ErrAuthentication) {
		return err
	}
	return problem.New(http.StatusForbidden, api.TypeForbidden, "the current password is another one; nothing was changed")
}

// demandTokens refuses a caller who may not see, or with write change, a user's tokens.
func (h *Handler) demandTokens(c caller, user string, write bool) error {
	switch {
	case c.inPerson(user):
		return nil
	case write:
		return h.demandUser(c, user)
	}
	return h.demand(c, seeUsers)
}

// ownerOf is the owner of the token that the path names.
func (r *request) ownerOf() string {
	user, _, _ := strings.Cut(r.PathValue("id"), "!")
	return user
}
