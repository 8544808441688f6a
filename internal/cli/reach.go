package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) reachCommand() *cobra.Command {
	var output, port string
	var req api.ReachRequest
	cmd := &cobra.Command{
		Use:   "reach FROM TO",
		Short: "Compute whether one guest can reach another",
		Long: `Follows a packet from a guest to another guest or an address through the filters, bridges
and routes of the nodes on its path, and prints each step with the rule that decides.
Then it follows the first reply back: only if both arrive a connection works.
Nothing is sent: the answer is computed from the running revision, or with --view from
the pending configuration. Without --port the packet is a ping.

FROM is a guest (its ID or name), a NIC (100/net0), an address of a guest (with its zone if
several have it: zone1/10.0.0.5) or a node; TO is one of these or any other address. What
lies beyond a node, and what guests do with a packet, is unknown. The exit status is 4 if
the packet or its reply is dropped or rejected.`,
		Example: `  viaduct reach vm1 vm2
  viaduct reach 100 10.0.3.101 --port 443/tcp
  viaduct reach 100/net1 203.0.113.5 --port 53/udp --view pending`,
		Args: args(2, 2, "where the packet comes from, and where it goes to"),
		ValidArgsFunction: func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.ids(cmd.Context(), string(model.KindGuest)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			req.From, req.To = given[0], given[1]
			if port != "" {
				number, protocol, _ := strings.Cut(port, "/")
				n, err := strconv.ParseUint(number, 10, 16)
				if err != nil || n == 0 {
					return usagef(cmd, "invalid port %q (example: 443/tcp)", port)
				}
				if req.Port, req.Protocol = int(n), protocol; protocol == "" {
					req.Protocol = "tcp"
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			answer, err := c.Reach(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.writeReach(output, answer)
		},
	}
	cmd.Flags().StringVar(&port, "port", "", "destination port and protocol, like 443/tcp or 53/udp (default: a ping)")
	viewFlag(cmd, &req.View)
	_ = cmd.Flags().Lookup("view").Value.Set("running")
	cmd.Flags().Lookup("view").DefValue = "running"
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

func (a *app) writeReach(output string, answer *api.ReachAnswer) error {
	if output != formatTable {
		if err := writeData(a.Stdout, output, answer); err != nil {
			return err
		}
	} else if err := a.write(reachText(answer)); err != nil {
		return err
	}
	if answer.Verdict == api.ReachDrop || answer.Verdict == api.ReachReject {
		what := "the packet does not arrive"
		if answer.Reply != nil && answer.Steps[len(answer.Steps)-1].Verdict != answer.Verdict {
			what = "the reply does not come back: only one direction works"
		}
		return &exitError{ExitDegraded, errors.New(what)}
	}
	return nil
}

// reachSigns precede steps, by verdict.
var reachSigns = map[string]string{string(api.ReachPass): "✓", string(api.ReachDrop): "✕", string(api.ReachReject): "✕", string(api.ReachUnknown): "?"}

// reachText is a path for people: its ends, then a line for each step.
func reachText(answer *api.ReachAnswer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s\n", endText(answer.From), endText(answer.To))
	writeSteps(&b, answer.Steps)
	if answer.Reply != nil {
		b.WriteString("Reply:\n")
		writeSteps(&b, answer.Reply.Steps)
	}
	return b.String()
}

// writeSteps writes a line for each step, and one for the rule that decides there.
func writeSteps(b *strings.Builder, steps []api.ReachStep) {
	for _, s := range steps {
		where := strings.Trim(s.Node+" "+s.VNet, " ")
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(b, "%s %s%s\n", reachSigns[string(s.Verdict)], printed(where), printed(s.Text))
		if s.Rule == nil {
			continue
		}
		rule := s.Rule.Object
		if s.Rule.Position >= 0 {
			rule += fmt.Sprintf(" rules[%d]", s.Rule.Position)
		}
		if s.Rule.Comment != "" {
			rule += fmt.Sprintf(" %q", s.Rule.Comment)
		}
		if o := s.Rule.Origin; o != nil {
			rule += fmt.Sprintf(", last changed %s by %s", o.Time, o.Author)
			if o.Revision != 0 {
				rule += fmt.Sprintf(" in revision %d", o.Revision)
			}
		}
		if rule != "" {
			fmt.Fprintf(b, "    %s\n", printed(rule))
		}
	}
}

// endText is an end of a path: "guest 100 vm1 net0 10.0.0.5 (vnet blue, zone overlay, node1)".
func endText(e api.ReachEnd) string {
	text := strings.Join(strings.Fields(strings.Join([]string{e.Kind, e.Guest, e.Name, e.NIC}, " ")), " ")
	if e.Kind == "node" {
		text += " " + e.Node
	}
	if e.IP.IsValid() {
		text += " " + e.IP.String()
	}
	if e.VNet != "" {
		text += fmt.Sprintf(" (vnet %s, zone %s, %s)", e.VNet, e.Zone, e.Node)
	}
	return printed(text)
}
