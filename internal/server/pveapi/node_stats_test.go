package pveapi_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// beat is a heartbeat of a node with a load.
func (e *env) beat(t *testing.T, name string, cpu float64) {
	t.Helper()
	s, err := e.Fleet.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range s.Nodes {
		if n.Name != name {
			continue
		}
		now := time.Now()
		err := e.Fleet.Report(t.Context(), name, &protocol.Status{
			Hash: n.Want, State: protocol.Converged, Time: now, Facts: facts(),
			Load: &protocol.Load{Time: now, Booted: now.Add(-time.Hour), CPU: cpu, CPUs: 4, Memory: 1 << 30, MemoryTotal: 4 << 30, Disk: 5 << 30, DiskTotal: 9 << 30},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// named finds an object in a list by one of its values.
func named(t *testing.T, list any, name, value string) object {
	t.Helper()
	for _, o := range list.([]any) {
		if o.(object)[name] == value {
			return o.(object)
		}
	}
	t.Fatalf("no object with %s %q in %v", name, value, list)
	return nil
}

func TestLoadOfNodes(t *testing.T) {
	cert := &x509.Certificate{Raw: []byte("a certificate")}
	e := newEnv(t, nil, func(h *pveapi.Handler) { h.Certificate = func() (*x509.Certificate, error) { return cert, nil } })
	root, nobody := e.user(t, access.RootUser, "", ""), e.user(t, "nobody@pve", "", "")
	e.join(t, "a")
	e.join(t, "quiet")
	e.beat(t, "a", 0.25)
	for _, path := range []string{"/nodes", "/cluster/resources?type=node"} {
		got := named(t, e.get(t, root, path), "node", "a")
		if uptime := got["uptime"].(float64); uptime < 3600 || uptime > 3660 {
			t.Errorf("%s: %v seconds since the boot", path, uptime)
		}
		delete(got, "uptime")
		if print, ok := got["ssl_fingerprint"].(string); path == "/nodes" && (!ok || len(print) != 95 || strings.ToUpper(print) != print) {
			t.Errorf("%s: fingerprint %q", path, print)
		}
		delete(got, "ssl_fingerprint")
		want := object{
			"type": "node", "id": "node/a", "node": "a", "status": "online", "level": "", "cpu": 0.25, "maxcpu": 4.0,
			"mem": float64(1 << 30), "maxmem": float64(4 << 30), "disk": float64(5 << 30), "maxdisk": float64(9 << 30),
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", path, d)
		}
		for who, list := range map[string]any{"a node that tells no load": named(t, e.get(t, root, path), "node", "quiet"), "somebody who may not look": named(t, e.get(t, nobody, path), "node", "a")} {
			if o := list.(object); o["cpu"] != nil || o["mem"] != nil || o["uptime"] != nil {
				t.Errorf("%s: %s: %v", path, who, o)
			}
		}
	}
	status := e.get(t, root, "/nodes/a/status").(object)
	if status["cpu"] != 0.25 || status["memory"].(object)["used"] != float64(1<<30) || status["cpuinfo"].(object)["cpus"] != 4.0 {
		t.Errorf("%v", status)
	}
}

// A load that changes writes nothing and wakes nobody.
func TestLoadIsNoNews(t *testing.T) {
	e := newEnv(t, nil)
	e.join(t, "a")
	e.beat(t, "a", 0.25)
	revisions := func() map[string]int64 {
		records, _, err := e.store.List(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int64{}
		for _, r := range records {
			out[r.Key] = r.Revision
		}
		return out
	}
	before := revisions()
	s, err := e.Fleet.Status()
	if err != nil {
		t.Fatal(err)
	}
	e.beat(t, "a", 0.75)
	if d := cmp.Diff(before, revisions()); d != "" {
		t.Errorf("records were written: %s", d)
	}
	again, err := e.Fleet.Status()
	if err != nil || again.Version != s.Version || again.Nodes[0].Report.Load.CPU != 0.75 {
		t.Errorf("%v: version %s after %s, load %+v", err, again.Version, s.Version, again.Nodes[0].Report.Load)
	}
}

// TestLocalhost resolves the name before anybody asks who may do what.
func TestLocalhost(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	if got := e.call(t, root, "GET", "/nodes/localhost/status", ""); got.Status != 500 || !strings.Contains(got.Message, "hostname lookup 'srv' failed") {
		t.Errorf("without nodes: %d %s", got.Status, got.Message)
	}
	if got := e.call(t, root, "GET", "/nodes/localhost/tasks", ""); got.Status != 200 {
		t.Errorf("tasks of the server's host, which is no node: %s", got.body)
	}
	e.join(t, "a")
	e.join(t, "b")
	auditor := e.user(t, "auditor@pve", "/nodes/a", "PVEAuditor")
	for name, path := range map[string]string{"a part of the path": "/nodes/localhost/status", "a parameter": "/cluster/sdn/dry-run?node=localhost"} {
		if got := e.call(t, auditor, "GET", path, ""); got.Status != 200 {
			t.Errorf("%s, as somebody who may see node a: %s", name, got.body)
		}
	}
	e.join(t, "srv")
	if got := e.call(t, auditor, "GET", "/nodes/localhost/status", ""); got.Status != 403 || got.Message != "Permission check failed (/nodes/srv, Sys.Audit)" {
		t.Errorf("the server's host is a node now: %d %s", got.Status, got.Message)
	}
}

// TestNothingSet asks for what there is none of.
func TestNothingSet(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.join(t, "a")
	for path, want := range map[string]any{
		"/cluster/options":      object{},
		"/access/tfa":           []any{},
		"/nodes/a/subscription": object{"status": "notfound", "message": "There is no subscription key"},
	} {
		if d := cmp.Diff(want, e.get(t, root, path)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}
