package api

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxAccess bounds the body of a request below access, in bytes, and maxOwn that of a
// request that anybody may make: to log in or to change their own password or tokens.
const (
	maxAccess = 1 << 20
	maxOwn    = 64 << 10
)

// body reads an object with the path's ID; id points to the object's own ID field.
func (r *request) body(into any, id *string) error {
	if err := problem.Decode(r.w, r.Request, maxAccess, into); err != nil {
		return err
	}
	if *id != "" && *id != r.PathValue("id") {
		return problem.Invalid("the object's id %q is not that of the path, %q", *id, r.PathValue("id"))
	}
	*id = r.PathValue("id")
	return nil
}

// tag writes a revision as an entity tag. Built-in objects have none.
func (r *request) tag(rev int64) {
	if rev != 0 {
		r.w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(rev, 10)))
	}
}

// putAccess stores an object at the revision that the request's condition demands;
// without a condition at the stored revision, which current returns, or as a new object.
func (h *Handler) putAccess(r *request, kind string, current func() (int64, error), put func(rev int64) error) error {
	cond, err := condition(r)
	if err != nil {
		return err
	}
	var rev int64
	switch {
	case cond == nil || *cond == revision.Present:
		for range patchTries {
			rev, err = current()
			if errors.Is(err, access.ErrNotFound) && cond == nil {
				rev, err = 0, nil
			}
			if err == nil {
				err = put(rev)
			}
			if !errors.Is(err, access.ErrChanged) && !errors.Is(err, access.ErrExists) {
				break
			}
		}
	case *cond == revision.Absent:
		err = put(0)
	default:
		// A tag that is not a number was never issued: no object is at that revision.
		if rev, err = strconv.ParseInt(strings.Trim(*cond, `"`), 10, 64); err != nil || rev <= 0 {
			return fmt.Errorf("%s %s was %w: If-Match: %s is not its ETag", kind, r.PathValue("id"), access.ErrChanged, *cond)
		}
		err = put(rev)
	}
	if err != nil {
		return err
	}
	what := "changed"
	if rev == 0 {
		what = "added"
	}
	h.noted(r, "a "+kind+" was "+what, kind, r.PathValue("id"))
	return nil
}

// noted logs a write.
func (h *Handler) noted(r *request, what string, attrs ...any) {
	h.Log.Info(what, append(attrs, "author", r.caller.name)...)
}

// deleteAccess answers a deletion.
func (h *Handler) deleteAccess(r *request, kind string, err error) (any, error) {
	if err == nil {
		h.noted(r, "a "+kind+" was deleted", kind, r.PathValue("id"))
	}
	return nil, err
}

