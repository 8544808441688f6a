package compile

import (
	"cmp"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// forwards are the objects, for each family the first, that make the node route.
type forwards struct{ v4, v6 string }

// add notes that an object makes the node route for an address's family.
func (f *forwards) add(owner string, a netip.Addr) {
	if a.Is4() {
		f.v4 = cmp.Or(f.v4, owner)
	} else {
		f.v6 = cmp.Or(f.v6, owner)
	}
}

// compileForwarding enables forwarding for the families that the node is a gateway for.
// It is a setting of the whole node: a reply enters by an interface that is not
// Viaduct's and is only forwarded if that one forwards too. Enabling forwarding for the
// node enables it for all interfaces, but an operator, or ifupdown2 with ip-forward off,
// may disable it again for one.
func compileForwarding(n *node) *desired.Space {
	fabrics, zones, routing := partFabrics.of(n), &partNetworks.of(n).routed, partRouting.of(n)
	if owner := cmp.Or(fabrics.forwards.v4, zones.forwards.v4, routing.forwards.v4); owner != "" {
		n.sysctl(owner, "net.ipv4.ip_forward", "1")
		n.forwardOn(owner, "net.ipv4.conf.", func(p netip.Prefix) bool { return p.Addr().Is4() })
	}
	owner := cmp.Or(fabrics.forwards.v6, zones.forwards.v6, routing.forwards.v6)
	if owner == "" {
		return n.out
	}
	// A forwarding node drops the default routes that it learned by router
	// advertisement unless accept_ra is 2 (kernel: ip-sysctl), so that comes first.
	for _, i := range n.facts.Interfaces {
		switch {
		case i.AcceptRA == 0 || fabrics.unnumbered[i.Name]:
		case n.reserved(i.Name) != "":
			n.note(LevelWarning, owner, msgAcceptRALost, n.name, i.Name)
		default:
			n.sysctl(owner, "net.ipv6.conf."+sysctlName(i.Name)+".accept_ra", "2")
		}
	}
	n.sysctl(owner, "net.ipv6.conf.all.forwarding", "1")
	n.forwardOn(owner, "net.ipv6.conf.", func(p netip.Prefix) bool { return p.Addr().Is6() })
	return n.out
}

// forwardOn enables forwarding on the interfaces of the node's routes of a family.
func (n *node) forwardOn(owner, conf string, family func(netip.Prefix) bool) {
	done := map[string]bool{}
	for _, r := range n.facts.Routes {
		i := n.interfaceNamed(r.Dev)
		if i == nil || done[i.Name] || !family(r.Dst) || i.Name == "lo" {
			continue
		}
		done[i.Name] = true
		if n.reserved(i.Name) != "" {
			if i.NoForwarding {
				n.note(LevelWarning, owner, msgForwardingReserved,
					n.name, i.Name, conf)
			}
			continue
		}
		n.sysctl(owner, conf+sysctlName(i.Name)+".forwarding", "1")
	}
}

// sysctlName writes an interface name as part of a key: sysctl(8) exchanges
// dots and slashes.
func sysctlName(ifname string) string {
	b := []byte(ifname)
	for i, c := range b {
		if c == '.' {
			b[i] = '/'
		}
	}
	return string(b)
}
