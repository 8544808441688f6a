package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// described is the OpenAPI document as others read it.
func described(t *testing.T) jsonObject {
	t.Helper()
	var doc jsonObject
	if err := json.Unmarshal(document(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func at(doc any, path ...string) any {
	for _, p := range path {
		m, _ := doc.(jsonObject)
		doc = m[p]
	}
	return doc
}

func TestDocumentIsSound(t *testing.T) {
	doc := described(t)
	if !bytes.Equal(document(), document()) {
		t.Error("the document differs from one time to the next")
	}
	if at(doc, "openapi") != "3.1.0" || at(doc, "info", "title") == nil || at(doc, "info", "version") == nil {
		t.Error("the head is not that of an OpenAPI document")
	}
	if servers, ok := doc["servers"].([]any); !ok || len(servers) != 1 || at(servers[0].(jsonObject), "url") != "/" {
		t.Errorf("servers are %v", doc["servers"])
	}
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case jsonObject:
			if ref, ok := v["$ref"].(string); ok {
				path := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
				if !strings.HasPrefix(ref, "#/") || at(doc, path...) == nil {
					t.Errorf("%s: %s leads nowhere", where, ref)
				}
			}
			for name, inner := range v {
				walk(where+"/"+name, inner)
			}
		case []any:
			for i, inner := range v {
				walk(fmt.Sprint(where, "/", i), inner)
			}
		}
	}
	walk("#", doc)
	tags := make(map[any]bool)
	for _, tag := range doc["tags"].([]any) {
		tags[at(tag, "name")] = true
	}
	ids := make(map[any]string)
	for path, item := range doc["paths"].(jsonObject) {
		declared := parametersOf(t, path, item)
		for method, op := range item.(jsonObject) {
			if method == "parameters" {
				continue
			}
			where := method + " " + path
			id := at(op, "operationId")
			if ids[id] != "" || id == "" {
				t.Errorf("%s has the operationId %v of %s", where, id, ids[id])
			}
			ids[id] = where
			for _, name := range []string{"description", "summary", "x-permission"} {
				if s, _ := at(op, name).(string); s == "" {
					t.Errorf("%s has no %s", where, name)
				}
			}
			for _, tag := range at(op, "tags").([]any) {
				if !tags[tag] {
					t.Errorf("%s is in the group %v, which is none", where, tag)
				}
			}
			if at(op, "responses", "default", "$ref") != "#/components/responses/problem" {
				t.Errorf("%s does not say what its errors are", where)
			}
			for name := range parametersOf(t, where, op) {
				if declared[name] {
					t.Errorf("%s declares %s twice", where, name)
				}
			}
		}
		for _, name := range parameterNames(path) {
			if !declared[name] {
				t.Errorf("%s does not declare {%s}", path, name)
			}
		}
	}
	for name, def := range at(doc, "components", "schemas").(jsonObject) {
		if len(def.(jsonObject)) == 0 {
			t.Errorf("the schema %s is empty", name)
		}
	}
}

// parametersOf are the names of the parameters that an item or operation declares.
func parametersOf(t *testing.T, where string, v any) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	list, _ := at(v, "parameters").([]any)
	for _, p := range list {
		name, _ := at(p, "name").(string)
		if name == "" || at(p, "schema", "type") == nil || !slices.Contains([]any{"path", "query", "header"}, at(p, "in")) {
			t.Errorf("%s: the parameter %v is not sound", where, p)
		}
		if at(p, "in") == "path" && at(p, "required") != true {
			t.Errorf("%s: the parameter %s of a path is not required", where, name)
		}
		out[name] = true
	}
	return out
}

