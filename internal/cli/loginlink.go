package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) loginLinkCommand() *cobra.Command {
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "login-link USER",
		Short: "Create a link that logs a user in once",
		Long: `Creates an address of the web interface that logs a user in once, without the password:
for the first login, or after the password is lost. It replaces an earlier one, and a new
password ends it. Whoever has the address is the user: send it on a safe way.`,
		Example: `  viaduct user login-link bob@pve
  viaduct user login-link root@pam --ttl 5m`,
		Args:              args(1, 1, "the name of a user"),
		ValidArgsFunction: a.completeAt(0, userNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if ttl < time.Minute || ttl > 24*time.Hour {
				return usagef(cmd, "--ttl %s must be between 1m and 24h", ttl)
			}
			link, err := c.CreateLoginLink(cmd.Context(), given[0], int(ttl/time.Minute))
			if err != nil {
				return err
			}
			// The address alone on standard output, for use in scripts.
			fmt.Fprintf(a.Stderr, "valid once within %s; open it in a browser:\n", short(link.Expires.Sub(a.Now()).Round(time.Second))) //nolint:errcheck // a remark
			server, _, _ := strings.Cut(a.serverURLs(link.Servers), ",")
			return a.write(fmt.Sprintf("%s/login#%s:%s\n", strings.TrimSuffix(server, "/"), given[0], link.Secret))
		},
	}
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "validity of the link")
	return cmd
}
