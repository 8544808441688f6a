package routing_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

var (
	peer  = netip.MustParseAddr("10.0.0.2")
	third = netip.MustParseAddr("10.0.0.3")
)

// built is the text of an intent for the node "n".
func built(dialect routing.Dialect, bgp uint32, controllers ...routing.Controller) string {
	return routing.Build(&routing.Intent{Node: "n", Dialect: dialect, BGPASN: bgp, Controllers: controllers}).Body()
}

// context is the lines of the first context with the head, without those after its end.
func context(text, head string) []string {
	_, rest, found := strings.Cut("\n"+text, "\n"+head+"\n")
	if !found {
		return nil
	}
	var out []string
	for l := range strings.Lines(rest) {
		if !strings.HasPrefix(l, " ") {
			break
		}
		out = append(out, strings.TrimSpace(l))
	}
	return out
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func session(change func(*routing.EVPN)) routing.EVPN {
	e := routing.EVPN{ID: "c", Owner: "controller/c", ASN: 65000, RouterID: own, Own: own, Peers: []netip.Addr{own, peer}}
	change(&e)
	return e
}

// A node has sessions with the other VTEPs, not with itself. Sessions of a loopback with
// other autonomous systems pass 10 hops unless declared otherwise; iBGP is not limited by
// hops (RFC 4271, FRR: ebgp-multihop).
func TestEVPNSessions(t *testing.T) {
	for what, c := range map[string]struct {
		bgp    uint32
		change func(*routing.EVPN)
		want   []string
	}{
		"iBGP": {0, func(*routing.EVPN) {}, []string{"remote-as 65000", "bfd"}},
		"iBGP with a loopback": {0, func(e *routing.EVPN) { e.Loopback = "lo"; e.Multihop = 5 },
			[]string{"remote-as 65000", "bfd", "update-source lo"}},
		"iBGP without BFD":       {0, func(e *routing.EVPN) { e.NoBFD = true }, []string{"remote-as 65000"}},
		"eBGP keeps BFD":         {0, func(e *routing.EVPN) { e.Mode, e.NoBFD = model.ModeExternal, true }, []string{"remote-as external", "bfd"}},
		"eBGP with a loopback":   {0, func(e *routing.EVPN) { e.Mode, e.Loopback = model.ModeExternal, "lo" }, []string{"remote-as external", "bfd", "ebgp-multihop 10", "update-source lo"}},
		"eBGP with hops":         {0, func(e *routing.EVPN) { e.Mode, e.Multihop = model.ModeExternal, 3 }, []string{"remote-as external", "bfd", "ebgp-multihop 3"}},
		"eBGP with both":         {0, func(e *routing.EVPN) { e.Mode, e.Multihop, e.Loopback = model.ModeExternal, 3, "lo" }, []string{"remote-as external", "bfd", "ebgp-multihop 3", "update-source lo"}},
		"auto, same AS number":   {65000, func(*routing.EVPN) {}, []string{"remote-as 65000", "bfd"}},
		"auto, other AS number":  {65009, func(*routing.EVPN) {}, []string{"remote-as external", "bfd"}},
		"internal, other number": {65009, func(e *routing.EVPN) { e.Mode = model.ModeInternal }, []string{"remote-as 65000", "bfd"}},
	} {
		text := built(routing.Proxmox(), c.bgp, session(c.change))
		var got []string
		for _, l := range context(text, context1(text, "router bgp ")) {
			if s, ok := strings.CutPrefix(l, "neighbor VTEP "); ok && s != "peer-group" && s != "activate" && !strings.HasPrefix(s, "route-map ") {
				got = append(got, s)
			}
		}
		wantLines(t, what, got, c.want...)
		wantLines(t, what, lines(text, "peer-group VTEP"), "neighbor 10.0.0.2 peer-group VTEP")
	}
}

// context1 is the first line with the prefix.
func context1(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return strings.TrimRight(l, "\n")
		}
	}
	return ""
}

// All sessions of a node share one router: those with another AS number than the router's
// show theirs by local-as (FRR: neighbor local-as).
func TestLocalAS(t *testing.T) {
	text := built(routing.Proxmox(), 0,
		session(func(*routing.EVPN) {}),
		session(func(e *routing.EVPN) { e.ID, e.Group, e.ASN, e.Mode = "d", "WAN", 65009, model.ModeExternal }))
	wantLines(t, "router", lines(text, "router bgp"), "router bgp 65000")
	wantLines(t, "local-as", lines(text, "local-as"), "neighbor WAN local-as 65009 no-prepend replace-as")
	if text := built(routing.Proxmox(), 0, session(func(*routing.EVPN) {})); strings.Contains(text, "local-as") {
		t.Errorf("local-as with the router's own number:\n%s", text)
	}
}

