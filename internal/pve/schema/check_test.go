package schema

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// cluster is a configuration in which everything is used by something.
func cluster() *model.Config {
	return &model.Config{
		Zones: map[string]*model.Zone{
			"s": {ID: "s", Type: model.ZoneSimple}, "v": {ID: "v", Type: model.ZoneVLAN}, "q": {ID: "q", Type: model.ZoneQinQ},
			"x": {ID: "x", Type: model.ZoneVXLAN, Fabric: "fz"}, "e": {ID: "e", Type: model.ZoneEVPN, Controller: "ce", VRFVXLAN: 100}, "free": {ID: "free", Type: model.ZoneSimple},
		},
		VNets: map[string]*model.VNet{
			"s1": {ID: "s1", Zone: "s"}, "v1": {ID: "v1", Zone: "v", Tag: 10}, "q1": {ID: "q1", Zone: "q"},
			"x1": {ID: "x1", Zone: "x", Tag: 1000}, "e1": {ID: "e1", Zone: "e", Tag: 2000}, "aware": {ID: "aware", Zone: "s", VLANAware: true},
		},
		Subnets: map[string]*model.Subnet{"s-10.0.0.0-24": {ID: "s-10.0.0.0-24", VNet: "s1", CIDR: netip.MustParsePrefix("10.0.0.0/24")}},
		Controllers: map[string]*model.Controller{
			"ce": {ID: "ce", Type: model.ControllerEVPN, Fabric: "fc"}, "cb": {ID: "cb", Type: model.ControllerBGP, Node: "n1"}, "ci": {ID: "ci", Type: model.ControllerISIS, Node: "n1"},
		},
		Fabrics: map[string]*model.Fabric{"fz": {ID: "fz"}, "fc": {ID: "fc"}, "free": {ID: "free"}},
	}
}

