package fleet

import (
	"runtime"

	"github.com/viaduct-sdn/viaduct/internal/document"

	"golang.org/x/sync/errgroup"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Plan computes the effect of a plan on every node that has joined, sorted by name. It
// compiles as the agents do, from the facts that they reported.
func (f *Fleet) Plan(p *revision.Plan) []api.NodePlan {
	names := f.members.Names()
	changed := make(map[string]bool)
	for _, c := range p.Changes {
		changed[model.Ref(model.Kind(c.Type), c.Name)] = true
	}
	// The number of the revision does not affect a node.
	old := compile.NewProjector(p.Old, p.OldLive, p.Base)
	new := compile.NewProjector(p.New, p.NewLive, p.Base)
	out := make([]api.NodePlan, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			facts, ok := f.facts.Get(name)
			if !ok {
				out[i] = api.NodePlan{Node: name, Changes: []diff.Change{}, Unknown: true}
				return nil
			}
			out[i] = plan(old.Node(name), new.Node(name), facts.Value, changed)
			return nil
		})
	}
	_ = group.Wait() // never returns an error
	return out
}

// plan computes the effect of a change from one document to another on the node.
func plan(from, to *document.Document, facts *model.Facts, changed map[string]bool) api.NodePlan {
	old, before := compile.Node(from, facts)
	new, notes := compile.Node(to, facts)
	out := api.NodePlan{Node: to.Node, Changes: diff.Nodes(old, new)}
	if out.Changes == nil {
		out.Changes = []diff.Change{}
	}
	concerned := make(map[string]bool)
	for _, c := range out.Changes {
		concerned[c.Owner] = true
	}
	type key struct {
		level           compile.Level
		object, message string
	}
	standing := make(map[key]bool, len(before))
	for _, n := range before {
		standing[key{n.Level, n.Object, n.Message}] = true
	}
	for _, n := range notes {
		// Notes on unchanged objects were reported when those changed; problems are
		// reported every time.
		if n.Level != compile.LevelInfo || changed[n.Object] || concerned[n.Object] {
			out.Notes = append(out.Notes, api.Note{Object: n.Object, Level: string(n.Level), Message: n.Message, Details: n.Details, Class: n.Class,
				Standing: standing[key{n.Level, n.Object, n.Message}]})
		}
	}
	return out
}
