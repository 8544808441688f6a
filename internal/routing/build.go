package routing

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// Names in FRR's configuration. They are Proxmox's, so that additions of operators in
// frr.conf.local refer to them.
const (
	groupVTEP  = model.DefaultPeerGroup
	groupBGP   = "BGP"
	mapVTEPIn  = "MAP_VTEP_IN"
	mapVTEPOut = "MAP_VTEP_OUT"
	mapSource  = "correct_src"
	listSource = "loopbacks_ips"
	// listController begins the names of community lists.
	listController = "pve_controller_"
	listDefault    = "only_default"
	listSix        = "only_default_v6"
)

// noTarget is a route target that no route has: its number is no VNI's, its autonomous
// system is reserved (RFC 7300). One with the VNI would not do: FRR imports routes of any
// autonomous system where that part is the same.
const noTarget = "65535:0"

// MapAll is the route map that permits everything, which eBGP sessions need in the stock
// dialect.
const MapAll = "MAP_ALL"

// firstSeq and stepSeq number the entries that choose the source address of fabrics;
// lastSeq is their end.
const (
	firstSeq = 100
	stepSeq  = 10
	lastSeq  = 65535
)

var (
	all4 = netip.MustParsePrefix("0.0.0.0/0")
	all6 = netip.MustParsePrefix("::/0")
)

// builder is the state of building one configuration.
type builder struct {
	dialect Dialect
	c       *frr.Config
	evpn    map[string]*EVPN // by ID
	several bool             // of them
	asn     uint32           // of the node's BGP router
	restart bool
	bgp     uint32                            // of its BGP controller, or 0
	local   map[string][]frr.Owned[frr.Route] // into zones, by VNet
	// seq is the number of the next source entry of a fabric.
	seq int
}

// Build builds the configuration of the node.
func Build(i *Intent) *frr.Config {
	c := &frr.Config{}
	Extend(c, i)
	return c
}

// Extend adds the intent to an existing configuration. It uses an existing BGP router.
func Extend(c *frr.Config, i *Intent) {
	b := &builder{
		dialect: i.Dialect, restart: i.Restart, c: c, evpn: map[string]*EVPN{}, asn: i.RouterASN(), bgp: i.BGPASN,
		several: len(i.evpn()) > 1, local: map[string][]frr.Owned[frr.Route]{}, seq: firstSeq,
	}
	for _, c := range i.Controllers {
		c.build(b)
	}
	for _, z := range i.Zones {
		if e := b.carrier(&z); e != nil {
			b.zone(&z, e)
		}
	}
	b.communities(i)
	b.preventTransit(i.evpn())
	for _, vnet := range slices.Sorted(maps.Keys(b.local)) {
		b.c.Routes = append(b.c.Routes, b.local[vnet]...)
	}
	for _, m := range b.c.RouteMaps {
		m.Renumber()
	}
	b.policies(i) // the operator's own entries are numbered after these
	b.c.MergeProxmox(i.Local)
	b.fabrics(i.Fabrics)
	b.policies(i) // and generated parts of the fabrics are replaced as well
}

// evpn are the node's EVPN controllers.
func (i *Intent) evpn() []EVPN {
	var out []EVPN
	for _, c := range i.Controllers {
		if e, ok := c.(EVPN); ok {
			out = append(out, e)
		}
	}
	return out
}

// RouterASN is the AS number of the node's BGP router, which all controllers share: those
// with another one use local-as. It is that of the BGP controller if an EVPN controller
// uses its AS number, otherwise that of the first EVPN controller; 0 without any.
func (i *Intent) RouterASN() uint32 {
	list := i.evpn()
	if !i.Dialect.InternalLocalAS {
		for _, e := range list {
			if local, external := e.Session(i.BGPASN); !external {
				return local
			}
		}
		for _, c := range i.Controllers {
			if c, ok := c.(BGP); ok && !c.EBGP {
				return c.ASN
			}
		}
	}
	automatic := slices.ContainsFunc(list, func(e EVPN) bool { return e.Mode == "" || e.Mode == model.ModeAuto })
	if len(list) == 0 || i.BGPASN != 0 && automatic {
		return i.BGPASN
	}
	return list[0].ASN
}

