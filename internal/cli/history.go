package cli

import (
	"strconv"

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
		Args:  args(0, 0, ""),
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
		rows[i] = []string{strconv.FormatInt(r.Number, 10), mark, ago(a.Now(), r.Time), r.Author, strconv.Itoa(r.Changes), r.Message}
	}
	return table([]string{"REVISION", "", "APPLIED", "BY", "OBJECTS", "MESSAGE"}, rows)
}