// fault checks that an error is about a property, or about none ("refused"); the empty
// text stands for no error.
func fault(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	var faults Faults
	switch {
	case errors.As(err, &faults) && want != "" && faults[want] != "":
		got = want
	case errors.As(err, &faults):
		got = err.Error()
	case err != nil:
		got = "refused"
	}
	if got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// about checks which other object an error names.
func about(t *testing.T, what string, err error, want string) {
	t.Helper()
	var e objectError
	if errors.As(err, &e); e.ref != want {
		t.Errorf("%s: %v is about %q, want %q", what, err, e.ref, want)
	}
}

func TestFaultsAreParameterErrors(t *testing.T) {
	const want = "400 Parameter verification failed.\na: one\nb: two\n"
	if got := (Faults{"b": "two", "a": "one"}).Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := refuse("no %s", "zone").Error(); got != "no zone" {
		t.Errorf("got %q", got)
	}
	if inner := refuse("x"); !errors.Is(naming(model.KindZone, "z", inner), inner) {
		t.Error("an error that names an object hides its cause")
	}
}

func TestCheckZone(t *testing.T) {
	live := &model.Config{
		IPAMs:       map[string]*model.IPAM{"nb": {ID: "nb"}},
		NameServers: map[string]*model.NameServer{"pdns": {ID: "pdns"}},
	}
	peers := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	for _, c := range []struct {
		what   string
		old, z *model.Zone
		given  Values
		want   string
	}{
		{"new", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, nil, ""},
		{"IPAM of a zone with subnets", &model.Zone{ID: "s", IPAM: "pve"}, &model.Zone{ID: "s", Type: model.ZoneSimple, IPAM: "nb"}, Values{"ipam": {"nb"}}, "ipam"},
		{"same IPAM of a zone with subnets", &model.Zone{ID: "s", IPAM: "nb"}, &model.Zone{ID: "s", Type: model.ZoneSimple, IPAM: "nb"}, nil, ""},
		{"IPAM of a zone without", &model.Zone{ID: "free", IPAM: "pve"}, &model.Zone{ID: "free", Type: model.ZoneSimple, IPAM: "nb"}, nil, ""},
		{"IPAM that exists", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"ipam": {"nb"}}, ""},
		{"IPAM that does not", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"ipam": {"gone"}}, "refused"},
		{"DNS servers that exist", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"dns": {"pdns"}, "reversedns": {"pdns"}}, ""},
		{"DNS server that does not", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"dns": {"gone"}}, "refused"},
		{"reverse DNS server that does not", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"reversedns": {"gone"}}, "refused"},
		{"domain with a server", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"dns": {"pdns"}, "dnszone": {"lab"}}, ""},
		{"domain without a server", nil, &model.Zone{ID: "n", Type: model.ZoneSimple}, Values{"dnszone": {"lab"}}, "dnszone"},
		{"VXLAN with peers", nil, &model.Zone{ID: "n", Type: model.ZoneVXLAN, Peers: peers}, nil, ""},
		{"VXLAN with a fabric", nil, &model.Zone{ID: "n", Type: model.ZoneVXLAN, Fabric: "fz"}, nil, ""},
		{"VXLAN with both", nil, &model.Zone{ID: "n", Type: model.ZoneVXLAN, Peers: peers, Fabric: "fz"}, nil, "peers"},
		{"VXLAN with neither", nil, &model.Zone{ID: "n", Type: model.ZoneVXLAN}, nil, "fabric"},
		{"EVPN", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "ce", VRFVXLAN: 101}, nil, ""},
		{"EVPN, itself", nil, &model.Zone{ID: "e", Type: model.ZoneEVPN, Controller: "ce", VRFVXLAN: 100}, nil, ""},
		{"EVPN without an L3VNI", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "ce"}, nil, ""},
		{"EVPN with another's L3VNI", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "ce", VRFVXLAN: 100}, nil, "refused"},
		{"EVPN without a controller", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "gone", VRFVXLAN: 101}, nil, "refused"},
		{"EVPN with a BGP controller", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "cb", VRFVXLAN: 101}, nil, "refused"},
		{"EVPN with a second controller of BGP", nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "ce", SecondaryControllers: []string{"cb"}, VRFVXLAN: 101}, nil, "refused"},
	} {
		fault(t, c.what, CheckZone(cluster(), c.old, c.z, c.given, live), c.want)
	}
	about(t, "L3VNI", CheckZone(cluster(), nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "ce", VRFVXLAN: 100}, nil, live), "zone/e")
	about(t, "controller", CheckZone(cluster(), nil, &model.Zone{ID: "n", Type: model.ZoneEVPN, Controller: "cb"}, nil, live), "controller/cb")
}

