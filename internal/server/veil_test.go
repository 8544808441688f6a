package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// TestRefusalsNameNothingOfOthers has the owner of zone z1 collide with objects that
// only others may see.
func TestRefusalsNameNothingOfOthers(t *testing.T) {
	c := newCluster(t)
	cl, ctx := c.as(t, owner), t.Context()
	c.edit(t, c.local, &model.Zone{ID: "bluevx", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		&model.VNet{ID: "bluesec", Zone: "bluevx", Tag: 4242}, &model.Alias{ID: "bluealias", CIDR: "10.77.0.9"}, &model.IPSet{ID: "blueset"},
		&model.SecurityGroup{ID: "bluegroup"}, &model.Fabric{ID: "bluefab", Protocol: model.FabricOpenFabric, IPPrefix: netip.MustParsePrefix("10.8.0.0/24")})
	rule := func(typ, action, source string) api.Edit {
		return api.Edit{Put: &model.Firewall{ID: "v1", Rules: []model.FirewallRule{{Type: typ, Action: action, Source: source}}}}
	}
	vxlan := []api.Edit{{Kind: model.KindSubnet, ID: "z1-10.1.0.0-16"}, {Put: &model.Zone{ID: "z1", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}, {Put: &model.VNet{ID: "v1", Zone: "z1", Tag: 4242}}}
	for what, edits := range map[string][]api.Edit{
		"near set of a VNet": {rule("forward", "ACCEPT", "+sdn/bluese-all")}, "near alias": {rule("forward", "ACCEPT", "dc/bluealia")},
		"near IP set": {rule("forward", "ACCEPT", "+dc/bluese")}, "near group": {rule("group", "bluegrou", "")},
		"tag": vxlan, "near fabric": {{Put: &model.Zone{ID: "z1", Type: model.ZoneVXLAN, Fabric: "bluefa"}}},
		"near VNet of a guest": {{Put: &model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "v1"}, {ID: "net1", VNet: "bluese"}}}}},
	} {
		_, dry := cl.Edit(ctx, edits, true)
		_, wet := cl.Edit(ctx, edits, false)
		_, plan := cl.PlanEdits(ctx, edits)
		for _, err := range []error{dry, wet, plan} {
			if err == nil || strings.Contains(err.Error(), "bluesec") || strings.Contains(err.Error(), "bluevx") || strings.Contains(err.Error(), "bluealias") ||
				strings.Contains(err.Error(), "blueset") || strings.Contains(err.Error(), "bluegroup") || strings.Contains(err.Error(), "bluefab") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := c.local.Edit(ctx, edits, true); err == nil || !strings.Contains(err.Error(), "blue") {
			t.Errorf("%s, for an administrator: %v", what, err)
		}
	}
	resp, _ := proxmox(t, c.http, http.MethodGet, c.url+"/api2/json/cluster/sdn/vnets/bluesec", "PVEAPIToken="+c.tokens[owner])
	if resp.StatusCode != http.StatusForbidden || strings.Contains(resp.Status, "bluevx") {
		t.Errorf("the Proxmox API: %s", resp.Status)
	}
}
