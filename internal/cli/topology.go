package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/topology"
	"github.com/viaduct-sdn/viaduct/internal/topology/svg"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Output formats of the picture.
const (
	formatAuto = "auto"
	formatText = "text"
	formatSVG  = "svg"
)

func (a *app) topologyCommand() *cobra.Command {
	var (
		q      client.TopologyQuery
		watch  bool
		output string
	)
	cmd := &cobra.Command{
		Use:   "topology",
		Short: "Draw the network as a picture",
		Long: `Draws the network as the map of the web interface does: nodes as columns, zones as bands
of VNets across them, guests where they are, and below them fabrics, controllers, tunnels
and BGP sessions, with states and pending changes.

On a terminal the picture is text; elsewhere it is an SVG document. With many VNets zones
only count them, unless --expand names the zone.`,
		Example: `  viaduct topology
  viaduct topology --watch
  viaduct topology > network.svg
  viaduct topology -o svg --focus vnet/web > web.svg`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != formatAuto:
			case terminal(a.Stdout) || watch:
				output = formatText
			default:
				output = formatSVG
			}
			if watch && output != formatText {
				return usagef(cmd, "--watch draws text: leave out -o %s", output)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if watch {
				return a.watchTopology(cmd.Context(), c, q)
			}
			t, err := c.Topology(cmd.Context(), q, "")
			if err != nil {
				return err
			}
			return a.writeTopology(t, output)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Focus, "focus", "", "show only this object and its neighbours: vnet/web, zone/red, node/node1, guest/100")
	f.IntVar(&q.Depth, "depth", 1, fmt.Sprintf("how many references away neighbours may be, 1 to %d", topology.MaxDepth))
	f.StringSliceVar(&q.Expand, "expand", nil, "show the VNets of these zones and the interfaces of these nodes: zone/red,node/node1")
	f.StringVar(&q.Detail, "detail", topology.DetailAuto, "cluster counts VNets, zone shows them, auto shows them unless they are many")
	_ = cmd.RegisterFlagCompletionFunc("detail", cobra.FixedCompletions(topology.Details(), cobra.ShellCompDirectiveNoFileComp))
	f.BoolVarP(&watch, "watch", "w", false, "draw the picture again whenever it changes, until interrupted")
	outputFlag(cmd, &output, formatAuto, formatText, formatSVG, formatJSON, formatYAML)
	return cmd
}

func (a *app) writeTopology(t *api.Topology, output string) error {
	switch output {
	case formatSVG:
		return a.write(svg.Draw(t))
	case formatText:
		return a.write(a.topologyText(t))
	}
	return writeData(a.Stdout, output, t)
}

func (a *app) topologyText(t *api.Topology) string {
	return topologyView{style: a.style(a.Stdout), width: a.columns()}.render(t)
}

// defaultColumns is the width of an output that is no terminal.
const defaultColumns = 120

// columns is the width of the terminal, in letters.
func (a *app) columns() int {
	if f, ok := a.Stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return defaultColumns
}

// calm is the time in which further events join one redraw.
const calm = 100 * time.Millisecond

// watchTopology draws the picture whenever it changes: on a terminal in place.
func (a *app) watchTopology(ctx context.Context, c *client.Client, q client.TopologyQuery) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dirty := make(chan struct{}, 1)
	failed := make(chan error, 1)
	go func() { failed <- a.mark(ctx, c, dirty) }()
	version := ""
	for {
		select {
		case <-ctx.Done():
			return nil // interrupted, as asked
		case err := <-failed:
			return err
		case <-dirty:
		}
		t, err := c.Topology(ctx, q, version)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case t == nil:
			continue
		}
		first := version == ""
		version = t.Version
		if err := a.redraw(a.topologyText(t), first); err != nil {
			return err
		}
		sleep.Context(ctx, calm)
	}
}

// mark sends on dirty whenever something has happened, and at first.
func (a *app) mark(ctx context.Context, c *client.Client, dirty chan<- struct{}) error {
	return a.eachEvent(ctx, c, "", func(api.Event) (bool, error) { // begins with a ready event
		select {
		case dirty <- struct{}{}:
		default: // a redraw is due already
		}
		return true, nil
	})
}
