package routing

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/frr"
)

// Names in FRR's configuration. They are Proxmox's, so that what operators add
// in frr.conf.local finds them.
const (
	groupVTEP   = "VTEP"
	groupBGP    = "BGP"
	mapVTEPIn   = "MAP_VTEP_IN"
	mapVTEPOut  = "MAP_VTEP_OUT"
	mapSource   = "correct_src"
	mapAll      = "MAP_ALL"
	listSource  = "loopbacks_ips"
	listDefault = "only_default"
	listSix     = "only_default_v6"
)

// noTarget is a route target that no route has: its number is no VNI's, its
// autonomous system is reserved (RFC 7300). One with the VNI would not do: FRR takes
// routes of any autonomous system where that part is the same.
const noTarget = "65535:0"

// firstSeq and stepSeq number the entries that choose the source address of
// fabrics; lastSeq is their end.
const (
	firstSeq = 100
	stepSeq  = 10
	lastSeq  = 65535
)

var (
	all4 = netip.MustParsePrefix("0.0.0.0/0")
	all6 = netip.MustParsePrefix("::/0")
)

// builder is the work on one configuration.
type builder struct {
	dialect Dialect
	c       *frr.Config
	evpn    map[string]*EVPN                  // by ID
	local   map[string][]frr.Owned[frr.Route] // into zones, by VNet
	// seq is the number of the next source entry of a fabric.
	seq int
}

// Build makes the configuration of the node.
func Build(i *Intent) *frr.Config {
	c := &frr.Config{}
	Extend(c, i)
	return c
}

// Extend adds the intent to a configuration that is there already. A BGP router
// that it has is used.
func Extend(c *frr.Config, i *Intent) {
	b := &builder{dialect: i.Dialect, c: c, evpn: map[string]*EVPN{}, local: map[string][]frr.Owned[frr.Route]{}, seq: firstSeq}
	for _, c := range i.Controllers {
		c.build(b)
	}
	for _, z := range i.Zones {
		if e := b.evpn[z.Controller]; e != nil {
			b.zone(&z, e)
		}
	}
	for _, vnet := range slices.Sorted(maps.Keys(b.local)) {
		b.c.Routes = append(b.c.Routes, b.local[vnet]...)
	}
	for _, m := range b.c.RouteMaps {
		m.Renumber()
	}
	b.c.MergeProxmox(i.Local)
	b.fabrics(i.Fabrics)
}

// router returns the BGP router outside all VRFs, which the first controller
// makes.
func (b *builder) router(owner string, asn uint32, id netip.Addr, whole bool) *frr.Router {
	if r := b.c.Routers[frr.DefaultVRF]; r != nil {
		return r
	}
	return frr.Put(&b.c.Routers, frr.DefaultVRF, &frr.Router{
		ASN: asn, Owner: owner, RouterID: id,
		NoHardReset: whole, NoDefaultUnicast: true, CoalesceTime: 1000, NoRestartNotice: whole,
	})
}

func (e EVPN) build(b *builder) {
	b.evpn[e.ID] = &e
	r := b.router(e.Owner, e.RouterASN, e.RouterID, true)
	g := &frr.PeerGroup{Name: groupVTEP, Owner: e.Owner, RemoteAS: fmt.Sprint(e.RouterASN), BFD: true, Quick: !b.dialect.Datacenter, UpdateSource: e.Loopback}
	if e.Source.IsValid() {
		g.UpdateSource = e.Source.String()
	}
	if e.external() {
		g.RemoteAS = "external"
		if e.Loopback != "" {
			g.Multihop = 10
		}
	}
	for _, p := range e.Peers {
		if p != e.Own {
			g.Peers = append(g.Peers, p)
		}
	}
	r.Groups = append(r.Groups, g)
	l2 := r.L2VPN()
	l2.Neighbours = append(l2.Neighbours, frr.Neighbour{Group: groupVTEP, Owner: e.Owner, RouteMapIn: mapVTEPIn, RouteMapOut: mapVTEPOut})
	l2.AdvertiseAllVNI = frr.Own(e.Owner, true)
	for _, vni := range e.Apart {
		l2.VNIs = append(l2.VNIs, frr.VNI{ID: vni, Import: noTarget, Owner: e.Owner})
	}
	if e.external() && b.dialect.AutoRT {
		l2.AutoRT = frr.Own(e.Owner, e.ASN)
	}
	for _, name := range []string{mapVTEPIn, mapVTEPOut} {
		if m := b.c.RouteMap(name); len(m.Entries) == 0 {
			m.Entries = []frr.RouteMapEntry{{Owner: e.Owner}}
		}
	}
}

// external reports whether the node's router is of another autonomous system
// than the EVPN control plane, so that its sessions are eBGP.
func (e *EVPN) external() bool { return e.RouterASN != e.ASN }

func (c BGP) build(b *builder) {
	r := b.router(c.Owner, c.ASN, c.RouterID, !b.dialect.OmitLines)
	if c.Loopback != "" && c.EBGP && !r.NoConnectedCheck.Value {
		r.NoConnectedCheck = frr.Own(c.Owner, true)
	}
	if c.MultipathRelax && !r.MultipathRelax.Value {
		r.MultipathRelax = frr.Own(c.Owner, true)
	}
	g := &frr.PeerGroup{Name: groupBGP, Owner: c.Owner, RemoteAS: fmt.Sprint(c.ASN), BFD: true, Quick: !b.dialect.Datacenter, Peers: c.Peers}
	if c.EBGP {
		g.RemoteAS, g.Multihop = "external", c.EBGPMultihop
	}
	r.Groups = append(r.Groups, g)
	var family *frr.Unicast
	if c.Own.Is6() {
		family = r.Unicast6()
	} else {
		family = r.Unicast4()
	}
	n := frr.Neighbour{Group: groupBGP, Owner: c.Owner, SoftReconfiguration: true}
	if c.EBGP && !b.dialect.Datacenter {
		n.RouteMapIn, n.RouteMapOut = mapAll, mapAll
		b.c.RouteMap(mapAll).Entries = []frr.RouteMapEntry{{Owner: c.Owner}}
	}
	family.Neighbours = append(family.Neighbours, n)
	if c.Loopback != "" {
		family.Networks = append(family.Networks, frr.Own(c.Owner, host(c.Own)))
		b.source(c.Owner, c.Own)
	}
}

// source makes what the node itself sends come from the loopback's address:
// that of the link which a route leads through is not known to the other side.
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
	frr.Put(&b.c.ISIS, s.Domain, &frr.ISIS{Domain: s.Domain, Net: s.Net, Owner: s.Owner})
	for _, name := range s.Interfaces {
		frr.Put(&b.c.ISISInterfaces, name, &frr.Interface{Name: name, Owner: s.Owner, Lines: []string{"ip router isis " + s.Domain}})
	}
}

// host is the prefix of one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
