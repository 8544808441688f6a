package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) historyCommand() *cobra.Command {
	var (
		output string
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the revisions, newest first",
		Long: `Lists the revisions that are kept: the newest 500, as far as they have 128 MiB
together in the store, what runs, and those that were pinned.`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			revs, err := c.Revisions(cmd.Context())
			if err != nil {
				return err
			}
			if limit > 0 && len(revs) > limit {
				revs = revs[:limit]
			}
			if output != formatTable {
				return writeData(a.Stdout, output, revs)
			}
			return a.write(a.historyTable(revs))
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many; 0 for all")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	cmd.AddCommand(a.pinCommand(true), a.pinCommand(false), a.pruneCommand())
	return cmd
}

// pinCommand keeps a revision for good, or no longer.
func (a *app) pinCommand(pinned bool) *cobra.Command {
	use, short, done := "pin REVISION", "Keep a revision whatever its age", "is kept"
	if !pinned {
		use, short, done = "unpin REVISION", "No longer keep a revision whatever its age", "is kept while it is among the newest"
	}
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args(1, 1, "name the number of a revision; list them with: viaduct history"),
		RunE: func(cmd *cobra.Command, list []string) error {
			n, err := strconv.ParseInt(list[0], 10, 64)
			if err != nil {
				return fmt.Errorf("%q is not the number of a revision; list them with: viaduct history", list[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.PinRevision(cmd.Context(), n, pinned); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("revision %d %s\n", n, done))
		},
	}
}

// pruneCommand removes old revisions.
func (a *app) pruneCommand() *cobra.Command {
	keep := 0
	cmd := &cobra.Command{
		Use:     "prune --keep N",
		Short:   "Remove old revisions, but not what runs and what is pinned",
		Example: "  viaduct history prune --keep 50",
		Args:    args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			r, err := c.PruneRevisions(cmd.Context(), api.PruneRequest{Keep: keep})
			if err != nil {
				return err
			}
			return a.write(fmt.Sprintf("%d revisions were removed\n", r.Removed))
		},
	}
	cmd.Flags().IntVar(&keep, "keep", 0, "how many of the newest to keep, 1 at least")
	_ = cmd.MarkFlagRequired("keep")
	return cmd
}

func (a *app) historyTable(revs []api.Revision) string {
	if len(revs) == 0 {
		return "nothing was ever applied\n"
	}
	s := a.style(a.Stdout)
	rows := make([][]string, len(revs))
	for i, r := range revs {
		mark := ""
		if r.Running {
			mark = s.green("running")
		}
		if r.Pinned {
			mark = strings.TrimSpace(mark + " pinned")
		}
		rows[i] = []string{strconv.FormatInt(r.Number, 10), mark, ago(a.Now(), r.Time), r.Author, strconv.Itoa(r.Changes), r.Message}
	}
	return table([]string{"REVISION", "", "APPLIED", "BY", "OBJECTS", "MESSAGE"}, rows)
}
