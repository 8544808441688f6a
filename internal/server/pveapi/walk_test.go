package pveapi_test

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
)

// TestTable looks for what is missing in the table.
func TestTable(t *testing.T) {
	path := regexp.MustCompile(`^(/([a-z-]+|\{[a-z_-]+\}))+$|^/$`)
	for _, op := range newEnv(t, nil).Operations() {
		name := op.Method + " " + op.Path
		if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, op.Method) || !path.MatchString(op.Path) {
			t.Errorf("%s: an odd method or path", name)
		}
		if !strings.HasSuffix(op.Doc, ".") || op.Handle == nil {
			t.Errorf("%s: no sentence, or no handler", name)
		}
		seen := map[string]bool{}
		for _, p := range op.Params {
			if p.Name == "" || p.Form == "" || p.Doc == "" || seen[p.Name] {
				t.Errorf("%s: parameter %q is incomplete, or there twice", name, p.Name)
			}
			seen[p.Name] = true
		}
		for _, p := range op.Names() {
			i := slices.IndexFunc(op.Params, func(q schema.Property) bool { return q.Name == p })
			if i < 0 || op.Params[i].Need != 'r' {
				t.Errorf("%s: its path has the parameter %s, which it does not require", name, p)
			}
		}
	}
}

// example is a value that a parameter takes.
func example(p schema.Property) string {
	switch {
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Form == schema.Integer:
		return "100"
	case p.Form == schema.Boolean:
		return "1"
	}
	known := map[string]string{
		"upid": task.UPID{Node: "srv", Type: "t", User: "root@pam"}.String(), "node": "srv", "path": "/sdn",
		"privs": "SDN.Audit", "users": "victim@pve", "userid": "victim@pve", "password": "some long enough one",
		"roleid": "PVEAuditor", "subnet": "zone1-192.0.2.0-24", "ip": "192.0.2.1", "mac": "BC:24:11:00:00:01", "zone": "zone1", "vnet": "vnet1", "ipam": "pve",
	}
	v := cmp.Or(known[p.Name], "abc1")
	if p.Check != nil && p.Check(v) != "" {
		return "192.0.2.0/24"
	}
	return v
}

// walk calls every operation with parameters of the right form; with the required
// ones only, or with all.
func (e *env) walk(t *testing.T, auth string, all bool, look func(op pveapi.Operation, got answer)) {
	t.Helper()
	for _, op := range e.Operations() {
		path, form := op.Path, url.Values{}
		for _, p := range op.Params {
			v := example(p)
			switch marker := "{" + p.Name + "}"; {
			case strings.Contains(path, marker):
				path = strings.ReplaceAll(path, marker, url.PathEscape(v))
			case p.Need == 'r' || all:
				form.Set(p.Name, v)
			}
		}
		body := form.Encode()
		if op.Method == http.MethodGet || op.Method == http.MethodDelete {
			path, body = path+"?"+body, ""
		}
		look(op, e.call(t, auth, op.Method, path, body))
	}
}

// TestWalk calls every operation as nobody, and as somebody who may do nothing.
func TestWalk(t *testing.T) {
	e := newEnv(t, nil)
	nobody := e.user(t, "nobody@pve", "", "")
	e.user(t, "victim@pve", "/sdn", "PVESDNAdmin")
	e.join(t, "srv")
	_, err := e.Config.Edit(t.Context(), "test", []model.Edit{
		{Put: &model.Zone{ID: "zone1", Type: model.ZoneSimple}}, {Put: &model.VNet{ID: "vnet1", Zone: "zone1"}},
	}, revision.EditOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := e.store.List(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	e.walk(t, "", true, func(op pveapi.Operation, got answer) {
		want := 401
		if op.Open() && op.Method == http.MethodGet {
			want = 200
		}
		if got.Status != want {
			t.Errorf("as nobody: %s %s: %d %s", op.Method, op.Path, got.Status, got.body)
		}
	})
	e.walk(t, nobody, false, func(op pveapi.Operation, got answer) {
		switch name := op.Method + " " + op.Path; {
		case op.Open():
		case op.Method != http.MethodGet && got.Status != 403, got.Status != 200 && got.Status != 403,
			got.Status == 403 && !strings.HasPrefix(got.Message, "Permission check failed ("), strings.Contains(got.body, "victim"):
			t.Errorf("without privileges: %s: %d %s", name, got.Status, got.body)
		}
	})
	after, _, err := e.store.List(t.Context(), "", "")
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d records instead of %d, %v", len(after), len(before), err)
	}
	for i := range after {
		if after[i].Revision != before[i].Revision {
			t.Errorf("%s was written", after[i].Key)
		}
	}
}

// TestWalkForms gives every parameter of every operation what it cannot take: all
// are refused together, and nothing happens.
func TestWalkForms(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	for _, op := range e.Operations() {
		path, form := op.Path, url.Values{}
		for _, p := range op.Params {
			if marker := "{" + p.Name + "}"; strings.Contains(path, marker) {
				path = strings.ReplaceAll(path, marker, url.PathEscape(example(p)))
				continue
			}
			form.Set(p.Name, "a\x00b")
		}
		form.Set("no-such-parameter", "1")
		body := form.Encode()
		if op.Method == http.MethodGet || op.Method == http.MethodDelete {
			path, body = path+"?"+body, ""
		}
		got := e.call(t, root, op.Method, path, body)
		want := len(form)
		if op.Extra {
			want--
		}
		if want > 0 && (got.Status != 400 || len(got.Errors) != want) {
			t.Errorf("%s %s: %d %s", op.Method, op.Path, got.Status, got.body)
		}
	}
}

// TestWalkRoot calls every operation as root: none is a fault of the server.
func TestWalkRoot(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.join(t, "srv")
	e.walk(t, root, true, func(op pveapi.Operation, got answer) {
		if got.Status == 500 && strings.HasPrefix(got.Message, "internal error") || got.Status == 501 || got.Status == 403 {
			t.Errorf("%s %s: %d %s", op.Method, op.Path, got.Status, got.body)
		}
	})
}
