package model

import (
	"net/netip"
	"strings"
	"testing"
)

// policyConfig returns a valid configuration with lists, maps and references to them.
func policyConfig() *Config {
	cfg := &Config{}
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	for _, o := range []Object{
		&PrefixList{ID: "nets", Entries: []PrefixEntry{
			{Action: ActionPermit, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Ge: 16, Le: 24, Seq: 10},
			{Action: ActionDeny, Prefix: netip.MustParsePrefix("::/0"), Le: 128},
		}},
		&RouteMap{ID: "in", Entries: []RouteMapEntry{
			{Order: 10, Action: ActionPermit, Match: []string{"vni=10100", "ip-address-prefix-list=nets", "peer=192.0.2.1"},
				Set: []string{"metric=+5", "ip-next-hop-unchanged", "tag=untagged", "local-preference=-1"}, ExitAction: "continue=20"},
			{Order: 20, Action: ActionDeny, Call: "out"},
		}},
		&RouteMap{ID: "out", Entries: []RouteMapEntry{{Order: 1, Action: ActionPermit}}},
		&Fabric{ID: "fab", Protocol: FabricBGP, IPPrefix: netip.MustParsePrefix("10.1.0.0/24"), RouteFilter: "nets", RouteMapIn: "in", RouteMapOut: "out",
			Redistribute: []Redistribution{{Source: "connected", Metric: "4294967295", RouteMap: "out"}, {Source: "ospf6"}}},
		&Fabric{ID: "ring", Protocol: FabricOSPF, Area: "0", IPPrefix: netip.MustParsePrefix("10.2.0.0/24"), Redistribute: []Redistribution{{Source: "bgp"}}},
		&Controller{ID: "one", Type: ControllerEVPN, ASN: 65000, Peers: peers, RouteMapIn: "in", RouteMapOut: "out"},
		&Controller{ID: "two", Type: ControllerEVPN, ASN: 65001, Peers: peers, PeerGroupName: "TWO", BGPMode: ModeExternal, EBGPMultihop: 3, Nodes: []string{"node1"}},
		&Controller{ID: "three", Type: ControllerEVPN, ASN: 65001, Peers: peers, PeerGroupName: "TWO", Nodes: []string{"node2"}},
		&Zone{ID: "zone1", Type: ZoneEVPN, Controller: "one", SecondaryControllers: []string{"two"}, VRFVXLAN: 9},
	} {
		must(cfg.Put(o))
	}
	return cfg
}

