package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) historyCommand() *cobra.Command {
	var (
		output string
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the revisions, newest first",
		Long: `Lists the stored revisions: the newest 500 within 128 MiB, the running one, and pinned
ones.`,
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
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "number of revisions; 0 for all")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	cmd.AddCommand(a.historyShowCommand(), a.historyDiffCommand(), a.pinCommand(true), a.pinCommand(false), a.pruneCommand())
	return cmd
}

// pinCommand pins or unpins a revision.
func (a *app) pinCommand(pinned bool) *cobra.Command {
	use, short, done := "pin REVISION", "Keep a revision regardless of its age", "is kept"
	if !pinned {
		use, short, done = "unpin REVISION", "Stop keeping a revision regardless of its age", "is kept only while it is among the newest"
	}
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args(1, 1, "name the number of a revision; list them with: viaduct history"),
		RunE: func(cmd *cobra.Command, list []string) error {
			n, err := revisionNumber(cmd, list[0])
			if err != nil {
				return err
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
		Short:   "Remove old revisions, except the running one and pinned ones",
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
	cmd.Flags().IntVar(&keep, "keep", 0, "number of newest revisions to keep, at least 1")
	_ = cmd.MarkFlagRequired("keep")
	return cmd
}

// revisionView is the output of `history show`.
type revisionView struct {
	api.Revision
	Objects []api.Change     `json:"objects"`
	Nodes   []api.NodeResult `json:"nodes"`
}

func (a *app) historyShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show REVISION",
		Short: "Show the changes of a revision and the result on each node",
		Long: `Shows author, time and description of a revision, the objects that differ from the
previous one, and the result on each node (kept for the newest 100 revisions). Guests,
firewalls and other live kinds are not part of revisions: see viaduct audit.`,
		Args:              args(1, 1, "the number of a revision, see viaduct history"),
		ValidArgsFunction: a.completeAt(0, revisionNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			n, err := revisionNumber(cmd, given[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			d, err := c.Revision(cmd.Context(), n)
			if err != nil {
				return err
			}
			v := revisionView{d.Revision, d.Objects, d.Nodes}
			if output != formatTable {
				return writeData(a.Stdout, output, v)
			}
			return a.write(a.revisionText(v))
		},
	}
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func revisionNames(ctx context.Context, c *client.Client) []string {
	revs, err := c.Revisions(ctx)
	return namesOf(revs, err, func(r api.Revision) string { return strconv.FormatInt(r.Number, 10) })
}

func (a *app) revisionText(r revisionView) string {
	s := a.style(a.Stdout)
	var b strings.Builder
	b.WriteString(s.bold(fmt.Sprintf("revision %d", r.Number)))
	if r.Running {
		b.WriteString(", " + s.green("running"))
	}
	b.WriteString("\n" + details("  applied", fmt.Sprintf("%s (%s)", r.Time.Format(time.DateTime+" MST"), ago(a.Now(), r.Time)), "  by", r.Author, "  message", r.Message))
	b.WriteString(s.bold("Objects") + "\n")
	if len(r.Objects) == 0 {
		b.WriteString("  no differences from the previous revision\n")
	}
	b.WriteString(planView{style: s}.changes(r.Objects, "  "))
	b.WriteString(s.bold("Nodes") + "\n")
	if len(r.Nodes) == 0 {
		b.WriteString("  no results, or they are no longer stored\n")
		return b.String()
	}
	rows := make([][]string, len(r.Nodes))
	var failed strings.Builder
	for i, n := range r.Nodes {
		rows[i] = []string{"  " + n.Node, s.state(n.State), ago(a.Now(), n.Time), short(n.Duration), n.Message}
		for _, o := range n.Objects {
			fmt.Fprintf(&failed, "  %s\n", s.red(printed(fmt.Sprintf("%s on %s: %s", o.Object, n.Node, o.Message))))
		}
	}
	b.WriteString(table([]string{"  NODE", "STATE", "REPORTED", "TOOK", "MESSAGE"}, rows))
	if failed.Len() > 0 {
		b.WriteString(s.bold("Failed") + "\n" + failed.String())
	}
	return b.String()
}

func (a *app) historyTable(revs []api.Revision) string {
	if len(revs) == 0 {
		return "no revisions yet\n"
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
