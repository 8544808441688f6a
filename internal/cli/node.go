package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Let nodes join, list and remove them",
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
		Short: "Make a token that lets one node join, once",
		Long: `Makes a token that lets the node of that name join, once. The token is a secret: whoever
has it can join as that node. With --any-name it admits a node of any name that is not
taken, so whoever has it can also join as a node that zones are meant to be on later.`,
		Example: `  viaduct node token pve1`,
		Args:    args(0, 1, "the name of the node"),
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case len(given) == 0 && !anyName:
				return usagef(cmd, "name the node that shall join (viaduct node token NODE); --any-name makes a token for a node of any name")
			case len(given) > 0 && anyName:
				return usagef(cmd, "a token is for node %s or with --any-name for any, not both", given[0])
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
			// The token alone on standard output, so that scripts can take it.
			fmt.Fprintf(a.Stderr, "usable once within %s; on the new node: viaduct node join https://SERVER:8006 --token TOKEN\n", //nolint:errcheck // a remark
				short(t.Expires.Sub(a.Now()).Round(time.Second)))
			return a.write(t.Token + "\n")
		},
	}
	cmd.Flags().BoolVar(&anyName, "any-name", false, "a token for a node of any name")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long the token can be used")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func (a *app) nodeListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the nodes that have joined",
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
		Short: "Forget a node: its certificate no longer counts",
		Long: `Forgets a node: its certificate no longer counts, and it gets no more revisions. What
runs on it stays until it is shut down or cleaned up there.`,
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
			return a.write(fmt.Sprintf("node %s is removed; to let it join again, make a new token\n", given[0]))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
