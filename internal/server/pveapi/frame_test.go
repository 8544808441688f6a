package pveapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// echo is a table whose operations return what they got.
func echo() []pveapi.Operation {
	params := []schema.Property{
		{Name: "id", Form: schema.Text, Need: 'r', MaxLength: 20},
		{Name: "number", Form: schema.Integer, Min: 1, Max: 100},
		{Name: "flag", Form: schema.Boolean},
		{Name: "list", Form: schema.List},
		{Name: "many", Form: schema.Array},
		{Name: "text", Form: schema.Text, MaxLength: 2000},
		{Name: "must", Form: schema.Text, Need: 'r'},
	}
	handle := func(c *pveapi.Call) (any, error) { return c.Params, nil }
	return []pveapi.Operation{
		{Method: "POST", Path: "/echo/{id}", Doc: "d", Params: params, Allow: pveapi.World(), Handle: handle},
		{Method: "GET", Path: "/echo/{id}", Doc: "d", Params: params, Allow: pveapi.World(), Handle: handle},
		{Method: "PUT", Path: "/extra/{id}", Doc: "d", Params: params, Extra: true, Allow: pveapi.World(), Handle: handle},
		{Method: "GET", Path: "/literal/{id}", Doc: "d", Params: params[:1], Allow: pveapi.World(), Handle: handle},
		{Method: "GET", Path: "/literal/here", Doc: "d", Allow: pveapi.World(), Handle: func(*pveapi.Call) (any, error) { return "literal", nil }},
		{Method: "GET", Path: "/literal/here/below", Doc: "d", Allow: pveapi.World(), Handle: func(*pveapi.Call) (any, error) { return []string(nil), nil }},
	}
}