func TestCheckVNet(t *testing.T) {
	for _, c := range []struct {
		what   string
		old, v *model.VNet
		want   string
	}{
		{"no zone", nil, &model.VNet{ID: "n", Zone: "gone"}, "refused"},
		{"simple", nil, &model.VNet{ID: "n", Zone: "s"}, ""},
		{"simple with a tag", nil, &model.VNet{ID: "n", Zone: "s", Tag: 1}, "tag"},
		{"another zone", &model.VNet{ID: "s1", Zone: "free"}, &model.VNet{ID: "s1", Zone: "s"}, "zone"},
		{"another zone, without subnets", &model.VNet{ID: "aware", Zone: "free"}, &model.VNet{ID: "aware", Zone: "s"}, ""},
		{"the same zone", &model.VNet{ID: "s1", Zone: "s"}, &model.VNet{ID: "s1", Zone: "s"}, ""},
		{"VLAN-aware with subnets", &model.VNet{ID: "s1", Zone: "s"}, &model.VNet{ID: "s1", Zone: "s", VLANAware: true}, "vlanaware"},
		{"VLAN-aware without", nil, &model.VNet{ID: "n", Zone: "s", VLANAware: true}, ""},
		{"VLAN-aware in EVPN", nil, &model.VNet{ID: "n", Zone: "e", Tag: 2001, VLANAware: true}, "vlan-aware"},
		{"VLAN without a tag", nil, &model.VNet{ID: "n", Zone: "v"}, "tag"},
		{"VLAN", nil, &model.VNet{ID: "n", Zone: "v", Tag: 11}, ""},
		{"the highest VLAN", nil, &model.VNet{ID: "n", Zone: "v", Tag: 4096}, ""},
		{"above the highest VLAN", nil, &model.VNet{ID: "n", Zone: "v", Tag: 4097}, "tag"},
		{"VLAN of another VNet", nil, &model.VNet{ID: "n", Zone: "v", Tag: 10}, "tag"},
		{"VLAN of its own", nil, &model.VNet{ID: "v1", Zone: "v", Tag: 10}, ""},
		{"VLAN of another zone's VNet", nil, &model.VNet{ID: "n", Zone: "q", Tag: 10}, ""},
		{"QinQ without a tag, as another", nil, &model.VNet{ID: "n", Zone: "q"}, "tag"},
		{"VXLAN", nil, &model.VNet{ID: "n", Zone: "x", Tag: 10}, ""},
		{"VXLAN without a tag", nil, &model.VNet{ID: "n", Zone: "x"}, "tag"},
		{"the highest VNI", nil, &model.VNet{ID: "n", Zone: "x", Tag: 16777216}, ""},
		{"above the highest VNI", nil, &model.VNet{ID: "n", Zone: "x", Tag: 16777217}, "tag"},
		{"VNI of another VNet", nil, &model.VNet{ID: "n", Zone: "x", Tag: 1000}, "tag"},
		{"VNI of an EVPN VNet", nil, &model.VNet{ID: "n", Zone: "x", Tag: 2000}, "tag"},
		{"VNI of a VXLAN VNet", nil, &model.VNet{ID: "n", Zone: "e", Tag: 1000}, "tag"},
		{"EVPN without a tag", nil, &model.VNet{ID: "n", Zone: "e"}, "tag"},
	} {
		cfg := cluster()
		fault(t, c.what, CheckVNet(cfg, model.NewIndex(cfg), c.old, c.v), c.want)
	}
	cfg := cluster()
	in := model.NewIndex(cfg)
	about(t, "VLAN", CheckVNet(cfg, in, nil, &model.VNet{ID: "n", Zone: "v", Tag: 10}), "vnet/v1")
	about(t, "QinQ", CheckVNet(cfg, in, nil, &model.VNet{ID: "n", Zone: "q"}), "vnet/q1")
	about(t, "VNI", CheckVNet(cfg, in, nil, &model.VNet{ID: "n", Zone: "x", Tag: 2000}), "vnet/e1")
	untagged, tagged := CheckVNet(cfg, in, nil, &model.VNet{ID: "n", Zone: "q"}), CheckVNet(cfg, in, nil, &model.VNet{ID: "n", Zone: "v", Tag: 10})
	if got, want := untagged.Error(), (Faults{"tag": "vnet q1 without tag already exists in zone q"}).Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := tagged.Error(), (Faults{"tag": "tag 10 already exist in vnet v1"}).Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cfg.VNets["lost"] = &model.VNet{ID: "lost", Zone: "gone", Tag: 3000}
	fault(t, "VNI of a VNet without a zone", CheckVNet(cfg, model.NewIndex(cfg), nil, &model.VNet{ID: "n", Zone: "x", Tag: 3000}), "")
}

