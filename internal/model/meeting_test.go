package model

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// meetingConfig returns random zones of all types on some of three nodes, with networks that
// often overlap.
func meetingConfig(t *rapid.T) *Config {
	cfg := &Config{}
	must(cfg.Put(&Controller{ID: "ctl", Type: ControllerEVPN, ASN: 65000, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}))
	nodes := func(label string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"node1", "node2", "node3"}), 0, 3, rapid.ID).Draw(t, label)
	}
	for i := range rapid.IntRange(2, 5).Draw(t, "zones") {
		z := &Zone{ID: fmt.Sprint("z", i), Type: rapid.SampledFrom([]ZoneType{ZoneSimple, ZoneSimple, ZoneEVPN, ZoneVXLAN}).Draw(t, "type")}
		switch z.Type {
		case ZoneSimple:
			z.Nodes = nodes("nodes")
		case ZoneEVPN:
			z.Controller, z.VRFVXLAN, z.ExitNodes = "ctl", 100+i, nodes("exits")
		case ZoneVXLAN:
			z.Peers = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
			z.AnycastGateway, z.Nodes = rapid.Bool().Draw(t, "anycast"), nodes("nodes")
		}
		must(cfg.Put(z))
		v := &VNet{ID: fmt.Sprint("v", i), Zone: z.ID}
		if z.Type != ZoneSimple {
			v.Tag = 1000 + i
		}
		must(cfg.Put(v))
		for range rapid.IntRange(0, 3).Draw(t, "subnets") {
			must(cfg.Put(&Subnet{CIDR: meetingNetwork(t), VNet: v.ID}))
		}
	}
	return cfg
}

func meetingNetwork(t *rapid.T) netip.Prefix {
	addr := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 1).Draw(t, "b")), byte(rapid.SampledFrom([]int{0, 128}).Draw(t, "c")), 0})
	return netip.PrefixFrom(addr, rapid.IntRange(14, 26).Draw(t, "bits")).Masked()
}

// bruteForceOverlaps returns the subnets that overlap one of another zone on a node with both
// in its routing table, by comparing all pairs.
func bruteForceOverlaps(cfg *Config) map[string]bool {
	has := func(z *Zone, node string) bool {
		return (z.Type == ZoneSimple || z.AnycastGateway) && z.OnNode(node) || z.Type == ZoneEVPN && slices.Contains(z.ExitNodes, node)
	}
	out := map[string]bool{}
	for id, s := range cfg.Subnets {
		for _, o := range cfg.Subnets {
			a, b := cfg.Zones[cfg.VNets[s.VNet].Zone], cfg.Zones[cfg.VNets[o.VNet].Zone]
			for _, node := range []string{"node1", "node2", "node3"} {
				if a != b && s.CIDR.Overlaps(o.CIDR) && has(a, node) && has(b, node) {
					out[id] = true
				}
			}
		}
	}
	return out
}

// reportedOverlaps returns the subnets with such a problem.
func reportedOverlaps(ps Problems) map[string]bool {
	out := map[string]bool{}
	for _, p := range ps {
		if p.Kind == KindSubnet && p.Severity == Error && !p.Lax && strings.Contains(p.Message, "which the same nodes route") {
			out[p.ID] = true
		}
	}
	return out
}

// A network that overlaps one of another zone in a routing table is refused, whichever of the
// two is wider, in both interfaces; and the validation of the edit alone finds the same as
// that of the whole.
func TestNetworksThatMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := meetingConfig(t)
		if got, want := reportedOverlaps(Validate(cfg, nil)), bruteForceOverlaps(cfg); !maps.Equal(got, want) {
			t.Fatalf("told of %v, but those that meet are %v", got, want)
		}
		s := &Subnet{CIDR: meetingNetwork(t), VNet: rapid.SampledFrom(slices.Sorted(maps.Keys(cfg.VNets))).Draw(t, "vnet")}
		must(cfg.Put(s))
		x := NewIndex(cfg)
		scope := x.Affected(cfg, []Edit{{Kind: KindSubnet, ID: s.ID, Put: s}}, nil)
		got := reportedOverlaps(x.Validate(cfg, nil, scope))
		if want := bruteForceOverlaps(cfg); got[s.ID] != want[s.ID] {
			t.Fatalf("validated alone %s is told of: %v, want %v", s.ID, got[s.ID], want[s.ID])
		}
	})
}

// A problem with another tenant's network can be reported without naming it.
func TestMeetingIsVeiled(t *testing.T) {
	cfg := &Config{}
	for i, cidr := range []string{"10.0.0.0/24", "10.0.0.128/25"} {
		must(cfg.Put(&Zone{ID: fmt.Sprint("z", i), Type: ZoneSimple}))
		must(cfg.Put(&VNet{ID: fmt.Sprint("v", i), Zone: fmt.Sprint("z", i)}))
		must(cfg.Put(&Subnet{CIDR: netip.MustParsePrefix(cidr), VNet: fmt.Sprint("v", i)}))
	}
	problems := Validate(cfg, nil).Errors(true)
	if len(problems) != 2 {
		t.Fatalf("got %v", problems)
	}
	other := map[string]string{"z0-10.0.0.0-24": "z1-10.0.0.128-25", "z1-10.0.0.128-25": "z0-10.0.0.0-24"}
	for _, p := range problems {
		zone, _, _ := strings.Cut(other[p.ID], "-")
		if p.About != Ref(KindSubnet, other[p.ID]) || !strings.Contains(p.Message, "zone "+zone) {
			t.Errorf("%+v is not about %s", p, other[p.ID])
		}
		if v := p.Veiled(); strings.Contains(v.Message, zone) || v.Field != "cidr" {
			t.Errorf("veiled, it says %s", v)
		}
	}
}
