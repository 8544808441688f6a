package sector

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// minSlices are the parts that the source ports are divided into at least: a few nodes more
// then need no new division, which would cost connections.
const minSlices = 8

// backplane completes a backplane and derives its objects.
func (p *plan) backplane(given *model.Backplane) error {
	b := *given
	old := p.before.Backplanes[b.ID]
	if err := p.members(&b, old); err != nil {
		return err
	}
	if b.CIDR == (netip.Prefix{}) && b.CIDR6 == (netip.Prefix{}) {
		b.CIDR = model.DefaultBackplaneCIDR
	}
	if old != nil {
		b.Type, b.VNet = cmp.Or(b.Type, old.Type), cmp.Or(b.VNet, old.VNet)
		b.Tag = cmp.Or(b.Tag, old.Tag)
	}
	b.Type, b.VNet = cmp.Or(b.Type, p.backplaneType(&b)), cmp.Or(b.VNet, b.ID)
	b.Tag = cmp.Or(b.Tag, p.freeTag(model.DefaultBackplaneTag, b.VNet))
	if b.Type == model.ZoneEVPN {
		p.controller(&b, old)
	}
	p.put(&b)
	p.backplaneNetwork(&b, old)
	for _, o := range p.cfg.List(model.KindSector) {
		if s := o.(*model.Sector); s.Backplane == b.ID && s.VNet != "" {
			p.sectorNetwork(s, &b)
		}
	}
	return nil
}

// members completes the members: all nodes that have joined unless some are named, each with
// its address and a slice of its own.
func (p *plan) members(b, old *model.Backplane) error {
	b.Members = slices.Clone(b.Members)
	if len(b.Members) == 0 && old != nil {
		b.Members = slices.Clone(old.Members)
	}
	if len(b.Members) == 0 {
		for _, name := range p.nodes.Names() {
			b.Members = append(b.Members, model.BackplaneMember{Node: name})
		}
	}
	if len(b.Members) == 0 {
		return problem(b, "members", "", "no node has joined yet: join the nodes first (viaduct token create, viaduct agent join), or name them")
	}
	if b.Slices == 0 && old != nil {
		b.Slices = old.Slices
	}
	if b.Slices == 0 {
		b.Slices = max(minSlices, 1<<bits.Len(uint(len(b.Members)-1)))
	}
	used := map[int]bool{}
	for i := range b.Members {
		m := &b.Members[i]
		if was := memberOf(old, m.Node); was != nil {
			m.Slice = cmp.Or(m.Slice, was.Slice)
			if !m.Address.IsValid() {
				m.Address = was.Address
			}
		}
		used[m.Slice] = true
	}
	for i := range b.Members {
		m := &b.Members[i]
		for free := 1; m.Slice == 0; free++ {
			if !used[free] {
				m.Slice = free
				used[free] = true
			}
		}
		if !m.Address.IsValid() {
			if m.Address = p.vtep(m.Node); !m.Address.IsValid() {
				return problem(b, fmt.Sprintf("members[%d].address", i), "", fmt.Sprintf("is missing, and node %s has not reported an address for tunnels: "+
					"start its agent (viaduct agent), or give the address at which the other nodes reach it", m.Node))
			}
		}
	}
	if most := slices.Max(slices.Collect(maps.Keys(used))); most > b.Slices && b.Slices > 0 {
		return problem(b, "slices", fmt.Sprint(b.Slices), fmt.Sprintf("is too small for %d members: raise it to %d; connections that sectors have open are lost then, as their ports move",
			len(b.Members), 1<<bits.Len(uint(most-1))))
	}
	return nil
}

func memberOf(b *model.Backplane, node string) *model.BackplaneMember {
	if b == nil {
		return nil
	}
	return b.Member(node)
}

// vtep returns the address of a node for tunnels: as its node object has it, that which is a
// peer of a controller or a zone already, that of the bridge vmbr0, or of the interface with the
// default route.
func (p *plan) vtep(node string) netip.Addr {
	if n := p.cfg.Nodes[node]; n != nil && n.Address.IsValid() {
		return n.Address
	}
	facts, ok := p.nodes.Facts(node)
	if !ok {
		return netip.Addr{}
	}
	for _, a := range p.peers() {
		if facts.HasAddress(a) {
			return a
		}
	}
	names := []string{"vmbr0"}
	for _, r := range facts.Routes {
		if r.Dst.Bits() == 0 {
			names = append(names, r.Dev)
		}
	}
	for _, i := range facts.Interfaces {
		names = append(names, i.Name)
	}
	for _, name := range names {
		if i := facts.Interface(name); i != nil {
			for _, a := range i.Addresses {
				if a := a.Addr(); a.IsGlobalUnicast() && !a.IsLoopback() {
					return a
				}
			}
		}
	}
	return netip.Addr{}
}

// peers returns the peers of all controllers and zones.
func (p *plan) peers() []netip.Addr {
	var out []netip.Addr
	for _, o := range p.cfg.List(model.KindController) {
		out = append(out, o.(*model.Controller).Peers...)
	}
	for _, o := range p.cfg.List(model.KindZone) {
		out = append(out, o.(*model.Zone).Peers...)
	}
	return out
}

