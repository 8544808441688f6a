package model

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The paths and privileges are those of Proxmox VE's API (pveum, "Permission Management";
// API viewer, /cluster/sdn and /cluster/firewall).
func TestRights(t *testing.T) {
	zoneOf := func(vnet string) string { return map[string]string{"v1": "z1"}[vnet] }
	audit, allocate := []string{"SDN.Audit", "SDN.Allocate"}, []string{"SDN.Allocate"}
	for _, c := range []struct {
		what        string
		o           Object
		path        string
		read, write []string
	}{
		{"zone", &Zone{ID: "z1"}, "/sdn/zones/z1", audit, allocate},
		{"zone without a name", &Zone{}, "/sdn/zones", audit, allocate},
		{"name that is no part of a path", &Zone{ID: "a/b"}, "/sdn/zones", audit, allocate},
		{"vnet", &VNet{ID: "v1", Zone: "z1"}, "/sdn/zones/z1/v1", audit, allocate},
		{"vnet without a zone", &VNet{ID: "v1"}, "/sdn/zones", audit, allocate},
		{"subnet", &Subnet{ID: "s", VNet: "v1"}, "/sdn/zones/z1/v1", audit, allocate},
		{"subnet whose name has the zone", &Subnet{ID: "z9-10.0.0.0-24", VNet: "v9"}, "/sdn/zones/z9/v9", audit, allocate},
		{"subnet of no zone", &Subnet{VNet: "v9"}, "/sdn/zones", audit, allocate},
		{"controller", &Controller{ID: "c"}, "/sdn/controllers/c", audit, allocate},
		{"ipam", &IPAM{ID: "nb"}, "/sdn/ipams/nb", audit, allocate},
		{"dns", &NameServer{ID: "pd"}, "/sdn/dns/pd", audit, allocate},
		{"alias", &Alias{ID: "a"}, "/", []string{"Sys.Audit"}, []string{"Sys.Modify"}},
		{"firewall", &Firewall{ID: "v1"}, "/sdn/zones/z1/v1", audit, allocate},
		{"firewall of the cluster", &Firewall{ID: FirewallDatacenter}, "/", []string{"Sys.Audit"}, []string{"Sys.Modify"}},
		{"guest", &Guest{ID: "100"}, "/vms/100", []string{"VM.Audit"}, []string{"VM.Config.Network"}},
		{"node", &Node{ID: "n1"}, "/nodes/n1", []string{"Sys.Audit"}, []string{"Sys.Modify"}},
	} {
		for write, anyOf := range map[bool][]string{false: c.read, true: c.write} {
			if d := cmp.Diff([]Right{{c.path, anyOf}}, Rights(c.o, zoneOf, write)); d != "" {
				t.Errorf("%s, write %v (-want +got):\n%s", c.what, write, d)
			}
		}
	}
	both := []Right{{"/sdn/fabrics/f", allocate}, {"/nodes/n1", []string{"Sys.Modify"}}}
	if d := cmp.Diff(both, Rights(&FabricNode{Fabric: "f", Node: "n1"}, zoneOf, true)); d != "" {
		t.Errorf("fabric node (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Right{{Path: "/"}}, Rights(nil, zoneOf, false)); d != "" {
		t.Errorf("nobody may read what is of no kind (-want +got):\n%s", d)
	}
}

// Who refers to an object of the network needs SDN.Use there; the built-in IPAM is free.
func TestUses(t *testing.T) {
	for _, c := range []struct {
		what string
		o    Object
		want []string
	}{
		{"nothing", &Zone{ID: "z"}, nil},
		{"built-in IPAM", &Zone{ID: "z", IPAM: IPAMBuiltin}, nil},
		{"zone", &Zone{ID: "z", IPAM: "nb", DNS: "pd", ReverseDNS: "rd", Bridge: "vmbr0", Controller: "c", SecondaryControllers: []string{"d", "e"}, Fabric: "f"},
			[]string{"/sdn/ipams/nb", "/sdn/dns/pd", "/sdn/dns/rd", "/sdn/zones/localnetwork/vmbr0", "/sdn/fabrics/f", "/sdn/controllers/c", "/sdn/controllers/d", "/sdn/controllers/e"}},
		{"lists in a fabric", &Fabric{ID: "f", RouteFilter: "pl", Redistribute: []Redistribution{{Source: "static"}, {Source: "kernel", RouteMap: "rm"}}},
			[]string{"/sdn/prefix-lists", "/sdn/route-maps"}},
		{"vnet", &VNet{ID: "v", Zone: "z"}, nil},
		{"nil", nil, nil},
	} {
		if d := cmp.Diff(c.want, Uses(c.o)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, d)
		}
	}
}

