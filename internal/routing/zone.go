package routing

import (
	"cmp"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// zone adds an EVPN zone: a router for its VRF, and its part of the node's own router.
func (b *builder) zone(z *Zone, e *EVPN) {
	v := frr.Put(&b.c.VRFs, z.VRF, &frr.VRF{Name: z.VRF, Owner: z.Owner, VNI: z.VNI})
	r := frr.Put(&b.c.Routers, z.VRF, &frr.Router{
		VRF: z.VRF, ASN: b.asn, Owner: z.Owner, RouterID: e.RouterID, NoHardReset: true, NoRestartNotice: true,
	})
	b.targets(z, cmp.Or(z.ASN, e.ASN), r)
	switch {
	case z.Exit != nil:
		for _, p := range z.Exit.NullRoutes {
			v.Routes = append(v.Routes, frr.Route{Prefix: p})
		}
		b.exit(z, r)
	case z.AdvertiseSubnets:
		redistributeConnected(z, r)
		r.L2VPN().AdvertiseUnicast4 = frr.Own(z.Owner, true)
		r.L2VPN().AdvertiseUnicast6 = frr.Own(z.Owner, true)
	}
	for _, t := range z.RTImport {
		r.L2VPN().Import = append(r.L2VPN().Import, frr.Own(z.Owner, t))
	}
	if !b.dialect.Multipath {
		// FRR 8.4 loses the MAC address of an exit node when a second one joins it, and
		// then drops half of the egress traffic of the zone.
		r.Unicast4().OnePath = frr.Own(z.Owner, true)
		r.Unicast6().OnePath = frr.Own(z.Owner, true)
	}
}

// targets sets the routes that belong to the zone where FRR would derive them from another
// AS number than the one that all nodes have in common: the router's, or for VNets that of
// "autort as".
func (b *builder) targets(z *Zone, asn uint32, r *frr.Router) {
	if asn != b.asn {
		l2 := r.L2VPN()
		t := b.target(asn, z.VNI)
		l2.Import = append(l2.Import, frr.Own(z.Owner, t))
		l2.Export = append(l2.Export, frr.Own(z.Owner, t))
	}
	main := b.c.Routers[frr.DefaultVRF].L2VPN()
	if asn == cmp.Or(main.AutoRT.Value, b.asn) || b.dialect.OneAutoRT {
		return
	}
	for _, vni := range z.VNIs {
		t := b.target(asn, vni)
		main.VNIs = append(main.VNIs, frr.VNI{ID: vni, Import: t, Export: t, Owner: z.Owner})
	}
}

// target is a route target as FRR derives it: the AS number's low 16 bits and
// the VNI.
func (b *builder) target(asn, vni uint32) string {
	if !b.dialect.LongTargets {
		asn &= 0xffff
	}
	return fmt.Sprintf("%d:%d", asn, vni)
}

// exit adds the configuration of an exit node: it advertises the default route to the
// zone, and imports the zone's routes into the node's own table or reaches them through a
// pair of devices.
func (b *builder) exit(z *Zone, r *frr.Router) {
	b.filters(z)
	r.L2VPN().DefaultOriginate4 = frr.Own(z.Owner, !z.Exit.Not4)
	r.L2VPN().DefaultOriginate6 = frr.Own(z.Owner, !z.Exit.Not6)
	if l := z.Exit.Local; l != nil {
		for _, s := range l.Subnets {
			via := l.Via4
			if s.Prefix.Addr().Is6() {
				via = l.Via6
			}
			b.local[s.VNet] = append(b.local[s.VNet], frr.Own(z.Owner, frr.Route{Prefix: s.Prefix, Via: via, Link: l.Link}))
		}
		return
	}
	main := b.c.Routers[frr.DefaultVRF]
	for _, u := range []*frr.Unicast{main.Unicast4(), main.Unicast6()} {
		u.ImportVRFs = append(u.ImportVRFs, frr.Own(z.Owner, z.VRF))
	}
	redistributeConnected(z, r)
}

func redistributeConnected(z *Zone, r *frr.Router) {
	for _, u := range []*frr.Unicast{r.Unicast4(), r.Unicast6()} {
		u.Redistribute = append(u.Redistribute, frr.Own(z.Owner, "connected"))
	}
}

// filters prevents exit nodes from sending packets to each other: one that is the first
// choice rejects default routes of others, and one that is not makes its own the worse
// one.
func (b *builder) filters(z *Zone) {
	for _, id := range z.controllers() {
		if e := b.evpn[id]; e != nil {
			b.filter(z, e)
		}
	}
}

// filter does so for the sessions of one of the zone's controllers.
func (b *builder) filter(z *Zone, e *EVPN) {
	name, out := e.Maps()
	entry := frr.RouteMapEntry{Owner: z.Owner, Deny: true}
	if z.Exit.Secondary {
		name = out
		entry = frr.RouteMapEntry{Owner: z.Owner, Set: []string{"metric 200"}}
	}
	m := b.c.RouteMap(name)
	if b.dialect.PrefixFilters {
		b.prefixFilters(z, m, entry)
		return
	}
	if z.Exit.Secondary {
		entry.Call = e.RouteMapOut // which decides finally on this route too
	}
	// All three are needed: FRR treats other types of routes as the default one, and the
	// map is that of all zones.
	entry.Match = []string{"evpn route-type prefix", "evpn default-route", fmt.Sprintf("evpn vni %d", z.VNI)}
	m.Prepend(entry)
}

// prefixFilters writes the filters as Proxmox does. They are the same for every zone, also
// for those with other exit nodes.
func (b *builder) prefixFilters(z *Zone, m *frr.RouteMap, entry frr.RouteMapEntry) {
	for _, l := range []frr.PrefixList{
		{Name: listDefault, Owner: z.Owner, Entries: []frr.PrefixEntry{{Seq: 1, Prefix: all4}}},
		{Name: listSix, Owner: z.Owner, Entries: []frr.PrefixEntry{{Seq: 1, Prefix: all6}}},
	} {
		if b.c.PrefixLists[l.Name] == nil {
			frr.Put(&b.c.PrefixLists, l.Name, &l)
		}
	}
	four, six := entry, entry
	four.Match = []string{"ip address prefix-list " + listDefault}
	six.Match = []string{"ipv6 address prefix-list " + listSix}
	m.Prepend(four, six)
}
