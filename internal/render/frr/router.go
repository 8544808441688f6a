package frr

import (
	"fmt"
	"net/netip"
)

// DefaultVRF is the key of the BGP router outside all VRFs.
const DefaultVRF = "default"

// Router is a BGP router.
type Router struct {
	// VRF is empty for the router outside all VRFs.
	VRF   string
	ASN   uint32
	Owner string
	// RouterID is an IPv4 address.
	RouterID netip.Addr
	// NoHardReset and NoRestartNotice prevent FRR from using RFC 8538; NoDefaultUnicast
	// from activating IPv4 for every neighbour.
	NoHardReset, NoDefaultUnicast, NoRestartNotice bool
	// Restart is graceful restart (RFC 4724) for the router and its peers.
	Restart bool
	// CoalesceTime in milliseconds is how long updates are collected; 0 keeps FRR's
	// default.
	CoalesceTime int
	// NoConnectedCheck allows eBGP neighbours to be reached by their loopbacks.
	NoConnectedCheck Owned[bool]
	MultipathRelax   Owned[bool]
	Groups           []*PeerGroup
	Custom           []string
	IPv4, IPv6       *Unicast
	EVPN             *EVPN
}

// PeerGroup is a group of neighbours with the same configuration.
type PeerGroup struct {
	Name, Owner string
	// RemoteAS is a number or "external".
	RemoteAS string
	// LocalAS is the AS number shown to the neighbours instead of the router's;
	// 0 means the router's.
	LocalAS uint32
	BFD     bool
	// Quick means that a session ends after 9 seconds of silence, and that a connection is
	// retried every 10; false keeps FRR's default, which is minutes in some profiles.
	Quick bool
	// Multihop is how many hops away eBGP neighbours may be; 0 keeps FRR's default.
	Multihop     int
	UpdateSource string
	// Sources are the source addresses of sessions with single peers.
	Sources map[netip.Addr]netip.Addr
	// Peers are neighbours by address, Links those on the other end of an
	// interface (RFC 5549).
	Peers []netip.Addr
	Links []string
}

// Neighbour is the configuration of a peer group in an address family.
type Neighbour struct {
	Group, Owner        string
	SoftReconfiguration bool
	// NextHopSelf makes the router the next hop of all that it advertises, also where the
	// neighbour could reach the real one.
	NextHopSelf bool
	// RouteMapIn and RouteMapOut may be empty.
	RouteMapIn, RouteMapOut string
}

// Unicast is the address family of plain routes of IPv4 or IPv6.
type Unicast struct {
	// OnePath uses only the best path of several equally good ones.
	OnePath      Owned[bool]
	Networks     []Owned[netip.Prefix]
	ImportVRFs   []Owned[string]
	Neighbours   []Neighbour
	Redistribute []Owned[string]
	Custom       []string
}

// EVPN is the address family l2vpn evpn (RFC 7432).
type EVPN struct {
	Neighbours                           []Neighbour
	AdvertiseAllVNI                      Owned[bool]
	AutoRT                               Owned[uint32]
	VNIs                                 []VNI
	DefaultOriginate4, DefaultOriginate6 Owned[bool]
	AdvertiseUnicast4, AdvertiseUnicast6 Owned[bool]
	Import, Export                       []Owned[string]
	Custom                               []string
}

// VNI gives a VXLAN network route targets; FRR chooses an empty one.
type VNI struct {
	ID             uint32
	Import, Export string
	Owner          string
}

// Unicast4 returns the IPv4 family and creates it if necessary; Unicast6 and L2VPN do the
// same for theirs.
func (r *Router) Unicast4() *Unicast {
	if r.IPv4 == nil {
		r.IPv4 = &Unicast{}
	}
	return r.IPv4
}

// Unicast6 returns the IPv6 family.
func (r *Router) Unicast6() *Unicast {
	if r.IPv6 == nil {
		r.IPv6 = &Unicast{}
	}
	return r.IPv6
}

// L2VPN returns the EVPN family.
func (r *Router) L2VPN() *EVPN {
	if r.EVPN == nil {
		r.EVPN = &EVPN{}
	}
	return r.EVPN
}

func (r *Router) item() item {
	i := item{head: fmt.Sprintf("router bgp %d", r.ASN), owner: r.Owner, end: "exit"}
	if r.VRF != "" {
		i.head += " vrf " + r.VRF
	}
	i.add(r.Owner, " bgp router-id %s", r.RouterID)
	i.when(r.NoHardReset, r.Owner, " no bgp hard-administrative-reset")
	i.when(r.NoDefaultUnicast, r.Owner, " no bgp default ipv4-unicast")
	i.when(r.CoalesceTime > 0, r.Owner, " coalesce-time %d", r.CoalesceTime)
	i.when(r.NoRestartNotice, r.Owner, " no bgp graceful-restart notification")
	r.restart(&i)
	i.flag(r.NoConnectedCheck, " bgp disable-ebgp-connected-route-check")
	i.flag(r.MultipathRelax, " bgp bestpath as-path multipath-relax")
	for _, g := range r.Groups {
		g.lines(&i)
	}
	i.custom(r.Custom)
	if r.IPv4 != nil {
		i.family("ipv4 unicast", r.IPv4.lines)
	}
	if r.IPv6 != nil {
		i.family("ipv6 unicast", r.IPv6.lines)
	}
	if r.EVPN != nil {
		i.family("l2vpn evpn", r.EVPN.lines)
	}
	return i
}

