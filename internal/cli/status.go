package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) statusCommand() *cobra.Command {
	var (
		watch    bool
		exitFlag bool
		output   string
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the running revision and the state of every node",
		Long: `Shows the running revision, the state of every node, problems with causes first, and
drift: differences that no revision asked for, found and repaired. The states are

  converged    what was declared is in place and works
  warning      it is in place, with something that needs attention
  applying     the node has not answered the running revision yet
  degraded     something that was declared does not work
  unreachable  no server has a connection of the node's agent; suspect: only since
               a moment`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if watch {
				return a.watchStatus(cmd.Context(), c, output)
			}
			st, err := c.Status(cmd.Context(), "")
			if err != nil {
				return err
			}
			if err := a.writeStatus(st, output); err != nil {
				return err
			}
			if exitFlag && !healthy(st) {
				return &exitError{code: ExitDegraded}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show the status again whenever it changes, until interrupted")
	cmd.Flags().BoolVar(&exitFlag, "exit-code", false, "exit with status 4 unless every node is converged or has only warnings")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func (a *app) writeStatus(st *api.Status, output string) error {
	if output != formatTable {
		return writeData(a.Stdout, output, st)
	}
	return a.write(statusView{style: a.style(a.Stdout), now: a.Now()}.render(st))
}

// watchStatus shows the status whenever it changes: on a terminal in place.
func (a *app) watchStatus(ctx context.Context, c *client.Client, output string) error {
	after := ""
	for ctx.Err() == nil {
		st, err := c.Status(ctx, after)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if st == nil { // interrupted
			break
		}
		if st.Version == after {
			sleep.Context(ctx, 200*time.Millisecond)
			continue
		}
		switch {
		case terminal(a.Stdout) && output == formatTable:
			err = a.write("\x1b[H\x1b[2J") // cursor home, clear
		case after != "" && output == formatTable:
			err = a.write("\n")
		case after != "" && output == formatYAML:
			err = a.write("---\n")
		}
		after = st.Version
		if err != nil {
			return err
		}
		if err := a.writeStatus(st, output); err != nil {
			return err
		}
	}
	return nil // interrupted, as asked
}

// healthy reports whether every node is in its desired state.
func healthy(st *api.Status) bool {
	for _, n := range st.Nodes {
		if !health.InPlace(n.State) {
			return false
		}
	}
	return true
}

// statusView shows the state of the cluster.
type statusView struct {
	style style
	now   time.Time
}

func (v statusView) render(st *api.Status) string {
	var b strings.Builder
	b.WriteString(v.headline(st) + "\n")
	for _, text := range st.Warnings {
		b.WriteString(v.style.yellow("warning") + ": " + text + "\n")
	}
	if len(st.Nodes) == 0 && st.NodesHidden {
		b.WriteString("nodes are hidden: they need Sys.Audit on /nodes\n")
		return b.String()
	}
	if len(st.Nodes) == 0 {
		b.WriteString("no node has joined yet: viaduct node token NODE creates a join token\n")
		return b.String()
	}
	b.WriteString("\n" + v.nodes(st))
	if text := v.problems(health.Problems(st.Nodes)); text != "" {
		b.WriteString("\n" + v.style.bold("Problems") + "\n" + text)
	}
	if text := v.drift(st); text != "" {
		b.WriteString("\n" + v.style.bold("Drift") + "\n" + text)
	}
	return b.String()
}

// headline summarizes the cluster in one line.
func (v statusView) headline(st *api.Status) string {
	counts := map[protocol.State]int{}
	for _, n := range st.Nodes {
		counts[n.State]++
	}
	text := runningText(st.Revision)
	switch shown := st.Pending - st.PendingHidden; {
	case st.Pending == 0:
		text += ", nothing pending"
	case st.PendingHidden == 0:
		text += ", " + v.style.yellow(count(st.Pending, "change")+" pending")
	case shown == 0:
		text += ", " + v.style.yellow(count(st.PendingHidden, "change")+" of others pending, hidden from you")
	default:
		text += ", " + v.style.yellow(fmt.Sprintf("%s pending, and %d of others hidden from you", count(shown, "change"), st.PendingHidden))
	}
	var nodes []string
	for _, s := range health.States {
		if counts[s] > 0 {
			nodes = append(nodes, fmt.Sprintf("%d %s", counts[s], v.style.state(s)))
		}
	}
	if len(nodes) == 0 {
		return text
	}
	return text + "; " + count(len(st.Nodes), "node") + ": " + strings.Join(nodes, ", ")
}

func (v statusView) nodes(st *api.Status) string {
	rows := make([][]string, len(st.Nodes))
	for i := range st.Nodes {
		n := &st.Nodes[i]
		revision, drift := "", ""
		if n.Report != nil {
			revision = fmt.Sprint(n.Report.Revision)
			if len(n.Report.Drift) > 0 {
				drift = fmt.Sprint(len(n.Report.Drift))
			}
		}
		rows[i] = []string{n.Name, v.style.state(n.State), revision, ago(v.now, n.Seen), drift, brief(n)}
	}
	return table([]string{"NODE", "STATE", "REVISION", "SEEN", "DRIFT", "MESSAGE"}, rows)
}

// brief is a short form of a node's problems.
func brief(n *api.NodeStatus) string {
	switch {
	case n.State == protocol.Unreachable && n.Suspect:
		return "suspect, see below"
	case n.State == protocol.Unreachable:
		return "see below"
	case n.Report == nil:
		return health.Message(n).Text
	}
	degraded, warnings := 0, 0
	for _, p := range health.Problems([]api.NodeStatus{*n}) {
		if p.State == protocol.Warning {
			warnings++
		} else {
			degraded++
		}
	}
	var parts []string
	if degraded > 0 {
		parts = append(parts, count(degraded, "problem"))
	}
	if warnings > 0 {
		parts = append(parts, count(warnings, "warning"))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ", see below"
}

// problems has a line for each problem: the affected nodes and the message.
func (v statusView) problems(all []api.NodeProblem) string {
	var b strings.Builder
	for _, p := range all {
		text := printed(line.Few(p.Nodes, maxNamed) + ": " + health.Line(&p))
		if p.State == protocol.Warning {
			text = v.style.yellow(text)
		} else {
			text = v.style.red(text)
		}
		b.WriteString("  " + text + "\n")
	}
	return b.String()
}

// maxNamed is how many nodes of a problem are named.
const maxNamed = 8

// maxDriftShown is how many drift entries are shown for each node, the newest.
const maxDriftShown = 5

func (v statusView) drift(st *api.Status) string {
	var b strings.Builder
	for _, n := range st.Nodes {
		if n.Report == nil {
			continue
		}
		all := n.Report.Drift
		for _, d := range all[max(0, len(all)-maxDriftShown):] {
			fmt.Fprintf(&b, "  %s, %s: %s\n", n.Name, ago(v.now, d.Time), printed(driftText(d)))
		}
		if more := len(all) - maxDriftShown; more > 0 {
			fmt.Fprintf(&b, "  %s: and %d before\n", n.Name, more)
		}
	}
	return b.String()
}

// driftText describes a node's drift. The change is the repair, so what it creates was
// missing and what it deletes was unexpected.
func driftText(d protocol.Drift) string {
	c := d.Change
	what := c.Type + " " + c.Name
	if c.Owner != "" {
		what += " (" + c.Owner + ")"
	}
	var text, done string
	switch c.Action {
	case diff.Create:
		text, done = what+" was missing", "made again"
	case diff.Delete:
		text, done = what+" was unexpected", "removed"
	case diff.Update, diff.Replace:
		var fields []string
		for _, f := range c.Fields {
			fields = append(fields, fmt.Sprintf("%s was %s instead of %s", f.Name, orNone(f.Old), orNone(f.New)))
		}
		text, done = what+" was changed: "+strings.Join(fields, ", "), "reverted"
	}
	if d.Error != "" {
		return text + "; it could not be repaired: " + d.Error
	}
	return text + "; " + done
}

func orNone(s string) string {
	if s == "" {
		return "unset"
	}
	return s
}
