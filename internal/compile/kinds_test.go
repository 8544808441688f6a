package compile_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/naming"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The nodes of the properties below.
var nodeNames = []string{"node1", "node2", "node3"}

var nodePeers = []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2"), netip.MustParseAddr("192.168.0.3")}

// someNodes draws a list of nodes, none of which means all.
func someNodes(t *rapid.T, label string) []string {
	var out []string
	for _, n := range nodeNames {
		if rapid.Bool().Draw(t, label+n) {
			out = append(out, n)
		}
	}
	return out
}

// underlays draws fabrics with their nodes, and controllers over them or over
// plain addresses.
func underlays(t *rapid.T) (objs []model.Object) {
	for i, protocol := range []model.FabricProtocol{model.FabricOpenFabric, model.FabricOSPF, model.FabricBGP} {
		f := &model.Fabric{ID: "fab" + string(protocol[:2]), Protocol: protocol, IPPrefix: netip.MustParsePrefix(fmt.Sprintf("10.255.%d.0/24", i))}
		switch protocol {
		case model.FabricOSPF:
			f.Area = "0"
			f.Redistribute = []model.Redistribution{{Source: "static", RouteMap: someMap(t, "static")}}
		case model.FabricBGP:
			f.RouteMapIn, f.RouteMapOut = someMap(t, "in"), someMap(t, "out")
		case model.FabricOpenFabric:
			f.RouteFilter = rapid.SampledFrom([]string{"", "list0", "list1"}).Draw(t, "filter")
		}
		objs = append(objs, f)
		for k, node := range nodeNames {
			if rapid.IntRange(0, 3).Draw(t, "member") == 0 {
				continue
			}
			m := &model.FabricNode{Fabric: f.ID, Node: node, IP: netip.MustParseAddr(fmt.Sprintf("10.255.%d.%d", i, k+1)), Interfaces: []model.FabricInterface{{Name: "eth1"}}}
			if protocol == model.FabricBGP {
				m.ASN = 65100 + k
			}
			objs = append(objs, m)
		}
	}
	objs = append(objs, policies(t)...)
	objs = append(objs,
		&model.Controller{ID: "direct", Type: model.ControllerEVPN, ASN: 65000, Peers: nodePeers, Nodes: someNodes(t, "direct")},
		&model.Controller{ID: "fabric", Type: model.ControllerEVPN, ASN: 65000, Fabric: "fabop", PeerGroupName: "FAB", RouteMapIn: someMap(t, "in"), RouteMapOut: someMap(t, "out")},
		&model.Controller{
			ID: "outside", Type: model.ControllerEVPN, ASN: 65000 + rapid.IntRange(0, 1).Draw(t, "asn"), Peers: []netip.Addr{netip.MustParseAddr("192.168.0.253")},
			Nodes: someNodes(t, "outside"), PeerGroupName: "OUT", BGPMode: rapid.SampledFrom(model.BGPModes()).Draw(t, "mode"), RouteMapIn: someMap(t, "in"),
		})
	for _, node := range nodeNames {
		switch rapid.IntRange(0, 2).Draw(t, "controller") {
		case 1:
			objs = append(objs, &model.Controller{ID: "bgp" + node, Type: model.ControllerBGP, Node: node, ASN: 65000 + rapid.IntRange(0, 1).Draw(t, "asn"),
				EBGP: rapid.Bool().Draw(t, "ebgp"), RouteMapOut: someMap(t, "bgp"), Peers: []netip.Addr{netip.MustParseAddr("192.168.0.254")}})
		case 2:
			objs = append(objs, &model.Controller{ID: "isis" + node, Type: model.ControllerISIS, Node: node, ISISDomain: "dom", ISISNet: "49.0001.1921.6800.1002.00", ISISIfaces: []string{"eth1"}})
		}
	}
	return objs
}

