package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Manage the nodes of the cluster",
	}
	cmd.AddCommand(a.nodeTokenCommand(), a.nodeListCommand(), a.nodeRemoveCommand())
	cmd.AddCommand(a.NodeCommands...)
	return cmd
}

func (a *app) nodeTokenCommand() *cobra.Command {
	var (
		ttl     time.Duration
		anyName bool
		output  string
	)
	cmd := &cobra.Command{
		Use:   "token NODE | --any-name",
		Short: "Create a one-time join token for a node",
		Long: `Creates a token with which the node of that name can join once. The token is a secret.
With --any-name it is valid for any unused name, including names of nodes that zones
already list.`,
		Example: `  viaduct node token pve1`,
		Args:    args(0, 1, "the name of the node"),
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case len(given) == 0 && !anyName:
				return usagef(cmd, "name the node that will join (viaduct node token NODE), or give --any-name")
			case len(given) > 0 && anyName:
				return usagef(cmd, "a token is for node %s or with --any-name for any node, not both", given[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			req := api.TokenRequest{TTL: ttl, AnyName: anyName}
			if len(given) > 0 {
				req.Node = given[0]
			}
			t, err := c.CreateToken(cmd.Context(), req)
			if err != nil {
				return err
			}
			if output != formatTable {
				return writeData(a.Stdout, output, t)
			}
			// The token alone on standard output, for use in scripts.
			fmt.Fprintf(a.Stderr, "valid once within %s; on the new node: viaduct node join %s --token TOKEN\n", //nolint:errcheck // a remark
				short(t.Expires.Sub(a.Now()).Round(time.Second)), a.serverURLs(t.Servers))
			return a.write(t.Token + "\n")
		},
	}
	cmd.Flags().BoolVar(&anyName, "any-name", false, "create a token that is valid for a node with any name")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "validity of the token")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

// serverURLs are the addresses of servers for others: those that this command used, or
// those that the servers advertise. Servers that listen on loopback only have none.
func (a *app) serverURLs(advertised []string) string {
	target, _ := a.target() // there is one: it has answered
	urls := slices.DeleteFunc(client.Targets(target), func(u string) bool { return !strings.HasPrefix(u, "https://") })
	if len(urls) == 0 {
		urls = advertised
	}
	return cmp.Or(strings.Join(urls, ","), "https://SERVER:PORT")
}

func (a *app) nodeListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List joined nodes",
		Args:  args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			members, err := c.Members(cmd.Context())
			if err != nil {
				return err
			}
			switch output {
			case formatJSON, formatYAML:
				return writeData(a.Stdout, output, members)
			case formatName:
				for _, m := range members {
					if err := a.write("node/" + m.Name + "\n"); err != nil {
						return err
					}
				}
				return nil
			}
			if len(members) == 0 {
				return a.write("no node has joined\n")
			}
			rows := make([][]string, len(members))
			for i, m := range members {
				rows[i] = []string{m.Name, ago(a.Now(), m.Joined), "in " + short(m.Expires.Sub(a.Now())), m.Serial}
			}
			return a.write(table([]string{"NODE", "JOINED", "CERTIFICATE ENDS", "SERIAL"}, rows))
		},
	}
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML, formatName)
	return cmd
}

func (a *app) nodeRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "remove NODE",
		Short: "Remove a node and revoke its certificate",
		Long: `Removes a node: its certificate is revoked, and it gets no more revisions. Its network
stays until it is shut down or removed there.`,
		Args:              args(1, 1, "the name of a node"),
		ValidArgsFunction: a.completeMembers,
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Remove node %s?", given[0])); err != nil {
				return err
			}
			if err := c.DeleteMember(cmd.Context(), given[0]); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("node %s removed; to join again it needs a new token\n", given[0]))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}
