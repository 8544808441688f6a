package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) aclCommand() *cobra.Command {
	return accessGroup("acl", "Grant and revoke permissions",
		`A permission grants a role on a path to a user, a group or an API token. It is valid
for the path and, without --no-propagate, for all paths below. Permissions on a deeper
path replace inherited ones, and those of a user replace those of the user's groups.
The paths are those of Proxmox VE:

  /                          everything
  /sdn                       the network
  /sdn/zones/ZONE            a zone
  /sdn/zones/ZONE/VNET       a VNet
  /sdn/controllers, /sdn/fabrics, /sdn/ipams, /sdn/dns
  /nodes/NODE                a node
  /access                    users and permissions

Changes take effect at once and are in no revision.`,
		a.aclEditCommand("add", "Grant a permission"), a.aclListCommand(), a.aclEditCommand("delete", "Revoke a permission"))
}

// aclEditCommand adds a permission or deletes one.
func (a *app) aclEditCommand(verb, short string) *cobra.Command {
	var (
		user, group, token string
		noPropagate        bool
	)
	add := verb == "add"
	cmd := &cobra.Command{
		Use:               verb + " PATH ROLE --user USER | --group GROUP | --token TOKEN",
		Short:             short,
		Example:           "  viaduct acl " + verb + " /sdn/zones/tenant1 PVESDNUser --group tenant1",
		Args:              args(2, 2, "a path and a role"),
		ValidArgsFunction: a.completeAt(1, roleNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			e := api.ACLEntry{Path: given[0], Role: given[1], Propagate: !noPropagate}
			n := 0
			for _, s := range []struct{ kind, name string }{{"user", user}, {"group", group}, {"token", token}} {
				if s.name != "" {
					e.Type, e.Subject = s.kind, s.name
					n++
				}
			}
			if n != 1 {
				return usagef(cmd, "name the subject with one of --user, --group and --token")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			edit := api.ACLEdit{Add: []api.ACLEntry{e}}
			if !add {
				edit = api.ACLEdit{Delete: []api.ACLEntry{e}}
			}
			res, err := c.EditACL(cmd.Context(), edit)
			if err != nil {
				return err
			}
			switch {
			case add:
				return a.write(fmt.Sprintf("%s %s has role %s on %s%s\n", e.Type, e.Subject, e.Role, e.Path, propagation(e)))
			case res.Deleted == 0:
				return fmt.Errorf("%s %s does not have role %s on %s itself; viaduct acl list shows all permissions", e.Type, e.Subject, e.Role, e.Path)
			}
			return a.write(fmt.Sprintf("%s %s no longer has role %s on %s\n", e.Type, e.Subject, e.Role, e.Path))
		},
	}
	f := cmd.Flags()
	f.StringVar(&user, "user", "", "a user: name@realm")
	f.StringVar(&group, "group", "", "a group")
	f.StringVar(&token, "token", "", "an API token: name@realm!token")
	a.completeFlag(cmd, "user", userNames)
	a.completeFlag(cmd, "group", groupNames)
	a.completeFlag(cmd, "token", tokenNames)
	if add {
		f.BoolVar(&noPropagate, "no-propagate", false, "do not extend the permission to paths below")
	}
	return cmd
}

// propagation describes how far a permission reaches.
func propagation(e api.ACLEntry) string {
	if e.Propagate {
		return " and below"
	}
	return " only"
}

func (a *app) aclListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all permissions",
		Args:  args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			acl, err := c.ACL(cmd.Context())
			if err != nil {
				return err
			}
			switch {
			case output != formatTable:
				return writeData(a.Stdout, output, acl)
			case len(acl) == 0:
				return a.write("no permissions: only root@pam has access; grant some with: viaduct acl add\n")
			}
			return a.write(aclTable(acl))
		},
	}
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func aclTable(acl []api.ACLEntry) string {
	rows := make([][]string, len(acl))
	for i, e := range acl {
		rows[i] = []string{e.Path + propagation(e), e.Role, e.Type, e.Subject}
	}
	return table([]string{"PATH", "ROLE", "FOR", "NAME"}, rows)
}
