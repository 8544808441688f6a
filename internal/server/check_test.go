package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A form asks at every key what is wrong: that is an answer and no refusal, it stores
// nothing and leaves no trace in the audit. What the caller may not do is still refused.
func TestCheck(t *testing.T) {
	c := newCluster(t)
	before := c.state(t)
	check := func(body string) (int, api.CheckResult) {
		t.Helper()
		a := c.request(t, http.MethodPost, "/api/v1/check", body, "Authorization", "PVEAPIToken="+c.tokens[owner])
		var out api.CheckResult
		if a.status == http.StatusOK {
			if err := json.Unmarshal([]byte(a.body), &out); err != nil {
				t.Fatal(err)
			}
		}
		return a.status, out
	}
	status, out := check(`[{"kind":"zone","id":"z1","object":{"id":"z1","type":"simple"}}]`)
	if status != http.StatusOK || out.Problems == nil || len(out.Problems) != 0 || out.Detail != "" {
		t.Errorf("a good zone: %d %+v", status, out)
	}
	status, out = check(`[{"kind":"zone","id":"z1","object":{"id":"z1","type":"simple","mtu":5}}]`)
	if status != http.StatusOK || len(out.Problems) != 1 || out.Problems[0].Field != "mtu" || out.Problems[0].Severity != "error" {
		t.Errorf("an MTU of 5: %d %+v", status, out)
	}
	status, out = check(`[{"kind":"subnet","id":"10.0.0","object":{"id":"10.0.0","vnet":"v","gateway":"10.0."}}]`)
	if status != http.StatusOK || out.Detail == "" {
		t.Errorf("half an address: %d %+v", status, out)
	}
	if a := c.request(t, http.MethodPost, "/api/v1/check", `[{"kind":"zone","id":"z1","object":{"id":"z1","type":"simple"}}]`, "Authorization", "PVEAPIToken="+c.tokens[nobody]); a.status != http.StatusForbidden {
		t.Errorf("somebody without privileges: %d %s", a.status, a.body)
	}
	for name, after := range c.state(t) {
		if after != before[name] {
			t.Errorf("%s changed:\n%v\n%v", name, before[name], after)
		}
	}
}

// A request to create objects stores all of them or, if one exists already, none.
func TestCreate(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	zone := func(id string) api.Object { return &model.Zone{ID: id, Type: model.ZoneSimple} }
	subnet := &model.Subnet{ID: "10.0.0.0/24", VNet: "v1"}
	if _, err := c.Create(ctx, []api.Object{zone("z1"), &model.VNet{ID: "v1", Zone: "z1"}, subnet}); err != nil {
		t.Fatal(err)
	}
	for _, o := range []api.Object{zone("z1"), subnet} {
		if _, err := c.Create(ctx, []api.Object{zone("z2"), o}); !api.IsType(err, api.TypeConflict) {
			t.Errorf("%s was created twice: %v", o.ObjectID(), err)
		}
	}
	pendingZones(t, c, 1)
	found, err := c.CheckCreate(ctx, []api.Object{zone("z1")})
	if err != nil || len(found.Problems) != 1 || found.Problems[0].Field != "id" || found.Problems[0].Code != "object-exists" {
		t.Errorf("the check of a zone that exists found %+v, %v", found, err)
	}
	if found, err = c.CheckCreate(ctx, []api.Object{zone("z2")}); err != nil || len(found.Problems) != 0 {
		t.Errorf("the check of a new zone found %+v, %v", found, err)
	}
}

// Every code of a problem on the wire is explained.
func TestMessagesAreExplained(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	_, err := c.Create(t.Context(), []api.Object{&model.VNet{ID: "v1", Zone: "none"}})
	var refused *api.Error
	if !errors.As(err, &refused) || len(refused.Problems) == 0 || refused.Problems[0].Code == "" {
		t.Fatalf("%v", err)
	}
	m, err := c.Message(t.Context(), refused.Problems[0].Code)
	if err != nil || m.Code != refused.Problems[0].Code || m.Explanation == "" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := c.Message(t.Context(), "no-such-code"); !api.IsType(err, api.TypeNotFound) {
		t.Errorf("%v", err)
	}
}
