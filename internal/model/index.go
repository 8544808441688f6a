package model

import (
	"cmp"
	"net/netip"
	"slices"
)

// Index finds related VNets and subnets of a configuration without a scan over all of them. It
// is kept alongside a configuration: every change of the configuration must be passed to
// Replace. Create one with NewIndex.
type Index struct {
	// zoneOf is the zone of each VNet.
	zoneOf map[string]string
	// tagged are the VNets by zone and tag, sorted by ID, and under the zone "" those of
	// all zones; 0 means no tag and is kept only under a zone.
	tagged map[tagKey][]*VNet
	// subnets are the subnets of each VNet, existing or not, sorted by ID.
	subnets map[string][]*Subnet
	// gateways are the subnets by VNet and gateway, sorted by ID.
	gateways map[gatewayKey][]*Subnet
	// placed are the subnets of existing VNets, in the order of zonedSubnet.compare.
	placed []zonedSubnet
	// routed are the zones by L3VNI; nil until first needed.
	routed map[int]*Zone
}

type gatewayKey struct {
	vnet string
	addr netip.Addr
}

type tagKey struct {
	zone string
	tag  int
}

// NewIndex returns the index of a configuration. Its cost is O(n log n) in the number of VNets
// and subnets.
func NewIndex(cfg *Config) *Index {
	x := &Index{
		zoneOf:   make(map[string]string, len(cfg.VNets)),
		tagged:   make(map[tagKey][]*VNet),
		subnets:  make(map[string][]*Subnet),
		gateways: make(map[gatewayKey][]*Subnet),
	}
	for _, id := range sortedKeys(cfg.VNets) {
		v := cfg.VNets[id]
		x.zoneOf[id] = v.Zone
		for _, k := range tagKeys(v) {
			x.tagged[k] = append(x.tagged[k], v)
		}
	}
	for _, id := range sortedKeys(cfg.Subnets) {
		s := cfg.Subnets[id]
		x.subnets[s.VNet] = append(x.subnets[s.VNet], s)
		if k, ok := gatewayOf(s); ok {
			x.gateways[k] = append(x.gateways[k], s)
		}
		if zone, ok := x.zoneOf[s.VNet]; ok && s.CIDR.IsValid() {
			x.placed = append(x.placed, inZone(zone, s))
		}
	}
	slices.SortFunc(x.placed, zonedSubnet.compare)
	return x
}

func tagKeys(v *VNet) []tagKey {
	var out []tagKey
	if v.Zone != "" {
		out = append(out, tagKey{v.Zone, v.Tag})
	}
	if v.Tag != 0 {
		out = append(out, tagKey{"", v.Tag})
	}
	return out
}

// gatewayOf returns the key of a subnet in Index.gateways; ok is false without a gateway.
func gatewayOf(s *Subnet) (gatewayKey, bool) {
	return gatewayKey{s.VNet, s.Gateway}, s.Gateway.IsValid()
}

// sharingGateway returns the subnets of s's VNet with the same gateway, including s if it is
// in the index.
func (x *Index) sharingGateway(s *Subnet) []*Subnet {
	k, ok := gatewayOf(s)
	if !ok {
		return nil
	}
	return x.gateways[k]
}

func inZone(zone string, s *Subnet) zonedSubnet {
	return zonedSubnet{zone: zone, prefix: s.CIDR.Masked(), subnet: s}
}

// Tagged returns the VNets of a zone with the tag (0 for none), sorted by ID; with an empty
// zone those of all zones, where the tag must not be 0.
func (x *Index) Tagged(zone string, tag int) []*VNet { return x.tagged[tagKey{zone, tag}] }

// Subnets returns the subnets of a VNet, sorted by ID.
func (x *Index) Subnets(vnet string) []*Subnet { return x.subnets[vnet] }

// maxIncremental is the number of changes up to which single insertions in the sorted list are
// cheaper than to rebuild it.
const maxIncremental = 64

// Follow updates the index from one configuration to another. Shared objects cost little.
func (x *Index) Follow(from, to *Config) {
	type change struct{ old, new Object }
	var changes []change
	for _, k := range []Kind{KindZone, KindVNet, KindSubnet} {
		for o := range from.Each(k) {
			if n := to.Get(k, o.ObjectID()); n != o {
				changes = append(changes, change{o, n})
			}
		}
		for n := range to.Each(k) {
			if from.Get(k, n.ObjectID()) == nil {
				changes = append(changes, change{nil, n})
			}
		}
	}
	if len(changes) > maxIncremental {
		*x = *NewIndex(to)
		return
	}
	for _, c := range changes {
		x.Replace(c.old, c.new)
	}
}

// Replace records that an object of any kind replaces another; nil means none.
func (x *Index) Replace(old, new Object) {
	x.routed = keptRouted(x.routed, old, new)
	from, wasVNet := old.(*VNet)
	to, isVNet := new.(*VNet)
	if wasVNet && isVNet && from.ID == to.ID && from.Zone == to.Zone {
		x.retag(from, to) // its subnets keep their places
		return
	}
	if wasVNet {
		x.removeVNet(from)
	}
	if s, ok := old.(*Subnet); ok {
		x.removeSubnet(s)
	}
	switch o := new.(type) {
	case *VNet:
		x.addVNet(o)
	case *Subnet:
		x.addSubnet(o)
	}
}

// keptRouted returns routed, or nil if one of the objects is a zone.
func keptRouted(routed map[int]*Zone, objects ...Object) map[int]*Zone {
	for _, o := range objects {
		if _, ok := o.(*Zone); ok {
			return nil
		}
	}
	return routed
}