// TestDecoding sends parameters in every form over a connection.
func TestDecoding(t *testing.T) {
	e := newEnv(t, echo())
	const undefined = "property is not defined in schema and the schema does not allow additional properties"
	const missing = "property is missing and it is not optional"
	const text = "value contains line breaks, control characters or bytes that are not UTF-8"
	for name, c := range map[string]struct {
		method, path, body string
		want               map[string][]string
		faults             map[string]string
		message            string
	}{
		"form":               {path: "/echo/a", body: "number=5&flag=on&list=a,b&must=1", want: map[string][]string{"number": {"5"}, "flag": {"on"}, "list": {"a,b"}}},
		"json":               {path: "/echo/a", body: `{"number":5,"flag":true,"many":["x",2,false],"must":"1"}`, want: map[string][]string{"number": {"5"}, "flag": {"1"}, "many": {"x", "2", "0"}}},
		"json null":          {path: "/echo/a", body: `{"number":null,"must":"1"}`},
		"array in a form":    {path: "/echo/a", body: "many=x&many=y&must=1", want: map[string][]string{"many": {"x", "y"}}},
		"array of one":       {path: "/echo/a", body: `{"many":"x","must":"1"}`, want: map[string][]string{"many": {"x"}}},
		"array of none":      {path: "/echo/a", body: `{"many":[],"must":"1"}`, want: map[string][]string{"many": {}}},
		"query":              {method: "GET", path: "/echo/a?number=7&must=1&_dc=123", want: map[string][]string{"number": {"7"}}},
		"query and body":     {path: "/echo/a?number=7", body: "must=1", want: map[string][]string{"number": {"7"}}},
		"escapes":            {path: "/echo/a%2Fb%3A", body: "must=1&text=a+b%2B", want: map[string][]string{"id": {"a/b:"}, "text": {"a b+"}}},
		"colons":             {path: "/echo/z-2001:db8::-64", body: "must=1", want: map[string][]string{"id": {"z-2001:db8::-64"}}},
		"empty parts":        {path: "//echo///a/", body: "must=1"},
		"dots":               {path: "/echo/%2e%2e", body: "must=1", want: map[string][]string{"id": {".."}}},
		"all faults at once": {path: "/echo/a", body: "number=x&flag=maybe&other=1", faults: map[string]string{"number": "type check ('integer') failed - got 'x'", "flag": "type check ('boolean') failed - got 'maybe'", "other": undefined, "must": missing}},
		"bounds":             {path: "/echo/a", body: "number=101&must=1", faults: map[string]string{"number": "value must have a maximum value of 100"}},
		"twice":              {path: "/echo/a", body: "number=1&number=2&must=1", faults: map[string]string{"number": "type check ('integer') failed - got ARRAY"}},
		"twice in JSON":      {path: "/echo/a", body: `{"number":1,"number":2,"must":"1"}`, faults: map[string]string{"number": "type check ('integer') failed - got ARRAY"}},
		"query against body": {path: "/echo/a?number=1", body: "number=2&must=1", faults: map[string]string{"number": "type check ('integer') failed - got ARRAY"}},
		"path against body":  {path: "/echo/a", body: "id=b&must=1", faults: map[string]string{"id": "duplicate parameter (already defined in URI)"}},
		"NUL":                {path: "/echo/a", body: "must=a%00b", faults: map[string]string{"must": text}},
		"line break":         {path: "/echo/a", body: `{"must":"a\nb"}`, faults: map[string]string{"must": text}},
		"control in a list":  {path: "/echo/a", body: "must=1&list=a%01", faults: map[string]string{"list": text}},
		"invalid UTF-8":      {path: "/echo/a", body: "must=%ff", faults: map[string]string{"must": text}},
		"strange name":       {path: "/echo/a", body: "must=1&a%00%ff=1", faults: map[string]string{"a??": undefined}},
		"object":             {path: "/echo/a", body: `{"must":{"a":1}}`, faults: map[string]string{"must": "type check failed - got an object or a list of lists"}},
		"list of lists":      {path: "/echo/a", body: `{"many":[["a"]]}`, faults: map[string]string{"many": "type check failed - got an object or a list of lists"}},
		"long in the path":   {path: "/echo/" + strings.Repeat("a", 21), body: "must=1", faults: map[string]string{"id": "value may only be 20 characters long"}},
		"extra":              {method: "PUT", path: "/extra/a", body: "must=1&other=2", want: map[string][]string{}},
		"control in a path":  {path: "/echo/a%0a", body: "must=1", message: "the path holds what is no text: control characters, or bytes that are not UTF-8"},
		"UTF-8 in a path":    {path: "/echo/%ff", body: "must=1", message: "the path holds what is no text: control characters, or bytes that are not UTF-8"},
		"long path":          {path: "/echo" + strings.Repeat("/a", 40), message: "the path has too many parts"},
		"not JSON":           {path: "/echo/a", body: `{"must":`, message: "the body is not a JSON object of parameters"},
		"behind JSON":        {path: "/echo/a", body: `{"must":"1"}{}`, message: "the body is not a JSON object of parameters"},
		"JSON with bytes":    {path: "/echo/a", body: "{\"must\":\"\xff\"}", message: "the body is not a JSON object of parameters"},
		"bad escape":         {path: "/echo/a", body: "must=%zz", message: "a parameter is not encoded as application/x-www-form-urlencoded"},
		"too many":           {path: "/echo/a", body: strings.Repeat("many=x&", 1001), message: "the request has more than 1000 parameters"},
		"too many in JSON":   {path: "/echo/a", body: `{"many":[0` + strings.Repeat(",0", 1000) + `]}`, message: "the request has more than 1000 parameters"},
	} {
		t.Run(name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "POST"
			}
			got := e.call(t, "", method, c.path, c.body)
			if c.faults != nil || c.message != "" {
				if c.message == "" {
					c.message = "Parameter verification failed.\n"
				}
				if got.Status != 400 || got.Message != c.message || got.Reason != strings.TrimSpace(c.message) || got.Data != nil {
					t.Errorf("answer %+v", got)
				}
				if diff := cmp.Diff(c.faults, got.Errors); diff != "" {
					t.Error(diff)
				}
				return
			}
			want := map[string]any{"id": []any{"a"}, "must": []any{"1"}}
			for name, values := range c.want {
				list := []any{}
				for _, v := range values {
					list = append(list, v)
				}
				want[name] = list
			}
			if diff := cmp.Diff(want, got.Data); got.Status != 200 || diff != "" {
				t.Errorf("status %d: %s\n%s", got.Status, got.body, diff)
			}
		})
	}
}

func TestBoundsOfWhatIsShown(t *testing.T) {
	e := newEnv(t, echo())
	long := strings.Repeat("x", 60_000)
	if got := e.call(t, "", "POST", "/echo/a", "must=1&number="+long+"&"+long[:50_000]+"=1"); got.Status != 400 && got.Status != 413 || len(got.body) > 2000 {
		t.Errorf("status %d, %d bytes", got.Status, len(got.body))
	}
	if got := e.call(t, "", "POST", "/echo/a", "must=1&number="+long); got.Status != 400 || len(got.body) > 1000 {
		t.Errorf("status %d, %d bytes", got.Status, len(got.body))
	}
	var b strings.Builder
	for i := range 900 {
		fmt.Fprintf(&b, "&unknown%d=1", i)
	}
	if got := e.call(t, "", "POST", "/echo/a", b.String()[1:]); got.Status != 400 || len(got.Errors) > 30 {
		t.Errorf("status %d, %d errors", got.Status, len(got.Errors))
	}
}

