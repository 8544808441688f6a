package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxNodeChanges is how many changes of a node are listed; more are summarized unless
// verbose.
const maxNodeChanges = 40

// planView shows plans.
type planView struct {
	style   style
	verbose bool
	now     time.Time
	// set provides the positions of warnings; it may be nil.
	set *manifest.Set
}

// render shows the changes of objects, then those of nodes, then notes.
func (v planView) render(p *api.Plan) string {
	var b strings.Builder
	if len(p.Objects) > 0 {
		b.WriteString(v.style.bold("Objects") + "\n")
		b.WriteString(v.changes(p.Objects, "  "))
	}
	if groups := groupNodes(p.Nodes); len(groups) > 0 {
		b.WriteString(v.style.bold("Nodes") + "\n")
		for _, g := range groups {
			b.WriteString(v.node(g))
		}
	}
	if notes := collectNotes(p.Nodes); len(notes) > 0 {
		b.WriteString(v.style.bold("Notes") + "\n")
		for _, n := range notes {
			b.WriteString("  " + v.note(n) + "\n")
		}
	}
	if edits := v.edits(p.Edits); edits != "" {
		b.WriteString(v.style.bold("Pending edits by") + "\n" + edits)
	}
	b.WriteString(v.warnings(p.Warnings))
	return b.String()
}

// warnings are shown with their positions if known.
func (v planView) warnings(ps []api.Problem) string {
	if len(ps) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(v.style.bold("Warnings") + "\n")
	for i, p := range ps {
		if i == maxProblems {
			fmt.Fprintf(&b, "  ... and %d more\n", len(ps)-maxProblems)
			break
		}
		text := strings.ReplaceAll(formatProblem(p, v.set), "\n", "\n  ")
		b.WriteString("  " + v.style.yellow(text) + "\n")
	}
	return b.String()
}

// edits lists the authors of the pending edits, one a line, with the time of the last.
func (v planView) edits(es []api.PendingEdit) string {
	var authors []string
	last := make(map[string]*api.PendingEdit)
	for _, e := range es { // oldest first
		if len(e.Objects) == 0 {
			continue
		}
		if last[e.Author] == nil {
			authors = append(authors, e.Author)
			last[e.Author] = &api.PendingEdit{}
		}
		sum := last[e.Author]
		sum.Time = e.Time
		for _, o := range e.Objects {
			if !slices.Contains(sum.Objects, o) {
				sum.Objects = append(sum.Objects, o)
			}
		}
	}
	var b strings.Builder
	for _, a := range authors {
		fmt.Fprintf(&b, "  %s, %s: %s\n", printed(a), ago(v.now, last[a].Time), printed(line.Few(last[a].Objects, 5)))
	}
	return b.String()
}

func (v planView) changes(cs []api.Change, indent string) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteString(indent + v.style.change(c.Action, c.String()) + "\n")
	}
	return b.String()
}

// nodeGroup is a group of nodes with the same changes.
type nodeGroup struct {
	names   []string
	changes []api.Change
	unknown bool
}

// groupNodes groups nodes with equal changes, in the order of the first of each. Nodes
// without changes are omitted.
func groupNodes(nodes []api.NodePlan) []*nodeGroup {
	var out []*nodeGroup
	byKey := make(map[string]*nodeGroup)
	for _, n := range nodes {
		if len(n.Changes) == 0 && !n.Unknown {
			continue
		}
		var key strings.Builder
		fmt.Fprintln(&key, n.Unknown)
		for _, c := range n.Changes {
			key.WriteString(c.String() + "\n")
		}
		g := byKey[key.String()]
		if g == nil {
			g = &nodeGroup{changes: n.Changes, unknown: n.Unknown}
			byKey[key.String()] = g
			out = append(out, g)
		}
		g.names = append(g.names, n.Node)
	}
	return out
}

func (v planView) node(g *nodeGroup) string {
	names := strings.Join(g.names, ", ")
	if !v.verbose {
		names = line.Few(g.names, 8)
	}
	if g.unknown {
		has, its := "has", "its"
		if len(g.names) > 1 {
			has, its = "have", "their"
		}
		return fmt.Sprintf("  %s: %s not reported yet, so %s changes are unknown; they are made once %s\n", names, has, its,
			map[bool]string{true: "they do", false: "it does"}[len(g.names) > 1])
	}
	head := count(len(g.changes), "change")
	if len(g.names) > 1 {
		head = "same " + head
	}
	text := fmt.Sprintf("  %s: %s\n", names, head)
	if len(g.changes) > maxNodeChanges && !v.verbose {
		return text + v.summary(g.changes)
	}
	return text + v.changes(g.changes, "    ")
}

// summary counts changes by action and type.
func (v planView) summary(cs []api.Change) string {
	type key struct {
		action diff.Action
		typ    string
	}
	counts := make(map[key]int)
	var keys []key
	for _, c := range cs {
		k := key{c.Action, c.Type}
		if counts[k] == 0 {
			keys = append(keys, k)
		}
		counts[k]++
	}
	var b strings.Builder
	for _, k := range keys {
		b.WriteString("    " + v.style.change(k.action, k.action.Sign()+" "+count(counts[k], k.typ)) + "\n")
	}
	b.WriteString("    " + v.style.faint("(-v lists them)") + "\n")
	return b.String()
}

// nodesNote is a note and the nodes that have it.
type nodesNote struct {
	api.Note
	nodes []string
}

// collectNotes merges equal notes of several nodes: errors first, then warnings, and
// causes before their consequences.
func collectNotes(nodes []api.NodePlan) []*nodesNote {
	var out []*nodesNote
	type noteKey struct {
		level, object, message string
		class                  fault.Class
		standing               bool
	}
	seen := make(map[noteKey]*nodesNote)
	for _, n := range nodes {
		for _, note := range n.Notes {
			key := noteKey{note.Level, note.Object, health.WithoutNodeName(note.Message, n.Node), note.Class, note.Standing}
			if have := seen[key]; have != nil {
				have.Message = key.message
				have.nodes = append(have.nodes, n.Node)
				continue
			}
			seen[key] = &nodesNote{Note: note, nodes: []string{n.Node}}
			out = append(out, seen[key])
		}
	}
	rank := map[string]int{"error": -2, "warning": -1}
	slices.SortStableFunc(out, func(a, b *nodesNote) int {
		return cmp.Or(cmp.Compare(rank[a.Level], rank[b.Level]), cmp.Compare(fault.Rank(a.Class), fault.Rank(b.Class)))
	})
	return out
}

func (v planView) note(n *nodesNote) string {
	text := printed(fmt.Sprintf("%s: %s (%s)", n.Object, n.Message, line.Few(n.nodes, 4)))
	switch n.Level {
	case "error":
		return v.style.red("error: " + text)
	case "warning":
		return v.style.yellow("warning: " + text)
	}
	return text
}