// The documentation of a kind names its rights as operators grant them.
func TestRightsText(t *testing.T) {
	for kind, want := range map[Kind][3]string{
		KindZone: {"SDN.Audit or SDN.Allocate on /sdn/zones/{id}", "SDN.Allocate on /sdn/zones/{id}",
			"for what it newly refers to SDN.Use or SDN.Allocate on /sdn/ipams/{ipam} (not for pve), /sdn/dns/{dns}, /sdn/dns/{reversedns}, " +
				"/sdn/zones/localnetwork/{bridge}, /sdn/fabrics/{fabric}, /sdn/controllers/{controller} and /sdn/controllers/{secondary-controllers}"},
		KindVNet: {"SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{id}", "SDN.Allocate on /sdn/zones/{zone}/{id}, for a VNet that moves in both zones", ""},
		KindIPAM: {"SDN.Audit or SDN.Allocate on /sdn/ipams/{id}; its token is shown with SDN.Allocate only", "SDN.Allocate on /sdn/ipams/{id}", ""},
		KindFabricNode: {"SDN.Audit or SDN.Allocate on /sdn/fabrics/{fabric}, and Sys.Audit or Sys.Modify on /nodes/{node}",
			"SDN.Allocate on /sdn/fabrics/{fabric}, and Sys.Modify on /nodes/{node}", ""},
		KindFirewall: {"SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{id}; for datacenter Sys.Audit on /", "SDN.Allocate on /sdn/zones/{zone}/{id}; for datacenter Sys.Modify on /", ""},
		KindRouteMap: {"SDN.Audit or SDN.Allocate on /sdn/route-maps", "SDN.Allocate on /sdn/route-maps", "for what it newly refers to SDN.Use or SDN.Allocate on /sdn/prefix-lists"},
	} {
		d := kind.Descriptor()
		if diff := cmp.Diff(want, [3]string{d.RightsText(false), d.RightsText(true), d.UsesText()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// An object is stored with the ID that follows from its other properties, if its VNet exists.
func TestCompleted(t *testing.T) {
	zoneOf := func(vnet string) string { return map[string]string{"v1": "z1"}[vnet] }
	s := &Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "v1"}
	if got := Completed(s, zoneOf).ObjectID(); got != "z1-10.0.0.0-24" || s.ID != "" {
		t.Errorf("subnet %q, the given one is now %q", got, s.ID)
	}
	if got := Completed(&Subnet{CIDR: s.CIDR, VNet: "v9"}, zoneOf).ObjectID(); got != "" {
		t.Errorf("subnet of no vnet: %q", got)
	}
	n := &FabricNode{Fabric: "f", Node: "n1"}
	if got := Completed(n, zoneOf).ObjectID(); got != FabricNodeID("f", "n1") {
		t.Errorf("fabric node %q", got)
	}
	z := &Zone{ID: "z1"}
	if got := Completed(z, zoneOf); got != Object(z) {
		t.Errorf("zone %v", got)
	}
	if Completed(nil, zoneOf) != nil {
		t.Error("nothing was completed")
	}
}

func TestNamed(t *testing.T) {
	for _, k := range Kinds() {
		o := Named(k, "x1")
		if o.ObjectKind() != k || o.ObjectID() != "x1" {
			t.Errorf("%s: %s %s", k, o.ObjectKind(), o.ObjectID())
		}
	}
	if Named("horse", "x1") != nil {
		t.Error("an object of an unknown kind")
	}
}
