package pveapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// transactionOperations are the operations on the configuration as a whole.
func (s *sdn) transactionOperations() []Operation {
	release := schema.Property{Name: "release-lock", Form: schema.Boolean, Doc: "release the global lock when the operation succeeded"}
	return []Operation{
		{
			Method: http.MethodPut, Path: "/cluster/sdn", Doc: "Apply the pending configuration to all nodes.",
			Params: []schema.Property{lockToken, release}, Allow: Need("/sdn", allocate), Handle: s.apply,
		},
		{
			Method: http.MethodPost, Path: "/cluster/sdn/lock", Doc: "Take the global lock.",
			Params: []schema.Property{{Name: "allow-pending", Form: schema.Boolean, Doc: "take it although there are pending changes"}},
			Allow:  Need("/sdn", allocate), Handle: s.takeLock,
		},
		{
			Method: http.MethodDelete, Path: "/cluster/sdn/lock", Doc: "Release the global lock.",
			Params: []schema.Property{lockToken, {Name: "force", Form: schema.Boolean, Doc: "release it without the token"}},
			Allow:  Need("/sdn", allocate),
			Handle: func(c *Call) (any, error) {
				return nil, failed("could not release lock", s.lock.release(c, c.Text(lockToken.Name), c.Bool("force")))
			},
		},
		{
			Method: http.MethodPost, Path: "/cluster/sdn/rollback", Doc: "Drop the pending configuration.",
			Params: []schema.Property{lockToken, release}, Allow: Need("/sdn", allocate), Handle: s.rollback,
		},
	}
}

func (s *sdn) takeLock(c *Call) (any, error) {
	const what = "could not acquire lock for SDN config"
	if !c.Bool("allow-pending") {
		v, err := s.Config.View(c)
		if err != nil {
			return nil, err
		}
		if v.PendingCount() > 0 {
			return nil, failed(what, schema.Refusal("configuration has pending changes"))
		}
	}
	token, err := s.lock.acquire(c)
	if err != nil {
		return nil, failed(what, err)
	}
	return token, nil
}

// apply creates a revision of the pending configuration, and a task that follows its
// progress on the nodes.
func (s *sdn) apply(c *Call) (any, error) {
	const what = "could not commit SDN config"
	if _, err := s.lock.guard(c, c.Text(lockToken.Name)); err != nil {
		return nil, failed(what, err)
	}
	plan, noPlan := s.Config.Plan(c, nil) // the apply reports the faults
	r, err := s.Config.Apply(c, c.Who.String(), "", "")
	if err != nil {
		return nil, s.failed(c, what, err)
	}
	if err := s.releaseAfter(c); err != nil {
		return nil, failed(what, err)
	}
	return s.Tasks.Start(context.WithoutCancel(c), "reloadnetworkall", "", c.Who.String(), func(ctx context.Context, log func(string, ...any)) error {
		if noPlan == nil {
			for _, text := range s.unsupported(plan) {
				log("%s", text)
			}
		}
		return s.follow(ctx, r.Revision, log)
	})
}

// unsupported warns of settings in a plan that nodes do not support. The native interface
// refuses them; Proxmox VE applies.
func (s *sdn) unsupported(p *revision.Plan) []string {
	var out []string
	for _, n := range (&api.Plan{Nodes: s.Fleet.Plan(p)}).NewErrors() {
		for _, note := range n.Notes {
			out = append(out, fmt.Sprintf("warning: %s: %s: %s", n.Node, note.Object, note.Message))
		}
	}
	return out
}

// releaseAfter releases the lock if the call gave its token and requests the release.
func (s *sdn) releaseAfter(c *Call) error {
	if !c.Has(lockToken.Name) || !c.Bool("release-lock") {
		return nil
	}
	return s.lock.release(c, c.Text(lockToken.Name), false)
}

// rollback drops the pending edits.
func (s *sdn) rollback(c *Call) (any, error) {
	const what = "could not rollback SDN configuration"
	if _, err := s.lock.guard(c, c.Text(lockToken.Name)); err != nil {
		return nil, failed(what, err)
	}
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	if v.Revision == 0 {
		return nil, failed(what, schema.Refusal("there is no running configuration to go back to: nothing was ever applied"))
	}
	if _, err := s.Config.Discard(c, ""); err != nil {
		return nil, failed(what, err)
	}
	return nil, failed(what, s.releaseAfter(c))
}

// followLimit is how long a task waits for the nodes.
const followLimit = 2 * time.Minute

// follow waits until every reachable node has the revision, and logs their progress.
// An unreachable node causes a warning: it follows when it is reachable again.
func (s *sdn) follow(ctx context.Context, revision int64, log func(string, ...any)) error {
	told := map[string]protocol.State{}
	deadline := time.Now().Add(followLimit)
	for after := ""; ; {
		st, err := s.Fleet.AwaitStatus(ctx, after, time.Until(deadline), s.Stop)
		if err != nil {
			return err
		}
		waiting := false
		for _, n := range st.Nodes {
			state := n.State
			if state == protocol.Applying || n.Report == nil && state != protocol.Unreachable {
				waiting, state = true, protocol.Applying
			}
			if told[n.Name] != state {
				told[n.Name] = state
				log("%s", nodeLine(&n, state))
			}
		}
		late := !time.Now().Before(deadline)
		if !waiting || late || st.Revision != revision {
			if waiting && late {
				log("warning: not all nodes are done after %s; they go on, GET /cluster/resources shows how", followLimit)
			}
			logProblems(st.Nodes, log)
			return nil
		}
		after = st.Version
	}
}

// nodeLine describes the progress of a node.
func nodeLine(n *api.NodeStatus, state protocol.State) string {
	switch state {
	case protocol.Applying:
		return n.Name + ": reloading network config"
	case protocol.Unreachable:
		return "warning: " + n.Name + ": cannot be reached; it gets the configuration when it is back"
	case protocol.Converged, protocol.Warning:
		return n.Name + ": has the configuration"
	case protocol.Degraded:
	}
	return "warning: " + n.Name + ": " + string(state)
}