func TestCheckSubnet(t *testing.T) {
	addr := netip.MustParseAddr
	ranges := func(pairs ...string) (out []model.Range) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, model.Range{Start: addr(pairs[i]), End: addr(pairs[i+1])})
		}
		return out
	}
	for _, c := range []struct {
		what, vnet, cidr, gateway string
		ranges                    []model.Range
		want                      string
	}{
		{"plain", "s1", "10.1.0.0/24", "", nil, ""},
		{"on a VLAN-aware VNet", "aware", "10.1.0.0/24", "", nil, "vnet"},
		{"on no VNet", "gone", "10.1.0.0/24", "", nil, ""},
		{"gateway", "s1", "10.1.0.0/24", "10.1.0.1", nil, ""},
		{"gateway outside", "s1", "10.1.0.0/24", "10.2.0.1", nil, "gateway"},
		{"gateway of a single address", "s1", "10.1.0.5/32", "10.2.0.1", nil, ""},
		{"gateway of a single address, of the other family", "s1", "10.1.0.5/32", "fd00::1", nil, "gateway"},
		{"gateway of a short IPv6 network", "s1", "fd00::/32", "fd01::1", nil, "gateway"},
		{"gateway of a single IPv6 address", "s1", "fd00::5/128", "fd01::1", nil, "gateway"},
		{"ranges in any order", "s1", "10.1.0.0/24", "", ranges("10.1.0.20", "10.1.0.29", "10.1.0.10", "10.1.0.19"), ""},
		{"range of one address", "s1", "10.1.0.0/24", "", ranges("10.1.0.20", "10.1.0.20"), ""},
		{"range starts outside", "s1", "10.1.0.0/24", "", ranges("10.0.0.20", "10.1.0.29"), "dhcp-range"},
		{"range ends outside", "s1", "10.1.0.0/24", "", ranges("10.1.0.20", "10.1.1.29"), "dhcp-range"},
		{"range backwards", "s1", "10.1.0.0/24", "", ranges("10.1.0.20", "10.1.0.10"), "dhcp-range"},
		{"ranges that share an address", "s1", "10.1.0.0/24", "", ranges("10.1.0.10", "10.1.0.20", "10.1.0.20", "10.1.0.29"), "dhcp-range"},
		{"a range in another", "s1", "10.1.0.0/24", "", ranges("10.1.0.10", "10.1.0.20", "10.1.0.12", "10.1.0.13"), "dhcp-range"},
	} {
		s := &model.Subnet{VNet: c.vnet, CIDR: netip.MustParsePrefix(c.cidr), DHCPRange: c.ranges}
		if c.gateway != "" {
			s.Gateway = addr(c.gateway)
		}
		fault(t, c.what, CheckSubnet(cluster(), s), c.want)
	}
}

func TestCheckController(t *testing.T) {
	peers := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	only := func(nodes ...string) *model.Config {
		cfg := cluster()
		cfg.Controllers["ce"].Nodes = nodes
		return cfg
	}
	for _, c := range []struct {
		what string
		cfg  *model.Config
		c    model.Controller
		want string
	}{
		{"EVPN with another group", cluster(), model.Controller{Type: model.ControllerEVPN, Peers: peers, PeerGroupName: "other"}, ""},
		{"EVPN with a fabric", cluster(), model.Controller{Type: model.ControllerEVPN, Fabric: "fc", PeerGroupName: "other"}, ""},
		{"EVPN with both", cluster(), model.Controller{Type: model.ControllerEVPN, Peers: peers, Fabric: "fc", PeerGroupName: "other"}, "refused"},
		{"EVPN with neither", cluster(), model.Controller{Type: model.ControllerEVPN, PeerGroupName: "other"}, "refused"},
		{"EVPN with a fabric that does not exist", cluster(), model.Controller{Type: model.ControllerEVPN, Fabric: "gone", PeerGroupName: "other"}, "refused"},
		{"EVPN itself", cluster(), model.Controller{ID: "ce", Type: model.ControllerEVPN, Peers: peers}, ""},
		{"EVPN with the same group on all nodes", cluster(), model.Controller{Type: model.ControllerEVPN, Peers: peers}, "refused"},
		{"EVPN with the same group, on one node and all", cluster(), model.Controller{Type: model.ControllerEVPN, Peers: peers, Nodes: []string{"a"}}, "refused"},
		{"EVPN with the same group, on all nodes and one", only("a"), model.Controller{Type: model.ControllerEVPN, Peers: peers}, "refused"},
		{"EVPN with the same group on other nodes", only("a"), model.Controller{Type: model.ControllerEVPN, Peers: peers, Nodes: []string{"b"}}, ""},
		{"EVPN with the same group on one node", only("a", "b"), model.Controller{Type: model.ControllerEVPN, Peers: peers, Nodes: []string{"b", "c"}}, "refused"},
		{"BGP on another node", cluster(), model.Controller{Type: model.ControllerBGP, Node: "n2"}, ""},
		{"BGP on the same node", cluster(), model.Controller{Type: model.ControllerBGP, Node: "n1"}, "refused"},
		{"BGP itself", cluster(), model.Controller{ID: "cb", Type: model.ControllerBGP, Node: "n1"}, ""},
		{"ISIS on the same node", cluster(), model.Controller{Type: model.ControllerISIS, Node: "n1"}, "refused"},
		{"ISIS itself", cluster(), model.Controller{ID: "ci", Type: model.ControllerISIS, Node: "n1"}, ""},
	} {
		fault(t, c.what, CheckController(c.cfg, &c.c), c.want)
	}
	about(t, "BGP", CheckController(cluster(), &model.Controller{Type: model.ControllerBGP, Node: "n1"}), "controller/cb")
	about(t, "EVPN", CheckController(cluster(), &model.Controller{Type: model.ControllerEVPN, Peers: peers}), "controller/ce")
}

