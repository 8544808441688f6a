package frr

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// guests makes an EVPN network with a guest behind a port of its bridge, as it is after
// the guest has spoken, and returns what is desired of it.
func (l *lab) guests() *desired.Space {
	l.t.Helper()
	for _, c := range []string{
		"ip link set lo up",
		"ip link add name net1 address 32:f4:05:fe:6c:0a type bridge",
		"ip link set net1 up",
		"ip addr add 10.0.1.1/24 dev net1",
		"ip link add vx1 type vxlan id 11000 local 192.168.0.1 dstport 4789 nolearning",
		"ip link set vx1 master net1",
		"ip link set vx1 up",
		"ip link add tap1 type veth peer name guest1",
		"ip link set tap1 master net1",
		"ip link set guest1 addrgenmode none",
		"ip link set tap1 up",
		"ip link set guest1 up",
	} {
		scratch.Run(l.t, l.opts.Namespace, c)
	}
	// A port learns nothing before the kernel has taken note of its carrier.
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		if strings.Contains(scratch.Run(l.t, l.opts.Namespace, "bridge link show dev tap1"), "state forwarding") {
			break
		}
		if time.Now().After(deadline) {
			l.t.Fatal("the guest's port does not forward")
		}
	}
	for _, c := range []string{
		"bridge fdb replace 02:00:00:00:00:01 dev tap1 master dynamic",
		"ip neigh replace 10.0.1.5 lladdr 02:00:00:00:00:01 dev net1 nud stale",
		// What is not the node's own guest, or not dynamic.
		"bridge fdb replace 02:00:00:00:00:02 dev vx1 master dynamic extern_learn",
		"ip neigh replace 10.0.1.6 lladdr 02:00:00:00:00:02 dev net1 nud noarp extern_learn",
		"bridge fdb replace 02:00:00:00:00:03 dev tap1 master static",
		"ip neigh replace 10.0.1.7 lladdr 02:00:00:00:00:03 dev net1 nud permanent",
	} {
		scratch.Run(l.t, l.opts.Namespace, c)
	}
	return &desired.Space{FRR: config(evpn, "bfdd", "bgpd"), Links: []desired.Link{
		{Name: "net1", Kind: desired.LinkBridge, Bridge: &desired.Bridge{}},
		{Name: "vx1", Kind: desired.LinkVXLAN, Master: "net1", Port: &desired.BridgePort{NoLearning: true}, VXLAN: &desired.VXLAN{ID: 11000}},
	}}
}

// clocked is the driver with answers and a clock of the test's.
func (l *lab) clocked(now *time.Time, macs, addresses *string) *hosts {
	h := l.d.Hosts().(*hosts)
	h.now = func() time.Time { return *now }
	h.show = func(_ context.Context, _, command string) (string, error) {
		if strings.Contains(command, " mac ") {
			return *macs, nil
		}
		return *addresses, nil
	}
	return h
}

func reconcile(t *testing.T, d driver.Driver, want *desired.Space) driver.Result {
	t.Helper()
	r, err := d.Reconcile(context.Background(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A guest that zebra does not have is relearned, after some time, and so is its
// address; whatever else is in the kernel's tables stays.
func TestHostsThatFRRMissed(t *testing.T) {
	const seen = `{"11000":{"numMacs":1,"macs":{"02:00:00:00:00:01":{"type":"local","intf":"tap1"}}}}`
	const active = `{"11000":{"numArpNd":1,"10.0.1.5":{"type":"local","state":"active","mac":"02:00:00:00:00:01"}}}`
	for name, c := range map[string]struct {
		macs, addresses string
		// learned tells that the MAC address is, probed that the address is.
		learned, probed bool
	}{
		"seen":           {seen, active, false, false},
		"unknown":        {"{}", `{"11000":{"numArpNd":0}}`, true, true},
		"elsewhere":      {`{"11000":{"macs":{"02:00:00:00:00:01":{"type":"remote","remoteVtep":"192.168.0.2"}}}}`, `{"11000":{"10.0.1.5":{"type":"remote","state":"active","mac":"02:00:00:00:00:01"}}}`, true, true},
		"inactive":       {seen, `{"11000":{"10.0.1.5":{"type":"local","state":"inactive","mac":"02:00:00:00:00:01"}}}`, false, true},
		"not FRR's VNI":  {"{}", "{}", false, false},
		"says no number": {"", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			want := l.guests()
			l.apply(want.FRR)
			now := time.Now()
			h := l.clocked(&now, &c.macs, &c.addresses)
			before := scratch.Run(t, l.opts.Namespace, "bridge fdb show br net1")
			for range 2 { // at once there is nothing to say
				if r := reconcile(t, h, want); r.Writes != 0 {
					t.Errorf("at once: %v", r.Changes)
				}
			}
			now = now.Add(learnTimeout)
			wrote := 0
			for _, yes := range []bool{c.learned, c.probed} {
				if yes {
					wrote++
				}
			}
			if r := reconcile(t, h, want); r.Writes != wrote || len(r.Changes) != wrote {
				t.Errorf("%d writes, want %d: %v", r.Writes, wrote, r.Changes)
			}
			after := scratch.Run(t, l.opts.Namespace, "bridge fdb show br net1")
			if c.learned {
				before = strings.Replace(before, "02:00:00:00:00:01 dev tap1 master net1 \n", "", 1)
			}
			if after != before {
				t.Errorf("the forwarding table is\n%s\nwant\n%s", after, before)
			}
			neighbours := scratch.Run(t, l.opts.Namespace, "ip neigh show dev net1")
			if stale := strings.Contains(neighbours, "10.0.1.5 lladdr 02:00:00:00:00:01 STALE"); stale == c.probed {
				t.Errorf("10.0.1.5 was asked: %v\n%s", !stale, neighbours)
			}
			contains(t, neighbours, "10.0.1.7 lladdr 02:00:00:00:00:03 PERMANENT", "10.0.1.6 lladdr 02:00:00:00:00:02")
			if r := reconcile(t, h, want); r.Writes != 0 {
				t.Errorf("again at once: %v", r.Changes)
			}
		})
	}
}

// FRR that runs says what it has in the words that the driver reads: it is reminded of
// nothing that it knows.
func TestHostsThatFRRHas(t *testing.T) {
	l := newLab(t)
	want := l.guests()
	l.apply(want.FRR)
	h := l.d.Hosts().(*hosts)
	key := host{vni: 11000, mac: "02:00:00:00:00:01"}
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(50 * time.Millisecond) {
		known, err := h.learned(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		address := key
		address.ip = netip.MustParseAddr("10.0.1.5")
		if known.hosts[key] && known.hosts[address] {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("FRR has %+v", known)
		}
	}
	now := time.Now()
	h.now = func() time.Time { return now }
	for range 3 {
		if r := reconcile(t, h, want); r.Writes != 0 {
			t.Errorf("reminded: %v", r.Changes)
		}
		now = now.Add(learnTimeout)
	}
	if len(h.unseen) != 0 {
		t.Errorf("not seen: %v", h.unseen)
	}
}
