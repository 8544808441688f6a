package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) roleCommand() *cobra.Command {
	return accessGroup("role", "Manage roles: named lists of privileges",
		`A role is a list of privileges; viaduct acl add grants it on a path. The built-in
roles are those of Proxmox VE: Administrator has every privilege, NoAccess removes
all, PVESDNAdmin, PVESDNUser and PVEAuditor are for the network. Changes
take effect at once and are in no revision.`,
		a.rolePutCommand("add", "Add a role", client.IfAbsent), a.roleListCommand(), a.roleShowCommand(), a.privilegesCommand(),
		a.rolePutCommand("set", "Replace the privileges of a role", ""),
		a.deletion("role", `Deletes a role that is not in use and not built in.`, a.completeAt(0, roleNames),
			func(ctx context.Context, c *client.Client, id string) error { return c.DeleteRole(ctx, id) }))
}

func roleNames(ctx context.Context, c *client.Client) []string {
	roles, err := c.Roles(ctx)
	return namesOf(roles, err, func(r api.Role) string { return r.ID })
}

// rolePutCommand adds a role (with IfAbsent) or changes one.
func (a *app) rolePutCommand(verb, short, condition string) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " ROLE PRIVILEGE...",
		Short:             short,
		Long:              short + `. The given privileges are the complete list.`,
		Example:           "  viaduct role " + verb + " tenant SDN.Audit SDN.Use",
		Args:              args(2, -1, "the name of a role, and privileges"),
		ValidArgsFunction: a.completeRole(condition != client.IfAbsent),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			ifMatch, done := condition, "added"
			if condition != client.IfAbsent {
				if _, ifMatch, err = c.Role(cmd.Context(), given[0]); err != nil {
					return err
				}
				done = "changed"
			}
			r := api.Role{ID: given[0]}
			for _, list := range given[1:] { // separated by spaces or commas
				r.Privileges = append(r.Privileges, strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })...)
			}
			if _, err := c.PutRole(cmd.Context(), r, ifMatch); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("role %s is %s\n", r.ID, done))
		},
	}
}

// completeRole completes a role, if the command needs an existing one, and privileges.
func (a *app) completeRole(exists bool) completer {
	return func(cmd *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(given) > 0 {
			return a.completeAt(len(given), func(ctx context.Context, c *client.Client) []string {
				r, _, err := c.Role(ctx, "Administrator")
				if err != nil {
					return nil
				}
				return r.Privileges
			})(cmd, given, typed)
		}
		if !exists {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completeAt(0, func(ctx context.Context, c *client.Client) []string {
			roles, err := c.Roles(ctx)
			roles = slices.DeleteFunc(roles, func(r api.Role) bool { return r.Builtin })
			return namesOf(roles, err, func(r api.Role) string { return r.ID })
		})(cmd, given, typed)
	}
}

func roleKind(r api.Role) string {
	if r.Builtin {
		return "built in"
	}
	return "own"
}

func (a *app) roleListCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "list", Short: "List the roles", Args: args(0, 0, "")}, listing[api.Role]{
		header: []string{"ROLE", "KIND", "PRIVILEGES"},
		row:    func(r api.Role) []string { return []string{r.ID, roleKind(r), some(r.Privileges)} },
		name:   func(r api.Role) string { return "role/" + r.ID },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Role, error) { return c.Roles(ctx) })
}

func (a *app) roleShowCommand() *cobra.Command {
	return showCommand(a, &cobra.Command{
		Use:               "show ROLE",
		Short:             "Show all privileges of a role",
		Args:              args(1, 1, "the name of a role"),
		ValidArgsFunction: a.completeAt(0, roleNames),
	}, (*client.Client).Role, func(_ context.Context, _ *client.Client, r *api.Role) (string, error) {
		text := details("role", r.ID, "kind", roleKind(*r))
		if len(r.Privileges) == 0 {
			return text + "\nhas no privileges\n", nil
		}
		return text + "\n" + strings.Join(r.Privileges, "\n") + "\n", nil
	})
}

func (a *app) privilegesCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "privileges", Short: "List the privileges that roles can hold", Args: args(0, 0, "")}, listing[api.Privilege]{
		header: []string{"PRIVILEGE", "ALLOWS"},
		row: func(p api.Privilege) []string {
			return []string{p.ID, cmp.Or(p.Allows, "nothing here: kept for Proxmox VE")}
		},
		name: func(p api.Privilege) string { return p.ID },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Privilege, error) {
		return c.Privileges(ctx)
	})
}
