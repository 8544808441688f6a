package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	manifestFlags
	message     string
	yes         bool
	withPending bool
	allowErrors bool
	verbose     bool
	wait        waitOptions
}

// waitOptions define how long to wait for the nodes.
type waitOptions struct {
	none    bool
	timeout time.Duration
}

func (w *waitOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.none, "no-wait", false, "do not wait for the nodes")
	cmd.Flags().DurationVar(&w.timeout, "timeout", time.Minute, "how long to wait for the nodes")
}

func (a *app) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [-f FILE|FOLDER|-]... [--prune]",
		Short: "Apply pending edits and manifests to all nodes",
		Long: `Makes a revision of the pending configuration and waits until all nodes have it. With
-f, the objects of the manifests are added or replaced first; other objects stay as
they are. The plan is shown, and on a terminal confirmed.

If other edits are pending, they are listed and nothing is changed; --with-pending
applies them too. If a node cannot implement the change, nothing is changed and the
exit status is 6; --allow-errors leaves that out on the node and applies the rest.
Objects of live kinds take effect at once and are not part of revisions: ` + liveKinds() + `.

` + pruneHelp,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.apply(cmd, &o) },
	}
	o.register(cmd)
	cmd.Flags().StringVarP(&o.message, "message", "m", "", "description, kept in the history")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&o.withPending, "with-pending", false, "also apply pending edits that the manifests do not contain")
	cmd.Flags().BoolVar(&o.allowErrors, "allow-errors", false, "apply even if nodes cannot implement everything; what they cannot is left out there")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "list every change on every node")
	o.wait.flags(cmd)
	return cmd
}

func (a *app) apply(cmd *cobra.Command, o *applyOptions) error {
	ctx := cmd.Context()
	m, c, err := a.loadOwned(cmd, &o.manifestFlags)
	if err != nil {
		return err
	}
	set := m.manifests()
	p, err := planOf(ctx, c, m)
	if err != nil {
		return explain(err, set)
	}
	if m != nil && !o.withPending {
		if err := loadZones(ctx, c, set); err != nil {
			return err
		}
		if err := a.refuseForeign(p, m); err != nil {
			return err
		}
	}
	a.showPlan(p, set, o.verbose)
	if p.Empty() {
		return explain(undoPending(ctx, c, m), set)
	}
	if errs := p.Refusals(); len(errs) > 0 && !o.allowErrors {
		return planErrors(errs, "nothing was changed: follow the notes, or apply the rest with --allow-errors")
	}
	if err := a.confirm(ctx, o.yes, "Apply this?"); err != nil {
		return err
	}
	config, guests := splitGuests(m)
	if len(config) > 0 {
		// Only on the state that the plan was made from: a concurrent edit of somebody
		// else must not be overwritten unseen.
		if _, err := c.EditAt(ctx, config, p.Pending); err != nil {
			return explain(changedSince(err), set)
		}
	}
	if onlyLive(p) {
		if len(guests) > 0 {
			if _, err := c.Edit(ctx, guests, false); err != nil {
				return explain(err, set)
			}
		}
		fmt.Fprintf(a.Stdout, "%s changed, which took effect at once; %s\n", count(len(p.Objects), "object"), runningText(p.Base)) //nolint:errcheck // see showPlan
		return nil
	}
	res, err := c.Apply(ctx, api.ApplyRequest{Message: o.message, Plan: p.Token, AllowErrors: o.allowErrors})
	if err != nil {
		return explain(stale(err), set)
	}
	// Guests take effect at once, so they are sent when their VNets exist.
	if len(guests) > 0 {
		if _, err := c.Edit(ctx, guests, false); err != nil {
			return &exitError{ExitDegraded, fmt.Errorf("revision %d is running, but its guests could not be connected: %w; "+
				"correct the manifests and apply them again", res.Revision, explain(err, set))}
		}
	}
	return a.applied(ctx, c, res, o.wait)
}

// splitGuests splits the manifests' edits into configuration and guests.
func splitGuests(o *owned) (config, guests []api.Edit) {
	for _, e := range o.edits() {
		if e.Put != nil && e.Put.ObjectKind() == model.KindGuest {
			guests = append(guests, e)
		} else {
			config = append(config, e)
		}
	}
	return config, guests
}

// undoPending sends manifests that equal the running configuration: a pending edit that
// differs from them must not remain.
func undoPending(ctx context.Context, c *client.Client, o *owned) error {
	if o == nil {
		return nil
	}
	st, err := c.Status(ctx, "")
	if err != nil || st.Pending == 0 {
		return err
	}
	_, err = c.Edit(ctx, o.edits(), false)
	return err
}

// changedSince adds to a stale plan's error that nothing was stored.
func changedSince(err error) error {
	if !api.IsType(err, api.TypeStalePlan) {
		return err
	}
	return &exitError{ExitConflict, fmt.Errorf("somebody else edited or applied in the meantime, and the plan above is stale: %w; "+
		"nothing was changed: run the command again to see the new plan", err)}
}

// stale adds to a stale plan's error that the edits are pending.
func stale(err error) error {
	if !api.IsType(err, api.TypeStalePlan) {
		return err
	}
	return &exitError{ExitConflict, fmt.Errorf("somebody else edited or applied in the meantime, and the plan above is stale: %w; "+
		"your edits are pending: review viaduct plan, then run viaduct apply", err)}
}

// onlyLive reports whether a plan changes nothing that needs an apply.
func onlyLive(p *api.Plan) bool {
	for _, c := range p.Objects {
		if model.Kind(c.Type).Revisioned() {
			return false
		}
	}
	return true
}

// applied reports a new revision and waits for the nodes.
func (a *app) applied(ctx context.Context, c *client.Client, res *api.ApplyResult, wait waitOptions) error {
	if !res.Changed {
		fmt.Fprintf(a.Stdout, "nothing to apply; %s\n", runningText(res.Revision)) //nolint:errcheck // see showPlan
		return nil
	}
	fmt.Fprintf(a.Stdout, "revision %d is running: %s changed\n", res.Revision, count(len(res.Objects), "object")) //nolint:errcheck // see showPlan
	if wait.none {
		return nil
	}
	return a.watchNodes(ctx, c, res.Revision, wait.timeout)
}

// refuseForeign refuses an apply of manifests that would include pending edits that are
// not in them.
func (a *app) refuseForeign(p *api.Plan, o *owned) error {
	lines := foreign(p, o, a.Now())
	if len(lines) == 0 {
		return nil
	}
	return &exitError{ExitConflict, errors.New("there are pending edits that are not in the manifests:\n  " + strings.Join(lines, "\n  ") +
		"\nnothing was changed; apply them too with --with-pending, or discard all pending edits with viaduct discard")}
}

// foreign lists the pending changes that no manifest declares, with their authors if
// known.
func foreign(p *api.Plan, o *owned, now time.Time) []string {
	var out []string
	for _, ch := range p.Objects {
		kind := model.Kind(ch.Type)
		ref := model.Ref(kind, ch.Name)
		if ch.Action != "delete" && o.Find(kind, ch.Name) != nil || ch.Action == "delete" && o.prunes(kind, ch.Name) || slices.Contains(p.Derived, ref) {
			continue
		}
		line := ch.String()
		for _, e := range p.Edits { // oldest first: the newest edit wins
			for _, o := range e.Objects {
				if o == ref {
					line = fmt.Sprintf("%s (by %s, %s)", ch.String(), e.Author, ago(now, e.Time))
				}
			}
		}
		out = append(out, line)
	}
	return out
}
