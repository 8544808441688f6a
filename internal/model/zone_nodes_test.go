package model

import (
	"net/netip"
	"strings"
	"testing"
)

// outConfig returns an EVPN zone with an exit node, and a simple zone.
func outConfig(t *testing.T) *Config {
	cfg := &Config{}
	for _, o := range []Object{
		&Controller{ID: "ctl", Type: ControllerEVPN, ASN: 65000, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		&Zone{ID: "zone1", Type: ZoneEVPN, Controller: "ctl", VRFVXLAN: 9, ExitNodes: []string{"node1"}},
		&VNet{ID: "net1", Zone: "zone1", Tag: 10},
		&Subnet{ID: SubnetID("zone1", netip.MustParsePrefix("10.0.0.0/24")), CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "net1", Gateway: netip.MustParseAddr("10.0.0.1")},
		&Zone{ID: "zone2", Type: ZoneSimple},
	} {
		if err := cfg.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

func TestEgress(t *testing.T) {
	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	tests := []struct {
		name   string
		change func(evpn, simple *Zone)
		want   string // of the only problem; empty for none
	}{
		{"nothing", func(_, _ *Zone) {}, ""},
		{"next hops", func(z, _ *Zone) { z.ExitNodesVia = addrs("192.0.2.254", "2001:db8::1") }, ""},
		{"interface", func(z, _ *Zone) { z.ExitNodesInterface = "eth1" }, ""},
		{"both", func(z, _ *Zone) {
			z.ExitNodesInterface, z.ExitNodesVia = "eth1", addrs("fe80::1", "192.0.2.254")
		}, ""},
		{"table", func(z, _ *Zone) { z.ExitNodesTable = 4294967295 }, ""},
		{"no interface", func(z, _ *Zone) { z.ExitNodesInterface = "eth 1" }, `zone zone1: exitnodes-interface "eth 1": is not the name of an interface`},
		{"a VNet", func(z, _ *Zone) { z.ExitNodesInterface = "net1" }, "is a VNet, from which nothing leads out"},
		{"unspecified", func(z, _ *Zone) { z.ExitNodesVia = addrs("0.0.0.0") }, "is not a next hop"},
		{"multicast", func(z, _ *Zone) { z.ExitNodesVia = addrs("224.0.0.1") }, "is not a next hop"},
		{"link-local alone", func(z, _ *Zone) { z.ExitNodesVia = addrs("192.0.2.254", "fe80::1") }, "set exitnodes-interface"},
		{"two of a family", func(z, _ *Zone) { z.ExitNodesVia = addrs("192.0.2.254", "192.0.2.253") }, "is a second next hop of its address family in addition to 192.0.2.254"},
		{"the other family", func(z, _ *Zone) { z.ExitNodesVia = addrs("2001:db8::1") }, `subnet zone1-10.0.0.0-24: gateway "10.0.0.1": leads its guests through zone zone1, but not out of it`},
		{"table negative", func(z, _ *Zone) { z.ExitNodesTable = -1 }, "is not the number of a routing table"},
		{"table too large", func(z, _ *Zone) { z.ExitNodesTable = 1 << 32 }, "is not the number of a routing table"},
		{"main", func(z, _ *Zone) { z.ExitNodesTable = 254 }, "is a table of the kernel's own"},
		{"table and interface", func(z, _ *Zone) { z.ExitNodesTable, z.ExitNodesInterface = 100, "eth1" }, "excludes exitnodes-interface"},
		{"without exit nodes", func(z, _ *Zone) { z.ExitNodesTable, z.ExitNodes = 100, nil }, `exitnodes-table "100": has no effect without exitnodes`},
		{"next hops without exit nodes", func(z, _ *Zone) { z.ExitNodesVia, z.ExitNodes = addrs("192.0.2.254"), nil }, `exitnodes-via "192.0.2.254": has no effect without exitnodes`},
		{"of a simple zone", func(_, z *Zone) { z.ExitNodesInterface = "eth1" }, "is not an option of a simple zone"},

		{"networks", func(z, s *Zone) { z.NodeNetworks, s.NodeNetworks = NodeNetworksAll, NodeNetworksNone }, ""},
		{"networks misspelt", func(z, _ *Zone) { z.NodeNetworks = "some" }, "use all, snat or none"},
		{"networks without exit nodes", func(z, _ *Zone) { z.NodeNetworks, z.ExitNodes = NodeNetworksNone, nil }, `node-networks "none": has no effect without exitnodes`},
		{"snat beside a way out", func(z, _ *Zone) { z.NodeNetworks, z.ExitNodesTable = NodeNetworksSNAT, 100 }, "excludes a declared egress"},
		{"services", func(z, s *Zone) {
			z.NodeServices, s.NodeServices = []string{"tcp/22", "udp/8000-8100"}, []string{"none"}
		}, ""},
		{"none and others", func(z, _ *Zone) { z.NodeServices = []string{"tcp/22", "none"} }, "excludes the other services"},
		{"twice", func(z, _ *Zone) { z.NodeServices = []string{"tcp/22", "tcp/22"} }, "is listed twice"},
		{"no protocol", func(z, _ *Zone) { z.NodeServices = []string{"22"} }, `node-services "22": is not a service of the nodes`},
		{"another protocol", func(z, _ *Zone) { z.NodeServices = []string{"icmp/8"} }, "write protocol and ports"},
		{"port 0", func(z, _ *Zone) { z.NodeServices = []string{"tcp/0"} }, "write protocol and ports"},
		{"port too large", func(z, _ *Zone) { z.NodeServices = []string{"tcp/65536"} }, "write protocol and ports"},
		{"backwards", func(z, _ *Zone) { z.NodeServices = []string{"tcp/20-10"} }, "write protocol and ports"},
		{"of a vlan zone", func(_, z *Zone) { z.Type, z.Bridge, z.NodeServices = ZoneVLAN, "vmbr0", []string{"none"} }, "is not an option of a vlan zone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := outConfig(t)
			tt.change(cfg.Zones["zone1"], cfg.Zones["zone2"])
			got := Validate(cfg, []string{"node1"})
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("unexpected: %v", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), tt.want)):
				t.Errorf("got %q, want one with %q", got.Error(), tt.want)
			}
		})
	}
}

