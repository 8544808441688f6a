package pveapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (h *Handler) nodeOperations() []Operation {
	node := []schema.Property{nodeParam()}
	return []Operation{
		{
			Method: "GET", Path: "/nodes", Doc: "List the nodes.",
			Handle: h.listNodes,
		},
		index("/nodes/{node}", "name", "network", "sdn", "status", "subscription", "tasks", "version"),
		{
			Method: "GET", Path: "/nodes/{node}/status", Doc: "Return the facts of a node.", Params: node,
			Allow: Need("/nodes/{node}", access.SysAudit), Handle: h.nodeStatus,
		},
		{
			Method: "GET", Path: "/nodes/{node}/version", Doc: "Return the version of the API on a node.", Params: node,
			Handle: func(c *Call) (any, error) {
				if _, err := h.host(c.Text("node")); err != nil {
					return nil, err
				}
				return h.release(), nil
			},
		},
	}
}

// nodeStatus returns what a node reports.
func (h *Handler) nodeStatus(c *Call) (any, error) {
	n, err := h.host(c.Text("node"))
	if err != nil {
		return nil, err
	}
	out := schema.Object{"pveversion": fmt.Sprintf("pve-manager/%s/%s", compatVersion, h.repoID())}
	if n.facts.Kernel != "" {
		out["kversion"] = kernel(n.facts.Kernel)
		out["current-kernel"] = schema.Object{"sysname": "Linux", "release": n.facts.Kernel}
	}
	maps.Copy(out, n.loadOf())
	return out, nil
}

// awaitTimeout limits how long a task waits for one node.
const awaitTimeout = 10 * time.Minute

// awaitRound is the interval after which the state of a node is read without an event.
const awaitRound = 30 * time.Second

// awaitNode waits until a node has its desired state, and logs the progress. It fails
// if the node does not answer or reports an error.
func (h *Handler) awaitNode(ctx context.Context, node string, log func(string, ...any)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, awaitTimeout, fmt.Errorf("%s: the node did not get ready within %s", node, awaitTimeout))
	defer cancel()
	v, _ := h.Config.Latest()
	log("%s: reloading network config, revision %d", node, v.Revision)
	last, after := protocol.State(""), ""
	for {
		s, err := h.Fleet.AwaitStatus(ctx, after, awaitRound, h.Stop)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		after = s.Version
		i := slices.IndexFunc(s.Nodes, func(n api.NodeStatus) bool { return n.Name == node })
		if i < 0 {
			return fmt.Errorf("%s: the node is no member of the cluster any more", node)
		}
		n := s.Nodes[i]
		if n.State != last {
			log("%s: %s", node, n.State)
			last = n.State
		}
		switch n.State {
		case protocol.Converged, protocol.Warning:
			logProblems([]api.NodeStatus{n}, log)
			return nil
		case protocol.Unreachable:
			return fmt.Errorf("%s: the node does not answer; it takes over the configuration as soon as it does: look at its agent", node)
		case protocol.Degraded:
			logProblems([]api.NodeStatus{n}, log)
			return nodeError(&n)
		case protocol.Applying: // not finished
		}
		select {
		case <-h.Stop:
			return errors.New("the server stops; the node goes on by itself")
		default:
		}
	}
}

// logProblems logs the problems of nodes.
func logProblems(nodes []api.NodeStatus, log func(string, ...any)) {
	for _, p := range health.Problems(nodes) {
		log("%s: %s", strings.Join(p.Nodes, ", "), health.Line(&p))
	}
}

// nodeError returns the error of a node that reports problems.
func nodeError(n *api.NodeStatus) error {
	var names []string
	for _, o := range n.Report.Objects {
		if health.OfObject(o) == protocol.Degraded && !slices.Contains(names, o.Object) {
			names = append(names, o.Object)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: %s", n.Name, n.Report.Message)
	}
	return fmt.Errorf("%s: could not be applied: %s", n.Name, strings.Join(names, ", "))
}
