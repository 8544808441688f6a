package compile

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// zoneBuilder compiles the VNets of the node's zones. What those of one zone have in common
// is worked out with the first of them.
type zoneBuilder struct {
	linkBuilder
	overlays    map[string]*overlay // by VXLAN zone
	trunks      map[string]*trunk   // by VLAN or QinQ zone
	vrfs        map[string]*vrf     // by EVPN zone
	controllers map[string]*overlay // by EVPN controller
	routed      routed
	// exits are the networks that the node routes to from outside, with their owners.
	exits map[netip.Prefix]string
}

// compileZones adds the VNets' links to those of the fabrics: names are unique on the node.
func compileZones(n *node) *networks {
	under := partFabrics.of(n)
	b := &zoneBuilder{
		linkBuilder: linkBuilder{node: n, links: links{table: make(map[string]desired.Link, 2*len(n.allVNets)), withheld: maps.Clone(under.withheld)}},
		overlays:    map[string]*overlay{}, trunks: map[string]*trunk{}, vrfs: map[string]*vrf{}, controllers: map[string]*overlay{},
		exits: map[netip.Prefix]string{},
	}
	maps.Copy(b.table, under.table)
	n.out.Links = append(make([]desired.Link, 0, 2*len(n.allVNets)), under.out.Links...)
	n.out.Addresses, n.out.Sysctls = slices.Clone(under.out.Addresses), slices.Clone(under.out.Sysctls)
	for _, v := range n.allVNets {
		z := n.cfg.Zones[v.Zone]
		if z == nil || !z.OnNode(n.name) || !n.nameFree(v) {
			continue
		}
		switch z.Type {
		case model.ZoneSimple:
			b.simple(z, v)
		case model.ZoneVLAN:
			b.vlan(z, v)
		case model.ZoneQinQ:
			b.qinq(z, v)
		case model.ZoneVXLAN:
			b.vxlan(z, v)
		case model.ZoneEVPN:
			b.evpn(z, v)
		}
	}
	return &networks{links: b.links, out: n.out, vrfs: b.vrfs, controllers: b.controllers, routed: b.routed}
}

// nameFree refuses a VNet with link names that the node's operator has reserved. Only
// overlays have a VXLAN device.
func (n *node) nameFree(v *model.VNet) bool {
	for _, name := range []string{v.ID, naming.Tunnel.Of(v.ID), naming.Gateway.Of(v.ID), naming.GatewayPort.Of(v.ID)} {
		if pattern := n.reserved(name); pattern != "" {
			n.note(LevelError, model.Ref(model.KindVNet, v.ID),
				msgInterfaceReservedForVNet, name, n.name, pattern)
			return false
		}
	}
	return true
}
