package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// tenant is a handler, and somebody who may do everything in zone z1 and with
// guest 100.
func tenant(t testing.TB) (*Handler, caller) {
	t.Helper()
	users, err := access.Open(t.Context(), mem.New(), access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.PutUser(t.Context(), access.User{ID: "bob@pve", Enable: true}); err != nil {
		t.Fatal(err)
	}
	for path, role := range map[string]string{"/sdn/zones/z1": "PVESDNAdmin", "/vms/100": "PVEVMAdmin"} {
		if err := users.SetACL(t.Context(), access.ACLEntry{Path: path, Type: access.SubjectUser, Subject: "bob@pve", Role: role, Propagate: true}); err != nil {
			t.Fatal(err)
		}
	}
	h := &Handler{Access: users, Log: slog.New(slog.DiscardHandler), Administrator: func(*http.Request) (string, error) { return "", nil }}
	return h, caller{name: "bob@pve", id: access.Identity{User: "bob@pve"}}
}

// others is everything that is not in zone z1, and guests' NICs in other zones.
func others(v *revision.View) []string {
	var out []string
	zoneOf := zonesOf(v.Pending)
	for _, k := range []model.Kind{model.KindZone, model.KindVNet, model.KindSubnet} {
		for _, o := range v.Pending.List(k) {
			zone := o.ObjectID()
			switch o := o.(type) {
			case *model.VNet:
				zone = o.Zone
			case *model.Subnet:
				zone = zoneOf(o.VNet)
			}
			if zone != "z1" {
				b, _ := json.Marshal(o)
				out = append(out, string(k)+string(b))
			}
		}
	}
	for _, g := range v.GuestList() {
		if g.ID != "100" {
			b, _ := json.Marshal(g)
			out = append(out, string(b))
		}
		for _, n := range g.NICs {
			if zoneOf(n.VNet) == "z2" {
				out = append(out, g.ID+n.ID+n.VNet)
			}
		}
	}
	return out
}

// Whatever a tenant sends, in whatever batch: no object of others is created, changed or
// deleted.
func TestATenantChangesNothingOfOthers(t *testing.T) {
	h, bob := tenant(t)
	zone := func(n int) *model.Zone { return &model.Zone{ID: fmt.Sprint("z", n), Type: model.ZoneSimple} }
	cidr := func(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", n)) }
	done, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		var err error
		st := mem.New()
		if h.Config, err = revision.Open(t.Context(), st, revision.Options{}); err != nil {
			t.Fatal(err)
		}
		if h.Addresses, err = ipam.Open(t.Context(), ipam.Options{Store: st, Config: h.Config}); err != nil {
			t.Fatal(err)
		}
		start := []model.Edit{{Put: zone(1)}, {Put: zone(2)}}
		for i := 1; i <= 4; i++ {
			vnet := fmt.Sprint("v", i)
			start = append(start, model.Edit{Put: &model.VNet{ID: vnet, Zone: fmt.Sprint("z", 1+i%2)}}, model.Edit{Put: &model.Subnet{CIDR: cidr(i), VNet: vnet}})
		}
		for _, id := range []string{"100", "200"} {
			start = append(start, model.Edit{Put: &model.Guest{ID: id, NICs: []model.NIC{{ID: "net0", VNet: "v2"}}}})
		}
		if _, err := h.Config.Edit(t.Context(), "", start, revision.EditOptions{}); err != nil {
			t.Fatal(err)
		}
		number := rapid.IntRange(1, 5)
		edit := rapid.Custom(func(rt *rapid.T) model.Edit {
			n, m := number.Draw(rt, "n"), number.Draw(rt, "m")
			vnet, in := fmt.Sprint("v", n), fmt.Sprint("z", 1+m%2)
			switch rapid.IntRange(0, 8).Draw(rt, "what") {
			case 0:
				return model.Edit{Kind: model.KindVNet, ID: vnet}
			case 1:
				return model.Edit{Kind: model.KindSubnet, ID: model.SubnetID(in, cidr(n))}
			case 2:
				return model.Edit{Kind: model.KindZone, ID: in}
			case 3:
				return model.Edit{Put: zone(m)}
			case 4:
				return model.Edit{Put: &model.Subnet{CIDR: cidr(m), VNet: vnet, SNAT: true}}
			case 5:
				return model.Edit{Put: &model.Subnet{ID: model.SubnetID(in, cidr(n)), VNet: fmt.Sprint("v", m)}}
			case 6:
				g := &model.Guest{ID: rapid.SampledFrom([]string{"100", "200", "300"}).Draw(rt, "guest"), NICs: []model.NIC{{ID: "net0", VNet: vnet}}}
				return model.Edit{Put: g}
			case 7:
				return model.Edit{Kind: model.KindGuest, ID: rapid.SampledFrom([]string{"100", "200"}).Draw(rt, "guest")}
			}
			return model.Edit{Put: &model.VNet{ID: vnet, Zone: in, Alias: rapid.SampledFrom([]string{"", "a"}).Draw(rt, "alias")}}
		})
		for range 5 {
			before, _ := h.Config.Latest()
			r := &request{Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), caller: bob}
			edits := rapid.SliceOfN(edit, 1, 3).Draw(rt, "edits")
			if _, err := h.change(r, edits, revision.EditOptions{}); err != nil {
				refused++
			} else {
				done++
			}
			after, _ := h.Config.Latest()
			if d := cmp.Diff(others(before), others(after)); d != "" {
				rt.Fatalf("%v:\n%s", edits, d)
			}
		}
	})
	if done == 0 || refused == 0 {
		t.Errorf("%d batches were done and %d refused: the test does not test", done, refused)
	}
}