func convert[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

func (h *Handler) users(r *request) (any, error) {
	all := slices.DeleteFunc(h.Access.Users(), func(u access.User) bool {
		return u.ID != r.caller.id.User && !h.may(r.caller, seeUsers)
	})
	return convert(all, showUser), nil
}

func showUser(u access.User) api.User {
	return api.User{
		ID: u.ID, Disabled: !u.Enable, Expire: u.Expire, Comment: u.Comment, Email: u.Email,
		FirstName: u.FirstName, LastName: u.LastName, Groups: u.Groups, Password: u.HasPassword,
	}
}

func (h *Handler) user(r *request) (any, error) {
	if r.PathValue("id") != r.caller.id.User {
		if err := h.demand(r.caller, seeUsers); err != nil {
			return nil, err
		}
	}
	u, err := h.Access.User(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	r.tag(u.Revision)
	return showUser(u), nil
}

func (h *Handler) putUser(r *request) (any, error) {
	if err := h.demandUser(r.caller, r.PathValue("id")); err != nil {
		return nil, err
	}
	var in api.User
	if err := r.body(&in, &in.ID); err != nil {
		return nil, err
	}
	current := func() (int64, error) {
		u, err := h.Access.User(in.ID)
		return u.Revision, err
	}
	err := h.putAccess(r, "user", current, func(rev int64) error {
		return h.Access.PutUser(r.Context(), access.User{
			ID: in.ID, Enable: !in.Disabled, Expire: in.Expire, Comment: in.Comment, Email: in.Email,
			FirstName: in.FirstName, LastName: in.LastName, Groups: in.Groups, Revision: rev,
		})
	})
	if err != nil {
		return nil, err
	}
	return h.user(r)
}

func (h *Handler) deleteUser(r *request) (any, error) {
	if err := h.demandUser(r.caller, r.PathValue("id")); err != nil {
		return nil, err
	}
	return h.deleteAccess(r, "user", h.Access.DeleteUser(r.Context(), r.PathValue("id")))
}

func (h *Handler) setPassword(r *request) (any, error) {
	var in api.Password
	if err := problem.Decode(r.w, r.Request, maxOwn, &in); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if err := h.demandPassword(r, id, in.Current); err != nil {
		return nil, err
	}
	err := h.Access.SetPassword(r.Context(), id, in.Password)
	if err == nil {
		h.noted(r, "a password was set", "user", id)
	}
	return nil, err
}

func (h *Handler) createLoginLink(r *request) (any, error) {
	user := r.PathValue("id")
	if err := h.demandUser(r.caller, user); err != nil {
		return nil, err
	}
	var in api.LoginLink
	if err := problem.Decode(r.w, r.Request, maxOwn, &in); err != nil {
		return nil, err
	}
	minutes := cmp.Or(in.Minutes, 60)
	if minutes < 1 || minutes > int(access.MaxLinkLife/time.Minute) {
		return nil, problem.Invalid("minutes: %d must be between 1 and %d", minutes, int(access.MaxLinkLife/time.Minute))
	}
	secret, expires, err := h.Access.CreateLoginLink(r.Context(), user, time.Duration(minutes)*time.Minute)
	if err != nil {
		return nil, err
	}
	h.noted(r, "a login link was made", "user", user, "expires", expires)
	out := &api.LoginLink{Minutes: minutes, Secret: secret, Expires: expires}
	if h.Servers != nil {
		out.Servers = h.Servers()
	}
	return out, nil
}

func (h *Handler) groups(r *request) (any, error) {
	all := slices.DeleteFunc(h.Access.Groups(), func(g access.Group) bool {
		return !h.may(r.caller, right{below(pathGroups, g.ID), groupReaders})
	})
	return convert(all, showGroup), nil
}

func showGroup(g access.Group) api.Group {
	return api.Group{ID: g.ID, Comment: g.Comment, Members: g.Members}
}

func (h *Handler) group(r *request) (any, error) {
	g, err := h.Access.Group(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	r.tag(g.Revision)
	return showGroup(g), nil
}

func (h *Handler) putGroup(r *request) (any, error) {
	var in api.Group
	if err := r.body(&in, &in.ID); err != nil {
		return nil, err
	}
	current := func() (int64, error) {
		g, err := h.Access.Group(in.ID)
		return g.Revision, err
	}
	err := h.putAccess(r, "group", current, func(rev int64) error {
		return h.Access.PutGroup(r.Context(), access.Group{ID: in.ID, Comment: in.Comment, Revision: rev})
	})
	if err != nil {
		return nil, err
	}
	return h.group(r)
}

func (h *Handler) deleteGroup(r *request) (any, error) {
	return h.deleteAccess(r, "group", h.Access.DeleteGroup(r.Context(), r.PathValue("id")))
}

func (h *Handler) roles(*request) (any, error) { return convert(h.Access.Roles(), showRole), nil }

func showRole(r access.Role) api.Role {
	return api.Role{ID: r.ID, Privileges: convert(r.Privileges, func(p access.Privilege) string { return string(p) }), Builtin: r.Builtin}
}

func (h *Handler) role(r *request) (any, error) {
	role, err := h.Access.Role(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	r.tag(role.Revision)
	return showRole(role), nil
}

func (h *Handler) putRole(r *request) (any, error) {
	var in api.Role
	if err := r.body(&in, &in.ID); err != nil {
		return nil, err
	}
	current := func() (int64, error) {
		role, err := h.Access.Role(in.ID)
		return role.Revision, err
	}
	privileges := convert(in.Privileges, func(s string) access.Privilege { return access.Privilege(s) })
	err := h.putAccess(r, "role", current, func(rev int64) error {
		return h.Access.PutRole(r.Context(), access.Role{ID: in.ID, Privileges: privileges, Revision: rev})
	})
	if err != nil {
		return nil, err
	}
	return h.role(r)
}

func (h *Handler) deleteRole(r *request) (any, error) {
	return h.deleteAccess(r, "role", h.Access.DeleteRole(r.Context(), r.PathValue("id")))
}

func (h *Handler) userTokens(r *request) (any, error) {
	user := r.URL.Query().Get("user")
	if user != "" {
		if err := h.demandTokens(r.caller, user, false); err != nil {
			return nil, err
		}
		if _, err := h.Access.User(user); err != nil {
			return nil, err
		}
	}
	all := slices.DeleteFunc(h.Access.Tokens(user), func(t access.Token) bool {
		return h.demandTokens(r.caller, t.User, false) != nil
	})
	return convert(all, showToken), nil
}

func showToken(t access.Token) api.UserToken {
	return api.UserToken{User: t.User, Name: t.Name, Expire: t.Expire, Comment: t.Comment, AllPrivileges: !t.Privsep}
}

func storedToken(t api.UserToken, rev int64) access.Token {
	return access.Token{User: t.User, Name: t.Name, Expire: t.Expire, Comment: t.Comment, Privsep: !t.AllPrivileges, Revision: rev}
}

func (h *Handler) userToken(r *request) (any, error) {
	if err := h.demandTokens(r.caller, r.ownerOf(), false); err != nil {
		return nil, err
	}
	t, err := h.Access.Token(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	r.tag(t.Revision)
	return showToken(t), nil
}

func (h *Handler) createUserToken(r *request) (any, error) {
	var in api.UserToken
	if err := problem.Decode(r.w, r.Request, maxOwn, &in); err != nil {
		return nil, err
	}
	if err := h.demandTokens(r.caller, in.User, true); err != nil {
		return nil, err
	}
	r.objects = append(r.objects, "token/"+in.ID())
	secret, err := h.Access.CreateToken(r.Context(), storedToken(in, 0))
	if err != nil {
		return nil, err
	}
	in.Secret = secret
	h.noted(r, "an API token was made", "token", in.ID(), "all-privileges", in.AllPrivileges)
	return in, nil
}

func (h *Handler) putUserToken(r *request) (any, error) {
	if err := h.demandTokens(r.caller, r.ownerOf(), true); err != nil {
		return nil, err
	}
	var in api.UserToken
	if err := problem.Decode(r.w, r.Request, maxOwn, &in); err != nil {
		return nil, err
	}
	user, name, err := access.ParseTokenID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if in.User != "" && in.User != user || in.Name != "" && in.Name != name {
		return nil, problem.Invalid("the token %s of the request is not that of the path, %s", in.ID(), r.PathValue("id"))
	}
	in.User, in.Name = user, name
	current := func() (int64, error) {
		t, err := h.Access.Token(in.ID())
		return t.Revision, err
	}
	err = h.putAccess(r, "token", current, func(rev int64) error { return h.Access.PutToken(r.Context(), storedToken(in, rev)) })
	if err != nil {
		return nil, err
	}
	return h.userToken(r)
}

func (h *Handler) deleteUserToken(r *request) (any, error) {
	if err := h.demandTokens(r.caller, r.ownerOf(), true); err != nil {
		return nil, err
	}
	return h.deleteAccess(r, "token", h.Access.DeleteToken(r.Context(), r.PathValue("id")))
}

func (h *Handler) acl(r *request) (any, error) {
	all := h.Access.ACL()
	if !h.may(r.caller, right{"/access", sysRead}) {
		all = slices.DeleteFunc(all, func(e access.ACLEntry) bool { return !h.may(r.caller, right{e.Path, granters}) })
	}
	return convert(all, func(e access.ACLEntry) api.ACLEntry {
		return api.ACLEntry{Path: e.Path, Type: string(e.Type), Subject: e.Subject, Role: e.Role, Propagate: e.Propagate}
	}), nil
}

func (h *Handler) editACL(r *request) (any, error) {
	var in api.ACLEdit
	if err := problem.Decode(r.w, r.Request, maxAccess, &in); err != nil {
		return nil, err
	}
	stored := func(e api.ACLEntry) access.ACLEntry {
		return access.ACLEntry{Path: e.Path, Type: access.SubjectType(e.Type), Subject: e.Subject, Role: e.Role, Propagate: e.Propagate}
	}
	add, remove := convert(in.Add, stored), convert(in.Delete, stored)
	for _, e := range slices.Concat(add, remove) {
		path, err := access.ParsePath(e.Path)
		if err != nil {
			return nil, err
		}
		if err := h.demand(r.caller, right{path, granters}); err != nil {
			return nil, err
		}
		r.objects = append(r.objects, "acl"+path)
	}
	deleted, err := h.Access.EditACL(r.Context(), add, remove)
	if err != nil {
		return nil, err
	}
	for _, e := range remove {
		h.noted(r, "a permission was taken away", "permission", e.String())
	}
	for _, e := range add {
		h.noted(r, "a permission was given", "permission", e.String(), "propagate", e.Propagate)
	}
	return api.ACLResult{Deleted: deleted}, nil
}