// zonesOfEveryKind draws zones, each with VNets and, where they are routed, subnets.
func zonesOfEveryKind(t *rapid.T) (objs []model.Object) {
	for i := range rapid.IntRange(0, 6).Draw(t, "zones") {
		z := &model.Zone{ID: fmt.Sprintf("z%d", i), Type: rapid.SampledFrom(model.ZoneTypes()).Draw(t, "type"), Nodes: someNodes(t, "nodes")}
		switch z.Type {
		case model.ZoneVLAN, model.ZoneQinQ:
			z.Bridge = rapid.SampledFrom([]string{"plain0", "aware0", "ovs0", "gone0", "eth0"}).Draw(t, "bridge")
			if z.Type == model.ZoneQinQ {
				z.Tag, z.VLANProtocol = 20+i, rapid.SampledFrom([]string{"", model.Protocol8021AD}).Draw(t, "protocol")
			}
		case model.ZoneVXLAN:
			if z.Peers = nodePeers; rapid.Bool().Draw(t, "fabric") {
				z.Peers, z.Fabric = nil, rapid.SampledFrom([]string{"fabop", "fabos", "fabbg"}).Draw(t, "fabric id")
			}
		case model.ZoneEVPN:
			z.Controller, z.VRFVXLAN = rapid.SampledFrom([]string{"direct", "fabric"}).Draw(t, "controller"), 10000+i
			z.SecondaryControllers = slices.DeleteFunc(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"direct", "fabric", "outside"}), 0, 2, rapid.ID).Draw(t, "secondary"),
				func(id string) bool { return id == z.Controller })
			z.ExitNodes = someNodes(t, "exit")
			if len(z.ExitNodes) > 0 && rapid.Bool().Draw(t, "primary") {
				z.ExitNodesPrimary = z.ExitNodes[0]
			}
			z.ExitNodesLocalRouting = rapid.Bool().Draw(t, "local routing")
			z.AdvertiseSubnets = rapid.Bool().Draw(t, "advertise")
			z.DisableARPNDSuppression = rapid.Bool().Draw(t, "suppression")
		case model.ZoneSimple:
		}
		objs = append(objs, z)
		for k := range rapid.IntRange(0, 3).Draw(t, "vnets") {
			v := &model.VNet{ID: fmt.Sprintf("v%dx%d", i, k), Zone: z.ID, VLANAware: z.Type != model.ZoneEVPN && z.Type != model.ZoneSimple && rapid.Bool().Draw(t, "aware")}
			if z.Type != model.ZoneSimple {
				v.Tag = 100*(i+1) + k
			}
			objs = append(objs, v)
			if z.Type != model.ZoneSimple && z.Type != model.ZoneEVPN {
				continue
			}
			for _, p := range []string{fmt.Sprintf("10.%d.%d.0/24", i, k), fmt.Sprintf("fd00:%d:%d::/64", i, k)} {
				if rapid.Bool().Draw(t, "subnet") {
					cidr := netip.MustParsePrefix(p)
					objs = append(objs, &model.Subnet{CIDR: cidr, VNet: v.ID, Gateway: cidr.Addr().Next(), SNAT: rapid.Bool().Draw(t, "snat")})
				}
			}
		}
	}
	return objs
}

// factsOfAnyNode draws the facts of a node that may lack one thing or another.
func factsOfAnyNode(t *rapid.T, node string) *model.Facts {
	own := netip.MustParsePrefix("192.168.0." + node[4:] + "/24")
	f := &model.Facts{Node: node, Kernel: "6.1", OVS: true, OVSBridges: []string{"ovs0"}, Interfaces: []model.Interface{
		{Name: "aware0", Kind: "bridge", MTU: 1500, Up: true, VLANFiltering: true},
		{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{own}},
		{Name: "eth1", MTU: 9000, Up: true},
		{Name: "eth2", MTU: 1500, Up: true, Master: "plain0"},
		{Name: "plain0", Kind: "bridge", MTU: 1500, Up: true},
	}, Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0"}, {Dst: own.Masked(), Dev: "eth0"}}}
	f.Features = map[model.Feature]bool{}
	for _, feature := range []model.Feature{model.FeatureBridge, model.FeatureVXLAN, model.FeatureVLANFiltering, model.FeatureVLAN, model.FeatureVLANAD, model.FeatureVRF, model.FeatureVeth, model.FeatureDummy} {
		f.Features[feature] = rapid.IntRange(0, 9).Draw(t, string(feature)) > 0
	}
	vlansOfAnyNode(t, f)
	if rapid.IntRange(0, 5).Draw(t, "frr") > 0 {
		f.FRR = &model.FRRFacts{Version: "8.4.4", AutoRT: rapid.Bool().Draw(t, "autort")}
	}
	return f
}

// vlansOfAnyNode draws VLANs that are the node's own, and those that ports carry.
func vlansOfAnyNode(t *rapid.T, f *model.Facts) {
	tags := rapid.SampledFrom([]int{20, 21, 22, 100, 101, 200, 201, 300})
	for _, tag := range rapid.SliceOfNDistinct(tags, 0, 3, rapid.ID).Draw(t, "own VLANs") {
		i := model.Interface{Kind: "vlan", MTU: 1500, VLAN: &model.VLANDevice{Parent: rapid.SampledFrom([]string{"aware0", "eth2"}).Draw(t, "of"), ID: tag}}
		i.Name = rapid.SampledFrom([]string{naming.VLAN(i.VLAN.Parent, tag), fmt.Sprintf("own%d", tag)}).Draw(t, "own name")
		if rapid.Bool().Draw(t, "own 802.1ad") {
			i.VLAN.Protocol = model.Protocol8021AD
		}
		if rapid.Bool().Draw(t, "own bridge") {
			i.Master = fmt.Sprintf("br%d", tag)
			f.Interfaces = append(f.Interfaces, model.Interface{Name: i.Master, Kind: "bridge", MTU: 1500})
		}
		f.Interfaces = append(f.Interfaces, i)
	}
	for _, bridge := range []string{"aware0", "ovs0"} {
		if !rapid.Bool().Draw(t, "VLANs of ports") {
			continue
		}
		b := model.BridgeVLANs{Bridge: bridge, Native: rapid.SampledFrom([]int{0, 1, 100}).Draw(t, "native")}
		for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"", "bond", "veth", "tun", "patch"}), 0, 3).Draw(t, "ports") {
			b.Ports = append(b.Ports, model.PortVLANs{Name: fmt.Sprintf("p%d%s", len(b.Ports), bridge), Kind: kind,
				Peer:   map[string]string{"patch": "p0aware0"}[kind],
				Tagged: []model.VLANRange{{First: 2, Last: tags.Draw(t, "last")}}, Native: rapid.SampledFrom([]int{0, 1, 100}).Draw(t, "port native")})
		}
		f.BridgeVLANs = append(f.BridgeVLANs, b)
	}
}