// Nobody is anybody by a token or cookie that was made up.
func FuzzIdentify(f *testing.F) {
	f.Add("Bearer root@pam!ci=x", "__Host-viaduct=PVE%3Aroot%40pam%3A00000000%3A%3AAAAA")
	f.Add("PVEAPIToken=root@pam!ci=", "__Host-viaduct=%")
	f.Add("bearer  bob@pve!=", "")
	f.Fuzz(func(t *testing.T, authorization, cookie string) {
		h, _ := tenant(t)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		r.Header["Cookie"] = []string{cookie}
		if c, err := h.identify(r); err == nil || c.admin || c.name != "" && c.id == (access.Identity{}) {
			t.Errorf("%q and %q are %+v", authorization, cookie, c)
		}
	})
}

// BenchmarkList10000 lists VNets for somebody who may see half of them; the floor is
// to write as many as JSON.
func BenchmarkList10000(b *testing.B) {
	h, bob := tenant(b)
	var err error
	if h.Config, err = revision.Open(b.Context(), mem.New(), revision.Options{}); err != nil {
		b.Fatal(err)
	}
	edits := []model.Edit{{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple}}, {Put: &model.Zone{ID: "z2", Type: model.ZoneSimple}}}
	for i := range 10_000 {
		edits = append(edits, model.Edit{Put: &model.VNet{ID: fmt.Sprint("v", i), Zone: fmt.Sprint("z", 1+i%2)}})
	}
	if _, err := h.Config.Edit(b.Context(), "", edits, revision.EditOptions{}); err != nil {
		b.Fatal(err)
	}
	list := func(b *testing.B, c caller, want int) {
		r := &request{Request: httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil), caller: c}
		for b.Loop() {
			out, err := h.list(r, model.KindVNet)
			if err != nil {
				b.Fatal(err)
			}
			if got := len(out.([]model.Object)); got != want {
				b.Fatalf("%d VNets", got)
			}
			if _, err := json.Marshal(out); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("tenant", func(b *testing.B) { list(b, bob, 5000) })
	b.Run("administrator", func(b *testing.B) { list(b, caller{admin: true}, 10_000) })
}