// What something else uses is not deleted, and the error names the user.
func TestCheckDelete(t *testing.T) {
	cfg := cluster()
	in := model.NewIndex(cfg)
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"zone with VNets", CheckZoneDelete(cfg, "v"), "vnet/v1"},
		{"controller of a zone", CheckControllerDelete(cfg, "ce"), "zone/e"},
		{"fabric of a controller", CheckFabricDelete(cfg, "fc"), "controller/ce"},
		{"fabric of a zone", CheckFabricDelete(cfg, "fz"), "zone/x"},
	} {
		if c.err == nil {
			t.Errorf("%s is deleted", c.what)
		} else {
			about(t, c.what, c.err, c.want)
		}
	}
	fault(t, "VNet with subnets", CheckVNetDelete(in, "s1"), "vnet")
	fault(t, "VNet without", CheckVNetDelete(in, "v1"), "")
	fault(t, "zone without VNets", CheckZoneDelete(cfg, "free"), "")
	fault(t, "controller of no zone", CheckControllerDelete(cfg, "cb"), "")
	fault(t, "controller that is not there", CheckControllerDelete(cfg, "gone"), "")
	fault(t, "fabric of nothing", CheckFabricDelete(cfg, "free"), "")
	cfg.Zones["e"].Controller = "ci" // which the model refuses; IS-IS carries no zone
	fault(t, "IS-IS controller", CheckControllerDelete(cfg, "ci"), "")
	delete(cfg.Controllers, "ce")
	cfg.Zones["e"].Controller = "ce"
	fault(t, "missing controller that a zone names", CheckControllerDelete(cfg, "ce"), "refused")
}

// The texts of Proxmox VE for IDs in use, and for objects that do not exist.
func TestDefinedAndMissing(t *testing.T) {
	for _, c := range []struct {
		k                *Kind
		defined, missing string
	}{
		{zones, "sdn zone object ID 'a' already defined", "sdn 'a' does not exist"},
		{vnets, "sdn vnet object ID 'a' already defined", "sdn vnet 'a' does not exist"},
		{controllers, "sdn controller object ID 'a' already defined", "sdn controller 'a' does not exist"},
		{fabrics, "fabric 'a' already exists: already defined", "fabric 'a' does not exist"},
		{fabricNodes, "node 'a' already exists: already defined", "fabric node 'a' does not exist"},
	} {
		if got := c.k.Defined("a").Error(); got != c.defined {
			t.Errorf("got %q, want %q", got, c.defined)
		}
		if got := c.k.Missing("a").Error(); got != c.missing {
			t.Errorf("got %q, want %q", got, c.missing)
		}
	}
}
