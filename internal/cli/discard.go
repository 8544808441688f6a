package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) discardCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "discard",
		Short: "Drop every pending edit",
		Long: `Drops every pending edit, of whomever: the pending configuration becomes the
running one again. What is dropped is shown, and on a terminal asked about.`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Plan(cmd.Context())
			if err != nil {
				return err
			}
			if p.Empty() {
				return a.write(fmt.Sprintf("nothing is pending; %s\n", running(p.Base)))
			}
			v := planView{style: a.style(a.Stdout), now: a.Now()}
			if err := a.write("pending, to be dropped:\n" + v.changes(p.Objects, "  ") + v.edits(p.Edits)); err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, "Drop these edits?"); err != nil {
				return err
			}
			if _, err := c.Discard(cmd.Context(), api.DiscardRequest{Plan: p.Pending}); err != nil {
				return changedSince(err)
			}
			return a.write(fmt.Sprintf("%s dropped; %s\n", count(len(p.Objects), "pending change"), running(p.Base)))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
