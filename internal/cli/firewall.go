package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) firewallCommand() *cobra.Command {
	return accessGroup("firewall", "Show what firewalls log, and their macros",
		"Firewalls, security groups, IP sets and aliases are objects: viaduct get firewalls.", a.firewallLogCommand(), a.macrosCommand())
}

func (a *app) macrosCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "macros", Short: "List macros of firewall rules with their protocols and ports", Args: args(0, 0, "")}, listing[api.Macro]{
		header: []string{"MACRO", "MATCHES", "FOR"},
		row:    func(m api.Macro) []string { return []string{m.Name, strings.Join(m.Matches, ", "), m.Description} },
		name:   func(m api.Macro) string { return "macro/" + m.Name },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Macro, error) {
		return c.FirewallMacros(ctx)
	})
}

// logEvery is the time between two queries of firewall log --follow.
const logEvery = 2 * time.Second

func (a *app) firewallLogCommand() *cobra.Command {
	var output string
	var nodes []string
	var follow bool
	var only logFilter
	cmd := &cobra.Command{
		Use:   "log [VNET]",
		Short: "Print packets that firewall rules logged",
		Long: `Prints the newest packets that rules with a log level, and policies with one, decided on:
of a VNet, or of all. Each names the rule, and who changed the rule's object last. Without
--node all nodes are queried. Each agent keeps the newest 1000 entries; log-ratelimit of
the datacenter's firewall limits how many there are (1 a second if not set).`,
		Example: `  viaduct firewall log vnet1 --follow
  viaduct firewall log --verdict DROP --guest 100
  viaduct firewall log --node node1 -o json`,
		Args: args(0, 1, "the name of a vnet"),
		ValidArgsFunction: func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.ids(cmd.Context(), string(model.KindVNet)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := only.check(cmd); err != nil {
				return err
			}
			l := logReader{app: a, c: c, only: only, output: output, subject: "node-firewall-log", nodes: nodes, last: map[string]uint64{}}
			if len(given) > 0 {
				l.subject, l.vnet = "firewall-log", given[0]
			}
			if len(l.nodes) == 0 {
				if l.nodes, err = joinedNodes(cmd.Context(), c); err != nil {
					return err
				}
			}
			for {
				if err := l.print(cmd.Context(), follow); err != nil {
					return err
				}
				if !follow || !sleep.Context(cmd.Context(), logEvery) {
					return nil
				}
			}
		},
	}
	a.nodesFlag(cmd, &nodes)
	cmd.Flags().StringVar(&only.verdict, "verdict", "", "print only packets with this verdict: "+strings.Join(logVerdicts, ", "))
	cmd.Flags().StringVar(&only.guest, "guest", "", "print only packets of this guest, by its number: on the node that it runs on")
	_ = cmd.RegisterFlagCompletionFunc("verdict", cobra.FixedCompletions(logVerdicts, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "print entries as they come, until interrupted")
	outputFlag(cmd, &output, "text", formatJSON)
	return cmd
}

// logVerdicts are the verdicts that entries have.
var logVerdicts = []string{"ACCEPT", "DROP", "REJECT"}

// logFilter chooses entries; empty fields choose all.
type logFilter struct{ verdict, guest string }

func (f *logFilter) check(cmd *cobra.Command) error {
	f.verdict = strings.ToUpper(f.verdict)
	if f.verdict != "" && !slices.Contains(logVerdicts, f.verdict) {
		return usagef(cmd, "unknown verdict %q; it is one of %s", f.verdict, strings.Join(logVerdicts, ", "))
	}
	return nil
}

func (f *logFilter) matches(e *api.LiveFirewallLogEntry) bool {
	return (f.verdict == "" || e.Verdict == f.verdict) && (f.guest == "" || slices.Contains(e.Guests, f.guest))
}

// logReader prints each entry of the nodes once.
type logReader struct {
	*app
	c                     *client.Client
	only                  logFilter
	subject, vnet, output string
	nodes                 []string
	last                  map[string]uint64 // the sequence number last printed, by node
}

// loggedEntry is an entry with its node.
type loggedEntry struct {
	Node string `json:"node"`
	api.LiveFirewallLogEntry
}

// print prints what is new, oldest first. A node without an answer is an error, unless the
// log is followed: it may come back.
func (l *logReader) print(ctx context.Context, follow bool) error {
	i := slices.IndexFunc(api.LiveQueries(), func(q api.LiveQuery) bool { return string(q.Subject) == l.subject })
	answers, err := queryNodes(ctx, l.c, api.LiveQueries()[i], l.nodes, l.vnet)
	if err != nil {
		return err
	}
	var fresh []loggedEntry
	var failed []error
	for _, n := range answers {
		entries, _ := n.Items.([]api.LiveFirewallLogEntry)
		if n.Error != "" {
			failed = append(failed, fmt.Errorf("%s: %s", n.Node, n.Error))
		}
		if len(entries) > 0 && entries[0].Sequence < l.last[n.Node] { // its agent was restarted
			l.last[n.Node] = 0
		}
		for _, e := range entries {
			if e.Sequence > l.last[n.Node] && l.only.matches(&e) {
				fresh = append(fresh, loggedEntry{n.Node, e})
			}
		}
		if len(entries) > 0 {
			l.last[n.Node] = entries[0].Sequence
		}
	}
	slices.SortStableFunc(fresh, func(a, b loggedEntry) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Sequence, b.Sequence)) })
	for _, e := range fresh {
		if err := l.writeEntry(&e); err != nil {
			return err
		}
	}
	if len(failed) > 0 && !follow {
		return &exitError{ExitDegraded, errors.Join(failed...)}
	}
	return nil
}

func (l *logReader) writeEntry(e *loggedEntry) error {
	if l.output == formatJSON {
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return l.write(string(printedJSON(b)) + "\n")
	}
	end := func(ip netip.Addr, port int) string {
		switch {
		case !ip.IsValid():
			return "?"
		case port != 0:
			return netip.AddrPortFrom(ip, uint16(port)).String()
		}
		return ip.String()
	}
	text := fmt.Sprintf("%s  %s  %-6s  %s %s -> %s  %s", e.Time.UTC().Format(time.DateTime), e.Node, e.Verdict, cmp.Or(e.Protocol, "?"),
		end(e.Source, e.SourcePort), end(e.Destination, e.DestinationPort), e.Rule)
	if e.Comment != "" {
		text += " " + strconv.Quote(e.Comment)
	}
	if e.Author != "" {
		text += fmt.Sprintf(" (last changed %s by %s)", e.Changed, e.Author)
	}
	return l.write(printed(text) + "\n")
}
