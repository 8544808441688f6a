package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const accessRoot = root + "access/"

// Users returns all users, sorted by ID.
func (c *Client) Users(ctx context.Context) ([]api.User, error) {
	return list[api.User](ctx, c, "access/users")
}

// User returns a user and the ETag that PutUser takes as condition.
func (c *Client) User(ctx context.Context, id string) (*api.User, string, error) {
	return getAccess[api.User](ctx, c, "users", id)
}

// PutUser adds or replaces a user. With ifMatch it does so only if the user still
// has that ETag; IfAbsent as ifMatch demands that there is none yet.
func (c *Client) PutUser(ctx context.Context, u api.User, ifMatch string) (*api.User, error) {
	return putAccess(ctx, c, "users", u.ID, u, ifMatch)
}

// DeleteUser removes a user with their tokens and permissions.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.deleteAccess(ctx, "users", id)
}

// SetPassword gives another user a password, of 8 to 64 bytes, and ends their tickets.
func (c *Client) SetPassword(ctx context.Context, id, password string) error {
	return c.ChangePassword(ctx, id, "", password)
}

// ChangePassword is SetPassword for the calling user, who has to know the current one.
func (c *Client) ChangePassword(ctx context.Context, id, current, password string) error {
	path, err := accessPath("users", id)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodPut, path: path + "/password", body: api.Password{Password: password, Current: current}})
	return err
}

// CreateLoginLink makes a link that logs a user in once, within so many minutes (0: 60).
func (c *Client) CreateLoginLink(ctx context.Context, id string, minutes int) (*api.LoginLink, error) {
	path, err := accessPath("users", id)
	if err != nil {
		return nil, err
	}
	var out api.LoginLink
	_, err = c.do(ctx, call{method: http.MethodPost, path: path + "/login-link", body: api.LoginLink{Minutes: minutes}, into: &out})
	return &out, err
}

// Permissions returns what a user, or an API token "user@realm!name", may do.
func (c *Client) Permissions(ctx context.Context, id string) ([]api.Permission, error) {
	path, err := accessPath("users", id)
	if err != nil {
		return nil, err
	}
	var out []api.Permission
	_, err = c.do(ctx, call{method: http.MethodGet, path: path + "/permissions", into: &out})
	return out, err
}

// Privileges returns the privileges that roles can hold, sorted.
func (c *Client) Privileges(ctx context.Context) ([]api.Privilege, error) {
	return list[api.Privilege](ctx, c, "access/privileges")
}

// Groups returns all groups, sorted by name.
func (c *Client) Groups(ctx context.Context) ([]api.Group, error) {
	return list[api.Group](ctx, c, "access/groups")
}

// Group returns a group and its ETag.
func (c *Client) Group(ctx context.Context, id string) (*api.Group, string, error) {
	return getAccess[api.Group](ctx, c, "groups", id)
}

// PutGroup adds or replaces a group, except its members, under a condition as that of
// PutUser.
func (c *Client) PutGroup(ctx context.Context, g api.Group, ifMatch string) (*api.Group, error) {
	return putAccess(ctx, c, "groups", g.ID, g, ifMatch)
}

// DeleteGroup removes a group and its permissions, but not its members.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	return c.deleteAccess(ctx, "groups", id)
}

// Roles returns all roles, sorted by name, including built-in ones.
func (c *Client) Roles(ctx context.Context) ([]api.Role, error) {
	return list[api.Role](ctx, c, "access/roles")
}

// Role returns a role and its ETag.
func (c *Client) Role(ctx context.Context, id string) (*api.Role, string, error) {
	return getAccess[api.Role](ctx, c, "roles", id)
}

// PutRole adds or replaces a role under a condition as that of PutUser.
func (c *Client) PutRole(ctx context.Context, r api.Role, ifMatch string) (*api.Role, error) {
	return putAccess(ctx, c, "roles", r.ID, r, ifMatch)
}

// DeleteRole removes a role. One that is granted to somebody gives an error of type
// conflict.
func (c *Client) DeleteRole(ctx context.Context, id string) error {
	return c.deleteAccess(ctx, "roles", id)
}

// UserTokens returns the API tokens of a user, or of all if the user is empty.
func (c *Client) UserTokens(ctx context.Context, user string) ([]api.UserToken, error) {
	var query url.Values
	if user != "" {
		query = url.Values{"user": {user}}
	}
	out, err := get[[]api.UserToken](ctx, c, "access/tokens", query)
	if err != nil {
		return nil, err
	}
	return *out, nil
}

// CreateUserToken creates an API token. Only this answer has its secret.
func (c *Client) CreateUserToken(ctx context.Context, t api.UserToken) (*api.UserToken, error) {
	return post[api.UserToken](ctx, c, "access/tokens", nil, t)
}

// UserToken returns an API token, by "user@realm!name", and its ETag.
func (c *Client) UserToken(ctx context.Context, id string) (*api.UserToken, string, error) {
	return getAccess[api.UserToken](ctx, c, "tokens", id)
}

// PutUserToken replaces all of an API token except its secret, under a condition as that
// of PutUser. It does not create tokens.
func (c *Client) PutUserToken(ctx context.Context, t api.UserToken, ifMatch string) (*api.UserToken, error) {
	return putAccess(ctx, c, "tokens", t.ID(), t, ifMatch)
}

// DeleteUserToken removes an API token, by "user@realm!name", and its permissions.
func (c *Client) DeleteUserToken(ctx context.Context, id string) error {
	return c.deleteAccess(ctx, "tokens", id)
}

// ACL returns all permissions, sorted by path.
func (c *Client) ACL(ctx context.Context) ([]api.ACLEntry, error) {
	return list[api.ACLEntry](ctx, c, "access/acl")
}

// EditACL adds and deletes permissions, all or none.
func (c *Client) EditACL(ctx context.Context, e api.ACLEdit) (*api.ACLResult, error) {
	return post[api.ACLResult](ctx, c, "access/acl", nil, e)
}

func accessPath(list, id string) (string, error) {
	if id == "" { // the path would be that of the list
		return "", errors.New("one of the " + list + " is asked for without an id")
	}
	return accessRoot + list + "/" + url.PathEscape(id), nil
}

func getAccess[T any](ctx context.Context, c *Client, list, id string) (*T, string, error) {
	path, err := accessPath(list, id)
	if err != nil {
		return nil, "", err
	}
	out := new(T)
	etag, err := c.do(ctx, call{method: http.MethodGet, path: path, into: out})
	if err != nil {
		return nil, "", err
	}
	return out, etag, nil
}

func putAccess[T any](ctx context.Context, c *Client, list, id string, body T, ifMatch string) (*T, error) {
	path, err := accessPath(list, id)
	if err != nil {
		return nil, err
	}
	out := new(T)
	_, err = c.do(ctx, call{method: http.MethodPut, path: path, body: body, ifMatch: ifMatch, into: out})
	return result(out, err)
}

func (c *Client) deleteAccess(ctx context.Context, list, id string) error {
	path, err := accessPath(list, id)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodDelete, path: path})
	return err
}