// The stock dialect writes the timers that the profile datacenter of Proxmox's file has.
func TestTimers(t *testing.T) {
	wantLines(t, "stock", lines(built(routing.Dialect{}, 0, session(func(*routing.EVPN) {})), "timers"),
		"neighbor VTEP timers 3 9", "neighbor VTEP timers connect 10")
	wantLines(t, "Proxmox", lines(built(routing.Proxmox(), 0, session(func(*routing.EVPN) {})), "timers"))
}

// Source is the source address of the whole group if no peer is connected, otherwise of
// those that are not.
func TestSessionSources(t *testing.T) {
	source := netip.MustParseAddr("10.0.0.9")
	for what, c := range map[string]struct {
		connected []netip.Addr
		want      []string
	}{
		"none connected": {nil, []string{"neighbor VTEP update-source 10.0.0.9"}},
		"one connected":  {[]netip.Addr{peer}, []string{"neighbor 10.0.0.3 update-source 10.0.0.9"}},
		"all connected":  {[]netip.Addr{peer, third}, nil},
	} {
		text := built(routing.Dialect{}, 0, session(func(e *routing.EVPN) {
			e.Peers = append(e.Peers, third)
			e.Loopback, e.Source, e.Connected = "lo", source, c.connected
		}))
		wantLines(t, what, lines(text, "update-source"), c.want...)
	}
}

// Each controller has route maps of its own, named after its peer group.
func TestMaps(t *testing.T) {
	for group, want := range map[string][2]string{
		"":     {"MAP_VTEP_IN", "MAP_VTEP_OUT"},
		"VTEP": {"MAP_VTEP_IN", "MAP_VTEP_OUT"},
		"WAN":  {"MAP_VTEP_IN_WAN", "MAP_VTEP_OUT_WAN"},
	} {
		e := routing.EVPN{Group: group}
		if in, out := e.Maps(); in != want[0] || out != want[1] {
			t.Errorf("%q: %s and %s, want %v", group, in, out, want)
		}
	}
	text := built(routing.Dialect{}, 0, session(func(e *routing.EVPN) { e.RouteMapIn, e.RouteMapOut = "in", "out" }))
	wantLines(t, "in", context(text, "route-map MAP_VTEP_IN permit 1"), "call in")
	wantLines(t, "out", context(text, "route-map MAP_VTEP_OUT permit 1"), "call out")
}

// Routes of eBGP peers get a tag, which is not advertised again. Each controller has its own
// tag, the first the highest, so that routes pass from one network of peers to the other
// only by their route targets.
func TestNoTransit(t *testing.T) {
	external := func(id, group string) routing.EVPN {
		return session(func(e *routing.EVPN) { e.ID, e.Group, e.Mode = id, group, model.ModeExternal })
	}
	text := built(routing.Dialect{}, 0, external("a", ""), external("b", "WAN"))
	wantLines(t, "in of a", context(text, "route-map MAP_VTEP_IN permit 1"), "set tag 4294967294")
	wantLines(t, "out of a", context(text, "route-map MAP_VTEP_OUT deny 1"), "match tag 4294967294")
	wantLines(t, "in of b", context(text, "route-map MAP_VTEP_IN_WAN permit 1"), "set tag 4294967293")
	wantLines(t, "out of b", context(text, "route-map MAP_VTEP_OUT_WAN deny 1"), "match tag 4294967293")
	for what, text := range map[string]string{
		"iBGP": built(routing.Dialect{}, 0, session(func(*routing.EVPN) {})), "Proxmox": built(routing.Proxmox(), 0, external("a", "")),
	} {
		wantLines(t, what, lines(text, " tag "))
	}
}