// Every route is in the document, and in the description of pkg/api, and nothing
// else is.
func TestEveryRouteIsDescribed(t *testing.T) {
	want := make(map[string]bool)
	for _, rt := range table() {
		want[rt.method+" "+root+rt.path] = true
	}
	got := make(map[string]bool)
	for path, item := range at(described(t), "paths").(jsonObject) {
		for method := range item.(jsonObject) {
			if method != "parameters" {
				got[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	source, err := os.ReadFile("../../../pkg/api/api.go")
	if err != nil {
		t.Fatal(err)
	}
	got = make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^//\t([A-Z]+) +(/api/v1/[^ ?\n]+)`).FindAllStringSubmatch(string(source), -1) {
		paths := []string{m[2]}
		if strings.Contains(m[2], "{kinds}") {
			paths = nil
			for _, k := range model.Kinds() {
				paths = append(paths, strings.Replace(m[2], "{kinds}", k.Plural(), 1))
			}
		}
		if before, _, ok := strings.Cut(m[2], "{subject}"); ok {
			paths = nil
			for _, rt := range liveRoutes() {
				if path := root + rt.path; strings.HasPrefix(path, before) {
					paths = append(paths, path)
				}
			}
		}
		for _, p := range paths {
			got[m[1]+" "+p] = true
			if strings.Contains(p, "/access/users") && !strings.HasSuffix(p, "/password") && !strings.HasSuffix(p, "/login-link") && !strings.HasSuffix(p, "/permissions") { // "so groups and roles"
				got[m[1]+" "+strings.Replace(p, "users", "groups", 1)], got[m[1]+" "+strings.Replace(p, "users", "roles", 1)] = true, true
			}
		}
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); d != "" {
		t.Errorf("pkg/api describes other routes:\n%s", d)
	}
}

// exampleOfRow sets a property of the model to a value that its row allows.
func exampleOfRow(v reflect.Value, rows []model.FieldInfo, field reflect.StructField) {
	for _, f := range rows {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); f.Name != name {
			continue
		}
		switch {
		case len(f.Values) > 0:
			v.SetString(f.Values[0])
		case f.Max != 0:
			v.SetInt(int64(f.Min))
		case strings.HasPrefix(f.Pattern, "^net"):
			v.SetString("net0")
		case strings.HasPrefix(f.Pattern, "^[1-9]"):
			v.SetString("100")
		case strings.HasPrefix(f.Pattern, "^([0-9A-Fa-f]{2}:)"):
			v.SetString(strings.Repeat("AB:", 31) + "AB")
		}
	}
}

// example fills a value of any type, every field of it.
func example(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if list, ok := words[v.Type()]; ok {
		v.SetString(list[0])
		return
	}
	switch v.Type() {
	case of[model.Others]():
		return // which no kind of a release has
	case of[model.Kind]():
		v.SetString(string(model.KindZone))
		return
	case of[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
		return
	case of[netip.Prefix]():
		v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.0/24")))
		return
	case of[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		return
	case of[json.RawMessage]():
		v.SetBytes([]byte(`{"a":1}`))
		return
	case of[model.Edit]():
		v.Set(reflect.ValueOf(model.Edit{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}, Kind: model.KindZone, ID: "z1"}))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		example(t, v.Elem(), name)
	case reflect.Struct:
		rows := newSchemas().rows
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Tag.Get("json") != "-" {
				example(t, v.Field(i), v.Type().Name()+"."+f.Tag.Get("json"))
				exampleOfRow(v.Field(i), rows[v.Type()], f)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if owner, _, _ := strings.Cut(name, "."); owner != v.Type().Elem().Name() { // or it would never end
			example(t, v.Index(0), name)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString("key")
		example(t, value, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		text := map[string]string{
			"ACLEntry.type": "user", "Note.level": "info", "Error.type": "invalid", "Role.privileges": "SDN.Audit",
			"Password.password": "eight or more",
		}[name]
		if text == "" {
			text = "text"
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(64)
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Int, reflect.Int64:
		v.SetInt(10)
	default:
		t.Fatalf("%s: no example of a %s", name, v.Type())
	}
}

// Every type that is sent or received fits its schema when all of it is set, and is
// unchanged after a round trip.
func TestTypesFitTheirSchemas(t *testing.T) {
	doc := described(t)
	types := map[reflect.Type]bool{of[api.Error](): true}
	for _, rt := range table() {
		for _, typ := range []reflect.Type{rt.request, rt.answer} {
			if typ != nil && rt.id != "getOpenAPI" {
				types[typ] = true
			}
		}
	}
	for typ := range types {
		v := reflect.New(typ)
		example(t, v.Elem(), typ.String())
		b, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		var generic any
		if err := json.Unmarshal(b, &generic); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(newSchemas().of(typ))
		if err != nil {
			t.Fatal(err)
		}
		var schema any
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		for _, fault := range faults(doc, schema, generic, typ.String()) {
			t.Error(fault)
		}
		back := reflect.New(typ)
		if err := json.Unmarshal(b, back.Interface()); err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		same := []cmp.Option{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}
		if d := cmp.Diff(v.Elem().Interface(), back.Elem().Interface(), same...); d != "" {
			t.Errorf("%s does not come back as it was:\n%s", typ, d)
		}
	}
}

// faults holds a value against a schema. It is stricter than JSON Schema: a
// property that the schema does not have is a fault.
func faults(doc jsonObject, schema, v any, where string) []string {
	s, _ := schema.(jsonObject)
	if ref, ok := s["$ref"].(string); ok {
		return faults(doc, at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), v, where)
	}
	if any, ok := s["oneOf"].([]any); ok {
		var all []string
		for _, one := range any {
			f := faults(doc, one, v, where)
			if len(f) == 0 {
				return nil
			}
			all = append(all, f...)
		}
		return all
	}
	var out []string
	fault := func(format string, args ...any) { out = append(out, where+": "+fmt.Sprintf(format, args...)) }
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		fault("%v is none of %v", v, list)
	}
	if c, ok := s["const"]; ok && c != v {
		fault("%v is not %v", v, c)
	}
	switch s["type"] {
	case "object":
		m, ok := v.(jsonObject)
		if !ok {
			fault("%v is no object", v)
			break
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := m[name.(string)]; !ok {
				fault("lacks %s", name)
			}
		}
		for name, inner := range m {
			of := at(s, "properties", name)
			if of == nil {
				of = s["additionalProperties"]
			}
			if of == nil {
				fault("has %s, which is not in the schema", name)
				continue
			}
			out = append(out, faults(doc, of, inner, where+"."+name)...)
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			fault("%v is no list", v)
		}
		for _, inner := range list {
			out = append(out, faults(doc, s["items"], inner, where+"[]")...)
		}
	case "string":
		if text, ok := v.(string); !ok {
			fault("%v is no text", v)
		} else if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(text) {
			fault("%q does not match %s", text, p)
		}
	case "integer":
		n, ok := v.(float64)
		least, _ := s["minimum"].(float64)
		most, limited := s["maximum"].(float64)
		if !ok || n < least || limited && n > most {
			fault("%v is no number from %v to %v", v, least, most)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			fault("%v is no boolean", v)
		}
	}
	return out
}

// What is known of properties is known of properties that there are.
func TestBoundsAreOfSomething(t *testing.T) {
	s := newSchemas()
	for _, rt := range table() {
		for _, typ := range []reflect.Type{rt.request, rt.answer} {
			if typ != nil {
				s.of(typ)
			}
		}
	}
	s.of(of[api.Error]())
	names := make(map[string]bool)
	for _, typ := range s.types {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			names[typ.Name()+"."+name] = true
		}
	}
	for name := range bounds {
		if !names[name] {
			t.Errorf("there is no property %s", name)
		}
	}
	if doc := at(s.defs, "Zone", "properties", "vxlan-port", "description"); doc != "UDP port of the tunnels, 4789 if left out (evpn, vxlan)" {
		t.Errorf("the model's words are not in the schema: %v", doc)
	}
}

func TestPage(t *testing.T) {
	h := &Handler{Administrator: func(*http.Request) (string, error) { return "", nil }, Access: &access.Service{}}
	routes := h.Routes()
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/docs", nil))
	policy := w.Header().Get("Content-Security-Policy")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	if !strings.HasPrefix(policy, "default-src 'none'; connect-src 'self'; script-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s", policy)
	}
	body := w.Body.String()
	for _, bad := range []string{"http://", "https://", "<link", " src=", "innerHTML", "style=", "onclick"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %s: it must fetch nothing, and its policy allows no such thing", bad)
		}
	}
	if strings.Count(body, "<script") != 1 || strings.Count(body, "<style") != 1 {
		t.Error("the policy covers one script and one style only")
	}
	w = httptest.NewRecorder()
	routes.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), document()) {
		t.Errorf("status %d", w.Code)
	}
}

