package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "describe KIND ID",
		Short: "Show all about one object",
		Long: `Shows an object's properties, what is pending on it and by whom, its state on every
node, remarks of the plan, and the objects related to it.`,
		Args:              args(2, 2, "a kind and an id"),
		ValidArgsFunction: a.completeObject(),
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := resolveID(cmd.Context(), c, kind, given[1])
			if err != nil {
				return err
			}
			d, err := gather(cmd.Context(), c, kind, id)
			if err != nil {
				return err
			}
			text, err := d.render(planView{style: a.style(a.Stdout), now: a.Now()})
			if err != nil {
				return err
			}
			return a.write(text)
		},
	}
}

// description is all that is known of one object. Pending or running is nil
// where the object does not exist in that view, not both.
type description struct {
	kind             model.Kind
	id               string
	pending, running model.Object
	plan             *api.Plan
	status           *api.Status
	// config is the pending configuration with guests, for what is related.
	config model.Config
	guests []*model.Guest
}

func gather(ctx context.Context, c *client.Client, kind model.Kind, id string) (*description, error) {
	d := &description{kind: kind, id: id}
	var err error
	if d.pending, err = getOrNil(ctx, c, kind, id, "pending"); err != nil {
		return nil, err
	}
	d.running = d.pending
	if kind.Revisioned() {
		if d.running, err = getOrNil(ctx, c, kind, id, "running"); err != nil {
			return nil, err
		}
	}
	if d.status, err = c.Status(ctx, ""); err != nil {
		return nil, err
	}
	joined := slices.ContainsFunc(d.status.Nodes, func(n api.NodeStatus) bool { return n.Name == id })
	if d.pending == nil && d.running == nil {
		if kind != model.KindNode || !joined {
			return nil, fmt.Errorf("there is no %s %s; viaduct get %s lists them", kind, id, kind.Plural())
		}
		d.pending = &model.Node{ID: id} // joined, and nothing set for it
		d.running = d.pending
	}
	if d.plan, err = c.Plan(ctx); err != nil {
		return nil, err
	}
	return d, d.fetchConfig(ctx, c)
}

func getOrNil(ctx context.Context, c *client.Client, kind model.Kind, id, view string) (model.Object, error) {
	o, _, err := c.Get(ctx, kind, id, view)
	if api.IsType(err, api.TypeNotFound) {
		return nil, nil //nolint:nilnil // that there is none is the answer
	}
	return o, err
}

func (d *description) fetchConfig(ctx context.Context, c *client.Client) error {
	for _, k := range model.Kinds() {
		objs, err := c.List(ctx, k, "pending")
		if err != nil {
			return err
		}
		for _, o := range objs {
			if g, ok := o.(*model.Guest); ok {
				d.guests = append(d.guests, g)
			} else if err := d.config.Put(o); err != nil {
				return fmt.Errorf("in the server's answer: %w", err)
			}
		}
	}
	return nil
}

func (d *description) render(v planView) (string, error) {
	var b strings.Builder
	o := d.pending
	if o == nil {
		o = d.running
	}
	yaml, err := manifest.Marshal([]model.Object{o})
	if err != nil {
		return "", err
	}
	b.WriteString(v.style.bold(string(d.kind)+" "+d.id) + "\n")
	for line := range bytes.Lines(yaml) {
		if !bytes.HasPrefix(line, []byte("kind:")) && !bytes.HasPrefix(line, []byte("id:")) {
			b.WriteString("  " + string(line))
		}
	}
	section := func(title, text string) {
		if text != "" {
			b.WriteString(v.style.bold(title) + "\n" + text)
		}
	}
	section("Pending", d.pendingText(v))
	section("Facts", d.softwareText())
	section("Nodes", d.nodesText(v))
	section("Notes", d.notesText(v))
	section("Related", d.relatedText())
	return b.String(), nil
}

// softwareText tells of a node what it runs, as far as that decides what it can
// do.
func (d *description) softwareText() string {
	i := slices.IndexFunc(d.status.Nodes, func(n api.NodeStatus) bool { return n.Name == d.id })
	if d.kind != model.KindNode || i < 0 || d.status.Nodes[i].Report == nil || d.status.Nodes[i].Report.Facts == nil {
		return ""
	}
	f := d.status.Nodes[i].Report.Facts
	rows := [][]string{{"  viaduct", f.Version}, {"  kernel", f.Kernel}, {"  frr", dialect(f.FRR)}}
	if f.FRR != nil && !f.FRR.IPv6Tunnels() {
		rows[2][1] += "; EVPN tunnels over IPv4 only"
	}
	ovs := "does not answer"
	if f.OVS {
		ovs = "answers"
	}
	return table([]string{"  SOFTWARE", "STATE"}, append(rows, []string{"  open vswitch", ovs}))
}

func (d *description) ref() string { return model.Ref(d.kind, d.id) }

func (d *description) pendingText(v planView) string {
	var b strings.Builder
	var c *diff.Change
	for i := range d.plan.Objects {
		if p := &d.plan.Objects[i]; p.Type == string(d.kind) && p.Name == d.id {
			c = p
		}
	}
	if c == nil {
		return ""
	}
	b.WriteString("  " + v.style.change(c.Action, c.String()) + "\n")
	var edits []api.PendingEdit
	for _, e := range d.plan.Edits {
		if slices.Contains(e.Objects, d.ref()) {
			e.Objects = []string{d.ref()}
			edits = append(edits, e)
		}
	}
	for _, e := range edits {
		fmt.Fprintf(&b, "  edited by %s, %s\n", e.Author, ago(v.now, e.Time))
	}
	return b.String()
}

