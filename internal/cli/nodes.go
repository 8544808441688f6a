package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// nodeView is all that is known of one node.
type nodeView struct {
	name   string
	member *api.Member
	object *model.Node
	status *api.NodeStatus
}

// nodes shows members, Node objects and states together.
func (g getter) nodes(ctx context.Context) error {
	members, err := g.c.Members(ctx)
	if err != nil {
		return err
	}
	objs, err := g.c.List(ctx, model.KindNode, g.view)
	if err != nil {
		return err
	}
	st, err := g.c.Status(ctx, "")
	if err != nil {
		return err
	}
	views := nodeViews(members, objs, st)
	if g.id != "" {
		views = slices.DeleteFunc(views, func(v *nodeView) bool { return v.name != g.id })
		if len(views) == 0 {
			return fmt.Errorf("there is no node %s; viaduct get nodes lists them", g.id)
		}
	}
	if len(views) == 0 {
		return g.write("no node has joined; on this host run viaduct node token NODE, then viaduct node join on the new one\n")
	}
	return g.write(nodeTable(views, g.style(g.Stdout), g.Now(), g.output == formatWide))
}

func nodeViews(members []api.Member, objs []model.Object, st *api.Status) []*nodeView {
	byName := make(map[string]*nodeView)
	at := func(name string) *nodeView {
		if byName[name] == nil {
			byName[name] = &nodeView{name: name}
		}
		return byName[name]
	}
	for i := range members {
		at(members[i].Name).member = &members[i]
	}
	for _, o := range objs {
		if n, ok := o.(*model.Node); ok {
			at(n.ID).object = n
		}
	}
	for i := range st.Nodes {
		at(st.Nodes[i].Name).status = &st.Nodes[i]
	}
	out := make([]*nodeView, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out
}

func nodeTable(views []*nodeView, s style, now time.Time, wide bool) string {
	header := []string{"NODE", "STATE", "REVISION", "SEEN", "ADDRESS"}
	if wide {
		header = append(header, "VERSION", "KERNEL", "FRR", "CERTIFICATE", "RESERVED")
	}
	rows := make([][]string, len(views))
	for i, v := range views {
		state, revision, seen, version, kernel, frr := s.faint("not joined"), "", "", "", "", ""
		if v.member != nil {
			state = s.yellow("not seen yet")
		}
		if v.status != nil {
			state, seen = s.state(v.status.State), ago(now, v.status.Seen)
			if r := v.status.Report; r != nil {
				revision = fmt.Sprint(r.Revision)
				if r.Facts != nil {
					version, kernel, frr = r.Facts.Version, r.Facts.Kernel, dialect(r.Facts.FRR)
				}
			}
		}
		address, reserved, cert := "automatic", "", ""
		if v.object != nil {
			reserved = strings.Join(v.object.Reserved, ", ")
			if v.object.Address.IsValid() {
				address = v.object.Address.String()
			}
		}
		if v.member != nil {
			cert = "ends in " + short(v.member.Expires.Sub(now))
		}
		rows[i] = []string{v.name, state, revision, seen, address, version, kernel, frr, cert, reserved}[:len(header)]
	}
	return table(header, rows)
}

// dialect is the FRR variant of a node: Proxmox's own build knows commands that a stock
// one does not, so the configuration for the same zones differs.
func dialect(f *model.FRRFacts) string {
	switch {
	case f == nil:
		return "none"
	case f.AutoRT:
		return f.Version + ", Proxmox's"
	}
	return f.Version + ", stock"
}
