package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

// history show reports author, time and message, the differences to the previous
// revision, and the results of the nodes; for programs, too.
func TestHistoryShow(t *testing.T) {
	s := startSession(t)
	s.must("create zone za type=simple")
	s.must("apply -y --no-wait -m first")
	s.must("create vnet blue zone=za")
	s.must(`apply -y --no-wait -m "a network"`)
	out := s.must("history show 2")
	for _, want := range []string{"revision 2, running\n", "  message  a network\n", "  by       ", "  applied  20", "Objects\n  + vnet blue: zone za\n", "Nodes\n  no results"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "zone za: type") {
		t.Errorf("what an earlier revision changed is shown:\n%s", out)
	}
	var got revisionView
	if err := json.Unmarshal([]byte(s.must("history show 1 -o json")), &got); err != nil || got.Number != 1 || got.Message != "first" || len(got.Objects) != 1 || got.Nodes == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if out := s.must("history show 1 -o yaml"); !strings.Contains(out, "message: first\n") {
		t.Errorf("%s", out)
	}
}
