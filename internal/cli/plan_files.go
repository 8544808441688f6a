package cli

import (
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// planFiles shows how the files of a node's daemons would change, as a unified diff.
func (a *app) planFiles(cmd *cobra.Command, files *manifestFlags, node string) error {
	if len(files.files) > 0 {
		return usagef(cmd, "--files shows the pending configuration: leave out -f")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	p, err := c.PlanFiles(cmd.Context(), node)
	if err != nil {
		return explain(err, nil)
	}
	for _, n := range p.Nodes {
		switch {
		case n.Node != node:
		case n.Unknown:
			return a.write(fmt.Sprintf("%s has not reported yet, so its changes are unknown\n", node))
		case len(n.Files) == 0:
			return a.write(fmt.Sprintf("no file of a daemon changes on %s\n", node))
		default:
			return a.write(fileDiffs(n.Files))
		}
	}
	return nil
}

// fileDiffs are unified diffs of files.
func fileDiffs(files []api.FileChange) string {
	var b strings.Builder
	for _, f := range files {
		if f.TooLarge {
			fmt.Fprintf(&b, "%s changes, and is too large to be shown\n", f.Name)
			continue
		}
		text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(f.Old), B: difflib.SplitLines(f.New), FromFile: "running/" + f.Name, ToFile: "pending/" + f.Name, Context: 3})
		if err != nil { // it writes to memory: cannot happen
			panic(err)
		}
		for line := range strings.Lines(text) {
			b.WriteString(printed(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
	return b.String()
}
