package server_test

import (
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// What is pinned outlives a prune, and the history tells what is.
func TestPinAndPrune(t *testing.T) {
	c, ctx := start(t, mem.New(), t.TempDir()).local, t.Context()
	for mtu := range 5 {
		if _, err := c.Put(ctx, &model.Zone{ID: "zz", Type: model.ZoneSimple, MTU: 1400 + mtu}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Apply(ctx, api.ApplyRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.PinRevision(ctx, 2, true); err != nil {
		t.Fatal(err)
	}
	if err := c.PinRevision(ctx, 99, true); !status(err, http.StatusNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := c.PruneRevisions(ctx, api.PruneRequest{}); !status(err, http.StatusBadRequest) {
		t.Errorf("keeping none: %v", err)
	}
	if r, err := c.PruneRevisions(ctx, api.PruneRequest{Keep: 1}); err != nil || r.Removed != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	left, err := c.Revisions(ctx)
	if err != nil || len(left) != 2 || left[0].Number != 5 || !left[0].Running || left[1].Number != 2 || !left[1].Pinned {
		t.Errorf("%+v, %v", left, err)
	}
	if err := c.PinRevision(ctx, 2, false); err != nil {
		t.Fatal(err)
	}
	if r, err := c.PruneRevisions(ctx, api.PruneRequest{Keep: 1}); err != nil || r.Removed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
