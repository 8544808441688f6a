package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// watchNodes shows a line for each node until all have finished with the revision, or
// the timeout passes.
func (a *app) watchNodes(ctx context.Context, c *client.Client, revision int64, timeout time.Duration) error {
	p := &progress{w: a.Stdout, style: a.style(a.Stdout), live: terminal(a.Stdout), revision: revision, start: a.Now(), last: map[string]string{}}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var (
		last  *api.Status
		after string
	)
	for waiting.Err() == nil {
		st, err := c.Status(waiting, after)
		if err != nil {
			// A restart of the server, or a failover to another: the revision runs
			// regardless, and the timeout bounds the wait.
			sleep.Context(waiting, 200*time.Millisecond)
			continue
		}
		if st.Version == after { // the poll timed out: a server that answers too fast must not cause a busy loop
			sleep.Context(waiting, 200*time.Millisecond)
		}
		last, after = st, st.Version
		if p.show(st, a.Now()) {
			return p.verdict(last, false)
		}
	}
	if ctx.Err() != nil {
		return &exitError{ExitDegraded, fmt.Errorf("interrupted: revision %d is running and the nodes continue with it; see viaduct status", revision)}
	}
	return p.verdict(last, true)
}

// maxLive is how many nodes' lines are redrawn in place.
const maxLive = 20

// progress draws the nodes' lines: in place on a terminal, elsewhere as a new line
// whenever a node's state changes.
type progress struct {
	w        io.Writer
	style    style
	live     bool
	revision int64
	start    time.Time
	lines    int               // drawn last, to be overwritten
	last     map[string]string // state by node, when not live
}

// show draws a status and reports whether every node has finished.
func (p *progress) show(st *api.Status, now time.Time) bool {
	done := st.Revision >= p.revision
	if len(st.Nodes) > maxLive {
		p.live = false // more lines than a screen has cannot be drawn in place
	}
	var b strings.Builder
	if p.live && p.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.lines) // cursor up, clear to the end
	}
	p.lines = 0
	wide := 0
	for _, n := range st.Nodes {
		wide = max(wide, width(n.Name))
	}
	for _, n := range st.Nodes {
		n.State = p.stateOf(st, n)
		state := n.State
		done = done && state != protocol.Applying
		pad := strings.Repeat(" ", max(0, len(protocol.Unreachable)-len(state))) // the longest state
		line := fmt.Sprintf("  %-*s  %s%s  %s", wide, n.Name, p.style.state(state), pad, nodeMessage(&n, now.Sub(p.start)))
		line = strings.TrimRight(line, " ")
		if p.live {
			b.WriteString(line + "\n")
			p.lines++
			continue
		}
		if key := string(state) + problemsOf(&n); p.last[n.Name] != key {
			p.last[n.Name] = key
			b.WriteString(line + "\n")
		}
	}
	if done {
		b.WriteString(statusView{style: p.style, now: now}.problems(p.problems(st)))
	}
	_, _ = io.WriteString(p.w, b.String()) // progress only: the verdict counts
	return done
}

// problems are those of the nodes with regard to the awaited revision.
func (p *progress) problems(st *api.Status) []api.NodeProblem {
	nodes := slices.Clone(st.Nodes)
	for i := range nodes {
		nodes[i].State = p.stateOf(st, nodes[i])
	}
	return health.Problems(nodes)
}

// stateOf is a node's state with regard to the awaited revision: reports of an older one
// do not count.
func (p *progress) stateOf(st *api.Status, n api.NodeStatus) protocol.State {
	switch {
	case n.State == protocol.Unreachable:
		return n.State
	case st.Revision < p.revision || n.Report == nil || n.Report.Revision < p.revision:
		return protocol.Applying
	}
	return n.State
}

// nodeMessage is a node's state on one line: problems follow in full when all nodes have
// finished.
func nodeMessage(n *api.NodeStatus, elapsed time.Duration) string {
	switch n.State {
	case protocol.Unreachable:
		return "its agent is not connected; it gets the revision when it reconnects"
	case protocol.Converged, protocol.Warning:
		text := ""
		if n.Report != nil && n.Report.Duration > 0 {
			text = "in " + short(n.Report.Duration)
		}
		if b := problemsOf(n); b != "" {
			text = strings.TrimPrefix(text+"; "+b, "; ")
		}
		return text
	case protocol.Applying, protocol.Degraded:
	}
	if n.Report != nil && problemsOf(n) != "" {
		return problemsOf(n)
	}
	if elapsed < time.Second {
		return ""
	}
	return short(elapsed)
}

// problemsOf counts the problems of a node; empty if there are none.
func problemsOf(n *api.NodeStatus) string {
	if n.Report == nil {
		return ""
	}
	return brief(n)
}

// verdict is the final result. A node that does not have the revision as declared makes
// the exit code ExitDegraded.
func (p *progress) verdict(st *api.Status, timedOut bool) error {
	if st == nil {
		return &exitError{ExitDegraded, errors.New("timed out waiting for the states of the nodes; see viaduct status")}
	}
	bad := map[protocol.State][]string{}
	good := 0
	warned := 0
	for _, n := range st.Nodes {
		s := p.stateOf(st, n)
		if s == protocol.Warning {
			warned++
		}
		if !health.InPlace(s) {
			bad[s] = append(bad[s], n.Name)
		} else {
			good++
		}
	}
	var parts []string
	for _, s := range []protocol.State{protocol.Degraded, protocol.Unreachable, protocol.Applying} {
		if len(bad[s]) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", s, strings.Join(bad[s], ", ")))
		}
	}
	if len(parts) == 0 {
		if good == 0 && st.NodesHidden {
			_, _ = fmt.Fprintln(p.w, "the states of nodes are hidden: they need Sys.Audit on /nodes")
			return nil
		}
		if good == 0 {
			_, _ = fmt.Fprintln(p.w, "no node has joined yet; nodes that join get the revision")
			return nil
		}
		text := count(good, "node") + " converged"
		if warned > 0 {
			text += fmt.Sprintf(", %d with warnings", warned)
		}
		_, _ = fmt.Fprintln(p.w, text)
		return nil
	}
	what := "nodes did not converge on revision %d"
	if timedOut {
		what = "timed out waiting for nodes to converge on revision %d"
	}
	return &exitError{ExitDegraded, fmt.Errorf(what+" (%s); see viaduct status", p.revision, strings.Join(parts, "; "))}
}
