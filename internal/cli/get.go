package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Words accepted in place of a kind: the view of the guests' network interfaces, and all
// kinds together.
const (
	kindNICs = "nics"
	kindAll  = "all"
)

func (a *app) getCommand() *cobra.Command {
	var output, view string
	cmd := &cobra.Command{
		Use:   "get KIND [ID]",
		Short: "List objects",
		Long: `Lists the objects of a kind: nodes, zones, vnets, subnets, guests and so on; or nics,
the network interfaces of all guests with their addresses; or all kinds that have
objects. The table of nodes shows all joined nodes; programs read node
states from viaduct status -o json. With -o yaml the output is a manifest that
can be edited and applied.`,
		Args:              args(1, 2, "a kind, and the id of an object to see only that"),
		ValidArgsFunction: a.completeObject(kindNICs, kindAll),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			g := getter{app: a, c: c, view: view, output: output, id: ""}
			if len(given) == 2 {
				g.id = given[1]
			}
			if strings.TrimSuffix(strings.ToLower(given[0]), "s") == "nic" {
				return g.nics(cmd.Context())
			}
			if strings.EqualFold(given[0], kindAll) {
				if g.id != "" {
					return usagef(cmd, "unexpected argument %q: get all takes none", g.id)
				}
				return g.all(cmd.Context())
			}
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			return g.objects(cmd.Context(), kind)
		},
	}
	viewFlag(cmd, &view)
	outputFlag(cmd, &output, formatTable, formatWide, formatJSON, formatYAML, formatName)
	return cmd
}

// viewFlag gives a command --view.
func viewFlag(cmd *cobra.Command, view *string) {
	cmd.Flags().StringVar(view, "view", "pending", "configuration to show: pending or running")
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions([]string{"pending", "running"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(c *cobra.Command, _ []string) error {
		if *view != "pending" && *view != "running" {
			return usagef(c, "unknown view %q; it is pending or running", *view)
		}
		return nil
	}
}

// getter is one run of get.
type getter struct {
	*app
	c                *client.Client
	id, view, output string
}

func (g getter) objects(ctx context.Context, kind model.Kind) error {
	people := g.output == formatTable || g.output == formatWide
	if kind == model.KindNode && people {
		return g.nodes(ctx)
	}
	objs, err := g.list(ctx, kind)
	if err != nil {
		return err
	}
	if !people {
		return writeObjects(g.Stdout, g.output, objs, g.id != "")
	}
	if len(objs) == 0 {
		return g.write(fmt.Sprintf("no %s\n", kind.Plural()))
	}
	header, rows := objectRows(kind, objs, g.output == formatWide)
	return g.write(table(header, rows))
}

// all shows the objects of every kind that has any.
func (g getter) all(ctx context.Context) error {
	g.allKinds = true
	var objs []model.Object
	people := g.output == formatTable || g.output == formatWide
	shown := 0
	for _, kind := range model.Kinds() {
		list, err := g.list(ctx, kind)
		if err != nil {
			return err
		}
		objs = append(objs, list...)
		if !people || len(list) == 0 {
			continue
		}
		header, rows := objectRows(kind, list, g.output == formatWide)
		text := table(header, rows)
		if shown > 0 {
			text = "\n" + text
		}
		shown++
		if err := g.write(text); err != nil {
			return err
		}
	}
	switch {
	case !people:
		return writeObjects(g.Stdout, g.output, objs, false)
	case shown == 0:
		return g.write("no objects\n")
	}
	return nil
}

// list fetches all objects of a kind, or the requested one.
func (g getter) list(ctx context.Context, kind model.Kind) ([]model.Object, error) {
	if g.id == "" {
		return g.c.List(ctx, kind, g.view)
	}
	id, err := resolveID(ctx, g.c, kind, g.id)
	if err != nil {
		return nil, err
	}
	o, _, err := g.c.Get(ctx, kind, id, g.view)
	if err != nil {
		return nil, err
	}
	return []model.Object{o}, nil
}

// objectRows is the table of objects of one kind; wide adds columns.
func objectRows(kind model.Kind, objs []model.Object, wide bool) (header []string, rows [][]string) {
	rows = make([][]string, len(objs))
	for _, c := range kind.Descriptor().Columns {
		if c.Wide && !wide {
			continue
		}
		header = append(header, c.Name)
		for i, o := range objs {
			rows[i] = append(rows[i], c.Cell(o))
		}
	}
	return header, rows
}

func addrTexts(as []netip.Addr) []string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = a.String()
	}
	return out
}

// write writes text for people to standard output.
func (a *app) write(text string) error {
	_, err := io.WriteString(a.Stdout, text)
	return err
}
