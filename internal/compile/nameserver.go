package compile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// dnsPort is where name servers listen (RFC 1035, section 4.2).
const dnsPort = 53

// compileNames compiles the node's own DNS server: a view for each zone with a DNS
// zone that no external server has, on the addresses that the node has as gateway of
// the zone, or for DHCP where it is not the gateway.
func compileNames(n *node) *desired.NameServer {
	nets := partNetworks.of(n)
	addresses := [][]desired.Address{nets.out.Addresses, partDHCP.of(n).out.Addresses}
	var s desired.NameServer
	named := map[string][]*model.Binding{} // by zone
	for _, b := range n.bindings {
		if b.Name != "" {
			named[b.Zone] = append(named[b.Zone], b)
		}
	}
	carried := make(map[linkAddr]bool, len(addresses[0])+len(addresses[1]))
	for _, list := range addresses {
		for _, a := range list {
			carried[linkAddr{a.Link, a.Prefix.Addr()}] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.cfg.Zones)) {
		z := n.cfg.Zones[id]
		if z.DNSZone == "" || z.DNS != "" || !z.OnNode(n.name) {
			continue
		}
		if v, ok := n.nameView(nets, z, named[id], carried); ok {
			s.Views = append(s.Views, v)
		}
	}
	if len(s.Views) == 0 {
		return nil
	}
	for _, r := range n.facts.Resolvers {
		if !servedByNode(s.Views, r) {
			s.Forwarders = append(s.Forwarders, netip.AddrPortFrom(r, dnsPort))
		}
	}
	return &s
}

// linkAddr is an address on a link.
type linkAddr struct {
	link string
	addr netip.Addr
}

// servedByNode reports whether an address is one of the name server's own: asking
// itself would never end.
func servedByNode(views []desired.NameView, a netip.Addr) bool {
	return slices.ContainsFunc(views, func(v desired.NameView) bool {
		return slices.ContainsFunc(v.Listen, func(l desired.NameListener) bool { return l.Addr.Addr() == a })
	})
}

// nameView is the DNS view of a zone's guests; ok is false where the node has none of
// the zone's gateways.
func (n *node) nameView(nets *networks, z *model.Zone, bindings []*model.Binding, carried map[linkAddr]bool) (view desired.NameView, ok bool) {
	view = desired.NameView{Zone: z.ID, Domain: strings.ToLower(z.DNSZone), Owner: model.Ref(model.KindZone, z.ID)}
	names := make([]namedAddr, 0, len(bindings)+len(n.vnets[z.ID]))
	var subnets []*model.Subnet
	for _, v := range n.vnets[z.ID] {
		link := nets.guestLink(v.ID)
		for _, s := range n.subnets[v.ID] {
			subnets = append(subnets, s)
			view.Networks = append(view.Networks, s.CIDR.Masked())
			for _, a := range []netip.Addr{serviceAddress, model.DHCPAddress6(s.CIDR)} {
				if servesDNSWithoutGateway(z) && carried[linkAddr{link, a}] {
					view.Listen = append(view.Listen, desired.NameListener{Addr: netip.AddrPortFrom(a, dnsPort), Link: link})
				}
			}
			if !s.Gateway.IsValid() {
				continue
			}
			names = append(names, namedAddr{fullName(v.ID+"-gw", s, z), s.Gateway})
			if carried[linkAddr{link, s.Gateway}] {
				view.Listen = append(view.Listen, desired.NameListener{Addr: netip.AddrPortFrom(s.Gateway, dnsPort), Link: link})
			}
		}
	}
	if len(view.Listen) == 0 {
		if len(subnets) > 0 {
			n.note(LevelWarning, view.Owner, msgNamesNotServed, z.DNSZone, n.name)
		}
		return view, false
	}
	for _, b := range bindings {
		if !isName(b.Name) {
			n.note(LevelWarning, view.Owner, msgNameNotDNS, b.Name, b.ID())
			continue
		}
		for _, ip := range b.IPs {
			s := subnetContaining(n.subnets[b.VNet], ip)
			if s == nil {
				s = subnetContaining(subnets, ip)
			}
			names = append(names, namedAddr{fullName(b.Name, s, z), ip})
		}
	}
	view.Names = nameEntries(names)
	slices.SortFunc(view.Listen, func(a, b desired.NameListener) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Link, b.Link))
	})
	view.Listen = slices.Compact(view.Listen)
	slices.SortFunc(view.Networks, comparePrefixes)
	view.Networks = slices.Compact(view.Networks)
	return view, true
}

// subnetContaining is the subnet that contains an address; nil without one.
func subnetContaining(subnets []*model.Subnet, ip netip.Addr) *model.Subnet {
	for _, s := range subnets {
		if s.CIDR.Contains(ip) {
			return s
		}
	}
	return nil
}

// fullName is a name with the prefix of its subnet and the domain of its zone.
func fullName(name string, s *model.Subnet, z *model.Zone) string {
	if s != nil && s.DNSZonePrefix != "" {
		name += "." + s.DNSZonePrefix
	}
	return strings.ToLower(name + "." + z.DNSZone)
}

// namedAddr is an address of a name.
type namedAddr struct {
	name string
	addr netip.Addr
}

// nameEntries gathers the addresses of each name, and sorts both.
func nameEntries(all []namedAddr) []desired.NameEntry {
	slices.SortFunc(all, func(a, b namedAddr) int {
		return cmp.Or(strings.Compare(a.name, b.name), a.addr.Compare(b.addr))
	})
	all = slices.Compact(all)
	ips := make([]netip.Addr, len(all)) // of all entries
	out := make([]desired.NameEntry, 0, len(all))
	for i, a := range all {
		ips[i] = a.addr
		if last := len(out) - 1; last >= 0 && out[last].Name == a.name {
			from := i - len(out[last].IPs)
			out[last].IPs = ips[from : i+1 : i+1]
			continue
		}
		out = append(out, desired.NameEntry{Name: a.name, IPs: ips[i : i+1 : i+1]})
	}
	return out
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// maxLabel is the longest label of a name, in bytes (RFC 1035, section 2.3.4).
const maxLabel = 63

// isName reports whether a text is one DNS label or several.
func isName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || strings.Trim(label, "-") != label {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return false
			}
		}
	}
	return true
}