// backplaneType is EVPN where all members can have it, or have not reported what they can.
func (p *plan) backplaneType(b *model.Backplane) model.ZoneType {
	for _, m := range b.Members {
		facts, ok := p.nodes.Facts(m.Node)
		if !ok || facts.Features == nil {
			continue
		}
		if vrf, probed := facts.Features[model.FeatureVRF]; probed && !vrf || facts.FRR == nil {
			return model.ZoneVXLAN
		}
	}
	return model.ZoneEVPN
}

// controller completes the EVPN controller of a backplane, and makes or changes it if it is
// the backplane's own.
func (p *plan) controller(b, old *model.Backplane) {
	if old != nil {
		b.Controller, b.ASN, b.VRFVXLAN = cmp.Or(b.Controller, old.Controller), cmp.Or(b.ASN, old.ASN), cmp.Or(b.VRFVXLAN, old.VRFVXLAN)
	}
	if b.Controller == "" {
		var all []string
		for _, o := range p.cfg.List(model.KindController) {
			if c := o.(*model.Controller); c.Type == model.ControllerEVPN {
				all = append(all, c.ID)
			}
		}
		b.Controller = b.VNet
		if len(all) == 1 {
			b.Controller = all[0]
		}
	}
	b.VRFVXLAN = cmp.Or(b.VRFVXLAN, p.freeVNI(model.DefaultBackplaneVRFVXLAN, b.VNet))
	if b.Controller != b.VNet {
		return // adopted as it is
	}
	b.ASN = cmp.Or(b.ASN, model.DefaultBackplaneASN)
	c := model.Controller{ID: b.Controller, Type: model.ControllerEVPN}
	if have := p.cfg.Controllers[b.Controller]; have != nil {
		c = *have
	}
	c.ASN, c.Peers = b.ASN, addresses(b)
	p.put(&c)
}

func addresses(b *model.Backplane) []netip.Addr {
	out := make([]netip.Addr, len(b.Members))
	for i, m := range b.Members {
		out[i] = m.Address
	}
	return out
}

// backplaneNetwork derives the zone, the VNet and the subnets.
func (p *plan) backplaneNetwork(b, old *model.Backplane) {
	// Tenants get no services of the nodes, unless somebody adds some to the zone.
	z := model.Zone{ID: b.VNet, IPAM: model.IPAMBuiltin, DHCP: model.DHCPDnsmasq, NodeServices: []string{model.NodeServicesNone}}
	if have := p.cfg.Zones[b.VNet]; have != nil {
		z = *have
	}
	z.Type, z.Nodes = b.Type, b.Nodes()
	switch b.Type {
	case model.ZoneEVPN:
		z.Peers, z.AnycastGateway = nil, false
		z.Controller, z.VRFVXLAN, z.ExitNodes, z.AdvertiseSubnets = b.Controller, b.VRFVXLAN, b.Nodes(), true
	default:
		z.Peers, z.AnycastGateway = addresses(b), true
		z.Controller, z.VRFVXLAN, z.ExitNodes, z.AdvertiseSubnets = "", 0, nil, false
	}
	p.put(&z)
	v := model.VNet{ID: b.VNet, Alias: "backplane of sectors"}
	if have := p.cfg.VNets[b.VNet]; have != nil {
		v = *have
	}
	v.Zone, v.Tag = b.VNet, b.Tag
	p.put(&v)
	var wanted []string
	for _, n := range b.Networks() {
		s := model.Subnet{ID: model.SubnetID(b.VNet, n.Masked()), DHCPRange: []model.Range{model.BackplaneGuests(n)}}
		if have := p.cfg.Subnets[s.ID]; have != nil {
			s = *have
		}
		s.CIDR, s.VNet, s.Gateway, s.SNAT = n.Masked(), b.VNet, n.Masked().Addr().Next(), !b.Routed
		wanted = append(wanted, s.ID)
		p.put(&s)
	}
	if old != nil {
		p.removeOthers(old.VNet, old.Networks(), wanted)
	}
}

// removeOthers removes the subnets of some networks of a VNet that are not wanted any more.
func (p *plan) removeOthers(vnet string, had []netip.Prefix, wanted []string) {
	for _, n := range had {
		if id := model.SubnetID(vnet, n.Masked()); !slices.Contains(wanted, id) {
			p.remove(model.KindSubnet, id)
		}
	}
}

// removeBackplane removes the objects of a backplane: its own controller too, if no
// other zone has it.
func (p *plan) removeBackplane(b *model.Backplane) {
	if b.VNet == "" {
		return
	}
	p.removeNetwork(b.VNet)
	if b.Controller != b.VNet {
		return
	}
	for _, o := range p.cfg.List(model.KindZone) {
		if slices.Contains(o.(*model.Zone).Controllers(), b.Controller) {
			return
		}
	}
	p.remove(model.KindController, b.Controller)
}
