package pveapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// faultless is a log that fails a test for every error.
type faultless struct {
	slog.Handler
	tb *testing.T
}

func (f *faultless) Enabled(context.Context, slog.Level) bool { return true }

func (f *faultless) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		r.Attrs(func(a slog.Attr) bool { f.tb.Logf("%s", a); return true })
		f.tb.Error(r.Message)
	}
	return nil
}

// FuzzRequest sends anything to an operation that returns what it takes, and to the
// real ones as somebody who may do nothing: what is taken has the form that the
// table says, and whatever is not gives an answer.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][4]string{
		{"POST", "/echo/a", "application/x-www-form-urlencoded", "number=5&flag=on&list=a,b&many=x&many=y&must=1"},
		{"POST", "/echo/a?number=7", "application/json", `{"number":5,"flag":true,"many":["x",2,null],"must":"\u0000"}`},
		{"GET", "/echo/%2e%2e%2f?must=1&text=%ff", "", ""},
		{"PUT", "/extra/a", "application/json; charset=utf-8", `{"x":[[1]],"must":{"a":1}}`},
		{"PUT", "/access/acl", "", "path=/&roles=Administrator&users=nobody@pve"},
		{"POST", "/access/users/nobody@pve/token/t1", "", "comment=x"},
		{"GET", "/nodes/srv/tasks/UPID:srv:00000001:00000001:00000001:t::root@pam:/log?start=-1", "", ""},
		{"DELETE", "//access///users/root%40pam/", "multipart/form-data", "x"},
		{"PATCH", "/../../version", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	e := newEnv(f, nil)
	auth := e.user(f, "nobody@pve", "", "")
	table := echo()
	log := &faultless{Handler: slog.DiscardHandler}
	e.Log = slog.New(log)
	echoing, real := e.RoutesOf(table), e.Routes()
	f.Fuzz(func(t *testing.T, method, target, kind, body string) {
		log.tb = t
		u, err := url.ParseRequestURI("/api2/json" + target)
		if err != nil || strings.ContainsAny(method, " \t\r\n/") || method == "" {
			return
		}
		for _, h := range []http.Handler{echoing, real} {
			r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
			r.Method, r.URL = method, u
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", auth)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) || w.Body.Len() > 4<<20 {
				t.Fatalf("the answer is no JSON: %q", w.Body)
			}
			if h != echoing {
				if w.Code == http.StatusOK && method != http.MethodGet && !own(u.Path) {
					t.Fatalf("%s %s was done: %s", method, u, w.Body)
				}
				continue
			}
			if w.Code == http.StatusOK {
				taken(t, table[0].Params, w.Body.Bytes())
			}
		}
	})
}

// own reports whether a path is of what everybody may change: their own.
func own(path string) bool {
	return strings.Contains(path, "nobody@pve") || strings.HasSuffix(strings.TrimRight(path, "/"), "ticket")
}

// taken checks parameters that an operation got.
func taken(t *testing.T, params []schema.Property, answer []byte) {
	var got struct{ Data any }
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	data, ok := got.Data.(map[string]any)
	if !ok { // another operation than the echo
		return
	}
	for name, list := range data {
		i := slices.IndexFunc(params, func(p schema.Property) bool { return p.Name == name })
		if i < 0 {
			t.Fatalf("parameter %q was taken", name)
		}
		var values []string
		for _, v := range list.([]any) {
			text := v.(string)
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' }) {
				t.Fatalf("%s has control characters: %q", name, text)
			}
			values = append(values, text)
		}
		if what := params[i].Fault(values); what != "" {
			t.Fatalf("%s: %q was taken: %s", name, values, what)
		}
	}
}

// TestMemory sends the largest requests there can be, and counts all that they
// make the server allocate, garbage too.
func TestMemory(t *testing.T) {
	e := newEnv(t, nil)
	h := e.RoutesOf([]pveapi.Operation{{
		Method: "PUT", Path: "/echo/{id}", Doc: "d", Params: echo()[0].Params, Handle: func(*pveapi.Call) (any, error) { return nil, nil },
	}})
	root := e.user(t, access.RootUser, "", "")
	const size = 1<<20 - 100
	for name, c := range map[string]struct{ kind, body string }{
		"array":   {"application/json", `{"many":[` + strings.Repeat("0,", size/2) + `0]}`},
		"deep":    {"application/json", `{"many":` + strings.Repeat("[", size)},
		"objects": {"application/json", strings.Repeat(`{"a":`, size/5)},
		"names":   {"application/json", `{` + strings.Repeat(`"a":0,`, size/6) + `"b":0}`},
		"text":    {"application/json", `{"text":"` + strings.Repeat("x", size) + `"}`},
		"form":    {"", strings.Repeat("&", size)},
		"pairs":   {"", strings.Repeat("a&", size/2)},
		"value":   {"", "text=" + strings.Repeat("%41", size/3)},
	} {
		r := httptest.NewRequest(http.MethodPut, "/api2/json/echo/a", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		r.Header.Set("Authorization", root)
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, w.Code)
		}
		// Reading 1 MiB into a slice that grows allocates five times that.
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
			t.Errorf("%s: %d bytes", name, got)
		}
	}
}
