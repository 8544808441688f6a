package api

import (
	"net/http"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// filesParam asks for files in a plan.
var filesParam = param{name: "files", typ: "string", doc: "the name of a node: include its daemons' files that change; needs SDN.Audit on /sdn, since they hold what does not change as well"}

// withFiles adds to the plans of nodes the files of the node that the request names.
func (h *Handler) withFiles(r *request, p *revision.Plan, nodes []api.NodePlan) ([]api.NodePlan, error) {
	name := r.URL.Query().Get("files")
	if name == "" {
		return nodes, nil
	}
	if err := h.demand(r.caller, right{"/sdn", sdnRead}); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(nodes, func(n api.NodePlan) bool { return n.Node == name })
	if i < 0 {
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "node %s: there is no such node in the plan; list the nodes with: viaduct status", name)
	}
	files, ok := h.Fleet.Files(p, name)
	if ok {
		nodes[i].Files = files
	}
	return nodes, nil
}
