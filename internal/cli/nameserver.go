package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/nameserver/coredns"
)

// nameserverCommand is the name server of a node, which the agent starts.
func (a *app) nameserverCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "nameserver --config DIR",
		Short:  "Answer guests' questions for names (the agent starts this)",
		Hidden: true,
		Args:   args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return coredns.Run(cmd.Context(), dir, a.Version, slog.New(slog.NewTextHandler(a.Stderr, nil)))
		},
	}
	cmd.Flags().StringVar(&dir, "config", "", "directory of its files")
	_ = cmd.MarkFlagRequired("config")
	return cmd
}
