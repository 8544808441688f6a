package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) tokenCommand() *cobra.Command {
	return accessGroup("token", "Manage users' API tokens",
		`With an API token a program acts for a user without the password. (Join tokens of
nodes are different: viaduct node token.) Changes take effect at once and are
in no revision.`,
		a.tokenCreateCommand(), a.tokenListCommand(), a.tokenDeleteCommand())
}

func tokenNames(ctx context.Context, c *client.Client) []string {
	tokens, err := c.UserTokens(ctx, "")
	return namesOf(tokens, err, api.UserToken.ID)
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var (
		t              api.UserToken
		privsep        bool
		expire, output string
	)
	cmd := &cobra.Command{
		Use:   "create USER NAME",
		Short: "Create an API token and print its secret once",
		Long: `Creates an API token of a user and prints USER!NAME=SECRET, the form that clients of
Proxmox VE use. The secret cannot be shown again: only its hash is stored.

The token has only those privileges of its user that viaduct acl add --token grants to
the token itself; with --privsep=false it has all of them.`,
		Example:           `  viaduct token create root@pam ci --privsep=false --expire 90d`,
		Args:              args(2, 2, "the name of a user and one for the token"),
		ValidArgsFunction: a.completeAt(0, userNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			var err error
			if t.Expire, err = parseExpire(cmd, expire, a.Now()); err != nil {
				return err
			}
			t.User, t.Name, t.AllPrivileges = given[0], given[1], !privsep
			c, err := a.client()
			if err != nil {
				return err
			}
			made, err := c.CreateUserToken(cmd.Context(), t)
			if err != nil {
				return err
			}
			if output != formatTable {
				return writeData(a.Stdout, output, made)
			}
			// The token alone on standard output, for use in scripts.
			fmt.Fprintln(a.Stderr, "the secret is shown only once; store it where only its program can read it")
			if privsep {
				fmt.Fprintf(a.Stderr, "the token has no privileges yet; grant some with: viaduct acl add PATH ROLE --token '%s'\n", made.ID())
			}
			return a.write(made.ID() + "=" + made.Secret + "\n")
		},
	}
	f := cmd.Flags()
	f.BoolVar(&privsep, "privsep", true, "limit the token to privileges granted to the token itself")
	f.StringVar(&expire, "expire", "never", expireHelp)
	f.StringVar(&t.Comment, "comment", "", "what the token is for")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func (a *app) tokenListCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{
		Use:               "list [USER]",
		Short:             "List the API tokens, of all users or one",
		Args:              args(0, 1, "at most the name of a user"),
		ValidArgsFunction: a.completeAt(0, userNames),
	}, listing[api.UserToken]{
		empty:  "no API tokens; create one with: viaduct token create",
		header: []string{"TOKEN", "PRIVILEGES", "EXPIRES", "COMMENT"},
		row: func(t api.UserToken) []string {
			privileges := "its own"
			if t.AllPrivileges {
				privileges = "its user's"
			}
			return []string{t.ID(), privileges, a.expiry(t.Expire), t.Comment}
		},
		name: func(t api.UserToken) string { return "token/" + t.ID() },
	}, func(ctx context.Context, c *client.Client, given []string) ([]api.UserToken, error) {
		user := ""
		if len(given) > 0 {
			user = given[0]
		}
		return c.UserTokens(ctx, user)
	})
}

func (a *app) tokenDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete USER NAME | USER!NAME",
		Short:             "Delete an API token",
		Long:              `Deletes an API token and its permissions.`,
		Args:              args(1, 2, "the name of a user and that of the token"),
		ValidArgsFunction: a.completeAt(0, tokenNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			id := given[0]
			if len(given) > 1 {
				id += "!" + given[1]
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Delete token %s?", id)); err != nil {
				return err
			}
			if err := c.DeleteUserToken(cmd.Context(), id); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("token %s is deleted\n", id))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}