// configured puts objects, in this order, into a configuration.
func configured(t *rapid.T, objs []model.Object) *model.Config {
	cfg := &model.Config{}
	for _, o := range objs {
		switch c := o.(type) { // Put completes them in place
		case *model.Subnet:
			s := *c
			o = &s
		case *model.FabricNode:
			n := *c
			o = &n
		}
		if err := cfg.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// alike compares addresses by value.
var alike = cmp.Options{
	cmp.Comparer(func(x, y netip.Addr) bool { return x == y }),
	cmp.Comparer(func(x, y netip.Prefix) bool { return x == y }),
}

// However the objects of any kinds were put in, the result is the same, and so are
// the remarks.
func TestEveryKindIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		under, zones := underlays(t), zonesOfEveryKind(t)
		node := rapid.SampledFrom(nodeNames).Draw(t, "node")
		facts := factsOfAnyNode(t, node)
		a, notes := compile.Node(compile.Project(configured(t, slices.Concat(under, zones)), nil, 1, node), facts)
		b, again := compile.Node(compile.Project(configured(t, slices.Concat(zones, rapid.Permutation(under).Draw(t, "order"))), nil, 1, node), facts)
		if d := cmp.Diff(a, b, alike); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(notes, again); d != "" {
			t.Fatal(d)
		}
	})
}

// A node that gets only its part of the configuration becomes what it would become
// if it got all of it.
func TestProjectionIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configured(t, slices.Concat(underlays(t), zonesOfEveryKind(t)))
		for _, node := range nodeNames {
			facts := factsOfAnyNode(t, node)
			part, notes := compile.Node(compile.Project(cfg, nil, 1, node), facts)
			whole, all := compile.Node(&document.Document{Format: document.Format, Revision: 1, Node: node, Config: *cfg}, facts)
			if d := cmp.Diff(whole, part, alike); d != "" {
				t.Fatalf("%s, of the whole (-), of its part (+):\n%s", node, d)
			}
			if d := cmp.Diff(all, notes); d != "" {
				t.Fatalf("%s, of the whole (-), of its part (+):\n%s", node, d)
			}
		}
	})
}

// A configuration with holes, which no server would let through, and a node of
// which little is known do no harm.
func TestHolesDoNoHarm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configured(t, slices.Concat(underlays(t), zonesOfEveryKind(t)))
		for _, kind := range []model.Kind{model.KindPrefixList, model.KindRouteMap, model.KindFabric, model.KindFabricNode, model.KindController, model.KindZone, model.KindVNet, model.KindSubnet} {
			for _, o := range cfg.List(kind) {
				if rapid.IntRange(0, 3).Draw(t, "hole") == 0 {
					cfg.Delete(kind, o.ObjectID())
				}
			}
		}
		for _, node := range nodeNames {
			facts := factsOfAnyNode(t, node)
			if rapid.Bool().Draw(t, "bare") {
				facts = &model.Facts{Node: node}
			}
			for _, doc := range []*document.Document{compile.Project(cfg, nil, 1, node), {Node: node, Config: *cfg}} {
				n, _ := compile.Node(doc, facts)
				consistent(t, n)
			}
		}
	})
}