// carrier is the controller that carries a zone on the node; nil if there is none.
func (b *builder) carrier(z *Zone) *EVPN {
	for _, id := range z.controllers() {
		if e := b.evpn[id]; e != nil {
			return e
		}
	}
	return nil
}

// router returns the BGP router outside all VRFs, which the first controller creates.
func (b *builder) router(owner string, id netip.Addr, whole bool) *frr.Router {
	if r := b.c.Routers[frr.DefaultVRF]; r != nil {
		return r
	}
	return frr.Put(&b.c.Routers, frr.DefaultVRF, &frr.Router{
		ASN: b.asn, Owner: owner, RouterID: id,
		NoHardReset: whole, NoDefaultUnicast: true, CoalesceTime: 1000, NoRestartNotice: whole, Restart: b.restart,
	})
}

// group creates a peer group that uses the AS number local, and expects another one or the
// same.
func (b *builder) group(name, owner string, local uint32, external bool) *frr.PeerGroup {
	g := &frr.PeerGroup{Name: name, Owner: owner, RemoteAS: fmt.Sprint(local), BFD: true, Quick: !b.dialect.Datacenter}
	if external {
		g.RemoteAS = "external"
	}
	if local != b.asn {
		g.LocalAS = local
	}
	return g
}

func (e EVPN) build(b *builder) {
	b.evpn[e.ID] = &e
	r := b.router(e.Owner, e.RouterID, true)
	local, external := e.Session(b.bgp)
	g := b.group(e.group(), e.Owner, local, external)
	g.BFD = external || !e.NoBFD
	g.UpdateSource = e.Loopback
	switch {
	case external && e.Multihop != 0:
		g.Multihop = e.Multihop
	case external && e.Loopback != "":
		g.Multihop = 10
	}
	for _, p := range e.Peers {
		if p != e.Own {
			g.Peers = append(g.Peers, p)
		}
	}
	e.sources(g)
	r.Groups = append(r.Groups, g)
	l2 := r.L2VPN()
	in, out := e.Maps()
	l2.Neighbours = append(l2.Neighbours, frr.Neighbour{Group: g.Name, Owner: e.Owner, RouteMapIn: in, RouteMapOut: out})
	if !l2.AdvertiseAllVNI.Value {
		l2.AdvertiseAllVNI = frr.Own(e.Owner, true)
		for _, vni := range e.Apart {
			l2.VNIs = append(l2.VNIs, frr.VNI{ID: vni, Import: noTarget, Owner: e.Owner})
		}
	}
	if e.ASN != b.asn && b.dialect.AutoRT && l2.AutoRT.Value == 0 {
		l2.AutoRT = frr.Own(e.Owner, e.ASN)
	}
	last := frr.RouteMapEntry{Owner: e.Owner, Call: e.RouteMapIn}
	b.last(in, last)
	last.Call = e.RouteMapOut
	if b.several {
		last.Match = []string{b.controllerMatch(e.ID)}
	}
	b.last(out, last)
}

// sources sets the source address of sessions, for the whole group or for the peers that
// need it.
func (e *EVPN) sources(g *frr.PeerGroup) {
	if !e.Source.IsValid() {
		return
	}
	g.UpdateSource = ""
	far := slices.DeleteFunc(slices.Clone(g.Peers), func(p netip.Addr) bool { return slices.Contains(e.Connected, p) })
	if len(far) == len(g.Peers) {
		g.UpdateSource = e.Source.String()
		return
	}
	g.Sources = map[netip.Addr]netip.Addr{}
	for _, p := range far {
		g.Sources[p] = e.Source
	}
}

// lastTag is the highest tag of routes from other EVPN peers; each controller has its own
// below it. Tags stay inside the node.
const lastTag = 4294967294

// preventTransit prevents the sessions between autonomous systems from advertising routes
// of other peers, as in iBGP sessions: every node has a session with all of them. FRR 8.4
// forgets how a node is reached when it learns of another path to the same next hop
// (FRRouting#10298).
func (b *builder) preventTransit(list []EVPN) {
	if b.dialect.Datacenter {
		return // as Proxmox's file
	}
	for i, e := range list {
		mark := fmt.Sprintf("tag %d", lastTag-i)
		if _, external := e.Session(b.bgp); !external {
			continue
		}
		in, out := e.Maps()
		entries := b.c.RouteMap(in).Entries
		for k := range entries {
			if !entries[k].Deny {
				entries[k].Set = append(entries[k].Set, mark)
			}
		}
		b.c.RouteMap(out).Prepend(frr.RouteMapEntry{Owner: e.Owner, Deny: true, Match: []string{mark}})
	}
}

