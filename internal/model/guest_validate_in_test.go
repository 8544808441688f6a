package model_test

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// TestValidateGuestsIn checks that only the given guests are validated, but against all.
func TestValidateGuestsIn(t *testing.T) {
	cfg := &model.Config{
		Zones: map[string]*model.Zone{"z1": {ID: "z1", Type: model.ZoneSimple}},
		VNets: map[string]*model.VNet{"v1": {ID: "v1", Zone: "z1"}},
	}
	guests := make(map[string]*model.Guest)
	for id, mac := range map[string]string{"100": "BC:24:11:00:00:01", "101": "BC:24:11:00:00:01", "102": "01:00:00:00:00:00"} {
		guests[id] = &model.Guest{ID: id, NICs: []model.NIC{{ID: "net0", VNet: "v1", MAC: mac}}}
	}
	for _, id := range []string{"100", "101"} {
		got := model.ValidateGuestsIn([]string{id, "none"}, guests, cfg, nil)
		if len(got) != 1 || got[0].ID != id || !strings.Contains(got[0].Message, "already that of guest") {
			t.Errorf("guest %s: %v", id, got)
		}
	}
	if got := model.ValidateGuestsIn([]string{"100", "101", "102"}, guests, cfg, nil); len(got) != 2 {
		t.Errorf("all: %v", got)
	}
}
