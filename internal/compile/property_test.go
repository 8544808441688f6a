package compile_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// objects draws a valid configuration of up to 20 VNets, as a list to be put in
// any order of the VNets and subnets among themselves.
func objects(t *rapid.T) (zones, vnets, subnets []model.Object) {
	peers := []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")}
	zones = []model.Object{
		&model.Zone{ID: "sa", Type: model.ZoneSimple},
		&model.Zone{ID: "sb", Type: model.ZoneSimple, Nodes: []string{"node1"}},
		&model.Zone{ID: "xa", Type: model.ZoneVXLAN, Peers: peers},
		&model.Zone{ID: "xb", Type: model.ZoneVXLAN, Peers: peers, Nodes: []string{"node2"}},
	}
	for i := range rapid.IntRange(0, 20).Draw(t, "vnets") {
		z := zones[rapid.IntRange(0, 3).Draw(t, "zone")].(*model.Zone)
		v := &model.VNet{ID: fmt.Sprintf("v%d", i), Zone: z.ID}
		if z.Type == model.ZoneVXLAN {
			v.Tag = i + 1
		}
		vnets = append(vnets, v)
		if rapid.Bool().Draw(t, "subnet") {
			s := &model.Subnet{CIDR: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/24", i)), VNet: v.ID, SNAT: rapid.Bool().Draw(t, "snat")}
			if rapid.Bool().Draw(t, "gateway") {
				s.Gateway = netip.MustParseAddr(fmt.Sprintf("10.%d.0.1", i))
			}
			subnets = append(subnets, s)
		}
	}
	return zones, vnets, subnets
}

func factsOf(node string) *model.Facts {
	return &model.Facts{Node: node, Interfaces: []model.Interface{
		{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0." + node[4:] + "/24")}},
	}}
}

func compiled(t *rapid.T, node string, groups ...[]model.Object) *desired.Node {
	cfg := &model.Config{}
	for _, objs := range groups {
		for _, o := range objs {
			if s, ok := o.(*model.Subnet); ok { // Put completes it in place
				c := *s
				o = &c
			}
			if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	n, _ := compile.Node(compile.Project(cfg, nil, 1, node), factsOf(node))
	return n
}

// The result depends on what is declared, not on the order it was declared in.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones, vnets, subnets := objects(t)
		a := compiled(t, "node1", zones, vnets, subnets)
		b := compiled(t, "node1", rapid.Permutation(zones).Draw(t, "z"), rapid.Permutation(vnets).Draw(t, "v"), rapid.Permutation(subnets).Draw(t, "s"))
		if d := cmp.Diff(a, b, cmp.Comparer(func(x, y netip.Addr) bool { return x == y }), cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); d != "" {
			t.Fatal(d)
		}
		if a.Hash() != b.Hash() {
			t.Fatal("equal states have different hashes")
		}
	})
}

// What a node gets is consistent in itself: names are unique and fit the
// kernel, and everything refers to a link that is there.
func TestStatesAreConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones, vnets, subnets := objects(t)
		for _, node := range []string{"node1", "node2"} {
			n := compiled(t, node, zones, vnets, subnets)
			links := map[string]bool{}
			vnis := map[uint32]bool{}
			for _, l := range n.Links {
				if links[l.Name] || len(l.Name) > 15 || l.Owner == "" {
					t.Fatalf("link %+v", l)
				}
				links[l.Name] = true
				if l.VXLAN != nil {
					if vnis[l.VXLAN.ID] {
						t.Fatalf("VXLAN %d twice on %s", l.VXLAN.ID, node)
					}
					vnis[l.VXLAN.ID] = true
					if l.VXLAN.Local != netip.MustParseAddr("192.168.0."+node[4:]) {
						t.Fatalf("%s uses the tunnel end %s", node, l.VXLAN.Local)
					}
				}
			}
			for _, l := range n.Links {
				if l.Master != "" && !links[l.Master] {
					t.Fatalf("%s has no master %s", l.Name, l.Master)
				}
			}
			for _, a := range n.Addresses {
				if !links[a.Link] {
					t.Fatalf("address %s on no link", a.Prefix)
				}
			}
			for _, nb := range n.Neighbours {
				if !links[nb.Link] || nb.Dst == netip.MustParseAddr("192.168.0."+node[4:]) {
					t.Fatalf("neighbour %+v on %s", nb, node)
				}
			}
		}
	})
}

// A node gets all of firewalls that it needs: its document compiles to what the whole
// configuration would.
func TestFirewallsAreProjected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones, vnets, subnets := objects(t)
		cfg, live := &model.Config{}, &model.Config{}
		for _, objs := range [][]model.Object{zones, vnets, subnets} {
			for _, o := range objs {
				if err := cfg.Put(o); err != nil {
					t.Fatal(err)
				}
			}
		}
		vnet := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("v%d", rapid.IntRange(0, 20).Draw(t, "n")) })
		peer := rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"", "10.0.0.1", "dc/alias1", "alias2", "+dc/set1", "+set2", "+sdn/guest-ipam-100", "+sdn/" + vnet.Draw(t, "of") + "-no-gateway"}).Draw(t, "peer")
		})
		rules := rapid.Custom(func(t *rapid.T) []model.FirewallRule {
			var out []model.FirewallRule
			for range rapid.IntRange(0, 3).Draw(t, "rules") {
				out = append(out, model.FirewallRule{Type: model.RuleForward, Action: model.FirewallDrop, Source: peer.Draw(t, "source"), Dest: peer.Draw(t, "dest")})
			}
			return out
		})
		live.Set(&model.Firewall{ID: model.FirewallDatacenter, Enable: rapid.Bool().Draw(t, "on")})
		for i := 1; i <= 2; i++ {
			live.Set(&model.Alias{ID: fmt.Sprintf("alias%d", i), CIDR: "192.0.2.0/24"})
			live.Set(&model.IPSet{ID: fmt.Sprintf("set%d", i), Entries: []model.IPSetEntry{{CIDR: "alias2"}, {CIDR: "10.0.0.9", NoMatch: true}}})
			live.Set(&model.SecurityGroup{ID: fmt.Sprintf("group%d", i), Rules: rules.Draw(t, "group")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "firewalls") {
			f := &model.Firewall{ID: vnet.Draw(t, "vnet"), Enable: rapid.Bool().Draw(t, "enable"), MACFilter: rapid.Bool().Draw(t, "mac"), Rules: rules.Draw(t, "rules")}
			if rapid.Bool().Draw(t, "with a group") {
				f.Rules = append(f.Rules, model.FirewallRule{Type: model.RuleGroup, Action: rapid.SampledFrom([]string{"group1", "group2"}).Draw(t, "group")})
			}
			live.Set(f)
		}
		for _, node := range []string{"node1", "node2"} {
			part := compile.Project(cfg, live, 1, node)
			whole := *part
			whole.Config = *cfg
			whole.Config.Aliases, whole.Config.IPSets, whole.Config.SecurityGroups, whole.Config.Firewalls = live.Aliases, live.IPSets, live.SecurityGroups, live.Firewalls
			got, _ := compile.Node(part, factsOf(node))
			want, _ := compile.Node(&whole, factsOf(node))
			if d := cmp.Diff(want.Tables, got.Tables); d != "" {
				t.Fatal(d)
			}
		}
	})
}
