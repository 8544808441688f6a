package agent

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// What was found of a document is reported with it, and not with another.
func TestFindingsAreReportedWithTheirDocument(t *testing.T) {
	found := finding{"h", []protocol.ObjectStatus{{Object: "zone/z", State: protocol.Degraded, Message: "cut off"}}}
	report := func(hash string) *protocol.Status {
		s := &protocol.Status{Hash: hash, State: protocol.Converged, Objects: make([]protocol.ObjectStatus, 1, 8)}
		withFindings(s, found)
		return s
	}
	if s := report("h"); s.State != protocol.Degraded || len(s.Objects) != 2 || s.Objects[1].Object != "zone/z" {
		t.Errorf("with its document: %+v", s)
	}
	if s := report("other"); s.State != protocol.Converged || len(s.Objects) != 1 {
		t.Errorf("with another: %+v", s)
	}
	found.objects[0].State = protocol.Converged
	if s := report("h"); s.State != protocol.Converged || len(s.Objects) != 2 {
		t.Errorf("a warning: %+v", s)
	}
}
