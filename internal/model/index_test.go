package model

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// partConfig returns a configuration with zones of every type and many conflicts.
func partConfig(t *rapid.T) *Config {
	cfg := &Config{
		Nodes: map[string]*Node{"n1": {ID: "n1", Reserved: []string{"*d"}}, "n2": {ID: "n2", Reserved: []string{"va"}}},
		Zones: map[string]*Zone{
			"simple": {ID: "simple", Type: ZoneSimple, MTU: 1000},
			"vlan":   {ID: "vlan", Type: ZoneVLAN, Bridge: "vmbr0", Nodes: []string{"n1"}},
			"qinq":   {ID: "qinq", Type: ZoneQinQ, Bridge: "vmbr0", Tag: 1, MTU: 1000},
			"vxlan":  {ID: "vxlan", Type: ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
			"evpn":   {ID: "evpn", Type: ZoneEVPN, Controller: "ctl", VRFVXLAN: 2, Nodes: []string{"n2"}},
			"evpn2":  {ID: "evpn2", Type: ZoneEVPN, Controller: "none", VRFVXLAN: 2},
		},
		Controllers: map[string]*Controller{"ctl": {ID: "ctl", Type: ControllerEVPN, ASN: 1, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
	}
	for range rapid.IntRange(0, 40).Draw(t, "edits") {
		replay(cfg, nil, randomNetwork(t))
	}
	return cfg
}

// randomNetwork returns an edit of a VNet or a subnet. Objects may be invalid and their
// references missing.
func randomNetwork(t *rapid.T) Edit {
	vnet := "v" + rapid.StringMatching(`[a-e]`).Draw(t, "vnet")
	if rapid.Bool().Draw(t, "of vnet") {
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			return Edit{Kind: KindVNet, ID: vnet}
		}
		return Edit{Kind: KindVNet, ID: vnet, Put: &VNet{
			ID: vnet, Zone: rapid.SampledFrom([]string{"simple", "vlan", "qinq", "vxlan", "evpn", "evpn2", "unheardof", ""}).Draw(t, "zone"),
			Tag: rapid.SampledFrom([]int{0, 1, 2, 3, 4095, MaxTag + 1, -1}).Draw(t, "tag"), VLANAware: rapid.Bool().Draw(t, "aware"),
		}}
	}
	zone := rapid.SampledFrom([]string{"simple", "vlan", "qinq", "evpn"}).Draw(t, "subnet's zone")
	addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.SampledFrom([]int{0, 1, 64, 128}).Draw(t, "addr"))})
	bits := rapid.IntRange(22, 27).Draw(t, "bits")
	if rapid.IntRange(0, 3).Draw(t, "six") == 0 {
		addr, bits = netip.MustParseAddr(rapid.SampledFrom([]string{"fd00::", "fd00:1::", "::ffff:10.0.0.0"}).Draw(t, "addr6")), bits*3
	}
	s := &Subnet{CIDR: netip.PrefixFrom(addr, bits), VNet: vnet, SNAT: rapid.Bool().Draw(t, "snat")}
	if rapid.IntRange(0, 9).Draw(t, "no network") == 0 {
		s.CIDR = netip.Prefix{}
	}
	if rapid.Bool().Draw(t, "gateway") {
		s.Gateway = addr.Next()
	}
	s.ID = SubnetID(zone, netip.PrefixFrom(addr, bits))
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		return Edit{Kind: KindSubnet, ID: s.ID}
	}
	return Edit{Kind: KindSubnet, ID: s.ID, Put: s}
}

// replay applies edits without the checks of Config.Put, and updates an index.
func replay(cfg *Config, x *Index, edits ...Edit) {
	for _, e := range edits {
		old := cfg.Get(e.Kind, e.ID)
		if e.Put != nil {
			cfg.Set(e.Put)
		} else {
			cfg.Delete(e.Kind, e.ID)
		}
		if x != nil {
			x.Replace(old, e.Put)
		}
	}
}

