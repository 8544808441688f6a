package agent

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ranges makes ranges of VLANs of their ends.
func ranges(ends ...int) []model.VLANRange {
	var out []model.VLANRange
	for i := 0; i < len(ends); i += 2 {
		out = append(out, model.VLANRange{First: ends[i], Last: ends[i+1]})
	}
	return out
}

// Of a VLAN-aware bridge the ports are told that are neither guests' nor Viaduct's, with
// what they carry both ways; of the bridge itself only the VLAN of untagged frames, for
// Viaduct makes it a member of others.
func TestVLANsOfAwareBridges(t *testing.T) {
	on, off := true, false
	links := []rtnl.Link{
		{Index: 1, Name: "vmbr0", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &on}},
		{Index: 2, Name: "plain", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &off}},
		{Index: 3, Name: "v5", Kind: "bridge", Group: desired.LinkGroup, Bridge: &rtnl.BridgeInfo{VLANFiltering: &on}},
		{Index: 4, Name: "eth1", Master: 1},
		{Index: 5, Name: "bond0", Kind: "bond", Master: 1},
		{Index: 6, Name: "tap100i0", Kind: "tun", Master: 1},
		{Index: 7, Name: "fwpr100p0", Kind: "veth", Master: 1},
		{Index: 8, Name: "pr_v5", Kind: "veth", Master: 1, Group: desired.LinkGroup},
		{Index: 9, Name: "eth2", Master: 2},
		{Index: 10, Name: "eth3", Master: 3},
		{Index: 11, Name: "oneway", Kind: "veth", Master: 1},
	}
	vlans := map[int][]rtnl.VLANRange{
		1:  {{First: 1, Last: 1, PVID: true, Untagged: true}, {First: 40, Last: 40}},
		4:  {{First: 1, Last: 1, PVID: true, Untagged: true}, {First: 10, Last: 10}, {First: 11, Last: 20}, {First: 30, Last: 30}},
		5:  {{First: 30, Last: 30, PVID: true, Untagged: true}},
		11: {{First: 5, Last: 5, Untagged: true}, {First: 6, Last: 6, PVID: true}},
	}
	want := []model.BridgeVLANs{{Bridge: "vmbr0", Native: 1, Ports: []model.PortVLANs{
		{Name: "bond0", Kind: "bond", Native: 30},
		{Name: "eth1", Tagged: ranges(10, 20, 30, 30), Native: 1},
		{Name: "oneway", Kind: "veth", Tagged: ranges(6, 6)},
	}}}
	if d := cmp.Diff(want, sortBridges(awareBridges(links, vlans, marked))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// The modes of ports of Open vSwitch (ovs-vswitchd.conf.db(5)).
func TestVLANsOfSwitchPorts(t *testing.T) {
	for name, c := range map[string]struct {
		port   ovs.Port
		tagged []model.VLANRange
		native int
	}{
		"all":                       {ovs.Port{}, ranges(1, 4094), 0},
		"trunks":                    {ovs.Port{Trunks: []int{0, 10, 11, 20}}, ranges(10, 11, 20, 20), 0},
		"access by tag":             {ovs.Port{Tag: 30, Tagged: true}, nil, 30},
		"access with trunks":        {ovs.Port{Tag: 30, Tagged: true, Trunks: []int{10}}, nil, 30},
		"access without tag":        {ovs.Port{Mode: "access"}, nil, 0},
		"trunk with tag":            {ovs.Port{Mode: "trunk", Tag: 30, Tagged: true, Trunks: []int{10}}, ranges(10, 10), 0},
		"native-tagged":             {ovs.Port{Mode: "native-tagged", Tag: 30, Tagged: true, Trunks: []int{10}}, ranges(10, 10, 30, 30), 0},
		"native-tagged of all":      {ovs.Port{Mode: "native-tagged", Tag: 30, Tagged: true}, ranges(1, 4094), 0},
		"native-untagged":           {ovs.Port{Mode: "native-untagged", Tag: 30, Tagged: true, Trunks: []int{10, 30}}, ranges(10, 10), 30},
		"native-untagged of all":    {ovs.Port{Mode: "native-untagged", Tag: 30, Tagged: true}, ranges(1, 29, 31, 4094), 30},
		"native-untagged, no tag":   {ovs.Port{Mode: "native-untagged"}, ranges(1, 4094), 0},
		"the first, untagged":       {ovs.Port{Mode: "native-untagged", Tag: 1, Tagged: true}, ranges(2, 4094), 1},
		"tunnel of VLANs":           {ovs.Port{Mode: "dot1q-tunnel", Tag: 30, Tagged: true}, nil, 30},
		"trunk of untagged frames":  {ovs.Port{Trunks: []int{0}}, nil, 0},
		"trunks of all but a range": {ovs.Port{Trunks: []int{1, 2, 4094}}, ranges(1, 2, 4094, 4094), 0},
	} {
		t.Run(name, func(t *testing.T) {
			tagged, native := switchVLANs(c.port)
			if d := cmp.Diff(c.tagged, tagged); d != "" || native != c.native {
				t.Errorf("native %d, want %d; tagged (-want +got):\n%s", native, c.native, d)
			}
		})
	}
}

// Ports of guests, internal ones and bridges of ours are left out; a bond is one port, and
// a patch knows its other end.
func TestSwitchBridges(t *testing.T) {
	bridges := []ovs.Bridge{
		{Name: "vmbr0", Ports: []ovs.Port{
			{Name: "bond0", Interfaces: []string{"eth1", "eth2"}, Type: "bond"},
			{Name: "eth3", Interfaces: []string{"eth3"}},
			{Name: "fwln100o0", Interfaces: []string{"fwln100o0"}, Type: "internal"},
			{Name: "mgmt", Interfaces: []string{"mgmt"}, Type: "internal"},
			{Name: "tap100i0", Interfaces: []string{"tap100i0"}},
			{Name: "patch0", Interfaces: []string{"patch0"}, Type: "patch", Peer: "patch1"},
			{Name: "veth0", Interfaces: []string{"veth0"}, Type: "system"},
		}},
		{Name: "z_q", Ours: true, Ports: []ovs.Port{{Name: "eth9", Interfaces: []string{"eth9"}}}},
	}
	all := ranges(1, 4094)
	want := []model.BridgeVLANs{{Bridge: "vmbr0", Ports: []model.PortVLANs{
		{Name: "bond0", Kind: "bond", Tagged: all}, {Name: "eth3", Tagged: all},
		{Name: "patch0", Kind: "patch", Peer: "patch1", Tagged: all}, {Name: "veth0", Kind: "veth", Tagged: all},
	}}}
	if d := cmp.Diff(want, sortBridges(switchBridges(bridges, map[string]string{"veth0": "veth", "eth3": ""}))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A VLAN device of ours that the operator gave an address is a fact as his others are.
func TestClaimedDeviceIsAFact(t *testing.T) {
	on := true
	links := []rtnl.Link{
		{Index: 1, Name: "vmbr0", Kind: "bridge", Bridge: &rtnl.BridgeInfo{VLANFiltering: &on}},
		{Index: 2, Name: "v40", Kind: "bridge", Group: desired.LinkGroup, Bridge: &rtnl.BridgeInfo{}},
		{Index: 3, Name: "vmbr0.40", Kind: "vlan", Group: desired.LinkGroup, Parent: 1, Master: 2, VLAN: &rtnl.VLANInfo{ID: 40}},
	}
	for name, addrs := range map[string][]rtnl.Address{"ours": nil, "claimed": {{Index: 3, Prefix: netip.MustParsePrefix("10.40.0.1/24")}}} {
		got, _ := interfaces(links, addrs, nil)
		if there := len(got) == 2 && got[1].Name == "vmbr0.40"; there != (name == "claimed") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A kernel without VLAN-aware bridges is not asked for VLANs.
func TestNoBridgesThatTellVLANsApart(t *testing.T) {
	if out, err := bridgeVLANs(context.Background(), nil, []rtnl.Link{{Index: 1, Name: "plain", Kind: "bridge", Bridge: &rtnl.BridgeInfo{}}}, nil, nil); out != nil || err != nil {
		t.Errorf("%v, %v", out, err)
	}
}
