package sector

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// sector completes a sector and derives its objects.
func (p *plan) sector(given *model.Sector) error {
	s := *given
	old := p.before.Sectors[s.ID]
	if old != nil { // it keeps what it has
		s.VNet, s.Backplane, s.Domain = cmp.Or(s.VNet, old.VNet), cmp.Or(s.Backplane, old.Backplane), cmp.Or(s.Domain, old.Domain)
		if s.Backplane == old.Backplane {
			if !s.Address.IsValid() {
				s.Address = old.Address
			}
			if !s.Address6.IsValid() {
				s.Address6 = old.Address6
			}
		}
	}
	s.Domain = cmp.Or(s.Domain, s.ID+"."+model.SectorDomain)
	b, err := p.backplaneOf(&s)
	if err != nil {
		return err
	}
	if err := p.sectorAddresses(&s, b); err != nil {
		return err
	}
	tag := 0
	if s.VNet == "" {
		if tag = p.freeSectorTag(); tag == 0 {
			return problem(&s, "vnet", "", fmt.Sprintf("all tags from %d to %d are used: delete a sector or a vnet that is not needed any more", model.FirstSectorTag, model.LastSectorTag))
		}
		s.VNet = model.SectorVNet(tag)
	}
	p.put(&s)
	p.sectorVNet(&s, b, tag)
	if old != nil {
		p.removeOthers(old.VNet, networks(old), subnetIDs(&s))
		if old.VNet != s.VNet && old.VNet != "" {
			p.removeNetwork(old.VNet)
		}
	}
	return nil
}

// backplaneOf completes the backplane of a sector: the only one that there is.
func (p *plan) backplaneOf(s *model.Sector) (*model.Backplane, error) {
	if s.Backplane == "" {
		var names []string
		for _, o := range p.cfg.List(model.KindBackplane) {
			names = append(names, o.ObjectID())
		}
		switch len(names) {
		case 0:
			return nil, problem(s, "backplane", "", "there is none yet: make one first (viaduct backplane init)")
		case 1:
			s.Backplane = names[0]
		default:
			return nil, problem(s, "backplane", "", "is missing, and there are several: name one of "+strings.Join(names, ", "))
		}
	}
	b := p.cfg.Backplanes[s.Backplane]
	if b == nil {
		return nil, problem(s, "backplane", s.Backplane, "does not exist: make it first (viaduct backplane init)")
	}
	return b, nil
}

// sectorAddresses completes the addresses in the backplane.
func (p *plan) sectorAddresses(s *model.Sector, b *model.Backplane) error {
	for _, f := range []struct {
		field   string
		network netip.Prefix
		address *netip.Addr
	}{{"address", b.CIDR, &s.Address}, {"address6", b.CIDR6, &s.Address6}} {
		if !f.network.IsValid() || f.address.IsValid() {
			continue
		}
		if *f.address = p.freeAddress(f.network, s); !f.address.IsValid() {
			return problem(s, f.field, "", fmt.Sprintf("every address that backplane %s has for sectors is used (%s): delete a sector that is not needed any more, or give the backplane a larger network",
				b.ID, model.SectorAddresses(f.network)))
		}
	}
	return nil
}

// sectorVNet derives the network of a sector; a tag of 0 keeps that of the VNet.
func (p *plan) sectorVNet(s *model.Sector, b *model.Backplane, tag int) {
	p.sectorNetwork(s, b)
	v := model.VNet{ID: s.VNet, Tag: cmp.Or(tag, p.tagOf(s.VNet))}
	if have := p.cfg.VNets[s.VNet]; have != nil {
		v = *have
	}
	if v.Tag == 0 {
		v.Tag = p.freeSectorTag()
	}
	v.Zone, v.Alias = s.VNet, s.Alias
	p.put(&v)
	for _, n := range s.Subnets {
		if !n.CIDR.IsValid() {
			continue // validation refuses it
		}
		sub := model.Subnet{ID: model.SubnetID(s.VNet, n.CIDR)}
		if have := p.cfg.Subnets[sub.ID]; have != nil {
			sub = *have
		}
		sub.CIDR, sub.VNet, sub.Gateway = n.CIDR, s.VNet, n.GatewayAddr()
		p.put(&sub)
	}
}