// An edit changes the problems of its scope in the same way as those of the whole
// configuration, and the former are a subset of the latter, in the same order.
func TestScopeHoldsAllThatAnEditChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := partConfig(t)
		x := NewIndex(cfg)
		known := []string{"n1"}
		for range rapid.IntRange(1, 5).Draw(t, "calls") {
			var edits []Edit
			for range rapid.IntRange(1, 3).Draw(t, "batch") {
				edits = append(edits, randomNetwork(t))
			}
			old := cfg.Clone()
			in := x.Affected(cfg, edits, nil)
			replay(cfg, x, edits...)
			in = x.Affected(cfg, edits, in)

			sameIndex(t, x, NewIndex(cfg))
			follower := NewIndex(old)
			follower.Follow(old, cfg)
			sameIndex(t, follower, x)
			wholeOld, wholeNew := Validate(old, known), Validate(cfg, known)
			partOld, partNew := NewIndex(old).Validate(old, known, in), x.Validate(cfg, known, in)
			for _, p := range [][2]Problems{{wholeOld, partOld}, {wholeNew, partNew}} {
				// Problems of one part, in the order of the whole.
				if d := cmp.Diff(within(p[0], in), p[1], cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("in the scope, -whole +part:\n%s", d)
				}
			}
			if d := cmp.Diff(without(wholeOld, in), without(wholeNew, in), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("the edits %v change what is out of their scope:\n%s", edits, d)
			}
		}
	})
}

func sameIndex(t *rapid.T, got, want *Index) {
	t.Helper()
	if d := cmp.Diff(want.placed, got.placed, cmp.Comparer(func(a, b zonedSubnet) bool { return a == b }), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("placed subnets:\n%s", d)
	}
	for _, d := range []string{cmp.Diff(want.zoneOf, got.zoneOf), cmp.Diff(want.tagged, got.tagged), cmp.Diff(want.subnets, got.subnets, cmp.Comparer(func(a, b *Subnet) bool { return a == b })),
		cmp.Diff(want.gateways, got.gateways, cmp.Comparer(func(a, b *Subnet) bool { return a == b }), cmpopts.EquateComparable(gatewayKey{}))} {
		if d != "" {
			t.Fatalf("the index:\n%s", d)
		}
	}
}

func (s *Scope) has(p Problem) bool {
	return p.Kind == KindZone && s.zones[p.ID] || p.Kind == KindVNet && s.vnets[p.ID] || p.Kind == KindSubnet && s.subnets[p.ID]
}

func within(ps Problems, in *Scope) Problems {
	return slices.DeleteFunc(slices.Clone(ps), func(p Problem) bool { return !in.has(p) })
}

func without(ps Problems, in *Scope) Problems {
	return slices.DeleteFunc(slices.Clone(ps), in.has)
}

// An edit of one of very many objects has a small scope.
func TestScopeIsSmall(t *testing.T) {
	cfg := big(10_000)
	x := NewIndex(cfg)
	v := &VNet{ID: "v9000", Zone: "vx", Tag: 8991, Alias: "new"}
	edits := []Edit{{Kind: KindVNet, ID: v.ID, Put: v}}
	in := x.Affected(cfg, edits, nil)
	replay(cfg, x, edits...)
	in = x.Affected(cfg, edits, in)
	if n := len(in.zones) + len(in.vnets) + len(in.subnets); n != 3 { // the VNet, its subnet and the zone of that
		t.Errorf("%d objects in the scope: %v", n, in)
	}
}

func BenchmarkScope10000(b *testing.B) {
	cfg := big(10_000)
	x := NewIndex(cfg)
	for i := 0; b.Loop(); i++ {
		v := &VNet{ID: "v9000", Zone: "vx", Tag: 8991, Alias: fmt.Sprint(i)}
		edits := []Edit{{Kind: KindVNet, ID: v.ID, Put: v}}
		in := x.Affected(cfg, edits, nil)
		replay(cfg, x, edits...)
		in = x.Affected(cfg, edits, in)
		if got := x.Validate(cfg, nil, in); len(got) > 0 {
			b.Fatal(got)
		}
	}
}

func BenchmarkNewIndex10000(b *testing.B) {
	cfg := big(10_000)
	for b.Loop() {
		NewIndex(cfg)
	}
}