// The times of graceful restart, in seconds. Peers keep the routes of a bgpd that ended
// for restartTime, which has to be enough for the agent to start it again with all of its
// configuration, and is how long they send to a node after its FRR was stopped
// permanently.
const restartTime = 60

// DeferTime is for how many seconds a bgpd that restarts gracefully waits for its peers:
// it continues without those that have not sent all their routes by then.
const DeferTime = 20

// restart adds graceful restart. The router keeps the forwarding state of the kernel, and
// advertises that it does: otherwise peers would withdraw its routes when the session is
// back and the routes are not yet.
func (r *Router) restart(i *item) {
	i.when(r.Restart, r.Owner, " bgp graceful-restart restart-time %d", restartTime)
	i.when(r.Restart, r.Owner, " bgp graceful-restart select-defer-time %d", DeferTime)
	i.when(r.Restart, r.Owner, " bgp graceful-restart preserve-fw-state")
	i.when(r.Restart, r.Owner, " bgp graceful-restart")
}

func (g *PeerGroup) lines(i *item) {
	say := func(when bool, format string, args ...any) {
		i.when(when, g.Owner, " neighbor "+g.Name+" "+format, args...)
	}
	say(true, "peer-group")
	say(true, "remote-as %s", g.RemoteAS)
	say(g.LocalAS != 0, "local-as %d no-prepend replace-as", g.LocalAS)
	say(g.BFD, "bfd")
	say(g.Quick, "timers 3 9")
	say(g.Quick, "timers connect 10")
	say(g.Multihop != 0, "ebgp-multihop %d", g.Multihop)
	say(g.UpdateSource != "", "update-source %s", g.UpdateSource)
	for _, p := range g.Peers {
		i.add(g.Owner, " neighbor %s peer-group %s", p, g.Name)
		if source, ok := g.Sources[p]; ok {
			i.add(g.Owner, " neighbor %s update-source %s", p, source)
		}
	}
	for _, l := range g.Links {
		i.add(g.Owner, " neighbor %s interface peer-group %s", l, g.Name)
	}
}

func (n *Neighbour) lines(i *item) {
	say := func(when bool, format string, args ...any) {
		i.when(when, n.Owner, "  neighbor "+n.Group+" "+format, args...)
	}
	say(true, "activate")
	say(n.NextHopSelf, "next-hop-self")
	say(n.SoftReconfiguration, "soft-reconfiguration inbound")
	say(n.RouteMapIn != "", "route-map %s in", n.RouteMapIn)
	say(n.RouteMapOut != "", "route-map %s out", n.RouteMapOut)
}

func (u *Unicast) lines(i *item) {
	i.flag(u.OnePath, "  maximum-paths 1")
	i.flag(u.OnePath, "  maximum-paths ibgp 1")
	for _, n := range u.Networks {
		i.add(n.Owner, "  network %s", n.Value)
	}
	for _, v := range u.ImportVRFs {
		i.add(v.Owner, "  import vrf %s", v.Value)
	}
	for _, n := range u.Neighbours {
		n.lines(i)
	}
	for _, r := range u.Redistribute {
		i.add(r.Owner, "  redistribute %s", r.Value)
	}
	i.custom(u.Custom)
}

func (e *EVPN) lines(i *item) {
	for _, n := range e.Neighbours {
		n.lines(i)
	}
	i.flag(e.AdvertiseAllVNI, "  advertise-all-vni")
	i.when(e.AutoRT.Value != 0, e.AutoRT.Owner, "  autort as %d", e.AutoRT.Value)
	// FRR accepts settings of a single VNI only after advertise-all-vni.
	for _, v := range e.VNIs {
		i.add(v.Owner, "  vni %d", v.ID)
		i.when(v.Import != "", v.Owner, "   route-target import %s", v.Import)
		i.when(v.Export != "", v.Owner, "   route-target export %s", v.Export)
		i.add(v.Owner, "  exit-vni")
	}
	i.flag(e.DefaultOriginate4, "  default-originate ipv4")
	i.flag(e.DefaultOriginate6, "  default-originate ipv6")
	i.flag(e.AdvertiseUnicast4, "  advertise ipv4 unicast")
	i.flag(e.AdvertiseUnicast6, "  advertise ipv6 unicast")
	for _, t := range e.Import {
		i.add(t.Owner, "  route-target import %s", t.Value)
	}
	for _, t := range e.Export {
		i.add(t.Owner, "  route-target export %s", t.Value)
	}
	i.custom(e.Custom)
}
