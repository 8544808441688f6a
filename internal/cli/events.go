package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Waits before reconnecting.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

func (a *app) eventsCommand() *cobra.Command {
	var (
		output, after string
		limit         int
	)
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print events as they happen",
		Long: `Prints a line for each change of the pending configuration, each apply, and each change
of a guest or of a node's state, until interrupted. It reconnects after a lost
connection and resumes without gaps as long as the server still has the events; a line
reports a gap.`,
		Example: `  viaduct events
  viaduct events -o json | jq 'select(.type == "node")'`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.follow(cmd.Context(), c, output, after, limit)
		},
	}
	f := cmd.Flags()
	f.StringVar(&after, "after", "", "continue after the event with this ID (shown by -o json)")
	f.IntVarP(&limit, "limit", "n", 0, "exit after this number of events; 0 for no limit")
	outputFlag(cmd, &output, "text", formatJSON)
	return cmd
}

// follow prints events until the command is interrupted or the limit is reached.
func (a *app) follow(ctx context.Context, c *client.Client, output, after string, limit int) error {
	printed := 0
	return a.eachEvent(ctx, c, after, func(e api.Event) (bool, error) {
		if e.Type == api.EventReady && output != formatJSON {
			return true, nil // nothing has happened
		}
		if err := a.writeEvent(output, e); err != nil {
			return false, err
		}
		printed++
		return printed != limit, nil
	})
}

// eachEvent calls do with the events after the one with an ID, until it returns false or an
// error. It reconnects after a lost connection.
func (a *app) eachEvent(ctx context.Context, c *client.Client, after string, do func(api.Event) (bool, error)) error {
	wait := firstRetry
	connected := false
	for {
		var lost error
		for e, err := range c.Events(ctx, after) {
			if err != nil {
				lost = err
				break
			}
			after, connected, wait = e.ID, true, firstRetry
			if more, err := do(e); err != nil || !more {
				return err
			}
		}
		var gone *client.UnreachableError
		if !connected || !errors.As(lost, &gone) {
			return lost
		}
		fmt.Fprintf(a.Stderr, "the connection was lost (%v); trying again in %s\n", gone.Err, wait) //nolint:errcheck // a remark
		if !sleep.Context(ctx, wait) {
			return ctx.Err()
		}
		wait = min(2*wait, lastRetry)
	}
}

func (a *app) writeEvent(output string, e api.Event) error {
	if output == formatJSON {
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return a.write(string(b) + "\n")
	}
	return a.write(e.Time.UTC().Format(time.DateTime) + "  " + printed(eventText(e)) + "\n")
}

// eventText is an event on one line.
func eventText(e api.Event) string {
	by := ""
	if e.Author != "" {
		by = "  (" + e.Author + ")"
	}
	switch e.Type {
	case api.EventPending:
		return "pending  " + e.Change.String() + by
	case api.EventGuest:
		return "guest    " + e.Change.String() + by
	case api.EventLive:
		return "live     " + e.Change.String() + by
	case api.EventApplied:
		return fmt.Sprintf("applied  revision %d is running", e.Revision) + by
	case api.EventNode:
		return "node     " + nodeText(e.Node)
	case api.EventWarning:
		return "warning  " + e.Message
	case api.EventTopology:
		return "topology elements of the map were moved"
	case api.EventOverflow:
		return "overflow events are missing here: check viaduct status and viaduct diff"
	case api.EventReady:
	}
	return string(e.Type)
}

func nodeText(n *api.NodeEvent) string {
	if n.State == "" {
		return n.Name + " was removed"
	}
	text := n.Name + " is " + string(n.State)
	if n.Revision != 0 {
		text += fmt.Sprintf(" on revision %d", n.Revision)
	}
	if len(n.Failed) > 0 {
		text += ", not as declared: " + strings.Join(n.Failed, " ")
	}
	if len(n.Warned) > 0 {
		text += ", with warnings: " + strings.Join(n.Warned, " ")
	}
	if n.Message != "" {
		text += ": " + n.Message
	}
	return text
}
