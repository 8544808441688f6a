package sector_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/sector"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// nodes are the nodes that have joined, with what they reported.
type nodes map[string]*model.Facts

func (n nodes) Names() []string {
	var out []string
	for i := range len(n) {
		out = append(out, fmt.Sprintf("node%d", i+1))
	}
	return out
}

func (n nodes) Facts(name string) (*model.Facts, bool) {
	f := n[name]
	return f, f != nil
}

// three returns three nodes, of which the last has no VRFs.
func three() nodes {
	out := nodes{}
	for i := range 3 {
		out[fmt.Sprintf("node%d", i+1)] = &model.Facts{
			FRR: &model.FRRFacts{Version: "10.3"}, Features: map[model.Feature]bool{model.FeatureVRF: i < 2},
			Interfaces: []model.Interface{
				{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("203.0.113.%d/24", i+1))}},
				{Name: "vmbr0", Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", i+1))}},
			},
		}
	}
	return out
}

// with is a service on an empty store with the allocator.
func with(t *testing.T, n nodes) *revision.Service {
	t.Helper()
	st := mem.New()
	s, err := revision.Open(t.Context(), st, revision.Options{Known: n.Names})
	if err != nil {
		t.Fatal(err)
	}
	s.Use(sector.New(st, s, n))
	return s
}

