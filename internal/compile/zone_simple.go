package compile

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// defaultMTU in bytes is that of a network that no underlay narrows. It is set
// though it is the kernel's own: otherwise a bridge would take on the smallest
// MTU among its guests, and keep one that was declared earlier.
const defaultMTU = 1500

// simple compiles a VNet of a simple zone: an isolated bridge on the node that
// carries the subnets' gateway addresses (Proxmox VE SDN manual, "Simple Zones").
func (n *zoneBuilder) simple(z *model.Zone, v *model.VNet) {
	ref := model.Ref(model.KindVNet, v.ID)
	// Where the node is no IPv6 gateway its bridge needs no IPv6 address.
	gateway, gateway6 := false, false
	for _, s := range n.subnets[v.ID] {
		gateway = gateway || s.Gateway.IsValid()
		gateway6 = gateway6 || s.Gateway.Is6()
	}
	mtu := z.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	if !n.bridge(v, mtu, !gateway6) {
		return
	}
	seen := map[netip.Addr]bool{}
	for _, s := range n.subnets[v.ID] {
		owner := model.Ref(model.KindSubnet, s.ID)
		if !s.Gateway.IsValid() {
			if s.SNAT {
				n.note(LevelWarning, owner, msgSNATWithoutGatewayOnNode)
			}
			continue
		}
		if !n.routable(s) {
			continue
		}
		if !seen[s.Gateway] {
			seen[s.Gateway] = true
			n.out.Addresses = append(n.out.Addresses, desired.Address{
				Link: v.ID, Prefix: netip.PrefixFrom(s.Gateway, s.CIDR.Bits()), Owner: owner,
			})
		}
		// Point to point: the gateway may lie outside the network, which
		// therefore needs a route of its own.
		if s.CIDR.Addr().Is4() && s.CIDR.Bits() == 32 {
			n.out.Routes = append(n.out.Routes, desired.Route{Dst: s.CIDR.Masked(), Link: v.ID, Owner: owner})
		}
		n.routed.add(z, v, s)
	}
	if gateway {
		n.needs(ref, model.FeatureNFTNAT)
	}
}
