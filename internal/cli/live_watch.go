package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// liveEvery is the time between two queries of live --watch.
const liveEvery = 5 * time.Second

// watchLive prints answers, or the rates between them, until it is interrupted: on a terminal
// in place. A node that does not answer may come back.
func (a *app) watchLive(ctx context.Context, c *client.Client, q api.LiveQuery, nodes []string, object string) error {
	earlier := map[string][]api.LiveInterfaceCounters{}
	for first := true; ; first = false {
		answers, err := queryNodes(ctx, c, q, nodes, object)
		if err != nil && ctx.Err() == nil {
			return err
		}
		text, wait := watchedText(q, earlier, answers), liveEvery
		if text == "" { // counters need a second answer, which may be an early one
			wait = livequery.ShareFor
		} else if err := a.redraw(text, first); err != nil {
			return err
		}
		if !sleep.Context(ctx, wait) {
			return nil
		}
	}
}

// redraw prints a text in place of the one before, or below it if the output is no terminal.
func (a *app) redraw(text string, first bool) error {
	switch {
	case terminal(a.Stdout):
		return errors.Join(a.write("\x1b[H\x1b[2J"), a.write(text)) // cursor home, clear
	case !first:
		text = "\n" + text
	}
	return a.write(text)
}

// watchedText is what is printed of answers; empty if no rate is known yet. Earlier has the
// counters of the answers before, by node, and gets these.
func watchedText(q api.LiveQuery, earlier map[string][]api.LiveInterfaceCounters, answers []liveAnswer) string {
	var b strings.Builder
	begun := false
	var rows [][]string
	for _, n := range answers {
		counters, ok := n.Items.([]api.LiveInterfaceCounters)
		if !ok {
			continue
		}
		if before, known := earlier[n.Node]; known {
			begun = true
			for _, r := range livequery.RatesBetween(before, counters) {
				rows = append(rows, rateRow(n.Node, &r))
			}
		}
		earlier[n.Node] = counters
	}
	switch {
	case len(rows) > 0:
		b.WriteString(table([]string{"NODE", "NAME", "ROLE", "VNET", "GUEST", "NIC", "RECEIVED", "SENT", "PACKETS RECEIVED", "PACKETS SENT", "DROPPED"}, rows))
	case begun:
		b.WriteString("nothing\n")
	case len(earlier) == 0:
		b.WriteString(liveTable(q, answers))
	}
	for _, n := range answers {
		if n.Error != "" {
			fmt.Fprintf(&b, "%s: %s\n", n.Node, printed(n.Error))
		}
	}
	return b.String()
}

func rateRow(node string, r *livequery.Rates) []string {
	per := func(f float64) string { return fmt.Sprintf("%.0f/s", f) }
	return []string{
		node, printed(r.Name), r.Role, r.VNet, r.Guest, r.NIC, livequery.BitRate(r.Received), livequery.BitRate(r.Sent),
		per(r.ReceivedPackets), per(r.SentPackets), per(r.Dropped),
	}
}
