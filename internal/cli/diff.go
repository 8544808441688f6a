package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) diffCommand() *cobra.Command {
	var (
		files    manifestFlags
		exitFlag bool
		output   string
	)
	cmd := &cobra.Command{
		Use:   "diff [-f FILE|FOLDER|-]... [--prune] | [REVISION [REVISION]]",
		Short: "Show differences between configurations",
		Long: `Shows the objects that differ between the running and the pending configuration; with
-f, the manifests; with one revision, between it and the running one; with two
revisions, between both.

The words running and pending name these configurations in the place of a revision.
viaduct history diff shows the effects on nodes, too.

` + pruneHelp,
		Args: args(0, 2, "at most two revisions"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(files.files) > 0 && len(given) > 0 {
				return usagef(cmd, "give manifests or revisions, not both")
			}
			changes, err := a.diffOf(cmd, &files, given)
			if err != nil {
				return err
			}
			if output != formatTable {
				err = writeData(a.Stdout, output, changes)
			} else if len(changes) == 0 {
				err = a.write("no difference\n")
			} else {
				err = a.write(planView{style: a.style(a.Stdout)}.changes(changes, ""))
			}
			if err == nil && exitFlag && len(changes) > 0 {
				return &exitError{code: ExitChanges}
			}
			return err
		},
	}
	files.register(cmd)
	cmd.Flags().BoolVar(&exitFlag, "exit-code", false, "exit with status 3 if something differs")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func (a *app) diffOf(cmd *cobra.Command, files *manifestFlags, revisions []string) ([]api.Change, error) {
	if len(revisions) == 0 {
		p, _, err := a.plan(cmd, files)
		if err != nil {
			return nil, err
		}
		return p.Objects, nil
	}
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	out, err := compare(cmd, c, revisions)
	if err != nil {
		return nil, err
	}
	return out.Objects, nil
}

// compare asks for the differences between two configurations as the command line names
// them; the second one may be missing, and is the running one then.
func compare(cmd *cobra.Command, c *client.Client, given []string) (*api.Comparison, error) {
	for _, name := range given {
		if name == api.NameRunning || name == api.NamePending {
			continue
		}
		if _, err := revisionNumber(cmd, name); err != nil {
			return nil, err
		}
	}
	to := api.NameRunning
	if len(given) > 1 {
		to = given[1]
	}
	return c.Compare(cmd.Context(), given[0], to)
}

func (a *app) historyDiffCommand() *cobra.Command {
	var (
		output  string
		verbose bool
	)
	cmd := &cobra.Command{
		Use:   "diff FROM [TO]",
		Short: "Show what differs between two revisions",
		Long: `Shows the objects that differ between two revisions, and what that changes on the nodes of
now. FROM and TO are numbers of revisions, running or pending; TO is running by default.`,
		Example:           "  viaduct history diff 7\n  viaduct history diff 3 7\n  viaduct history diff 3 pending",
		Args:              args(1, 2, "one or two revisions, see viaduct history"),
		ValidArgsFunction: a.completeAt(0, configurationNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			out, err := compare(cmd, c, given)
			if err != nil {
				return err
			}
			if output != formatTable {
				return writeData(a.Stdout, output, out)
			}
			if len(out.Objects) == 0 {
				return a.write("no difference\n")
			}
			v := planView{style: a.style(a.Stdout), verbose: verbose, now: a.Now()}
			return a.write(v.render(&api.Plan{Objects: out.Objects, Nodes: out.Nodes}))
		},
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "list every change on every node")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

// configurationNames completes what compare takes.
func configurationNames(ctx context.Context, c *client.Client) []string {
	return append([]string{api.NameRunning, api.NamePending}, revisionNames(ctx, c)...)
}
