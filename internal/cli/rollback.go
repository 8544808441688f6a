package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) rollbackCommand() *cobra.Command {
	var (
		message      string
		yes, verbose bool
		wait         waitOptions
	)
	cmd := &cobra.Command{
		Use:   "rollback REVISION",
		Short: "Bring back an older revision as a new one",
		Long: `Makes a new revision with the content of an older one and waits until all nodes have
it. The plan is shown, and on a terminal confirmed. The history is kept.

Only what is part of revisions is brought back. Unchanged stay:
` + notInRevisions() + ".",
		Args: args(1, 1, "the number of a revision, see viaduct history"),
		RunE: func(cmd *cobra.Command, given []string) error {
			n, err := revisionNumber(cmd, given[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.PlanRevision(cmd.Context(), n)
			if err != nil {
				return err
			}
			a.showPlan(p, nil, verbose)
			if p.Empty() {
				return nil
			}
			if err := a.write("not part of revisions, and unchanged: " + notInRevisions() + "\n"); err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Roll back to revision %d?", n)); err != nil {
				return err
			}
			res, err := c.Rollback(cmd.Context(), api.RollbackRequest{Revision: n, Message: message, Plan: p.Token})
			if err != nil {
				return explain(changedSince(err), nil)
			}
			return a.applied(cmd.Context(), c, res, wait)
		},
	}
	cmd.Flags().StringVarP(&message, "message", "m", "", "description, kept in the history")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "list every change on every node")
	wait.flags(cmd)
	return cmd
}

// notInRevisions names what a rollback does not change.
func notInRevisions() string {
	return liveKinds() + "; allocated addresses; users, groups, roles, tokens and permissions"
}

// revisionNumber reads a revision's number from the command line.
func revisionNumber(cmd *cobra.Command, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef(cmd, "%q is not the number of a revision; viaduct history lists them", s)
	}
	return n, nil
}
