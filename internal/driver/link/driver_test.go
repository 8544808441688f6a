package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// lab is a scratch namespace with a driver in it.
type lab struct {
	t  *testing.T
	ns *netns.NS
	d  *Driver
}

func newLab(t *testing.T, reserved ...string) *lab {
	t.Helper()
	l := &lab{t: t, ns: scratch.New(t)}
	var err error
	l.d, err = New(Options{Namespace: l.ns, Reserved: func(name string) bool {
		for _, r := range reserved {
			if r == name {
				return true
			}
		}
		return false
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.d.Close() })
	l.run("ip link set lo up")
	return l
}

// run executes a command in the namespace and returns what it prints.
func (l *lab) run(command string) string {
	l.t.Helper()
	return scratch.Run(l.t, l.ns, command)
}

// reconcile applies a state that nothing hinders.
func (l *lab) reconcile(want *desired.Space) driver.Result {
	l.t.Helper()
	want.Sort()
	r, err := l.d.Reconcile(context.Background(), want, false)
	if err != nil {
		l.t.Fatalf("reconcile: %v", err)
	}
	return r
}

// settled fails unless the state is reached: another pass finds nothing to do.
func (l *lab) settled(want *desired.Space) {
	l.t.Helper()
	before := l.d.conn.Writes()
	r := l.reconcile(want)
	if r.Writes != 0 || len(r.Changes) != 0 || l.d.conn.Writes() != before {
		l.t.Fatalf("second pass wrote %d requests: %v", r.Writes, r.Changes)
	}
}

// lines renders changes for comparison.
func lines(changes []diff.Change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.String()
	}
	return out
}

// vnets is the state of n VXLAN networks as compile makes them.
func vnets(n int) *desired.Space {
	node := &desired.Space{}
	for i := 1; i <= n; i++ {
		addVNet(node, i)
	}
	node.Sort()
	return node
}

func addVNet(node *desired.Space, i int) {
	br, vx := fmt.Sprintf("vn%d", i), fmt.Sprintf("vx_vn%d", i)
	owner := "vnet/" + br
	node.Links = append(node.Links,
		desired.Link{Name: br, Kind: desired.LinkBridge, Owner: owner, MTU: 1450, Bridge: &desired.Bridge{}},
		desired.Link{Name: vx, Kind: desired.LinkVXLAN, Owner: owner, MTU: 1450, Master: br, NoLinkLocal: true,
			VXLAN: &desired.VXLAN{ID: uint32(10000 + i), Local: netip.MustParseAddr("192.168.0.1"), Port: 4789, Learning: true}})
	node.Addresses = append(node.Addresses, desired.Address{Link: br, Owner: owner,
		Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 24)})
	for _, peer := range []string{"192.168.0.2", "192.168.0.3"} {
		node.Neighbours = append(node.Neighbours, desired.Neighbour{Link: vx, Owner: owner, MAC: desired.FloodMAC, Dst: netip.MustParseAddr(peer)})
	}
}

func TestBuildsAndSettles(t *testing.T) {
	l := newLab(t)
	want := vnets(2)
	want.Links[0].Alias = "the first"
	r := l.reconcile(want)
	if len(r.Changes) != 10 {
		t.Errorf("%d changes: %q", len(r.Changes), lines(r.Changes))
	}
	l.settled(want)
	show := l.run("ip -d link show vn1") + l.run("ip -d link show vx_vn1") + l.run("ip addr show vn1") + l.run("bridge fdb show dev vx_vn1")
	for _, s := range []string{
		// The administrative flag: the operational state comes when it comes.
		"vn1: <BROADCAST,MULTICAST,UP", "mtu 1450", "alias the first", "forward_delay 0 ", "stp_state 0", "group 1986617700",
		"vxlan id 10001 local 192.168.0.1", "dstport 4789", "master vn1", "addrgenmode none",
		"inet 10.0.1.1/24", "00:00:00:00:00:00 dst 192.168.0.2 self permanent", "00:00:00:00:00:00 dst 192.168.0.3 self permanent",
	} {
		if !strings.Contains(show, s) {
			t.Errorf("missing %q in\n%s", s, show)
		}
	}
	if strings.Contains(l.run("ip -6 addr show vx_vn1"), "fe80") {
		t.Error("the VXLAN device has a link-local address")
	}
}