// Sessions of a BGP controller: the other side of eBGP may be several hops away, eBGP
// exchanges no routes without filters (RFC 8212), and a loopback is advertised and the
// source of the node's own traffic.
func TestBGPController(t *testing.T) {
	c := routing.BGP{Owner: "controller/b", ASN: 65000, RouterID: own, Own: own, Peers: []netip.Addr{peer}, EBGPMultihop: 4}
	external, loopback, filtered, six := c, c, c, c
	external.EBGP = true
	loopback.EBGP, loopback.Loopback = true, "lo"
	filtered.EBGP, filtered.RouteMapIn = true, "mine"
	six.Own, six.Loopback = netip.MustParseAddr("fd00::1"), "lo"
	words := []string{"neighbor BGP ", "network ", "disable-ebgp-connected", "address-family ", "route-map MAP_ALL", "set src"}
	for what, w := range map[string]struct {
		c     routing.BGP
		stock []string
	}{
		"iBGP": {c, []string{
			"neighbor BGP peer-group", "neighbor BGP remote-as 65000", "neighbor BGP bfd", "neighbor BGP timers 3 9", "neighbor BGP timers connect 10",
			"address-family ipv4 unicast", "neighbor BGP activate", "neighbor BGP next-hop-self", "neighbor BGP soft-reconfiguration inbound",
		}},
		"eBGP": {external, []string{
			"neighbor BGP peer-group", "neighbor BGP remote-as external", "neighbor BGP bfd", "neighbor BGP timers 3 9", "neighbor BGP timers connect 10", "neighbor BGP ebgp-multihop 4",
			"address-family ipv4 unicast", "neighbor BGP activate", "neighbor BGP next-hop-self", "neighbor BGP soft-reconfiguration inbound",
			"neighbor BGP route-map MAP_ALL in", "neighbor BGP route-map MAP_ALL out", "route-map MAP_ALL permit 1",
		}},
		"filtered": {filtered, []string{
			"neighbor BGP peer-group", "neighbor BGP remote-as external", "neighbor BGP bfd", "neighbor BGP timers 3 9", "neighbor BGP timers connect 10", "neighbor BGP ebgp-multihop 4",
			"address-family ipv4 unicast", "neighbor BGP activate", "neighbor BGP next-hop-self", "neighbor BGP soft-reconfiguration inbound",
			"neighbor BGP route-map mine in", "neighbor BGP route-map MAP_ALL out", "route-map MAP_ALL permit 1",
		}},
		"loopback": {loopback, []string{
			"bgp disable-ebgp-connected-route-check",
			"neighbor BGP peer-group", "neighbor BGP remote-as external", "neighbor BGP bfd", "neighbor BGP timers 3 9", "neighbor BGP timers connect 10", "neighbor BGP ebgp-multihop 4",
			"address-family ipv4 unicast", "network 10.0.0.1/32", "neighbor BGP activate", "neighbor BGP next-hop-self", "neighbor BGP soft-reconfiguration inbound",
			"neighbor BGP route-map MAP_ALL in", "neighbor BGP route-map MAP_ALL out", "route-map MAP_ALL permit 1", "set src 10.0.0.1",
		}},
		"IPv6": {six, []string{
			"neighbor BGP peer-group", "neighbor BGP remote-as 65000", "neighbor BGP bfd", "neighbor BGP timers 3 9", "neighbor BGP timers connect 10",
			"address-family ipv6 unicast", "network fd00::1/128", "neighbor BGP activate", "neighbor BGP next-hop-self", "neighbor BGP soft-reconfiguration inbound",
		}},
	} {
		got := lines(built(routing.Dialect{}, 65000, w.c), words...)
		wantLines(t, what, got, w.stock...)
	}
	text := built(routing.Dialect{}, 65000, loopback)
	wantLines(t, "source", lines(text, "correct_src", "loopbacks_ips"),
		"ip prefix-list loopbacks_ips seq 10 permit 0.0.0.0/0 le 32", "route-map correct_src permit 1", "match ip address prefix-list loopbacks_ips",
		"ip protocol bgp route-map correct_src")
	nowhere := loopback
	nowhere.Own = netip.Addr{} // the loopback has no address yet
	wantLines(t, "no address", lines(built(routing.Dialect{}, 65000, nowhere), "network ", "correct_src"))
}

// An IS-IS controller has its router, and its interfaces take part in it.
func TestISISController(t *testing.T) {
	text := built(routing.Dialect{}, 0, routing.ISIS{Owner: "controller/i", Domain: "core", Net: "49.0001.0100.0000.0001.00", Interfaces: []string{"eth0", "eth1"}})
	wantLines(t, "router", context(text, "router isis core"),
		"net 49.0001.0100.0000.0001.00", "redistribute ipv4 connected level-1", "redistribute ipv6 connected level-1", "log-adjacency-changes", "lsp-gen-interval 1")
	for _, i := range []string{"eth0", "eth1"} {
		wantLines(t, i, context(text, "interface "+i), "ip router isis core")
	}
}
