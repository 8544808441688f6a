package health_test

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/fault"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func TestStateOfANode(t *testing.T) {
	warned := protocol.ObjectStatus{Object: "zone/z", State: protocol.Converged, Message: "look"}
	failed := protocol.ObjectStatus{Object: "zone/y", State: protocol.Degraded, Message: "broken"}
	for name, c := range map[string]struct {
		disconnected bool
		report       *protocol.Status
		want         protocol.State
	}{
		"gone, whatever it said":          {true, &protocol.Status{Hash: "h", State: protocol.Converged}, protocol.Unreachable},
		"never reported":                  {false, nil, protocol.Applying},
		"of another document":             {false, &protocol.Status{Hash: "old", State: protocol.Degraded}, protocol.Applying},
		"as declared":                     {false, &protocol.Status{Hash: "h", State: protocol.Converged}, protocol.Converged},
		"a warning as agents write it":    {false, &protocol.Status{Hash: "h", State: protocol.Converged, Objects: []protocol.ObjectStatus{warned}}, protocol.Warning},
		"a failure beside a warning":      {false, &protocol.Status{Hash: "h", State: protocol.Degraded, Objects: []protocol.ObjectStatus{warned, failed}}, protocol.Degraded},
		"a word of a later release":       {false, &protocol.Status{Hash: "h", State: "paused", Objects: []protocol.ObjectStatus{warned}}, "paused"},
		"an object that has nothing said": {false, &protocol.Status{Hash: "h", State: protocol.Converged, Objects: []protocol.ObjectStatus{{Object: "zone/x", State: protocol.Converged}}}, protocol.Converged},
	} {
		if got := health.OfNode(c.disconnected, "h", c.report); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	r := &protocol.Status{Objects: []protocol.ObjectStatus{warned, failed}}
	if got := health.ForUsers(r).Objects; got[0].State != protocol.Warning || got[1].State != protocol.Degraded || r.Objects[0].State != protocol.Converged {
		t.Errorf("in words: %+v, of %+v", got, r.Objects)
	}
}

func TestStateOfAnObject(t *testing.T) {
	n := &api.NodeStatus{State: protocol.Degraded, Report: &protocol.Status{Objects: []protocol.ObjectStatus{
		{Object: "zone/z", State: protocol.Converged, Message: "look"}, {Object: "zone/y", State: protocol.Converged, Message: "look"},
		{Object: "zone/y", State: protocol.Degraded, Message: "broken"},
	}}}
	for ref, want := range map[string]string{"zone/x": "converged ", "zone/z": "warning look", "zone/y": "degraded broken|look"} {
		state, messages := health.Object(n, ref)
		if got := string(state) + " " + strings.Join(messages, "|"); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
	n.State = protocol.Unreachable
	if state, _ := health.Object(n, "zone/y"); state != protocol.Unreachable {
		t.Errorf("of a node that is gone: %s", state)
	}
}

// A node that is gone comes before the sessions that it ends elsewhere, a missing
// feature before the networks that need it; and what several nodes have is told once.
func TestCausesComeFirst(t *testing.T) {
	report := func(node string) *protocol.Status {
		return &protocol.Status{Hash: "h", State: protocol.Degraded, Objects: []protocol.ObjectStatus{
			{Object: "vnet/v1", State: protocol.Degraded, Class: fault.Consequence, Message: "reaches guests of node " + node + " only; see zone z"},
			{Object: "controller/c", State: protocol.Converged, Class: fault.Peer, Message: "node " + node + " has no session with node3"},
			{Object: "zone/z", State: protocol.Degraded, Class: fault.Lacking, Message: "needs VRFs; module vrf is not available on node " + node},
			{Object: "vnet/a", State: protocol.Converged, Message: "of a release without classes"},
		}}
	}
	nodes := []api.NodeStatus{
		{Name: "node2", State: protocol.Degraded, Report: report("node2")},
		{Name: "node1", State: protocol.Degraded, Report: report("node1")},
		{Name: "node10", State: protocol.Degraded, Report: &protocol.Status{Message: "its disk is full"}},
		{Name: "node3", State: protocol.Unreachable, Suspect: true, Report: report("node3")},
	}
	var got []string
	all := health.Problems(nodes)
	for _, p := range all {
		got = append(got, strings.Join(p.Nodes, ",")+": "+health.Line(&p))
	}
	want := []string{
		"node3: " + health.Message(&nodes[3]).Text,
		"node10: its disk is full",
		"node1,node2: zone/z: needs VRFs; module vrf is not available on the node",
		"node1,node2: warning: vnet/a: of a release without classes",
		"node1,node2: warning: controller/c: the node has no session with node3",
		"node1,node2: vnet/v1: reaches guests of the node only; see zone z",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if own := health.Of(all, "node10"); len(own) != 1 || own[0].Message != "its disk is full" {
		t.Errorf("of node10: %+v", own)
	}
	if !strings.Contains(health.Message(&nodes[3]).Text, "suspect") {
		t.Errorf("a node that was there a moment ago: %q", health.Message(&nodes[3]).Text)
	}
}

// Only a node's whole name is left out.
func TestNameless(t *testing.T) {
	for message, want := range map[string]string{
		"node n1 lacks it":           "the node lacks it",
		"on node n1; see node n1.":   "on the node; see the node.",
		"node n10 and node n1-b":     "node n10 and node n1-b",
		"the fabric-node n1 is gone": "the fabric-node n1 is gone",
		"nothing of it":              "nothing of it",
	} {
		if got := health.WithoutNodeName(message, "n1"); got != want {
			t.Errorf("%q became %q, want %q", message, got, want)
		}
	}
}
