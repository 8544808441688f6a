package pveapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// hostile are values that no parameter expects.
var hostile = []any{
	"", " ", "../../../etc/passwd", "a/b", "%2e%2e", "a\x00b", "a\nb", "a\xffb", "\u202eabc", strings.Repeat("x", 20_000), "-1", "99999999999999999999",
	"1e3", "0x10", "NaN", "true", "'; DROP TABLE x", "<script>", "10.0.0.0/33", "::1%eth0", "fd00::/0", "name=", "=,=", "start-address=1,end-address",
	true, -5, 1e300, []any{}, []any{"a", "a"}, []any{[]any{}}, map[string]any{"a": 1}, nil,
}

// TestHostileParameters gives every parameter of every operation each of them, with
// the others in order, to somebody who may do all: there is an answer, and it is no
// fault of the server.
func TestHostileParameters(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.join(t, "srv")
	go e.Fleet.Run(t.Context())
	go e.answerAs(t, "srv", nil)
	for _, op := range e.Operations() {
		for _, p := range op.Params {
			for _, value := range hostile {
				if a, ok := e.attack(t, root, &op, p.Name, value); ok && bad(a) {
					t.Errorf("%s %s with %s=%.40q: %d %s", op.Method, op.Path, p.Name, value, a.Status, a.body)
				}
			}
		}
	}
}

// bad reports whether an answer is none of those that clients know.
func bad(a answer) bool {
	switch a.Status {
	case 200, 400, 401, 403, 404, 413, 429, 501, 504:
		return false
	}
	return a.Status != 500 || a.Message == "" || strings.Contains(a.Message, "internal error") || len(a.Message) > 4096
}

// attack makes one request; ok is false if the value cannot stand there at all.
func (e *env) attack(t *testing.T, auth string, op *pveapi.Operation, name string, value any) (a answer, ok bool) {
	t.Helper()
	path, query, body := op.Path, url.Values{}, map[string]any{}
	for _, p := range op.Params {
		var v any = example(p)
		if p.Name == name {
			v = value
		} else if p.Need != 'r' && !strings.Contains(path, "{"+p.Name+"}") {
			continue
		}
		text, isText := v.(string)
		switch marker := "{" + p.Name + "}"; {
		case strings.Contains(path, marker):
			if !isText || text == "" {
				return a, false
			}
			path = strings.ReplaceAll(path, marker, url.PathEscape(text))
		case op.Method == http.MethodGet || op.Method == http.MethodDelete:
			if !isText {
				return a, false
			}
			query.Set(p.Name, text)
		default:
			body[p.Name] = v
			if p.Form == schema.Array && isText {
				body[p.Name] = []any{text}
			}
		}
	}
	if op.Method == http.MethodGet || op.Method == http.MethodDelete {
		return e.call(t, auth, op.Method, path+"?"+query.Encode(), ""), true
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return e.call(t, auth, op.Method, path, string(b)), true
}
