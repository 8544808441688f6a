package pveapi_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

type object = map[string]any

// get reads something that has to be there.
func (e *env) get(t testing.TB, auth, path string) any {
	t.Helper()
	got := e.call(t, auth, "GET", path, "")
	if got.Status != 200 {
		t.Fatalf("GET %s: %d %s", path, got.Status, got.body)
	}
	return got.Data
}

// column are the values of one name in a list of objects.
func column(list any, name string) []string {
	out := []string{}
	for _, o := range list.([]any) {
		out = append(out, o.(object)[name].(string))
	}
	return out
}

func TestCluster(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	if got := e.get(t, root, "/nodes"); !cmp.Equal(got, []any{}) {
		t.Errorf("without nodes: %v", got)
	}
	e.join(t, "srv")
	e.join(t, "a")
	want := []any{
		object{"type": "cluster", "id": "cluster", "name": "viaduct", "nodes": 2.0, "quorate": 1.0, "version": 0.0},
		object{"type": "node", "id": "node/a", "name": "a", "nodeid": 1.0, "online": 1.0, "local": 0.0, "level": "", "ip": "192.0.2.11"},
		object{"type": "node", "id": "node/srv", "name": "srv", "nodeid": 2.0, "online": 1.0, "local": 1.0, "level": "", "ip": "192.0.2.11"},
	}
	if diff := cmp.Diff(want, e.get(t, root, "/cluster/status")); diff != "" {
		t.Error(diff)
	}
	node := func(name string) object {
		return object{"type": "node", "id": "node/" + name, "node": name, "status": "online", "level": ""}
	}
	if diff := cmp.Diff([]any{node("a"), node("srv")}, e.get(t, root, "/nodes")); diff != "" {
		t.Error(diff)
	}
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple, Nodes: []string{"a"}}, &model.VNet{ID: "vnet1", Zone: "z1"})
	e.report(t, "a", protocol.Degraded, protocol.ObjectStatus{Object: "vnet/vnet1", State: protocol.Degraded, Message: "no bridge"})
	network := func(node, id, status, kind string) object {
		o := object{"id": "network/" + node + "/zone/" + id, "type": "network", "network-type": "zone", "network": id, "node": node, "status": status}
		if kind != "" {
			o["zone-type"] = kind
		}
		return o
	}
	networks := []any{network("a", "z1", "error", "simple"), network("a", "localnetwork", "ok", ""), network("srv", "localnetwork", "ok", "")}
	for typ, want := range map[string][]any{
		"":     append([]any{node("a"), node("srv")}, networks...),
		"node": {node("a"), node("srv")},
		"sdn":  networks,
	} {
		path := "/cluster/resources"
		if typ != "" {
			path += "?type=" + typ
		}
		if diff := cmp.Diff(want, e.get(t, root, path)); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
	for path, want := range map[string]any{
		"/nodes/a/sdn/zones":            []any{object{"zone": "z1", "status": "error"}},
		"/nodes/srv/sdn/zones":          []any{},
		"/nodes/a/sdn/zones/z1/content": []any{object{"vnet": "vnet1", "status": "error", "statusmsg": "no bridge"}},
	} {
		if diff := cmp.Diff(want, e.get(t, root, path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	status := e.get(t, root, "/nodes/localhost/status").(object)
	if status["kversion"] != "Linux 6.12.1" || status["memory"] != nil {
		t.Errorf("%v", status)
	}
	const unknown = "hostname lookup 'x' failed - failed to get address info for: x: Name or service not known"
	for _, path := range []string{"/nodes/x/status", "/nodes/x/version", "/nodes/x/network", "/nodes/x/tasks", "/nodes/x/network/eth0"} {
		if got := e.call(t, root, "GET", path, ""); got.Status != 500 || got.Reason != unknown {
			t.Errorf("%s: %d %s", path, got.Status, got.Reason)
		}
	}
}

func TestNextID(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	if got := e.get(t, root, "/cluster/nextid"); got != "100" {
		t.Errorf("%v", got)
	}
	edits := []model.Edit{{Put: &model.Guest{ID: "100"}}, {Put: &model.Guest{ID: "102"}}}
	if _, err := e.Config.Edit(t.Context(), "test", edits, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := e.get(t, root, "/cluster/nextid"); got != "101" {
		t.Errorf("%v", got)
	}
	if got := e.get(t, root, "/cluster/nextid?vmid=101"); got != "101" {
		t.Errorf("%v", got)
	}
	if got := e.call(t, root, "GET", "/cluster/nextid?vmid=102", ""); got.Status != 400 || got.Errors["vmid"] != "VM 102 already exists" {
		t.Errorf("%s", got.body)
	}
}

func TestNetwork(t *testing.T) {
	e := newEnv(t, nil)
	e.join(t, "a")
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "z1"})
	root := e.user(t, access.RootUser, "", "")
	some := e.user(t, "some@pve", "/sdn/zones/localnetwork/vmbr0", "PVESDNUser")
	none := e.user(t, "none@pve", "/sdn", "PVEPoolUser")
	for _, c := range []struct {
		auth, filter string
		want         []string
	}{
		{root, "", []string{"bond0", "eth0", "eth1", "eth1.20", "int0", "vmbr0", "vmbr9", "wg0"}},
		{some, "", []string{"bond0", "eth0", "eth1", "eth1.20", "int0", "vmbr0", "wg0"}},
		{none, "", []string{"bond0", "eth0", "eth1", "eth1.20", "int0", "wg0"}},
		{root, "include_sdn", []string{"bond0", "eth0", "eth1", "eth1.20", "int0", "vmbr0", "vmbr9", "wg0", "vnet1"}},
		{root, "any_bridge", []string{"vmbr0", "vmbr9", "vnet1"}},
		{root, "any_local_bridge", []string{"vmbr0", "vmbr9"}},
		{some, "any_bridge", []string{"vmbr0"}},
		{root, "bridge", []string{"vmbr0"}},
		{root, "OVSBridge", []string{"vmbr9"}},
		{root, "eth", []string{"eth0", "eth1"}},
		{root, "vnet", []string{"vnet1"}},
		{root, "alias", []string{}},
	} {
		path := "/nodes/a/network"
		if c.filter != "" {
			path += "?type=" + c.filter
		}
		if got := column(e.get(t, c.auth, path), "iface"); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.filter, got, c.want)
		}
	}
	for name, want := range map[string]object{
		"vmbr0": {
			"type": "bridge", "method": "static", "method6": "static", "active": 1.0, "mtu": "9000", "bridge_ports": "bond0",
			"bridge_vlan_aware": 1.0, "cidr": "192.0.2.11/24", "address": "192.0.2.11", "netmask": "24",
			"cidr6": "2001:db8::11/64", "address6": "2001:db8::11", "netmask6": "64", "families": []any{"inet", "inet6"},
		},
		"bond0":   {"type": "bond", "method": "manual", "method6": "manual", "active": 1.0, "mtu": "9000", "slaves": "eth0"},
		"eth0":    {"type": "eth", "method": "manual", "method6": "manual", "active": 1.0, "exists": 1.0, "mtu": "9000", "altnames": []any{"enp1s0"}},
		"eth1.20": {"type": "vlan", "method": "manual", "method6": "manual", "mtu": "1500", "vlan-id": "20", "vlan-raw-device": "eth1"},
		"vmbr9":   {"type": "OVSBridge", "method": "manual", "method6": "manual", "mtu": "1500", "ovs_ports": "int0"},
		"int0":    {"type": "OVSIntPort", "method": "manual", "method6": "manual", "mtu": "1500", "ovs_bridge": "vmbr9"},
		"wg0":     {"type": "unknown", "method": "manual", "method6": "manual"},
	} {
		if diff := cmp.Diff(any(want), e.get(t, root, "/nodes/a/network/"+name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := e.call(t, root, "GET", "/nodes/a/network/eth9", ""); got.Status != 400 || got.Errors["iface"] != "interface does not exist" {
		t.Errorf("%s", got.body)
	}
}

// ended waits for a task and returns its status.
func (e *env) ended(t testing.TB, auth, upid string) object {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		status := e.get(t, auth, "/nodes/srv/tasks/"+url.PathEscape(upid)+"/status").(object)
		if status["status"] == "stopped" {
			return status
		}
	}
	t.Fatalf("task %s does not end", upid)
	return nil
}

func TestReload(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.join(t, "a")
	reload := func() object {
		t.Helper()
		got := e.call(t, root, "PUT", "/nodes/a/network", "regenerate-frr=1")
		upid, ok := got.Data.(string)
		if !ok || !strings.HasPrefix(upid, "UPID:srv:") || !strings.HasSuffix(upid, ":srvreload:networking:root@pam!test:") {
			t.Fatalf("%s", got.body)
		}
		return e.ended(t, root, upid)
	}
	if got := reload(); got["exitstatus"] != "OK" {
		t.Errorf("%v", got)
	}
	e.report(t, "a", protocol.Degraded, protocol.ObjectStatus{Object: "zone/z1", State: protocol.Degraded, Message: "no bridge"})
	got := reload()
	if got["exitstatus"] != "a: could not be applied: zone/z1" {
		t.Errorf("%v", got)
	}
	lines := column(e.get(t, root, "/nodes/srv/tasks/"+url.PathEscape(got["upid"].(string))+"/log"), "t")
	want := []string{"a: reloading network config, revision 0", "a: degraded", "a: zone/z1: no bridge", "TASK ERROR: a: could not be applied: zone/z1"}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}

// TestReloadWaits has a task wait for a node that does not have the revision yet.
func TestReloadWaits(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.join(t, "a")
	edits := []model.Edit{{Put: &model.Node{ID: "a", Reserved: []string{"eth9"}}}}
	if _, err := e.Config.Edit(t.Context(), "test", edits, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Config.Apply(t.Context(), "test", "", ""); err != nil {
		t.Fatal(err)
	}
	var waiting []string
	for range 2 {
		upid := e.do(t, root, "PUT", "/nodes/a/network", "").(string)
		path := "/nodes/srv/tasks/" + upid
		for until := time.Now().Add(patience); time.Now().Before(until); {
			if lines := column(e.get(t, root, path+"/log"), "t"); lines[len(lines)-1] == "a: applying" {
				break
			}
		}
		if got := e.get(t, root, path+"/status").(object); got["status"] != "running" || got["exitstatus"] != nil {
			t.Errorf("%v", got)
		}
		waiting = append(waiting, upid)
	}
	e.do(t, root, "DELETE", "/nodes/srv/tasks/"+waiting[0], "")
	if got := e.ended(t, root, waiting[0]); got["exitstatus"] != "stopped on request" {
		t.Errorf("%v", got)
	}
	e.report(t, "a", protocol.Converged)
	if got := e.ended(t, root, waiting[1]); got["exitstatus"] != "OK" {
		t.Errorf("%v", got)
	}
}

func TestTasks(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	alice := e.user(t, "alice@pve", "/sdn", "PVESDNAdmin")
	bob := e.user(t, "bob@pve", "/sdn", "PVESDNAdmin")
	auditor := e.user(t, "auditor@pve", "/", "PVEAuditor")
	start := func(who, typ string, run func(context.Context, func(string, ...any)) error) string {
		t.Helper()
		upid, err := e.Tasks.Start(t.Context(), typ, "100", who, run)
		if err != nil {
			t.Fatal(err)
		}
		return upid
	}
	good := start("alice@pve", "good", func(_ context.Context, log func(string, ...any)) error {
		for i := range 60 {
			log("line %d", i+1)
		}
		return nil
	})
	bad := start("alice@pve!other", "bad", func(context.Context, func(string, ...any)) error { return errors.New("it failed") })
	path := func(upid string) string { return "/nodes/srv/tasks/" + upid }
	e.ended(t, alice, good)
	e.ended(t, alice, bad)
	long := start("alice@pve", "long", func(ctx context.Context, _ func(string, ...any)) error { <-ctx.Done(); return ctx.Err() })

	for filter, want := range map[string][]string{
		"":                           {bad, good},
		"?source=all":                {long, bad, good},
		"?source=active":             {long},
		"?errors=1":                  {bad},
		"?statusfilter=ok":           {good},
		"?typefilter=good":           {good},
		"?userfilter=!OTHER":         {bad},
		"?limit=1":                   {bad},
		"?limit=1&start=1":           {good},
		"?vmid=101":                  {},
		"?since=99999999999":         {},
		"?until=5":                   {},
		"?since=5&until=99999999999": {bad, good},
	} {
		got := e.call(t, auditor, "GET", "/nodes/srv/tasks"+filter, "")
		// Tasks of one second may have the numbers of their names in any order.
		names := column(got.Data, "upid")
		slices.Sort(names)
		sorted := slices.Sorted(slices.Values(want))
		if got.Status != 200 || !strings.Contains(filter, "limit") && (!slices.Equal(names, sorted) || *got.Total != len(want)) {
			t.Errorf("%s: %s", filter, got.body)
		}
		if strings.Contains(filter, "limit") && (len(names) != 1 || *got.Total != 2) {
			t.Errorf("%s: %s", filter, got.body)
		}
	}
	for auth, want := range map[string]int{root: 2, alice: 2, auditor: 2, bob: 0} {
		if got := e.get(t, auth, "/nodes/srv/tasks").([]any); len(got) != want {
			t.Errorf("%d tasks, want %d", len(got), want)
		}
		if got := e.get(t, auth, "/cluster/tasks").([]any); want == 2 && len(got) != 3 || want == 0 && len(got) != 0 {
			t.Errorf("%d tasks in the cluster", len(got))
		}
		for _, below := range []string{"", "/status", "/log"} {
			if got := e.call(t, auth, "GET", path(good)+below, ""); (got.Status == 200) != (want > 0) || got.Status != 200 && got.Status != 403 {
				t.Errorf("%s: %d %s", below, got.Status, got.body)
			}
		}
	}
	got := e.call(t, alice, "GET", path(good)+"/log?start=58&limit=2", "")
	if want := []any{object{"n": 59.0, "t": "line 59"}, object{"n": 60.0, "t": "line 60"}}; !cmp.Equal(got.Data, any(want)) || *got.Total != 61 {
		t.Errorf("%s", got.body)
	}
	if got := e.call(t, alice, "GET", path(good)+"/log", ""); len(got.Data.([]any)) != 50 {
		t.Errorf("%s", got.body)
	}
	if got := e.call(t, alice, "GET", path(long)+"/log", ""); !cmp.Equal(got.Data, any([]any{object{"n": 1.0, "t": "no content"}})) || *got.Total != 0 {
		t.Errorf("%s", got.body)
	}
	if got := e.get(t, alice, path(bad)+"/status").(object); got["exitstatus"] != "it failed" || got["user"] != "alice@pve" || got["tokenid"] != "other" || got["type"] != "bad" {
		t.Errorf("%v", got)
	}
	for auth, want := range map[string]int{bob: 403, auditor: 403, alice: 200} {
		if got := e.call(t, auth, "DELETE", path(long), ""); got.Status != want {
			t.Errorf("stopping: %d %s", got.Status, got.body)
		}
	}
	if got := e.ended(t, alice, long); got["exitstatus"] != "stopped on request" {
		t.Errorf("%v", got)
	}
	for p, want := range map[string]string{
		path("UPID:srv:x"):                                                                   "Parameter verification failed.",
		"/nodes/other/tasks/" + good + "/status":                                             "Parameter verification failed.",
		path(strings.Replace(good, ":good:", ":none:", 1)) + "/status":                       "no such task: " + strings.Replace(good, ":good:", ":none:", 1),
		"/nodes/localhost/tasks/" + strings.Replace(good, ":good:", ":none:", 1) + "/status": "no such task: " + strings.Replace(good, ":good:", ":none:", 1),
	} {
		if got := e.call(t, root, "GET", p, ""); got.Reason != want {
			t.Errorf("%s: %d %s", p, got.Status, got.body)
		}
	}
}
