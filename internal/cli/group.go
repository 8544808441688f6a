package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) groupCommand() *cobra.Command {
	return accessGroup("group", "Manage groups of users",
		`Groups can be granted permissions. viaduct user set USER --groups changes a user's
groups. Changes take effect at once and are in no revision.`,
		a.groupPutCommand("add", "Add a group", client.IfAbsent), a.groupListCommand(), a.groupShowCommand(),
		a.groupPutCommand("set", "Change a group's comment", ""),
		a.deletion("group", `Deletes a group and its permissions. Its members stay.`, a.completeAt(0, groupNames),
			func(ctx context.Context, c *client.Client, id string) error { return c.DeleteGroup(ctx, id) }))
}

func groupNames(ctx context.Context, c *client.Client) []string {
	groups, err := c.Groups(ctx)
	return namesOf(groups, err, func(g api.Group) string { return g.ID })
}

// groupPutCommand adds a group (with IfAbsent) or changes one.
func (a *app) groupPutCommand(verb, short, condition string) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:   verb + " GROUP",
		Short: short,
		Args:  args(1, 1, "the name of a group"),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			ifMatch, done := condition, "added"
			if condition != client.IfAbsent {
				if !cmd.Flags().Changed("comment") {
					return usagef(cmd, "nothing to change: give a different --comment")
				}
				if _, ifMatch, err = c.Group(cmd.Context(), given[0]); err != nil {
					return err
				}
				done = "changed"
			}
			if _, err := c.PutGroup(cmd.Context(), api.Group{ID: given[0], Comment: comment}, ifMatch); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("group %s is %s\n", given[0], done))
		},
	}
	if condition != client.IfAbsent {
		cmd.ValidArgsFunction = a.completeAt(0, groupNames)
	}
	cmd.Flags().StringVar(&comment, "comment", "", "what the group is for")
	return cmd
}

func (a *app) groupListCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "list", Short: "List the groups", Args: args(0, 0, "")}, listing[api.Group]{
		empty:  "no groups; add one with: viaduct group add",
		header: []string{"GROUP", "MEMBERS", "COMMENT"},
		row:    func(g api.Group) []string { return []string{g.ID, some(g.Members), g.Comment} },
		name:   func(g api.Group) string { return "group/" + g.ID },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Group, error) { return c.Groups(ctx) })
}

func (a *app) groupShowCommand() *cobra.Command {
	return showCommand(a, &cobra.Command{
		Use:               "show GROUP",
		Short:             "Show a group with its members",
		Args:              args(1, 1, "the name of a group"),
		ValidArgsFunction: a.completeAt(0, groupNames),
	}, (*client.Client).Group, func(_ context.Context, _ *client.Client, g *api.Group) (string, error) {
		return details("group", g.ID, "comment", g.Comment, "members", strings.Join(g.Members, ", ")), nil
	})
}

// some shows the first names of a list and the number of the others.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
