package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

func TestInterfaces(t *testing.T) {
	on := true
	links := []rtnl.Link{
		{Index: 1, Name: "lo", Loopback: true},
		{Index: 2, Name: "eth0", Up: true, MTU: 9000, Master: 4, AltNames: []string{"enp1s0", "enP2s0"}},
		{Index: 3, Name: "ovs-system", Kind: "openvswitch"},
		{Index: 4, Name: "vmbr0", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &on}},
		{Index: 5, Name: "eth1", Master: 3},
		{Index: 6, Name: "ln_vn1", Kind: "openvswitch", Master: 3},
		{Index: 7, Name: "vmbr1", Kind: "openvswitch", Master: 3},
		{Index: 8, Name: "vrf_z", Kind: "vrf", Group: desired.LinkGroup, VRFTable: 5},
		{Index: 9, Name: "eth2", Master: 8},
		{Index: 10, Name: "tap100i0", Kind: "tun", Master: 4},
		{Index: 11, Name: "eth0.100", Kind: "vlan", Parent: 2, Master: 12, VLAN: &rtnl.VLANInfo{ID: 100}},
		{Index: 12, Name: "vmbr0v100", Kind: "bridge", Bridge: &rtnl.BridgeInfo{}},
		{Index: 13, Name: "vn1", Kind: "bridge", Group: desired.DoomedGroup},
	}
	addrs := []rtnl.Address{{Index: 4, Prefix: netip.MustParsePrefix("192.0.2.1/24")}}
	got, names := interfaces(links, addrs, map[string]ovsPort{"eth1": {bridge: "vmbr1"}, "ln_vn1": {bridge: "vmbr1", owned: true}})
	want := []model.Interface{
		{Name: "eth0", Up: true, MTU: 9000, Master: "vmbr0", AltNames: []string{"enP2s0", "enp1s0"}},
		{Name: "eth0.100", Kind: "vlan", Master: "vmbr0v100", VLAN: &model.VLANDevice{Parent: "eth0", ID: 100}},
		{Name: "eth1", Master: "vmbr1"},
		{Name: "eth2", Master: "vrf_z"},
		{Name: "lo"},
		{Name: "ovs-system", Kind: "openvswitch"},
		{Name: "vmbr0", Kind: "bridge", VLANFiltering: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
		{Name: "vmbr0v100", Kind: "bridge"},
		{Name: "vmbr1", Kind: "openvswitch"},
	}
	for i := range got {
		got[i].AcceptRA = 0 // of this machine's own interfaces
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if names[2] != "eth0" || names[6] != "" || names[8] != "" {
		t.Errorf("names: %v", names)
	}
}

func TestFactsOfANamespace(t *testing.T) {
	ns := scratch.New(t)
	for _, command := range []string{"ip link add vmbr0 type bridge", "ip link add e0 type veth peer name e1", "ip link set e0 master vmbr0", "ip link property add dev e0 altname uplink0"} {
		scratch.Run(t, ns, command)
	}
	conn, err := rtnl.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	none := func(context.Context) ([]ovs.Bridge, bool, error) { return []ovs.Bridge{{Name: "vmbr9"}}, true, nil }
	f, err := readFacts(context.Background(), conn, "v1", nil, none, nil)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]model.Interface{}
	for _, i := range f.Interfaces {
		byName[i.Name] = i
	}
	if e0 := byName["e0"]; e0.Kind != "veth" || e0.Master != "vmbr0" || len(e0.AltNames) != 1 || e0.AltNames[0] != "uplink0" {
		t.Errorf("e0: %+v", e0)
	}
	if byName["vmbr0"].Kind != "bridge" || !f.OVS || !cmp.Equal(f.OVSBridges, []string{"vmbr9"}) {
		t.Errorf("facts: %+v", f)
	}
	// Facts without Open vSwitch's part would take networks down that need it.
	failing := func(context.Context) ([]ovs.Bridge, bool, error) { return nil, false, errors.New("hangs") }
	if _, err := readFacts(context.Background(), conn, "v1", nil, failing, nil); err == nil {
		t.Error("a fault of Open vSwitch was not told")
	}
}

// Routes with several ways out, which are what a fabric has, are facts as others
// are, whatever family the next hops are of.
func TestRoutesWithSeveralWays(t *testing.T) {
	ns := scratch.New(t)
	for _, command := range []string{
		"ip link add e0 mtu 9000 type veth peer name p0", "ip link add e1 mtu 1600 type veth peer name p1",
		"ip link set e0 up", "ip link set e1 up", "ip link set p0 up", "ip link set p1 up",
		"ip addr add 172.16.0.1/24 dev e0", "ip addr add 172.16.1.1/24 dev e1",
		"ip -6 addr add fd00:1::1/64 dev e0 nodad", "ip -6 addr add fd00:2::1/64 dev e1 nodad",
		"ip route add 10.255.0.2/32 src 172.16.1.1 metric 20 nexthop via 172.16.0.2 dev e0 nexthop via 172.16.1.2 dev e1",
		"ip route add 10.255.0.3/32 nexthop via inet6 fe80::2 dev e0 nexthop via inet6 fe80::3 dev e1",
		"ip -6 route add fd00:255::2/128 nexthop via fd00:1::2 dev e0 nexthop via fd00:2::2 dev e1",
	} {
		scratch.Run(t, ns, command)
	}
	conn, err := rtnl.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	none := func(context.Context) ([]ovs.Bridge, bool, error) { return nil, false, nil }
	f, err := readFacts(context.Background(), conn, "v1", nil, none, nil)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]model.Hop{
		"10.255.0.2":  {Dev: "e1", Src: netip.MustParseAddr("172.16.1.1"), MTU: 1600},
		"10.255.0.3":  {Dev: "e1", Src: netip.MustParseAddr("172.16.0.1"), MTU: 1600},
		"fd00:255::2": {Dev: "e1", Src: netip.MustParseAddr("fd00:1::1"), MTU: 1600},
	} {
		if got, ok := f.RouteTo(netip.MustParseAddr(to)); !ok || got != want {
			t.Errorf("to %s: %+v, %v, want %+v; routes %+v", to, got, ok, want, f.Routes)
		}
	}
}

func TestResolvers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	text := "# mine\nnameserver 192.0.2.1\nsearch lab\nnameserver\nnameserver nonsense\n nameserver fe80::1%eth0 # there\nnameserver 192.0.2.1\noptions edns0\nnameserver 2001:db8::1\nnameserver 192.0.2.4\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(resolvers(path)); got != "[192.0.2.1 fe80::1%eth0 2001:db8::1]" {
		t.Errorf("got %s", got)
	}
	if got := resolvers(path + "-missing"); got != nil {
		t.Errorf("got %v of a file that is missing", got)
	}
}
