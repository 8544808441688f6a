package ovs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// database is the name of Open vSwitch's own database (ovs-vswitchd.conf.db(5)).
const database = "Open_vSwitch"

// client is a connection to an OVSDB server (RFC 7047). It must not be used
// concurrently.
type client struct {
	conn net.Conn
	dec  *json.Decoder
	id   int
	stop func() bool // detaches the connection from its context
	once sync.Once
}

// message is a JSON-RPC request, response or notification.
type message struct {
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	ID     json.RawMessage `json:"id,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// request is an outgoing request; an ID is always present.
type request struct {
	Method string `json:"method"`
	Params any    `json:"params"`
	ID     int    `json:"id"`
}

// dial connects to the server's socket. The connection ends with ctx.
func dial(ctx context.Context, socket string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, dec: json.NewDecoder(conn)}
	// A deadline in the past ends reads and writes at once.
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// close ends the connection.
func (c *client) close() {
	c.once.Do(func() {
		c.stop()
		_ = c.conn.Close()
	})
}

// call sends a request and decodes the result of its answer. Notifications before
// the answer are passed to notify, which may be nil.
func (c *client) call(ctx context.Context, method string, params, result any, notify func(message)) error {
	c.id++
	if err := json.NewEncoder(c.conn).Encode(request{Method: method, Params: params, ID: c.id}); err != nil {
		return c.fail(ctx, err)
	}
	want := fmt.Sprint(c.id)
	for {
		m, err := c.next(ctx)
		if err != nil {
			return err
		}
		if m.Method != "" {
			if notify != nil {
				notify(m)
			}
			continue
		}
		if string(m.ID) != want {
			continue // the answer to an abandoned call
		}
		if len(m.Error) > 0 && string(m.Error) != "null" {
			return fmt.Errorf("the database refused to %s: %s", method, m.Error)
		}
		return json.Unmarshal(m.Result, result)
	}
}

// next reads the next message that is not a keep-alive, which it answers.
func (c *client) next(ctx context.Context) (message, error) {
	for {
		var m message
		if err := c.dec.Decode(&m); err != nil {
			return m, c.fail(ctx, err)
		}
		if m.Method != "echo" {
			return m, nil
		}
		answer := struct {
			ID     json.RawMessage `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  any             `json:"error"`
		}{ID: m.ID, Result: m.Params}
		if err := json.NewEncoder(c.conn).Encode(answer); err != nil {
			return m, c.fail(ctx, err)
		}
	}
}

// fail returns the reason why the connection ended.
func (c *client) fail(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("Open vSwitch's database gave no answer in time: see whether ovsdb-server runs (systemctl status ovsdb-server): %w", ctx.Err()) //nolint:staticcheck // a name
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("talk to Open vSwitch's database: %w", err)
}

// operation is one step of a transaction (RFC 7047, section 5.2).
type operation map[string]any

// changes reports whether the operation alters the database.
func (o operation) changes() bool {
	switch o["op"] {
	case "insert", "update", "mutate", "delete":
		return true
	}
	return false
}

// row is one row of a table, by column.
type row map[string]json.RawMessage

// outcome is the result of one operation of a transaction.
type outcome struct {
	Rows    []row  `json:"rows"`
	Error   string `json:"error"`
	Details string `json:"details"`
}

// errChanged reports that the database differs from what was read, or that the
// transaction is no longer consistent with it: read again and retry.
var errChanged = errors.New("another program changed Open vSwitch's database meanwhile")

// transact carries out the operations, all or none.
func (c *client) transact(ctx context.Context, ops []operation) ([]outcome, error) {
	params := []any{database}
	for _, op := range ops {
		params = append(params, op)
	}
	var out []*outcome // null for operations that were not tried
	if err := c.call(ctx, "transact", params, &out, nil); err != nil {
		return nil, err
	}
	results := make([]outcome, len(ops))
	for i, o := range out {
		if o == nil {
			continue
		}
		switch o.Error {
		case "":
		case "timed out", "constraint violation", "referential integrity violation":
			return nil, fmt.Errorf("%w (%s: %s)", errChanged, o.Error, o.Details)
		default:
			return nil, fmt.Errorf("Open vSwitch's database refused the change: %s: %s", o.Error, o.Details) //nolint:staticcheck // a name
		}
		if i < len(results) {
			results[i] = *o
		}
	}
	return results, nil
}

// The encodings of values (RFC 7047, section 5.1).

func uuidValue(id string) any { return []any{"uuid", id} }

func namedUUID(name string) any { return []any{"named-uuid", name} }

// setValue returns a set of the elements.
func setValue(elements ...any) any {
	if elements == nil {
		elements = []any{}
	}
	return []any{"set", elements}
}

// mapValue returns a map; pairs are keys, each followed by its value.
func mapValue(pairs ...string) any {
	list := []any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, []any{pairs[i], pairs[i+1]})
	}
	return []any{"map", list}
}

// elements returns the elements of a set; a single one may be encoded without the
// set.
func elements(v json.RawMessage) []json.RawMessage {
	var tagged []json.RawMessage
	if json.Unmarshal(v, &tagged) != nil || len(tagged) != 2 || text(tagged[0]) != "set" {
		if len(v) == 0 {
			return nil
		}
		return []json.RawMessage{v}
	}
	var list []json.RawMessage
	_ = json.Unmarshal(tagged[1], &list)
	return list
}

// text returns a string; empty for an empty set.
func text(v json.RawMessage) string {
	var s string
	_ = json.Unmarshal(v, &s)
	return s
}

// number returns an integer, or the only one of a set.
func number(v json.RawMessage) (n int64, ok bool) {
	for _, e := range elements(v) {
		if json.Unmarshal(e, &n) == nil {
			return n, true
		}
	}
	return 0, false
}

// numbers returns the integers of a set, in rising order.
func numbers(v json.RawMessage) []int {
	var out []int
	for _, e := range elements(v) {
		var n int
		if json.Unmarshal(e, &n) == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// uuids returns the references in a set.
func uuids(v json.RawMessage) []string {
	var out []string
	for _, e := range elements(v) {
		var pair []string
		if json.Unmarshal(e, &pair) == nil && len(pair) == 2 {
			out = append(out, pair[1])
		}
	}
	return out
}

// mapping returns a map of text to text.
func mapping(v json.RawMessage) map[string]string {
	var tagged []json.RawMessage
	var pairs [][2]string
	if json.Unmarshal(v, &tagged) != nil || len(tagged) != 2 || json.Unmarshal(tagged[1], &pairs) != nil {
		return nil
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p[0]] = p[1]
	}
	return out
}
