package pveapi

import (
	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

func (h *Handler) aclOperations() []Operation {
	return []Operation{
		{
			Method: "GET", Path: "/access/acl", Doc: "List permissions: those on paths where the caller may change or audit them.",
			Handle: h.listACL,
		},
		{
			Method: "PUT", Path: "/access/acl", Doc: "Give roles on a path, or take them away.",
			Params: []schema.Property{
				{Name: "path", Form: schema.Text, Need: 'r', MaxLength: 512, Check: aclPath, Doc: "path of the permission"},
				{Name: "roles", Form: schema.List, Need: 'r', Check: matching(nameForm, "role name"), Doc: "roles"},
				{Name: "users", Form: schema.List, Check: matching(userForm, "user name"), Doc: "users to give the roles to"},
				{Name: "groups", Form: schema.List, Check: matching(nameForm, "group name"), Doc: "groups to give the roles to"},
				{Name: "tokens", Form: schema.List, Doc: "API tokens to give the roles to"},
				{Name: "propagate", Form: schema.Boolean, Doc: "the roles count below the path too; the default"},
				{Name: "delete", Form: schema.Boolean, Doc: "take the roles away"},
			},
			Allow:  Need("{path}", access.PermissionsModify),
			Handle: h.changeACL,
		},
	}
}

func (h *Handler) listACL(c *Call) (any, error) {
	out := []schema.Object{}
	audit := c.May("/access", access.SysAudit)
	for _, e := range h.Access.ACL() {
		if audit || c.May(e.Path, access.PermissionsModify) {
			out = append(out, schema.Object{
				"path": e.Path, "type": string(e.Type), "ugid": e.Subject, "roleid": e.Role, "propagate": e.Propagate,
			})
		}
	}
	return out, nil
}

func (h *Handler) changeACL(c *Call) (any, error) {
	var entries []access.ACLEntry
	propagate := !c.Has("propagate") || c.Bool("propagate")
	for _, s := range []struct {
		parameter string
		typ       access.SubjectType
	}{{"users", access.SubjectUser}, {"groups", access.SubjectGroup}, {"tokens", access.SubjectToken}} {
		for _, subject := range c.List(s.parameter) {
			for _, role := range c.List("roles") {
				entries = append(entries, access.ACLEntry{Path: c.Text("path"), Type: s.typ, Subject: subject, Role: role, Propagate: propagate})
			}
		}
	}
	if len(entries) == 0 {
		return nil, Params{"users": "either 'users', 'groups' or 'tokens' is required"}
	}
	if len(entries) > maxValues {
		return nil, Params{"roles": "too many permissions at once"}
	}
	if c.Bool("delete") {
		_, err := h.Access.DeleteACL(c, entries...)
		return nil, err
	}
	return nil, h.Access.SetACL(c, entries...)
}
