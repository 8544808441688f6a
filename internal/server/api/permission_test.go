package api

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// What is documented of the rights on objects is what is demanded.
func TestRightsAreAsDocumented(t *testing.T) {
	likeness := map[model.Kind]model.Object{
		model.KindNode: &model.Node{ID: "{id}"}, model.KindPrefixList: &model.PrefixList{}, model.KindRouteMap: &model.RouteMap{}, model.KindFabric: &model.Fabric{ID: "{id}"},
		model.KindFabricNode: &model.FabricNode{Fabric: "{fabric}", Node: "{node}"}, model.KindController: &model.Controller{ID: "{id}"},
		model.KindZone: &model.Zone{ID: "{id}"}, model.KindVNet: &model.VNet{ID: "{id}", Zone: "{zone}"}, model.KindSubnet: &model.Subnet{VNet: "{vnet}"},
		model.KindGuest: &model.Guest{ID: "{id}"},
	}
	for _, k := range model.Kinds() {
		for write, doc := range map[bool]string{false: rightsOn[k].read, true: rightsOn[k].write} {
			parts := convert(rights(likeness[k], always("{zone}"), write), func(r right) string { return on(r.path, r.anyOf...).doc })
			if want := strings.Join(parts, ", and "); !strings.HasPrefix(doc, want) {
				t.Errorf("%s: %q is documented, %q is demanded", k, doc, want)
			}
			for _, r := range rights(likeness[k], always("{zone}"), write) {
				if len(r.anyOf) == 0 {
					t.Errorf("%s: nothing is demanded on %s", k, r.path)
				}
			}
		}
		// A name that somebody makes up leads to no deeper path than it should.
		for _, name := range []string{"", "/", "a/b", "../..", "a_b/c", "z1-10.0.0.0-8/x"} {
			for _, r := range rights(nameOnly(k, name), nowhere, true) {
				if strings.Count(r.path, "/") > 4 || strings.Contains(r.path, "a/b") {
					t.Errorf("%s %q is looked for on %s", k, name, r.path)
				}
			}
		}
	}
	for _, p := range []access.Privilege{vmAudit, vmNetwork} {
		known := false
		for _, q := range access.Privileges() {
			known = known || p == q
		}
		if !known {
			t.Errorf("there is no privilege %s", p)
		}
	}
}

// Routes demand something, or say why not.
func TestEveryRouteSaysWhoMay(t *testing.T) {
	public := map[string]bool{"login": true, "getOpenAPI": true, "getDocs": true}
	free := map[string]bool{"getSession": true, "logout": true, "getVersion": true, "listRoles": true, "getRole": true}
	for _, rt := range table() {
		if rt.needs.public != public[rt.id] {
			t.Errorf("%s: public is %v", rt.id, rt.needs.public)
		}
		if open := rt.needs.doc == anybody.doc; open != free[rt.id] {
			t.Errorf("%s: for anybody is %v", rt.id, open)
		}
		if rt.serve == nil || rt.doc == "" || rt.needs.doc == "" {
			t.Errorf("%s is not complete", rt.id)
		}
	}
}