// last gives a route map the entry that follows all others.
func (b *builder) last(name string, e frr.RouteMapEntry) {
	if m := b.c.RouteMap(name); len(m.Entries) == 0 {
		m.Entries = []frr.RouteMapEntry{e}
	}
}

// group is the name of the controller's peer group.
func (e *EVPN) group() string { return cmp.Or(e.Group, groupVTEP) }

// Maps are the names of the route maps of the controller's sessions.
func (e *EVPN) Maps() (in, out string) {
	if e.group() == groupVTEP {
		return mapVTEPIn, mapVTEPOut
	}
	return mapVTEPIn + "_" + e.group(), mapVTEPOut + "_" + e.group()
}

func (c BGP) build(b *builder) {
	r := b.router(c.Owner, c.RouterID, !b.dialect.OmitLines)
	if c.Loopback != "" && c.EBGP && !r.NoConnectedCheck.Value {
		r.NoConnectedCheck = frr.Own(c.Owner, true)
	}
	if c.MultipathRelax && !r.MultipathRelax.Value {
		r.MultipathRelax = frr.Own(c.Owner, true)
	}
	g := b.group(groupBGP, c.Owner, c.ASN, c.EBGP)
	g.Peers = c.Peers
	if c.EBGP {
		g.Multihop = c.EBGPMultihop
	}
	r.Groups = append(r.Groups, g)
	var family *frr.Unicast
	if c.Own.Is6() {
		family = r.Unicast6()
	} else {
		family = r.Unicast4()
	}
	n := frr.Neighbour{
		Group: groupBGP, Owner: c.Owner, SoftReconfiguration: true, RouteMapIn: c.RouteMapIn, RouteMapOut: c.RouteMapOut,
		// A router in the nodes' own network would send to a guest's node, which need not
		// be an exit node.
		NextHopSelf: !b.dialect.ThirdParty,
	}
	if c.EBGP && !b.dialect.Datacenter {
		n.RouteMapIn, n.RouteMapOut = cmp.Or(n.RouteMapIn, MapAll), cmp.Or(n.RouteMapOut, MapAll)
	}
	if n.RouteMapIn == MapAll || n.RouteMapOut == MapAll {
		b.passAll(c.Owner)
	}
	family.Neighbours = append(family.Neighbours, n)
	if c.Loopback != "" && c.Own.IsValid() {
		family.Networks = append(family.Networks, frr.Own(c.Owner, host(c.Own)))
		b.source(c.Owner, c.Own)
	}
}

// passAll creates the route map that permits everything.
func (b *builder) passAll(owner string) { b.last(MapAll, frr.RouteMapEntry{Seq: 1, Owner: owner}) }

// source sets the source address of the node's own traffic to the loopback's: the other
// side does not know the address of the link of a route.
func (b *builder) source(owner string, own netip.Addr) {
	if own.Is6() && !b.dialect.SourceSix {
		return
	}
	frr.Put(&b.c.PrefixLists, listSource, &frr.PrefixList{Name: listSource, Owner: owner, Entries: []frr.PrefixEntry{{Seq: 10, Prefix: all4, Le: 32}}})
	frr.Put(&b.c.RouteMaps, mapSource, &frr.RouteMap{Name: mapSource, Entries: []frr.RouteMapEntry{{
		Owner: owner, Match: []string{"ip address prefix-list " + listSource}, Set: []string{"src " + own.String()},
	}}})
	b.c.ProtocolMap("bgp").IPv4 = frr.Own(owner, mapSource)
}

func (s ISIS) build(b *builder) {
	frr.Put(&b.c.ISIS, s.Domain, &frr.ISIS{Domain: s.Domain, Net: s.Net, Owner: s.Owner, Quick: !b.dialect.Datacenter})
	for _, name := range s.Interfaces {
		frr.Put(&b.c.ISISInterfaces, name, &frr.Interface{Name: name, Owner: s.Owner, Lines: []string{"ip router isis " + s.Domain}})
	}
}

// host is the prefix of one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