// Requests are decoded without a panic, and what is understood is one that can be
// written and understood again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"kind":"zone","id":"z1","object":{"id":"z1","type":"simple"}}]`, `[{"kind":"guest","id":"100"}]`, `[null]`, `{`,
		`[{"kind":"subnet","id":"10.0.0.0/8","object":{"id":"10.0.0.0/8","vnet":"v1","gateway":"::1"}}]`, `{"set":{"mtu":1},"unset":["mtu"]}`,
		`[{"kind":"fabric-node","object":{"id":"f1_n1"}}]`, `[{"kind":"prefix-list","id":"p","object":{"entries":[{"prefix":"x"}]}}]`,
	} {
		f.Add([]byte(seed), "z1")
	}
	f.Fuzz(func(t *testing.T, b []byte, id string) {
		if edits, err := decodeEdits(b); err == nil {
			for _, e := range edits {
				_ = model.Ref(e.Target())
				k, name := e.Kind, e.ID
				if e.Put != nil {
					o := model.Completed(e.Put, always("z1"))
					_ = rights(o, always("z1"), true)
					k, name = o.ObjectKind(), o.ObjectID()
				}
				for _, r := range rights(nameOnly(k, name), noZone, true) {
					if !strings.HasPrefix(r.path, "/") {
						t.Errorf("%s %q takes something on %q", k, name, r.path)
					}
				}
			}
			again, err := json.Marshal(edits)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodeEdits(again); err != nil {
				t.Errorf("%s cannot be read again: %v", again, err)
			}
		}
		for _, k := range model.Kinds() {
			if o, err := object(k, id, b); err == nil && o.ObjectID() != id {
				t.Errorf("%s %q became %q", k, id, o.ObjectID())
			}
		}
		var p api.Patch
		if json.Unmarshal(b, &p) == nil {
			_, _ = patched(&model.Zone{ID: "z1", Type: model.ZoneSimple}, p)
		}
	})
}
