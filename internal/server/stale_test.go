package server_test

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// planned returns the current plan.
func planned(t *testing.T, c *client.Client) *api.Plan {
	t.Helper()
	p, err := c.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pendingZones demands how many zones the pending configuration has.
func pendingZones(t *testing.T, c *client.Client, want int) {
	t.Helper()
	if zones, err := c.List(t.Context(), model.KindZone, ""); err != nil || len(zones) != want {
		t.Errorf("%d pending zones, %v, want %d", len(zones), err, want)
	}
}

// TestStalePlans acts on plans after somebody else was faster: every request
// that names its plan is refused and stores nothing.
func TestStalePlans(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	put := func(id string) []api.Edit {
		return []api.Edit{{Put: &model.Zone{ID: id, Type: model.ZoneSimple}}}
	}
	foreseen, err := c.PlanEdits(ctx, put("aa"))
	if err != nil {
		t.Fatal(err)
	}
	if p := planned(t, c); p.Pending == "" || p.Pending != foreseen.Pending {
		t.Errorf("a plan with edits is of %q, one without of %q", foreseen.Pending, p.Pending)
	}
	if _, err := c.EditAt(ctx, put("aa"), foreseen.Pending); err != nil {
		t.Fatal(err)
	}
	if _, err := c.EditAt(ctx, put("bb"), foreseen.Pending); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("edit of an old plan: %v", err)
	}
	pendingZones(t, c, 1)

	seen := planned(t, c)
	for _, edits := range [][]api.Edit{put("bb"), {{Kind: model.KindZone, ID: "bb"}}} {
		if _, err := c.Edit(ctx, edits, false); err != nil {
			t.Fatal(err)
		}
	}
	// The content is the same again, but somebody works on it.
	if _, err := c.Discard(ctx, api.DiscardRequest{Plan: seen.Pending}); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("discard of an old plan: %v", err)
	}
	pendingZones(t, c, 1)
	seen = planned(t, c)
	if _, err := c.Apply(ctx, api.ApplyRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.EditAt(ctx, put("bb"), seen.Pending); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("edit after an apply: %v", err)
	}

	if _, err := c.Edit(ctx, put("bb"), false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Discard(ctx, api.DiscardRequest{Plan: planned(t, c).Pending}); err != nil {
		t.Errorf("discard of the current plan: %v", err)
	}
	pendingZones(t, c, 1)
}

func TestStaleRollback(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	next := func(id string) {
		t.Helper()
		if _, err := c.Put(ctx, &model.Zone{ID: id, Type: model.ZoneSimple}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Apply(ctx, api.ApplyRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	next("aa")
	next("bb")
	plan, err := c.PlanRevision(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	next("cc")
	if _, err := c.Rollback(ctx, api.RollbackRequest{Revision: 1, Plan: plan.Token}); !api.IsType(err, api.TypeStalePlan) {
		t.Errorf("rollback of an old plan: %v", err)
	}
	pendingZones(t, c, 3)
	if plan, err = c.PlanRevision(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Rollback(ctx, api.RollbackRequest{Revision: 1, Plan: plan.Token}); err != nil || r.Revision != 4 {
		t.Errorf("rollback of the current plan: %+v, %v", r, err)
	}
}
