package compile

import (
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// compileGuestPorts joins the NICs of the node's guests to their VNets.
func compileGuestPorts(n *node) *desired.Space {
	nets := partNetworks.of(n)
	for _, id := range slices.Sorted(maps.Keys(n.guests)) {
		g := n.guests[id]
		owner := model.Ref(model.KindGuest, id)
		for _, nic := range g.NICs {
			if nets.table[nic.VNet].Kind != desired.LinkBridge {
				n.note(LevelError, owner, msgNICVNetNotHere, nic.ID, nic.VNet, n.name)
				continue
			}
			v := n.cfg.VNets[nic.VNet]
			p := desired.Port{
				Names:    naming.GuestPorts(id, nic.ID),
				Bridge:   nic.VNet,
				Isolated: v.IsolatePorts,
				AllVLANs: v.VLANAware,
				Owner:    owner,
			}
			if n.cfg.Zones[v.Zone].BridgeDisableMACLearning {
				mac, ok := model.NormalizeMAC(nic.MAC)
				if !ok {
					n.note(LevelError, owner, msgNICMACNeeded, nic.ID, v.Zone)
					continue
				}
				p.MACs = []string{strings.ToLower(mac)}
			}
			n.out.Ports = append(n.out.Ports, p)
		}
	}
	return n.out
}
