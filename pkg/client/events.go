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
	// silence is after how long without a word the server counts as gone. It sends
	// one every 15 seconds.
	silence = time.Minute
	// maxEvent bounds a line of the stream, in bytes.
	maxEvent = 16 << 20
)

// errSilent: the server sent nothing for too long.
var errSilent = errors.New("the server sent nothing for a minute")

// Events tells what happens, until ctx ends or the connection does, which is the
// error of the last pair. With after, the ID of an event, it goes on after that
// one; if that is no longer possible the first event is of type overflow, and
// otherwise of type ready. Whoever wants to miss nothing reads the state after the
// first event, and anew after each overflow.
func (c *Client) Events(ctx context.Context, after string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		err := c.events(ctx, after, func(e api.Event) bool { return yield(e, nil) })
		if err != nil {
			yield(api.Event{}, err)
		}
	}
}

// events calls take for each event until that returns false, for which there is no
// error.
func (c *Client) events(ctx context.Context, after string, take func(api.Event) bool) error {
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alive := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alive.Stop()
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
	c.remarks(resp)
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
		alive.Reset(silence)
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue // the ID and type are in the data too
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("an event of %s is not understood (client and server of different releases?): %w", c.target, err)
		}
		if !take(e) {
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