// retag replaces a VNet by another of the same name and zone.
func (x *Index) retag(from, to *VNet) {
	for _, k := range tagKeys(from) {
		drop(x.tagged, k, from)
	}
	for _, k := range tagKeys(to) {
		x.tagged[k] = insert(x.tagged[k], to, byID)
	}
}

func (x *Index) addVNet(v *VNet) {
	for _, k := range tagKeys(v) {
		x.tagged[k] = insert(x.tagged[k], v, byID)
	}
	x.zoneOf[v.ID] = v.Zone
	subnets := x.subnets[v.ID]
	if len(subnets) <= maxIncremental {
		for _, s := range subnets {
			x.place(v.Zone, s)
		}
		return
	}
	for _, s := range subnets {
		if s.CIDR.IsValid() {
			x.placed = append(x.placed, inZone(v.Zone, s))
		}
	}
	slices.SortFunc(x.placed, zonedSubnet.compare)
}

func (x *Index) removeVNet(v *VNet) {
	for _, k := range tagKeys(v) {
		drop(x.tagged, k, v)
	}
	delete(x.zoneOf, v.ID)
	subnets := x.subnets[v.ID]
	if len(subnets) <= maxIncremental {
		for _, s := range subnets {
			x.displace(v.Zone, s)
		}
		return
	}
	x.placed = slices.DeleteFunc(x.placed, func(e zonedSubnet) bool { return e.subnet.VNet == v.ID })
}

func (x *Index) addSubnet(s *Subnet) {
	x.subnets[s.VNet] = insert(x.subnets[s.VNet], s, byID)
	if k, ok := gatewayOf(s); ok {
		x.gateways[k] = insert(x.gateways[k], s, byID)
	}
	if zone, ok := x.zoneOf[s.VNet]; ok {
		x.place(zone, s)
	}
}

func (x *Index) removeSubnet(s *Subnet) {
	drop(x.subnets, s.VNet, s)
	if k, ok := gatewayOf(s); ok {
		drop(x.gateways, k, s)
	}
	if zone, ok := x.zoneOf[s.VNet]; ok {
		x.displace(zone, s)
	}
}

func (x *Index) place(zone string, s *Subnet) {
	if s.CIDR.IsValid() {
		x.placed = insert(x.placed, inZone(zone, s), zonedSubnet.compare)
	}
}

func (x *Index) displace(zone string, s *Subnet) {
	if !s.CIDR.IsValid() {
		return
	}
	if i, ok := slices.BinarySearchFunc(x.placed, inZone(zone, s), zonedSubnet.compare); ok {
		x.placed = slices.Delete(x.placed, i, i+1)
	}
}

func byID[T Object](a, b T) int { return cmp.Compare(a.ObjectID(), b.ObjectID()) }

// insert adds to a sorted list, replacing an equal item.
func insert[T any](list []T, o T, order func(a, b T) int) []T {
	i, there := slices.BinarySearchFunc(list, o, order)
	if there {
		list[i] = o
		return list
	}
	return slices.Insert(list, i, o)
}

// drop removes an object from the list of a key.
func drop[K comparable, T Object](lists map[K][]T, k K, o T) {
	list := lists[k]
	i, there := slices.BinarySearchFunc(list, o, byID)
	switch {
	case !there:
	case len(list) == 1:
		delete(lists, k)
	default:
		lists[k] = slices.Delete(list, i, i+1)
	}
}

// inside returns the placed subnets of a zone that lie in a network.
func (x *Index) inside(zone string, p netip.Prefix) []zonedSubnet {
	first := x.at(zone, p)
	last := first
	for last < len(x.placed) && x.placed[last].zone == zone && p.Contains(x.placed[last].prefix.Addr()) {
		last++
	}
	return x.placed[first:last]
}

// at returns the position, in placed, of the first subnet with the network, or where it would
// be inserted.
func (x *Index) at(zone string, p netip.Prefix) int {
	i, _ := slices.BinarySearchFunc(x.placed, zonedSubnet{zone: zone, prefix: p, subnet: &Subnet{}}, zonedSubnet.compare)
	return i
}

// outer returns the innermost placed subnet that contains s; among those with the same network
// the one before it.
func (x *Index) outer(s zonedSubnet) (zonedSubnet, bool) {
	i, _ := slices.BinarySearchFunc(x.placed, s, zonedSubnet.compare)
	for bits := s.prefix.Bits(); bits >= 0; bits-- {
		p, err := s.prefix.Addr().Prefix(bits)
		if err != nil {
			continue
		}
		if bits < s.prefix.Bits() {
			// The last subnet with the network precedes the first with a longer one.
			i, _ = slices.BinarySearchFunc(x.placed, p, func(e zonedSubnet, p netip.Prefix) int {
				if c := cmp.Or(cmp.Compare(e.zone, s.zone), e.prefix.Addr().Compare(p.Addr()), cmp.Compare(e.prefix.Bits(), p.Bits())); c != 0 {
					return c
				}
				return -1
			})
		}
		if i > 0 && x.placed[i-1].zone == s.zone && x.placed[i-1].prefix == p {
			return x.placed[i-1], true
		}
	}
	return zonedSubnet{}, false
}

// hasIPv6 reports whether a zone has an IPv6 subnet. IPv6 subnets sort after IPv4.
func (x *Index) hasIPv6(zone string) bool {
	i, _ := slices.BinarySearchFunc(x.placed, zone, func(e zonedSubnet, zone string) int {
		if e.zone == zone {
			return -1
		}
		return cmp.Compare(e.zone, zone)
	})
	return i > 0 && x.placed[i-1].zone == zone && x.placed[i-1].prefix.Addr().Is6()
}
