package api

import (
	"slices"
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
		model.KindBackplane: &model.Backplane{ID: "{id}"}, model.KindSector: &model.Sector{ID: "{id}"},
		model.KindAlias: &model.Alias{}, model.KindIPSet: &model.IPSet{}, model.KindSecurityGroup: &model.SecurityGroup{}, model.KindFirewall: &model.Firewall{ID: "{id}"},
		model.KindGuest: &model.Guest{ID: "{id}"}, model.KindIPAM: &model.IPAM{ID: "{id}"}, model.KindDNS: &model.NameServer{ID: "{id}"},
		model.KindLoadBalancer: &model.LoadBalancer{ID: "{id}"},
	}
	for _, k := range model.Kinds() {
		for write, doc := range map[bool]string{false: k.Descriptor().RightsText(false), true: k.Descriptor().RightsText(true)} {
			parts := convert(rights(likeness[k], always("{zone}"), write), func(r right) string { return on(r.path, r.anyOf...).doc })
			if want := strings.Join(parts, ", and "); doc != want && !strings.HasPrefix(doc, want+";") && !strings.HasPrefix(doc, want+",") {
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
			for _, r := range rights(nameOnly(k, name), noZone, true) {
				if strings.Count(r.path, "/") > 4 || strings.Contains(r.path, "a/b") {
					t.Errorf("%s %q is looked for on %s", k, name, r.path)
				}
			}
		}
	}
	for _, k := range model.Kinds() {
		for _, p := range k.Descriptor().Permissions {
			for _, name := range append(p.Read, p.Write...) {
				if !slices.Contains(access.Privileges(), access.Privilege(name)) {
					t.Errorf("%s: there is no privilege %s", k, name)
				}
			}
		}
	}
}

// Routes demand something, or state why not.
func TestEveryRouteSaysWhoMay(t *testing.T) {
	public := map[string]bool{"login": true, "getOpenAPI": true, "getDocs": true}
	free := map[string]bool{"getSession": true, "logout": true, "getVersion": true, "listKinds": true, "listFirewallMacros": true, "listPrivileges": true, "getMessage": true, "listRoles": true, "getRole": true}
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

// A refusal names who must be granted what is lacking: a token has no more rights than
// its user, and a separated one needs the grant, too.
func TestRefusalsSayWhatHelps(t *testing.T) {
	h, bob := tenant(t)
	give := func(kind access.SubjectType, subject string) {
		t.Helper()
		if err := h.Access.SetACL(t.Context(), access.ACLEntry{Path: "/sdn/zones/z7", Type: kind, Subject: subject, Role: "PVESDNAdmin"}); err != nil {
			t.Fatal(err)
		}
	}
	token := func(name string, separated bool) caller {
		t.Helper()
		if _, err := h.Access.CreateToken(t.Context(), access.Token{User: "bob@pve", Name: name, Privsep: separated}); err != nil {
			t.Fatal(err)
		}
		id := access.Identity{User: "bob@pve", Token: name}
		return caller{name: id.String(), id: id}
	}
	whole, own := token("whole", false), token("own", true)
	expect := func(c caller, says string) {
		t.Helper()
		err := h.demand(c, right{"/sdn/zones/z7", sdnWrite})
		if says == "" && err != nil || says != "" && (err == nil || !strings.HasSuffix(err.Error(), ": viaduct acl add /sdn/zones/z7 ROLE "+says)) {
			t.Errorf("%s: %v, want %s", c.name, err, says)
		}
	}
	expect(bob, "--user 'bob@pve'")
	expect(whole, "--user 'bob@pve'")
	expect(own, "--user 'bob@pve', and again with --token 'bob@pve!own'")
	give(access.SubjectUser, "bob@pve")
	expect(bob, "")
	expect(whole, "")
	expect(own, "--token 'bob@pve!own'")
	give(access.SubjectToken, "bob@pve!own")
	expect(own, "")
}
