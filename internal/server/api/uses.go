package api

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// use is one of the privileges that let somebody refer to an object from one of their own,
// in words of Proxmox VE: SDN.Use is what guests need to join a VNet. Proxmox VE itself
// takes no privilege on what a zone refers to.
var use = []access.Privilege{access.SDNUse, access.SDNAllocate}

// localnetwork is the zone that Proxmox VE takes the nodes' own bridges to be in, for
// permissions on them.
const localnetwork = "localnetwork"

// usesOn says for the documentation what uses works out.
var usesOn = map[model.Kind]string{
	model.KindZone: "for what the zone newly refers to SDN.Use or SDN.Allocate on /sdn/ipams/{ipam} (not for the built-in one), /sdn/dns/{dns} and {reversedns}, " +
		"/sdn/controllers/{controller}, /sdn/fabrics/{fabric}, and for a bridge on /sdn/zones/localnetwork/{bridge}",
	model.KindController: "for what it newly refers to SDN.Use or SDN.Allocate on /sdn/fabrics/{fabric} and /sdn/route-maps",
	model.KindFabric:     "for what it newly refers to SDN.Use or SDN.Allocate on /sdn/route-maps and /sdn/prefix-lists",
	model.KindRouteMap:   "for prefix lists that it newly refers to SDN.Use or SDN.Allocate on /sdn/prefix-lists",
}

// UsesOn says what it takes that an object of a kind refers to others; empty for nothing.
func UsesOn(k model.Kind) string { return usesOn[k] }

// uses are the paths of what an object refers to, each of which takes a privilege.
func uses(o model.Object) []string {
	var out []string
	add := func(path string, names ...string) {
		for _, name := range names {
			if name != "" {
				out = append(out, below(path, name))
			}
		}
	}
	whole := func(path string, names ...string) {
		for _, name := range names {
			if name != "" {
				out = append(out, path)
			}
		}
	}
	switch o := o.(type) {
	case *model.Zone:
		if o.IPAM != model.IPAMBuiltin {
			add(pathIPAMs, o.IPAM)
		}
		add(pathDNS, o.DNS, o.ReverseDNS)
		add(pathControllers, o.Controllers()...)
		add(pathFabrics, o.Fabric)
		add(below(pathZones, localnetwork), o.Bridge)
	case *model.Controller:
		add(pathFabrics, o.Fabric)
		whole(pathRouteMaps, o.RouteMapIn, o.RouteMapOut)
	case *model.Fabric:
		whole(pathRouteMaps, o.RouteMapIn, o.RouteMapOut)
		for _, r := range o.Redistribute {
			whole(pathRouteMaps, r.RouteMap)
		}
		whole(pathPrefixLists, o.RouteFilter)
	case *model.RouteMap:
		whole(pathPrefixLists, o.PrefixLists()...)
	}
	return out
}

// NewUses are the paths of what an object newly refers to, on each of which one of the
// privileges is needed. Whatever it referred to before takes nothing, so that those who
// look after an object need no more than whoever set it up. Old is nil for a new one.
func NewUses(old, new model.Object) (paths []string, anyOf []access.Privilege) {
	paths = uses(new)
	if old != nil {
		before := uses(old)
		paths = slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(before, p) })
	}
	return paths, use
}

// useRights are what it takes that an object refers to what it newly does.
func useRights(old, new model.Object) []right {
	paths, anyOf := NewUses(old, new)
	return convert(paths, func(path string) right { return right{path, anyOf} })
}
