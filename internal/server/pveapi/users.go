package pveapi

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// groupPath returns the permission path of the members of a group.
func groupPath(id string) string { return "/access/groups/" + id }

// overUser requires a privilege on a user: on one of the user's groups, or on
// /access/groups.
func (c *Call) overUser(user string, anyOf ...access.Privilege) error {
	if c.May("/access/groups", anyOf...) {
		return nil
	}
	if u, err := c.access.User(user); err == nil {
		for _, g := range u.Groups {
			if c.May(groupPath(g), anyOf...) {
				return nil
			}
		}
	}
	return &Denied{Path: "/access/groups", AnyOf: anyOf}
}

// inRealm requires the right to create and delete users of the user's realm.
func (c *Call) inRealm(user string) error {
	_, realm, _ := strings.Cut(user, "@")
	return c.Need("/access/realm/"+realm, access.RealmAllocateUser)
}

// manage requires the right to create, delete and log in as a user. Only root@pam
// manages root@pam.
func (c *Call) manage(user string) error {
	if user == access.RootUser && !c.is(access.RootUser) {
		return &Denied{Path: "/access/users/" + user, AnyOf: []access.Privilege{access.UserModify}}
	}
	if err := c.inRealm(user); err != nil {
		return err
	}
	return c.overUser(user, access.UserModify)
}

// intoGroups requires the right to add users to each of the groups.
func (c *Call) intoGroups(groups []string) error {
	for _, g := range groups {
		if err := c.Need(groupPath(g), access.UserModify); err != nil {
			return err
		}
	}
	return nil
}

// changeUserPermission is the permission to change a user.
var changeUserPermission = Permission{Doc: "User.Modify on /access/groups or on a group of the user", Check: changeUser}

func changeUser(c *Call) error {
	if user := c.Text("userid"); user == access.RootUser && !c.is(access.RootUser) {
		return &Denied{Path: "/access/users/" + user, AnyOf: []access.Privilege{access.UserModify}}
	}
	return c.overUser(c.Text("userid"), access.UserModify)
}

// userProperties returns the properties of a user that can be set.
func userProperties() []schema.Property {
	return []schema.Property{
		commentParam(),
		{Name: "email", Form: schema.Text, MaxLength: 254, Doc: "e-mail address"},
		{Name: "enable", Form: schema.Boolean, Doc: "whether the user may log in"},
		expireParam(),
		{Name: "firstname", Form: schema.Text, MaxLength: 1024, Doc: "first name"},
		{Name: "lastname", Form: schema.Text, MaxLength: 1024, Doc: "last name"},
		{Name: "groups", Form: schema.List, Check: matching(nameForm, "group name"), Doc: "groups that the user belongs to"},
		{Name: "keys", Form: schema.Text, Enum: []string{""}, Doc: "keys of a second factor, for which there is no use"},
	}
}

func (h *Handler) userOperations() []Operation {
	create := append([]schema.Property{
		userParam(),
		{Name: "password", Form: schema.Text, Doc: "first password"},
	}, userProperties()...)
	update := append([]schema.Property{
		userParam(),
		{Name: "append", Form: schema.Boolean, Doc: "add to the groups instead of replacing them"},
	}, userProperties()...)
	return []Operation{
		{
			Method: "GET", Path: "/access/users", Doc: "List users: those that the caller manages or audits, and the caller.",
			Params: []schema.Property{
				{Name: "enabled", Form: schema.Boolean, Doc: "only users who may log in, or only others"},
				{Name: "full", Form: schema.Boolean, Doc: "with groups and tokens"},
			},
			Handle: h.listUsers,
		},
		{Method: "POST", Path: "/access/users", Doc: "Make a user.", Params: create, Allow: createUserPermission, Handle: h.createUser},
		{
			Method: "GET", Path: "/access/users/{userid}", Doc: "Show a user.", Params: []schema.Property{userParam()},
			Allow: Permission{
				Doc:   "the user, or User.Modify or Sys.Audit on /access/groups or on a group of the user",
				Check: func(c *Call) error { return c.overUser(c.Text("userid"), access.UserModify, access.SysAudit) },
			},
			Handle: func(c *Call) (any, error) {
				u, err := h.Access.User(c.Text("userid"))
				if err != nil {
					return nil, err
				}
				o := describeUser(u)
				delete(o, "userid")
				o["groups"] = u.Groups
				o["tokens"] = h.tokensOf(u.ID)
				return o, nil
			},
		},
		{Method: "PUT", Path: "/access/users/{userid}", Doc: "Change a user.", Params: update, Allow: changeUserPermission, Handle: h.updateUser},
		{
			Method: "DELETE", Path: "/access/users/{userid}", Doc: "Remove a user, with tokens and permissions.", Params: []schema.Property{userParam()},
			Allow: Permission{
				Doc:   changeUserPermission.Doc + ", and Realm.AllocateUser on the realm",
				Check: func(c *Call) error { return c.manage(c.Text("userid")) },
			},
			Handle: func(c *Call) (any, error) { return nil, h.Access.DeleteUser(c, c.Text("userid")) },
		},
	}
}