func TestRouting(t *testing.T) {
	e := newEnv(t, echo())
	for path, want := range map[string]any{
		"/literal/here":       "literal",
		"/literal/here/below": []any{},
		"/literal/there":      map[string]any{"id": []any{"there"}},
	} {
		if got := e.call(t, "", "GET", path, ""); !cmp.Equal(got.Data, want) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	root := e.user(t, access.RootUser, "", "")
	for path, want := range map[string]string{
		"/api2/json/literal":             "Method 'GET /literal' not implemented",
		"/api2/json/literal/there/below": "Method 'GET /literal/there/below' not implemented",
		"/api2/json":                     "Method 'GET /' not implemented",
		"/api2/html/version":             "Method 'GET /api2/html/version' not implemented",
		"/api2/jsonx":                    "Method 'GET /api2/jsonx' not implemented",
	} {
		got := e.request(t, "GET", path, "", http.Header{"Authorization": {root}})
		if got.Status != 501 || got.Reason != want {
			t.Errorf("%s: %d %s", path, got.Status, got.Reason)
		}
	}
	// What there is is not told to those who have not logged in.
	if got := e.request(t, "GET", "/api2/json/literal", "", http.Header{}); got.Status != 401 {
		t.Errorf("status %d without credentials", got.Status)
	}
}

// failing is a table of operations that fail.
func failing(fail func() error) []pveapi.Operation {
	return []pveapi.Operation{{
		Method: "GET", Path: "/fail", Doc: "d", Allow: pveapi.World(), Handle: func(*pveapi.Call) (any, error) { return nil, fail() },
	}}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err             error
		status          int
		reason, message string
	}{
		"failure":      {pveapi.Failf("sdn '%s' does not exist", "z"), 500, "sdn 'z' does not exist", "sdn 'z' does not exist"},
		"wrapped":      {fmt.Errorf("more: %w", pveapi.Failf("text")), 500, "text", "text"},
		"lines":        {pveapi.Failf("first\nsecond\x00"), 500, "first", "first\nsecond\x00"},
		"splitting":    {pveapi.Failf("a\r\nSet-Cookie: x"), 500, "a", "a\r\nSet-Cookie: x"},
		"no text":      {pveapi.Failf("\n"), 500, "Internal Server Error", "\n"},
		"long":         {pveapi.Failf("%s", strings.Repeat("ä", 400)), 500, strings.Repeat("ä", 256), strings.Repeat("ä", 400)},
		"denied":       {&pveapi.Denied{Path: "/sdn/zones/z", AnyOf: []access.Privilege{"SDN.Audit", "SDN.Allocate"}}, 403, "Permission check failed (/sdn/zones/z, SDN.Audit|SDN.Allocate)", "Permission check failed (/sdn/zones/z, SDN.Audit|SDN.Allocate)"},
		"params":       {pveapi.Params{"a": "b"}, 400, "Parameter verification failed.", "Parameter verification failed.\n"},
		"not found":    {fmt.Errorf("user x %w", access.ErrNotFound), 500, "user x does not exist", "user x does not exist"},
		"throttled":    {access.ErrThrottled, 429, "too many failed logins", "too many failed logins"},
		"no space":     {fmt.Errorf("writing: %w", store.ErrNoSpace), 507, "writing: no space left in the store", "writing: no space left in the store"},
		"unavailable":  {store.ErrUnavailable, 503, "the store is not available", "the store is not available"},
		"not of ours":  {errors.New("open /secret: permission denied"), 500, "internal error: the server's log says more", "internal error: the server's log says more"},
		"unimplmented": {pveapi.Unimplemented("GET", "/x"), 501, "Method 'GET /x' not implemented", "Method 'GET /x' not implemented"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, failing(func() error { return c.err }))
			got := e.call(t, "", "GET", "/fail", "")
			if got.Status != c.status || got.Reason != c.reason || got.Message != c.message {
				t.Errorf("status %d, reason %q, message %q", got.Status, got.Reason, got.Message)
			}
			got = e.request(t, "GET", "/api2/extjs/fail", "", http.Header{})
			if got.Status != 200 || got.Success == nil || *got.Success != 0 || got.Message != c.message {
				t.Errorf("in the other form: %s", got.body)
			}
		})
	}
}

