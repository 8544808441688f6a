package running_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

const goodFabrics = `
# comments are skipped
OpenFabric_Fabric: spine
	ip_prefix 10.0.0.0/24
	hello_interval 5

openfabric_node: spine_pve1
   interfaces name=ens1,hello_multiplier=3,
   interfaces ip=10.9.0.0/31,name=ens2
   interfaces ens3
   ip 10.0.0.1

ospf_fabric: ring
	area 0.0.0.1
	ip_prefix 10.1.0.0/24

ospf_node: ring_pve1
	interfaces name=ens4,network_type=broadcast
	ip 10.1.0.1

bgp_fabric: leaf
	bfd 1
	ip6_prefix fd00::/64

bgp_node: leaf_pve1
	asn 65001
	interfaces name=ens5
	ip6 fd00::1
	role internal
`

func TestParseFabrics(t *testing.T) {
	r, problems, err := running.ParseFabrics(goodFabrics)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	f, n := r.Fabrics["spine"], r.FabricNodes["spine_pve1"]
	if f.Protocol != "openfabric" || f.HelloInterval != 5 || f.IPPrefix.String() != "10.0.0.0/24" {
		t.Errorf("%+v", f)
	}
	if n.Fabric != "spine" || n.Node != "pve1" || n.IP.String() != "10.0.0.1" || len(n.Interfaces) != 3 ||
		n.Interfaces[0].HelloMultiplier != 3 || n.Interfaces[1].IP.String() != "10.9.0.0/31" || n.Interfaces[2].Name != "ens3" {
		t.Errorf("%+v", n)
	}
	if r.FabricNodes["ring_pve1"].Interfaces[0].NetworkType != "broadcast" || !r.Fabrics["leaf"].BFD || r.FabricNodes["leaf_pve1"].ASN != 65001 {
		t.Errorf("%+v", r)
	}
}

// Each change of a good file breaks one rule, and is told with its object.
func TestParseFabricsRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"spine_pve1", "spin_pve1", `fabric-node spin_pve1: id "spin_pve1": names fabric spin, which does not exist`},
		{"spine_pve1", "spine", `line 7: "openfabric_node: spine" is a section that is given twice: the first one counts`},
		{"openfabric_node", "ospf_node", `fabric-node spine_pve1: type "ospf": is not the protocol of fabric spine, which is openfabric`},
		{"ip 10.0.0.1", "ip 10.0.1.1", `fabric-node spine_pve1: ip "10.0.1.1": is not in the prefix of fabric spine, which is 10.0.0.0/24`},
		{"   ip 10.0.0.1\n", "", `fabric-node spine_pve1: ip: is not set, and fabric spine has the prefix 10.0.0.0/24`},
		{"ip 10.1.0.1", "ip 10.1.0.1\n ip6 fd01::1", `fabric-node ring_pve1: ip6 "fd01::1": is of a family that fabric ring has no prefix of`},
		{"name=ens4", "name=ens1", `fabric-node spine_pve1: interfaces "ens1": is used by fabric ring on this node already`},
		{"10.1.0.0/24", "10.0.0.128/25", `fabric spine: ip_prefix "10.0.0.0/24": overlaps that of fabric ring, which is 10.0.0.128/25`},
		{"	ip_prefix 10.0.0.0/24\n", "", `fabric spine: ip_prefix: is not set, and neither is ip6_prefix: the fabric needs one for the addresses of its nodes`},
		{"	area 0.0.0.1\n", "", `fabric ring: area: is not set, and an OSPF fabric needs it`},
		{"	area 0.0.0.1\n", "	area 1.2\n", `fabric ring: area "1.2": must be a number or written like 0.0.0.1`},
		{"	area 0.0.0.1\n", "	area 1\n	ip6_prefix fd02::/64\n", `fabric ring: ip6_prefix "fd02::/64": is of no use: OSPF version 2 knows IPv4 only; remove it or use openfabric`},
		{"bgp_fabric: leaf", "ospf_fabric: more\n area 1\n ip_prefix 10.2.0.0/24\n\nbgp_fabric: leaf", `fabric ring: area "0.0.0.1": is that of fabric more already`},
		{"ospf_node: ring_pve1", "ospf_node: ring_pve2\n ip 10.1.0.1\nospf_node: ring_pve1", `fabric-node ring_pve2: ip "10.1.0.1": is the address of pve1 already`},
		{"hello_interval 5", "hello_interval 0x5", `fabric spine: hello_interval "0x5": must be a whole number`},
		{"hello_interval 5", "hello_interval 5\n hello_interval 6", `fabric spine: hello_interval "[\"5\",\"6\"]": must be a single value`},
		{"hello_multiplier=3", "hello_multiplier=101", `fabric-node spine_pve1: interfaces "101": hello_multiplier must be 2 to 100`},
		{"name=ens5", "colour=red", `fabric-node leaf_pve1: interfaces "colour=red": has a part that cannot be read: colour=red`},
		{"ip6 fd00::1", "ip6 10.0.0.1", `fabric-node leaf_pve1: ip6 "10.0.0.1": must be an IPv6 address`},
		{"\nOpenFabric_Fabric", "\n	stray\nOpenFabric_Fabric", `line 3: "stray" stands in no section`},
		{"OpenFabric_Fabric: spine", "spine", `line 3: "spine" does not begin a section: it is written like ospf_fabric: myfab`},
	} {
		text := strings.Replace(goodFabrics, c.old, c.new, 1)
		if text == goodFabrics {
			t.Fatalf("%q is not in the file", c.old)
		}
		_, problems, err := running.ParseFabrics(text)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = problems.Errors(false).Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\ngot:  %s\nwant: %s", c.new, got, c.want)
		}
	}
}

// What Proxmox passes over is a warning.
func TestParseFabricsPassesOver(t *testing.T) {
	_, problems, err := running.ParseFabrics("fancy_fabric: x\n a b\n\nospf_fabric: y\n area 1\n ip_prefix 10.0.0.0/24\n colour red\n")
	want := "fabric x: type \"fancy_fabric\": is not a type of section that this release knows; the section is skipped\n" +
		"fabric y: colour: is not a property that this release knows; it is skipped"
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, problems.Error()); d != "" || len(problems.Errors(false)) > 0 {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func FuzzParseFabrics(f *testing.F) {
	f.Add(goodFabrics)
	f.Add("ospf_fabric: a\n area 4294967296\nbgp_node: a_b\n ip6 ::\n interfaces =,,name\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, problems, err := running.ParseFabrics(text)
		if err != nil || len(problems.Errors(false)) > 0 {
			return
		}
		for id, n := range r.FabricNodes {
			if r.Fabrics[n.Fabric] == nil || !n.IP.IsValid() && !n.IP6.IsValid() {
				t.Errorf("node %s passed: %+v", id, n)
			}
		}
	})
}
