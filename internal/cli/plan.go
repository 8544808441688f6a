package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) planCommand() *cobra.Command {
	var (
		files             manifestFlags
		exitFlag, verbose bool
		output, node      string
	)
	cmd := &cobra.Command{
		Use:   "plan [-f FILE|FOLDER|-]... [--prune]",
		Short: "Show what an apply would change",
		Long: `Shows the changes that an apply would make: objects, then links, addresses, routes,
ports and rules of every node. With -f, the objects of the manifests are treated as
pending; nothing is stored.

If a node cannot implement a change, the plan has an error and the exit status is 6.
Errors that the running revision has as well are shown and not counted.

` + pruneHelp,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if node != "" {
				return a.planFiles(cmd, &files, node)
			}
			p, set, err := a.plan(cmd, &files)
			if err != nil {
				return err
			}
			if output != formatTable {
				err = writeData(a.Stdout, output, p)
			} else {
				a.showPlan(p, set, verbose)
			}
			if errs := p.NewErrors(); err == nil && len(errs) > 0 {
				if len(p.Refusals()) == 0 {
					return planErrors(errs, "an apply is not refused, and the supported part of the firewalls is then in force")
				}
				return planErrors(errs, "apply needs --allow-errors")
			}
			if err == nil && exitFlag && !p.Empty() {
				return &exitError{code: ExitChanges}
			}
			return err
		},
	}
	files.register(cmd)
	cmd.Flags().BoolVar(&exitFlag, "exit-code", false, "exit with status 3 if there are changes")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "list every change on every node")
	cmd.Flags().StringVar(&node, "files", "", "show instead how the files of this node's daemons (FRR, dnsmasq, DNS) would change")
	a.completeFlag(cmd, "files", func(ctx context.Context, c *client.Client) []string {
		members, err := c.Members(ctx)
		return namesOf(members, err, func(m api.Member) string { return m.Name })
	})
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func filesFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVarP(into, "file", "f", nil, "manifest: a file, a folder, or - for standard input; may be repeated")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json")
}

// load reads manifests; nil for no files.
func (a *app) load(files []string) (*manifest.Set, error) {
	if len(files) == 0 {
		return nil, nil // no files, no set
	}
	set, err := manifest.Load(files, a.Stdin)
	var faults manifest.Errors
	if errors.As(err, &faults) {
		err = fmt.Errorf("%s in the manifests; nothing was changed\n%w", count(len(faults), "fault"), err)
	}
	if err == nil && len(set.Objects) == 0 {
		err = manifest.ErrNothing
	}
	return set, err
}

// plan requests the plan of the pending configuration, or with files of the manifests.
func (a *app) plan(cmd *cobra.Command, files *manifestFlags) (*api.Plan, *manifest.Set, error) {
	o, c, err := a.loadOwned(cmd, files)
	if err != nil {
		return nil, nil, err
	}
	p, err := planOf(cmd.Context(), c, o)
	return p, o.manifests(), explain(err, o.manifests())
}

func planOf(ctx context.Context, c *client.Client, o *owned) (*api.Plan, error) {
	if o == nil {
		return c.Plan(ctx)
	}
	return c.PlanEdits(ctx, o.edits())
}

// showPlan writes a plan for people.
func (a *app) showPlan(p *api.Plan, set *manifest.Set, verbose bool) {
	v := planView{style: a.style(a.Stdout), verbose: verbose, now: a.Now(), set: set}
	if p.Empty() {
		fmt.Fprintf(a.Stdout, "nothing to apply; %s\n%s", runningText(p.Base), v.warnings(p.Warnings)) //nolint:errcheck // as below
		return
	}
	fmt.Fprint(a.Stdout, v.render(p)) //nolint:errcheck // standard output; the next write fails too
}

// planErrors names the objects of a plan with errors on nodes, and these nodes; then
// states the consequence.
func planErrors(errs []api.NodePlan, then string) error {
	var objects []string
	nodes := map[string][]string{}
	for _, n := range errs {
		for _, note := range n.Notes {
			if !slices.Contains(objects, note.Object) {
				objects = append(objects, note.Object)
			}
			if !slices.Contains(nodes[note.Object], n.Node) {
				nodes[note.Object] = append(nodes[note.Object], n.Node)
			}
		}
	}
	for i, o := range objects {
		objects[i] = fmt.Sprintf("%s on %s", o, line.Few(nodes[o], 4))
	}
	return &exitError{ExitPlanErrors, fmt.Errorf("the plan has errors, nodes cannot implement: %s; %s", line.Few(objects, 8), then)}
}

// runningText names the running revision.
func runningText(n int64) string {
	if n == 0 {
		return "no revision is running yet"
	}
	return fmt.Sprintf("revision %d is running", n)
}