// consistent demands that everything refers to a link that is there.
func consistent(t *rapid.T, n *desired.Node) {
	names := map[string]bool{}
	for _, l := range n.Links {
		if names[l.Name] || len(l.Name) > 15 || l.Owner == "" {
			t.Fatalf("link %+v", l)
		}
		names[l.Name] = true
	}
	for _, l := range n.Links {
		if l.Master != "" && !l.ForeignMaster && !names[l.Master] {
			t.Fatalf("%s has no master %s", l.Name, l.Master)
		}
		if l.Veth != nil && !names[l.Veth.Peer] {
			t.Fatalf("%s has no other end %s", l.Name, l.Veth.Peer)
		}
	}
	for _, a := range n.Addresses {
		if !a.Foreign && !names[a.Link] {
			t.Fatalf("address %s on no link %s", a.Prefix, a.Link)
		}
	}
	for _, p := range n.Ports {
		if !names[p.Bridge] {
			t.Fatalf("port %v of no bridge %s", p.Names, p.Bridge)
		}
	}
}

// One object that cannot be compiled changes nothing of what others get.
func TestBadObjectsHurtNobody(t *testing.T) {
	bad := map[string][]model.Object{
		"missing bridge":     {&model.Zone{ID: "bad", Type: model.ZoneVLAN, Bridge: "gone0"}},
		"no bridge":          {&model.Zone{ID: "bad", Type: model.ZoneQinQ, Bridge: "eth0", Tag: 7}},
		"unknown controller": {&model.Zone{ID: "bad", Type: model.ZoneEVPN, Controller: "nobody", VRFVXLAN: 77}},
		"wrong controller": {
			&model.Controller{ID: "badctl", Type: model.ControllerISIS, Node: "elsewhere"},
			&model.Zone{ID: "bad", Type: model.ZoneEVPN, Controller: "badctl", VRFVXLAN: 77},
		},
		"no tunnel end": {&model.Zone{ID: "bad", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}},
		"no end of a controller": {
			&model.Controller{ID: "badctl", Type: model.ControllerEVPN, ASN: 65000, Peers: []netip.Addr{netip.MustParseAddr("2001:db8::1")}},
			&model.Zone{ID: "bad", Type: model.ZoneEVPN, Controller: "badctl", VRFVXLAN: 77},
		},
		"unknown fabric": {&model.Zone{ID: "bad", Type: model.ZoneVXLAN, Fabric: "nofab"}},
		"unknown type":   {&model.Zone{ID: "bad", Type: "teleport"}},
	}
	rapid.Check(t, func(t *rapid.T) {
		objs := slices.Concat(underlays(t), zonesOfEveryKind(t))
		what := rapid.SampledFrom(slices.Sorted(maps.Keys(bad))).Draw(t, "what")
		more := append(slices.Clone(bad[what]), &model.VNet{ID: "badnet", Zone: "bad", Tag: 99})
		node := rapid.SampledFrom(nodeNames).Draw(t, "node")
		facts := factsOfAnyNode(t, node)
		// What the kernel lacks would be told first.
		facts.Features, facts.FRR = nil, &model.FRRFacts{Version: "8.4.4"}
		before, notes := compile.Node(compile.Project(configured(t, objs), nil, 1, node), facts)
		after, told := compile.Node(compile.Project(configured(t, append(objs, more...)), nil, 1, node), facts)
		names := []string{"zone/bad", "vnet/badnet", "controller/badctl"}
		after.Links = slices.DeleteFunc(after.Links, func(l desired.Link) bool { return slices.Contains(names, l.Owner) })
		if len(before.Links) == 0 { // then there is nothing to keep apart either
			after.Tables = before.Tables
		}
		if len(after.Links) == 0 {
			after.Links = before.Links
		}
		if d := cmp.Diff(before, after, alike); d != "" {
			t.Fatalf("%s: without it (-), with it (+):\n%s", what, d)
		}
		rest := slices.DeleteFunc(slices.Clone(told), func(n compile.Note) bool { return slices.Contains(names, n.Object) })
		if d := cmp.Diff(notes, rest); d != "" && len(notes)+len(rest) > 0 {
			t.Fatalf("%s: remarks without it (-), with it (+):\n%s", what, d)
		}
		if what != "unknown type" && !slices.ContainsFunc(told, func(n compile.Note) bool {
			return slices.Contains(names, n.Object) && n.Level == compile.LevelError && !strings.HasPrefix(n.Object, "vnet/")
		}) {
			t.Fatalf("%s is not told: %v", what, told)
		}
	})
}
