package model

import (
	"maps"
	"slices"
)

// Scope is a part of a configuration: the zones, VNets and subnets with problems that an edit
// of VNets and subnets may change. Create one with Index.Affected.
type Scope struct {
	zones, vnets, subnets map[string]bool
}

// Local reports whether an edit of objects of the kind has a useful Scope; objects of other
// kinds are few, and affect many objects.
func (k Kind) Local() bool { return k == KindVNet || k == KindSubnet }

// Affected adds to a scope, which may be nil, the objects affected by the VNets and subnets of
// edits in their indexed state, and returns it. An edit affects the objects related to it
// before and after: call Affected for both states. cfg is the configuration of the index.
func (x *Index) Affected(cfg *Config, edits []Edit, in *Scope) *Scope {
	if in == nil {
		in = &Scope{zones: map[string]bool{}, vnets: map[string]bool{}, subnets: map[string]bool{}}
	}
	for _, e := range edits {
		switch e.Kind {
		case KindVNet:
			in.vnets[e.ID] = true
			if v := cfg.VNets[e.ID]; v != nil {
				for _, other := range x.tagConflicts(cfg, v) {
					in.vnets[other.ID] = true
				}
			}
			for _, s := range x.subnets[e.ID] {
				x.aroundSubnet(cfg, s, in)
			}
		case KindSubnet:
			in.subnets[e.ID] = true
			if s := cfg.Subnets[e.ID]; s != nil {
				x.aroundSubnet(cfg, s, in)
			}
		default: // not Local
		}
	}
	return in
}

// aroundSubnet adds a subnet, the subnets whose checks compare gateway or network with it, its
// VNet, which may not allow subnets, and its zone, which may have to carry IPv6.
func (x *Index) aroundSubnet(cfg *Config, s *Subnet, in *Scope) {
	in.subnets[s.ID] = true
	in.vnets[s.VNet] = true
	for _, other := range x.sharingGateway(s) {
		in.subnets[other.ID] = true
	}
	zone, ok := x.zoneOf[s.VNet]
	if !ok {
		return
	}
	in.zones[zone] = true
	if s.CIDR.IsValid() {
		for _, inner := range x.inside(zone, s.CIDR.Masked()) {
			in.subnets[inner.subnet.ID] = true
		}
		for _, other := range x.overlapping(cfg, zone, s.CIDR.Masked()) {
			in.subnets[other.ID] = true
		}
	}
}

// tagConflicts returns the VNets with the tag that v must have exclusively, including v.
func (x *Index) tagConflicts(cfg *Config, v *VNet) []*VNet {
	z := cfg.Zones[v.Zone]
	switch {
	case z == nil:
		return nil
	case z.Type == ZoneVLAN || z.Type == ZoneQinQ:
		return x.Tagged(z.ID, v.Tag)
	case !overlay(z.Type) || v.Tag == 0:
		return nil
	}
	var out []*VNet
	for _, other := range x.Tagged("", v.Tag) {
		if z := cfg.Zones[other.Zone]; z != nil && overlay(z.Type) {
			out = append(out, other)
		}
	}
	return out
}

// overlay reports whether the tags of VNets must be unique over all such zones.
func overlay(t ZoneType) bool { return t == ZoneVXLAN || t == ZoneEVPN }

// Validate returns the problems of the objects in the scope, as the function Validate does for
// all. Only the proposed names may differ, since Validate limits their total number. cfg is
// the configuration of the index.
func (x *Index) Validate(cfg *Config, known []string, in *Scope) Problems {
	c := bareChecker(cfg, known)
	if x.routed == nil {
		x.routed = routed(cfg)
	}
	c.subnetsOf, c.hasIPv6, c.l3vnis = x.subnets, x.hasIPv6, x.routed
	zones, vnets, subnets := existing(in.zones, cfg.Zones), existing(in.vnets, cfg.VNets), existing(in.subnets, cfg.Subnets)
	// The objects that these are compared with must be checked too.
	for id := range in.vnets {
		if v := cfg.VNets[id]; v != nil {
			for _, other := range x.tagConflicts(cfg, v) {
				vnets[other.ID] = true
			}
		}
	}
	for id := range in.subnets {
		if s := cfg.Subnets[id]; s != nil {
			x.addCompared(cfg, s, subnets)
		}
	}
	c.kind(byKind[KindZone], sortedKeys(zones))
	c.kind(byKind[KindVNet], sortedKeys(vnets))
	c.kind(byKind[KindSubnet], sortedKeys(subnets))
	return slices.DeleteFunc(c.out, func(p Problem) bool {
		return p.Kind == KindVNet && !in.vnets[p.ID] || p.Kind == KindSubnet && !in.subnets[p.ID]
	})
}

// addCompared adds the subnets that a subnet is compared with.
func (x *Index) addCompared(cfg *Config, s *Subnet, to map[string]bool) {
	for _, other := range x.sharingGateway(s) {
		to[other.ID] = true
	}
	if zone, ok := x.zoneOf[s.VNet]; ok && s.CIDR.IsValid() {
		if outer, ok := x.outer(inZone(zone, s)); ok {
			to[outer.subnet.ID] = true
		}
		for _, other := range x.overlapping(cfg, zone, s.CIDR.Masked()) {
			to[other.ID] = true
		}
	}
}

// existing returns the IDs of a set that exist.
func existing[T any](ids map[string]bool, objects map[string]T) map[string]bool {
	out := maps.Clone(ids)
	maps.DeleteFunc(out, func(id string, _ bool) bool { _, ok := objects[id]; return !ok })
	return out
}
