package frr

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// via4 and via6 are the addresses inside the VRF of the link into a zone. They are
// the same for every zone in Proxmox.
var (
	via4 = netip.MustParseAddr("10.255.255.2")
	via6 = netip.MustParseAddr("fe80::2")
)

func (r *reader) usable(z *model.Zone) bool {
	c := r.run.Controllers[z.Controller]
	switch {
	case c == nil || c.Type != model.ControllerEVPN:
		r.report(model.Error, model.KindZone, z.ID, "controller", z.Controller, "is not an EVPN controller of the running configuration; the zone is left out")
	case z.VRFVXLAN == 0:
		r.report(model.Error, model.KindZone, z.ID, "vrf-vxlan", "", "is not set, and every evpn zone needs one; the zone is left out")
	default:
		return true
	}
	return false
}

// zone reads an EVPN zone. Proxmox creates its VRF on every node, even if the zone is
// restricted to other nodes.
func (r *reader) zone(z *model.Zone) routing.Zone {
	out := routing.Zone{
		ID: z.ID, Owner: model.Ref(model.KindZone, z.ID), VRF: naming.VRF.Of(z.ID), Controller: z.Controller, Secondary: z.SecondaryControllers,
		VNI: uint32(z.VRFVXLAN), AdvertiseSubnets: z.AdvertiseSubnets, RTImport: z.RTImport, // at most 24 bits
	}
	out.ASN = uint32(r.run.Controllers[z.Controller].ASN) // see usable
	for _, v := range r.vnets[z.ID] {
		if v.Tag != 0 {
			out.VNIs = append(out.VNIs, uint32(v.Tag)) // at most 24 bits
		}
	}
	if !slices.Contains(z.ExitNodes, r.facts.Node) {
		return out
	}
	out.Exit = &routing.Exit{
		Secondary:  z.ExitNodesPrimary != "" && z.ExitNodesPrimary != r.facts.Node,
		NullRoutes: r.others(z),
	}
	if z.ExitNodesLocalRouting {
		l := &routing.LocalRouting{Link: naming.ExitOutside.Of(z.ID), Via4: via4, Via6: via6}
		for _, v := range r.vnets[z.ID] {
			for _, s := range r.subnets[v.ID] {
				l.Subnets = append(l.Subnets, routing.LocalSubnet{VNet: v.ID, Prefix: s.CIDR})
			}
		}
		out.Exit.Local = l
	}
	return out
}

// others returns the subnets of other zones, in the order of their addresses. Of
// subnets with the same address Proxmox knows only the last.
func (r *reader) others(z *model.Zone) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(r.all))
	for _, s := range r.all {
		switch last := len(out) - 1; {
		case strings.HasPrefix(s.ID, z.ID+"-"):
		case last >= 0 && out[last].Addr() == s.CIDR.Addr():
			out[last] = s.CIDR
		default:
			out = append(out, s.CIDR)
		}
	}
	return out
}

// Fabrics returns the parts of a node in fabrics, in the order of the fabrics.
func Fabrics(run *running.Running, node string) []routing.Fabric {
	var out []routing.Fabric
	for _, id := range slices.Sorted(maps.Keys(run.Fabrics)) {
		f, n := run.Fabrics[id], run.FabricNodes[model.FabricNodeID(id, node)]
		if run.Broken(f) || n == nil || run.Broken(n) {
			continue // already reported, or not on this node
		}
		part := routing.Fabric{
			ID: id, Owner: model.Ref(model.KindFabric, id), Protocol: routing.Protocol(f.Protocol),
			IPPrefix: f.IPPrefix, IP6Prefix: f.IP6Prefix, IP: n.IP, IP6: n.IP6,
			HelloInterval: f.HelloInterval, CSNPInterval: f.CSNPInterval, Area: f.Area, BFD: f.BFD, ASN: uint32(n.ASN),
			RouteFilter: f.RouteFilter, RouteMapIn: f.RouteMapIn, RouteMapOut: f.RouteMapOut,
		}
		for _, r := range f.Redistribute {
			part.Redistribute = append(part.Redistribute, routing.Redistribution(r))
		}
		for _, i := range n.Interfaces {
			part.Interfaces = append(part.Interfaces, routing.FabricLink{
				Name: i.Name, Numbered: i.IP.IsValid(), HelloMultiplier: i.HelloMultiplier, NetworkType: i.NetworkType,
			})
		}
		out = append(out, part)
	}
	return out
}
