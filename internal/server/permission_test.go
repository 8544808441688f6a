package server_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func ids(t *testing.T, c *client.Client, k model.Kind) []string {
	t.Helper()
	list, err := c.List(t.Context(), k, "")
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, o := range list {
		out = append(out, o.ObjectID())
	}
	return out
}

func TestAuditorOfOneZone(t *testing.T) {
	c := newCluster(t)
	cl, ctx := c.as(t, auditor), t.Context()
	for k, want := range map[model.Kind][]string{
		model.KindZone: {"z1"}, model.KindVNet: {"v1"}, model.KindSubnet: {"z1-10.1.0.0-16"}, model.KindController: {}, model.KindGuest: {}, model.KindNode: {},
	} {
		if d := cmp.Diff(want, ids(t, cl, k)); d != "" {
			t.Errorf("%s: %s", k.Plural(), d)
		}
	}
	if _, etag, err := cl.Get(ctx, model.KindVNet, "v1", "running"); err != nil || etag == "" {
		t.Errorf("their own VNet: %v", err)
	}
	_, _, there := cl.Get(ctx, model.KindVNet, "v2", "")
	_, _, absent := cl.Get(ctx, model.KindVNet, "v3", "")
	if there == nil || absent == nil || there.Error() != absent.Error() || !api.IsType(there, api.TypeForbidden) {
		t.Errorf("whether there is another's VNet is told:\n%v\n%v", there, absent)
	}
	for what, err := range map[string]error{
		"put":           second(cl.Put(ctx, &model.VNet{ID: "v1", Zone: "z1", Alias: "x"}, "")),
		"patch":         second(cl.Patch(ctx, model.KindVNet, "v1", api.Patch{Set: map[string]json.RawMessage{"alias": []byte(`"x"`)}}, "")),
		"patch many":    second(cl.PatchMany(ctx, model.KindVNet, api.PatchMany{IDs: []string{"v1"}, Set: map[string]json.RawMessage{"alias": []byte(`"x"`)}})),
		"delete":        second(cl.Delete(ctx, model.KindVNet, "v1", "")),
		"create":        second(cl.Put(ctx, &model.VNet{ID: "v9", Zone: "z1"}, "")),
		"dry run":       second(cl.Edit(ctx, []api.Edit{{Kind: model.KindVNet, ID: "v1"}}, true)),
		"plan of edits": second(cl.PlanEdits(ctx, []api.Edit{{Kind: model.KindVNet, ID: "v1"}})),
		"discard":       second(cl.Discard(ctx, api.DiscardRequest{})),
		"apply":         second(cl.Apply(ctx, api.ApplyRequest{})),
		"revisions":     second(cl.Revisions(ctx)),
	} {
		if !status(err, http.StatusForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s, err := cl.Session(ctx); err != nil || s.Author != auditor+"!ci" || s.User != auditor ||
		!cmp.Equal(s.Permissions, []api.Permission{{Path: "/sdn/zones/z1", Privileges: []string{"SDN.Audit"}, Propagated: []string{"SDN.Audit"}}}) {
		t.Errorf("session %+v, %v", s, err)
	}
	if s, err := c.local.Session(ctx); err != nil || !strings.HasSuffix(s.Author, "@local") || s.User != "" || len(s.Permissions) != 1 || len(s.Permissions[0].Privileges) < 30 {
		t.Errorf("session %+v, %v", s, err)
	}
}

func TestOwnerOfOneZone(t *testing.T) {
	c := newCluster(t)
	cl, ctx := c.as(t, owner), t.Context()
	vnet := func(id, zone, alias string) api.Edit {
		return api.Edit{Put: &model.VNet{ID: id, Zone: zone, Alias: alias}}
	}
	guest := func(id string, vnets ...string) *model.Guest {
		g := &model.Guest{ID: id}
		for i, v := range vnets {
			g.NICs = append(g.NICs, model.NIC{ID: "net" + strconv.Itoa(i), VNet: v})
		}
		return g
	}
	for what, err := range map[string]error{
		"change":       second(cl.Edit(ctx, []api.Edit{vnet("v1", "z1", "mine")}, false)),
		"create":       second(cl.Put(ctx, &model.VNet{ID: "v3", Zone: "z1"}, client.IfAbsent)),
		"subnet":       second(cl.Put(ctx, &model.Subnet{CIDR: netip.MustParsePrefix("10.3.0.0/16"), VNet: "v3"}, "")),
		"subnet again": second(cl.Patch(ctx, model.KindSubnet, "z1-10.1.0.0-16", api.Patch{Set: map[string]json.RawMessage{"gateway": []byte(`"10.1.0.1"`)}}, "")),
		"zone":         second(cl.Patch(ctx, model.KindZone, "z1", api.Patch{Set: map[string]json.RawMessage{"mtu": []byte(`1400`)}}, "")),
		"both at once": second(cl.Edit(ctx, []api.Edit{{Put: &model.Subnet{CIDR: netip.MustParsePrefix("10.4.0.0/16"), VNet: "v4"}}, vnet("v4", "z1", "")}, false)),
		"delete":       second(cl.Delete(ctx, model.KindSubnet, "z1-10.4.0.0-16", "")),
		"guest":        second(cl.Put(ctx, guest("100", "v1", "v1"), "")),
		"guest patch":  second(cl.Patch(ctx, model.KindGuest, "100", api.Patch{Set: map[string]json.RawMessage{"name": []byte(`"web"`)}}, "")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.edit(t, c.local, &model.VNet{ID: "v2", Zone: "z2", Alias: "belongs to z2"})
	before := c.state(t)
	for what, e := range map[string]struct {
		err  error
		says string
	}{
		"plan":               {second(cl.Plan(ctx)), "1 change of others that you may not see"},
		"plan of another's":  {second(cl.PlanEdits(ctx, []api.Edit{vnet("v2", "z2", "x")})), "SDN.Allocate on /sdn/zones;"},
		"another's":          {second(cl.Edit(ctx, []api.Edit{vnet("v2", "z2", "x")}, false)), "SDN.Allocate on /sdn/zones"},
		"take away":          {second(cl.Edit(ctx, []api.Edit{vnet("v2", "z1", "x")}, false)), "SDN.Allocate on /sdn/zones;"},
		"give away":          {second(cl.Edit(ctx, []api.Edit{vnet("v1", "z2", "x")}, false)), "SDN.Allocate on /sdn/zones/z2/v1"},
		"one of two":         {second(cl.Edit(ctx, []api.Edit{vnet("v1", "z1", "y"), vnet("v2", "z2", "x")}, false)), "edit 2 of the request (vnet/v2)"},
		"patch away":         {second(cl.Patch(ctx, model.KindVNet, "v1", api.Patch{Set: map[string]json.RawMessage{"zone": []byte(`"z2"`)}}, "")), "/sdn/zones/z2/v1"},
		"subnet away":        {second(cl.Put(ctx, &model.Subnet{CIDR: netip.MustParsePrefix("10.5.0.0/16"), VNet: "v2"}, "")), "SDN.Allocate on /sdn/zones"},
		"another's subnet":   {second(cl.Edit(ctx, []api.Edit{{Put: &model.Subnet{ID: "z2-10.2.0.0-16", VNet: "v2", SNAT: true}}}, false)), "SDN.Allocate on /sdn/zones"},
		"VNet and subnet":    {second(cl.Edit(ctx, []api.Edit{{Put: &model.Subnet{CIDR: netip.MustParsePrefix("10.6.0.0/16"), VNet: "v6"}}, vnet("v6", "z2", "")}, false)), "/sdn/zones/z2/v6"},
		"a new zone":         {second(cl.Put(ctx, &model.Zone{ID: "z3", Type: model.ZoneSimple}, "")), "/sdn/zones/z3"},
		"a zone of slashes":  {second(cl.Put(ctx, &model.Zone{ID: "z1/x", Type: model.ZoneSimple}, "")), "SDN.Allocate on /sdn/zones;"},
		"an unknown one":     {second(cl.Delete(ctx, model.KindVNet, "nil", "")), "SDN.Allocate on /sdn/zones;"},
		"another's guest":    {second(cl.Put(ctx, guest("200", "v1"), "")), "VM.Config.Network on /vms/200"},
		"into another's net": {second(cl.Put(ctx, guest("100", "v1", "v2"), "")), "SDN.Use on /sdn/zones/z2/v2"},
		"a node":             {second(cl.Put(ctx, &model.Node{ID: "node1", Backend: "netlink"}, "")), "Sys.Modify on /nodes/node1"},
		"apply":              {second(cl.Apply(ctx, api.ApplyRequest{})), "1 change of others that you may not see"},
	} {
		if !status(e.err, http.StatusForbidden) || !strings.Contains(e.err.Error(), e.says) || strings.Contains(e.err.Error(), "belongs") {
			t.Errorf("%s: %v", what, e.err)
		}
	}
	if d := cmp.Diff(before, c.state(t)); d != "" {
		t.Errorf("something was changed: %s", d)
	}
	// A NIC that stays where it is takes nothing: the administrator put it there.
	c.edit(t, c.local, guest("100", "v1", "v2"))
	if _, err := cl.Patch(ctx, model.KindGuest, "100", api.Patch{Set: map[string]json.RawMessage{"name": []byte(`"db"`)}}, ""); err != nil {
		t.Error(err)
	}
	// Faults of others' objects are not shown.
	_, err := cl.Edit(ctx, []api.Edit{{Kind: model.KindZone, ID: "z1"}}, false)
	if err == nil || strings.Contains(err.Error(), "v2") {
		t.Errorf("%v", err)
	}
}

// Whoever may modify all that is pending plans and applies it, and discards their part of
// what is pending of several; of the others' part they learn no more than how much it is.
func TestOwnerPlansAppliesAndDiscards(t *testing.T) {
	c := newCluster(t)
	cl, ctx := c.as(t, owner), t.Context()
	mine, others := &model.VNet{ID: "v1", Zone: "z1", Alias: "mine"}, &model.VNet{ID: "v2", Zone: "z2", Alias: "secret"}
	c.edit(t, cl, mine)
	p, err := cl.Plan(ctx)
	if err != nil || len(p.Objects) != 1 || p.Objects[0].Name != "v1" || len(p.Edits) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	r, err := cl.Apply(ctx, api.ApplyRequest{Plan: p.Token})
	if err != nil || r.Revision != 2 || len(r.Objects) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	// What an administrator changed in their zone is theirs to apply.
	c.edit(t, c.local, &model.VNet{ID: "v1", Zone: "z1", Alias: "admins"})
	if r, err := cl.Apply(ctx, api.ApplyRequest{}); err != nil || r.Revision != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	// Another's pending edit stands in the way, and is not named.
	mine.Alias = "mine again"
	c.edit(t, cl, mine)
	c.edit(t, c.local, others, &model.Node{ID: "node1", Backend: "netlink"})
	for what, err := range map[string]error{"plan": second(cl.Plan(ctx)), "apply": second(cl.Apply(ctx, api.ApplyRequest{}))} {
		if !status(err, http.StatusForbidden) || !strings.Contains(err.Error(), "of others that you may not see") || strings.Contains(err.Error(), "v2") || strings.Contains(err.Error(), "z2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	st, err := cl.Status(ctx, "")
	if err != nil || st.Pending != 3 || st.PendingHidden != 1 || !st.NodesHidden || len(st.Nodes) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	// Their part is dropped, the others' stays as it is.
	d, err := cl.Discard(ctx, api.DiscardRequest{})
	if err != nil || len(d.Changes) != 1 || d.Changes[0].Name != "v1" || d.Pending != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	if o, _, err := c.local.Get(ctx, model.KindVNet, "v2", "pending"); err != nil || o.(*model.VNet).Alias != "secret" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, _, err := c.local.Get(ctx, model.KindVNet, "v1", "pending"); err != nil || o.(*model.VNet).Alias != "admins" {
		t.Errorf("%+v, %v", o, err)
	}
	// A pending change that may be seen but not modified is named.
	if _, err := c.local.Discard(ctx, api.DiscardRequest{}); err != nil {
		t.Fatal(err)
	}
	c.edit(t, c.local, &model.Node{ID: "node1", Backend: "ifupdown2"})
	if _, err := cl.Apply(ctx, api.ApplyRequest{}); !status(err, http.StatusForbidden) || !strings.Contains(err.Error(), "node node1 is pending, too") {
		t.Errorf("%v", err)
	}
}

// Lists of those who may not see everything say so, and say the same whether anything
// is hidden or not.
func TestListsSayThatSomethingMayBeHidden(t *testing.T) {
	for _, others := range []bool{false, true} {
		s := start(t, mem.New(), t.TempDir())
		c := &cluster{running: s, tokens: make(map[string]string)}
		edits := []api.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}}
		if others {
			edits = append(edits, api.Edit{Put: &model.Zone{ID: "z2", Type: model.ZoneSimple}})
		}
		if _, err := s.local.Edit(t.Context(), edits, false); err != nil {
			t.Fatal(err)
		}
		c.user(t, owner, "/sdn/zones/z1 PVESDNAdmin")
		c.user(t, "all@pve", "/ PVEAdmin")
		for user, want := range map[string][]string{
			owner: {"some zones may be hidden: you may see those at /sdn/zones/z1"}, "all@pve": nil,
		} {
			var got []string
			cl, err := client.New("unix://"+filepath.Join(s.data, "api.sock"), client.WithToken(c.tokens[user]), client.WithNotice(func(text string) { got = append(got, text) }))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cl.List(t.Context(), model.KindZone, ""); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, others %v: %s", user, others, d)
			}
		}
	}
}

// Whoever may see all of the configuration may see plans and revisions; what is
// taken from them in part makes both be refused.
func TestPlansAreWholeOrNone(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	const planner = "planner@pve"
	c.user(t, planner, "/sdn PVESDNAdmin")
	cl := c.as(t, planner)
	c.edit(t, c.local, &model.VNet{ID: "v2", Zone: "z2", Alias: "secret"}, &model.Node{ID: "node1", Backend: "netlink"})
	p, err := cl.Plan(ctx)
	if err != nil || len(p.Objects) != 2 || len(p.Edits) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := cl.Revision(ctx, 1); err != nil {
		t.Error(err)
	}
	no := api.ACLEdit{Add: []api.ACLEntry{{Path: "/sdn/zones/z2", Type: "user", Subject: planner, Role: "NoAccess", Propagate: true}}}
	if _, err := c.local.EditACL(ctx, no); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"plan": second(cl.Plan(ctx)), "plan of a revision": second(cl.Revision(ctx, 1)),
		"plan of edits": second(cl.PlanEdits(ctx, []api.Edit{{Kind: model.KindGuest, ID: "200"}})),
	} {
		if !status(err, http.StatusForbidden) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "z2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	r, err := cl.Apply(ctx, api.ApplyRequest{Plan: p.Token})
	if err != nil || r.Revision != 2 || len(r.Objects) != 1 || r.Objects[0].Type != "node" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := cl.Plan(ctx); err != nil {
		t.Errorf("a plan of nothing: %v", err)
	}
}

func TestNodesAreShownToWhoMay(t *testing.T) {
	c := newCluster(t)
	c.join(t, "node2")
	const watcher = "watcher@pve"
	c.user(t, watcher, "/nodes/node1 PVESysAdmin")
	s, err := c.as(t, watcher).Status(t.Context(), "")
	if err != nil || len(s.Nodes) != 1 || s.Nodes[0].Name != "node1" {
		t.Errorf("%+v, %v", s, err)
	}
}

// Users look after their own password and tokens; who may change users does so for
// others, but not for root@pam.
func TestUsersOfUsers(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	const chief = "chief@pve"
	c.user(t, chief, "/access PVEUserAdmin", "/sdn/zones/z1 PVEAdmin")
	cl := c.as(t, chief)
	if _, err := cl.PutUser(ctx, api.User{ID: "new@pve"}, client.IfAbsent); err != nil {
		t.Error(err)
	}
	if err := cl.SetPassword(ctx, "new@pve", "long enough"); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"root's password": cl.SetPassword(ctx, "root@pam", "long enough"),
		"root":            second(cl.PutUser(ctx, api.User{ID: "root@pam"}, "")),
		"root's token":    second(cl.CreateUserToken(ctx, api.UserToken{User: "root@pam", Name: "mine", AllPrivileges: true})),
		"a permission":    second(cl.EditACL(ctx, api.ACLEdit{Add: []api.ACLEntry{{Path: "/", Type: "user", Subject: chief, Role: "Administrator"}}})),
		"a role":          second(cl.PutRole(ctx, api.Role{ID: "mine", Privileges: []string{"Sys.Modify"}}, "")),
		"own token":       second(c.as(t, owner).CreateUserToken(ctx, api.UserToken{User: owner, Name: "more", AllPrivileges: true})), // by a token
	} {
		if !status(err, http.StatusForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if acl, err := cl.ACL(ctx); err != nil || len(acl) != 0 {
		t.Errorf("%v, %v", acl, err)
	}
}
