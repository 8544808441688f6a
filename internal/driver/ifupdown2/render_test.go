package ifupdown2

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

func address(link, prefix string) desired.Address {
	return desired.Address{Link: link, Prefix: netip.MustParsePrefix(prefix), Owner: "subnet/s"}
}

// overlay is a VNet with a tunnel and a gateway.
func overlay() *desired.Space {
	return &desired.Space{
		Backend: Backend,
		Links: []desired.Link{
			{Name: "vnet1", Kind: desired.LinkBridge, Owner: "vnet/vnet1", MTU: 1450, Alias: "first floor", Bridge: &desired.Bridge{}},
			{Name: "vxlan_vnet1", Kind: desired.LinkVXLAN, Owner: "vnet/vnet1", MTU: 1450, Master: "vnet1", NoLinkLocal: true,
				Port:  &desired.BridgePort{NoLearning: true, NeighSuppress: true},
				VXLAN: &desired.VXLAN{ID: 100, Local: netip.MustParseAddr("10.0.0.1"), Port: 4789}},
		},
		Addresses: []desired.Address{address("vnet1", "10.9.0.1/24"), address("vnet1", "fd00::1/64")},
		Neighbours: []desired.Neighbour{
			{Link: "vxlan_vnet1", MAC: desired.FloodMAC, Dst: netip.MustParseAddr("10.0.0.2")},
			{Link: "vxlan_vnet1", MAC: desired.FloodMAC, Dst: netip.MustParseAddr("10.0.0.3")},
			{Link: "vxlan_vnet1", MAC: "02:00:00:00:00:01", Dst: netip.MustParseAddr("10.0.0.3")},
		},
	}
}

func nothingTaken(string) bool { return false }

const overlayFile = marker + `

# vnet/vnet1
auto vnet1
iface vnet1
	bridge-ports vxlan_vnet1
	bridge-stp off
	bridge-fd 0
	bridge-ports-condone-regex .+
	mtu 1450
	address 10.9.0.1/24
	address fd00::1/64
	alias first floor

# vnet/vnet1
auto vxlan_vnet1
iface vxlan_vnet1
	vxlan-id 100
	vxlan-local-tunnelip 10.0.0.1
	vxlan-port 4789
	vxlan-learning no
	vxlan-remoteip 10.0.0.2
	vxlan-remoteip 10.0.0.3
	bridge-learning off
	bridge-arp-nd-suppress on
	mtu 1450
	ipv6-addrgen off
`

func TestSay(t *testing.T) {
	if d := cmp.Diff(overlayFile, renderFile(renderStanzas(overlay(), nothingTaken))); d != "" {
		t.Error(d)
	}
}

// Every kind of link is rendered, or left out with all that needs it.
func TestSayLeavesToNetlinkWhatIfupdown2HasNoWordsFor(t *testing.T) {
	veth := func(name, peer, master string) desired.Link {
		return desired.Link{Name: name, Kind: desired.LinkVeth, Master: master, Veth: &desired.Veth{Peer: peer}}
	}
	vlan := func(name, parent, master string) desired.Link {
		return desired.Link{Name: name, Kind: desired.LinkVLAN, Master: master, VLAN: &desired.VLAN{Parent: parent, ID: 10}}
	}
	vxlan := func(name, local, master string) desired.Link {
		return desired.Link{Name: name, Kind: desired.LinkVXLAN, Master: master, VXLAN: &desired.VXLAN{ID: 1, Local: netip.MustParseAddr(local), Port: 4789}}
	}
	bridge := func(name, master string, filters bool) desired.Link {
		return desired.Link{Name: name, Kind: desired.LinkBridge, Master: master, Bridge: &desired.Bridge{VLANFiltering: filters}}
	}
	foreign := veth("out", "in", "vmbr0v10")
	foreign.ForeignMaster = true
	want := &desired.Space{Links: []desired.Link{
		bridge("plain", "", false), vlan("eth0.10", "eth0", "plain"), {Name: "dummy", Kind: desired.LinkDummy},
		veth("a", "b", "plain"), veth("b", "a", ""),
		bridge("aware", "", true), vxlan("onaware", "10.0.0.1", "aware"), vlan("aware.5", "aware", "plain"),
		veth("c", "d", "aware"), veth("d", "c", "plain"), // of a pair both or none
		foreign, veth("in", "out", "plain"),
		{Name: "vrf", Kind: desired.LinkVRF, VRF: &desired.VRF{Table: 7}}, bridge("invrf", "vrf", false), vxlan("deep", "10.0.0.1", "invrf"),
		vxlan("six", "fd00::1", "plain"),
		bridge("taken", "", false), vxlan("port", "10.0.0.1", "taken"),
	}}
	var got []string
	for _, s := range renderStanzas(want, func(name string) bool { return name == "taken" }) {
		got = append(got, s.name)
	}
	if d := cmp.Diff([]string{"a", "b", "dummy", "eth0.10", "plain"}, got); d != "" {
		t.Error(d)
	}
}

// What people write must not become part of ifupdown2's templates.
func TestAliasesThatAreNoPlainTextStayOut(t *testing.T) {
	for alias, want := range map[string]bool{
		"first floor, room 2": true, "": false, "${open('/etc/shadow')}": false, "% import os": false, "a\nauto eth0": false,
		"two  blanks": false, " ahead": false, `\`: false, "ümlaut": false,
	} {
		n := overlay()
		n.Links[0].Alias = alias
		if got := strings.Contains(renderFile(renderStanzas(n, nothingTaken)), "\talias "); got != want {
			t.Errorf("alias %q: in the file: %v", alias, got)
		}
	}
}

// A file that was read says what was written.
func TestFileIsReadAsItWasWritten(t *testing.T) {
	want := renderStanzas(overlay(), nothingTaken)
	parsed, err := interfaces.Parse(renderFile(want))
	if err != nil {
		t.Fatal(err)
	}
	var have []stanza
	for _, s := range parsed.Stanzas {
		have = append(have, stanza{name: s.Name, options: s.Options})
	}
	if changes, _ := compare(have, want); len(changes) > 0 {
		t.Errorf("%v", changes)
	}
	have[0].options = append(have[0].options, interfaces.Option{Name: "post-up", Value: "true"})
	if changes, _ := compare(have, want); len(changes) != 1 {
		t.Errorf("a line that somebody added is not seen: %v", changes)
	}
}

func TestWhatCannotChangeIsReplaced(t *testing.T) {
	before := renderStanzas(overlay(), nothingTaken)
	n := overlay()
	n.Links[1].VXLAN.ID, n.Links[1].MTU, n.Links[0].MTU = 101, 1400, 1400
	changes, replaced := compare(before, renderStanzas(n, nothingTaken))
	if len(changes) != 2 || !cmp.Equal(replaced, []string{"vxlan_vnet1"}) {
		t.Errorf("changes %v, replaced %v", changes, replaced)
	}
}
