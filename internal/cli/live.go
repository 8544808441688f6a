package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// liveAtOnce is how many nodes are queried at a time.
const liveAtOnce = 16

func (a *app) liveCommand() *cobra.Command {
	var output string
	var nodes []string
	var watch bool
	cmd := &cobra.Command{
		Use:   "live SUBJECT [OBJECT]",
		Short: "Show the present state of nodes",
		Long: "Queries nodes about their present state. Without --node all nodes are queried.\n" +
			"With --watch they are queried every five seconds; counters become rates.\n\n" + liveSubjects(),
		Example: `  viaduct live routes --node node1
  viaduct live fdb vnet1
  viaduct live counters --node node1 --watch
  viaduct live ip-vrf zone1 --node node1,node2 -o json`,
		Args:              args(1, 2, "a subject, and the ID of the zone, VNet or fabric that it is about"),
		ValidArgsFunction: a.completeLive,
		RunE: func(cmd *cobra.Command, given []string) error {
			q, err := liveQuery(cmd, given)
			if err != nil {
				return err
			}
			if watch && output != formatTable {
				return usagef(cmd, "--watch prints tables: leave out -o %s", output)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			object := append(given, "")[1]
			if object != "" && object != localNetwork {
				if object, err = resolveID(cmd.Context(), c, q.About, object); err != nil {
					return err
				}
			}
			if len(nodes) == 0 {
				if nodes, err = joinedNodes(cmd.Context(), c); err != nil {
					return err
				}
			}
			if watch {
				return a.watchLive(cmd.Context(), c, q, nodes, object)
			}
			answers, err := queryNodes(cmd.Context(), c, q, nodes, object)
			if err != nil {
				return err
			}
			return a.writeLive(q, output, answers)
		},
	}
	a.nodesFlag(cmd, &nodes)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "query every five seconds, until interrupted")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

// nodesFlag chooses the nodes to query.
func (a *app) nodesFlag(cmd *cobra.Command, nodes *[]string) {
	cmd.Flags().StringSliceVar(nodes, "node", nil, "query only these nodes (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("node", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.memberNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	})
}

// localNetwork in place of a zone means the bridges of a node that belong to none.
const localNetwork = "localnetwork"

// liveSubjects lists the subjects for people.
func liveSubjects() string {
	var rows [][]string
	for _, q := range api.LiveQueries() {
		usage := string(q.Subject)
		if q.About != model.KindNode {
			usage += " " + strings.ToUpper(string(q.About))
		}
		doc, _, _ := strings.Cut(strings.TrimPrefix(q.Doc, "Lists "), ". ")
		rows = append(rows, []string{usage, strings.TrimSuffix(doc, ".")})
	}
	return strings.TrimRight(table([]string{"SUBJECT", "LISTS"}, rows), "\n")
}

// liveQuery finds the query that arguments name.
func liveQuery(cmd *cobra.Command, given []string) (api.LiveQuery, error) {
	all := api.LiveQueries()
	i := slices.IndexFunc(all, func(q api.LiveQuery) bool { return string(q.Subject) == given[0] })
	if i < 0 {
		names := make([]string, len(all))
		for k, q := range all {
			names[k] = string(q.Subject)
		}
		return api.LiveQuery{}, usagef(cmd, "unknown subject %q; it is one of %s", given[0], strings.Join(names, ", "))
	}
	switch q := all[i]; {
	case q.About == model.KindNode && len(given) > 1:
		return q, usagef(cmd, "unexpected argument %q: %s is about nodes; choose them with --node", given[1], q.Subject)
	case q.About != model.KindNode && len(given) == 1:
		return q, usagef(cmd, "%s needs the ID of a %s", q.Subject, q.About)
	default:
		return q, nil
	}
}

func joinedNodes(ctx context.Context, c *client.Client) ([]string, error) {
	s, err := c.Status(ctx, "")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range s.Nodes {
		out = append(out, n.Name)
	}
	if len(out) == 0 {
		return nil, errors.New("no node has joined that you may see; name the nodes to query with --node")
	}
	return out, nil
}

// liveAnswer is the answer of one node.
type liveAnswer struct {
	Node  string `json:"node"`
	Error string `json:"error,omitempty"`
	Items any    `json:"items,omitempty"`
}

// queryNodes queries nodes, several at a time. What the server itself refuses is an error.
func queryNodes(ctx context.Context, c *client.Client, q api.LiveQuery, nodes []string, object string) ([]liveAnswer, error) {
	out, errs := make([]liveAnswer, len(nodes)), make([]error, len(nodes))
	slots := make(chan struct{}, liveAtOnce)
	var wg sync.WaitGroup
	for i, node := range nodes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			items := reflect.New(reflect.SliceOf(q.Item))
			out[i].Node = node
			if err := c.Live(ctx, node, string(q.Subject), object, items.Interface()); err != nil {
				out[i].Error, errs[i] = err.Error(), err
				return
			}
			out[i].Items = items.Elem().Interface()
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !api.IsType(err, api.TypeNodeSilent) && !api.IsType(err, api.TypeConflict) {
			return nil, err
		}
	}
	return out, nil
}

// writeLive writes the answers, and fails if a node gave none.
func (a *app) writeLive(q api.LiveQuery, output string, answers []liveAnswer) error {
	var failed []string
	for _, n := range answers {
		if n.Error != "" {
			failed = append(failed, n.Node)
		}
	}
	if output != formatTable {
		if err := writeData(a.Stdout, output, answers); err != nil {
			return err
		}
	} else if err := a.write(liveTable(q, answers)); err != nil {
		return err
	}
	if len(failed) == 0 {
		return nil
	}
	if output == formatTable {
		for _, n := range answers {
			if n.Error != "" {
				fmt.Fprintf(a.Stderr, "%s: %s\n", n.Node, printed(n.Error))
			}
		}
	}
	return &exitError{ExitDegraded, fmt.Errorf("no answer from %s", strings.Join(failed, ", "))}
}

// liveTable is the table of answers, with a column for each property of the items.
func liveTable(q api.LiveQuery, answers []liveAnswer) string {
	header := []string{"NODE"}
	change := q.Item == reflect.TypeFor[api.Change]()
	var fields []int
	for i := range q.Item.NumField() {
		name, _, _ := strings.Cut(q.Item.Field(i).Tag.Get("json"), ",")
		if !change && name != "-" {
			fields, header = append(fields, i), append(header, strings.ToUpper(spaced(name)))
		}
	}
	if change {
		header = append(header, "CHANGE")
	}
	var rows [][]string
	for _, n := range answers {
		if n.Items == nil {
			continue
		}
		list := reflect.ValueOf(n.Items)
		for i := range list.Len() {
			row := []string{n.Node}
			if change {
				row = append(row, list.Index(i).Interface().(api.Change).String())
			}
			for _, f := range fields {
				row = append(row, liveCell(list.Index(i).Field(f).Interface()))
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return "nothing\n"
	}
	return table(header, rows)
}

// spaced splits a name of JSON: "vlanFiltering" is "vlan filtering".
func spaced(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// liveCell is a property's value for people.
func liveCell(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.DateTime)
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Slice {
		parts := make([]string, rv.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(rv.Index(i).Interface())
		}
		return printed(strings.Join(parts, ", "))
	}
	if rv.IsZero() {
		return ""
	}
	return printed(fmt.Sprint(v))
}

// completeLive completes subjects, and the objects that they are about.
func (a *app) completeLive(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	for _, q := range api.LiveQueries() {
		if len(given) == 1 && string(q.Subject) == given[0] && q.About != model.KindNode {
			return a.ids(cmd.Context(), string(q.About)), cobra.ShellCompDirectiveNoFileComp
		}
	}
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, q := range api.LiveQueries() {
		out = append(out, string(q.Subject))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
