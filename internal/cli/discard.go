package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) discardCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "discard [KIND ID...]",
		Short: "Discard pending edits",
		Long: `Discards all pending edits of all users: the pending configuration becomes the running
one again. The edits are shown, and on a terminal confirmed. With a kind and IDs only the
pending changes of these objects are discarded, whoever made them, all or none.

Users without permission for everything (SDN.Allocate on /sdn) discard the pending
changes of objects that they may modify; the others stay.`,
		Example: "  viaduct discard\n  viaduct discard vnet red blue",
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 1 {
				return usagef(cmd, "name the objects of kind %s to discard, or no kind to discard everything", given[0])
			}
			return nil
		},
		ValidArgsFunction: a.completeObjects,
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(given) > 0 {
				return a.discardObjects(cmd.Context(), c, given[0], given[1:])
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

// discardObjects drops the pending changes of objects of a kind.
func (a *app) discardObjects(ctx context.Context, c *client.Client, word string, given []string) error {
	kind, err := parseKind(word)
	if err != nil {
		return err
	}
	var req api.DiscardRequest
	for _, one := range given {
		id, err := resolveID(ctx, c, kind, one)
		if err != nil {
			return err
		}
		req.Objects = append(req.Objects, model.Ref(kind, id))
	}
	res, err := c.Discard(ctx, req)
	if err != nil {
		return explain(err, nil)
	}
	return a.takenBack(res)
}

func (a *app) undoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "undo",
		Short: "Undo your last pending edit",
		Long: `Undoes what your last command or request changed in the pending configuration: its objects
become what they were before. Repeated, it goes back further. It is refused if one of the
objects was changed since, or if what others changed needs it. Guests, firewalls and other
live kinds are not undone; what is applied is taken back with viaduct rollback.`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			res, err := c.Undo(cmd.Context(), api.UndoRequest{})
			if err != nil {
				return explain(err, nil)
			}
			return a.takenBack(res)
		},
	}
}

// takenBack reports the objects that are restored, and how many changes remain.
func (a *app) takenBack(res *api.EditResult) error {
	v := planView{style: a.style(a.Stdout), now: a.Now()}
	text := "nothing is pending any more"
	if res.Pending > 0 {
		text = "still pending: " + count(res.Pending, "change")
	}
	return a.write(v.changes(res.Changes, "") + text + "\n")
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
