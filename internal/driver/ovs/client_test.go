package ovs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serve answers one connection with what f writes.
func serve(t *testing.T, f func(conn net.Conn, in *json.Decoder)) (socket string) {
	t.Helper()
	socket = t.TempDir() + "/db.sock"
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		f(conn, json.NewDecoder(conn))
	}()
	return socket
}

func TestKeepAliveAndNotificationsBeforeTheAnswer(t *testing.T) {
	echoed := make(chan string, 1)
	socket := serve(t, func(conn net.Conn, in *json.Decoder) {
		var request, echo message
		_ = in.Decode(&request)
		fmt.Fprint(conn, `{"method":"echo","params":["x"],"id":"echo"}{"method":"update","params":[null,{}],"id":null}{"id":99,"result":"late","error":null}`)
		_ = in.Decode(&echo)
		echoed <- string(echo.ID) + string(echo.Result)
		fmt.Fprintf(conn, `{"id":%s,"result":["yes"],"error":null}`, request.ID)
		_ = in.Decode(&request)
		fmt.Fprintf(conn, `{"id":%s,"result":null,"error":"no such thing"}`, request.ID)
		_ = in.Decode(&request)
	})
	ctx := context.Background()
	c, err := dial(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var result []string
	notices := 0
	if err := c.call(ctx, "anything", []any{}, &result, func(message) { notices++ }); err != nil || len(result) != 1 || notices != 1 {
		t.Errorf("%v %v, %d notifications", result, err, notices)
	}
	if got := <-echoed; got != `"echo"["x"]` {
		t.Errorf("echoed %s", got)
	}
	if err := c.call(ctx, "anything", []any{}, &result, nil); err == nil || err.Error() != `the database refused to anything: "no such thing"` {
		t.Error(err)
	}
}

func TestEndedContextEndsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	socket := serve(t, func(_ net.Conn, in *json.Decoder) {
		var request message
		_ = in.Decode(&request)
		cancel() // and never answers
		_ = in.Decode(&request)
	})
	c, err := dial(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var result any
	if err := c.call(ctx, "anything", []any{}, &result, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRefusedTransaction(t *testing.T) {
	socket := serve(t, func(conn net.Conn, in *json.Decoder) {
		for _, result := range []string{
			`[{},{"error":"timed out","details":"d"},null]`, `[{},null,{"error":"unknown column","details":"d"}]`, `[{"rows":[{"n":1}]},{}]`,
		} {
			var request message
			_ = in.Decode(&request)
			fmt.Fprintf(conn, `{"id":%s,"result":%s,"error":null}`, request.ID, result)
		}
	})
	ctx := context.Background()
	c, err := dial(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ops := []operation{{"op": "comment"}, {"op": "comment"}}
	if _, err := c.transact(ctx, ops); !errors.Is(err, errChanged) {
		t.Error(err)
	}
	if _, err := c.transact(ctx, ops); err == nil || errors.Is(err, errChanged) {
		t.Error(err)
	}
	if out, err := c.transact(ctx, ops); err != nil || len(out) != 2 || len(out[0].Rows) != 1 {
		t.Error(out, err)
	}
}

func TestValues(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	if n, ok := number(raw(`["set",[]]`)); ok || n != 0 {
		t.Error(n, ok)
	}
	for _, v := range []string{`7`, `["set",[7]]`} {
		if n, ok := number(raw(v)); !ok || n != 7 {
			t.Error(v, n, ok)
		}
	}
	if got := text(raw(`["set",[]]`)); got != "" {
		t.Error(got)
	}
	for v, want := range map[string][]string{
		`["uuid","a"]`: {"a"}, `["set",[["uuid","a"],["uuid","b"]]]`: {"a", "b"}, `["set",[]]`: nil, `"text"`: nil,
	} {
		if d := cmp.Diff(want, uuids(raw(v))); d != "" {
			t.Error(v, d)
		}
	}
	if d := cmp.Diff(map[string]string{"k": "v"}, mapping(raw(`["map",[["k","v"]]]`))); d != "" {
		t.Error(d)
	}
	b, err := json.Marshal([]any{setValue(), setValue("a"), mapValue("k", "v"), uuidValue("u")})
	if want := `[["set",[]],["set",["a"]],["map",[["k","v"]]],["uuid","u"]]`; err != nil || string(b) != want {
		t.Errorf("%s %v", b, err)
	}
}

// FuzzValues feeds arbitrary rows to the decoder: none may crash it.
func FuzzValues(f *testing.F) {
	f.Add([]byte(`{"_uuid":["uuid","a"],"name":"b","ports":["set",[]],"interfaces":["uuid","a"],"other_config":["map",[["k","v"]]]}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var r row
		if json.Unmarshal(b, &r) != nil {
			return
		}
		rows := []row{r, r}
		st := newState(rows, rows, rows, rows)
		for _, p := range st.ports {
			if p.owned() {
				actualEntry(p)
			}
		}
	})
}
