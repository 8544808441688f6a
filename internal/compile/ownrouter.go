package compile

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// besideOwnRouter leaves out what needs a BGP router of another AS number than that of the
// router which the node's operator has configured: FRR has one outside VRFs.
func (n *node) besideOwnRouter(i *routing.Intent) {
	if n.facts.FRR == nil || n.facts.FRR.ASN == 0 {
		return
	}
	own, asn := uint32(n.facts.FRR.ASN), i.RouterASN()
	for _, f := range i.Fabrics {
		if asn == 0 && f.Protocol == routing.BGPFabric {
			asn = f.ASN
		}
	}
	if asn == 0 || asn == own {
		return
	}
	refuse := func(owner string) bool {
		n.noteOf(fault.Foreign, LevelError, owner, msgBGPRouterConflict, n.name, asn, own)
		return true
	}
	i.Controllers = slices.DeleteFunc(i.Controllers, func(c routing.Controller) bool {
		switch c := c.(type) {
		case routing.EVPN:
			return refuse(c.Owner)
		case routing.BGP:
			return refuse(c.Owner)
		}
		return false
	})
	i.Fabrics = slices.DeleteFunc(i.Fabrics, func(f routing.Fabric) bool { return f.Protocol == routing.BGPFabric && refuse(f.Owner) })
	for _, z := range i.Zones {
		n.noteOf(fault.Consequence, LevelError, z.Owner, msgZoneNotRouted, n.name, z.Controller)
	}
	i.Zones = nil
}
