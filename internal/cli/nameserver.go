package cli

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/dnsserver"
)

// nameserverCommand is the DNS server of a node, which the agent starts.
func (a *app) nameserverCommand() *cobra.Command {
	var p dnsserver.Process
	cmd := &cobra.Command{
		Use:    "nameserver --config DIR",
		Short:  "Run the guest DNS server (started by the agent)",
		Hidden: true,
		Args:   args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Version, p.Args, p.Log = a.Version, os.Args, slog.New(slog.NewTextHandler(a.Stderr, nil))
			return p.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&p.Dir, "config", "", "directory of its files")
	cmd.Flags().StringVar(&p.User, "user", "", "UID:GID of the user to become")
	cmd.Flags().StringVar(&p.Inherited, "inherited", "", "file descriptors that were opened before it became the user")
	_ = cmd.MarkFlagRequired("config")
	return cmd
}