// zone is the zone the object belongs to, or nil.
func (d *description) zone() *model.Zone {
	o := d.pending
	if o == nil {
		o = d.running
	}
	vnet := ""
	switch o := o.(type) {
	case *model.Zone:
		return o
	case *model.VNet:
		return d.config.Zones[o.Zone]
	case *model.Subnet:
		vnet = o.VNet
	}
	if v := d.config.VNets[vnet]; v != nil {
		return d.config.Zones[v.Zone]
	}
	return nil
}

// onNode reports whether the object concerns a node.
func (d *description) onNode(node string) bool {
	switch o := d.pending.(type) {
	case *model.Node:
		return o.ID == node
	case *model.Guest:
		return o.Node == node
	}
	z := d.zone()
	return z == nil || z.OnNode(node)
}

func (d *description) nodesText(v planView) string {
	if d.running == nil {
		return "" // on no node yet
	}
	var rows [][]string
	for _, n := range d.status.Nodes {
		if !d.onNode(n.Name) {
			continue
		}
		state, message := n.State, ""
		if state == protocol.Degraded && d.kind != model.KindNode {
			state = protocol.Converged // others failed, unless this one is listed
		}
		if n.Report != nil {
			if d.kind == model.KindNode {
				message = n.Report.Message
			}
			for _, o := range n.Report.Objects {
				if o.Object == d.ref() {
					state, message = o.State, o.Message
				}
			}
		}
		rows = append(rows, []string{"  " + n.Name, v.style.state(state), ago(v.now, n.Seen), message})
	}
	if len(rows) == 0 {
		return ""
	}
	return table([]string{"  NODE", "STATE", "SEEN", "MESSAGE"}, rows)
}

func (d *description) notesText(v planView) string {
	var b strings.Builder
	for _, n := range collectNotes(d.plan.Nodes) {
		if n.Object == d.ref() {
			b.WriteString("  " + v.note(n) + "\n")
		}
	}
	for _, w := range d.plan.Warnings {
		if w.Kind == d.kind && w.ID == d.id {
			b.WriteString("  " + v.style.yellow("warning: "+strings.TrimPrefix(w.String(), string(d.kind)+" "+d.id+": ")) + "\n")
		}
	}
	return b.String()
}

// referents lists what refers to a prefix list or a route map.
func (d *description) referents(to model.Object) string {
	var b strings.Builder
	for _, kind := range []model.Kind{model.KindRouteMap, model.KindFabric, model.KindController} {
		for _, o := range d.config.List(kind) {
			var lists, maps []string
			switch o := o.(type) {
			case *model.RouteMap:
				lists, maps = o.PrefixLists(), o.Calls()
			case *model.Fabric:
				lists, maps = []string{o.RouteFilter}, []string{o.RouteMapIn, o.RouteMapOut}
				for _, r := range o.Redistribute {
					maps = append(maps, r.RouteMap)
				}
			case *model.Controller:
				maps = []string{o.RouteMapIn, o.RouteMapOut}
			}
			names := maps
			if to.ObjectKind() == model.KindPrefixList {
				names = lists
			}
			if slices.Contains(names, to.ObjectID()) {
				fmt.Fprintf(&b, "  %s %s\n", kind, o.ObjectID())
			}
		}
	}
	return b.String()
}

// relatedText lists the objects one step away.
func (d *description) relatedText() string {
	var b strings.Builder
	vnet := func(id string) {
		for _, o := range d.config.List(model.KindSubnet) {
			if s, ok := o.(*model.Subnet); ok && s.VNet == id {
				fmt.Fprintf(&b, "  subnet %s\n", s.CIDR)
			}
		}
		for _, g := range d.guests {
			for _, n := range g.NICs {
				if n.VNet == id {
					b.WriteString(line("guest", g.ID, g.Name, n.ID, strings.Join(addrTexts(n.IPs), ", ")))
				}
			}
		}
	}
	switch o := d.pending.(type) {
	case *model.Zone:
		for _, v := range d.config.List(model.KindVNet) {
			if v.(*model.VNet).Zone == o.ID { //nolint:forcetypeassert // a list of this kind
				fmt.Fprintf(&b, "  vnet %s\n", v.ObjectID())
			}
		}
	case *model.PrefixList, *model.RouteMap:
		b.WriteString(d.referents(o))
	case *model.VNet:
		fmt.Fprintf(&b, "  zone %s\n", o.Zone)
		vnet(o.ID)
	case *model.Subnet:
		fmt.Fprintf(&b, "  vnet %s\n", o.VNet)
		if z := d.zone(); z != nil {
			fmt.Fprintf(&b, "  zone %s\n", z.ID)
		}
	case *model.Node:
		for _, g := range d.guests {
			if g.Node == o.ID {
				b.WriteString(line("guest", g.ID, g.Name))
			}
		}
	case *model.Guest:
		for _, n := range o.NICs {
			fmt.Fprintf(&b, "  vnet %s (%s)\n", n.VNet, n.ID)
		}
	}
	return b.String()
}

// line joins the words that are not empty.
func line(words ...string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return "  " + strings.Join(words, " ") + "\n"
}
