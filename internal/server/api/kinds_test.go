package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A program can make a form of each kind from its description alone: it has every property,
// with the items of lists, and the privileges that a write demands.
func TestKindsAreDescribed(t *testing.T) {
	h, _ := tenant(t)
	answer, err := h.kinds(&request{Request: new(http.Request)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var got []api.KindInfo
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(model.Kinds()) {
		t.Fatalf("%d kinds are described, of %d", len(got), len(model.Kinds()))
	}
	for i, k := range model.Kinds() {
		if got[i].Kind != k || got[i].Plural != k.Plural() || got[i].Live == k.Revisioned() || got[i].Doc == "" || len(got[i].Permissions) == 0 {
			t.Errorf("%s is described as %+v", k, got[i])
		}
		checkProperties(t, string(k), model.Fields(k), got[i].Properties)
	}
}

func checkProperties(t *testing.T, owner string, want []model.FieldInfo, got []api.PropertyInfo) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d properties, of which %d are described", owner, len(want), len(got))
	}
	for i, f := range want {
		p := got[i]
		if p.Name != f.Name || p.Type != string(f.Type) || p.Doc != f.Doc || p.Required != f.Required || p.Max != f.Max || p.Min != f.Min || p.Ref != f.Ref || p.Secret != f.Secret || len(p.Values) != len(f.Values) || len(p.Types) != len(f.Types) {
			t.Errorf("%s.%s is described as %+v", owner, f.Name, p)
		}
		items, _ := f.ItemFields()
		checkProperties(t, owner+"."+f.Name, items, p.Items)
	}
}
