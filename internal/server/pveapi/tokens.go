package pveapi

import (
	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// ownTokens is the permission on a user's tokens: for the user and for managers of the
// user. A token with privilege separation does not count as the user: it could create
// another token with all privileges.
var ownTokens = Permission{Doc: "the user, or " + changeUserPermission.Doc, Check: func(c *Call) error {
	if c.is(c.Text("userid")) {
		return nil
	}
	return changeUser(c)
}}

func (h *Handler) tokenOperations() []Operation {
	const list, one = "/access/users/{userid}/token", "/access/users/{userid}/token/{tokenid}"
	settings := []schema.Property{
		userParam(), tokenParam(), commentParam(), expireParam(),
		{Name: "privsep", Form: schema.Boolean, Doc: "limit the token to its own permissions; the default"},
	}
	names := []schema.Property{userParam(), tokenParam()}
	return []Operation{
		{
			Method: "GET", Path: list, Doc: "List a user's API tokens.", Params: []schema.Property{userParam()}, Allow: ownTokens,
			Handle: func(c *Call) (any, error) {
				if _, err := h.Access.User(c.Text("userid")); err != nil {
					return nil, err
				}
				out := []schema.Object{}
				for _, t := range h.Access.Tokens(c.Text("userid")) {
					o := describeToken(t)
					o["tokenid"] = t.Name
					out = append(out, o)
				}
				return out, nil
			},
		},
		{
			Method: "GET", Path: one, Doc: "Show an API token.", Params: names, Allow: ownTokens,
			Handle: func(c *Call) (any, error) {
				t, err := h.Access.Token(c.tokenID())
				return describeToken(t), err
			},
		},
		{Method: "POST", Path: one, Doc: "Create an API token and return its secret once.", Params: settings, Allow: ownTokens, Handle: h.createToken},
		{Method: "PUT", Path: one, Doc: "Change an API token.", Params: settings, Allow: ownTokens, Handle: h.updateToken},
		{
			Method: "DELETE", Path: one, Doc: "Remove an API token, with its permissions.", Params: names, Allow: ownTokens,
			Handle: func(c *Call) (any, error) { return nil, h.Access.DeleteToken(c, c.tokenID()) },
		},
	}
}

// tokenID returns the full name of the token that the call is about.
func (c *Call) tokenID() string {
	return access.Token{User: c.Text("userid"), Name: c.Text("tokenid")}.ID()
}

// describeToken returns a token without its name.
func describeToken(t access.Token) schema.Object {
	o := schema.Object{"privsep": t.Privsep, "expire": t.Expire}
	if t.Comment != "" {
		o["comment"] = t.Comment
	}
	return o
}

// tokensOf returns a user's tokens by name.
func (h *Handler) tokensOf(user string) schema.Object {
	out := schema.Object{}
	for _, t := range h.Access.Tokens(user) {
		out[t.Name] = describeToken(t)
	}
	return out
}

func (h *Handler) createToken(c *Call) (any, error) {
	t := access.Token{User: c.Text("userid"), Name: c.Text("tokenid"), Privsep: true}
	if err := c.setToken(&t); err != nil {
		return nil, err
	}
	secret, err := h.Access.CreateToken(c, t)
	if err != nil {
		return nil, err
	}
	return schema.Object{"full-tokenid": t.ID(), "value": secret, "info": describeToken(t)}, nil
}

func (h *Handler) updateToken(c *Call) (any, error) {
	t, err := h.Access.Token(c.tokenID())
	if err != nil {
		return nil, err
	}
	if err := c.setToken(&t); err != nil {
		return nil, err
	}
	return describeToken(t), h.Access.PutToken(c, t)
}

// setToken sets a token's fields from the given parameters.
func (c *Call) setToken(t *access.Token) error {
	if c.Has("comment") {
		t.Comment = c.Text("comment")
	}
	if c.Has("privsep") {
		t.Privsep = c.Bool("privsep")
	}
	var err error
	t.Expire, err = c.number("expire", t.Expire)
	return err
}
