package ovs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

func contains(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("missing %q in\n%s", text, output)
		}
	}
}

func TestPorts(t *testing.T) {
	l := start(t)
	l.startSwitch()
	l.bridge("vmbr0")
	l.bridge("vmbr1")
	l.vsctl("add-port", "vmbr0", "theirs", "--", "set", "interface", "theirs", "type=internal")
	before := l.vsctl("--columns=name,tag,vlan_mode,external_ids,interfaces", "list", "port", "theirs") + l.vsctl("--columns=name,other_config,external_ids", "list", "bridge")

	plain := desired.OVSPort{Name: "ln_vn1", Bridge: "vmbr0", Tag: 100, MTU: 1400, Owner: "vnet/vn1"}
	qinq := desired.OVSPort{Name: "sv_q", Bridge: "vmbr1", Tag: 10, QinQ: true, EtherType: "802.1ad", Owner: "zone/q"}
	got := l.reconcile(plain, qinq)
	if d := cmp.Diff([]string{
		"~ ovs-port other_config:vlan-limit of Open vSwitch: vlan-limit 2",
		"+ ovs-port ln_vn1: bridge vmbr0, tag 100, mtu 1400",
		"+ ovs-port sv_q: bridge vmbr1, tag 10, qinq on, ethertype 802.1ad",
	}, got); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	// The interfaces are there as soon as Reconcile returns.
	contains(t, l.run("ip", "link", "show", "ln_vn1"), "mtu 1400")
	l.run("ip", "link", "show", "sv_q")
	contains(t, l.vsctl("list-ports", "vmbr0"), "ln_vn1", "theirs")
	contains(t, l.vsctl("list", "port", "ln_vn1"), "tag                 : 100", `viaduct="1"`, "viaduct-owner=\"vnet/vn1\"")
	contains(t, l.vsctl("list", "port", "sv_q"), "dot1q-tunnel", `qinq-ethtype="802.1ad"`)

	// In place: the interface stays the same.
	index := l.run("cat", "/proc/net/dev_snmp6/ln_vn1")
	plain.Tag, plain.MTU, plain.Owner = 101, 0, "vnet/other"
	qinq.EtherType = "802.1q"
	if d := cmp.Diff([]string{
		"~ ovs-port ln_vn1: tag 100 -> 101, mtu 1400 removed, owner vnet/vn1 -> vnet/other",
		"~ ovs-port sv_q: ethertype 802.1ad -> 802.1q",
	}, l.reconcile(plain, qinq)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if now := l.run("cat", "/proc/net/dev_snmp6/ln_vn1"); strings.SplitN(now, "\n", 2)[0] != strings.SplitN(index, "\n", 2)[0] {
		t.Error("the interface was made anew")
	}
	// Drift, and a move to another bridge.
	l.vsctl("set", "port", "sv_q", "vlan_mode=trunk")
	plain.Bridge = "vmbr1"
	if d := cmp.Diff([]string{
		"± ovs-port ln_vn1: bridge vmbr0 -> vmbr1",
		"~ ovs-port sv_q: qinq off -> on, vlan-mode trunk removed",
	}, l.reconcile(plain, qinq)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	contains(t, l.vsctl("list-ports", "vmbr1"), "ln_vn1", "sv_q")
	l.run("ip", "link", "show", "ln_vn1")

	bridges, running, err := l.d.Probe(context.Background())
	if err != nil || !running {
		t.Fatal(running, err)
	}
	if d := cmp.Diff([]Bridge{
		{Name: "vmbr0", Interfaces: []Interface{{Name: "theirs"}}, Ports: []Port{{Name: "theirs", Interfaces: []string{"theirs"}, Type: "internal"}}},
		{Name: "vmbr1", Interfaces: []Interface{{Name: "ln_vn1", Ours: true}, {Name: "sv_q", Ours: true}}},
	}, bridges); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}

	if d := cmp.Diff([]string{"- ovs-port ln_vn1", "- ovs-port sv_q"}, l.reconcile()); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if out := l.run("ip", "-br", "link"); strings.Contains(out, "ln_vn1") || strings.Contains(out, "sv_q") || !strings.Contains(out, "theirs") {
		t.Errorf("after removal:\n%s", out)
	}
	if rows := l.vsctl("--columns=name", "list", "interface"); strings.Contains(rows, "sv_q") {
		t.Errorf("rows were left:\n%s", rows)
	}
	if after := l.vsctl("--columns=name,tag,vlan_mode,external_ids,interfaces", "list", "port", "theirs") + l.vsctl("--columns=name,other_config,external_ids", "list", "bridge"); after != before {
		t.Errorf("something foreign was touched:\n%s\n%s", before, after)
	}
}

func TestFaultsBelongToTheirObjects(t *testing.T) {
	l := start(t)
	l.startSwitch()
	l.bridge("vmbr0")
	l.vsctl("add-port", "vmbr0", "theirs", "--", "set", "interface", "theirs", "type=internal")
	l.run("ip", "link", "add", "taken", "type", "bridge")
	want := &desired.Space{OVSPorts: []desired.OVSPort{
		{Name: "a", Bridge: "vmbr9", Tag: 5, Owner: "vnet/a"},
		{Name: "good", Bridge: "vmbr0", Tag: 5, Owner: "vnet/good"},
		{Name: "t", Bridge: "vmbr0", Tag: 5000, Owner: "vnet/t"},
		{Name: "taken", Bridge: "vmbr0", Tag: 5, Owner: "vnet/taken"},
		{Name: "theirs", Bridge: "vmbr0", Tag: 5, Owner: "vnet/theirs"},
	}}
	r, err := l.d.Reconcile(context.Background(), want, false)
	got := failures(err)
	if len(got) != 4 {
		t.Fatalf("errors: %q", got)
	}
	contains(t, got[0], "vnet/a: port a: Open vSwitch has no bridge vmbr9 on this node: make it (ovs-vsctl add-br vmbr9")
	contains(t, got[1], "vnet/t: port t: VLAN 5000 is not between 1 and 4094")
	contains(t, got[2], "vnet/theirs: Open vSwitch port theirs (of bridge vmbr0) exists on this node")
	contains(t, got[3], "vnet/taken: Open vSwitch could not make interface taken of bridge vmbr0: could not")
	var conflict *driver.Conflict
	if !errors.As(err, &conflict) || len(driver.NodeErrors(err)) != 0 {
		t.Errorf("errors: %v", err)
	}
	if d := cmp.Diff([]string{"+ ovs-port good: bridge vmbr0, tag 5", "+ ovs-port taken: bridge vmbr0, tag 5"}, lines(r)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.run("ip", "link", "show", "good")
	// It is reported as long as it lasts.
	r, err = l.d.Reconcile(context.Background(), want, false)
	if len(r.Changes) != 0 || len(failures(err)) != 4 {
		t.Errorf("second pass: %v %v", r.Changes, err)
	}
}

func TestConcurrentChangesAreNoticed(t *testing.T) {
	l := start(t)
	l.bridge("vmbr0")
	ctx := context.Background()
	c, err := dial(ctx, l.d.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	// try makes a plan, lets something happen, and carries the plan out.
	try := func(happens []string, ports ...desired.OVSPort) error {
		t.Helper()
		st, err := read(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		p := makePlan(st, &desired.Space{OVSPorts: ports})
		l.vsctl(happens...)
		_, err = c.transact(ctx, append(p.waits, p.ops...))
		return err
	}
	port := desired.OVSPort{Name: "ln_a", Bridge: "vmbr0", Tag: 5, Owner: "vnet/a"}
	if err := try([]string{"del-br", "vmbr0"}, port); !errors.Is(err, errChanged) {
		t.Errorf("the bridge went: %v", err)
	}
	l.bridge("vmbr0")
	if err := try([]string{"add-port", "vmbr0", "ln_a"}, port); !errors.Is(err, errChanged) {
		t.Errorf("the name was taken: %v", err)
	}
	l.vsctl("del-port", "ln_a")
	if err := try([]string{"show"}, port); err != nil {
		t.Fatal(err)
	}
	if err := try([]string{"remove", "port", "ln_a", "external_ids", "viaduct"}); !errors.Is(err, errChanged) {
		t.Errorf("the port was given away: %v", err)
	}
	contains(t, l.vsctl("list-ports", "vmbr0"), "ln_a")
}

func TestWithoutSwitch(t *testing.T) {
	l := start(t)
	l.d.wait = 50 * time.Millisecond
	l.bridge("vmbr0")
	port := desired.OVSPort{Name: "ln_a", Bridge: "vmbr0", Tag: 5, Owner: "vnet/a"}
	node := &desired.Space{OVSPorts: []desired.OVSPort{port}}
	r, err := l.d.Reconcile(context.Background(), node, true)
	if err != nil || r.Writes != 4 || l.vsctl("list-ports", "vmbr0") != "" {
		t.Errorf("dry run: %+v %v", r, err)
	}
	for range 2 { // the pass that makes it, and one that finds it
		_, err = l.d.Reconcile(context.Background(), node, false)
		if got := failures(err); len(got) != 1 || !strings.Contains(got[0], "see whether ovs-vswitchd runs") {
			t.Errorf("errors: %v", err)
		}
	}
	_, err = l.d.Reconcile(context.Background(), &desired.Space{}, false)
	if nodes := driver.NodeErrors(err); len(nodes) != 1 || !strings.Contains(nodes[0].Error(), "has not carried it out within 50ms") {
		t.Errorf("errors: %v", err)
	}
}

func TestWithoutOpenVSwitch(t *testing.T) {
	d := New(Options{Socket: t.TempDir() + "/db.sock"})
	ctx := context.Background()
	if r, err := d.Reconcile(ctx, &desired.Space{}, false); err != nil || r.Writes != 0 {
		t.Errorf("nothing wanted: %v %v", r, err)
	}
	if bridges, running, err := d.Probe(ctx); bridges != nil || running || err != nil {
		t.Errorf("facts: %v %v %v", bridges, running, err)
	}
	_, err := d.Reconcile(ctx, &desired.Space{OVSPorts: []desired.OVSPort{{Name: "a", Bridge: "b", Tag: 1, Owner: "vnet/a"}, {Name: "c", Bridge: "b", Tag: 1, Owner: "vnet/a"}}}, false)
	if got := failures(err); len(got) != 1 || !strings.Contains(got[0], "Open vSwitch does not run on this node") {
		t.Errorf("errors: %v", err)
	}
}

func TestEvents(t *testing.T) {
	l := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	wake, _ := l.d.Events(ctx) // never fails
	// The subscription is not told to stand, so there is a change until it does.
	n := 0
	awake := func(what string, change func()) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.After(10 * time.Second); ; {
			change()
			select {
			case <-wake:
				return
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s: no wake-up", what)
			}
		}
	}
	awake("bridge", func() { n++; l.bridge("b" + string(rune('a'+n%20))); l.vsctl("del-br", "b"+string(rune('a'+n%20))) })
	for len(wake) > 0 {
		<-wake
	}
	l.bridge("vmbr0")
	select {
	case <-wake:
	case <-time.After(5 * time.Second):
		t.Fatal("no wake-up")
	}
	cancel()
	for deadline := time.After(5 * time.Second); ; {
		select {
		case _, open := <-wake:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the channel was not closed")
		}
	}
}

// An owned bridge next to another, joined to it by a patch.
func TestBridges(t *testing.T) {
	l := start(t)
	l.startSwitch()
	l.bridge("vmbr0")
	before := l.vsctl("--columns=name,ports,external_ids", "list", "bridge", "vmbr0")
	want := &desired.Space{
		OVSBridges: []desired.OVSBridge{{Name: "z_q", Like: "vmbr0", Owner: "zone/q"}},
		OVSPorts: []desired.OVSPort{
			{Name: "sv_q", Bridge: "vmbr0", Peer: "up_q", Tag: 20, QinQ: true, EtherType: "802.1q", Owner: "zone/q"},
			{Name: "up_q", Bridge: "z_q", Peer: "sv_q", Owner: "zone/q"},
			{Name: "ln_v", Bridge: "z_q", Tag: 100, Owner: "vnet/v"},
			{Name: "ln_bare", Bridge: "z_q", Owner: "vnet/bare"},
		},
	}
	want.Sort()
	apply := func(want *desired.Space) []string {
		t.Helper()
		r, err := l.d.Reconcile(context.Background(), want, false)
		if err != nil {
			t.Fatalf("reconcile: %v", err)
		}
		if again, err := l.d.Reconcile(context.Background(), want, false); err != nil || again.Writes != 0 || len(again.Changes) != 0 {
			t.Errorf("second pass: %v %v", again, err)
		}
		return lines(r)
	}
	if d := cmp.Diff([]string{
		"+ ovs-bridge z_q: like vmbr0, datapath netdev",
		"~ ovs-port other_config:vlan-limit of Open vSwitch: vlan-limit 2",
		"+ ovs-port ln_bare: bridge z_q",
		"+ ovs-port ln_v: bridge z_q, tag 100",
		"+ ovs-port sv_q: bridge vmbr0, peer up_q, tag 20, qinq on, ethertype 802.1q, type patch",
		"+ ovs-port up_q: bridge z_q, peer sv_q, type patch, all-vlans on",
	}, apply(want)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	contains(t, l.vsctl("list-ports", "z_q"), "ln_bare", "ln_v", "up_q")
	contains(t, l.vsctl("list", "port", "ln_bare"), "tag                 : 0")
	contains(t, l.vsctl("list", "port", "up_q"), "tag                 : []")
	bridges, _, err := l.d.Probe(context.Background())
	if err != nil || len(bridges) != 2 || bridges[0].Ours || !bridges[1].Ours {
		t.Errorf("bridges %+v, %v", bridges, err)
	}

	l.vsctl("set", "port", "up_q", "tag=7", "--", "set", "port", "ln_bare", "tag=[]")
	l.vsctl("set", "interface", "sv_q", "options:peer=other", "--", "set", "bridge", "z_q", "datapath_type=system")
	if d := cmp.Diff([]string{
		"~ ovs-bridge z_q: datapath system -> netdev",
		"~ ovs-port ln_bare: all-vlans on removed",
		"± ovs-port sv_q: peer other -> up_q",
		"~ ovs-port up_q: tag 7 removed, all-vlans on",
	}, apply(want)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}

	apply(&desired.Space{})
	if after := l.vsctl("--columns=name,ports,external_ids", "list", "bridge"); strings.TrimSpace(after) != strings.TrimSpace(before) {
		t.Errorf("the database was\n%s\nand is\n%s", before, after)
	}
	l.run("ip", "link", "add", "z_q", "type", "bridge")
	_, err = l.d.Reconcile(context.Background(), want, false)
	if f := failures(err); len(f) == 0 || !strings.Contains(f[0], "could not make bridge z_q") {
		t.Errorf("an interface has the bridge's name: %v", err)
	}
	l.run("ip", "link", "del", "z_q")
	apply(&desired.Space{})
	l.bridge("z_q")
	_, err = l.d.Reconcile(context.Background(), want, false)
	if f := failures(err); len(f) == 0 || !strings.Contains(f[0], "Open vSwitch bridge z_q") {
		t.Errorf("a bridge of somebody else's: %v", err)
	}
}