// sectorNetwork derives the zone of a sector, with tunnels between the members of its backplane.
func (p *plan) sectorNetwork(s *model.Sector, b *model.Backplane) {
	z := model.Zone{ID: s.VNet, Type: model.ZoneVXLAN, IPAM: model.IPAMBuiltin, DHCP: model.DHCPDnsmasq}
	if have := p.cfg.Zones[s.VNet]; have != nil {
		z = *have
	}
	z.Nodes, z.Peers, z.DNSZone = b.Nodes(), addresses(b), s.Domain
	p.put(&z)
}

func networks(s *model.Sector) []netip.Prefix {
	var out []netip.Prefix
	for _, n := range s.Subnets {
		if n.CIDR.IsValid() {
			out = append(out, n.CIDR)
		}
	}
	return out
}

func subnetIDs(s *model.Sector) []string {
	var out []string
	for _, n := range networks(s) {
		out = append(out, model.SubnetID(s.VNet, n))
	}
	return out
}

// all are the configurations with values that are not free.
func (p *plan) all() []*model.Config { return append([]*model.Config{p.cfg}, p.others...) }

// taken reports whether another VNet, or the zone of another VNet, uses a VXLAN network identifier.
func (p *plan) taken(vni int, vnet string) bool {
	for _, c := range p.all() {
		for o := range c.Each(model.KindVNet) {
			if v := o.(*model.VNet); v.Tag == vni && v.ID != vnet {
				return true
			}
		}
		for o := range c.Each(model.KindZone) {
			if z := o.(*model.Zone); z.VRFVXLAN == vni && z.ID != vnet {
				return true
			}
		}
	}
	return false
}

// freeVNI returns the first free VXLAN network identifier from one on, for a VNet or its zone.
func (p *plan) freeVNI(from int, vnet string) int {
	p.chosen = true
	for p.taken(from, vnet) && from < model.MaxTag {
		from++
	}
	return from
}

// freeTag is freeVNI for the tag of a VNet that may exist.
func (p *plan) freeTag(from int, vnet string) int {
	if v := p.cfg.VNets[vnet]; v != nil && v.Tag != 0 {
		return v.Tag
	}
	return p.freeVNI(from, vnet)
}

// tagOf returns the tag that is in the name of a sector's VNet, if it is free; else 0.
func (p *plan) tagOf(vnet string) int {
	tag, err := strconv.Atoi(strings.TrimPrefix(vnet, "olvn"))
	if err != nil || vnet != model.SectorVNet(tag) || tag < model.FirstSectorTag || tag > model.LastSectorTag || p.taken(tag, vnet) {
		return 0
	}
	p.chosen = true
	return tag
}

// freeSectorTag returns the lowest free tag for sectors that also gives a free name; 0 without one.
func (p *plan) freeSectorTag() int {
	p.chosen = true
	used := map[int]bool{}
	named := map[string]bool{}
	for _, c := range p.all() {
		for o := range c.Each(model.KindVNet) {
			used[o.(*model.VNet).Tag], named[o.ObjectID()] = true, true
		}
		for o := range c.Each(model.KindZone) {
			used[o.(*model.Zone).VRFVXLAN], named[o.ObjectID()] = true, true
		}
	}
	for tag := model.FirstSectorTag; tag <= model.LastSectorTag; tag++ {
		if !used[tag] && !named[model.SectorVNet(tag)] {
			return tag
		}
	}
	return 0
}

// freeAddress returns the lowest address of a network that no sector has; it is not valid if
// there is none.
func (p *plan) freeAddress(network netip.Prefix, owner *model.Sector) netip.Addr {
	p.chosen = true
	var used []netip.Addr
	for _, c := range p.all() {
		for o := range c.Each(model.KindSector) {
			if s := o.(*model.Sector); s.ID != owner.ID {
				used = append(used, s.Addresses()...)
			}
		}
	}
	for _, f := range owner.FloatingIPs {
		used = append(used, f.Address)
	}
	slices.SortFunc(used, netip.Addr.Compare)
	r := model.SectorAddresses(network)
	for a := r.Start; r.Contains(a); a = a.Next() {
		if _, taken := slices.BinarySearchFunc(used, a, netip.Addr.Compare); !taken {
			return a
		}
	}
	return netip.Addr{}
}
