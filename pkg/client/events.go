package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const (
	// idleTimeout is how long the server may send nothing before it counts as lost. It
	// sends a heartbeat every 15 seconds.
	idleTimeout = time.Minute
	// maxEvent bounds a line of the stream, in bytes.
	maxEvent = 16 << 20
)

// errIdle: the server sent nothing for too long.
var errIdle = errors.New("the server sent nothing for a minute")

// Events returns events until ctx ends or the connection does, which is the error of the
// last pair. With after, the ID of an event, it resumes after that one; if that is no
// longer possible the first event is of type overflow, and otherwise of type ready. To
// miss nothing, read the state after the first event, and again after each overflow.
func (c *Client) Events(ctx context.Context, after string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		err := c.events(ctx, after, func(e api.Event) bool { return yield(e, nil) })
		if err != nil {
			yield(api.Event{}, err)
		}
	}
}

// events calls yield for each event until that returns false, which is not an error.
func (c *Client) events(ctx context.Context, after string, yield func(api.Event) bool) error {
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(idleTimeout, func() { cancel(errIdle) })
	defer idle.Stop()
	var query url.Values
	if after != "" {
		query = url.Values{"after": {after}}
	}
	resp, err := c.send(reading, call{method: http.MethodGet, path: root + "events", query: query})
	var unreachable *UnreachableError
	if err != nil && !errors.As(err, &unreachable) {
		err = c.unreachable(ctx, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	c.notices(resp)
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxEvent))
		if err != nil {
			return c.unreachable(ctx, err)
		}
		return problem(resp, body)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		idle.Reset(idleTimeout)
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue // the data contain the ID and type too
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("an event of %s is not understood (client and server of different releases?): %w", c.target, err)
		}
		if !yield(e) {
			return nil
		}
	}
	err = lines.Err()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case context.Cause(reading) != nil:
		err = context.Cause(reading)
	case err == nil:
		err = io.EOF
	}
	return c.unreachable(ctx, err)
}
