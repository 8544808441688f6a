package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Resolve finds the ends that a text may mean: a guest ("100", or its name), one of its NICs
// ("100/net0"), an address ("10.0.0.5"), an address in a zone ("z1/10.0.0.5"), a node, or for
// a destination any other address. More than one end is returned for a guest with several
// NICs or addresses, and for an address that several zones have.
func (n *Network) Resolve(text string) ([]Endpoint, error) {
	text = strings.TrimSpace(text)
	zone, ip, isAddress := address(text)
	var out []Endpoint
	for _, e := range n.ends() {
		switch {
		case isAddress && e.IP == ip && (zone == "" || zone == e.Zone),
			!isAddress && n.names(e, text):
			out = append(out, e)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case isAddress && zone == "":
		return []Endpoint{{Kind: KindAddress, IP: ip}}, nil
	case isAddress:
		return nil, fmt.Errorf("%q: no guest of zone %s is known to have the address %s", text, zone, ip)
	case n.Node(text) != nil:
		return []Endpoint{{Kind: KindNode, Node: text}}, nil
	case n.known(text):
		return nil, fmt.Errorf("%q: no address of it is known; give the guest's NIC an address (viaduct address add)", text)
	}
	return nil, fmt.Errorf("%q is no guest, NIC (100/net0), node or address that you may see", text)
}

// address reads "10.0.0.5" or "z1/10.0.0.5".
func address(text string) (zone string, ip netip.Addr, ok bool) {
	if before, after, found := strings.Cut(text, "/"); found {
		zone, text = before, after
	}
	ip, err := netip.ParseAddr(text)
	return zone, ip.Unmap(), err == nil
}

// names reports whether a text is the name of an end's guest or NIC.
func (n *Network) names(e Endpoint, text string) bool {
	guest, nic, hasNIC := strings.Cut(text, "/")
	return (guest == e.Guest || e.Name != "" && guest == e.Name) && (!hasNIC || nic == e.NIC)
}

// known reports whether a text names a guest.
func (n *Network) known(text string) bool {
	guest, _, _ := strings.Cut(text, "/")
	for id, g := range n.Guests {
		if guest == id || g.Name != "" && guest == g.Name {
			return true
		}
	}
	return false
}

// ends are all NICs of guests with each of their addresses, sorted by guest, NIC and address.
func (n *Network) ends() []Endpoint {
	bindings := map[[2]string][]*model.Binding{}
	for _, b := range n.Bindings {
		bindings[[2]string{b.Guest, b.NIC}] = append(bindings[[2]string{b.Guest, b.NIC}], b)
	}
	var out []Endpoint
	for id, g := range n.Guests {
		for _, nic := range g.NICs {
			e := Endpoint{Kind: KindGuest, Guest: id, Name: g.Name, NIC: nic.ID, VNet: nic.VNet, Node: g.Node, MAC: nic.MAC}
			if v := n.Config.VNets[nic.VNet]; v != nil {
				e.Zone = v.Zone
			}
			ips := slices.Clone(nic.IPs)
			for _, b := range bindings[[2]string{id, nic.ID}] {
				ips = append(ips, b.IPs...)
				e.MAC = cmp.Or(e.MAC, b.MAC)
			}
			slices.SortFunc(ips, netip.Addr.Compare)
			for _, ip := range slices.Compact(ips) {
				e.IP = ip
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(a.Guest, b.Guest), cmp.Compare(a.NIC, b.NIC), a.IP.Compare(b.IP))
	})
	return out
}

// Pair chooses the addresses of two ends: those of one family, of one VNet if there is such
// a pair. It fails if one of the texts means several different things.
func (n *Network) Pair(from, to string) (a, b Endpoint, err error) {
	sources, err := n.Resolve(from)
	if err != nil {
		return a, b, fmt.Errorf("from: %w", err)
	}
	targets, err := n.Resolve(to)
	if err != nil {
		return a, b, fmt.Errorf("to: %w", err)
	}
	for field, list := range map[string][]Endpoint{"from": sources, "to": targets} {
		if zones := zonesOf(list); len(zones) > 1 && list[0].IP == list[len(list)-1].IP {
			return a, b, fmt.Errorf("%s: %s is in the zones %s: write one of them before it, like %s/%s", field, list[0].IP, strings.Join(zones, ", "), zones[0], list[0].IP)
		}
	}
	if sources[0].Kind == KindAddress {
		return a, b, fmt.Errorf("from: %s is no address of a guest: a path begins at a guest or a node", sources[0].IP)
	}
	best := -1
	for _, s := range sources {
		for _, t := range targets {
			s, t := n.complete(s, t), n.complete(t, s)
			if !s.IP.IsValid() || !t.IP.IsValid() || s.IP.Is4() != t.IP.Is4() {
				continue
			}
			score := 0
			if s.VNet == t.VNet {
				score += 2
			}
			if s.IP.Is4() {
				score++
			}
			if score > best {
				best, a, b = score, s, t
			}
		}
	}
	if best < 0 {
		return a, b, fmt.Errorf("%s and %s have no addresses of one family (IPv4 or IPv6)", from, to)
	}
	return a, b, nil
}

// complete gives a node the address that it has towards the other end: that of the gateway of
// the other's VNet, or its first one.
func (n *Network) complete(e, other Endpoint) Endpoint {
	if e.Kind != KindNode {
		return e
	}
	if s := n.subnet(other.VNet, other.IP); s != nil && s.Gateway.IsValid() {
		e.IP = s.Gateway
		return e
	}
	at := n.Node(e.Node)
	if at == nil || at.Facts == nil {
		return e
	}
	for _, i := range at.Facts.Interfaces {
		for _, p := range i.Addresses {
			if !p.Addr().IsLoopback() && p.Addr().Is4() == other.IP.Is4() && !p.Addr().IsLinkLocalUnicast() {
				e.IP = p.Addr()
				return e
			}
		}
	}
	return e
}

func zonesOf(list []Endpoint) []string {
	var out []string
	for _, e := range list {
		if e.Zone != "" {
			out = append(out, e.Zone)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