func TestPolicies(t *testing.T) {
	in := func(c *Config) *RouteMapEntry { return &c.RouteMaps["in"].Entries[0] }
	tests := []struct {
		name   string
		change func(*Config)
		want   string // part of the only problem; empty for none
	}{
		{"good", func(*Config) {}, ""},
		{"list's name", func(c *Config) { must(c.Put(&PrefixList{ID: "a.b", Entries: c.PrefixLists["nets"].Entries})) }, `prefix-list a.b: id "a.b": is not the name of a prefix list`},
		{"list's name is too long", func(c *Config) {
			must(c.Put(&PrefixList{ID: strings.Repeat("x", 33), Entries: c.PrefixLists["nets"].Entries}))
		}, "use 1 to 32 letters"},
		{"reserved list", func(c *Config) { must(c.Put(&PrefixList{ID: "only_default", Entries: c.PrefixLists["nets"].Entries})) }, "is the name of a list that is generated"},
		{"empty list", func(c *Config) { must(c.Put(&PrefixList{ID: "none"})) }, "so it permits nothing"},
		{"action", func(c *Config) { c.PrefixLists["nets"].Entries[0].Action = "allow" }, `entries[0].action "allow": is not an action: use permit or deny`},
		{"no prefix", func(c *Config) { c.PrefixLists["nets"].Entries[1].Prefix = netip.Prefix{} }, "entries[1].prefix: is missing"},
		{"host bits", func(c *Config) { c.PrefixLists["nets"].Entries[0].Prefix = netip.MustParsePrefix("10.0.0.1/8") }, "write 10.0.0.0/8"},
		{"ge below the mask", func(c *Config) { c.PrefixLists["nets"].Entries[0].Ge = 7 }, `entries[0].ge "7": is not a length of networks in 10.0.0.0/8: use 8 to 32`},
		{"le below ge", func(c *Config) { c.PrefixLists["nets"].Entries[0].Le = 15 }, `entries[0].le "15": is not a length of networks in 10.0.0.0/8: use 16 to 32`},
		{"le too long", func(c *Config) { c.PrefixLists["nets"].Entries[0].Le = 33 }, "use 16 to 32"},
		{"seq twice", func(c *Config) { c.PrefixLists["nets"].Entries[1].Seq = 10 }, `entries[1].seq "10": is already that of entries[0]`},
		{"reserved map", func(c *Config) { must(c.Put(&RouteMap{ID: "pve_x", Entries: c.RouteMaps["out"].Entries})) }, "is the name of a map that is generated"},
		{"replaced map", func(c *Config) { must(c.Put(&RouteMap{ID: "MAP_VTEP_IN_TWO", Entries: c.RouteMaps["out"].Entries})) }, "replaces the map that is generated"},
		{"order", func(c *Config) { in(c).Order = 0 }, "entries[0].order: is missing, or 0"},
		{"order too large", func(c *Config) { c.RouteMaps["out"].Entries[0].Order = 65536 }, "use 1 to 65535"},
		{"order twice", func(c *Config) { c.RouteMaps["in"].Entries[1].Order = 10 }, `entries[1].order "10": is already that of entries[0]`},
		{"match misspelt", func(c *Config) { in(c).Match[0] = "vnis=1" }, `entries[0].match[0] "vnis=1": is not known; did you mean vni?`},
		{"match value", func(c *Config) { in(c).Match[0] = "vni=16777216" }, "it is a VXLAN network identifier, 1 to 16777215"},
		{"match twice", func(c *Config) { in(c).Match[2] = "vni=5" }, "is given twice"},
		{"match without value", func(c *Config) { in(c).Match[0] = "vni" }, "lacks its value: write vni=..."},
		{"unknown list", func(c *Config) { in(c).Match[1] = "ip-address-prefix-list=net" }, `"net": does not exist: prefix-list net is used by route-map in; did you mean nets?`},
		{"set value", func(c *Config) { in(c).Set[0] = "metric=fast" }, "has a value that does not fit"},
		{"set without value", func(c *Config) { in(c).Set[1] = "ip-next-hop-unchanged=1" }, "takes no value"},
		{"unknown call", func(c *Config) { in(c).Call = "nowhere" }, `entries[0].call "nowhere": does not exist`},
		{"circle", func(c *Config) { c.RouteMaps["out"].Entries[0].Call = "in" }, `route-map in: entries "in -> out -> in": calls itself`},
		{"next", func(c *Config) { in(c).ExitAction = "on-match-next=3" }, "takes no value"},
		{"onward from a denied route", func(c *Config) { c.RouteMaps["in"].Entries[1].ExitAction = ExitNext }, "has no effect on routes that are denied"},
		{"back", func(c *Config) { in(c).ExitAction = "on-match-goto=10" }, "leads to no later entry"},
		{"exit", func(c *Config) { in(c).ExitAction = "stop" }, "use on-match-next, on-match-goto=N or continue=N"},
		{"list in use", func(c *Config) { delete(c.PrefixLists, "nets"); in(c).Match = nil }, `fabric fab: route-filter "nets": does not exist`},
		{"list of the other family", func(c *Config) { c.PrefixLists["nets"].Entries = c.PrefixLists["nets"].Entries[1:] }, "has no network of the family of 10.1.0.0/24"},
		{"source", func(c *Config) { c.Fabrics["ring"].Redistribute[0].Source = "isis" }, `redistribute[0].source "isis": is not a source that a fabric of ospf can advertise`},
		{"source twice", func(c *Config) { c.Fabrics["fab"].Redistribute[1].Source = "connected" }, "is given twice"},
		{"metric", func(c *Config) { c.Fabrics["ring"].Redistribute[0].Metric = "16777215" }, "use 0 to 16777214"},
		{"source's map", func(c *Config) { c.Fabrics["ring"].Redistribute[0].RouteMap = "nope" }, `redistribute[0].route-map "nope": does not exist`},
		{"map of another protocol", func(c *Config) { c.Fabrics["ring"].RouteMapIn = "in" }, "is not an option of an ospf fabric, only of bgp"},
		{"controller's map", func(c *Config) { c.Controllers["one"].RouteMapIn = "ni" }, `controller one: route-map-in "ni": does not exist`},
		{"group twice", func(c *Config) { c.Controllers["two"].PeerGroupName = "" }, `controller two: peer-group-name "VTEP": is already that of controller one, which runs on node node1 too`},
		{"group twice on a node", func(c *Config) { c.Controllers["three"].Nodes = nil }, "is already that of controller three, which runs on node node1 too"},
		{"group of a fabric", func(c *Config) { c.Controllers["two"].PeerGroupName = "fab" }, "is the peer group of fabric fab"},
		{"group of bgp", func(c *Config) { c.Controllers["two"].PeerGroupName = "BGP" }, "is the peer group of bgp controllers"},
		{"group like an address", func(c *Config) { c.Controllers["two"].PeerGroupName = "10.0.0.1" }, "is not a name: use 2 to 64 letters"},
		{"mode", func(c *Config) { c.Controllers["two"].BGPMode = "both" }, "use auto, external or internal"},
		{"hops", func(c *Config) { c.Controllers["two"].EBGPMultihop = 256 }, "use 1 to 255"},
		{"hops without need", func(c *Config) { c.Controllers["two"].BGPMode = ModeInternal }, "has no effect with bgp-mode internal"},
		{"node unknown", func(c *Config) { c.Controllers["two"].Nodes = []string{"node7"} }, "has not joined"},
		{"secondary twice", func(c *Config) { c.Zones["zone1"].SecondaryControllers[0] = "one" }, "is a controller of the zone already"},
		{"secondary unknown", func(c *Config) { c.Zones["zone1"].SecondaryControllers[0] = "tow" }, `secondary-controllers "tow": does not exist: controller tow is used by zone zone1; did you mean two?`},
		{"zone without controller on a node", func(c *Config) {
			z := c.Zones["zone1"]
			z.Controller, z.SecondaryControllers, z.Nodes = "two", nil, []string{"node1", "node2"}
		}, "does not run on node node2 of the zone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := policyConfig()
			tt.change(cfg)
			got := Validate(cfg, []string{"node1", "node2"})
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("unexpected: %v", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), tt.want)):
				t.Errorf("got %q, want one with %q", got.Error(), tt.want)
			}
		})
	}
}

func TestNumbered(t *testing.T) {
	l := &PrefixList{Entries: []PrefixEntry{{}, {Seq: 7}, {}}}
	for i, want := range []int{12, 7, 17} {
		if got := l.Numbered()[i].Seq; got != want {
			t.Errorf("entry %d: %d, want %d", i, got, want)
		}
	}
	if l.Entries[0].Seq != 0 {
		t.Error("the list itself was changed")
	}
}

// Every condition and change accepts the values described by its Form, and none that would
// break out of a line.
func TestClauseValues(t *testing.T) {
	for _, keys := range []map[string]ClauseValue{MatchKeys, SetKeys} {
		for key, v := range keys {
			if (v.Form == "") != (v.Valid == nil && !v.PrefixList) {
				t.Errorf("%s: %+v", key, v)
			}
			for _, bad := range []string{"", " ", "a b", "1\n2", "-", "+", "4294967296", "1.2.3", "fe80::1%eth0"} {
				device := key == "peer" && (bad == "1.2.3" || bad == "4294967296") // the kernel accepts these names
				if v.Valid != nil && v.Valid(bad) && !device {
					t.Errorf("%s takes %q", key, bad)
				}
			}
		}
	}
}
