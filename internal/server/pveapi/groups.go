package pveapi

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

func (h *Handler) groupOperations() []Operation {
	manage := Need("/access/groups", access.GroupAllocate)
	settings := []schema.Property{groupParam(), commentParam()}
	return []Operation{
		{
			Method: "GET", Path: "/access/groups", Doc: "List groups: those that the caller manages or audits.",
			Handle: func(c *Call) (any, error) {
				out := []schema.Object{}
				for _, g := range h.Access.Groups() {
					if !c.May(groupPath(g.ID), access.UserModify, access.SysAudit, access.GroupAllocate) {
						continue
					}
					o := schema.Object{"groupid": g.ID, "users": strings.Join(g.Members, ",")}
					if g.Comment != "" {
						o["comment"] = g.Comment
					}
					out = append(out, o)
				}
				return out, nil
			},
		},
		{
			Method: "POST", Path: "/access/groups", Doc: "Make a group.", Params: settings, Allow: manage,
			Handle: func(c *Call) (any, error) {
				err := h.Access.PutGroup(c, access.Group{ID: c.Text("groupid"), Comment: c.Text("comment")})
				if err != nil {
					return nil, Failf("create group failed: %s", Text(err))
				}
				return nil, nil
			},
		},
		{
			Method: "GET", Path: "/access/groups/{groupid}", Doc: "Show a group and its members.", Params: []schema.Property{groupParam()},
			Allow: Need("/access/groups", access.SysAudit, access.GroupAllocate),
			Handle: func(c *Call) (any, error) {
				g, err := h.Access.Group(c.Text("groupid"))
				o := schema.Object{"members": g.Members}
				if g.Comment != "" {
					o["comment"] = g.Comment
				}
				return o, err
			},
		},
		{
			Method: "PUT", Path: "/access/groups/{groupid}", Doc: "Change a group.", Params: settings, Allow: manage,
			Handle: func(c *Call) (any, error) {
				g, err := h.Access.Group(c.Text("groupid"))
				if err != nil {
					return nil, err
				}
				if c.Has("comment") {
					g.Comment = c.Text("comment")
				}
				return nil, h.Access.PutGroup(c, g)
			},
		},
		{
			Method: "DELETE", Path: "/access/groups/{groupid}", Doc: "Remove a group and its permissions; its members stay.",
			Params: []schema.Property{groupParam()}, Allow: manage,
			Handle: func(c *Call) (any, error) { return nil, h.Access.DeleteGroup(c, c.Text("groupid")) },
		},
	}
}

func (h *Handler) roleOperations() []Operation {
	manage := Need("/access", access.SysModify)
	privileges := schema.Property{Name: "privs", Form: schema.List, Doc: "privileges of the role"}
	return []Operation{
		{
			Method: "GET", Path: "/access/roles", Doc: "List roles.",
			Handle: func(*Call) (any, error) {
				out := []schema.Object{}
				for _, r := range h.Access.Roles() {
					out = append(out, schema.Object{"roleid": r.ID, "privs": joinPrivileges(r.Privileges), "special": r.Builtin})
				}
				return out, nil
			},
		},
		{
			Method: "POST", Path: "/access/roles", Doc: "Make a role.", Params: []schema.Property{roleParam(), privileges}, Allow: manage,
			Handle: func(c *Call) (any, error) {
				err := h.Access.PutRole(c, access.Role{ID: c.Text("roleid"), Privileges: parsePrivileges(c.List("privs"))})
				if err != nil {
					return nil, Failf("create role failed: %s", Text(err))
				}
				return nil, nil
			},
		},
		{
			Method: "GET", Path: "/access/roles/{roleid}", Doc: "Show a role's privileges.", Params: []schema.Property{roleParam()},
			Handle: func(c *Call) (any, error) {
				r, err := h.Access.Role(c.Text("roleid"))
				o := schema.Object{}
				for _, p := range r.Privileges {
					o[string(p)] = 1
				}
				return o, err
			},
		},
		{
			Method: "PUT", Path: "/access/roles/{roleid}", Doc: "Change a role's privileges.", Allow: manage,
			Params: []schema.Property{
				roleParam(), privileges,
				{Name: "append", Form: schema.Boolean, Doc: "add to the privileges instead of replacing them"},
			},
			Handle: h.updateRole,
		},
		{
			Method: "DELETE", Path: "/access/roles/{roleid}", Doc: "Remove a role that nobody has.", Params: []schema.Property{roleParam()}, Allow: manage,
			Handle: func(c *Call) (any, error) { return nil, h.Access.DeleteRole(c, c.Text("roleid")) },
		},
	}
}

func (h *Handler) updateRole(c *Call) (any, error) {
	if c.Bool("append") && !c.Has("privs") {
		return nil, Params{"append": "property is missing the required property 'privs'"}
	}
	r, err := h.Access.Role(c.Text("roleid"))
	if err != nil {
		return nil, err
	}
	wanted := parsePrivileges(c.List("privs"))
	if c.Bool("append") {
		wanted = append(wanted, r.Privileges...)
	}
	r.Privileges = slices.Compact(slices.Sorted(slices.Values(wanted)))
	return nil, h.Access.PutRole(c, r)
}

// parsePrivileges converts names to privileges.
func parsePrivileges(names []string) []access.Privilege {
	out := make([]access.Privilege, len(names))
	for i, name := range names {
		out[i] = access.Privilege(name)
	}
	return out
}

// joinPrivileges formats privileges as one text.
func joinPrivileges(privileges []access.Privilege) string {
	names := make([]string, len(privileges))
	for i, p := range privileges {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}
