package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// answerLive answers live queries to a node until the test ends.
func (n *node) answerLive(t *testing.T, answers map[livequery.Subject]protocol.Answer) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/agent/v1/questions", nil)
			resp, err := n.http.Do(req)
			if err != nil {
				continue
			}
			var q protocol.LiveQuery
			if resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&q) == nil {
				a, ok := answers[q.Subject]
				if !ok {
					a.Error = "this agent does not know the live query; upgrade it"
				}
				b, _ := json.Marshal(a)
				n.post(t, "/agent/v1/answers/"+q.ID, string(b))
			}
			_ = resp.Body.Close()
		}
	}()
	t.Cleanup(func() { <-done })
}

func live[T any](t *testing.T, c *client.Client, node, subject, object string) ([]T, error) {
	t.Helper()
	var out []T
	err := c.Live(t.Context(), node, subject, object, &out)
	return out, err
}

// A node is queried through the native API with the rights of what is queried; a list about
// several VNets has those that the caller may read.
func TestLiveQueries(t *testing.T) {
	c := newCluster(t)
	if _, err := live[api.LiveRoute](t, c.local, "node9", "routes", ""); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("a node that has not joined: %v", err)
	}
	n := c.join(t, "node2")
	n.answerLive(t, map[livequery.Subject]protocol.Answer{
		livequery.NodeRoutes.Subject: {Data: []byte(`[{"table":"main","prefix":"0.0.0.0/0","via":["192.0.2.1 eth0"],"protocol":"static"}]`), Omitted: 7},
		livequery.Bridges.Subject:    {Data: []byte(`[{"name":"v1","ports":[]},{"name":"v2","ports":[]}]`)},
		livequery.Leases.Subject:     {Data: []byte(`[{"vnet":"v1","address":"10.1.0.9","mac":"02:00:00:00:00:09"}]`)},
	})
	routes, err := live[api.LiveRoute](t, c.local, "node2", "routes", "")
	if d := cmp.Diff([]api.LiveRoute{{Table: "main", Prefix: "0.0.0.0/0", Via: []string{"192.0.2.1 eth0"}, Protocol: "static"}}, routes); d != "" || err != nil {
		t.Errorf("routes: %v %s", err, d)
	}
	resp, err := raw(c.data).Get("http://viaduct/api/v1/nodes/node2/live/routes")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get(api.NoticeHeader); got != "7 more are not shown: an answer has at most 5000 items" {
		t.Errorf("notice: %q", got)
	}
	if _, err := live[api.LiveInterface](t, c.local, "node2", "interfaces", ""); !api.IsType(err, api.TypeConflict) {
		t.Errorf("what the agent cannot answer: %v", err)
	}
	if _, err := live[api.LiveLease](t, c.local, "node2", "leases", "v9"); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("a VNet that does not exist: %v", err)
	}
	reader := c.as(t, auditor) // of zone z1
	bridges, err := live[api.LiveBridge](t, reader, "node2", "bridges", "z1")
	if err != nil || len(bridges) != 2 { // both are in z1, as the node says
		t.Errorf("bridges of one's own zone: %v %v", bridges, err)
	}
	if leases, err := live[api.LiveLease](t, reader, "node2", "leases", "v1"); err != nil || len(leases) != 1 {
		t.Errorf("leases of one's own VNet: %v %v", leases, err)
	}
	_, hidden := live[api.LiveLease](t, reader, "node2", "leases", "v2")
	_, absent := live[api.LiveLease](t, reader, "node2", "leases", "v3")
	if !api.IsType(hidden, api.TypeForbidden) || absent == nil || hidden.Error() != absent.Error() {
		t.Errorf("whether another's VNet exists is told:\n%v\n%v", hidden, absent)
	}
	for _, subject := range []string{"routes", "log", "drift"} {
		if _, err := live[json.RawMessage](t, reader, "node2", subject, ""); !api.IsType(err, api.TypeForbidden) {
			t.Errorf("%s of a node without Sys.Audit: %v", subject, err)
		}
	}
	c.user(t, "vnets@pve", "/sdn/zones/z1/v1 looks", "/sdn/zones/localnetwork looks")
	if _, err := live[api.LiveBridge](t, c.as(t, "vnets@pve"), "node2", "bridges", "z1"); !api.IsType(err, api.TypeForbidden) {
		t.Errorf("bridges of a zone that may not be read: %v", err)
	}
	if got, err := live[api.LiveBridge](t, c.as(t, "vnets@pve"), "node2", "bridges", "localnetwork"); err != nil || len(got) != 2 {
		t.Errorf("bridges of no zone: %v %v", got, err)
	}
}

// Counters are those of the VNets and guests that the reader may see, and many readers share one
// answer of the node.
func TestLiveCounters(t *testing.T) {
	c := newCluster(t)
	n := c.join(t, "node2")
	n.answerLive(t, map[livequery.Subject]protocol.Answer{
		livequery.Counters.Subject:     {Data: []byte(`[{"name":"eth0","role":"uplink"},{"name":"vxlan_v1","role":"vnet-uplink","vnet":"v1"},{"name":"vxlan_v2","role":"vnet-uplink","vnet":"v2"}]`)},
		livequery.VNetCounters.Subject: {Data: []byte(`[{"name":"tap100i0","role":"guest","vnet":"v1","guest":"100","nic":"net0"},{"name":"tap101i0","role":"guest","vnet":"v1","guest":"101","nic":"net0"}]`)},
	})
	names := func(c *client.Client, subject, object string) []string {
		list, err := live[api.LiveInterfaceCounters](t, c, "node2", subject, object)
		if err != nil {
			t.Error(err)
		}
		out := []string{}
		for _, i := range list {
			out = append(out, i.Name)
		}
		return out
	}
	c.user(t, "half@pve", "/nodes/node2 PVEAuditor", "/sdn/zones/z1/v1 looks", "/vms/101 PVEAuditor")
	half := c.as(t, "half@pve")
	for _, one := range []struct {
		who             *client.Client
		subject, object string
		want            []string
	}{
		{c.local, "counters", "", []string{"eth0", "vxlan_v1", "vxlan_v2"}},
		{half, "counters", "", []string{"eth0", "vxlan_v1"}},
		{c.local, "vnet-counters", "v1", []string{"tap100i0", "tap101i0"}},
		{half, "vnet-counters", "v1", []string{"tap101i0"}},
		{c.as(t, auditor), "vnet-counters", "v1", []string{}},
	} {
		if d := cmp.Diff(one.want, names(one.who, one.subject, one.object)); d != "" {
			t.Errorf("%s %s: %s", one.subject, one.object, d)
		}
	}
	if _, err := live[api.LiveInterfaceCounters](t, c.as(t, auditor), "node2", "counters", ""); !api.IsType(err, api.TypeForbidden) {
		t.Errorf("counters of a node without Sys.Audit: %v", err)
	}
}
