package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "describe KIND ID",
		Short: "Show details of an object",
		Long: `Shows an object's properties, its pending changes with their authors, its addresses,
its state on every node, notes of the plan, and related objects: those that it refers
to, and those that refer to it. A guest can be named by its host name, a subnet by its
network.`,
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
			a.allKinds = true
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

// description is all that is known of one object. Pending or running is nil if the
// object does not exist in that view; not both.
type description struct {
	kind             model.Kind
	id               string
	pending, running model.Object
	plan             *api.Plan
	status           *api.Status
	// config is the pending configuration with all live objects, for related objects.
	config model.Config
	// book maps addresses to their owners; usage is the number of used addresses of
	// subnets.
	book  addressBook
	usage []api.Usage
	// hidden is why the pending edits cannot be shown.
	hidden string
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
	if d.status, err = c.WholeStatus(ctx); err != nil {
		return nil, err
	}
	joined := slices.ContainsFunc(d.status.Nodes, func(n api.NodeStatus) bool { return n.Name == id })
	if d.pending == nil && d.running == nil {
		if kind != model.KindNode || !joined {
			return nil, fmt.Errorf("there is no %s %s; viaduct get %s lists them", kind, id, kind.Plural())
		}
		d.pending = &model.Node{ID: id} // joined, without settings
		d.running = d.pending
	}
	if d.plan, err = c.Plan(ctx); api.IsType(err, api.TypeForbidden) {
		d.plan, d.hidden, err = &api.Plan{}, err.Error(), nil
	}
	if err != nil {
		return nil, err
	}
	if err := d.fetchConfig(ctx, c); err != nil {
		return nil, err
	}
	return d, d.fetchAddresses(ctx, c)
}

// fetchAddresses reads the owners of addresses if they are shown.
func (d *description) fetchAddresses(ctx context.Context, c *client.Client) (err error) {
	switch d.kind {
	case model.KindGuest, model.KindVNet, model.KindNode, model.KindSubnet:
	default:
		return nil
	}
	vnet := ""
	if d.kind == model.KindVNet {
		vnet = d.id
	}
	if d.book, err = readAddresses(ctx, c, "", vnet); err != nil {
		return err
	}
	if d.kind == model.KindVNet || d.kind == model.KindSubnet {
		d.usage, err = c.Usage(ctx, "", vnet)
	}
	return err
}

func getOrNil(ctx context.Context, c *client.Client, kind model.Kind, id, view string) (model.Object, error) {
	o, _, err := c.Get(ctx, kind, id, view)
	if api.IsType(err, api.TypeNotFound) {
		return nil, nil // that it does not exist is a valid answer
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
			d.config.Set(o)
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
	b.WriteString(v.style.bold(printed(string(d.kind)+" "+d.id)) + "\n")
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
	section("Facts", d.factsText())
	section("Interfaces", d.interfacesText())
	section("VLANs of bridges", d.bridgeVLANsText())
	section("NICs", d.nicsText())
	section("Addresses", d.addressesText())
	section("Nodes", d.nodesText(v))
	section("Problems", d.problemsText(v))
	section("Notes", d.notesText(v))
	section("Related", d.relatedText())
	return b.String(), nil
}

func (d *description) ref() string { return model.Ref(d.kind, d.id) }

func (d *description) pendingText(v planView) string {
	if d.hidden != "" {
		return "  unknown: " + d.hidden + "\n"
	}
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
		fmt.Fprintf(&b, "  edited by %s, %s\n", printed(e.Author), ago(v.now, e.Time))
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
		return "" // not on a node yet
	}
	var rows [][]string
	for _, n := range d.status.Nodes {
		if !d.onNode(n.Name) {
			continue
		}
		state, messages := health.Object(&n, d.ref())
		if d.kind == model.KindNode {
			state, messages = n.State, []string{brief(&n)}
		}
		if n.State == protocol.Unreachable {
			messages = []string{health.Message(&n).Text}
		}
		rows = append(rows, []string{"  " + n.Name, v.style.state(state), ago(v.now, n.Seen), strings.Join(messages, "; ")})
	}
	if len(rows) == 0 {
		return ""
	}
	return table([]string{"  NODE", "STATE", "SEEN", "MESSAGE"}, rows)
}

// problemsText lists the problems of the described node.
func (d *description) problemsText(v planView) string {
	if d.kind != model.KindNode {
		return ""
	}
	return statusView{style: v.style, now: v.now}.problems(health.Of(health.Problems(slices.DeleteFunc(slices.Clone(d.status.Nodes),
		func(n api.NodeStatus) bool { return n.Name != d.id })), d.id))
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