func TestText(t *testing.T) {
	for want, err := range map[string]error{
		"sdn 'z' does not exist": fmt.Errorf("x: %w", pveapi.Failf("sdn 'z' does not exist")),
		"400 Parameter verification failed.\na: b\nvnet: wrong vnet\n": pveapi.Params{"vnet": "wrong vnet", "a": "b"},
		"internal error: the server's log says more":                   errors.New("x"),
	} {
		if got := pveapi.Text(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	e := newEnv(t, failing(func() error { panic("at the disco") }), func(h *pveapi.Handler) {
		h.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 2 { // the server goes on
		got := e.call(t, "", "GET", "/fail", "")
		if got.Status != 500 || strings.Contains(got.body, "disco") {
			t.Errorf("answer %s", got.body)
		}
	}
	if !strings.Contains(log.String(), "at the disco") || !strings.Contains(log.String(), "frame_test.go") {
		t.Errorf("log: %s", log.String())
	}
}

// TestWire looks at the bytes of an answer that is no success.
func TestWire(t *testing.T) {
	e := newEnv(t, failing(func() error { return pveapi.Failf("sdn zone object ID 'z' already defined\nmore") }))
	line, rest := e.raw(t, "GET /api2/json/fail HTTP/1.1\r\nHost: x\r\n\r\n")
	if line != "HTTP/1.1 500 sdn zone object ID 'z' already defined" {
		t.Errorf("status line %q", line)
	}
	head, body, _ := strings.Cut(rest, "\r\n\r\n")
	if want := `{"data":null,"message":"sdn zone object ID 'z' already defined\nmore"}`; body != want {
		t.Errorf("body %q", body)
	}
	for _, want := range []string{"Connection: close", fmt.Sprintf("Content-Length: %d", len(body)), "Content-Type: application/json;charset=UTF-8", "Date: "} {
		if !strings.Contains(head, want) {
			t.Errorf("no %q in %q", want, head)
		}
	}
	if line, _ := e.raw(t, "GET /api2/json/fail HTTP/1.0\r\n\r\n"); !strings.HasPrefix(line, "HTTP/1.0 500 sdn zone") {
		t.Errorf("to HTTP/1.0: %q", line)
	}
	if line, rest := e.raw(t, "HEAD /api2/json/fail HTTP/1.1\r\nHost: x\r\n\r\n"); line != "HTTP/1.1 401 No ticket" || !strings.HasSuffix(rest, "\r\n\r\n") {
		t.Errorf("to HEAD: %q %q", line, rest)
	}
	// An answer that comes before the body is not lost with it.
	long := strings.Repeat("x", 200_000)
	line, _ = e.raw(t, fmt.Sprintf("POST /api2/json/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(long), long))
	if line != "HTTP/1.1 401 No ticket" {
		t.Errorf("status line %q", line)
	}
}

func TestBodies(t *testing.T) {
	table := append(echo(), pveapi.Operation{
		Method: "PUT", Path: "/closed", Doc: "d", Params: []schema.Property{{Name: "text", Form: schema.Text, MaxLength: 2000}},
		Handle: func(*pveapi.Call) (any, error) { return nil, nil },
	})
	e := newEnv(t, table)
	bodies := limit.DefaultBodies
	bodies.Timeout = 500 * time.Millisecond
	e.srv.Config.Handler = limit.NewBudget(bodies, nil).Handler(e.srv.Config.Handler)
	root := e.user(t, access.RootUser, "", "")
	if got := e.call(t, root, "PUT", "/closed", "text="+strings.Repeat("x", 1<<20)); got.Status != 413 {
		t.Errorf("large: %s", got.body)
	}
	if got := e.call(t, "", "POST", "/echo/a", "text="+strings.Repeat("x", 64<<10)); got.Status != 413 {
		t.Errorf("large, without a login: %s", got.body)
	}
	if got := e.request(t, "POST", "/api2/json/echo/a", "", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}); got.Status != 400 {
		t.Errorf("nothing, as multipart: %s", got.body)
	}
	line, _ := e.raw(t, "POST /api2/json/echo/a HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx")
	if !strings.HasPrefix(line, "HTTP/1.1 415 ") {
		t.Errorf("of another type: %s", line)
	}
	line, _ = e.raw(t, "POST /api2/json/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nmu")
	if line != "HTTP/1.1 408 the body did not arrive in time" {
		t.Errorf("slow: %s", line)
	}
	line, _ = e.raw(t, "POST /api2/json/echo/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if line != "HTTP/1.1 400 the body did not arrive" {
		t.Errorf("broken: %s", line)
	}
}

func TestEncode(t *testing.T) {
	type object = schema.Object
	for want, v := range map[string]any{
		"null":                        nil,
		`{"a":1,"b":0,"c":[],"d":{}}`: object{"b": false, "a": true, "c": []string(nil), "d": map[string]bool(nil)},
		`[{"x":["a",1,1.5]}]`:         []object{{"x": []any{"a", 1, 1.5}}},
		`"x"`:                         "x",
		`{"SDN.Audit":1}`:             map[access.Privilege]bool{"SDN.Audit": true},
		"[1]":                         pveapi.Paged{Data: []int{1}, Total: 7},
	} {
		if got, err := pveapi.Encode(v); err != nil || string(got) != want {
			t.Errorf("%#v is %s, %v; want %s", v, got, err, want)
		}
	}
	if _, err := pveapi.Encode(struct{ A bool }{true}); err == nil {
		t.Error("a struct was taken")
	}
}
