package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
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
	ctx := cmd.Context()
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
	var configs []*model.Config
	for _, r := range revisions {
		n, err := revisionNumber(cmd, r)
		if err != nil {
			return nil, err
		}
		cfg, err := configOf(ctx, c, n)
		if err != nil {
			return nil, err
		}
		configs = append(configs, cfg)
	}
	if len(configs) == 1 {
		st, err := c.Status(ctx, "")
		if err != nil {
			return nil, err
		}
		cfg, err := configOf(ctx, c, st.Revision)
		if err != nil {
			return nil, err
		}
		configs = append(configs, cfg)
	}
	return diff.Objects(configs[0], configs[1]), nil
}

// configOf fetches the content of a revision; revision 0 is empty.
func configOf(ctx context.Context, c *client.Client, n int64) (*model.Config, error) {
	if n == 0 {
		return &model.Config{}, nil
	}
	d, err := c.Revision(ctx, n)
	if err != nil {
		return nil, err
	}
	if d.Config == nil {
		return &model.Config{}, nil
	}
	return d.Config, nil
}
