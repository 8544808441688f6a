package interfaces

import (
	"fmt"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// outside are the addresses that represent external networks when Proxmox looks for
// the egress interface, one for each family.
var outside = map[bool]netip.Addr{
	false: netip.MustParseAddr("8.8.8.8"),
	true:  netip.MustParseAddr("2001:4860:4860::8888"),
}

// simple renders a VNet of a simple zone: a bridge without ports that carries
// the subnets' gateways.
func (r *renderer) simple(z *model.Zone, v *model.VNet) {
	var b block
	g := r.gateways(&b, v, true, true)
	if mac := running.LegacyMAC(v); mac != "" {
		b.line("hwaddress %s", mac)
	}
	b.bridge(v, "none", z.MTU)
	b.forward(g)
	r.add(v, map[string]block{v.ID: b}, nil)
}

// families are the families in which a VNet has gateways.
type families struct{ four, six bool }

// gateways adds the addresses of a VNet's subnets. hosts adds the routes to networks with
// one address, snat the rules of subnets with SNAT.
func (r *renderer) gateways(b *block, v *model.VNet, hosts, snat bool) families {
	var f families
	seen := map[string]bool{}
	for _, s := range r.subnets[v.ID] {
		// The family is the gateway's; without one Proxmox uses IPv4.
		gateway := running.Gateway(s)
		six := gateway.IsValid() && gateway.Is6()
		if gateway.IsValid() {
			f.four, f.six = f.four || !six, f.six || six
			if !seen[gateway.Text] {
				seen[gateway.Text] = true
				b.line("address %s/%d", gateway, s.CIDR.Bits())
			}
		}
		if hosts && !six && s.CIDR.Bits() == 32 {
			b.line("up ip route add %s dev %s", schema.Network(s), v.ID)
		}
		if snat && s.SNAT {
			r.snat(b, s, six)
		}
	}
	return f
}

// forward enables routing between the VNet and others.
func (b *block) forward(f families) {
	if f.four {
		b.line("ip-forward on")
	}
	if f.six {
		b.line("ip6-forward on")
	}
}

// snat adds the rules that translate packets to external networks to the node's current
// egress address. The second rule separates the connections that a guest's own firewall
// bridge tracks in a zone from those of the NAT.
func (r *renderer) snat(b *block, s *model.Subnet, six bool) {
	hop, ok := r.facts.RouteTo(outside[six])
	if !ok || !hop.Src.IsValid() {
		r.warn(model.KindSubnet, s.ID, "snat", "", fmt.Sprintf(
			"is left out, as Proxmox does: the facts of node %s have no route with a source address to %s", r.facts.Node, outside[six]))
		return
	}
	if !interfaces.PlainName(hop.Dev) {
		r.refuse(model.KindSubnet, s.ID, "snat", "", fmt.Sprintf("is left out: the interface name %q on the way out is not safe in a command line", hop.Dev))
		return
	}
	iptables := "iptables"
	if six {
		iptables = "ip6tables"
	} else if s.CIDR.Addr().Is6() {
		r.warn(model.KindSubnet, s.ID, "snat", "",
			"has no effect: without a gateway Proxmox takes the subnet for IPv4, and iptables will refuse it; set a gateway")
	}
	rule := func(when, table, change, rule string) {
		b.line("%s %s -t %s %s %s", when, iptables, table, change, rule)
	}
	source := fmt.Sprintf("POSTROUTING -s '%s' -o %s -j SNAT --to-source %s", schema.Network(s), hop.Dev, hop.Src)
	rule("post-up", "nat", "-A", source)
	rule("post-down", "nat", "-D", source)
	const track = "PREROUTING -i fwbr+ -j CT --zone 1"
	rule("post-up", "raw", "-I", track)
	rule("post-down", "raw", "-D", track)
}
