package server_test

import (
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// TestTextsAreLines tries texts that would pass for other lines.
func TestTextsAreLines(t *testing.T) {
	c := start(t, mem.New(), t.TempDir()).local
	ctx := t.Context()
	if _, err := c.Edit(ctx, []api.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}}, false); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"ok\n\nvnet: forged\n\tzone z2", "ok\u2028forged", "\u202edegrof", "\u009b31m"} {
		for _, o := range []model.Object{&model.VNet{ID: "v1", Zone: "z1", Alias: bad}, &model.Alias{ID: "home", CIDR: "192.0.2.1", Comment: bad},
			&model.SecurityGroup{ID: "web", Rules: []model.FirewallRule{{Type: "forward", Action: "ACCEPT", Comment: bad}}}} {
			for _, lax := range []bool{false, true} {
				edit := c.Edit
				if lax {
					edit = c.EditLax
				}
				if _, err := edit(ctx, []api.Edit{{Put: o}}, false); !status(err, http.StatusUnprocessableEntity) {
					t.Errorf("%T with %q, lax %t: %v", o, bad, lax, err)
				}
			}
		}
		_, applied := c.Apply(ctx, api.ApplyRequest{Message: bad})
		_, rolled := c.Rollback(ctx, api.RollbackRequest{Message: bad})
		if !status(applied, http.StatusBadRequest) || !status(rolled, http.StatusBadRequest) {
			t.Errorf("message %q: apply: %v; rollback: %v", bad, applied, rolled)
		}
	}
	if _, err := c.Edit(ctx, []api.Edit{{Put: &model.VNet{ID: "v1", Zone: "z1", Alias: "größe 网络"}}}, false); err != nil {
		t.Error(err)
	}
}