// createUserPermission is the permission to create a user: in the realm, and in all groups of the new
// user or, without groups, in any.
var createUserPermission = Permission{Doc: "Realm.AllocateUser on the realm, and User.Modify on /access/groups or on all groups of the user", Check: makeUser}

func makeUser(c *Call) error {
	if err := c.inRealm(c.Text("userid")); err != nil {
		return err
	}
	if groups := c.List("groups"); len(groups) > 0 {
		return c.intoGroups(groups)
	}
	return c.Need("/access/groups", access.UserModify)
}

// describeUser returns a user as lists show it.
func describeUser(u access.User) schema.Object {
	o := schema.Object{"userid": u.ID, "enable": u.Enable, "expire": u.Expire}
	for name, text := range map[string]string{
		"comment": u.Comment, "email": u.Email, "firstname": u.FirstName, "lastname": u.LastName,
	} {
		if text != "" {
			o[name] = text
		}
	}
	return o
}

func (h *Handler) listUsers(c *Call) (any, error) {
	out := []schema.Object{}
	for _, u := range h.Access.Users() {
		if u.ID != c.Who.User && c.overUser(u.ID, access.UserModify, access.SysAudit) != nil {
			continue
		}
		if c.Has("enabled") && c.Bool("enabled") != u.Enable {
			continue
		}
		o := describeUser(u)
		_, o["realm-type"], _ = strings.Cut(u.ID, "@")
		if c.Bool("full") {
			o["groups"] = strings.Join(u.Groups, ",")
			tokens := []schema.Object{}
			for _, t := range h.Access.Tokens(u.ID) {
				one := describeToken(t)
				one["tokenid"] = t.Name
				tokens = append(tokens, one)
			}
			o["tokens"] = tokens
		}
		out = append(out, o)
	}
	return out, nil
}

func (h *Handler) createUser(c *Call) (any, error) {
	u := access.User{ID: c.Text("userid"), Enable: true}
	if err := c.setUser(&u); err != nil {
		return nil, err
	}
	if err := h.Access.PutUser(c, u); err != nil {
		return nil, Failf("create user failed: %s", Text(err))
	}
	if !c.Has("password") {
		return nil, nil
	}
	err := h.Access.SetPassword(c, u.ID, c.Text("password"))
	if err != nil {
		// A user without the requested password is useless: the creation is undone.
		if undo := h.Access.DeleteUser(c, u.ID); undo != nil {
			return nil, Failf("create user failed: the user was made, but without a password: %s", Text(err))
		}
	}
	return nil, err
}

func (h *Handler) updateUser(c *Call) (any, error) {
	u, err := h.Access.User(c.Text("userid"))
	if err != nil {
		return nil, err
	}
	old := u.Groups
	if err := c.setUser(&u); err != nil {
		return nil, err
	}
	if c.Bool("append") {
		u.Groups = slices.Compact(slices.Sorted(slices.Values(append(u.Groups, old...))))
	}
	added := slices.DeleteFunc(slices.Clone(u.Groups), func(g string) bool { return slices.Contains(old, g) })
	removed := slices.DeleteFunc(slices.Clone(old), func(g string) bool { return slices.Contains(u.Groups, g) })
	if err := c.intoGroups(append(added, removed...)); err != nil {
		return nil, err
	}
	return nil, h.Access.PutUser(c, u)
}

// setUser sets a user's fields from the given parameters.
func (c *Call) setUser(u *access.User) error {
	for name, text := range map[string]*string{
		"comment": &u.Comment, "email": &u.Email, "firstname": &u.FirstName, "lastname": &u.LastName,
	} {
		if c.Has(name) {
			*text = c.Text(name)
		}
	}
	if c.Has("enable") {
		u.Enable = c.Bool("enable")
	}
	if c.Has("groups") {
		u.Groups = c.List("groups")
	}
	var err error
	u.Expire, err = c.number("expire", u.Expire)
	return err
}
