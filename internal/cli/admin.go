package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) adminCommand() *cobra.Command {
	return accessGroup("admin", "List and revoke administrators' certificates",
		`An administrator's certificate grants everything. Each server has one in its data
directory (admin.crt, admin.key) and renews it before it expires. A compromised one can
be revoked: all servers refuse it, open requests with it end, and the server that owns it
creates another one.`,
		a.adminListCommand(), a.adminRevokeCommand())
}

func adminSerials(ctx context.Context, c *client.Client) []string {
	all, err := c.Administrators(ctx)
	return namesOf(all, err, func(one api.Administrator) string { return one.Serial })
}

func (a *app) adminListCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "list", Short: "List the administrators' certificates", Args: args(0, 0, "")}, listing[api.Administrator]{
		empty:  "no administrator's certificate is known",
		header: []string{"SERIAL", "NAME", "MADE FOR", "ISSUED", "ENDS", "STATE"},
		row: func(one api.Administrator) []string {
			s := a.style(a.Stdout)
			state := s.green("valid")
			if !one.Revoked.IsZero() {
				state = s.yellow(fmt.Sprintf("revoked %s by %s", ago(a.Now(), one.Revoked), one.RevokedBy))
			}
			return []string{one.Serial, one.Name, one.Host, ago(a.Now(), one.Issued), "in " + short(one.Expires.Sub(a.Now())), state}
		},
		name: func(one api.Administrator) string { return "admin/" + one.Serial },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Administrator, error) {
		return c.Administrators(ctx)
	})
}

func (a *app) adminRevokeCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke SERIAL",
		Short: "Revoke an administrator's certificate",
		Long: `Revokes an administrator's certificate on all servers. The serial number is shown by
viaduct admin list. This cannot be undone.`,
		Args:              args(1, 1, "the serial number of a certificate"),
		ValidArgsFunction: a.completeAt(0, adminSerials),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Revoke the administrator's certificate %s?", given[0])); err != nil {
				return err
			}
			if err := c.RevokeAdministrator(cmd.Context(), given[0]); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("the administrator's certificate %s is revoked\n", given[0]))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}
