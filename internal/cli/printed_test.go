package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// TestOutputKeepsToItsLines shows texts with line breaks and sequences for terminals, as
// older releases stored them, in every view for people.
func TestOutputKeepsToItsLines(t *testing.T) {
	const bad = "ok\n+ zone forged\u2028x\u202e\x1b[2J\u009b1m"
	vnet := &model.VNet{ID: "redv", Zone: "red", Alias: bad}
	change := api.Change{Action: diff.Create, Type: "vnet", Name: "redv", Fields: []diff.Field{{Name: "alias", New: bad}}}
	plan := &api.Plan{Objects: []api.Change{change}, Warnings: []api.Problem{{Severity: model.Warning, Kind: model.KindVNet, ID: bad, Message: bad}},
		Nodes: []api.NodePlan{{Node: "n1", Changes: []api.Change{change}, Notes: []api.Note{{Object: "vnet/redv", Message: bad}}}},
		Edits: []api.PendingEdit{{Author: bad, Objects: []string{"vnet/redv"}}}}
	now := time.Now()
	st := &api.Status{Nodes: []api.NodeStatus{{Name: "n1", State: protocol.Degraded, Report: &protocol.Status{Message: bad,
		Objects: []protocol.ObjectStatus{{Object: "vnet/redv", State: protocol.Degraded, Message: bad}}, Drift: []protocol.Drift{{Change: change, Error: bad}}}}}}
	header, rows := objectRows(model.KindVNet, []model.Object{vnet}, true)
	d := &description{kind: model.KindVNet, id: "redv", pending: vnet, running: vnet, plan: plan, status: st}
	described, err := d.render(planView{now: now})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{Config: Config{Now: func() time.Time { return now }, Getenv: func(string) string { return "" }, Stdout: &bytes.Buffer{}}}
	var events bytes.Buffer
	a.Stdout = &events
	if err := a.writeEvent("text", api.Event{Type: api.EventPending, Author: bad, Change: &change}); err != nil {
		t.Fatal(err)
	}
	var json bytes.Buffer
	if err := writeData(&json, formatJSON, []any{bad}); err != nil {
		t.Fatal(err)
	}
	entry := api.AuditEntry{Author: bad, Objects: []string{bad}, Error: bad}
	for view, text := range map[string]string{
		"plan": planView{verbose: true, now: now}.render(plan), "get": table(header, rows), "describe": described, "events": events.String(),
		"audit":   table([]string{"BY", "OF", "RESULT"}, [][]string{{entry.Author, auditTarget(entry), auditResult(entry)}}),
		"history": a.historyTable([]api.Revision{{Number: 1, Author: "red", Message: bad}}), "revision": a.revisionText(revisionView{Revision: api.Revision{Message: bad}, Objects: []api.Change{change}}),
		"status": statusView{now: now}.render(st), "json": json.String(),
	} {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "+ zone forged") {
				t.Errorf("%s has a forged line:\n%s", view, text)
			}
		}
		if strings.ContainsAny(text, "\x1b\u2028\u202e\u009b") || !strings.Contains(text, "forged") {
			t.Errorf("%s does not escape what a terminal obeys: %q", view, text)
		}
	}
	const painted = "\x1b[31m"
	if got := (style{true}).red("bad"); printed(got) != got || printed(painted+bad+"\x1b[0m") == painted+bad+"\x1b[0m" {
		t.Errorf("painted text is printed as %q", printed(got))
	}
}
