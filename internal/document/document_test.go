package document

import (
	"encoding/json"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The hash is that of what goes over the wire: bindings, which come apart from the document,
// are no part of either, everything else is of both.
func TestHash(t *testing.T) {
	doc := func(change func(*Document)) *Document {
		d := &Document{Format: 2, Revision: 7, Node: "n1", Config: model.Config{VNets: map[string]*model.VNet{"v1": {ID: "v1", Zone: "z"}}}}
		change(d)
		return d
	}
	same := doc(func(*Document) {})
	const want = `{"format":2,"revision":7,"node":"n1","config":{"vnets":{"v1":{"id":"v1","zone":"z"}}}}`
	got, err := json.Marshal(same)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if h := doc(func(d *Document) { d.Bindings = []*model.Binding{{Zone: "z"}} }).Hash(); h != same.Hash() {
		t.Error("bindings change the hash")
	}
	for what, change := range map[string]func(*Document){
		"format":   func(d *Document) { d.Format++ },
		"revision": func(d *Document) { d.Revision++ },
		"node":     func(d *Document) { d.Node = "n2" },
		"config":   func(d *Document) { d.Config.VNets["v1"].Tag = 5 },
		"guests":   func(d *Document) { d.Guests = map[string]*model.Guest{"100": {ID: "100"}} },
	} {
		if doc(change).Hash() == same.Hash() {
			t.Errorf("another %s has the same hash", what)
		}
	}
}