func TestOneChangeIsFewWrites(t *testing.T) {
	l := newLab(t)
	want := vnets(20)
	l.reconcile(want)
	added := vnets(21)
	for _, c := range []struct {
		name string
		want *desired.Space
	}{{"add", added}, {"remove", want}, {"change", func() *desired.Space { n := vnets(20); n.Links[3].MTU = 1400; return n }()}} {
		r := l.reconcile(c.want)
		if r.Writes == 0 || r.Writes >= 10 {
			t.Errorf("%s: %d writes: %q", c.name, r.Writes, lines(r.Changes))
		}
		l.settled(c.want)
	}
}

func TestChangesInPlace(t *testing.T) {
	l := newLab(t)
	want := vnets(2)
	l.reconcile(want)
	// Names and MAC addresses; the operational state comes when it comes.
	identities := func() string {
		var out strings.Builder
		for line := range strings.Lines(l.run("ip -br link show type vxlan") + l.run("ip -br link show type bridge")) {
			f := strings.Fields(line)
			out.WriteString(f[0] + " " + f[2] + "\n")
		}
		return out.String()
	}
	before := identities()

	node := vnets(2)
	node.Links[0].MTU, node.Links[0].Alias = 1400, "new"
	node.Links[2].MTU, node.Links[2].VXLAN.Learning, node.Links[2].NoLinkLocal = 1400, false, false
	node.Addresses[0].Prefix = netip.MustParsePrefix("10.0.1.254/24")
	node.Addresses = append(node.Addresses, desired.Address{Link: "vn2", Owner: "vnet/vn2", Prefix: netip.MustParsePrefix("fd00::1/64")})
	node.Neighbours[0].Dst = netip.MustParseAddr("192.168.0.9")
	node.Neighbours = append(node.Neighbours, desired.Neighbour{Link: "vx_vn2", Owner: "vnet/vn2", MAC: "02:00:00:00:00:01", Dst: netip.MustParseAddr("192.168.0.2")})
	r := l.reconcile(node)
	want1 := []string{
		"~ link vn1: mtu 1450 -> 1400, alias new",
		"~ link vx_vn1: learning on -> off, mtu 1450 -> 1400, link-local off -> on",
		"- address 10.0.1.1/24 dev vn1",
		"+ address 10.0.1.254/24 dev vn1",
		"+ address fd00::1/64 dev vn2",
		"- neighbour 00:00:00:00:00:00 dst 192.168.0.2 dev vx_vn1",
		"+ neighbour 00:00:00:00:00:00 dst 192.168.0.9 dev vx_vn1",
		"+ neighbour 02:00:00:00:00:01 dev vx_vn2: dst 192.168.0.2",
	}
	if d := cmp.Diff(want1, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(node)
	if after := identities(); after != before {
		t.Errorf("a link was made anew:\n%s\n%s", before, after)
	}
	// The far end of a MAC changes in place, and everything goes back.
	node.Neighbours[len(node.Neighbours)-1].Dst = netip.MustParseAddr("192.168.0.3")
	if r := l.reconcile(node); r.Writes != 1 {
		t.Errorf("moving a MAC: %q", lines(r.Changes))
	}
	l.reconcile(want)
	l.settled(want)
}

func TestReplacesWhatCannotChange(t *testing.T) {
	l := newLab(t)
	l.reconcile(vnets(2))
	node := vnets(2) // the two networks swap their identifiers
	node.Links[2].VXLAN.ID, node.Links[3].VXLAN.ID = node.Links[3].VXLAN.ID, node.Links[2].VXLAN.ID
	r := l.reconcile(node)
	if d := cmp.Diff([]string{"± link vx_vn1: vni 10001 -> 10002", "± link vx_vn2: vni 10002 -> 10001"}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(node)
	// The identifier of a network that goes is given to one that comes.
	moved := vnets(1)
	addVNet(moved, 3)
	moved.Links[3].VXLAN.ID = 10002
	moved.Sort()
	l.reconcile(moved)
	l.settled(moved)
}

func TestRepairsDrift(t *testing.T) {
	for _, c := range []struct{ damage, want string }{
		{"ip link del vn1", "+ link vn1: kind bridge, mtu 1450"},
		{"ip link del vx_vn1", "+ link vx_vn1: kind vxlan, vni 10001, local 192.168.0.1, port 4789, learning on, mtu 1450, master vn1, link-local off"},
		{"ip link set vn1 down", "~ link vn1: state down -> up"},
		{"ip link set vn1 mtu 1300", "~ link vn1: mtu 1300 -> 1450"},
		{"ip link set vx_vn1 nomaster", "~ link vx_vn1: master vn1"},
		{"ip link set vn1 type bridge stp_state 1", "~ link vn1: spanning-tree on -> off"},
		{"ip addr add 10.9.9.9/24 dev vn1", "- address 10.9.9.9/24 dev vn1"},
		{"ip addr add 10.0.1.9/24 dev vn1", "- address 10.0.1.9/24 dev vn1"},
		{"ip addr add fe80::5/64 dev vn1", "- address fe80::5/64 dev vn1"},
		{"ip addr del 10.0.1.1/24 dev vn1", "+ address 10.0.1.1/24 dev vn1"},
		{"ip addr change 10.0.1.1/24 dev vn1 valid_lft 600 preferred_lft 600", "~ address 10.0.1.1/24 dev vn1: lifetime limited -> forever"},
		{"bridge fdb append 00:00:00:00:00:00 dev vx_vn1 dst 1.2.3.4", "- neighbour 00:00:00:00:00:00 dst 1.2.3.4 dev vx_vn1"},
		{"bridge fdb add 02:00:00:00:00:09 dev vx_vn1 dst 1.2.3.4", "- neighbour 02:00:00:00:00:09 dev vx_vn1"},
		{"bridge fdb del 00:00:00:00:00:00 dev vx_vn1 dst 192.168.0.2", "+ neighbour 00:00:00:00:00:00 dst 192.168.0.2 dev vx_vn1"},
		{"ip link set vn1 alias odd", "~ link vn1: alias odd removed"},
	} {
		t.Run(c.damage, func(t *testing.T) {
			l := newLab(t)
			want := vnets(1)
			l.reconcile(want)
			l.run(c.damage)
			r := l.reconcile(want)
			if got := lines(r.Changes); len(got) == 0 || got[0] != c.want {
				t.Errorf("got %q, want first %q", got, c.want)
			}
			l.settled(want)
		})
	}
}

func TestForeignAddressFirstInSubnet(t *testing.T) {
	l := newLab(t)
	want := vnets(1)
	l.reconcile(want)
	l.run("ip addr flush dev vn1")
	l.run("ip addr add 10.0.1.77/24 dev vn1")
	l.run("ip addr add 10.0.1.1/24 dev vn1") // secondary now
	l.reconcile(want)
	if show := l.run("ip addr show vn1"); !strings.Contains(show, "10.0.1.1/24") || strings.Contains(show, "10.0.1.77") {
		t.Errorf("after removing the first address:\n%s", show)
	}
	l.settled(want)
}

func TestForeignLinkIsLeftAlone(t *testing.T) {
	l := newLab(t, "vn3")
	l.run("ip link add vn2 type veth peer name other")
	l.run("ip addr add 10.7.7.7/24 dev vn2")
	l.run("ip link add vn3 type bridge")
	foreign := func() string {
		return l.run("ip -d link show dev vn2") + l.run("ip addr show vn2") + l.run("ip -d link show vn3")
	}
	before := foreign()
	want := vnets(4)
	r, err := l.d.Reconcile(context.Background(), want, false)
	errs := driver.ObjectErrors(err)
	if len(errs) != 2 || errs[0].Owner != "vnet/vn2" || errs[1].Owner != "vnet/vn3" {
		t.Fatalf("errors: %v", err)
	}
	var conflict *driver.Conflict
	if !errors.As(errs[0], &conflict) || conflict.Thing != "interface vn2 (veth)" {
		t.Errorf("conflict: %v", errs[0])
	}
	if !errors.Is(errs[1], errReserved) {
		t.Errorf("reserved: %v", errs[1])
	}
	if len(r.Changes) != 10 {
		t.Errorf("the others were not made: %q", lines(r.Changes))
	}
	if after := foreign(); after != before {
		t.Errorf("a foreign link was touched:\n%s\n%s", before, after)
	}
	// Nothing wanted: owned links go, others stay.
	l.reconcile(&desired.Space{})
	if got := l.run("ip -br link"); strings.Contains(got, "vn1") || !strings.Contains(got, "vn2") || !strings.Contains(got, "vn3") {
		t.Errorf("after teardown:\n%s", got)
	}
}

func TestPorts(t *testing.T) {
	l := newLab(t)
	want := vnets(2)
	want.Ports = []desired.Port{
		{Names: []string{"tap100i0", "veth100i0"}, Bridge: "vn1", Isolated: true, Owner: "guest/100"},
		{Names: []string{"tap101i0"}, Bridge: "vn2", Owner: "guest/101"},
		{Names: []string{"veth102i0"}, Bridge: "vn2", Owner: "guest/102"},
	}
	l.reconcile(want)
	l.run("ip link add veth100i0 type veth peer name peer0")
	l.run("ip link add foreign0 type bridge")
	l.run("ip link add veth102i0 type veth peer name peer2")
	l.run("ip link set veth102i0 master foreign0")
	r, err := l.d.Reconcile(context.Background(), want, false)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || errs[0].Owner != "guest/102" {
		t.Errorf("errors: %v", err)
	}
	if d := cmp.Diff([]string{"+ port veth100i0: bridge vn1, isolated on"}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"veth100i0"}, l.d.Joined()); d != "" {
		t.Errorf("joined (-want +got):\n%s", d)
	}
	if show := l.run("ip -d link show veth100i0"); !strings.Contains(show, "master vn1") || !strings.Contains(show, "isolated on") || !strings.Contains(show, ",UP") {
		t.Error(show)
	}
	// Moves to another network and is no longer isolated; the old one goes.
	l.run("ip link set veth102i0 nomaster")
	moved := vnets(2)
	moved.Links, moved.Addresses, moved.Neighbours = []desired.Link{moved.Links[1], moved.Links[3]}, moved.Addresses[1:], moved.Neighbours[2:]
	moved.Ports = []desired.Port{{Names: want.Ports[0].Names, Bridge: "vn2", Owner: "guest/100"}}
	r = l.reconcile(moved)
	if d := cmp.Diff([]string{"- link vn1", "- link vx_vn1", "~ port veth100i0: bridge vn1 -> vn2, isolated on -> off"}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(moved)
	// A network goes while a guest is on it: the kernel lets the port go.
	l.reconcile(&desired.Space{})
	if show := l.run("ip link show veth100i0"); strings.Contains(show, "master") {
		t.Error(show)
	}
}

func TestKilledBeforeDeletion(t *testing.T) {
	l := newLab(t)
	want := vnets(3)
	l.reconcile(want)
	l.run(fmt.Sprintf("ip link set vn2 group %d", uint32(Doomed)))
	l.run(fmt.Sprintf("ip link set vx_vn3 group %d", uint32(Doomed)))
	one := vnets(2)
	l.reconcile(one)
	l.settled(one)
	if got := l.run("ip -br link"); strings.Contains(got, "vn3") {
		t.Errorf("a doomed link was left:\n%s", got)
	}
}

func TestKernelRefusalBelongsToObject(t *testing.T) {
	l := newLab(t)
	want := vnets(3)
	want.Links[1].MTU = 70000 // vn2: no bridge takes that
	r, err := l.d.Reconcile(context.Background(), want, false)
	errs := driver.ObjectErrors(err)
	if len(errs) != 1 || errs[0].Owner != "vnet/vn2" || !strings.Contains(errs[0].Error(), "MTU") {
		t.Fatalf("errors: %v", err)
	}
	for _, c := range r.Changes {
		if c.Type == desired.TypeLink && c.Name == "vn2" {
			t.Errorf("told as done: %s", c)
		}
	}
	if got := l.run("ip -br link"); !strings.Contains(got, "vx_vn3") || !strings.Contains(got, "vn1") {
		t.Errorf("the others were not made:\n%s", got)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	l := newLab(t)
	r, err := l.d.Reconcile(context.Background(), vnets(2), true)
	if err != nil || len(r.Changes) != 10 || r.Writes == 0 || l.d.conn.Writes() != 0 {
		t.Errorf("%d changes, %d writes told, %d made, %v", len(r.Changes), r.Writes, l.d.conn.Writes(), err)
	}
}

func TestBridgeKeepsItsMTU(t *testing.T) {
	l := newLab(t)
	want := &desired.Space{Links: []desired.Link{{Name: "vn1", Kind: desired.LinkBridge, MTU: 1500, Owner: "vnet/vn1"}}}
	l.reconcile(want)
	l.run("ip link add p0 mtu 1300 type veth peer name p1")
	l.run("ip link set p0 master vn1")
	l.settled(want)
}

func TestIndexTakenMeanwhile(t *testing.T) {
	l := newLab(t)
	ctx := context.Background()
	p, err := l.d.plan(ctx, vnets(2), 0)
	if err != nil {
		t.Fatal(err)
	}
	l.run(fmt.Sprintf("ip link add foreign index %d type bridge", p.steps[0].index))
	_, stale, err := l.d.execute(ctx, p)
	if !stale || err == nil {
		t.Errorf("not noticed: %v", err)
	}
	l.reconcile(vnets(2))
	l.settled(vnets(2))
	if got := l.run("ip -br link"); !strings.Contains(got, "foreign") {
		t.Errorf("the foreign link went:\n%s", got)
	}
}

func TestStoppedHalfway(t *testing.T) {
	l := newLab(t)
	p, err := l.d.plan(context.Background(), vnets(2), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, _, err := l.d.execute(ctx, p)
	if !errors.Is(err, context.Canceled) || len(driver.ObjectErrors(err)) != 0 || len(r.Changes) != 0 || r.Writes != 0 {
		t.Errorf("%v, told as done: %v", err, r.Changes)
	}
}

func TestVLANAwareBridge(t *testing.T) {
	l := newLab(t)
	want := vnets(1)
	want.Links[0].Bridge.VLANFiltering = true
	features, err := probe.Features(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !features[model.FeatureVLANFiltering] {
		// Refused by the kernel: reported to its owner, with the reason.
		_, err := l.d.Reconcile(context.Background(), want, false)
		if errs := driver.ObjectErrors(err); len(errs) != 1 || !strings.Contains(errs[0].Error(), "VLAN filtering") {
			t.Errorf("errors: %v", err)
		}
		return
	}
	l.reconcile(want)
	l.settled(want)
	show := l.run("bridge vlan show dev vx_vn1")
	if !strings.Contains(show, "2-4094") && !strings.Contains(show, "4094") {
		t.Errorf("the overlay port carries:\n%s", show)
	}
	l.run("bridge vlan del dev vx_vn1 vid 100-200")
	r := l.reconcile(want)
	if d := cmp.Diff([]string{"~ link vx_vn1: all-vlans off -> on"}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(want)
	// Switched off and on again in place.
	want.Links[0].Bridge.VLANFiltering = false
	r = l.reconcile(want)
	if d := cmp.Diff([]string{"~ link vn1: vlan-filtering on -> off"}, lines(r.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	l.settled(want)
}
