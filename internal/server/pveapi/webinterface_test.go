package pveapi_test

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox/netboxtest"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// replay makes the requests of a client as they are written in a file; see the head of
// testdata/web-interface.txt.
type replay struct {
	*env
	header http.Header
	// vars are what {name} stands for; nodes those that do what they are told.
	vars  map[string]string
	nodes []string
}

// wire is a request, and what is to come of it.
type wire struct {
	line                      int
	panel, method, path, form string
	// fields are those that every row has; refusal is a part of the message.
	fields  []string
	refusal string
}

// recorded reads a file of requests.
func recorded(t *testing.T, name string) []wire {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []wire
	scan := bufio.NewScanner(file)
	for n := 1; scan.Scan(); n++ {
		text := scan.Text()
		if text == "" || text[0] == '#' {
			continue
		}
		parts := strings.Split(text, "|")
		if len(parts) != 4 {
			t.Fatalf("%s:%d: %q has %d parts instead of four", name, n, text, len(parts))
		}
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		w := wire{line: n, panel: parts[0], form: parts[2]}
		w.method, w.path, _ = strings.Cut(parts[1], " ")
		if refusal, ok := strings.CutPrefix(parts[3], "!"); ok {
			w.refusal = refusal
		} else if parts[3] != "" {
			w.fields = strings.Split(parts[3], ",")
		}
		out = append(out, w)
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// newReplay starts a server with three nodes, which answer what they are asked.
func newReplay(t *testing.T) *replay {
	t.Helper()
	cert := &x509.Certificate{Raw: []byte("the server's")}
	e := newEnv(t, nil, func(h *pveapi.Handler) { h.Certificate = func() (*x509.Certificate, error) { return cert, nil } })
	go e.Fleet.Run(t.Context())
	netbox := netboxtest.New(t)
	powerdns := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	t.Cleanup(powerdns.Close)
	r := &replay{env: e, nodes: []string{"node1", "node2", "node3"}, vars: map[string]string{
		"server": "srv", "netbox": netbox.URL, "token": netbox.Token, "powerdns": powerdns.URL,
	}}
	for _, n := range r.nodes {
		e.join(t, n)
		go e.answerAs(t, n, map[livequery.Subject]any{
			livequery.Bridges.Subject:          []livequery.Bridge{{Name: "uivn0", Ports: []livequery.BridgePort{{Name: "tap100i1"}}}},
			livequery.Routes.Subject:           []livequery.VRFRoute{{Prefix: "10.0.1.0/24", Metric: 20, Protocol: "bgp", NextHops: []string{"192.0.2.1"}}},
			livequery.MACs.Subject:             []livequery.MAC{{IP: "10.0.1.5", MAC: "bc:24:11:00:00:01", NextHop: "192.0.2.1"}},
			livequery.FabricRoutes.Subject:     []livequery.FabricRoute{{Prefix: "10.9.0.2/32", Via: []string{"eth1"}}},
			livequery.FabricNeighbours.Subject: []livequery.FabricNeighbour{{Name: "node2", State: "Up", Uptime: "24s"}},
			livequery.FabricLinks.Subject:      []livequery.FabricLink{{Name: "eth1", Type: "Point-To-Point", State: "Up"}},
		})
	}
	return r
}

// expand puts in what {name} stands for.
func (r *replay) expand(text string) string {
	for name, value := range r.vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// encoded is a form whose values are written as they are.
func encoded(form string) string {
	var out []string
	for pair := range strings.SplitSeq(form, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			out = append(out, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	return strings.Join(out, "&")
}

// send makes one request. What changes what runs is done by the nodes at once.
func (r *replay) send(t *testing.T, w *wire) answer {
	t.Helper()
	for _, n := range r.nodes {
		r.beat(t, n, 0.5)
	}
	path, body := r.expand(w.path), encoded(r.expand(w.form))
	if (w.method == http.MethodGet || w.method == http.MethodDelete) && body != "" {
		path, body = path+"?"+body, ""
	}
	got := r.request(t, w.method, path, body, r.header.Clone())
	if got.Status != http.StatusOK || got.Success != nil && *got.Success != 1 {
		return got
	}
	first := got.Data
	if rows, ok := got.Data.([]any); ok && len(rows) > 0 {
		first = rows[0]
	}
	if o, ok := first.(object); ok && o["digest"] != nil {
		r.vars["digest"] = o["digest"].(string)
	}
	if upid, ok := got.Data.(string); ok && strings.HasPrefix(upid, "UPID:") {
		r.vars["upid"] = upid
		r.finish(t, upid)
	} else if ok && strings.HasSuffix(w.path, "/lock") {
		r.vars["lock"] = upid
	}
	return got
}

// finish waits until a task has come to its end, with nodes that do what they are told.
func (r *replay) finish(t *testing.T, upid string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		for _, n := range r.nodes {
			r.beat(t, n, 0.5)
		}
		task, err := r.Tasks.Get(t.Context(), upid)
		if err != nil {
			t.Fatal(err)
		}
		if !task.Running() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("task %s does not end", upid)
		}
	}
}

// judge compares an answer with what is to come.
func (w *wire) judge(got answer) error {
	failed := got.Status != http.StatusOK || got.Success != nil && *got.Success != 1
	switch {
	case w.refusal != "" && (!failed || !strings.Contains(got.body, w.refusal)):
		return fmt.Errorf("%d %s: wanted a refusal with %q", got.Status, got.body, w.refusal)
	case w.refusal != "":
		return nil
	case failed:
		return fmt.Errorf("%d %s", got.Status, got.body)
	case len(w.fields) == 1 && w.fields[0] == "upid":
		if upid, _ := got.Data.(string); !strings.HasPrefix(upid, "UPID:") {
			return fmt.Errorf("%s is no task", got.body)
		}
		return nil
	case len(w.fields) == 0:
		return nil
	}
	rows, list := got.Data.([]any)
	if !list {
		rows = []any{got.Data}
	}
	if len(rows) == 0 {
		return fmt.Errorf("the list is empty, of rows with %v", w.fields)
	}
	for _, row := range rows {
		o, _ := row.(object)
		pending, _ := o["pending"].(object)
		for _, f := range w.fields {
			_, here := o[f]
			if _, new := pending[f]; !here && !new {
				return fmt.Errorf("a row lacks %s: %v", f, row)
			}
		}
	}
	return nil
}

// TestWebInterface makes all calls of the web interface of Proxmox VE, with the ticket of
// somebody who has logged in.
func TestWebInterface(t *testing.T) {
	r := newReplay(t)
	if err := r.Access.SetPassword(t.Context(), access.RootUser, password); err != nil {
		t.Fatal(err)
	}
	ticket, csrf := r.login(t, url.Values{"username": {"root"}, "realm": {"pam"}, "password": {password}}.Encode())
	r.header = cookie(url.QueryEscape(ticket))
	r.header.Set("CSRFPreventionToken", csrf)
	if n := r.run(t, "web-interface.txt"); n != 218 {
		t.Errorf("%d calls", n)
	}
}

// run makes all requests of a file, and tells their number.
func (r *replay) run(t *testing.T, name string) int {
	t.Helper()
	calls := recorded(t, name)
	for i := range calls {
		w := &calls[i]
		if err := w.judge(r.send(t, w)); err != nil {
			t.Errorf("%s:%d, %s: %s %s %s: %v", name, w.line, w.panel, w.method, w.path, w.form, err)
		}
	}
	return len(calls)
}

// TestClients makes the requests of other clients, with an API token.
func TestClients(t *testing.T) {
	for _, name := range []string{"terraform.txt", "ansible.txt"} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(t)
			r.header = http.Header{"Authorization": {r.user(t, access.RootUser, "", "")}}
			r.run(t, name)
		})
	}
}
