package rtnl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// setUp makes a namespace with a connection.
func setUp(t *testing.T) (*Conn, *netns.NS) {
	t.Helper()
	ns := scratch.New(t)
	c, err := Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, ns
}

// run executes commands in the namespace.
func run(t *testing.T, ns *netns.NS, commands ...string) {
	t.Helper()
	for _, command := range commands {
		scratch.Run(t, ns, command)
	}
}

// bridge builds the creation of a bridge.
func bridge(name string) *Message {
	return NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, IfInfo(unix.AF_UNSPEC, 0, false)).
		String(unix.IFLA_IFNAME, name).
		Nest(unix.IFLA_LINKINFO, func(m *Message) { m.String(unix.IFLA_INFO_KIND, "bridge") })
}

func TestEveryErrorHasItsMessage(t *testing.T) {
	c, ns := setUp(t)
	run(t, ns, "ip link set lo up")
	// More than one system call takes; every seventh message is refused.
	const n = 3*maxBatch + 11
	msgs := make([]*Message, n)
	for i := range msgs {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 32)
		index := 1
		if i%7 == 3 {
			index = 4242
		}
		msgs[i] = AddAddress(index, p, 183, false)
	}
	for i, err := range c.Do(context.Background(), msgs) {
		if want := i%7 == 3; want != errors.Is(err, unix.ENODEV) || !want && err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if c.Writes() != n {
		t.Errorf("%d writes counted, want %d", c.Writes(), n)
	}
	addrs, err := c.Addresses(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, a := range addrs {
		if a.Proto == 183 && a.Index == 1 && a.Flags&unix.IFA_F_PERMANENT != 0 {
			ours++
		}
	}
	if want := n - (n+3)/7; ours != want {
		t.Errorf("%d addresses stand, want %d", ours, want)
	}
}

// TestLostAnswersAreNoSuccess makes the receive buffer too small for the
// answers of one system call.
func TestLostAnswersAreNoSuccess(t *testing.T) {
	c, _ := setUp(t)
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1); err != nil {
		t.Fatal(err)
	}
	msgs := make([]*Message, maxBatch)
	for i := range msgs {
		msgs[i] = DeleteAddress(4242, netip.MustParsePrefix("10.0.0.1/32"))
	}
	for i, err := range c.Do(context.Background(), msgs) {
		if err == nil {
			t.Fatalf("message %d was refused, but counts as done", i)
		}
		if !errors.Is(err, unix.ENODEV) && !errors.Is(err, ErrUnknown) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	// The connection is usable afterwards.
	setBuffer(c.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	if errs := c.Do(context.Background(), []*Message{bridge("b0")}); errs[0] != nil {
		t.Error(errs[0])
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	c, _ := setUp(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if errs := c.Do(ctx, []*Message{bridge("b0")}); !errors.Is(errs[0], context.Canceled) || c.Writes() != 0 {
		t.Errorf("%v, %d writes", errs[0], c.Writes())
	}
	if _, err := c.Links(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLinksAreDecoded(t *testing.T) {
	c, ns := setUp(t)
	run(t, ns,
		"ip link add br0 type bridge forward_delay 200 stp_state 1",
		"ip link set br0 alias hello up mtu 1400",
		"ip link add vx0 group 77 master br0 type vxlan id 42 local 192.0.2.1 dstport 4790 nolearning",
		"ip link add vx6 type vxlan id 43 local 2001:db8::1 dstport 4789",
		"ip link set vx0 addrgenmode none",
		"bridge link set dev vx0 isolated on",
		"ip link add e0 type veth peer name e1", "ip link set e0 master br0", "bridge link set dev e0 learning off neigh_suppress on",
		"ip link property add dev e0 altname one altname two")
	links, err := c.Links(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Link{}
	for _, l := range links {
		byName[l.Name] = l
	}
	br, vx, vx6 := byName["br0"], byName["vx0"], byName["vx6"]
	if br.Kind != "bridge" || br.MTU != 1400 || !br.Up || br.Alias != "hello" || br.Bridge == nil || !br.Bridge.STP || br.Bridge.ForwardDelay != 200 || len(br.MAC) != 6 {
		t.Errorf("bridge: %+v %+v", br, br.Bridge)
	}
	if vx.Group != 77 || vx.Master != br.Index || vx.Up || vx.AddrGenMode != AddrGenNone || vx.Port == nil || !vx.Port.Isolated {
		t.Errorf("vxlan: %+v %+v", vx, vx.Port)
	}
	if want := (VXLANInfo{ID: 42, Local: netip.MustParseAddr("192.0.2.1"), Port: 4790}); vx.VXLAN == nil || *vx.VXLAN != want {
		t.Errorf("vxlan: %+v, want %+v", vx.VXLAN, want)
	}
	if want := (VXLANInfo{ID: 43, Local: netip.MustParseAddr("2001:db8::1"), Port: 4789, Learning: true}); vx6.VXLAN == nil || *vx6.VXLAN != want {
		t.Errorf("vxlan over IPv6: %+v, want %+v", vx6.VXLAN, want)
	}
	e0, e1 := byName["e0"], byName["e1"]
	if want := (PortInfo{NeighSuppress: true}); e0.Port == nil || *e0.Port != want || !vx.Port.Learning || vx.Port.NeighSuppress {
		t.Errorf("ports: %+v %+v", e0.Port, vx.Port)
	}
	if e0.Parent != e1.Index || e1.Parent != e0.Index || e0.ParentElsewhere || br.Parent != 0 || !slices.Equal(e0.AltNames, []string{"one", "two"}) {
		t.Errorf("veth pair: %+v %+v", e0, e1)
	}
	if lo := byName["lo"]; !lo.Loopback || lo.Kind != "" {
		t.Errorf("lo: %+v", lo)
	}
}

// The counters are the kernel's: what one end of a veth pair sends the other receives.
func TestLinksAreCounted(t *testing.T) {
	c, ns := setUp(t)
	run(t, ns, "ip link add e0 type veth peer name e1", "ip link set e0 up", "ip link set e1 up", "ip address add 192.0.2.1/24 dev e0",
		"ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev e0")
	err := ns.Run(func() error {
		out, err := net.Dial("udp", "192.0.2.2:9")
		if err != nil {
			return err
		}
		defer out.Close()
		_, err = out.Write(make([]byte, 1000))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	links, err := c.CountedLinks(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]CountedLink{}
	for _, l := range links {
		byName[l.Name] = l
	}
	e0, e1 := byName["e0"], byName["e1"]
	if e0.SentPackets == 0 || e0.SentBytes < 1000 || e1.ReceivedPackets == 0 || e1.ReceivedBytes < 1000 || e0.Kind != "veth" {
		t.Errorf("%+v %+v", e0, e1)
	}
}

func TestRoutesAreFiltered(t *testing.T) {
	c, ns := setUp(t)
	run(t, ns, "ip link add e0 type veth peer name e1", "ip link set e0 up", "ip link set e1 up", "ip addr add 10.0.0.1/24 dev e0",
		"ip route add 10.1.0.0/16 via 10.0.0.2 mtu 1400 metric 5", "ip route add 10.2.0.0/16 dev e0 proto 183 table 1001",
		"ip -6 route add fd01::/64 dev e0 proto 183")
	ours, err := c.Routes(context.Background(), RouteFilter{Protocol: 183})
	if err != nil || len(ours) != 2 || ours[0].Table != 1001 || ours[1].Dst != netip.MustParsePrefix("fd01::/64") {
		t.Errorf("by protocol: %+v %v", ours, err)
	}
	main, err := c.Routes(context.Background(), RouteFilter{Table: unix.RT_TABLE_MAIN})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range main {
		found = found || r.Dst == netip.MustParsePrefix("10.1.0.0/16") && r.MTU == 1400 && r.Metric == 5 && r.Gateway == netip.MustParseAddr("10.0.0.2")
		if r.Table != unix.RT_TABLE_MAIN {
			t.Errorf("not in main: %+v", r)
		}
	}
	if !found {
		t.Errorf("main: %+v", main)
	}
	if none, err := c.Routes(context.Background(), RouteFilter{Table: 4711}); err != nil || len(none) != 0 {
		t.Errorf("a table that is not there: %v %v", none, err)
	}
}

// awake fails unless a wake-up comes soon.
func awake(t *testing.T, wake <-chan struct{}, what string) {
	t.Helper()
	select {
	case _, open := <-wake:
		if !open {
			t.Fatalf("%s: the subscription ended", what)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("%s: no wake-up", what)
	}
}

func TestSubscribe(t *testing.T) {
	c, ns := setUp(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wake, err := Subscribe(ctx, ns)
	if err != nil {
		t.Fatal(err)
	}
	run(t, ns, "ip link add e0 type vxlan id 1 dstport 4789")
	awake(t, wake, "link")
	for _, change := range []string{"ip addr add 10.0.0.1/24 dev e0", "bridge fdb append 00:00:00:00:00:00 dev e0 dst 10.0.0.2", "sysctl -qw net.ipv4.conf.e0.forwarding=1", "sysctl -qw net.ipv6.conf.e0.forwarding=1", "ip link del e0"} {
		for len(wake) > 0 { // forget what is left of the last change
			<-wake
		}
		run(t, ns, change)
		awake(t, wake, change)
	}
	// Far more changes than the channel holds: none blocks, one wakes.
	var msgs []*Message
	for i := range 50 {
		msgs = append(msgs, bridge(fmt.Sprint("b", i)))
	}
	for _, err := range c.Do(ctx, msgs) {
		if err != nil {
			t.Fatal(err)
		}
	}
	awake(t, wake, "many links")
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

func TestLearnedEntriesDoNotWake(t *testing.T) {
	message := func(typ uint16, family uint8, state uint16) []byte {
		return NewMessage(typ, 0, ndMsg(family, 1, state, 0)).finish(1, 0)
	}
	for _, c := range []struct {
		b    []byte
		want bool
	}{
		{message(unix.RTM_NEWNEIGH, unix.AF_BRIDGE, unix.NUD_REACHABLE), false},
		{message(unix.RTM_NEWNEIGH, unix.AF_INET, unix.NUD_PERMANENT), false},
		{message(unix.RTM_DELNEIGH, unix.AF_BRIDGE, unix.NUD_PERMANENT), true},
		{NewMessage(unix.RTM_NEWLINK, 0, IfInfo(0, 1, true)).finish(1, 0), true},
	} {
		if got := relevant(c.b); got != c.want {
			t.Errorf("%x: %v, want %v", c.b, got, c.want)
		}
	}
}

// FuzzParse feeds arbitrary bytes to every decoder: none may crash.
func FuzzParse(f *testing.F) {
	f.Add(bridge("b0").finish(1, 0))
	f.Add(AddAddress(1, netip.MustParsePrefix("fd00::1/64"), 183, false).finish(2, 0))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = split(b, func(h header, payload []byte) {
			_ = decodeError(h, payload)
			if len(payload) >= unix.SizeofIfInfomsg {
				_ = parseLink(payload)
			}
			if len(payload) >= unix.SizeofRtMsg {
				_ = parseRoute(payload)
				_ = parseNeighbour(payload)
			}
			if len(payload) >= unix.SizeofIfAddrmsg {
				_ = parseAddress(payload)
			}
		})
		_ = parseVLANs(b)
		_ = relevant(b)
	})
}

// A port is taken out of all VLANs but the one, whichever that is.
func TestLeaveOtherVLANs(t *testing.T) {
	for vid, want := range map[uint16][]VLANRange{
		1: {{First: 2, Last: 4094}}, 2: {{First: 1, Last: 1}, {First: 3, Last: 4094}}, 40: {{First: 1, Last: 39}, {First: 41, Last: 4094}},
		4093: {{First: 1, Last: 4092}, {First: 4094, Last: 4094}}, 4094: {{First: 1, Last: 4093}},
	} {
		var got []VLANRange
		attrs(LeaveOtherVLANs(7, vid).finish(1, 0)[headerLen+unix.SizeofIfInfomsg:], func(typ uint16, d []byte) {
			if typ == unix.IFLA_AF_SPEC {
				got = parseVLANs(d)
			}
		})
		if !slices.Equal(got, want) {
			t.Errorf("%d: got %+v, want %+v", vid, got, want)
		}
	}
}

func TestVLANRanges(t *testing.T) {
	m := AddPortVLANs(7, VLANRange{First: 2, Last: 4094}).finish(1, 0)
	var got []VLANRange
	attrs(m[headerLen+unix.SizeofIfInfomsg:], func(typ uint16, d []byte) {
		if typ == unix.IFLA_AF_SPEC {
			got = parseVLANs(d)
		}
	})
	if len(got) != 1 || got[0] != (VLANRange{First: 2, Last: 4094}) {
		t.Errorf("got %+v", got)
	}
}

// TestVLANAndVRFAreDecoded needs no kernel that has them.
func TestVLANAndVRFAreDecoded(t *testing.T) {
	link := func(kind string, data func(*Message)) Link {
		m := NewMessage(unix.RTM_NEWLINK, 0, IfInfo(0, 7, true)).Uint32(unix.IFLA_LINK, 3).Uint32(unix.IFLA_LINK_NETNSID, 0).
			Nest(unix.IFLA_LINKINFO, func(m *Message) {
				m.String(unix.IFLA_INFO_KIND, kind)
				m.Nest(unix.IFLA_INFO_DATA, data)
			}).finish(1, 0)
		return parseLink(m[headerLen:])
	}
	vlan := link("vlan", func(m *Message) {
		m.Uint16(unix.IFLA_VLAN_ID, 100).Uint16BE(unix.IFLA_VLAN_PROTOCOL, unix.ETH_P_8021AD)
	})
	if vlan.VLAN == nil || *vlan.VLAN != (VLANInfo{ID: 100, Protocol: unix.ETH_P_8021AD}) || vlan.Parent != 3 || !vlan.ParentElsewhere {
		t.Errorf("VLAN device: %+v", vlan)
	}
	if vrf := link("vrf", func(m *Message) { m.Uint32(unix.IFLA_VRF_TABLE, 100010000) }); vrf.VRFTable != 100010000 {
		t.Errorf("VRF: %+v", vrf)
	}
}