func edit(t *testing.T, s *revision.Service, edits ...model.Edit) error {
	t.Helper()
	_, err := s.Edit(t.Context(), "test", edits, revision.EditOptions{})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(o model.Object) model.Edit { return model.Edit{Put: o} }

func pending(t *testing.T, s *revision.Service) *model.Config {
	t.Helper()
	v, err := s.View(t.Context())
	must(t, err)
	return v.Pending
}

func newSector(id, cidr string) *model.Sector {
	return &model.Sector{ID: id, Subnets: []model.SectorSubnet{{CIDR: netip.MustParsePrefix(cidr)}}}
}

var alike = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

// A backplane without anything is that of the nodes: their tunnels' addresses are those of
// vmbr0, and its type is one that all of them can have.
func TestBackplane(t *testing.T) {
	s := with(t, three())
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane"})))
	cfg := pending(t, s)
	want := &model.Backplane{
		ID: "bckplane", Type: model.ZoneVXLAN, CIDR: model.DefaultBackplaneCIDR, VNet: "bckplane", Tag: 100, Slices: 8,
		Members: []model.BackplaneMember{{Node: "node1", Address: netip.MustParseAddr("192.0.2.1"), Slice: 1}, {Node: "node2", Address: netip.MustParseAddr("192.0.2.2"), Slice: 2}, {Node: "node3", Address: netip.MustParseAddr("192.0.2.3"), Slice: 3}},
	}
	if d := cmp.Diff(want, cfg.Backplanes["bckplane"], alike); d != "" {
		t.Error(d)
	}
	z, v, sub := cfg.Zones["bckplane"], cfg.VNets["bckplane"], cfg.Subnets["bckplane-10.200.0.0-16"]
	if z == nil || !z.AnycastGateway || len(z.NodeServices) != 1 || z.NodeServices[0] != model.NodeServicesNone || len(z.Peers) != 3 || v == nil || v.Tag != 100 || sub == nil || sub.Gateway.String() != "10.200.0.1" || !sub.SNAT {
		t.Errorf("zone %+v, vnet %+v, subnet %+v", z, v, sub)
	}
}

// Where all nodes have VRFs and FRR it is OrbitLab's EVPN zone; a controller that exists is
// used, and kept when the backplane is deleted.
func TestBackplaneEVPN(t *testing.T) {
	n := three()
	n["node3"].Features[model.FeatureVRF] = true
	s := with(t, n)
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane"})))
	cfg := pending(t, s)
	c, z := cfg.Controllers["bckplane"], cfg.Zones["bckplane"]
	if c == nil || c.ASN != 65001 || len(c.Peers) != 3 {
		t.Errorf("controller %+v", c)
	}
	if z == nil || z.Type != model.ZoneEVPN || z.VRFVXLAN != 10 || len(z.ExitNodes) != 3 || !z.AdvertiseSubnets || z.Controller != "bckplane" {
		t.Errorf("zone %+v", z)
	}
	must(t, edit(t, s, model.Edit{Kind: model.KindBackplane, ID: "bckplane"}))
	if cfg := pending(t, s); cfg.Len() != 0 {
		t.Errorf("%d objects are left of the backplane", cfg.Len())
	}
	must(t, edit(t, s, put(&model.Controller{ID: "own", Type: model.ControllerEVPN, ASN: 65100, Peers: []netip.Addr{netip.MustParseAddr("203.0.113.1")}})))
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane", Members: []model.BackplaneMember{{Node: "node1"}}})))
	cfg = pending(t, s)
	if b := cfg.Backplanes["bckplane"]; b.Controller != "own" || b.Members[0].Address.String() != "203.0.113.1" || cfg.Controllers["own"].ASN != 65100 {
		t.Errorf("%+v with controller %+v", b, cfg.Controllers["own"])
	}
	must(t, edit(t, s, model.Edit{Kind: model.KindBackplane, ID: "bckplane"}))
	if cfg := pending(t, s); cfg.Len() != 1 || cfg.Controllers["own"] == nil {
		t.Errorf("%d objects are left, with controller %v", cfg.Len(), cfg.Controllers["own"])
	}
}

// A sector gets the lowest tag and address that are free, keeps them, follows its backplane,
// and is deleted whole.
func TestSector(t *testing.T) {
	s := with(t, three())
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane"})))
	must(t, edit(t, s, put(newSector("a", "172.16.0.0/24")), put(newSector("b", "172.16.0.0/24"))))
	cfg := pending(t, s)
	a, b := cfg.Sectors["a"], cfg.Sectors["b"]
	if a.VNet != "olvn1001" || a.Address.String() != "10.200.0.10" || a.Domain != "a.internal" || b.VNet != "olvn1002" || b.Address.String() != "10.200.0.11" {
		t.Errorf("%+v\n%+v", a, b)
	}
	if cfg.VNets["olvn1002"].Tag != 1002 || cfg.Subnets["olvn1001-172.16.0.0-24"].Gateway.String() != "172.16.0.1" || cfg.Zones["olvn1001"].DNSZone != "a.internal" {
		t.Error("the objects of the sectors are not theirs")
	}
	must(t, edit(t, s, put(newSector("a", "172.17.0.0/24"))))
	cfg = pending(t, s)
	if n := cfg.Sectors["a"]; n.VNet != a.VNet || n.Address != a.Address || cfg.Subnets["olvn1001-172.16.0.0-24"] != nil || cfg.Subnets["olvn1001-172.17.0.0-24"] == nil {
		t.Errorf("%+v after another network", n)
	}
	more := *cfg.Backplanes["bckplane"]
	more.Members = more.Members[:2]
	must(t, edit(t, s, put(&more)))
	if z := pending(t, s).Zones["olvn1002"]; len(z.Peers) != 2 || len(z.Nodes) != 2 {
		t.Errorf("zone %+v with two members", z)
	}
	must(t, edit(t, s, model.Edit{Kind: model.KindSector, ID: "a"}))
	for _, k := range model.Kinds() {
		for _, o := range pending(t, s).List(k) {
			if strings.Contains(o.ObjectID(), "olvn1001") || o.ObjectID() == "a" {
				t.Errorf("%s is left", model.Ref(k, o.ObjectID()))
			}
		}
	}
	// What it had is free for the next one.
	must(t, edit(t, s, put(newSector("c", "172.16.0.0/24"))))
	if c := pending(t, s).Sectors["c"]; c.VNet != "olvn1001" || c.Address.String() != "10.200.0.10" {
		t.Errorf("%+v", c)
	}
}

// What a running sector has is not free, though its deletion is pending.
func TestRunningIsNotFree(t *testing.T) {
	s := with(t, three())
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane"}), put(newSector("a", "172.16.0.0/24"))))
	_, err := s.Apply(t.Context(), "test", "", "")
	must(t, err)
	must(t, edit(t, s, model.Edit{Kind: model.KindSector, ID: "a"}))
	must(t, edit(t, s, put(newSector("b", "172.16.0.0/24"))))
	if b := pending(t, s).Sectors["b"]; b.VNet != "olvn1002" || b.Address.String() != "10.200.0.11" {
		t.Errorf("%+v", b)
	}
}

// Sectors that are made at the same time have nothing in common, and a plan promises what is
// then made.
func TestAtTheSameTime(t *testing.T) {
	s := with(t, three())
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane"})))
	p, err := s.Plan(t.Context(), []model.Edit{put(newSector("first", "10.0.0.0/24"))})
	must(t, err)
	if d := cmp.Diff([]string{"zone/olvn1001", "vnet/olvn1001", "subnet/olvn1001-10.0.0.0-24"}, p.Derived); d != "" || p.New.Sectors["first"].VNet != "olvn1001" {
		t.Errorf("derived of a plan: %s", d)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := s.Edit(context.WithoutCancel(t.Context()), "test", []model.Edit{put(newSector(fmt.Sprint("s", i), "10.0.0.0/24"))}, revision.EditOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	vnets, addresses := map[string]bool{}, map[netip.Addr]bool{}
	for _, x := range pending(t, s).Sectors {
		vnets[x.VNet], addresses[x.Address] = true, true
	}
	if len(vnets) != 16 || len(addresses) != 16 {
		t.Errorf("%d vnets and %d addresses of 16 sectors", len(vnets), len(addresses))
	}
}

// What cannot be is refused with the reason, and nothing is stored.
func TestRefused(t *testing.T) {
	s := with(t, three())
	if err := edit(t, s, put(newSector("a", "10.0.0.0/24"))); err == nil || !strings.Contains(err.Error(), "backplane init") {
		t.Errorf("a sector without a backplane: %v", err)
	}
	must(t, edit(t, s, put(&model.Backplane{ID: "bckplane", CIDR: netip.MustParsePrefix("10.200.0.0/24"), Slices: 4})))
	for want, o := range map[string]model.Object{
		"overlaps 10.200.0.0/24": newSector("a", "10.200.0.0/25"),
		"is not a DNS label":     newSector("A_b", "10.0.0.0/24"),
		"is not one of the addresses": &model.Sector{ID: "a", Subnets: newSector("a", "10.0.0.0/24").Subnets,
			Address: netip.MustParseAddr("10.200.0.1")},
		"is above 32767": &model.Sector{ID: "a", Subnets: newSector("a", "10.0.0.0/24").Subnets,
			Forwards: []model.SectorForward{{Port: "tcp/40000", To: netip.MustParseAddr("10.0.0.5")}}},
		"is not in the sector's networks": &model.Sector{ID: "a", Subnets: newSector("a", "10.0.0.0/24").Subnets,
			FloatingIPs: []model.FloatingIP{{Address: netip.MustParseAddr("10.200.0.20"), Target: netip.MustParseAddr("10.0.1.5")}}},
		"is too small for 5 members": &model.Backplane{ID: "bckplane", Slices: 4, Members: []model.BackplaneMember{
			{Node: "node1"}, {Node: "node2"}, {Node: "node3"}, {Node: "x", Address: netip.MustParseAddr("192.0.2.8")}, {Node: "y", Address: netip.MustParseAddr("192.0.2.9")}}},
		"has not reported an address": &model.Backplane{ID: "bckplane", Members: []model.BackplaneMember{{Node: "stranger"}}},
	} {
		before := pending(t, s)
		if err := edit(t, s, put(o)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if after := pending(t, s); after.Len() != before.Len() {
			t.Errorf("%q left %d objects of %d", want, after.Len(), before.Len())
		}
	}
	// 10.200.0.0/24 has room for the sectors 10 to 127.
	for i := range 118 {
		must(t, edit(t, s, put(newSector(fmt.Sprint("s", i), "10.0.0.0/24"))))
	}
	if err := edit(t, s, put(newSector("last", "10.0.0.0/24"))); err == nil || !strings.Contains(err.Error(), "every address") {
		t.Errorf("no address is left: %v", err)
	}
}
