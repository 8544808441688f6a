package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) discardCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "discard",
		Short: "Discard pending edits",
		Long: `Discards all pending edits of all users: the pending configuration becomes the running
one again. The edits are shown, and on a terminal confirmed.

Users without permission for everything (SDN.Allocate on /sdn) discard the pending
changes of objects that they may modify; the others stay.`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Plan(cmd.Context())
			if api.IsType(err, api.TypeForbidden) {
				return a.discardUnseen(cmd.Context(), c, yes, err)
			}
			if err != nil {
				return err
			}
			if p.Empty() {
				return a.write(fmt.Sprintf("nothing is pending; %s\n", runningText(p.Base)))
			}
			v := planView{style: a.style(a.Stdout), now: a.Now()}
			if err := a.write("pending edits to discard:\n" + v.changes(p.Objects, "  ") + v.edits(p.Edits)); err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, "Discard these edits?"); err != nil {
				return err
			}
			res, err := c.Discard(cmd.Context(), api.DiscardRequest{Plan: p.Pending})
			if err != nil {
				return changedSince(explain(err, nil))
			}
			return a.discarded(res, runningText(p.Base))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}

// discardUnseen drops the caller's own pending changes if there are also hidden ones of
// others; why is the server's refusal of a plan.
func (a *app) discardUnseen(ctx context.Context, c *client.Client, yes bool, why error) error {
	fmt.Fprintf(a.Stderr, "note: %v\n", why) //nolint:errcheck // separate from the output
	if err := a.confirm(ctx, yes, "Discard the pending changes of objects that you may modify?"); err != nil {
		return err
	}
	res, err := c.Discard(ctx, api.DiscardRequest{})
	if err != nil {
		return explain(err, nil)
	}
	v := planView{style: a.style(a.Stdout), now: a.Now()}
	if err := a.write(v.changes(res.Changes, "  ")); err != nil {
		return err
	}
	return a.discarded(res, "")
}

// discarded reports what was dropped and what remains.
func (a *app) discarded(res *api.EditResult, now string) error {
	text := count(len(res.Changes), "pending change") + " discarded"
	if res.Pending > 0 {
		text += "; still pending, without permission to modify the objects: " + count(res.Pending, "change")
	} else if now != "" {
		text += "; " + now
	}
	return a.write(text + "\n")
}