func TestNetworksByDefault(t *testing.T) {
	for want, z := range map[NodeNetworks]*Zone{
		NodeNetworksAll:  {Type: ZoneSimple},
		NodeNetworksSNAT: {Type: ZoneEVPN},
		NodeNetworksNone: {Type: ZoneEVPN, ExitNodesTable: 100},
	} {
		if got := z.Networks(); got != want {
			t.Errorf("%+v: %s, want %s", z, got, want)
		}
	}
}

// A VXLAN zone has the properties of a router with anycast-gateway only.
func TestAnycastGateway(t *testing.T) {
	tests := []struct {
		name   string
		change func(z *Zone, s *Subnet)
		want   string // of the only problem; empty for none
	}{
		{"routed", func(z *Zone, s *Subnet) {
			z.AnycastGateway, z.MAC, z.NodeNetworks, z.NodeServices, s.SNAT = true, "BC:24:11:00:00:01", NodeNetworksNone, []string{"tcp/22"}, true
		}, ""},
		{"MAC address alone", func(z *Zone, _ *Subnet) { z.MAC = "BC:24:11:00:00:01" }, `mac "BC:24:11:00:00:01": has no effect`},
		{"networks alone", func(z *Zone, _ *Subnet) { z.NodeNetworks = NodeNetworksNone }, `node-networks "none": has no effect`},
		{"services alone", func(z *Zone, _ *Subnet) { z.NodeServices = []string{"tcp/22"} }, `node-services "tcp/22": has no effect`},
		{"snat alone", func(_ *Zone, s *Subnet) { s.SNAT = true }, "or a vxlan zone with anycast-gateway"},
		{"group MAC address", func(z *Zone, _ *Subnet) { z.AnycastGateway, z.MAC = true, "01:00:5e:00:00:01" }, "is not a MAC address"},
		{"of a simple zone", func(z *Zone, _ *Subnet) { z.AnycastGateway, z.Type, z.Peers = true, ZoneSimple, nil }, "is not an option of a simple zone"},
	}
	for _, c := range tests {
		z := &Zone{ID: "zone1", Type: ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
		s := &Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "net1", Gateway: netip.MustParseAddr("10.0.0.1")}
		c.change(z, s)
		cfg := &Config{}
		v := &VNet{ID: "net1", Zone: "zone1", Tag: 10}
		if z.Type == ZoneSimple {
			v.Tag = 0
		}
		for _, o := range []Object{z, v, s} {
			if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		}
		problems := Validate(cfg, []string{"node1"})
		switch {
		case c.want == "" && len(problems) > 0, c.want != "" && len(problems) != 1:
			t.Errorf("%s: problems %v, want %q", c.name, problems, c.want)
		case c.want != "" && !strings.Contains(problems[0].String(), c.want):
			t.Errorf("%s: %s, want %q", c.name, problems[0], c.want)
		}
	}
}
