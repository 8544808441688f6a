package ovs

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// A node's facts have the VLANs of the ports that Viaduct does not own as the database has them,
// and a change of any of their columns is noticed.
func TestProbeTellsVLANs(t *testing.T) {
	l := start(t)
	l.bridge("vmbr0")
	l.bridge("phys")
	l.vsctl("add-port", "vmbr0", "eth1", "--", "set", "port", "eth1", "trunks=20,10")
	l.vsctl("add-bond", "vmbr0", "bond0", "eth3", "eth2", "--", "set", "port", "bond0", "tag=30", "vlan_mode=native-untagged")
	l.vsctl("add-port", "vmbr0", "p0", "tag=5", "--", "set", "interface", "p0", "type=patch", "options:peer=p1")
	l.vsctl("add-port", "phys", "p1", "--", "set", "interface", "p1", "type=patch", "options:peer=p0")
	l.vsctl("add-port", "vmbr0", "mgmt", "--", "set", "interface", "mgmt", "type=internal")
	if _, err := l.d.Reconcile(context.Background(), &desired.Space{OVSPorts: []desired.OVSPort{{Name: "ln_v", Bridge: "vmbr0", Tag: 30, Owner: "vnet/v"}}}, false); err != nil {
		t.Log(err) // no switch runs, so nobody makes the port
	}
	ports := func() []Port {
		t.Helper()
		bridges, _, err := l.d.Probe(context.Background())
		if err != nil || len(bridges) != 2 {
			t.Fatalf("%+v %v", bridges, err)
		}
		return append(bridges[1].Ports, bridges[0].Ports...)
	}
	want := []Port{
		{Name: "bond0", Interfaces: []string{"eth2", "eth3"}, Type: "bond", Tag: 30, Tagged: true, Mode: "native-untagged"},
		{Name: "eth1", Interfaces: []string{"eth1"}, Trunks: []int{10, 20}},
		{Name: "mgmt", Interfaces: []string{"mgmt"}, Type: "internal"},
		{Name: "p0", Interfaces: []string{"p0"}, Type: "patch", Peer: "p1", Tag: 5, Tagged: true},
		{Name: "p1", Interfaces: []string{"p1"}, Type: "patch", Peer: "p0"},
	}
	if d := cmp.Diff(want, ports()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	wake, _ := l.d.Events(t.Context()) // never fails
	l.until("the subscription stands", func() bool {
		l.vsctl("set", "bridge", "phys", "external_ids:turn=1")
		l.vsctl("remove", "bridge", "phys", "external_ids", "turn")
		return len(wake) > 0
	})
	for _, change := range [][]string{{"trunks=10"}, {"tag=7"}, {"vlan_mode=native-tagged"}} {
		for settled := false; !settled; {
			select {
			case <-wake:
			case <-time.After(200 * time.Millisecond):
				settled = true
			}
		}
		l.vsctl(append([]string{"set", "port", "eth1"}, change...)...)
		select {
		case <-wake:
		case <-time.After(5 * time.Second):
			t.Errorf("%v: no wake-up", change)
		}
	}
	want[1].Trunks, want[1].Tag, want[1].Tagged, want[1].Mode = []int{10}, 7, true, "native-tagged"
	if d := cmp.Diff(want, ports()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
