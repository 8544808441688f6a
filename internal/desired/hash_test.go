package desired

import (
	"encoding/json"
	"net/netip"
	"testing"
)

// Whatever is another in a state makes another hash, and hashing changes nothing.
func TestHash(t *testing.T) {
	state := func(change func(*DHCPNetwork, *NameView, *Node)) *Node {
		ip := netip.MustParseAddr("10.0.0.5")
		n := &Node{Space: Space{
			DHCP: []DHCPServer{{Zone: "z", Networks: []DHCPNetwork{
				{Link: "v1", Hosts: []DHCPHost{{MAC: "bc:24:11:00:00:01", IPs: []netip.Addr{ip}, Name: "web"}}}, {Link: "v2"},
			}}},
			NameServer: &NameServer{Views: []NameView{{Zone: "z", Names: []NameEntry{{Name: "web.lab.example", IPs: []netip.Addr{ip}}}}}},
		}}
		change(&n.DHCP[0].Networks[0], &n.NameServer.Views[0], n)
		return n
	}
	same := func(*DHCPNetwork, *NameView, *Node) {}
	seen := map[string]int{state(same).Hash(): -1}
	for i, change := range []func(*DHCPNetwork, *NameView, *Node){
		func(d *DHCPNetwork, _ *NameView, _ *Node) { d.Hosts[0].MAC = "bc:24:11:00:00:02" },
		func(d *DHCPNetwork, _ *NameView, _ *Node) { d.Hosts[0].Name = "" },
		func(d *DHCPNetwork, _ *NameView, _ *Node) { d.Hosts[0].IPs = nil },
		func(d *DHCPNetwork, _ *NameView, _ *Node) { d.Hosts = nil },
		func(d *DHCPNetwork, _ *NameView, n *Node) { n.DHCP[0].Networks[1].Hosts, d.Hosts = d.Hosts, nil },
		func(d *DHCPNetwork, _ *NameView, _ *Node) { d.MTU = 1400 },
		func(_ *DHCPNetwork, v *NameView, _ *Node) { v.Names[0].Name = "db.lab.example" },
		func(_ *DHCPNetwork, v *NameView, _ *Node) { v.Names[0].IPs[0] = v.Names[0].IPs[0].Next() },
		func(_ *DHCPNetwork, v *NameView, _ *Node) { v.Names = append(v.Names, NameEntry{}) },
		func(_ *DHCPNetwork, _ *NameView, n *Node) { n.NameServer = nil },
		func(_ *DHCPNetwork, _ *NameView, n *Node) { n.Backend = "ifupdown2" },
	} {
		h := state(change).Hash()
		if was, twice := seen[h]; twice {
			t.Errorf("changes %d and %d make one hash", was, i)
		}
		seen[h] = i
	}
	n := state(same)
	if first := n.Hash(); n.Hash() != first || len(n.DHCP[0].Networks[0].Hosts) != 1 || len(n.NameServer.Views[0].Names) != 1 {
		t.Error("hashing changed the state")
	}
}

// What the host has stands at the top level of the JSON, as it did before there were named
// spaces: a reader of either release reads what the other wrote.
func TestHostStandsAtTheTop(t *testing.T) {
	n := &Node{Space: Space{Links: []Link{{Name: "v1", Kind: LinkBridge, Owner: "vnet/v1"}}, Backend: "ifupdown2"}}
	const old = `{"links":[{"name":"v1","kind":"bridge","owner":"vnet/v1"}],"backend":"ifupdown2"}`
	if got, err := json.Marshal(n); err != nil || string(got) != old {
		t.Errorf("%s, %v; want %s", got, err, old)
	}
	n.Spaces = []NamedSpace{{Name: "red", Owner: "sector/red", Space: Space{Links: []Link{{Name: "lo0", Kind: LinkDummy, Owner: "sector/red"}}}}}
	const now = `{"links":[{"name":"v1","kind":"bridge","owner":"vnet/v1"}],"backend":"ifupdown2",` +
		`"spaces":[{"name":"red","owner":"sector/red","links":[{"name":"lo0","kind":"dummy","owner":"sector/red"}]}]}`
	got, err := json.Marshal(n)
	if err != nil || string(got) != now {
		t.Errorf("%s, %v; want %s", got, err, now)
	}
	var back Node
	if err := json.Unmarshal(got, &back); err != nil || back.Hash() != n.Hash() {
		t.Errorf("read back: %+v, %v", back, err)
	}
}
