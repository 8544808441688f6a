package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// An apply of what a node cannot have is refused, whoever asks for it and with or without
// a plan, unless that is allowed; a rollback is not, and the Proxmox API warns.
func TestApplyRefusesPlanErrors(t *testing.T) {
	c := newCluster(t)
	c.user(t, "admin@pve", "/ Administrator")
	c.user(t, "owner2@pve", "/sdn/zones/z1 PVESDNAdmin")
	n := c.join(t, "node2")
	facts := &model.Facts{Interfaces: []model.Interface{{Name: "taken", MTU: 1500, Kind: "veth"}}, Features: map[model.Feature]bool{}}
	if code := n.report(t, protocol.Status{State: protocol.Converged, Time: time.Now(), Facts: facts}); code != 204 {
		t.Fatal(code)
	}
	ctx := t.Context()
	add := func() *api.Plan {
		t.Helper()
		if _, err := c.local.Edit(ctx, []api.Edit{{Put: &model.VNet{ID: "taken", Zone: "z1"}}}, false); err != nil {
			t.Fatal(err)
		}
		p, err := c.local.Plan(ctx)
		if err != nil || len(p.NewErrors()) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		return p
	}
	p := add()
	before, err := c.local.Status(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"without a plan": second(c.local.Apply(ctx, api.ApplyRequest{})),
		"with it":        second(c.local.Apply(ctx, api.ApplyRequest{Plan: p.Token})),
		"a token":        second(c.as(t, "admin@pve").Apply(ctx, api.ApplyRequest{})),
		"an owner":       second(c.as(t, "owner2@pve").Apply(ctx, api.ApplyRequest{})),
	} {
		if !api.IsType(err, api.TypePlanErrors) || !status(err, http.StatusConflict) || !strings.Contains(err.Error(), "vnet/taken") || !strings.Contains(err.Error(), "--allow-errors") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after, err := c.local.Status(ctx, ""); err != nil || after.Revision != before.Revision {
		t.Errorf("something was applied: %+v, %v", after, err)
	}
	if _, err := c.local.Apply(ctx, api.ApplyRequest{Plan: "another"}); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("another plan: %v", err)
	}
	r, err := c.local.Apply(ctx, api.ApplyRequest{AllowErrors: true})
	if err != nil || !r.Changed {
		t.Fatalf("allowed: %+v, %v", r, err)
	}
	// What runs with the error is no new one.
	if _, err := c.local.Edit(ctx, []api.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple, MTU: 1400}}}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.local.Apply(ctx, api.ApplyRequest{}); err != nil {
		t.Errorf("a change beside an error that stands: %v", err)
	}
	if _, err := c.local.Rollback(ctx, api.RollbackRequest{Revision: before.Revision}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.local.Rollback(ctx, api.RollbackRequest{Revision: r.Revision}); err != nil {
		t.Errorf("a rollback to one with errors: %v", err)
	}
	if _, err := c.local.Rollback(ctx, api.RollbackRequest{Revision: before.Revision}); err != nil {
		t.Fatal(err)
	}
	add()
	a := c.request(t, http.MethodPut, "/api2/json/cluster/sdn", "", "Authorization", "PVEAPIToken="+c.tokens["admin@pve"])
	if a.status != http.StatusOK {
		t.Fatalf("the Proxmox API: %d %s", a.status, a.body)
	}
	_, upid, _ := strings.Cut(a.body, `"data":"`)
	upid, _, _ = strings.Cut(upid, `"`)
	node := strings.Split(upid, ":")[1]
	for until := time.Now().Add(patience); ; {
		log := c.request(t, http.MethodGet, "/api2/json/nodes/"+node+"/tasks/"+upid+"/log", "", "Authorization", "PVEAPIToken="+c.tokens["admin@pve"])
		if strings.Contains(log.body, "warning: node2: vnet/taken: ") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the task does not warn: %s", log.body)
		}
	}
}
